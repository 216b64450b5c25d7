/* SPDX-License-Identifier: MIT */
/* /etc/mvm/init.ini, mvm-init.ini(5): what the image says about the whole guest. */
#ifndef INIT_SETTINGS_H
#define INIT_SETTINGS_H

#include "base/account.h"
#include "base/problem.h"
#include "base/strings.h"
#include "mounts/drives.h"

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_FILE     "/etc/mvm/init.ini"
#define SETTINGS_HOST_MAX 65 /* Linux has at most 64 bytes of host name; terminator included */
#define SETTINGS_PATH_MAX 256

struct settings {
	char hostname[SETTINGS_HOST_MAX];     /* "" when none is set */
	char service_group[ACCOUNT_NAME_MAX]; /* who may read secrets, and the default user's name
					       */
	char agent[SETTINGS_PATH_MAX];        /* the agent's program; "" means: look for it */
	char drives[DRIVE_ROLES][DRIVE_DEVICE_MAX]; /* device of each role; "" means: find it */
	char data_owner[2 * ACCOUNT_NAME_MAX];      /* USER or USER:GROUP; "": see guest_drives.c */
	bool accounting;            /* cgroup controllers are on even where no service has limits */
	bool user_namespaces;       /* services may make some */
	uint64_t memory_reserve;    /* bytes that services cannot have, or RESERVE_AUTOMATIC */
	struct strings sysctl;      /* kernel settings, NAME=VALUE */
	struct strings nameservers; /* for resolv.conf when the kernel command line has none */
	struct strings env;         /* the environment of every service */
};

/*
 * Read `path` into `s`, on top of the defaults. A file that is not there is fine. Every bad line is
 * told to `report`, the others count. Returns 0 or -errno.
 */
int settings_read(const char *path, struct settings *s, const struct reporter *report);

/* Free what settings_read() took. */
void settings_free(struct settings *s);

#endif
