/* SPDX-License-Identifier: MIT */
#include "init/restore_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SEED_BYTES 64

/* clock_gettime(2), "Dynamic clocks". */
static clockid_t clock_of_fd(int fd)
{
	return (~(clockid_t)fd << 3) | 3;
}

int restore_clock_set(void)
{
	int fd = open("/dev/ptp0", O_RDONLY | O_CLOEXEC), err = 0;
	struct timespec now;

	if (fd < 0)
		return errno == ENODEV || errno == ENXIO ? -ENOENT : -errno;
	if (clock_gettime(clock_of_fd(fd), &now) != 0 || clock_settime(CLOCK_REALTIME, &now) != 0)
		err = -errno;
	close(fd);
	return err;
}

/* Returns the number of bytes, or -errno; -ENOENT when there is no generator. */
static ssize_t read_hwrng(unsigned char *bytes, size_t size)
{
	int fd = open("/dev/hwrng", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	n = read(fd, bytes, size);
	if (n < 0)
		n = errno == ENODEV ? -ENOENT
				    : -errno; /* the device is there, and nothing behind it */
	close(fd);
	return n;
}

int restore_clock_reseed(void)
{
	union {
		struct rand_pool_info info;
		unsigned char space[sizeof(struct rand_pool_info) + SEED_BYTES];
	} pool = { .space = { 0 } };
	unsigned char *bytes = (unsigned char *)pool.info.buf;
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC), err = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read_hwrng(bytes, SEED_BYTES);
	if (got <= 0) {
		struct timespec now[2];

		clock_gettime(CLOCK_REALTIME, &now[0]);
		clock_gettime(CLOCK_MONOTONIC, &now[1]);
		memcpy(bytes, now, sizeof(now));
	}
	pool.info.buf_size = got > 0 ? (int)got : SEED_BYTES;
	pool.info.entropy_count = got > 0 ? (int)got * 8 : 0;
	if (ioctl(fd, RNDADDENTROPY, &pool.info) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0)
		err = -errno;
	close(fd);
	memset(&pool, 0, sizeof(pool));
	return err != 0 ? err : got > 0 ? 0 : -ENOENT;
}
