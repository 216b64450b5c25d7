/* SPDX-License-Identifier: MIT */
#include "init/console.h"

#include "base/log.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define KEPT_MAX 8

static struct problem kept[KEPT_MAX];
static size_t kept_count;

static void keep_problem(void *context, const struct problem *p)
{
	(void)context;
	if (kept_count < KEPT_MAX)
		kept[kept_count++] = *p;
}

const struct reporter console_early_problems = { .take = keep_problem };

static void repair_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open(
				"/dev/null", O_RDWR | O_NOCTTY); /* takes the lowest free number */
}

void console_open(const char *prefix)
{
	int fd;

	repair_standard_descriptors();
	fd = open("/dev/console", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	log_open(fd < 0 ? STDERR_FILENO : fd, prefix);
	for (size_t i = 0; i < kept_count; i++)
		log_line("%s", kept[i].text);
	kept_count = 0;
}
