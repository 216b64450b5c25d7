/* SPDX-License-Identifier: MIT */
#include "init/power.h"

#include "base/clock.h"
#include "mounts/unmount.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAP_FOR_MS 200

const struct power_command power_commands[POWER_ACTIONS] = {
	[POWER_RESTART] = { "reboot", "restarting", "restart", SIGTERM },
	[POWER_OFF] = { "poweroff", "powering off", "power off", SIGUSR2 },
	[POWER_HALT] = { "halt", "halting", "halt", SIGUSR1 },
};

int power_action_of(const char *name)
{
	for (int i = 0; i < POWER_ACTIONS; i++)
		if (strcmp(name, power_commands[i].name) == 0)
			return i;
	return -ENOENT;
}

int power_action_likely(int signal, bool was_prepared)
{
	return signal == SIGUSR1 && !was_prepared ? POWER_HALT : -ENOENT;
}

int power_take_over_keys(void)
{
	/* EINVAL: PID 1 of a pid namespace, where there are no keys. */
	return reboot(RB_DISABLE_CAD) != 0 && errno != EINVAL ? -errno : 0;
}

/*
 * Kill all processes and wait, because a dying process still holds its files (a zombie does not).
 * The wait is limited: processes in uninterruptible sleep may never end.
 */
static void kill_everything(void)
{
	uint64_t until = clock_ms() + REAP_FOR_MS;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	kill(-1, SIGKILL);
	for (;;) {
		uint64_t now = clock_ms();
		struct timespec left;
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 || now >= until)
			return;
		if (pid > 0)
			continue;
		left = (struct timespec){ .tv_nsec = (long)(until - now) * 1000000 };
		sigtimedwait(&chld, NULL, &left);
	}
}

int power_end(enum power_action action, const struct reporter *report)
{
	kill_everything();
	sync();
	unmount_devices(report);
	reboot(action == POWER_OFF     ? RB_POWER_OFF
		: action == POWER_HALT ? RB_HALT_SYSTEM
				       : RB_AUTOBOOT);
	return -errno;
}
