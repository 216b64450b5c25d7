/* SPDX-License-Identifier: MIT */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

#include "init/guest.h"

/*
 * Run the whole boot, in order. A step that fails is logged, and boot goes on. On return the
 * services are started and the loop has all its sources. Returns 0, or -errno when there is no
 * event loop.
 */
int boot(struct guest *g);

#endif
