/* SPDX-License-Identifier: MIT */
/* What the agent is made of. Requests are handled with it; agent.h starts and stops it. */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "agent/agent_options.h"
#include "agent/checks/activity.h"
#include "agent/checks/check.h"
#include "agent/checks/history.h"
#include "agent/checks/hook.h"
#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "agent/checks/monitor.h"
#include "agent/link/channel.h"
#include "agent/link/service_link.h"
#include "agent/wire/connection.h"
#include "agent/wire/listener.h"
#include "base/loop.h"
#include "protocol/messages.h"

#include <stdbool.h>

/* Where the agent's files are. */
struct agent_paths {
	const char *integrations;       /* directory */
	const char *probes;             /* directory */
	const char *history;            /* file */
	const char *policy;             /* file, from the host */
	const char *host_config;        /* file, from the host */
	const char *entrypoint;         /* file: entrypoint.h */
	const char *self;               /* the agent's own program */
	const char *const *state_roots; /* directories, NULL-terminated: see hook.h */
};

struct console;
struct forward;
struct restore;
struct pending;
struct process;

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
	struct server server, later_server; /* of ports 52 and 5252 */
	struct listener listener, later_listener;
	struct channel channel;
	struct hook_context hooks;
	struct service_link service_link;
	struct pending *pending;           /* requests that take a while */
	struct restore *restore;           /* the one that is under way */
	uint64_t started_ms, listening_ms; /* clock_ms() */
	bool serves[REQUEST_KINDS];        /* which requests have a handler */
	struct process *processes;         /* of ProcStart: processes.h */
	size_t process_count;
	struct console *consoles; /* the newest first */
	uint32_t console_id;      /* of the newest */
	struct forward *forwards; /* ports that are forwarded */
	size_t forwarded;         /* connections of theirs */
	size_t execs;             /* commands of Exec that run */
	size_t file_requests;     /* that run: files.h */
	size_t waits;             /* requests for events that wait for one */
	bool stopping;
};

#endif
