/* SPDX-License-Identifier: MIT */
/* What happened to a service, in words. */
#ifndef SUPERVISOR_DESCRIBE_H
#define SUPERVISOR_DESCRIBE_H

#include "base/buf.h"
#include "supervisor/service.h"

/* Log a change of state that operators care about: an end, a failure, a pending restart. */
void describe_change(const struct service *v, enum machine_state before);

/* How the latest process ended, such as "exec /bin/x: No such file or directory", "exit code 1",
 * "signal 9 (Killed)". */
void describe_end(const struct service *v, struct buf *out);

/* How a process ended, in words. `subject` is the object of the failed stage, such as a program; or
 * NULL. */
void describe_put_outcome(const struct outcome *o, const char *subject, struct buf *out);

#endif
