/* SPDX-License-Identifier: MIT */
/* Reading changed service files in a running guest. */
#ifndef INIT_RELOAD_H
#define INIT_RELOAD_H

#include "init/guest.h"

#define SERVICES_DIR "/etc/mvm/services.d"

/* Read passwd(5) and group(5). If one cannot be read, that is logged, and the next reload tries
 * again. */
void reload_accounts(struct guest *g);

/*
 * Read SERVICES_DIR again, and start, stop and restart services as their files have changed. Tell
 * the agent to read its files again, too. Returns 0, -ESHUTDOWN when the guest is shutting down, or
 * another -errno when the directory cannot be read.
 */
int reload_services(struct guest *g);

#endif
