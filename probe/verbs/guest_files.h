/* SPDX-License-Identifier: MIT */
/* Files of a guest. Each function asks and waits for the answer. */
#ifndef PROBE_VERBS_GUEST_FILES_H
#define PROBE_VERBS_GUEST_FILES_H

#include "base/loop.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_MAX  60000  /* most bytes that a guest returns at once */
#define GUEST_WRITE_MAX 250000 /* bytes that always fit one request */

/* The caller sets target and timeout, and initializes the loop. */
struct guest_files {
	struct target target;
	struct loop loop;
	uint64_t timeout_ms; /* of each question */
	struct failure failure;
	enum fs_error error; /* for FAILURE_ERROR_ANSWER */
};

/*
 * Ask, and decode the answer. False with the failure set if the answer is not of the kind `want`.
 * answer_free() frees the answer in any case.
 */
bool guest_ask(struct guest_files *g, enum message_kind request, const void *body,
	enum message_kind want, struct answer *a);

/* The same for a file request, whose answer must not be an error. */
bool guest_ask_fs(
	struct guest_files *g, enum message_kind request, const void *body, struct answer *a);

/* Read a whole file page by page. `take` returns false with the failure set to stop. */
bool guest_read(struct guest_files *g, const char *path,
	bool (*take)(void *arg, const char *bytes, size_t len), void *arg);

/*
 * Write `len` bytes to the file `path`. At any time, `path` is either the old file or the new one.
 * Data that does not fit one request goes through the guest's /bin/sh to a temporary file in the
 * same directory.
 */
bool guest_write(
	struct guest_files *g, const char *path, const char *bytes, size_t len, unsigned int mode);

#endif
