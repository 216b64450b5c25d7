/* SPDX-License-Identifier: MIT */
#include "init/machine_id.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK      "/etc/machine-id"
#define TEMPORARY LINK ".new"
#define FILE_PATH "/run/machine-id"
#define DIGITS    32

/*
 * Look for an ID that the image brings: 32 lower-case hexadecimal digits and a newline
 * (machine-id(5)). Returns 1, 0 for none, or -errno when that cannot be read.
 */
static int find_the_images(void)
{
	char text[DIGITS + 2];
	struct stat st;
	int err = lstat(LINK, &st) != 0 ? -errno : 0;

	if (err == -ENOENT || (err == 0 && !S_ISREG(st.st_mode)))
		return 0;
	if (err == 0)
		err = file_read(LINK, text, sizeof(text), NULL);
	if (err != 0)
		return err == -EFBIG ? 0 : err;
	return strspn(text, "0123456789abcdef") == DIGITS &&
	       (text[DIGITS] == '\0' || text[DIGITS] == '\n');
}

/* Never wait, although the kernel may have little entropy right after its start. */
static int draw(unsigned char *bytes, size_t size)
{
	if (getrandom(bytes, size, GRND_NONBLOCK) == (ssize_t)size ||
		getrandom(bytes, size, 4 /* GRND_INSECURE */) == (ssize_t)size)
		return 0;
	return -errno;
}

static int write_id(void)
{
	unsigned char bytes[DIGITS / 2];
	char text[DIGITS + 2];
	struct buf b = BUF_OVER(text);
	int err = draw(bytes, sizeof(bytes));

	if (err != 0)
		return err;
	bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version and variant of a random UUID, RFC 4122 */
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&b, "%02x", bytes[i]);
	buf_puts(&b, "\n");
	return file_replace(FILE_PATH, b.data, b.len, 0444);
}

static int make_link(void)
{
	char target[sizeof(FILE_PATH) + 1];
	ssize_t n = readlink(LINK, target, sizeof(target));
	int err;

	if (n == sizeof(FILE_PATH) - 1 && memcmp(target, FILE_PATH, (size_t)n) == 0)
		return 0;
	if (n < 0 && errno == ENOENT && symlink(FILE_PATH, LINK) == 0)
		return 0;
	unlink(TEMPORARY);
	if (symlink(FILE_PATH, TEMPORARY) == 0 && rename(TEMPORARY, LINK) == 0)
		return 0;
	err = -errno;
	unlink(TEMPORARY);
	return err;
}

void machine_id_renew(const struct reporter *report)
{
	int found = find_the_images(), err = found;
	struct problem p;

	if (found == 0)
		err = write_id();
	if (err == 0)
		err = make_link();
	if (err >= 0)
		return;
	problem_set(&p, -err,
		found < 0 ? "cannot read " LINK ", not changing it" : "cannot make " LINK);
	problem_report(report, &p);
}
