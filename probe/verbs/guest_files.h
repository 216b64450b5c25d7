/* SPDX-License-Identifier: MIT */
/* Files of a guest, one question at a time: each function comes back with the answer. */
#ifndef PROBE_VERBS_GUEST_FILES_H
#define PROBE_VERBS_GUEST_FILES_H

#include "base/loop.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_MAX  60000  /* bytes that a guest returns at once */
#define GUEST_WRITE_MAX 250000 /* bytes that one request always has room for */

/* The caller sets the target and the time, and loop_init() the loop. */
struct guest_files {
	struct target target;
	struct loop loop;
	uint64_t timeout_ms; /* of each question */
	struct failure failure;
	enum fs_error error; /* of FAILURE_ERROR_ANSWER */
};

/*
 * Ask, and decode the answer, which must be of the kind `want`. False with the failure set
 * otherwise. answer_free() frees the answer in any case.
 */
bool guest_ask(struct guest_files *g, enum message_kind request, const void *body,
	enum message_kind want, struct answer *a);

/* The same for a request about files, whose answer must not be an error. */
bool guest_ask_fs(
	struct guest_files *g, enum message_kind request, const void *body, struct answer *a);

/* Read a whole file page by page; `take` returns false to end it, with the failure set. */
bool guest_read(struct guest_files *g, const char *path,
	bool (*take)(void *arg, const char *bytes, size_t len), void *arg);

/*
 * Write `len` bytes as the file `path`, which is the old one or the new one at any time. What does
 * not fit one request goes through a /bin/sh of the guest to a temporary file beside it.
 */
bool guest_write(
	struct guest_files *g, const char *path, const char *bytes, size_t len, unsigned int mode);

#endif
