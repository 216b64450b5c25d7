/* SPDX-License-Identifier: MIT */
/* Runs a program to its end and keeps what it wrote. Every wait has a deadline. */
#ifndef TESTS_UNIT_PROGRAM_RIG_H
#define TESTS_UNIT_PROGRAM_RIG_H

#include <stddef.h>

struct program_result {
	int status; /* exit status; 128 and the signal when it was killed */
	char *out;  /* standard output, NUL-terminated; freed by program_free() */
	char *err;  /* standard error */
	size_t out_len;
};

/* Run argv (NULL-terminated) with `input` on standard input; NULL: /dev/null. */
void program_run(struct program_result *r, const char *const *argv, const char *input);

/* program_run() of a list of arguments that ends with NULL. */
#define PROGRAM_RUN(result, input, ...)                                                            \
	program_run(result, (const char *const[]){ __VA_ARGS__, NULL }, input)

void program_free(struct program_result *r);

#endif
