/* SPDX-License-Identifier: MIT */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

#include "init/guest.h"

/*
 * The whole boot, in order. A step that fails is logged, and boot goes on. Afterwards services are
 * started and the loop has all its sources. Returns 0, or -errno when there is no event loop to go
 * on with.
 */
int boot(struct guest *g);

/* Mount the secrets drive, or refresh what is mounted. Problems are told to `report`. Returns 0 or
 * -errno. */
int mount_secrets(struct guest *g, const struct reporter *report);

/* Read /mnt/config/mvm-env.env in place of what was read before. */
void read_override_environment(struct guest *g, const struct reporter *report);

/*
 * Read /etc/mvm/services.d again, and start, stop and restart what has changed there; the agent
 * reads its files again, too. Returns 0, -ESHUTDOWN when the guest goes down, or another -errno
 * when the directory cannot be read.
 */
int boot_reload_services(struct guest *g);

#endif
