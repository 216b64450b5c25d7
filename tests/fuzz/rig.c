/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

char *rig_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text != NULL, "no memory");
	for (size_t i = 0; i < size; i++)
		text[i] = data[i] == '\0' ? '\n' : (char)data[i];
	text[size] = '\0';
	return text;
}

const char *rig_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size,
		"no file in memory");
	return path;
}
