/* SPDX-License-Identifier: MIT */
/* The only way out of PID 1: everything stopped and written, then reboot(2). */
#ifndef INIT_POWER_H
#define INIT_POWER_H

#include "base/problem.h"

enum power_action {
	POWER_RESTART, /* RB_AUTOBOOT: with reboot=k it ends Firecracker on x86 */
	POWER_OFF,     /* RB_POWER_OFF: on x86 Firecracker goes on running */
	POWER_HALT,    /* RB_HALT_SYSTEM: the processors stop, and the machine stays on */
};

/* A command that asks PID 1 to end the guest, and how it is done. */
struct power_command {
	const char *name;    /* "reboot", "poweroff" or "halt" */
	const char *what;    /* that it does, in words */
	const char *failure; /* what it cannot do then, in words */
	int signal;          /* that it sends PID 1, as busybox does */
};

/* By enum power_action. */
#define POWER_ACTIONS 3
extern const struct power_command power_commands[POWER_ACTIONS];

/* The action of the command of that name, or -ENOENT. */
int power_action_of(const char *name);

/*
 * Make Ctrl-Alt-Del a SIGINT to PID 1 instead of an immediate restart (reboot(2),
 * LINUX_REBOOT_CMD_CAD_OFF). In a pid namespace there is nothing to take over. Returns 0 or -errno.
 */
int power_take_over_keys(void);

/*
 * Kill every process that is left, sync(2), unmount_devices() and reboot(2). Problems are told to
 * `report`. Returns only when reboot(2) fails, with -errno.
 */
int power_end(enum power_action action, const struct reporter *report);

#endif
