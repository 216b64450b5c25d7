/* SPDX-License-Identifier: MIT */
/* Finding and mounting the drives that the host attaches. */
#ifndef INIT_GUEST_DRIVES_H
#define INIT_GUEST_DRIVES_H

#include "init/guest.h"

/* Find the config, secrets and data drives, and mount them. Failures are logged. */
void guest_drives_mount(struct guest *g);

/*
 * Mount the shared directories that the host names on the kernel command line: mvm.workdir=PATH and
 * mvm.datadir=PATH, virtiofs tags "workdir" and "datadir". Failures are logged.
 */
void guest_drives_mount_shares(const struct guest *g);

/*
 * Copy the secrets drive to /mnt/secrets, or refresh the copy. Problems are told to `report`.
 * Returns 0, also without a drive, or -errno.
 */
int guest_drives_copy_secrets(struct guest *g, const struct reporter *report);

/*
 * Mount the config drive again, with the host's latest contents. Returns 0, also without a drive,
 * or -errno with `p`.
 */
int guest_drives_remount_config(struct guest *g, struct problem *p);

/*
 * Mix the file "random-seed" of the config drive into the random pool, and make a new machine ID.
 * Each seed is used once. Returns 1 when it was used, 0 when there is no new seed, or -errno.
 */
int guest_drives_use_seed(struct guest *g);

#endif
