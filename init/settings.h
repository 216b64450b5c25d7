/* SPDX-License-Identifier: MIT */
/* /etc/mvm/init.ini, mvm-init.ini(5): the image's settings for the whole guest. */
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
	char service_group[ACCOUNT_NAME_MAX]; /* may read secrets; also the default user's name
					       */
	char agent[SETTINGS_PATH_MAX];        /* the agent's program; "": search for it */
	char drives[DRIVE_ROLES][DRIVE_DEVICE_MAX]; /* device of each role; "": search for it */
	char data_owner[2 * ACCOUNT_NAME_MAX];      /* USER or USER:GROUP; "": see guest_drives.c */
	bool accounting;            /* turn on cgroup controllers even if no service has limits */
	bool user_namespaces;       /* services may make user namespaces */
	uint64_t memory_reserve;    /* bytes that services cannot have, or RESERVE_AUTOMATIC */
	struct strings sysctl;      /* kernel settings, NAME=VALUE */
	struct strings nameservers; /* for resolv.conf when the kernel command line has none */
	struct strings env;         /* the environment of every service */
};

/*
 * Read `path` into `s`, over the defaults. A missing file is not an error. Every bad line is told
 * to `report`, and the others are used. Returns 0 or -errno.
 */
int settings_read(const char *path, struct settings *s, const struct reporter *report);

/* Free the memory of settings_read(). */
void settings_free(struct settings *s);

#endif
