/* SPDX-License-Identifier: MIT */
#include "supervisor/service_name.h"

#include <errno.h>
#include <string.h>

int service_name_of_file(const char *file, char name[SERVICE_NAME_MAX])
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t len = strlen(file);

	if (len < 4 || strcmp(file + len - 4, ".ini") != 0 || file[0] == '.')
		return -ENOENT;
	len -= 4;
	if (len >= SERVICE_NAME_MAX || strspn(file, legal) < len)
		return -EINVAL;
	memcpy(name, file, len);
	name[len] = '\0';
	return 0;
}
