/* SPDX-License-Identifier: MIT */
#include "mounts/tmpfs_limit.h"

#include "base/buf.h"
#include "mounts/overlay.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mount.h>

#define KIB_A_FILE  4
#define PERCENT_SUM 80

/* The sizes that api_filesystems.c and overlay.c set. */
static const struct {
	const char *path;
	unsigned int percent;
} limited[] = {
	{ "/dev/shm", 20 },
	{ "/run", 10 },
	{ "/tmp", 25 },
	{ OVERLAY_CHANGES, 25 },
};

void tmpfs_limit(uint64_t bytes, uint64_t memory, const struct reporter *report)
{
	uint64_t sum = memory / 100 * PERCENT_SUM;

	if (sum > bytes)
		sum = bytes;
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		unsigned long long kib = sum / PERCENT_SUM * limited[i].percent / 1024;
		char options[64];
		struct problem p;

		buf_format(options, sizeof(options), "size=%lluk,nr_inodes=%llu", kib,
			kib / KIB_A_FILE);
		if (mount(NULL, limited[i].path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV,
			    options) == 0 ||
			errno == EINVAL || errno == ENOENT)
			continue;
		problem_set(&p, errno, "cannot limit the files in %s", limited[i].path);
		problem_report(report, &p);
	}
}
