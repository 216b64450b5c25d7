/* SPDX-License-Identifier: MIT */
/* What a restored snapshot has got wrong, as far as the kernel lets us mend it. */
#ifndef INIT_WAKE_H
#define INIT_WAKE_H

/*
 * Set the wall clock from /dev/ptp0, the host's clock as KVM offers it. Returns 0; -ENOENT when
 * there is no such clock, and the time was left alone; another -errno.
 */
int wake_set_clock(void);

/*
 * Mix 64 bytes of /dev/hwrng into the random pool and credit them, then make the kernel's generator
 * take a new key from the pool (random(4): RNDADDENTROPY, RNDRESEEDCRNG), so that guests from one
 * snapshot do not share their future. Returns 0; -ENOENT when there is no hwrng: then the clock
 * alone was mixed in, uncredited; another -errno.
 */
int wake_reseed(void);

#endif
