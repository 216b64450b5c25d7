/* SPDX-License-Identifier: MIT */
#include "supervisor/service_name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Without strspn(3), which would build a table of the legal characters for each name. */
static bool is_legal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

int service_name_of_file(const char *file, char name[SERVICE_NAME_MAX])
{
	size_t len = strlen(file);

	if (len < 4 || strcmp(file + len - 4, ".ini") != 0 || file[0] == '.')
		return -ENOENT;
	len -= 4;
	if (len >= SERVICE_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!is_legal(file[i]))
			return -EINVAL;
	memcpy(name, file, len);
	name[len] = '\0';
	return 0;
}
