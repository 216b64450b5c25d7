/* SPDX-License-Identifier: MIT */
/* The wall clock, of a guest that was restored from a snapshot or whose host knows better. */
#ifndef INIT_RESTORE_CLOCK_H
#define INIT_RESTORE_CLOCK_H

#include <stdint.h>

/*
 * Set the wall clock from /dev/ptp0, through which KVM offers the host's clock. Returns 0; -ENOENT
 * when there is no such device (the clock is not changed); another -errno.
 */
int restore_clock_set(void);

/* Set it to `secs` seconds and `nanos` nanoseconds since 1970. Returns 0 or -errno. */
int restore_clock_set_to(uint64_t secs, uint64_t nanos);

#endif
