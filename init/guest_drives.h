/* SPDX-License-Identifier: MIT */
/* The drives that the host attaches, found and mounted. */
#ifndef INIT_GUEST_DRIVES_H
#define INIT_GUEST_DRIVES_H

#include "init/guest.h"

/* Find the config, secrets and data drives, and mount them. Failures are logged. */
void guest_drives_mount(struct guest *g);

/*
 * Mount the directories that the host shares and names on the kernel command line: mvm.workdir=PATH
 * and mvm.datadir=PATH, tags "workdir" and "datadir" of virtiofs. Failures are logged.
 */
void guest_drives_mount_shares(const struct guest *g);

/*
 * Copy the secrets drive to /mnt/secrets, or refresh the copy. Problems are told to `report`.
 * Returns 0, also without a drive, or -errno.
 */
int guest_drives_copy_secrets(struct guest *g, const struct reporter *report);

/*
 * Mount the config drive again, with what the host has put on it since. Returns 0, also without a
 * drive, or -errno with `p`.
 */
int guest_drives_remount_config(struct guest *g, struct problem *p);

/*
 * Use the file "random-seed" of the config drive, once, and give the guest a new machine ID then.
 * Returns 1 when it was used, 0 when there is none or it was used before, or -errno.
 */
int guest_drives_use_seed(struct guest *g);

#endif
