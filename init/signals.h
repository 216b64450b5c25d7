/* SPDX-License-Identifier: MIT */
/* The signals that PID 1 acts on. */
#ifndef INIT_SIGNALS_H
#define INIT_SIGNALS_H

#include "init/guest.h"

/*
 * Block every signal and read the ones of the table in signals.c through signalfd(2) in the loop.
 * Returns 0 or -errno.
 */
int signals_open(struct guest *g);

#endif
