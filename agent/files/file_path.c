/* SPDX-License-Identifier: MIT */
#include "agent/files/file_path.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD_PATH_MAX 32

/* Secrets, the host's configuration, and the guest's own control interfaces. */
static const char *const denied[] = { "/etc/mvm", "/run/mvm-secrets", "/mnt/secrets", "/mnt/config",
	"/run/mvm", "/run/mvm-guest-agent", "/sys/kernel/security", "/proc/self",
	"/proc/thread-self" };

/* True for "/proc/123" and everything below it. */
static bool is_of_process(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 && path[6] >= '0' && path[6] <= '9';
}

static int check(const char *path, struct problem *p)
{
	bool is_denied = is_of_process(path);

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		is_denied |= file_is_below(path, denied[i]);
	if (!is_denied)
		return 0;
	problem_set_text(p, EPERM, "%s: file requests are not allowed there", path);
	return -FILE_PATH_DENIED;
}

int file_path_check_below(const char *canonical, struct problem *p)
{
	bool is_root = strcmp(canonical, "/") == 0;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		if (!is_root && !file_is_below(denied[i], canonical))
			continue;
		problem_set_text(p, EPERM, "%s contains %s, where file requests are not allowed",
			canonical, denied[i]);
		return -FILE_PATH_DENIED;
	}
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

int file_path_openat(int directory, const char *name, int flags, unsigned long long resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve };
	long fd = syscall(SYS_openat2, directory, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static unsigned long long resolve_flags(bool follow)
{
	return RESOLVE_NO_MAGICLINKS | (follow ? 0 : RESOLVE_NO_SYMLINKS);
}

static void fd_path(int fd, char out[FD_PATH_MAX])
{
	buf_format(out, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

int file_path_reopen(int fd, int flags)
{
	char link[FD_PATH_MAX];
	int again;

	fd_path(fd, link);
	again = open(link, flags | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

static int say(struct problem *p, const char *path, int err)
{
	if (err == -ELOOP)
		problem_set_text(p, ELOOP, "%s: a symbolic link is in the way", path);
	else
		problem_set(p, -err, "%s", path);
	return err;
}

/* Get the path of an open file. Fails if file requests are not allowed there. */
static int canonicalize(int fd, char *canonical, struct problem *p)
{
	char link[FD_PATH_MAX];
	ssize_t len;

	fd_path(fd, link);
	len = readlink(link, canonical, PATH_MAX);
	if (len < 0)
		return say(p, link, -errno);
	if (len == PATH_MAX)
		return say(p, link, -ENAMETOOLONG);
	canonical[len] = '\0';
	/* A file outside of this root has no path that could be checked. */
	if (canonical[0] != '/') {
		problem_set_text(p, EPERM, "%s: outside of this root file system", canonical);
		return -FILE_PATH_DENIED;
	}
	return check(canonical, p);
}

static int check_spelling(const char *path, struct problem *p)
{
	if (path[0] != '/') {
		problem_set_text(p, EINVAL, "'%s' is not an absolute path", path);
		return -FILE_PATH_BAD;
	}
	if (strlen(path) >= PATH_MAX)
		return say(p, "path", -ENAMETOOLONG);
	return check(path, p); /* also if nothing exists there */
}

int file_path_open(const char *path, bool follow, char *canonical, struct problem *p)
{
	int err = check_spelling(path, p), fd;

	if (err != 0)
		return err;
	fd = file_path_openat(
		AT_FDCWD, path, O_PATH | (follow ? 0 : O_NOFOLLOW), resolve_flags(follow));
	if (fd < 0)
		return say(p, path, fd);
	err = canonicalize(fd, canonical, p);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Create the directory `name` in `at`. Fails if file requests are not allowed there. */
static int make(int at, const char *name, struct problem *p)
{
	char path[PATH_MAX];
	size_t len;
	int err = canonicalize(at, path, p);

	if (err != 0)
		return err;
	len = strcmp(path, "/") == 0 ? 0 : strlen(path);
	if (buf_format(path + len, sizeof(path) - len, "/%s", name) >= sizeof(path) - len)
		return say(p, name, -ENAMETOOLONG);
	err = check(path, p);
	if (err == 0 && mkdirat(at, name, 0755) != 0 && errno != EEXIST)
		err = say(p, path, -errno);
	return err;
}

static int step(int at, const char *name, bool follow, struct problem *p)
{
	const int flags = O_PATH | O_DIRECTORY;
	int next = file_path_openat(at, name, flags, resolve_flags(follow)), err;

	if (next == -ENOENT) {
		err = make(at, name, p);
		if (err != 0)
			return err;
		next = file_path_openat(at, name, flags, resolve_flags(follow));
	}
	return next < 0 ? say(p, name, next) : next;
}

/* Walk to a directory step by step, creating absent ones. Returns its descriptor. */
static int walk(char *path, bool follow, struct problem *p)
{
	int at = file_path_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	char *rest = path, *name;

	while (at >= 0 && (name = strtok_r(rest, "/", &rest)) != NULL) {
		int next = step(at, name, follow, p);

		close(at);
		at = next;
	}
	return at;
}

static int open_parent(char *path, bool follow, bool parents, struct problem *p)
{
	int fd;

	if (parents)
		return walk(path, follow, p);
	fd = file_path_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, resolve_flags(follow));
	return fd < 0 ? say(p, path, fd) : fd;
}

/* Split off the last component. False for "/", "." and "..". */
static bool split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	if (start == end || end - start > NAME_MAX)
		return false;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	memcpy(parent, path, start);
	parent[start] = '\0';
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int find(
	const char *path, bool follow, bool parents, struct file_place *place, struct problem *p)
{
	char parent[PATH_MAX];
	size_t len;
	int err;

	if (!split(path, parent, place->name)) {
		problem_set_text(p, EINVAL, "'%s' does not end with a file name", path);
		return -FILE_PATH_BAD;
	}
	place->directory = open_parent(parent, follow, parents, p);
	if (place->directory < 0)
		return place->directory;
	err = canonicalize(place->directory, place->path, p);
	if (err == 0) {
		len = strcmp(place->path, "/") == 0 ? 0 : strlen(place->path);
		if (buf_format(place->path + len, PATH_MAX - len, "/%s", place->name) >=
			PATH_MAX - len)
			err = say(p, path, -ENAMETOOLONG);
		else
			err = check(place->path, p);
	}
	if (err != 0)
		close(place->directory);
	return err;
}

int file_path_find(
	const char *path, bool follow, bool parents, struct file_place *place, struct problem *p)
{
	char canonical[PATH_MAX];
	struct stat st;
	int err = check_spelling(path, p), fd;

	if (err == 0)
		err = find(path, follow, parents, place, p);
	if (err != 0 || !follow ||
		fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISLNK(st.st_mode))
		return err;
	/* The target's path has no symbolic link left, and none is followed from here on. */
	close(place->directory);
	fd = file_path_open(path, true, canonical, p);
	if (fd < 0)
		return fd;
	close(fd);
	return find(canonical, false, false, place, p);
}
