/* SPDX-License-Identifier: MIT */
#include "mounts/mount_point.h"

#include "base/buf.h"

#include <sys/stat.h>

bool mount_point_is_used(const char *path)
{
	struct stat here, above;
	char parent[64];

	buf_format(parent, sizeof(parent), "%s/..", path);
	return stat(path, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}
