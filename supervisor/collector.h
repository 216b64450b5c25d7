/* SPDX-License-Identifier: MIT */
/*
 * The log collector: a process of its own that reads what services write, keeps the last of it
 * (log_ring.h), and passes it on to the console, tagged, or to log files, rotated by size. It never
 * blocks a service or PID 1: what the console or the disk cannot take is dropped, counted and said.
 */
#ifndef SUPERVISOR_COLLECTOR_H
#define SUPERVISOR_COLLECTOR_H

#include "supervisor/service_config.h"

#include <stdint.h>

#define COLLECTOR_NAME     "log-collector"
#define COLLECTOR_OPTION   "--log-collector" /* what makes init(8) be the collector */
#define COLLECTOR_LINK_FD  3   /* struct collector_message, with descriptors, from PID 1 */
#define COLLECTOR_RING_FD  4   /* the memfd of the rings, one after the other */
#define COLLECTOR_PATH_MAX 256 /* bytes of a log file's path, terminator included */

enum collector_verb {
	COLLECTOR_ADD = 1, /* read this pipe (sent along) into ring number `slot` */
	COLLECTOR_FLUSH,   /* the service has ended: a line without its end counts as one */
	COLLECTOR_REMOVE,  /* the service is no more */
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

/* The collector's main function. Returns the exit status when PID 1 has closed the link. */
int collector_main(void);

#endif
