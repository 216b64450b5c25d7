/* SPDX-License-Identifier: MIT */
#include "base/mountinfo.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE_SIZE 16384 /* a longer line is skipped */

/* Cut the next field off the line, NUL-terminated in place. */
static char *cut_field(char **line)
{
	char *field = *line;
	size_t n = strcspn(field, " ");

	*line = field + n + (field[n] == ' ');
	field[n] = '\0';
	return field;
}

/* The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
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

/* "36 35 98:0 /root /point options - type source superoptions" */
static void take_line(
	char *line, void (*each)(void *arg, const char *point, const char *source), void *arg)
{
	char *point = NULL, *source, *after = line;

	while (*after != '\0' && strncmp(after, " - ", 3) != 0)
		after++;
	if (*after == '\0')
		return;
	*after = '\0';
	after += 3;
	cut_field(&after);
	source = cut_field(&after);
	for (int i = 0; i < 5; i++)
		point = cut_field(&line);
	unescape(point);
	unescape(source);
	each(arg, point, source);
}

int mountinfo_each(void (*each)(void *arg, const char *point, const char *source), void *arg)
{
	static char text[LINE_SIZE];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	bool too_long = false; /* the line's beginning has been dropped */
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, sizeof(text) - len)) > 0 || (n < 0 && errno == EINTR)) {
		char *line = text, *end;

		len += n > 0 ? (size_t)n : 0;
		while ((end = memchr(line, '\n', len - (size_t)(line - text))) != NULL) {
			*end = '\0';
			if (!too_long)
				take_line(line, each, arg);
			too_long = false;
			line = end + 1;
		}
		len -= (size_t)(line - text);
		memmove(text, line, len);
		if (len == sizeof(text)) {
			too_long = true;
			len = 0;
		}
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

bool mountinfo_is_mount_point(const char *path)
{
	struct stat here, above;
	char parent[PATH_MAX];

	buf_format(parent, sizeof(parent), "%s/..", path);
	return stat(path, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}
