/* SPDX-License-Identifier: MIT */
/* What went wrong, in words. One level of each program prints it; all others pass it up. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#define PROBLEM_TEXT_MAX 320

struct problem {
	int code; /* the errno value, or 0 when there is no problem */
	char text[PROBLEM_TEXT_MAX];
};

/*
 * Describe a problem as `format` says, followed by ": " and the words for `code`, an errno value
 * (positive). The description is cut to fit. Returns -code, so that a function can end with
 * `return problem_set(...)`.
 */
int problem_set(struct problem *p, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As problem_set(), without the words for `code`: the format says everything. */
int problem_set_text(struct problem *p, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An errno value in words that are safe on a console that a host watches for crashes. */
const char *problem_errno_text(int code);

/* Receives the problems of a function that continues after each of them. */
struct reporter {
	void (*take)(void *context, const struct problem *p);
	void *context; /* for `take`; the owner's */
};

/* Tell `to` of a problem. */
void problem_report(const struct reporter *to, const struct problem *p);

#endif
