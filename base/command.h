/* SPDX-License-Identifier: MIT */
/* A command line from a configuration file: its words, and whether it needs a shell. */
#ifndef BASE_COMMAND_H
#define BASE_COMMAND_H

#include "base/problem.h"

#include <stdbool.h>

struct command {
	bool shell;  /* runs as /bin/sh -c TEXT */
	char **argv; /* NULL-terminated; in the same piece of memory as the struct */
};

/*
 * Split `text` by the shell's quoting rules (POSIX.1-2017, XCU 2.2), so that it can be executed
 * without a shell. Text that uses shell syntax instead becomes {"/bin/sh", "-c", text}: an unquoted
 * character of ; & | < > ( ) $ ` * ? [ or a newline, $ or ` within double quotes, # or ~ at the
 * start of a word, a leading NAME=value, or a first word that only a shell knows (cd, exec, if, {
 * ...).
 * `*out` is one piece of memory, for free(). Returns 0; -EINVAL with `p` for an empty text, an
 * empty first word or an open quote; -ENOMEM.
 */
int command_parse(const char *text, struct command **out, struct problem *p);

#endif
