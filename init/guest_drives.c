/* SPDX-License-Identifier: MIT */
#include "init/guest_drives.h"

#include "base/log.h"
#include "mounts/secrets.h"

#include <errno.h>
#include <sys/mount.h>

static void mount_plain_drive(struct guest *g, enum drive_role role)
{
	const char *device = g->drives.found.device[role];
	struct problem p;

	if (device[0] == '\0')
		return;
	g->drives.mounted[role] =
		drive_mount(device, drive_mount_point(role), role == DRIVE_DATA, &p) == 0;
	if (!g->drives.mounted[role])
		log_problem(&p);
}

int guest_drives_copy_secrets(struct guest *g, const struct reporter *report)
{
	const char *device = g->drives.found.device[DRIVE_SECRETS];
	struct problem p;
	gid_t group = 0;
	int err;

	if (device[0] == '\0')
		return 0;
	if (accounts_find_group(&g->supervisor.accounts, g->settings.service_group, &group, &p) !=
		0)
		log_line("secrets: %s: only root can read them", p.text);
	err = secrets_mount(device, group, report, &p);
	if (err != 0)
		problem_report(report, &p);
	return err;
}

/*
 * The kernel has the old contents in its cache, and only a file system that is not mounted anywhere
 * can be forgotten and read again.
 */
int guest_drives_remount_config(struct guest *g, struct problem *p)
{
	const char *device = g->drives.found.device[DRIVE_CONFIG];
	const char *target = drive_mount_point(DRIVE_CONFIG);

	if (device[0] == '\0')
		return 0;
	if (umount2(target, 0) != 0 && errno != EINVAL)
		return problem_set(p, errno, "cannot unmount %s", target);
	drive_forget_cache(device);
	return drive_mount(device, target, false, p);
}

void guest_drives_mount(struct guest *g)
{
	drives_find(g->settings.drives, &g->drives.found, &log_problems);
	mount_plain_drive(g, DRIVE_CONFIG);
	g->drives.mounted[DRIVE_SECRETS] = guest_drives_copy_secrets(g, &log_problems) == 0 &&
					   g->drives.found.device[DRIVE_SECRETS][0] != '\0';
	mount_plain_drive(g, DRIVE_DATA);
}
