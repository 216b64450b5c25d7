/* SPDX-License-Identifier: MIT */
/* Writes to standard output and standard error. */
#ifndef PROBE_VERBS_OUTPUT_H
#define PROBE_VERBS_OUTPUT_H

#include "probe/show/text.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/messages.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Print a JSON value, indented, and free it. Characters that a terminal acts on are escaped in it,
 * so that --json is safe to look at. (JSON itself requires that only below U+0020.)
 */
void output_json(json_t *value);

/* The same on one line; and to another file. */
void output_json_line(json_t *value);
void output_json_to(FILE *out, json_t *value);

/* Print text of a guest: as it is, or what a terminal would act upon made visible. */
void output_text(FILE *out, struct text text, bool is_terminal);

/* The JSON of a request, which the caller frees. `body` is its struct of protocol/bodies.h. */
char *output_request(enum message_kind kind, const void *body);

/* A JSON string of any text. Invalid bytes are written as \xHH. */
json_t *output_string(struct text text);

/* The same, but null for "". */
json_t *output_string_or_null(struct text text);

/* {"kind": ..., "message": ...}, or null without a failure. */
json_t *output_failure(const struct failure *f);

/* Start an object with the two members that every object has: name and target. */
json_t *output_target(const struct target *t);

/* Add a member to an object; takes over `value`. */
void output_set(json_t *object, const char *key, json_t *value);

/* Prints one object for each target as it arrives: a single object, or an array. */
struct output_list {
	bool is_array;
	size_t count;
};

/* Print an object and free it. */
void output_list_add(struct output_list *l, json_t *object);

/* Print the end of the list. */
void output_list_end(struct output_list *l);

/* "mvm-probe: TARGET: MESSAGE" on standard error. */
void output_error(const struct target *t, const struct failure *f);

/*
 * Write the output of a program in the guest: as it is, or, if `stream` is a terminal, with
 * characters that a terminal acts on made visible (except line ends and tabs).
 */
void output_raw(int stream, struct text text);

/* Flush standard output. False, after a message, if some output could not be written. */
bool output_flush(void);

#endif
