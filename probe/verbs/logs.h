/* SPDX-License-Identifier: MIT */
/* Functions that the logs of one service and of many services share. */
#ifndef PROBE_VERBS_LOGS_H
#define PROBE_VERBS_LOGS_H

#include "probe/report/log_lines.h"
#include "probe/report/service.h"
#include "probe/verbs/options.h"

/* Print a line as one object on its own line. */
void logs_put_json(
	FILE *out, const struct target *target, const char *service, const struct log_line *line);

/* Print the logs of all targets and services of the command line. Returns the exit status. */
int logs_many(const struct options *o);

#endif
