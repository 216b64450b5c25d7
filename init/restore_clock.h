/* SPDX-License-Identifier: MIT */
/* The wall clock of a guest that was restored from a snapshot. */
#ifndef INIT_RESTORE_CLOCK_H
#define INIT_RESTORE_CLOCK_H

/*
 * Set the wall clock from /dev/ptp0, through which KVM offers the host's clock. Returns 0; -ENOENT
 * when there is no such device (the clock is not changed); another -errno.
 */
int restore_clock_set(void);

#endif
