/* SPDX-License-Identifier: MIT */
/* This side's terminal, passed through to the guest and always given back as it was. */
#ifndef PROBE_VERBS_RAW_TERMINAL_H
#define PROBE_VERBS_RAW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if standard input and output are a terminal. */
bool raw_terminal_is_there(void);

/* Its size in characters; 80 by 24 where it has none. */
void raw_terminal_size(uint16_t *cols, uint16_t *rows);

/* Pass every key on, from here until raw_terminal_restore() or the end of the program. */
void raw_terminal_enter(void);

/* Give it back. Safe at any time, also twice, and in a handler of a signal. */
void raw_terminal_restore(void);

#define ESCAPES_ROOM 1 /* bytes that escapes_filter() may add */

/* The keys of the user, searched for "~." at the start of a line. */
struct escapes {
	bool in_line;   /* something has been typed since the last new line */
	bool has_tilde; /* one is held back */
};

/*
 * Take out what is not for the guest: "~~" at the start of a line is one tilde. `bytes` has room
 * for one more than `len`. Returns the new length; `leave` is set at "~.", and what follows is
 * dropped.
 */
size_t escapes_filter(struct escapes *e, char *bytes, size_t len, bool *leave);

#endif
