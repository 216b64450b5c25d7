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
	OPTIONS_FILE_REQUEST,   /* answer one request: files/file_request.h */
	OPTIONS_WAKE_INSTANCE,  /* operands: tenant, pool, instance */
	OPTIONS_QUERY_INSTANCE, /* likewise */
};

struct options {
	enum options_action action;
	int listen_fd;          /* -1: bind `port` */
	int later_listen_fd;    /* of the port of later hosts; -1: none */
	int control_fd;         /* -1: none */
	const char *check_user; /* NULL: none given */
	const char *config;     /* NULL: OPTIONS_CONFIG_PATH, which may be absent */
	char *const *operands;  /* what stands behind the option of another action */
	int operand_count;
	/* From the command line, or the file, or the defaults, in this order. */
	uint64_t port;
	double busy_threshold;
	uint64_t sample_interval_secs;
	bool dev;             /* of the file only: what a host may do without a policy file */
	char dev_user[64];    /* of the file only: "": the default user of checks */
	bool freeze_services; /* of the file only: SleepPrep freezes them */
	bool has_port, has_busy_threshold, has_sample_interval; /* given on the command line */
};

/*
 * Read the command line. A bad value of an option that hosts have always had is logged and
 * ignored, as they expect; what is wrong otherwise is an error. Returns 0 or -EINVAL with `p`.
 */
int options_parse(int argc, char *const *argv, struct options *o, struct problem *p);

/*
 * Fill in from the configuration file what the command line has left open. The file that
 * `o->config` names must be there and good; the default one may be absent, and is ignored with a
 * log line when it is bad. Returns 0 or -errno with `p`.
 */
int options_read_config(struct options *o, struct problem *p);

/* The text of --help. */
extern const char options_usage[];

#endif
