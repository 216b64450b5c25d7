/* SPDX-License-Identifier: MIT */
/* Commands of configuration files as jobs: parsed, with their user, and their end in words. */
#ifndef AGENT_CHECKS_LAUNCH_H
#define AGENT_CHECKS_LAUNCH_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "base/buf.h"
#include "base/problem.h"

/*
 * Start `command` (a line by the rules of base/command.h) as `user` (NULL: the default user). Sets
 * argv, envp and user of `spec`, whose other members are the caller's. Returns 0, or -errno with
 * `p` when nothing was started: a bad command line, no such user, no shell, no process.
 */
int launch_command(struct job *job, const struct identities *ids, const char *user,
	const char *command, struct job_spec *spec, struct problem *p);

/* The same for a program with its arguments. */
int launch_program(struct job *job, const struct identities *ids, const char *user,
	char *const *argv, struct job_spec *spec, struct problem *p);

/*
 * Append why a job has failed: what it has written to standard error, without white space around
 * it, or else how it has ended. Its standard error is UTF-8 then; what was not kept in front of it
 * is shown as "... ".
 */
void launch_describe_end(const struct job *job, struct buf *b);

/* Append what to say of a job that its `stuck` was called for. */
void launch_describe_stuck(const struct job *job, struct buf *b);

#endif
