/* SPDX-License-Identifier: MIT */
/* Messages from PID 1 to the log collector, and the descriptors that it starts with. */
#ifndef SUPERVISOR_COLLECTOR_PROTOCOL_H
#define SUPERVISOR_COLLECTOR_PROTOCOL_H

#include "supervisor/service_name.h"

#include <stdint.h>

#define COLLECTOR_OPTION  "--log-collector" /* makes init(8) run as the collector */
#define COLLECTOR_LINK_FD 3 /* struct collector_message, with descriptors, from PID 1 */
#define COLLECTOR_RING_FD 4 /* the memfd of the rings, one after the other */

enum collector_verb {
	COLLECTOR_ADD = 1, /* read this pipe (sent along) into ring number `slot` */
	COLLECTOR_FLUSH,   /* the service has ended: an unfinished line counts as a line */
	COLLECTOR_REMOVE,  /* the service was removed */
};

struct collector_message {
	uint32_t verb;
	uint32_t slot;
	char name[SERVICE_NAME_MAX];
	char log_file[COLLECTOR_PATH_MAX]; /* "": the console */
	uint64_t log_max_size;             /* bytes; 0: never rotated */
	uint32_t log_keep;                 /* rotated files that are kept */
	uint32_t group;                    /* of new log files */
};

#endif
