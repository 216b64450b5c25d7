/* SPDX-License-Identifier: MIT */
/* All that PID 1 knows of the guest. There is one, in main.c. */
#ifndef INIT_GUEST_H
#define INIT_GUEST_H

#include "base/loop.h"
#include "base/protocol.h"
#include "init/cmdline.h"
#include "init/control.h"
#include "init/network_config.h"
#include "init/power.h"
#include "init/settings.h"
#include "init/sync.h"
#include "init/timeline.h"
#include "mounts/drives.h"
#include "supervisor/supervisor.h"

#include <stdbool.h>

#define AGENT_NAME PROTOCOL_AGENT_NAME

struct guest {
	struct loop loop;
	struct supervisor supervisor;
	struct events events; /* the supervisor's */
	struct cmdline cmdline;
	struct settings settings;
	struct network_config network;
	struct drives drives;
	bool mounted[DRIVE_ROLES];
	char network_summary[256];
	struct loop_timer second_part; /* of the boot */
	struct loop_io signals;        /* signalfd(2) */
	struct service *agent;         /* NULL: the image has none, or there is no vsock */
	int agent_fds[2];              /* what the agent gets as 3, 4, ... */
	struct control control;
	struct sync_work sync;
	struct timeline timeline;
	bool all_up; /* every service was up once */
	struct {
		unsigned int stage; /* number of the next step */
		bool patience_over; /* services that have not stopped are not waited for any longer
				     */
		bool alone;         /* refresh_alone() is under way */
		uint64_t begun_us;
		struct loop_timer timer;
	} refresh;
	bool ending;           /* a shutdown is under way */
	enum power_action end; /* how it ends */
	struct loop_timer end_timer;
};

#endif
