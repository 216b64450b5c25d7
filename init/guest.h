/* SPDX-License-Identifier: MIT */
/* All that PID 1 knows of the guest. There is one, in main.c. */
#ifndef INIT_GUEST_H
#define INIT_GUEST_H

#include "base/loop.h"
#include "init/cmdline.h"
#include "init/network_config.h"
#include "init/power.h"
#include "init/settings.h"
#include "mounts/drives.h"
#include "supervisor/supervisor.h"

#include <stdbool.h>

#define AGENT_NAME "mvm-guest-agent"

struct guest {
	struct loop loop;
	struct supervisor supervisor;
	struct cmdline cmdline;
	struct settings settings;
	struct network_config network;
	struct drives drives;
	struct loop_io signals; /* signalfd(2) */
	struct service *agent;  /* NULL: the image has none, or there is no vsock */
	int agent_fds[2];       /* what the agent gets as 3, 4, ... */
	bool ending;            /* a shutdown is under way */
	enum power_action end;  /* how it ends */
	struct loop_timer end_timer;
};

/* Log a problem. The one place where boot's problems are printed. */
void guest_report(const struct problem *p);

#endif
