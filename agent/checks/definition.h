/* SPDX-License-Identifier: MIT */
/* Definitions: the files in /etc/mvm/integrations.d and /etc/mvm/probes.d. */
#ifndef AGENT_CHECKS_DEFINITION_H
#define AGENT_CHECKS_DEFINITION_H

#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFINITIONS_MAX         256 /* most files of one directory */
#define DEFINITION_NAME_MAX     128 /* bytes of a name */
#define DEFINITION_FILE_MAX     65536
#define DEFINITION_INTERVAL_DEF 30 /* seconds */
#define DEFINITION_TIMEOUT_DEF  10 /* seconds */

enum definition_kind {
	DEFINITION_INTEGRATION,
	DEFINITION_PROBE,
};

enum definition_output {
	DEFINITION_OUTPUT_EXIT_CODE,
	DEFINITION_OUTPUT_JSON,
};

struct definition {
	char *text; /* of the file; equal text means an unchanged definition */
	char *name;
	char *command;        /* health_cmd, or a probe's cmd; NULL: none */
	char *user;           /* user of the commands; NULL: the default user */
	char *checkpoint_cmd; /* NULL: none */
	char *restore_cmd;    /* NULL: none */
	char *description;    /* NULL: none; not reported */
	bool critical;
	uint64_t interval_secs, timeout_secs, grace_secs;
	unsigned int output; /* enum definition_output */
};

struct definitions {
	struct definition *items;
	size_t count;
};

/*
 * Read a definition from `text` (`len` bytes, NUL-terminated). Returns 0, or -EINVAL with `p`,
 * whose text begins with line and column, or -ENOMEM. definition_free() frees it, also after an
 * error.
 */
int definition_parse(enum definition_kind kind, const char *text, size_t len, struct definition *d,
	struct problem *p);

void definition_free(struct definition *d);

/*
 * Read all files NAME.json of a directory, sorted by name. A file that is unreadable or invalid, or
 * defines a name that an earlier file has, is left out with a log line that says why. An absent
 * directory counts as empty. Returns 0, or -errno and an empty list if memory is out or the
 * directory cannot be read.
 */
int definitions_load(enum definition_kind kind, const char *directory, struct definitions *out);

void definitions_free(struct definitions *list);

#endif
