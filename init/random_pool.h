/* SPDX-License-Identifier: MIT */
/* The kernel's random pool, which guests from one image or one snapshot must not share. */
#ifndef INIT_RANDOM_POOL_H
#define INIT_RANDOM_POOL_H

#include <stdbool.h>

/*
 * Mix 64 bytes of /dev/hwrng into the random pool and credit them, then make the kernel's generator
 * take a new key from the pool (random(4): RNDADDENTROPY, RNDRESEEDCRNG). Returns 0; -ENOENT when
 * there is no hwrng and only the clock was mixed in, without credit; another -errno.
 */
int random_pool_reseed(void);

/*
 * Do the same with the file `path`, at most 512 bytes, which the host has made for this guest. The
 * same bytes are used only once; `is_used` says whether they were used now. No copy stays in
 * memory. Returns 0, also without such a file, or -errno.
 */
int random_pool_use_seed(const char *path, bool *is_used);

#endif
