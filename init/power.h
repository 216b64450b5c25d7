/* SPDX-License-Identifier: MIT */
/* The end of the guest: stop everything, write it to disk, then reboot(2). */
#ifndef INIT_POWER_H
#define INIT_POWER_H

#include "base/problem.h"

#include <stdbool.h>

enum power_action {
	POWER_RESTART, /* RB_AUTOBOOT: with reboot=k it ends Firecracker on x86 */
	POWER_OFF,     /* RB_POWER_OFF: on x86 Firecracker keeps running */
	POWER_HALT,    /* RB_HALT_SYSTEM: the processors stop, the machine stays on */
};

/* A command that asks PID 1 to end the guest. */
struct power_command {
	const char *name;    /* "reboot", "poweroff" or "halt" */
	const char *what;    /* for the log: "restarting" ... */
	const char *failure; /* for the log, after "cannot" */
	int signal;          /* that it sends to PID 1; the same as in busybox */
};

/* By enum power_action. */
#define POWER_ACTIONS 3
extern const struct power_command power_commands[POWER_ACTIONS];

/* Returns the action of the command `name`, or -ENOENT. */
int power_action_of(const char *name);

/*
 * What a signal means whose sender has ended before it could be named: an action, or -ENOENT for
 * the signal's own meaning. USR1 tells of a restored snapshot only if the guest `was_prepared` for
 * one; otherwise it was a halt.
 */
int power_action_likely(int signal, bool was_prepared);

/*
 * Make Ctrl-Alt-Del a SIGINT to PID 1 instead of an immediate restart (reboot(2),
 * LINUX_REBOOT_CMD_CAD_OFF). Does nothing in a pid namespace. Returns 0 or -errno.
 */
int power_take_over_keys(void);

/*
 * Kill all remaining processes, then sync(2), unmount_devices() and reboot(2). Problems are told to
 * `report`. Returns only when reboot(2) fails, with -errno.
 */
int power_end(enum power_action action, const struct reporter *report);

#endif
