/* SPDX-License-Identifier: MIT */
/* The wall clock of a guest that was restored from a snapshot. */
#ifndef INIT_RESTORE_CLOCK_H
#define INIT_RESTORE_CLOCK_H

/*
 * Set the wall clock from /dev/ptp0, the host's clock as KVM offers it. Returns 0; -ENOENT when
 * there is no such clock, and the time was left alone; another -errno.
 */
int restore_clock_set(void);

#endif
