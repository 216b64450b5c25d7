/* SPDX-License-Identifier: MIT */
/* The image's entrypoint: a file that names one program, which hosts run and ask about. */
#ifndef AGENT_REQUESTS_ENTRYPOINT_H
#define AGENT_REQUESTS_ENTRYPOINT_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "base/problem.h"
#include "protocol/messages.h"

#include <limits.h>

#define ENTRYPOINT_DIRECTORY "/usr/lib/mvm/wrappers/" /* where the program must lie */

struct entrypoint {
	bool exists;           /* the marker holds a path */
	bool is_valid;         /* and the program is as it must be */
	char path[PATH_MAX];   /* the program, symbolic links resolved */
	struct problem reason; /* why it does not exist or is not valid */
};

/*
 * Read the marker, which holds one absolute path. Its program must be a regular file of root's
 * below ENTRYPOINT_DIRECTORY, with mode 0755 exactly, on the file system of /usr. A file that
 * holds another thing, such as a shell fragment, is no marker.
 */
void entrypoint_find(const char *marker, struct entrypoint *e);

/* Handle EntrypointStatus. */
void entrypoint_status(struct agent *a, struct connection *c, struct request *r);

#endif
