/* SPDX-License-Identifier: MIT */
#include "init/random_pool.h"

#include "base/strings.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/random.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

/* True if the seed of this hash is the one that an earlier boot has noted in `note`. */
static bool is_noted(const char *note, uint64_t now)
{
	char text[32];

	return file_read(note, text, sizeof(text), NULL) == 0 && strtoull(text, NULL, 16) == now;
}

/* It is on the disk before the seed is credited: a power cut must not make it new again. */
static void keep_note(const char *note, uint64_t now)
{
	char text[32], directory[128];
	const char *slash = strrchr(note, '/');
	size_t len = buf_format(text, sizeof(text), "%016" PRIx64 "\n", now);
	int fd;

	buf_format(directory, sizeof(directory), "%.*s", (int)(slash - note), note);
	if (file_make_directories(directory) != 0 || file_replace(note, text, len, 0600) != 0)
		return;
	fd = open(note, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

enum random_seed random_pool_use_seed(const char *path, const char *note, int *error)
{
	static uint64_t used;
	union pool pool = { .space = { 0 } };
	ssize_t got = read_some(path, bytes_of(&pool), SEED_BYTES);
	/* A hash recognizes the bytes, but they cannot be computed from it. */
	uint64_t now = strings_hash_bytes(bytes_of(&pool), got > 0 ? (size_t)got : 0);
	bool is_old;

	*error = 0;
	if (got <= 0 || now == used) {
		explicit_bzero(&pool, sizeof(pool));
		*error = got == -ENOENT || got >= 0 ? 0 : (int)got;
		return RANDOM_SEED_NONE;
	}
	is_old = is_noted(note, now);
	if (!is_old)
		keep_note(note, now);
	*error = mix(&pool, (int)got, !is_old);
	if (*error != 0)
		return RANDOM_SEED_NONE;
	used = now;
	return is_old ? RANDOM_SEED_OLD : RANDOM_SEED_NEW;
}
