/* SPDX-License-Identifier: MIT */
#include "supervisor/sandbox.h"

#include "base/buf.h"
#include "base/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/*
 * For each directory. Its files count as memory of the service and vanish with its last process.
 */
#define TMP_OPTIONS "mode=1777,size=10%"

static const char *const tmp_directories[] = { "/tmp", "/var/tmp" };

#define TMP_DIRECTORIES (sizeof(tmp_directories) / sizeof(tmp_directories[0]))

bool sandbox_is_needed(const struct sandbox *s)
{
	return s->private_tmp || s->read_only.count > 0;
}

/* Part 0 is the namespace, then come the paths, then the directories. */
const char *sandbox_part(const struct sandbox *s, uint32_t part)
{
	size_t paths = s->read_only.count;

	if (part == 0 || part > paths + TMP_DIRECTORIES)
		return NULL;
	if (part > paths)
		return tmp_directories[part - paths - 1];
	return s->read_only.list[part - 1] + (s->read_only.list[part - 1][0] == '-');
}

static int remount_read_only(const char *target)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
	struct statvfs s;

	if (statvfs(target, &s) != 0)
		return -errno;
	/* A remount clears all flags that are not given, but for those on access times. */
	flags |= (s.f_flag & ST_NOSUID ? MS_NOSUID : 0) | (s.f_flag & ST_NODEV ? MS_NODEV : 0) |
		 (s.f_flag & ST_NOEXEC ? MS_NOEXEC : 0);
	return mount(NULL, target, NULL, flags, NULL) != 0 ? -errno : 0;
}

/* Find the real path, as mountinfo names it. Returns 0 or -errno. */
static int resolve(const char *path, char *out, size_t size)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	char link[32];
	ssize_t n;

	if (fd < 0)
		return -errno;
	buf_format(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

/* The task and the result of remount_below(). */
struct remounting {
	char path[PATH_MAX];
	size_t len;
	bool found; /* something is mounted on the path itself */
	int error;
};

static void remount_below(void *arg, const char *point, const char *source)
{
	struct remounting *r = arg;
	int err;

	(void)source;
	if (r->error != 0 || strncmp(point, r->path, r->len) != 0 ||
		(point[r->len] != '/' && point[r->len] != '\0'))
		return;
	r->found |= strcmp(point, r->path) == 0;
	err = remount_read_only(point);
	/* Another mount may hide it. */
	if (err != -ENOENT && err != -ENOTDIR && err != -EINVAL)
		r->error = err;
}

/* As set_read_only(), but mount by mount, for kernels before Linux 5.12. */
static int remount_all_below(const char *path)
{
	struct remounting r = { .error = resolve(path, r.path, sizeof(r.path)) };
	int err = r.error;

	if (err != 0)
		return err;
	r.len = strlen(r.path);
	if (r.len == 1)
		r.len = 0; /* "/": all paths are below it */
	err = mountinfo_each(remount_below, &r);
	if (err == 0)
		err = r.error;
	return err == 0 && !r.found ? -EINVAL : err;
}

/*
 * mount_setattr(2) of Linux 5.12, with its struct mount_attr, which not every C library has.
 * Returns 0 or -errno: -EINVAL when nothing is mounted on the path itself.
 */
static int set_read_only(const char *path)
{
	const struct {
		uint64_t set, clear, propagation, userns_fd;
	} attributes = { .set = 1 /* MOUNT_ATTR_RDONLY */ };

	if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes,
		    sizeof(attributes)) == 0)
		return 0;
	return errno == ENOSYS ? remount_all_below(path) : -errno;
}

/*
 * Add a bind mount only if nothing is mounted on the path. When the guest unmounts a drive, its
 * copy in the namespace goes, too; another mount on top would prevent that.
 */
static int make_read_only(const char *path)
{
	bool optional = path[0] == '-';
	int err;

	path += optional;
	err = set_read_only(path);
	if (err == -EINVAL) {
		err = mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0 ? -errno : 0;
		if (err == 0)
			err = set_read_only(path);
	}
	return err == -ENOENT && optional ? 0 : err;
}

static int mount_tmp(const char *path)
{
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, TMP_OPTIONS) == 0 ||
		errno == ENOENT)
		return 0;
	return -errno;
}

int sandbox_enter(const void *arg, uint32_t *part)
{
	const struct sandbox *s = arg;
	int err = 0;

	*part = 0;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		return -errno;
	for (size_t i = 0; err == 0 && i < s->read_only.count; i++) {
		++*part;
		err = make_read_only(s->read_only.list[i]);
	}
	for (size_t i = 0; err == 0 && s->private_tmp && i < TMP_DIRECTORIES; i++) {
		++*part;
		err = mount_tmp(tmp_directories[i]);
	}
	return err;
}
