/* SPDX-License-Identifier: MIT */
/* What the tests of the agent share: a loop with children in it, a directory, and frames. */
#ifndef AGENT_RIG_H
#define AGENT_RIG_H

#include "agent/checks/check.h"
#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIG_DEADLINE_MS 20000 /* no test waits longer for anything */

struct agent_rig {
	struct loop loop;
	struct jobs jobs;
	struct loop_io signals;
	char directory[32]; /* of this test, absent when rig_start() is not used */
};

extern struct agent_rig rig;

/* Make the directory, the loop, and jobs that are reaped in it. */
void rig_start(void);

/* Close and remove all of it. */
void rig_stop(void);

/*
 * A checker over the loop and its jobs, with the users of this machine in `ids`; a root's checks
 * run as nobody. It reports to `changed`, with itself as the owner.
 */
void rig_checker(struct checker *checker, struct identities *ids,
	void (*changed)(void *owner, struct check *check));

/* Run the loop until `done` says so; the test fails when that takes longer than the deadline. */
void rig_until(bool (*done)(const void *arg), const void *arg);

/* Write a file in the directory, and return its path (static storage, eight of them in turn). */
const char *rig_file(const char *name, const char *text);

/* The path of a name in the same directory. */
const char *rig_path(const char *name);

/* A frame around `text` in `out`, which must have room. Returns its length. */
size_t rig_frame(const char *text, char *out);

/* Send all bytes to a socket. */
void rig_send(int fd, const void *bytes, size_t len);

/* Receive from the non-blocking `fd`, while the loop runs, one frame's body; the text is the
 * caller's to free. NULL when the peer has closed before a frame. */
char *rig_receive(int fd);

/* Run the loop until `fd` is at its end. Returns how many bytes came before it. */
size_t rig_drain(int fd);

/* Begin to note log lines, and take what there is of them so far: static storage. */
void rig_log_start(void);
const char *rig_log(void);

/* How often `part` stands in `text`. */
size_t rig_count(const char *text, const char *part);

#endif
