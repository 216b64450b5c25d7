/* SPDX-License-Identifier: MIT */
/* PID 1's end of the control channel (base/control.h). */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include "base/control.h"
#include "base/loop.h"

#include <stdbool.h>

struct guest;

#define CONTROL_JOBS_MAX 8 /* requests under way at a time; one more is refused with EBUSY */

/* A request until its CONTROL_DONE is sent. */
struct control_job {
	bool used;
	bool held;                      /* `answer` did not fit into the socket yet */
	struct control_message request; /* as it came, checked */
	struct control_message answer;
	unsigned int stage; /* how far the request is; meaning by verb */
	uint64_t lost;      /* events that were gone before they were sent */
	int error;          /* for CONTROL_DONE */
};

struct control {
	struct loop_io io; /* our end; fd -1: no agent */
	int agent_fd;      /* the agent's end until it is started, or -1 */
	struct control_job jobs[CONTROL_JOBS_MAX];
	uint64_t watched;     /* the agent is to be told once of the event of this number; 0: not */
	bool going_on, again; /* within control_go_on(); which was called once more meanwhile */
};

/* Make a new pair for an agent that is about to start; its end is in `agent_fd`. Returns 0 or
 * -errno. */
int control_open(struct guest *g);

/* The agent has its end: ours of it is closed. */
void control_agent_started(struct guest *g);

/* Something has changed that a job may wait for, or that the agent is to be told of. What a job
 * does may lead here again. */
void control_go_on(struct guest *g);

/*
 * The agent has heard of all events before `number`: tell it once when that one happens. Whoever
 * waits for events is one of its clients, however many they are; none of them holds a job here.
 */
void control_watch_events(struct guest *g, uint64_t number);

/* Send an event. Returns 0, or -errno when no agent listens. */
int control_send_event(struct guest *g, enum control_event event);

#endif
