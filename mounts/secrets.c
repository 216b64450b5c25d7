/* SPDX-License-Identifier: MIT */
#include "mounts/secrets.h"

#include "base/mountinfo.h"
#include "mounts/drives.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* The writable view of the copy, and the drive: in /run/mvm, which only root can enter. */
#define COPY  "/run/mvm/secrets"
#define DRIVE "/run/mvm/secrets-drive"

/* Hosts make drives of 4 to 16 MiB. In a small guest, more than a quarter of the memory would leave
 * too little for the rest. */
#define COPY_MAX_MIB   64
#define COPY_SHARE     4
#define COPY_OPTIONS   "mode=0550,size=64m"
#define COPY_OF_LITTLE "mode=0550,size=25%"

static const char *copy_options(void)
{
	struct sysinfo s;

	return sysinfo(&s) == 0 && ((uint64_t)s.totalram * s.mem_unit >> 20) <
					   (uint64_t)COPY_MAX_MIB * COPY_SHARE
		       ? COPY_OF_LITTLE
		       : COPY_OPTIONS;
}

/* Mount the tmpfs for the copy, and its read-only view for services. */
static int mount_copy(gid_t group, struct problem *p)
{
	const char *target = drive_mount_point(DRIVE_SECRETS);
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mountinfo_is_mount_point(COPY))
		return 0;
	if (mkdir(COPY, 0700) != 0 && errno != EEXIST)
		return problem_set(p, errno, "cannot make " COPY);
	if (mount("tmpfs", COPY, "tmpfs", flags, copy_options()) != 0)
		return problem_set(p, errno, "cannot mount a tmpfs for the secrets");
	if (chown(COPY, 0, group) == 0 && mount(COPY, target, NULL, MS_BIND, NULL) == 0) {
		if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0)
			return 0;
		problem_set(p, errno, "cannot make %s read-only", target);
		umount2(target, MNT_DETACH);
	} else {
		problem_set(p, errno, "cannot mount %s", target);
	}
	umount2(COPY, MNT_DETACH);
	return -p->code;
}

static int mount_drive(const char *device, struct problem *p)
{
	if (mkdir(DRIVE, 0700) != 0 && errno != EEXIST)
		return problem_set(p, errno, "cannot make " DRIVE);
	return drive_mount(device, DRIVE, false, p);
}

int secrets_mount(const char *device, gid_t group, const struct reporter *report, struct problem *p)
{
	int err = mount_drive(device, p);

	if (err != 0)
		return err;
	err = mount_copy(group, p);
	if (err == 0)
		secrets_copy(DRIVE, COPY, group, report);
	if (umount2(DRIVE, 0) != 0)
		umount2(DRIVE, MNT_DETACH);
	rmdir(DRIVE);
	return err;
}
