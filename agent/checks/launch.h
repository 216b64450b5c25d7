/* SPDX-License-Identifier: MIT */
/* Run commands of configuration files as jobs, and describe how they ended. */
#ifndef AGENT_CHECKS_LAUNCH_H
#define AGENT_CHECKS_LAUNCH_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "base/buf.h"
#include "base/problem.h"

/*
 * Start `command` (a line by the rules of base/command.h) as `user` (NULL: the default user). Sets
 * argv, envp, user and has_group of `spec`; the caller sets the other members. Returns 0, or -errno
 * with `p` if nothing was started: a bad command line, no such user, no shell, no process.
 */
int launch_command(struct job *job, const struct identities *ids, const char *user,
	const char *command, struct job_spec *spec, struct problem *p);

/* The same for a program and its arguments. */
int launch_program(struct job *job, const struct identities *ids, const char *user,
	char *const *argv, struct job_spec *spec, struct problem *p);

/* Append why a program could not run: the step, the interpreter that is missing, the error. */
void launch_describe_failure(const struct job *job, struct buf *b);

/*
 * Append why a job failed: its standard error as UTF-8 without white space around it, or, if that
 * is empty, how it ended. "... " stands for a start of standard error that was not kept.
 */
void launch_describe_end(const struct job *job, struct buf *b);

/* Append the description of a job that is stuck: see `stuck` in job.h. */
void launch_describe_stuck(const struct job *job, struct buf *b);

#endif
