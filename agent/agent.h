/* SPDX-License-Identifier: MIT */
/* The agent as a whole: what it is made of, how it starts, runs and stops. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/activity.h"
#include "agent/channel.h"
#include "agent/check.h"
#include "agent/connection.h"
#include "agent/history.h"
#include "agent/hook.h"
#include "agent/identity.h"
#include "agent/job.h"
#include "agent/listener.h"
#include "agent/monitor.h"
#include "agent/options.h"
#include "agent/service_link.h"
#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>

/* Where the agent's files are. */
struct agent_paths {
	const char *integrations;       /* directory */
	const char *probes;             /* directory */
	const char *history;            /* file */
	const char *policy;             /* file, from the host */
	const char *host_config;        /* file, from the host */
	const char *self;               /* the agent's own program */
	const char *const *state_roots; /* directories, NULL-terminated: see hook.h */
};

extern const struct agent_paths agent_default_paths;

struct restore;
struct work;

struct agent {
	struct options options, given; /* in force; and from the command line alone */
	struct agent_paths paths;
	struct loop loop;
	struct loop_io signals;
	struct jobs jobs;
	struct identities identities;
	struct checker checker;
	struct monitors integrations, probes;
	struct activity activity;
	struct history history;
	struct server server;
	struct listener listener;
	struct channel channel;
	struct hook_context hooks;
	struct service_link service_link;
	struct work *works;      /* requests that take a while */
	struct restore *restore; /* the one that is under way */
	size_t execs;            /* commands of Exec that run */
	size_t waits;            /* requests for events that wait for one */
	bool stopping;
};

/*
 * Start: options, definitions, history, the listening socket, and the first checks. Signals TERM,
 * INT, HUP and CHLD are blocked from here on, and read by agent_run(). Returns 0, or -errno with
 * `p` when the agent cannot do its work; the process is expected to exit then.
 */
int agent_start(struct agent *a, const struct options *o, const struct agent_paths *paths,
	struct problem *p);

/*
 * Serve until SIGTERM or SIGINT, or until the listening socket fails. Then stop all checks, save
 * the history and close everything. Returns 0, or -errno with `p`.
 */
int agent_run(struct agent *a, struct problem *p);

#endif
