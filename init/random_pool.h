/* SPDX-License-Identifier: MIT */
/* The kernel's random pool, which guests from one image or one snapshot must not share. */
#ifndef INIT_RANDOM_POOL_H
#define INIT_RANDOM_POOL_H

/*
 * Mix 64 bytes of /dev/hwrng into the random pool and credit them, then make the kernel's generator
 * take a new key from the pool (random(4): RNDADDENTROPY, RNDRESEEDCRNG). Returns 0; -ENOENT when
 * there is no hwrng and only the clock was mixed in, without credit; another -errno.
 */
int random_pool_reseed(void);

enum random_seed {
	RANDOM_SEED_NONE, /* there is none, or this boot has used it */
	RANDOM_SEED_NEW,  /* mixed in and credited */
	RANDOM_SEED_OLD,  /* an earlier boot has used it: mixed in, not credited */
};

/*
 * Do the same with the file `path`, at most 512 bytes, which the host has made for this guest. A
 * boot uses the same bytes only once. A hash (64 bits) of bytes that were credited stays in the
 * file `note` for later boots; with a root that does not last each boot is the first. No copy stays
 * in memory. Sets `error` to 0, also without such a file, or -errno.
 */
enum random_seed random_pool_use_seed(const char *path, const char *note, int *error);

#endif
