/* SPDX-License-Identifier: MIT */
/*
 * PID 1's end of the control channel (base/control.h): packets, requests under way, and nothing of
 * what the requests mean. That is a table of operations of whoever owns the channel.
 */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include "base/control.h"
#include "base/loop.h"
#include "supervisor/events.h"

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_JOBS_MAX 8 /* requests under way at a time; one more is refused with EBUSY */

struct control;

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

/* What is done for a verb. */
struct control_operation {
	/*
	 * Put the job's next message into its `answer`; CONTROL_DONE is the last one. Returns false
	 * when there is nothing to send until something has happened; it is called again then.
	 */
	bool (*next)(struct control *c, struct control_job *job);
	/* CONTROL_DONE is sent: what has to wait for that. May be NULL. */
	void (*finished)(struct control *c, const struct control_job *job);
};

struct control_operations {
	const struct control_operation *verbs; /* by enum control_verb; `next` NULL: unknown */
	size_t verb_count;
	/* The agent has gone with its jobs: undo what they left half done. */
	void (*closed)(struct control *c);
};

struct control {
	struct loop *loop;
	const struct control_operations *operations;
	const struct events *events;
	struct loop_io io; /* our end; fd -1: no agent */
	int agent_fd;      /* the agent's end until it is started, or -1 */
	struct control_job jobs[CONTROL_JOBS_MAX];
	bool moved;       /* a job has begun, or a message was sent, in this pass over the jobs */
	uint64_t watched; /* the agent is to be told once of the event of this number; 0: not */
};

/* Prepare a channel that is not open. Everything is kept by reference. */
void control_init(struct control *c, struct loop *loop, const struct control_operations *operations,
	const struct events *events);

/* Make a new pair for an agent that is about to start; its end is in `agent_fd`. Returns 0 or
 * -errno. */
int control_open(struct control *c);

/* The agent has its end: ours of it is closed. */
void control_agent_started(struct control *c);

/*
 * Something may have changed that a job waits for, or that the agent is to be told of: send what
 * can be sent. Returns true when a job has begun or moved on:
 * another may wait for what that has changed.
 */
bool control_go_on(struct control *c);

/*
 * The agent has heard of all events before `number`: tell it once when that one happens. Whoever
 * waits for events is one of its clients, however many they are; none of them holds a job here.
 */
void control_watch_events(struct control *c, uint64_t number);

/* Send an event. Returns 0, or -errno when no agent listens. */
int control_send_event(struct control *c, enum control_event event);

#endif
