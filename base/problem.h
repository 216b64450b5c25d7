/* SPDX-License-Identifier: MIT */
/* What went wrong, in words, for the one level of a program that prints it. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#define PROBLEM_TEXT_MAX 320

struct problem {
	int code; /* the errno value, or 0 when there is no problem */
	char text[PROBLEM_TEXT_MAX];
};

/*
 * Describe a problem. `code` is an errno value (positive); unless `format` ends with '\n', ": " and
 * the name of that errno value are added. The description is cut to fit. Returns -code, so that a
 * function can end with `return problem_set(...)`.
 */
int problem_set(struct problem *p, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An errno value in words that are safe on a console that a host watches for crashes. */
const char *problem_errno_text(int code);

#endif
