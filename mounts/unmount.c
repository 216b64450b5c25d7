/* SPDX-License-Identifier: MIT */
#include "mounts/unmount.h"

#include "base/mountinfo.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#define PASSES_MAX 64 /* one for each level of nested mounts */

struct pass {
	bool last; /* make the remaining mounts read-only instead */
	unsigned int unmounted;
	const struct reporter *report;
};

static void take_mount(void *arg, const char *point, const char *source)
{
	struct pass *pass = arg;
	struct problem p;

	if (strncmp(source, "/dev/", 5) != 0)
		return;
	if (!pass->last) {
		if (strcmp(point, "/") != 0 && umount2(point, UMOUNT_NOFOLLOW) == 0)
			pass->unmounted++;
		return;
	}
	if (mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0)
		return;
	problem_set(&p, errno, "cannot unmount %s", point);
	problem_report(pass->report, &p);
}

void unmount_devices(const struct reporter *report)
{
	struct pass pass = { .report = report };
	struct problem p;
	int err = 0;

	for (int i = 0; i < PASSES_MAX; i++) {
		pass.unmounted = 0;
		err = mountinfo_each(take_mount, &pass);
		if (err != 0 || pass.unmounted == 0)
			break;
	}
	pass.last = true;
	if (err == 0)
		err = mountinfo_each(take_mount, &pass);
	if (err == 0)
		return;
	problem_set(&p, -err, "cannot read /proc/self/mountinfo");
	problem_report(report, &p);
}
