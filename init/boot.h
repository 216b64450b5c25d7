/* SPDX-License-Identifier: MIT */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

#include "init/guest.h"

/*
 * Run the whole boot, in order. A step that fails is logged, and boot goes on. On return the
 * services are started and the loop has all its sources.
 */
void boot(struct guest *g);

/*
 * Without an event loop PID 1 cannot work, but if it ended, the kernel would panic: say so, and
 * wait for a second, after which the caller tries again.
 */
void boot_wait_for_loop(int err);

#endif
