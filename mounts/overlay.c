/* SPDX-License-Identifier: MIT */
#include "mounts/overlay.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHANGES OVERLAY_CHANGES

static const char *const directories[] = { "etc", "var" };

bool overlay_root_is_read_only(void)
{
	struct statvfs s;

	return statvfs("/", &s) == 0 && (s.f_flag & ST_RDONLY) != 0;
}

/* The upper directory is the visible one, so it takes its owner and mode from the lower one. */
static int make_upper(const char *path, const struct stat *below)
{
	if (mkdir(path, 0700) != 0)
		return -errno;
	if (below->st_uid != 0 || below->st_gid != 0)
		if (chown(path, below->st_uid, below->st_gid) != 0)
			return -errno;
	return chmod(path, below->st_mode & 07777) != 0 ? -errno : 0;
}

static int mount_overlay(const char *name, const struct stat *below)
{
	char target[16], upper[64], work[64], options[192];
	int err;

	buf_format(target, sizeof(target), "/%s", name);
	buf_format(upper, sizeof(upper), CHANGES "/%s", name);
	buf_format(work, sizeof(work), CHANGES "/%s.work", name);
	buf_format(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", target, upper,
		work);
	err = make_upper(upper, below);
	if (err == 0 && mkdir(work, 0700) != 0)
		err = -errno;
	if (err == 0 && mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options) != 0)
		err = -errno;
	return err;
}

/* A root without the directory needs no overlay. */
static int mount_if_there(const char *name, struct problem *p)
{
	char target[16];
	struct stat below;
	int err;

	buf_format(target, sizeof(target), "/%s", name);
	if (lstat(target, &below) != 0)
		err = errno == ENOENT ? 0 : -errno;
	else
		err = S_ISDIR(below.st_mode) ? mount_overlay(name, &below) : 0;
	if (err == 0)
		return 0;
	return problem_set(p, -err, "cannot mount an overlay on %s: it stays read-only", target);
}

unsigned int overlay_mount_all(const struct reporter *report)
{
	unsigned int failures = 0;
	struct problem p;

	if (mkdir(CHANGES, 0700) != 0 ||
		mount("tmpfs", CHANGES, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=25%") != 0) {
		problem_set(&p, errno, "cannot mount the tmpfs for changes on " CHANGES);
		problem_report(report, &p);
		return 1;
	}
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (mount_if_there(directories[i], &p) != 0) {
			problem_report(report, &p);
			failures++;
		}
	}
	return failures;
}

int overlay_mount_home(const char *home, struct problem *p)
{
	static bool mounted[2];
	static const char *const homes[] = { "/home", "/root" };

	for (int i = 0; i < 2; i++) {
		if (mounted[i] || !file_is_below(home, homes[i]))
			continue;
		mounted[i] = true;
		return mount_if_there(homes[i] + 1, p);
	}
	return 0;
}
