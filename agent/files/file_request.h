/* SPDX-License-Identifier: MIT */
/*
 * What a host asks of the guest's files: FsRead, FsWrite, FsList, FsStat, FsMkdir, FsRemove and
 * FsMove. Each runs in a short-lived process of its own as the policy's user, so that the kernel
 * grants what that user may and nothing more. requests/files.h starts it.
 */
#ifndef AGENT_FILES_FILE_REQUEST_H
#define AGENT_FILES_FILE_REQUEST_H

#include "protocol/messages.h"

#define FILE_READ_MAX   60000  /* bytes that one FsRead returns, at most */
#define FILE_LIST_MAX   4096   /* entries that one FsList returns, at most */
#define FILE_REMOVE_MAX 100000 /* entries that one FsRemove removes, at most */
#define FILE_DEPTH_MAX  100    /* directories inside each other that it removes, at most */

/* Do what a file request asks, and append the FsResult. */
void file_request_run(const struct request *r, struct buf *b);

/* The program behind --file-request: the request's JSON from standard input, the answer's to
 * standard output. Returns the exit status. */
int file_request_main(void);

/* Set an FsResult to an error; `message` is kept by reference. */
void file_error(struct fs_result *result, enum fs_error kind, const char *message);

/* Set an FsResult to what an error of file_path.h or the kernel (`err`, negative) and the problem
 * that describes it mean. */
void file_failed(struct fs_result *result, int err, const struct problem *p);

/* FsRemove of a directory with all that is in it (file_remove.c). Returns 0 or as file_path.h; then
 * `removed` says how many entries, the directory itself left out. */
int file_remove_tree(int parent, const char *name, uint64_t *removed, struct problem *p);

#define FILE_TOO_MANY 1002 /* error of it: more than FILE_REMOVE_MAX, or too deep */

#endif
