/* SPDX-License-Identifier: MIT */
/* What goes to standard output and standard error. */
#ifndef PROBE_VERBS_OUTPUT_H
#define PROBE_VERBS_OUTPUT_H

#include "probe/show/text.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/messages.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Print a JSON value, indented, and free it. Within it, what a terminal would act upon is escaped
 * (JSON itself asks for that only below U+0020), so that --json is safe to look at.
 */
void output_json(json_t *value);

/* The same on one line. */
void output_json_line(json_t *value);

/* The JSON of a request, for free(). `body` is its struct of protocol/bodies.h. */
char *output_request(enum message_kind kind, const void *body);

/* A JSON string of any text: what is no UTF-8 is written as \xHH. */
json_t *output_string(struct text text);

/* The same, and null for "". */
json_t *output_string_or_null(struct text text);

/* {"kind": ..., "message": ...}, or null when there is no failure. */
json_t *output_failure(const struct failure *f);

/* Start an object with the two members that each of ours begins with: name and target. */
json_t *output_target(const struct target *t);

/* Add a member to an object; takes over `value`. */
void output_set(json_t *object, const char *key, json_t *value);

/* Objects, one a target, printed as they come: one alone, or an array of any number. */
struct output_list {
	bool is_array;
	size_t count;
};

/* Print an object and free it. */
void output_list_add(struct output_list *l, json_t *object);

/* Print what ends the list. */
void output_list_end(struct output_list *l);

/* "mvm-probe: TARGET: MESSAGE" on standard error. */
void output_error(const struct target *t, const struct failure *f);

/*
 * Write what a program in the guest wrote: as it is, or, when `stream` is a terminal, with what it
 * would act upon made visible (new lines and tabs stay).
 */
void output_raw(int stream, struct text text);

/* Flush standard output. False with a message when something could not be written. */
bool output_flush(void);

#endif
