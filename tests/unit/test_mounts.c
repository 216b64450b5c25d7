/* SPDX-License-Identifier: MIT */
/*
 * Drives, secrets and overlays. System calls that would change this machine are replaced at link
 * time: they are recorded, and fail on a test's demand.
 */
#include "mounts/api_filesystems.h"
#include "mounts/drives.h"
#include "mounts/overlay.h"
#include "mounts/secrets.h"
#include "mounts/unmount.h"
#include "mounts/virtiofs.h"
#include "told.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static char calls[4096], devices[64];
static const char *mounted = ""; /* a device */
static struct {
	const char *call; /* calls that begin like this fail */
	int error;
} faults[4];

static int note(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strcat(strcat(calls, text), "\n");
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].call == NULL ||
			strncmp(text, faults[i].call, strlen(faults[i].call)) != 0)
			continue;
		errno = faults[i].error;
		return -1;
	}
	return 0;
}

static void fail_at(int number, const char *call, int error)
{
	faults[number].call = call;
	faults[number].error = error;
}

static void reset(void)
{
	calls[0] = told[0] = devices[0] = '\0';
	memset(faults, 0, sizeof(faults));
}

TestSuite(mounts, .init = reset);

/* ---- what stands in ---------------------------------------------------------------------------
 */

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int __wrap_umount2(const char *target, int flags);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
int __wrap_chown(const char *path, uid_t uid, gid_t gid);
int __wrap_chmod(const char *path, mode_t mode);
int __wrap_symlink(const char *target, const char *path);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_open64(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	return note("mount %s %s %s %lu %s", source ? source : "-", target, type ? type : "-",
		flags, data ? (const char *)data : "-");
}

int __wrap_umount2(const char *target, int flags)
{
	return note("umount %s %d", target, flags);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	return note("mkdir %s %o", path, (unsigned int)mode);
}

int __wrap_rmdir(const char *path)
{
	return note("rmdir %s", path);
}

int __wrap_chown(const char *path, uid_t uid, gid_t gid)
{
	return note("chown %s %u %u", path, uid, gid);
}

int __wrap_chmod(const char *path, mode_t mode)
{
	return note("chmod %s %o", path, (unsigned int)mode);
}

int __wrap_symlink(const char *target, const char *path)
{
	return note("symlink %s %s", target, path);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	if (request == BLKROGET)
		*(int *)arg = strcmp(devices, "read-only") == 0;
	return note("ioctl %s", request == BLKROGET ? "read-only?" : "flush");
}

/* No drive of the test is the device of the root. */
int __wrap_stat64(const char *path, void *st);
int __real_stat64(const char *path, void *st);

int __wrap_stat64(const char *path, void *st)
{
	if (strncmp(path, "/dev/vd", 7) != 0)
		return __real_stat64(path, st);
	errno = ENOENT;
	return -1;
}

/* /dev/vdX stands for the file DIRECTORY/vdX of the test. With 64-bit file sizes, open(2) is this.
 */
static char directory[64];
static int tables = -1; /* the table of mounts is DIRECTORY/table-N, with the next N each time; -1:
			   the real one */

int __wrap_open64(const char *path, int flags, ...)
{
	char other[128];
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (tables >= 0 && strcmp(path, "/proc/self/mountinfo") == 0) {
		snprintf(other, sizeof(other), "%s/table-%d", directory, tables++);
		return __real_open64(other, flags);
	}
	if (strncmp(path, "/dev/vd", 7) != 0)
		return __real_open64(path, flags, mode);
	if ((flags & O_EXCL) != 0 && strcmp(path, mounted) == 0) {
		errno = EBUSY;
		return -1;
	}
	if (note("open %s", path) != 0)
		return -1;
	snprintf(other, sizeof(other), "%s/%s", directory, path + 5);
	return __real_open64(other, flags, mode);
}

/* ---- the file systems of the kernel -----------------------------------------------------------
 */

Test(mounts, every_api_filesystem_is_mounted_as_it_should_be)
{
	cr_assert(api_filesystems_mount(&tell) == 0, "%s", told);
	cr_assert(strstr(calls, "mount proc /proc proc 14 -\n") != NULL);
	cr_assert(strstr(calls, "mount tmpfs /run tmpfs 6 mode=0755,size=10%\n") != NULL);
	cr_assert(strstr(calls, "symlink /proc/self/fd /dev/fd\n") != NULL);
	cr_assert(strstr(calls, "mkdir /run/mvm 700\n") != NULL);
}

Test(mounts, a_mount_point_that_is_missing_is_made)
{
	fail_at(0, "mount devpts", ENOENT);
	cr_assert(api_filesystems_mount(&tell) == 1);
	cr_assert(strstr(calls, "mkdir /dev/pts 755\nmount devpts") != NULL);
	cr_assert_str_eq(told, "cannot mount devpts on /dev/pts: No such file or directory\n");
}

Test(mounts, a_mount_point_that_cannot_be_made_says_why)
{
	fail_at(0, "mount devpts", ENOENT);
	fail_at(1, "mkdir /dev/pts", EROFS);
	cr_assert(api_filesystems_mount(&tell) == 1);
	cr_assert_str_eq(told, "cannot mount devpts on /dev/pts: Read-only file system\n");
}

Test(mounts, one_that_is_busy_gets_its_flags)
{
	fail_at(0, "mount devtmpfs", EBUSY);
	cr_assert(api_filesystems_mount(&tell) == 0, "%s", told);
	cr_assert(strstr(calls, "mount - /dev - 4130 -\n") != NULL, "%s", calls);
	fail_at(1, "mount - /dev", EINVAL);
	cr_assert(api_filesystems_mount(&tell) == 1);
	cr_assert_str_eq(told, "cannot mount devtmpfs on /dev: Device or resource busy\n");
}

Test(mounts, each_step_that_fails_is_told)
{
	fail_at(0, "symlink /proc/self/fd/1", EROFS);
	fail_at(1, "mkdir /run/mvm", ENOSPC);
	cr_assert(api_filesystems_mount(&tell) == 2);
	cr_assert_str_eq(told, "cannot make /dev/stdout: Read-only file system\n"
			       "cannot make /run/mvm: No space left on device\n");
}

/* ---- drives -----------------------------------------------------------------------------------
 */

Test(mounts, a_drive_is_mounted_with_its_flags)
{
	struct problem p;

	cr_assert(drive_mount("/dev/vdb", "/mnt/config", false, &p) == 0);
	cr_assert(drive_mount("/dev/vdd", "/mnt/data", true, &p) == 0);
	cr_assert_str_eq(calls, "mount /dev/vdb /mnt/config ext4 15 -\n"
				"mount /dev/vdd /mnt/data ext4 14 -\n");
}

Test(mounts, a_journal_on_a_read_only_drive_is_left_alone)
{
	struct problem p;

	fail_at(0, "mount /dev/vdb /mnt/config ext4 15 -", EROFS);
	cr_assert(drive_mount("/dev/vdb", "/mnt/config", false, &p) == 0);
	cr_assert(strstr(calls, "ext4 15 noload\n") != NULL);
	fail_at(0, "mount /dev/vdd", EROFS);
	cr_assert(drive_mount("/dev/vdd", "/mnt/data", true, &p) == -EROFS);
}

Test(mounts, a_drive_that_cannot_be_mounted_says_why)
{
	struct problem p;

	fail_at(0, "mount", EIO);
	cr_assert(drive_mount("/dev/vdb", "/mnt/config", false, &p) == -EIO);
	cr_assert_str_eq(p.text, "cannot mount /dev/vdb on /mnt/config: Input/output error");
	fail_at(0, "mount", EINVAL);
	cr_assert(drive_mount("/dev/vdb", "/mnt/config", false, &p) == -EINVAL);
	cr_assert_str_eq(p.text,
		"cannot mount /dev/vdb on /mnt/config (no ext4 file system on it?): "
		"Invalid argument");
	fail_at(0, "mount", ENOENT);
	cr_assert(drive_mount("/dev/null", "/mnt/config", false, &p) == -ENOENT);
	cr_assert_str_eq(p.text,
		"cannot mount /dev/null on /mnt/config (does the directory exist in "
		"the image?): No such file or directory");
}

static void make_drive(const char *name, const char *label)
{
	unsigned char bytes[2048] = { 0 };
	char path[128];
	FILE *f;

	bytes[1024 + 0x38] = 0x53;
	bytes[1024 + 0x39] = 0xEF;
	memcpy(bytes + 1024 + 0x78, label, strlen(label));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "we");
	cr_assert(f != NULL && fwrite(bytes, sizeof(bytes), 1, f) == 1 && fclose(f) == 0);
}

static void make_drives(void)
{
	strcpy(directory, "/tmp/test-mounts-XXXXXX");
	cr_assert(mkdtemp(directory) != NULL);
}

static void remove_drives(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert(system(command) == 0);
}

static const char no_names[DRIVE_ROLES][DRIVE_DEVICE_MAX];

Test(mounts, drives_are_found_by_their_labels)
{
	struct drives found;

	make_drives();
	make_drive("vda", "mvm-data");
	make_drive("vdb", "mvm-secrets");
	drives_find(no_names, &found, &tell);
	cr_assert_str_eq(found.device[DRIVE_DATA], "/dev/vda");
	cr_assert_str_eq(found.device[DRIVE_SECRETS], "/dev/vdb");
	cr_assert_str_eq(found.device[DRIVE_CONFIG], "");
	cr_assert(strstr(calls, "open /dev/vdc\n") != NULL && strstr(calls, "/dev/vdd") == NULL,
		"letters have no gaps: %s", calls);
	cr_assert_str_eq(drive_role_name(DRIVE_SECRETS), "secrets");
	cr_assert_str_eq(drive_mount_point(DRIVE_SECRETS), "/mnt/secrets");
	remove_drives();
}

Test(mounts, a_drive_that_cannot_be_read_does_not_hide_the_next)
{
	struct drives found;

	make_drives();
	make_drive("vda", "mvm-config");
	make_drive("vdb", "mvm-data");
	fail_at(0, "open /dev/vda", EIO);
	drives_find(no_names, &found, &tell);
	cr_assert_str_eq(told, "drive /dev/vda cannot be read: Input/output error\n");
	cr_assert_str_eq(found.device[DRIVE_DATA], "/dev/vdb");
	reset();
	fail_at(0, "ioctl", ENXIO);
	drives_find(no_names, &found, &tell);
	cr_assert_str_eq(told, "drive /dev/vda cannot be read: No such device or address\n"
			       "drive /dev/vdb cannot be read: No such device or address\n");
	remove_drives();
}

/* open(2) with O_EXCL fails: the drive is in use. Its label still counts. */
Test(mounts, a_drive_that_is_mounted_already_has_no_role_by_position)
{
	struct drives found;

	make_drives();
	make_drive("vda", "");
	make_drive("vdb", "");
	make_drive("vdc", "");
	mounted = "/dev/vdb";
	drives_find(no_names, &found, &tell);
	cr_assert_str_eq(found.device[DRIVE_DATA], "/dev/vdc");
	cr_assert_str_eq(told, "drives left over: vda (no role by position)\n");
	remove_drives();
}

Test(mounts, a_share_of_the_host)
{
	static const struct {
		const char *path;
		bool allowed;
	} cases[] = { { "/srv/work", true }, { "/root/work", true }, { "/mnt/data/x", true },
		{ "/home/u/etc", true }, { "/etcetera/x", true }, { "", false }, { "/", false },
		{ "/root", false }, { "/work", false }, { "srv/work", false }, { "/srv//x", false },
		{ "/srv/work/", false }, { "/srv/../etc/x", false }, { "/srv/.", false },
		{ "/etc/x", false }, { "/proc/1", false }, { "/nix/store", false },
		{ "/dev/shm", false }, { "/sys/fs", false }, { "/run/mvm/secrets", false },
		{ "/mnt/secrets", false }, { "/mnt/config/x", false } };
	struct problem p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(virtiofs_path_is_allowed(cases[i].path), cases[i].allowed, "%s",
			cases[i].path);
	cr_assert(virtiofs_mount("workdir", "/usr/bin", &p) == 0);
	cr_assert(strstr(calls, "mount workdir /usr/bin virtiofs 6 -\n") != NULL, "%s", calls);
	fail_at(0, "mount", ENODEV);
	cr_assert(virtiofs_mount("datadir", "/usr/bin", &p) == -ENODEV);
	cr_assert_str_eq(p.text,
		"cannot mount the host's share datadir on /usr/bin (the kernel has "
		"no virtiofs): No such device");
}

Test(mounts, a_drive_is_forgotten)
{
	make_drives();
	make_drive("vdb", "mvm-config");
	cr_assert(drive_forget_cache("/dev/vdb") == 0);
	cr_assert_str_eq(calls, "open /dev/vdb\nioctl flush\n");
	fail_at(0, "ioctl flush", EACCES);
	cr_assert(drive_forget_cache("/dev/vdb") == -EACCES);
	cr_assert(drive_forget_cache("/dev/vdc") == -ENOENT);
	remove_drives();
}

/* ---- secrets ----------------------------------------------------------------------------------
 */

#define DRIVE_MOUNTED                                                                              \
	"mkdir /run/mvm/secrets-drive 700\n"                                                       \
	"mount /dev/vdc /run/mvm/secrets-drive ext4 15 -\n"
#define COPY_MOUNTED                                                                               \
	"mkdir /run/mvm/secrets 700\n"                                                             \
	"mount tmpfs /run/mvm/secrets tmpfs 14 mode=0550,size=64m\n"
#define DRIVE_GONE "umount /run/mvm/secrets-drive 0\nrmdir /run/mvm/secrets-drive\n"

Test(mounts, secrets_go_to_a_tmpfs_that_is_bound_read_only)
{
	struct problem p;

	cr_assert(secrets_mount("/dev/vdc", 900, &tell, &p) == 0);
	cr_assert_str_eq(calls,
		DRIVE_MOUNTED COPY_MOUNTED "chown /run/mvm/secrets 0 900\n"
					   "mount /run/mvm/secrets /mnt/secrets - 4096 -\n"
					   "mount - /mnt/secrets - 4143 -\n" DRIVE_GONE);
	cr_assert(strstr(told, "secret . cannot be opened: No such file") != NULL, "%s", told);
}

/* Whatever fails, no secret stays anywhere. */
static void expect_failure(const char *call, int error, const char *text, const char *last_calls)
{
	struct problem p;

	reset();
	fail_at(0, call, error);
	cr_assert(secrets_mount("/dev/vdc", 900, &tell, &p) == -error);
	cr_assert(strstr(p.text, text) == p.text, "%s", p.text);
	cr_assert(strlen(calls) >= strlen(last_calls) &&
			  strcmp(calls + strlen(calls) - strlen(last_calls), last_calls) == 0,
		"%s", calls);
	cr_assert_str_eq(told, "");
}

Test(mounts, secrets_that_cannot_be_protected_are_not_there)
{
	expect_failure("mkdir /run/mvm/secrets-drive", EROFS,
		"cannot make /run/mvm/secrets-drive: ", "mkdir /run/mvm/secrets-drive 700\n");
	expect_failure("mount /dev/vdc", EIO,
		"cannot mount /dev/vdc on /run/mvm/secrets-drive: ", DRIVE_MOUNTED);
	expect_failure(
		"mkdir /run/mvm/secrets 700", ENOSPC, "cannot make /run/mvm/secrets: ", DRIVE_GONE);
	expect_failure("mount tmpfs", ENOMEM,
		"cannot mount a tmpfs for the secrets: ", COPY_MOUNTED DRIVE_GONE);
	expect_failure("chown", EPERM, "cannot mount /mnt/secrets: ",
		"chown /run/mvm/secrets 0 900\numount /run/mvm/secrets 2\n" DRIVE_GONE);
	expect_failure("mount /run/mvm/secrets", ENOENT,
		"cannot mount /mnt/secrets: ", "umount /run/mvm/secrets 2\n" DRIVE_GONE);
	expect_failure("mount - /mnt/secrets", EBUSY, "cannot make /mnt/secrets read-only: ",
		"umount /mnt/secrets 2\numount /run/mvm/secrets 2\n" DRIVE_GONE);
}

Test(mounts, a_secrets_drive_that_is_busy_is_detached)
{
	struct problem p;

	fail_at(0, "umount /run/mvm/secrets-drive 0", EBUSY);
	cr_assert(secrets_mount("/dev/vdc", 900, &tell, &p) == 0);
	cr_assert(strstr(calls, "umount /run/mvm/secrets-drive 2\n") != NULL);
}

/* ---- overlays ---------------------------------------------------------------------------------
 */

Test(mounts, overlays_take_the_mode_of_what_is_below)
{
	cr_assert(overlay_mount_all(&tell) == 0, "%s", told);
	cr_assert(strstr(calls,
			  "mkdir /run/mvm/overlay 700\n"
			  "mount tmpfs /run/mvm/overlay tmpfs 6 mode=0700,size=25%\n"
			  "mkdir /run/mvm/overlay/etc 700\n"
			  "chmod /run/mvm/overlay/etc 755\n"
			  "mkdir /run/mvm/overlay/etc.work 700\n"
			  "mount overlay /etc overlay 6 lowerdir=/etc,upperdir=/run/mvm/overlay/"
			  "etc,workdir=/run/mvm/overlay/etc.work\n") == calls,
		"%s", calls);
	cr_assert(strstr(calls, "mount overlay /var overlay") != NULL);
}

Test(mounts, a_directory_without_an_overlay_stays_read_only)
{
	fail_at(0, "mount overlay /etc", ENODEV);
	cr_assert(overlay_mount_all(&tell) == 1);
	cr_assert_str_eq(
		told, "cannot mount an overlay on /etc: it stays read-only: No such device\n");
	cr_assert(strstr(calls, "mount overlay /var") != NULL, "the next one is tried");
	reset();
	fail_at(0, "mkdir /run/mvm/overlay/etc.work", ENOSPC);
	fail_at(1, "mkdir /run/mvm/overlay/var 700", ENOSPC);
	cr_assert(overlay_mount_all(&tell) == 2);
	cr_assert(strstr(calls, "mount overlay") == NULL);
}

Test(mounts, no_overlays_without_room_for_changes)
{
	fail_at(0, "mount tmpfs", ENOMEM);
	cr_assert(overlay_mount_all(&tell) == 1);
	cr_assert_str_eq(told, "cannot mount the tmpfs for changes on /run/mvm/overlay: Cannot "
			       "allocate memory\n");
	cr_assert(strstr(calls, "mount overlay") == NULL);
}

Test(mounts, a_home_gets_its_overlay_once)
{
	struct problem p;

	cr_assert(overlay_mount_home("/", &p) == 0);
	cr_assert(overlay_mount_home("/homes/x", &p) == 0);
	cr_assert_str_eq(calls, "");
	fail_at(0, "mount overlay /root", EINVAL);
	cr_assert(overlay_mount_home("/root", &p) == -EINVAL);
	cr_assert(overlay_mount_home("/home/web", &p) == 0);
	cr_assert(strstr(calls, "mount overlay /home ") != NULL);
	calls[0] = '\0';
	cr_assert(overlay_mount_home("/home/other", &p) == 0);
	cr_assert_str_eq(calls, "");
}

/* ---- the end ----------------------------------------------------------------------------------
 */

#define ROOT_LINE "1 0 254:0 / / rw - ext4 /dev/root rw\n"
#define DATA_LINE "2 1 254:16 / /mnt/data rw shared:1 - ext4 /dev/vdb rw\n"
#define BELOW     "3 2 254:16 /a /mnt/data/a\\040b\\134c rw - ext4 /dev/vdb rw\n"
#define CONFIG    "6 1 254:32 / /mnt/config ro,nosuid - ext4 /dev/vdc ro\n"

static void make_table(int number, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/table-%d", directory, number);
	f = fopen(path, "we");
	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* In as many passes as needed; a bad line and one that is far too long are skipped. */
Test(mounts, what_is_busy_at_the_end_becomes_read_only)
{
	static char line[40000], table[60000];

	memset(line, 'x', sizeof(line) - 1);
	make_drives();
	snprintf(table, sizeof(table),
		"%s%s%s4 1 0:20 / /run rw - tmpfs tmpfs rw\n5 1 254:64 / /mnt/long %s - ext4 "
		"/dev/vde rw\nno mount\n%s",
		ROOT_LINE, DATA_LINE, BELOW, line, CONFIG);
	make_table(0, table);
	make_table(1, ROOT_LINE DATA_LINE);
	make_table(2, ROOT_LINE DATA_LINE);
	tables = 0;
	fail_at(0, "umount /mnt/data 8", EBUSY);
	fail_at(1, "mount - /mnt/data", EBUSY);
	unmount_devices(&tell);
	cr_expect_str_eq(calls, "umount /mnt/data 8\numount /mnt/data/a b\\c 8\n"
				"umount /mnt/config 8\numount /mnt/data 8\n"
				"mount - / - 33 -\nmount - /mnt/data - 33 -\n");
	cr_expect_str_eq(told, "cannot unmount /mnt/data: Device or resource busy\n");
	remove_drives();
}

Test(mounts, an_end_without_the_table_of_mounts)
{
	make_drives();
	tables = 0;
	unmount_devices(&tell);
	cr_expect_str_eq(calls, "");
	cr_expect_str_eq(told, "cannot read /proc/self/mountinfo: No such file or directory\n");
	remove_drives();
}
