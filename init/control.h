/* SPDX-License-Identifier: MIT */
/*
 * PID 1's end of the control channel (base/control.h): packets and pending requests. The owner of
 * the channel passes a table of operations, which give the requests their meaning.
 */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include "base/control.h"
#include "base/loop.h"
#include "supervisor/events.h"

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_JOBS_MAX 8 /* pending requests; one more is refused with EBUSY */

struct control;

/* A pending request, until its CONTROL_DONE is sent. */
struct control_job {
	bool used;
	bool held;                      /* `answer` did not fit into the socket yet */
	struct control_message request; /* as received and checked */
	struct control_message answer;
	uint64_t number;    /* the earlier of two requests has the smaller one */
	unsigned int stage; /* progress; its meaning depends on the verb */
	uint64_t lost;      /* events that were overwritten before they were sent */
	int error;          /* for CONTROL_DONE */
};

/* The functions for one verb. */
struct control_operation {
	/*
	 * Put the job's next message into its `answer`; CONTROL_DONE is the last one. Returns false
	 * when the job waits for something; control_go_on() then calls this again.
	 */
	bool (*next)(struct control *c, struct control_job *job);
	/* It waits for services, maybe for ever: the oldest such job makes room for a request. */
	bool gives_way;
	bool gives_way_at_first; /* the same, but only until it has begun */
	/* Called after CONTROL_DONE is sent. May be NULL. */
	void (*finished)(struct control *c, const struct control_job *job);
};

struct control_operations {
	const struct control_operation *verbs; /* by enum control_verb; `next` NULL: unknown */
	size_t verb_count;
	/* The agent has ended, and its jobs with it: undo half-done work. */
	void (*closed)(struct control *c);
};

struct control {
	struct loop *loop;
	const struct control_operations *operations;
	const struct events *events;
	struct loop_io io; /* our end; fd -1: no agent */
	int agent_fd;      /* the agent's end until it is started, or -1 */
	struct control_job jobs[CONTROL_JOBS_MAX];
	uint64_t taken;   /* requests since the start of PID 1 */
	bool shows_life;  /* it has answered the latest control_ask_for_life() */
	bool moved;       /* a job has begun, or a message was sent, in this pass */
	uint64_t watched; /* number of the event that the agent will be told of once; 0: none */
};

/* Prepare a channel that is not open. Everything is kept by reference. */
void control_init(struct control *c, struct loop *loop, const struct control_operations *operations,
	const struct events *events);

/* Make a new pair for an agent that is about to start. `agent_fd` gets the agent's end. Returns 0
 * or -errno. */
int control_open(struct control *c);

/* The agent has its end of the pair now: close PID 1's copy. */
void control_agent_started(struct control *c);

/*
 * Let all jobs go on, after something may have changed that they wait for, and send pending events.
 * Returns true when a job has begun or moved on: the caller then calls this again, because other
 * jobs may have waited for that.
 */
bool control_go_on(struct control *c);

/*
 * The agent has all events before `number`: tell it once when that one happens. Clients that wait
 * for events wait in the agent, so that none of them takes a job here.
 */
void control_watch_events(struct control *c, uint64_t number);

/*
 * Ask the agent for a sign of life: `shows_life` is set when it has come. Returns 0, -ENOTCONN when
 * no agent listens, -EAGAIN when the agent has not read what was sent before, or another -errno.
 */
int control_ask_for_life(struct control *c);

/* Send an event. Returns 0, or -errno when no agent listens. */
int control_send_event(struct control *c, enum control_event event);

#endif
