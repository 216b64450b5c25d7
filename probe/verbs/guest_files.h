/* SPDX-License-Identifier: MIT */
/* Files of a guest, one question at a time: each function comes back with the answer. */
#ifndef PROBE_VERBS_GUEST_FILES_H
#define PROBE_VERBS_GUEST_FILES_H

#include "probe/verbs/options.h"
#include "probe/wire/failure.h"
#include "probe/wire/reach.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_MAX 60000 /* bytes that a guest returns at once, and every guest takes */

struct guest_files {
	struct reach reach;
	struct failure failure;
	enum fs_error error; /* of FAILURE_ERROR_ANSWER */
};

/* Find the way to the guest's agent, for what it calls `capability`. False with the failure set. */
bool guest_files_begin(struct guest_files *g, const struct target *t, const struct options *o,
	const char *capability);

/* The end of a verb: its exit status, after the message when there is one. */
int guest_files_end(struct guest_files *g);

/* Set the failure to what the agent says, made safe to show. Returns false. */
bool guest_refused(struct guest_files *g, const char *message);

/*
 * Ask, and decode the answer, which must be of the kind `want`. False with the failure set
 * otherwise. answer_free() frees the answer in any case.
 */
bool guest_ask(struct guest_files *g, enum message_kind request, const void *body,
	enum message_kind want, struct answer *a);

/* The same for a request about files, whose answer must be of the kind `want`. */
bool guest_ask_fs(struct guest_files *g, enum message_kind request, const void *body,
	enum fs_result_kind want, struct answer *a);

/* Read a whole file page by page; `take` returns false to end it, with the failure set. */
bool guest_read(struct guest_files *g, const char *path,
	bool (*take)(void *arg, const char *bytes, size_t len), void *arg);

#endif
