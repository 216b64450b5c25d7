/* SPDX-License-Identifier: MIT */
#include "mounts/virtiofs.h"

#include "base/file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

bool virtiofs_path_is_allowed(const char *path)
{
	static const char *const refused[] = { "/proc", "/sys", "/dev", "/etc", "/nix", "/run/mvm",
		"/mnt/config", "/mnt/secrets" };
	unsigned int components = 0;

	if (path[0] != '/')
		return false;
	for (const char *at = path; *at != '\0'; components++) {
		size_t len = strcspn(++at, "/");

		if (len == 0 || (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.'))))
			return false;
		at += len;
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (file_is_below(path, refused[i]))
			return false;
	return components >= 2;
}

int virtiofs_mount(const char *tag, const char *path, struct problem *p)
{
	int err = file_make_directories(path);

	if (err == 0 && mount(tag, path, "virtiofs", MS_NOSUID | MS_NODEV, NULL) != 0)
		err = -errno;
	if (err == 0)
		return 0;
	return problem_set(p, -err, "cannot mount the host's share %s on %s%s", tag, path,
		err == -EINVAL   ? " (no device has that tag)"
		: err == -ENODEV ? " (the kernel has no virtiofs)"
				 : "");
}
