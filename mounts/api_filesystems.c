/* SPDX-License-Identifier: MIT */
#include "mounts/api_filesystems.h"

#include "base/mountinfo.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum step_kind {
	STEP_MOUNT,     /* a file system of type `type` on `path`; "already mounted" is fine */
	STEP_DIRECTORY, /* the directory `path` */
	STEP_LINK,      /* the symbolic link `path` to `target` */
	STEP_SHARE, /* mounts below `path`, now and later, also reach mount namespaces of services
		     */
};

struct step {
	enum step_kind kind;
	const char *path;
	const char *type; /* or the link's target */
	unsigned long flags;
	const char *options;
};

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/*
 * Sizes: killing its writer does not free a file in a tmpfs. If the files could use up all memory,
 * the kernel would kill every process and then panic. The sizes here and the 25 % for changes to a
 * read-only root (overlay.c) make 80 %; tmpfs_limit.c lowers them when services may have less than
 * that. Missing mount points are created, but a read-only root must already have them in the image.
 */
static const struct step steps[] = {
	{ STEP_MOUNT, "/proc", "proc", SAFE, NULL },
	{ STEP_MOUNT, "/sys", "sysfs", SAFE, NULL },
	{ STEP_MOUNT, "/dev", "devtmpfs", MS_NOSUID, "mode=0755" },
	{ STEP_MOUNT, "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"gid=5,mode=0620,ptmxmode=0666" },
	{ STEP_MOUNT, "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=20%" },
	{ STEP_MOUNT, "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=10%" },
	{ STEP_MOUNT, "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=25%" },
	{ STEP_MOUNT, "/sys/fs/cgroup", "cgroup2", SAFE, "nsdelegate,memory_recursiveprot" },
	{ STEP_LINK, "/dev/fd", "/proc/self/fd", 0, NULL },
	{ STEP_LINK, "/dev/stdin", "/proc/self/fd/0", 0, NULL },
	{ STEP_LINK, "/dev/stdout", "/proc/self/fd/1", 0, NULL },
	{ STEP_LINK, "/dev/stderr", "/proc/self/fd/2", 0, NULL },
	{ STEP_DIRECTORY, "/run/mvm", NULL, 0700, NULL },
	{ STEP_SHARE, "/", NULL, MS_SHARED | MS_REC, NULL },
};

static int try_mount(const struct step *s)
{
	return mount(s->type, s->path, s->type, s->flags, s->options) != 0 ? -errno : 0;
}

/*
 * The kernel may already have mounted devtmpfs (CONFIG_DEVTMPFS_MOUNT), without nosuid. A second
 * mount then fails with EBUSY, and the flags are set on the existing one.
 */
static int mount_one(const struct step *s)
{
	int err;

	if (strncmp(s->path, "/dev/", 5) ==
		0) /* absent in a new devtmpfs, so mounting first would fail */
		mkdir(s->path, 0755);
	err = try_mount(s);

	if (err == -ENOENT)
		err = mkdir(s->path, 0755) == 0 ? try_mount(s) : -errno;
	if (err == -EBUSY && mount(NULL, s->path, NULL, MS_REMOUNT | MS_BIND | s->flags, NULL) == 0)
		return 0;
	/* In a container, root may not mount this, and finds it mounted. */
	return err == -EPERM && mountinfo_is_mount_point(s->path) ? 0 : err;
}

static int run_step(const struct step *s)
{
	switch (s->kind) {
	case STEP_MOUNT:
		return mount_one(s);
	case STEP_DIRECTORY:
		return mkdir(s->path, (mode_t)s->flags) != 0 && errno != EEXIST ? -errno : 0;
	case STEP_LINK:
		return symlink(s->type, s->path) != 0 && errno != EEXIST ? -errno : 0;
	case STEP_SHARE:
		return mount(NULL, s->path, NULL, s->flags, NULL) != 0 ? -errno : 0;
	}
	return -EINVAL;
}

unsigned int api_filesystems_mount(const struct reporter *report)
{
	unsigned int failures = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];
		int err = run_step(s);
		struct problem p;

		if (err == 0)
			continue;
		failures++;
		if (s->kind == STEP_MOUNT)
			problem_set(&p, -err, "cannot mount %s on %s", s->type, s->path);
		else if (s->kind == STEP_SHARE)
			problem_set(&p, -err, "cannot share the mounts of %s", s->path);
		else
			problem_set(&p, -err, "cannot make %s", s->path);
		problem_report(report, &p);
	}
	return failures;
}
