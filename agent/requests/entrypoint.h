/* SPDX-License-Identifier: MIT */
/* The image's entrypoint: a marker file names the program that hosts run and ask about. */
#ifndef AGENT_REQUESTS_ENTRYPOINT_H
#define AGENT_REQUESTS_ENTRYPOINT_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "base/problem.h"
#include "protocol/messages.h"

#include <limits.h>

#define ENTRYPOINT_DIRECTORY                                                                       \
	"/usr/lib/mvm/wrappers/" /* the program must be below this directory                       \
				  */

struct entrypoint {
	bool exists;           /* the marker contains a path */
	bool is_valid;         /* and the program meets the rules below */
	char path[PATH_MAX];   /* the program, symbolic links resolved */
	struct problem reason; /* why `exists` or `is_valid` is false */
};

/*
 * Read the marker, which contains one absolute path. The program there must be a regular file owned
 * by root, below ENTRYPOINT_DIRECTORY, of mode 0755 exactly, on the file system of /usr. A file
 * with any other content, such as a shell fragment, does not count as a marker.
 */
void entrypoint_find(const char *marker, struct entrypoint *e);

/* Handle EntrypointStatus. */
void entrypoint_status(struct agent *a, struct connection *c, struct request *r);

#endif
