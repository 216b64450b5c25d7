/* SPDX-License-Identifier: MIT */
/* The command line and the configuration file of the agent: mvm-guest-agent(8). */
#ifndef AGENT_AGENT_OPTIONS_H
#define AGENT_AGENT_OPTIONS_H

#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_CONFIG_PATH "/etc/mvm/agent.json"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_STATE_SIZE,     /* operands: paths */
	OPTIONS_FILE_REQUEST,   /* answer one file request (files/file_request.h) */
	OPTIONS_WAKE_INSTANCE,  /* operands: tenant, pool, instance */
	OPTIONS_QUERY_INSTANCE, /* operands: tenant, pool, instance */
};

struct options {
	enum options_action action;
	int listen_fd;            /* -1: bind `port` */
	int later_listen_fd;      /* for the port of later hosts; -1: none */
	int control_fd;           /* -1: none */
	const char *check_user;   /* NULL: none given */
	const char *config_drive; /* the device; NULL: the guest has none */
	const char *config;       /* NULL: OPTIONS_CONFIG_PATH, which may be absent */
	char *const *operands;    /* operands of an action other than serving */
	int operand_count;
	/* The command line takes precedence over the file, and the file over the defaults. */
	uint64_t port;
	double busy_threshold;
	uint64_t sample_interval_secs;
	bool dev;             /* from the file only: rights of a host if there is no policy file */
	char dev_user[64];    /* from the file only; "": the default user of checks */
	bool freeze_services; /* from the file only: SleepPrep freezes the services */
	bool has_port, has_busy_threshold, has_sample_interval; /* given on the command line */
};

/*
 * Read the command line. A bad value of an option that mvm's own agent has is logged and ignored,
 * as that agent does; every other mistake is an error. Returns 0 or -EINVAL with `p`.
 */
int options_parse(int argc, char *const *argv, struct options *o, struct problem *p);

/*
 * Take the settings that the command line did not give from the configuration file. A file named
 * by `o->config` must exist and be valid. The default file may be absent, and an invalid one is
 * ignored with a log line. Returns 0 or -errno with `p`.
 */
int options_read_config(struct options *o, struct problem *p);

/* The text of --help. */
extern const char options_usage[];

#endif
