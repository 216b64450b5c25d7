/* SPDX-License-Identifier: MIT */
#include "supervisor/log_directory.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as path_resolution(7) has it */

struct walk {
	int fd;          /* of the directory that the walk has come to */
	bool is_trusted; /* root alone could write to all on the way */
	bool is_to_make;
	unsigned int links; /* that were followed */
	char rest[PATH_MAX];
};

static int enter(struct walk *w, int fd)
{
	struct stat st;

	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	w->is_trusted &= st.st_uid == 0 && (st.st_mode & S_IWOTH) == 0 &&
			 (st.st_gid == 0 || (st.st_mode & S_IWGRP) == 0);
	return 0;
}

static int open_name(const struct walk *w, const char *name)
{
	return openat(w->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What the link leads to takes its place in front of the rest. */
static int follow(struct walk *w, const char *name)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = w->is_trusted ? readlinkat(w->fd, name, target, sizeof(target) - 1) : -1;

	if (!w->is_trusted || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (buf_format(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, sizeof(rest));
	return target[0] == '/' ? enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : 0;
}

static int step_into(struct walk *w, const char *name)
{
	struct stat st;
	int fd;

	if (strcmp(name, "..") == 0 && !w->is_trusted)
		return -ELOOP;
	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return follow(w, name);
	fd = open_name(w, name);
	if (fd < 0 && errno == ENOENT && w->is_to_make &&
		(mkdirat(w->fd, name, 0755) == 0 || errno == EEXIST))
		fd = open_name(w, name);
	return fd < 0 ? -errno : enter(w, fd);
}

/* Take the first name off the rest; false at its end. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1], int *err)
{
	const char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");

	if (len == 0)
		return false;
	if (len > NAME_MAX)
		*err = -ENAMETOOLONG;
	buf_format(name, NAME_MAX + 1, "%.*s", (int)len, at);
	memmove(w->rest, at + len, strlen(at + len) + 1);
	return true;
}

int log_directory_open(const char *path, bool is_to_make, const char **name, struct problem *p)
{
	struct walk w = { .fd = -1, .is_trusted = true, .is_to_make = is_to_make };
	const char *last = strrchr(path, '/');
	char part[NAME_MAX + 1];
	int err;

	*name = last + 1;
	if (buf_format(w.rest, sizeof(w.rest), "%.*s", (int)(last - path), path) >= sizeof(w.rest))
		return problem_set(p, ENAMETOOLONG, "log_file %s", path);
	err = enter(&w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	while (err == 0 && next_name(&w, part, &err))
		err = err != 0 ? err : strcmp(part, ".") == 0 ? 0 : step_into(&w, part);
	if (err == 0)
		return w.fd;
	if (w.fd >= 0)
		close(w.fd);
	if (err == -ELOOP && !w.is_trusted)
		return problem_set_text(p, ELOOP,
			"log_file %s: '%s' is a link or '..' behind a directory that others than "
			"root can write to: not followed",
			path, part);
	return problem_set(p, -err, "log_file %s", path);
}
