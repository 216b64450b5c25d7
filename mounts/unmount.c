/* SPDX-License-Identifier: MIT */
#include "mounts/unmount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define MOUNTINFO  "/proc/self/mountinfo"
#define TEXT_MAX   16384 /* a longer line is passed over */
#define PASSES_MAX 64    /* one for each level of mounts on mounts */

struct pass {
	bool last; /* make read-only what is left, instead of unmounting */
	unsigned int unmounted;
	void (*report)(const struct problem *p);
};

/* Field `number` (from 1) of a line, NUL-terminated in place by cutting the line up. */
static char *cut_field(char **line)
{
	char *field = *line;
	size_t n = strcspn(field, " ");

	*line = field + n + (field[n] == ' ');
	field[n] = '\0';
	return field;
}

/* proc(5): space, tab, newline and backslash stand as three octal digits behind a backslash. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at != '\0'; at++) {
		size_t digits = *at == '\\' ? strspn(at + 1, "01234567") : 0;

		if (digits >= 3) {
			*to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/*
 * proc(5): "36 35 98:0 /root /target options - type source superoptions". Returns the mount point
 * when the source is a device, else NULL.
 */
static char *device_mount_point(char *line)
{
	char *target = NULL, *after = strstr(line, " - ");

	if (after == NULL)
		return NULL;
	*after = '\0';
	after += 3;
	cut_field(&after);
	if (strncmp(cut_field(&after), "/dev/", 5) != 0)
		return NULL;
	for (int i = 0; i < 5; i++)
		target = cut_field(&line);
	unescape(target);
	return target;
}

static void take_line(struct pass *pass, char *line)
{
	const char *target = device_mount_point(line);
	struct problem p;

	if (target == NULL)
		return;
	if (!pass->last) {
		if (strcmp(target, "/") != 0 && umount2(target, UMOUNT_NOFOLLOW) == 0)
			pass->unmounted++;
		return;
	}
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0)
		return;
	problem_set(&p, errno, "cannot unmount %s", target);
	pass->report(&p);
}

/* Take the lines that are whole, and keep the rest. A buffer without a line's end is dropped. */
static size_t take_lines(struct pass *pass, char *text, size_t len)
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', len - (size_t)(line - text))) != NULL) {
		*end = '\0';
		take_line(pass, line);
		line = end + 1;
	}
	len -= (size_t)(line - text);
	memmove(text, line, len);
	return len < TEXT_MAX ? len : 0;
}

/* The kernel keeps its place in the table while mounts go. Returns 0 or -errno. */
static int walk(struct pass *pass)
{
	static char text[TEXT_MAX];
	int fd = open(MOUNTINFO, O_RDONLY | O_CLOEXEC), err = 0;
	size_t len = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, text + len, sizeof(text) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		len = take_lines(pass, text, len + (size_t)n);
	}
	close(fd);
	return err;
}

void unmount_devices(void (*report)(const struct problem *p))
{
	struct pass pass = { .report = report };
	struct problem p;
	int err = 0;

	for (int i = 0; i < PASSES_MAX; i++) {
		pass.unmounted = 0;
		err = walk(&pass);
		if (err != 0 || pass.unmounted == 0)
			break;
	}
	pass.last = true;
	if (err == 0)
		err = walk(&pass);
	if (err == 0)
		return;
	problem_set(&p, -err, "cannot read " MOUNTINFO);
	report(&p);
}
