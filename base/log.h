/* SPDX-License-Identifier: MIT */
/* Log lines of a program: one write(2) a line, with a prefix, never blocking, never failing. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/problem.h"

#define LOG_LINE_MAX 512 /* bytes of a line, prefix and newline included; more is cut */

/*
 * Send log lines to descriptor `fd`, each with `prefix` in front ("[init] "). The string is kept by
 * reference. The caller sets O_NONBLOCK on `fd` where a slow reader must not stop the program: a
 * line that cannot be written at once is dropped and counted, and the count is logged when lines
 * fit again. Before this call, lines go to standard error without a prefix.
 */
void log_open(int fd, const char *prefix);

/* The descriptor that lines go to. */
int log_fd(void);

/*
 * Make a text fit for a terminal, and for a single line: C0 controls except tab, DEL, and the C1
 * controls U+0080 to U+009F in UTF-8 become '?', a carriage return becomes a space.
 */
void log_hide_controls(char *text, unsigned long len);

/* Write one line. Control characters in it are hidden, so that no value can forge a line. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write a problem as one line. The reporter does so with every problem it is told of. */
void log_problem(const struct problem *p);
extern const struct reporter log_problems;

/*
 * Write a ready line (`len` bytes, its newline included) to the log's descriptor by the same rules:
 * whole, or dropped and counted. For output that other programs made.
 */
void log_raw(const char *line, unsigned long len);

#endif
