/* SPDX-License-Identifier: MIT */
#include "mounts/drives.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name, *label, *mount_point;
} roles[DRIVE_ROLES] = {
	[DRIVE_CONFIG] = { "config", "mvm-config", "/mnt/config" },
	[DRIVE_SECRETS] = { "secrets", "mvm-secrets", "/mnt/secrets" },
	[DRIVE_DATA] = { "data", "mvm-data", "/mnt/data" },
};

const char *drive_role_name(enum drive_role role)
{
	return roles[role].name;
}

const char *drive_mount_point(enum drive_role role)
{
	return roles[role].mount_point;
}

static void give(struct drives *out, enum drive_role role, const char *device)
{
	buf_format(out->device[role], sizeof(out->device[role]), "%s", device);
}

static bool has_role(const struct drives *out, const char *device)
{
	for (int r = 0; r < DRIVE_ROLES; r++)
		if (strcmp(out->device[r], device) == 0)
			return true;
	return false;
}

static void assign_by_label(const struct drive_seen *seen, size_t count, struct drives *out)
{
	for (int r = 0; r < DRIVE_ROLES; r++) {
		for (size_t i = 0; i < count && out->device[r][0] == '\0'; i++) {
			if (strcmp(seen[i].content.label, roles[r].label) != 0 ||
				has_role(out, seen[i].device))
				continue;
			give(out, (enum drive_role)r, seen[i].device);
			out->by_label[r] = true;
		}
	}
}

static bool is_positional(const struct drive_seen *d)
{
	return strcmp(d->device, "/dev/vdb") == 0 || strcmp(d->device, "/dev/vdc") == 0 ||
	       strcmp(d->device, "/dev/vdd") == 0;
}

static void assign_by_position(const struct drive_seen *seen, size_t count, struct drives *out)
{
	for (size_t i = 0; i < count; i++) {
		enum drive_role role = DRIVE_DATA;

		if (!is_positional(&seen[i]) || has_role(out, seen[i].device) ||
			strncmp(seen[i].content.label, "mvm-", 4) == 0)
			continue;
		if (seen[i].read_only)
			role = strcmp(seen[i].device, "/dev/vdb") == 0 ? DRIVE_CONFIG
								       : DRIVE_SECRETS;
		if (out->device[role][0] == '\0')
			give(out, role, seen[i].device);
	}
}

void drives_assign(const struct drive_seen *seen, size_t count,
	const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out)
{
	*out = (struct drives){ 0 };
	for (int r = 0; r < DRIVE_ROLES; r++)
		give(out, (enum drive_role)r, fixed[r]);
	assign_by_label(seen, count, out);
	assign_by_position(seen, count, out);
}

/* Returns 0, -ENOENT when there is no such device, or another -errno. */
static int look_at(const char *device, struct drive_seen *out)
{
	unsigned char bytes[EXT4_SUPERBLOCK_END];
	int fd = open(device, O_RDONLY | O_CLOEXEC), read_only = 0, err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0 || ioctl(fd, BLKROGET, &read_only) != 0)
		err = -errno;
	close(fd);
	if (err != 0)
		return err;
	buf_format(out->device, sizeof(out->device), "%s", device);
	out->read_only = read_only != 0;
	ext4_parse(bytes, (size_t)n, &out->content);
	return 0;
}

static bool is_root_device(const char *device)
{
	struct stat root, dev;

	return stat("/", &root) == 0 && stat(device, &dev) == 0 && S_ISBLK(dev.st_mode) &&
	       dev.st_rdev == root.st_dev;
}

void drives_find(const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out,
	const struct reporter *report)
{
	struct drive_seen seen[DRIVES_SEEN_MAX];
	size_t count = 0;
	char device[] = "/dev/vd?";

	for (char letter = 'a'; letter <= 'z'; letter++) {
		struct problem p;
		int err;

		device[sizeof(device) - 2] = letter;
		if (is_root_device(device))
			continue;
		err = look_at(device, &seen[count]);
		if (err == -ENOENT)
			break; /* the kernel gives out letters without gaps */
		if (err != 0) {
			problem_set(&p, -err, "drive %s cannot be read", device);
			problem_report(report, &p);
		} else {
			count++;
		}
	}
	drives_assign(seen, count, fixed, out);
}

int drive_mount(const char *device, const char *target, bool writable, struct problem *p)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (writable ? 0 : MS_RDONLY);
	const char *hint = "";
	int err;

	if (mount(device, target, "ext4", flags, NULL) == 0)
		return 0;
	if (!writable && errno == EROFS && mount(device, target, "ext4", flags, "noload") == 0)
		return 0;
	err = errno;
	if (err == EINVAL)
		hint = " (no ext4 file system on it?)";
	else if (err == ENOENT && access(device, F_OK) == 0)
		hint = " (does the directory exist in the image?)";
	return problem_set(p, err, "cannot mount %s on %s%s", device, target, hint);
}

int drive_forget_cache(const char *device)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, BLKFLSBUF, 0) != 0)
		err = -errno;
	close(fd);
	return err;
}
