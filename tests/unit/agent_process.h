/* SPDX-License-Identifier: MIT */
/*
 * The whole agent in a process of its own, on an AF_UNIX socket that outlives it as init's does,
 * with this test as its client and, where wanted, as its PID 1. Who may connect is the test's
 * decision; the program itself has no such switch.
 */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include "base/control.h"

#include <stdbool.h>
#include <sys/types.h>

extern pid_t agent_pid; /* 0: it does not run */
extern int listen_fd;   /* what the agent is given */
extern int init_fd;     /* PID 1's end of the control channel; -1: there is none */

/* A directory with integrations.d and probes.d, a listening socket; rig_start() included. */
void process_start(void);

/* Kill the agent, if it runs, and clean up. */
void process_stop(void);

/* Start the agent. `config` is a file, or NULL for the defaults. */
void start_agent(const char *config);

/* Start the agent with a control channel, and answer its first question: these are the services,
 * each "name:uid", up to a NULL. */
void start_agent_with_init(const char *config, const char *const *services);

/* The agent is given /dev/null for a channel. */
void start_agent_with_null_channel(void);

/* The same as start_agent_with_init(), but nobody answers. */
void start_agent_with_silent_init(void);

/* Wait for the agent's end. Returns its exit code. */
int wait_for_end(void);

/* Wait until there is no such process. */
void wait_until_gone(pid_t pid);

/* The agent's next log line, without its newline. */
const char *next_line(void);

/* A connection to the agent, as to port 52; and as to the port of later hosts. */
int connect_client(void);

/* Connect a client that sends a request. Returns its socket. */
int send_request(const char *request);
int connect_later_client(void);

/* Send a request. */
void send_text(int fd, const char *text);

/* One request on a connection of its own. The reply is the caller's to free. */
char *ask(const char *request);

/* The same, and the reply must be `want`. */
void expect(const char *request, const char *want);

/* The reply to a request that was sent must be `want`. */
void expect_reply(int fd, const char *want);

/* Ask until the reply contains `part`. Returns that reply. */
char *ask_until(const char *request, const char *part);

bool begins_with(const char *text, const char *start);

/* ---- PID 1 ----------------------------------------------------------------------------------- */

/* The agent's next message must be this event, sent back. */
void expect_event(enum control_event event);

/* The agent's next request must have this verb. Returns it (static storage). */
const struct control_message *expect_verb(enum control_verb verb);

/* No request of the agent is waiting. */
void expect_no_verb(void);

/* Expect these requests, in this order, and answer each with success. */
#define SERVE(...)                                                                                 \
	serve_verbs((const enum control_verb[]){ __VA_ARGS__ },                                    \
		sizeof((const enum control_verb[]){ __VA_ARGS__ }) / sizeof(enum control_verb))
void serve_verbs(const enum control_verb *verbs, size_t count);

/* Answer the latest request of expect_verb(): one step, an item, or the end of it. */
void answer_step(const char *name, int error, const char *text);
void answer_item(const struct control_message *item);
void answer_done(int error, const char *text);

/* Send an event. */
void send_event(enum control_event event);

#endif
