/* SPDX-License-Identifier: MIT */
/* PID 1. It never returns once it has begun to boot. */
#include "base/file.h"
#include "base/log.h"
#include "init/boot.h"
#include "init/guest.h"
#include "supervisor/collector.h"

#include <string.h>
#include <unistd.h>

static struct guest guest;

static void say(int fd, const char *text)
{
	file_write_all(fd, text, strlen(text));
}

static int run_as_command(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], COLLECTOR_OPTION) == 0)
		return collector_main();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		say(STDOUT_FILENO, "init (mvm) " PROGRAM_VERSION "\n");
		return 0;
	}
	say(STDERR_FILENO,
		"init: the first process of an mvm guest; it does its work as PID 1 only.\n"
		"See init(8). Options: --version\n");
	return 2;
}

/* Without an event loop nothing can be supervised, but to end would make the kernel panic. */
static void stay(int err)
{
	for (;;) {
		log_line("no event loop: %s", problem_errno_text(-err));
		pause();
	}
}

int main(int argc, char **argv)
{
	int err;

	if (getpid() != 1)
		return run_as_command(argc, argv);
	guest.control.io.fd = guest.control.agent_fd = guest.sync.io.fd = -1;
	err = boot(&guest);
	while (err == 0) {
		err = loop_run_once(&guest.loop);
		supervisor_sweep(&guest.supervisor);
	}
	stay(err);
}
