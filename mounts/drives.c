/* SPDX-License-Identifier: MIT */
#include "mounts/drives.h"

#include "base/buf.h"
#include "base/directory.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define POSITIONS 3 /* hosts attach at most config, secrets and data without labels */

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

static bool has_mvm_label(const struct drive_seen *d)
{
	return strncmp(d->content.label, "mvm-", 4) == 0;
}

/*
 * The drive's position among the drives that a host attaches after vda, from 0; or -1. A drive that
 * is a layer of the root has no position.
 */
static int position_of(const struct drive_seen *seen, size_t number)
{
	int position = seen[number].device[sizeof("/dev/vd") - 1] - 'b';

	if (position < 0 || seen[number].in_use)
		return -1;
	for (size_t i = 0; i < number; i++)
		if (seen[i].in_use && strcmp(seen[i].device, "/dev/vda") != 0)
			position--;
	return position < POSITIONS ? position : -1;
}

static void assign_by_position(const struct drive_seen *seen, size_t count, struct drives *out)
{
	for (size_t i = 0; i < count; i++) {
		int position = position_of(seen, i);
		enum drive_role role = DRIVE_DATA;

		if (position < 0 || has_role(out, seen[i].device) || has_mvm_label(&seen[i]))
			continue;
		if (seen[i].read_only)
			role = position == 0 ? DRIVE_CONFIG : DRIVE_SECRETS;
		if (out->device[role][0] == '\0')
			give(out, role, seen[i].device);
	}
}

static void note_left_over(const struct drive_seen *seen, size_t count, struct drives *out)
{
	struct buf b = BUF_OVER(out->left_over);

	for (size_t i = 0; i < count; i++) {
		const struct drive_seen *d = &seen[i];

		if (d->in_use || has_role(out, d->device))
			continue;
		buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", d->device + sizeof("/dev/") - 1);
		if (has_mvm_label(d))
			buf_printf(&b, " (label %s)", d->content.label);
		else if (position_of(seen, i) < 0)
			buf_puts(&b, " (no role by position)");
		else
			buf_puts(&b, " (its role is taken)");
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
	note_left_over(seen, count, out);
}

struct backing_search {
	const char *device;
	bool found;
};

/* /sys/block/loopN/loop/backing_file has the path under which the device was opened. */
static int compare_backing(void *arg, const char *name)
{
	struct backing_search *s = arg;
	const char *wanted = strrchr(s->device, '/'), *last;
	char path[128], backing[256];

	if (strncmp(name, "loop", 4) != 0)
		return 0;
	buf_format(path, sizeof(path), "/sys/block/%s/loop/backing_file", name);
	if (file_read(path, backing, sizeof(backing), NULL) != 0)
		return 0;
	backing[strcspn(backing, "\n")] = '\0';
	last = strrchr(backing, '/');
	s->found |= last != NULL && strcmp(last, wanted) == 0;
	return s->found;
}

/* True if a loop device uses this one. O_EXCL does not show that: a loop device takes no hold. */
static bool is_below_loop_device(const char *device)
{
	struct backing_search s = { .device = device };
	int fd = open("/sys/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	directory_each(fd, compare_backing, &s);
	close(fd);
	return s.found;
}

/*
 * Only one user at a time can open a block device with O_EXCL (open(2)). EBUSY means that the
 * device or one of its partitions is mounted, visibly or not, or that another device is built on
 * it.
 */
static int open_drive(const char *device, bool *in_use)
{
	int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

	*in_use = fd < 0 && errno == EBUSY;
	if (*in_use)
		fd = open(device, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Returns 0, -ENOENT when there is no such device, or another -errno. */
static int look_at(const char *device, struct drive_seen *out)
{
	unsigned char bytes[EXT4_SUPERBLOCK_END];
	int fd = open_drive(device, &out->in_use), read_only = 0, err = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0 || ioctl(fd, BLKROGET, &read_only) != 0)
		err = -errno;
	close(fd);
	if (err != 0)
		return err;
	buf_format(out->device, sizeof(out->device), "%s", device);
	out->read_only = read_only != 0;
	ext4_parse(bytes, (size_t)n, &out->content);
	if (!out->in_use && !has_mvm_label(out))
		out->in_use = is_below_loop_device(device);
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
	char unreadable[DRIVE_DEVICE_MAX] = "";
	size_t count = 0;
	char device[] = "/dev/vd?";
	struct problem p;

	for (char letter = 'a'; letter <= 'z'; letter++) {
		int err;

		device[sizeof(device) - 2] = letter;
		if (is_root_device(device))
			continue;
		err = look_at(device, &seen[count]);
		if (err == -ENOENT)
			break; /* the kernel assigns letters without gaps */
		if (err != 0) {
			problem_set(&p, -err, "drive %s cannot be read", device);
			problem_report(report, &p);
			buf_format(unreadable, sizeof(unreadable), "%s", device);
		} else {
			count++;
		}
	}
	drives_assign(seen, count, fixed, out);
	memcpy(out->unreadable, unreadable, sizeof(unreadable));
	if (out->left_over[0] != '\0') {
		problem_set_text(&p, EBUSY, "drives left over: %s", out->left_over);
		problem_report(report, &p);
	}
}

int drive_mount(const char *device, const char *target, bool writable, struct problem *p)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (writable ? 0 : MS_RDONLY);
	char hint[256];
	struct buf b = BUF_OVER(hint);
	int err;

	if (mount(device, target, "ext4", flags, NULL) == 0)
		return 0;
	if (!writable && errno == EROFS && mount(device, target, "ext4", flags, "noload") == 0)
		return 0;
	err = errno;
	buf_clear(&b);
	if (err == ENOENT && access(device, F_OK) == 0)
		buf_puts(&b, " (does the directory exist in the image?)");
	else if (err == EINVAL || err == EUCLEAN || err == EBADMSG)
		ext4_explain_refusal(device, &b);
	if (err == EINVAL && b.len == 0)
		buf_puts(&b, " (no ext4 file system on it?)");
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
