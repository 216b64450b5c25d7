/* SPDX-License-Identifier: MIT */
#include "init/random_pool.h"

#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HARDWARE_BYTES 64
#define SEED_BYTES     512

union pool {
	struct rand_pool_info info;
	unsigned char space[sizeof(struct rand_pool_info) + SEED_BYTES];
};

static unsigned char *bytes_of(union pool *p)
{
	return p->space + offsetof(struct rand_pool_info, buf);
}

/* Mix in `len` bytes and wipe them. Returns 0 or -errno. */
static int mix(union pool *p, int len, bool is_credited)
{
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC), err = 0;

	p->info.buf_size = len;
	p->info.entropy_count = is_credited ? len * 8 : 0;
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &p->info) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	explicit_bzero(p, sizeof(*p));
	return err;
}

/* Returns the number of bytes read at once, or -errno. */
static ssize_t read_some(const char *path, unsigned char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, bytes, size);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

int random_pool_reseed(void)
{
	union pool pool = { .space = { 0 } };
	ssize_t got = read_some("/dev/hwrng", bytes_of(&pool), HARDWARE_BYTES);
	struct timespec now[2];
	int err;

	if (got > 0)
		return mix(&pool, (int)got, true);
	clock_gettime(CLOCK_REALTIME, &now[0]);
	clock_gettime(CLOCK_MONOTONIC, &now[1]);
	memcpy(bytes_of(&pool), now, sizeof(now));
	err = mix(&pool, HARDWARE_BYTES, false);
	/* ENODEV: the device node exists without hardware. */
	return err != 0 ? err : got == 0 || got == -ENODEV ? -ENOENT : (int)got;
}

int random_pool_use_seed(const char *path, bool *is_used)
{
	static uint64_t used;
	union pool pool = { .space = { 0 } };
	ssize_t got = read_some(path, bytes_of(&pool), SEED_BYTES);
	/* A hash recognizes the bytes, but they cannot be computed from it. */
	uint64_t now = strings_hash_bytes(bytes_of(&pool), got > 0 ? (size_t)got : 0);
	int err;

	*is_used = false;
	if (got <= 0 || now == used) {
		explicit_bzero(&pool, sizeof(pool));
		return got == -ENOENT || got >= 0 ? 0 : (int)got;
	}
	err = mix(&pool, (int)got, true);
	*is_used = err == 0;
	if (err == 0)
		used = now;
	return err;
}
