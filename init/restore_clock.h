/* SPDX-License-Identifier: MIT */
/* What is wrong in a restored snapshot: the time, and random numbers that its clones share. */
#ifndef INIT_RESTORE_CLOCK_H
#define INIT_RESTORE_CLOCK_H

/*
 * Set the wall clock from /dev/ptp0, the host's clock as KVM offers it. Returns 0; -ENOENT when
 * there is no such clock, and the time was left alone; another -errno.
 */
int restore_clock_set(void);

/*
 * Mix 64 bytes of /dev/hwrng into the random pool and credit them, then make the kernel's generator
 * take a new key from the pool (random(4): RNDADDENTROPY, RNDRESEEDCRNG), so that guests from one
 * snapshot do not share their future. Returns 0; -ENOENT when there is no hwrng: then the clock
 * alone was mixed in, uncredited; another -errno.
 */
int restore_clock_reseed(void);

#endif
