/* SPDX-License-Identifier: MIT */
/* PID 1. It never returns once it has begun to boot. */
#include "base/file.h"
#include "base/log.h"
#include "init/boot.h"
#include "init/guest.h"
#include "init/power.h"
#include "init/refresh.h"
#include "init/share.h"
#include "init/shutdown.h"
#include "supervisor/collector.h"
#include "supervisor/collector_protocol.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define STAY_S 5

static struct guest guest;

static void say(int fd, const char *text)
{
	file_write_all(fd, text, strlen(text));
}

/*
 * Run as "reboot", "poweroff" or "halt": signal PID 1, which only root may. Stay for a while,
 * because PID 1 looks up the sender's name; the shutdown ends this process.
 */
static int run_power_command(const char *name, int action, bool has_arguments)
{
	const char *why = "takes no arguments";

	if (!has_arguments) {
		if (kill(1, power_commands[action].signal) == 0)
			return (int)sleep(STAY_S);
		why = strerror(errno);
	}
	say(STDERR_FILENO, name);
	say(STDERR_FILENO, ": ");
	say(STDERR_FILENO, why);
	say(STDERR_FILENO, "\n");
	return 1;
}

static int run_as_command(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int action;

	name = name != NULL ? name + 1 : argc > 0 ? argv[0] : "";
	action = power_action_of(name);
	if (action >= 0)
		return run_power_command(name, action, argc > 1);
	if (argc == 2 && strcmp(argv[1], COLLECTOR_OPTION) == 0)
		return collector_main(argv[0]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		say(STDOUT_FILENO, "init (mvm) " PROGRAM_VERSION "\n");
		return 0;
	}
	say(STDERR_FILENO, "init: the first process of an mvm guest; it runs only as PID 1.\n"
			   "See init(8). Options: --version\n");
	return 2;
}

/*
 * After all events of a pass: let a shutdown, a refresh and the agent's requests go on. The stage
 * "services-up" ends when every service that starts at boot has been up, or has ended, once.
 */
static void guest_settle(struct guest *g)
{
	do {
		supervisor_sweep(&g->supervisor);
		shutdown_settle(g);
		refresh_settle(g);
	} while (control_go_on(&g->control));
	if (!g->boot.services_up && supervisor_has_settled(&g->supervisor)) {
		g->boot.services_up = true;
		guest_mark_stage(g, "services-up");
		share_count_soon(g);
	}
}

int main(int argc, char **argv)
{
	int err;

	if (getpid() != 1)
		return run_as_command(argc, argv);
	boot(&guest);
	for (;;) {
		guest_settle(&guest);
		err = loop_run_once(&guest.loop);
		if (err != 0)
			boot_wait_for_loop(err);
	}
}
