/* SPDX-License-Identifier: MIT */
/*
 * File requests of the host: FsRead, FsWrite, FsList, FsStat, FsMkdir, FsRemove, FsMove, FsHash and
 * FsSetAttributes. Each runs in its own short-lived process as the policy's user, so the kernel
 * allows exactly what that user may do. requests/files.h starts the process.
 */
#ifndef AGENT_FILES_FILE_REQUEST_H
#define AGENT_FILES_FILE_REQUEST_H

#include "protocol/messages.h"

#define FILE_REMOVE_MAX 100000 /* most entries that one FsRemove removes */
#define FILE_DEPTH_MAX  100    /* deepest nesting that one FsRemove removes */

/* Serve a file request and append its FsResult. */
void file_request_run(const struct request *r, struct buf *b);

/*
 * Main function of --file-request: reads the request's JSON from standard input, writes the
 * answer's to standard output. Returns the exit status.
 */
int file_request_main(void);

/*
 * Remove a directory tree for FsRemove (file_remove.c). Returns 0, or an error as in file_path.h or
 * FILE_TOO_MANY. `removed` becomes the number of removed entries, not counting the directory
 * itself.
 */
int file_remove_tree(int parent, const char *name, uint64_t *removed, struct problem *p);

#endif
