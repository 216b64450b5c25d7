/* SPDX-License-Identifier: MIT */
/* The state of PID 1, grouped by the file that owns it. The only instance is in main.c. */
#ifndef INIT_GUEST_H
#define INIT_GUEST_H

#include "base/agent_address.h"
#include "base/loop.h"
#include "init/changes.h"
#include "init/cmdline.h"
#include "init/control.h"
#include "init/network_config.h"
#include "init/power.h"
#include "init/settings.h"
#include "init/sync.h"
#include "mounts/drives.h"
#include "supervisor/supervisor.h"

#include <stdbool.h>

#define AGENT_NAME       PROTOCOL_AGENT_NAME
#define BOOT_STAGES_MAX  24
#define NETWORK_LINE_MAX 256

/* The agent's descriptors, from 3 on. */
enum agent_fd { AGENT_LISTEN, AGENT_CONTROL, AGENT_LISTEN_LATER, AGENT_FDS };

#define AGENT_PORTS 2 /* that it listens on */

/* How long a stage of the boot took. */
struct boot_stage {
	const char *name;
	uint64_t start_us, end_us; /* CLOCK_MONOTONIC; 0 is the kernel's start */
};

struct guest {
	struct loop loop;
	struct supervisor supervisor;
	bool accounts_are_unread; /* passwd(5) or group(5): reload_accounts() */
	struct events events;     /* the supervisor's */
	struct cmdline cmdline;
	struct settings settings;
	struct control control; /* the channel to the agent */
	struct sync_work sync;
	bool was_prepared; /* for a snapshot, at least once: the guest may be a copy */
	struct changes_work changes;
	struct loop_io signals; /* signalfd(2) */
	struct {
		struct boot_stage stages[BOOT_STAGES_MAX];
		size_t stage_count;
		bool services_up; /* every service has been up, or has ended, once */
		struct loop_timer second_part;
		size_t pending;     /* services on their way to their programs, when last counted */
		unsigned int tries; /* since that number last changed */
		unsigned int looks; /* that were taken at that number */
		struct loop_timer count; /* each service is counted by itself from then on */
	} boot;
	struct {
		struct network_config config;
		char summary[NETWORK_LINE_MAX];
	} network;
	struct {
		struct drives found;
		bool mounted[DRIVE_ROLES];
	} drives;
	struct {
		struct service *service;           /* NULL: no agent in the image, or no vsock */
		int fds[AGENT_FDS];                /* passed as descriptors 3, 4, ... */
		struct loop_io ports[AGENT_PORTS]; /* its listening sockets: agent_watch.h */
		struct loop_timer patience;
		bool is_asked; /* for a sign of life, until `patience` ends */
	} agent;
	struct {
		unsigned int stage; /* number of the next step */
		bool patience_over; /* the time for services to stop is over */
		bool alone;         /* refresh_alone() is under way */
		uint64_t begun_us;
		struct loop_timer timer;
	} refresh;
	struct {
		bool begun;
		enum power_action action; /* what happens at the end */
		struct loop_timer timer;
	} shutdown;
};

/* End a stage of the boot now. It began when the previous one ended. */
void guest_mark_stage(struct guest *g, const char *name);

#endif
