/* SPDX-License-Identifier: MIT */
/* The state of the agent, which request handlers work on. agent.h starts and stops it. */
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
#include "agent/link/boot_clock.h"
#include "agent/link/channel.h"
#include "agent/link/host_time.h"
#include "agent/link/service_link.h"
#include "agent/wire/connection.h"
#include "agent/wire/listener.h"
#include "base/loop.h"
#include "protocol/messages.h"

#include <stdbool.h>

/* Paths of the agent's files. */
struct agent_paths {
	const char *integrations;       /* directory */
	const char *probes;             /* directory */
	const char *history;            /* file */
	const char *policy;             /* file on the config drive */
	const char *host_config;        /* file on the config drive */
	const char *entrypoint;         /* marker file: entrypoint.h */
	const char *self;               /* the agent's own executable */
	const char *const *state_roots; /* directories, NULL-terminated: see hook.h */
	bool asks_host;                 /* what time it is; false where there is no host */
};

struct console;
struct entrypoint_call;
struct forward;
struct restore;
struct pending;
struct process;

struct agent {
	struct options options, given; /* in force; from the command line alone */
	struct agent_paths paths;
	struct loop loop;
	struct loop_io signals;
	struct loop_io starter; /* its end is the agent's */
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
	struct boot_clock boot_clock;
	struct pending *pending;           /* requests still being worked on */
	struct restore *restore;           /* the one that runs; NULL: none */
	uint64_t started_ms, listening_ms; /* clock_ms() */
	bool serves[REQUEST_KINDS];        /* requests with a handler */
	struct process *processes;         /* started by ProcStart: processes.h */
	size_t process_count;
	struct console *consoles;                /* the newest first */
	uint32_t console_id;                     /* number of the newest */
	struct forward *forwards;                /* forwarded ports */
	size_t forwarded;                        /* connections of all forwarded ports */
	size_t execs;                            /* running commands of Exec */
	size_t file_requests;                    /* running file requests: files.h */
	size_t waits;                            /* Events requests that wait for an event */
	struct entrypoint_call *entrypoint_call; /* the running RunEntrypoint, or NULL */
	bool stopping, failed;
};

#endif
