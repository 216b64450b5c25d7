/* SPDX-License-Identifier: MIT */
/* This side's terminal in raw mode for the guest. Always restored at the end. */
#ifndef PROBE_VERBS_RAW_TERMINAL_H
#define PROBE_VERBS_RAW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if standard input and output are terminals. */
bool raw_terminal_is_there(void);

/* The terminal's size in characters; 80 by 24 if unknown. */
void raw_terminal_size(uint16_t *cols, uint16_t *rows);

/* Pass every key on until raw_terminal_restore() or the end of the program. */
void raw_terminal_enter(void);

/* Restore the terminal. Safe at any time, also twice and in a signal handler. */
void raw_terminal_restore(void);

#define ESCAPES_ROOM 1 /* bytes that escapes_filter() may add */

/* State of the search for "~." at the start of a line. */
struct escapes {
	bool in_line;   /* there were bytes since the last line end */
	bool has_tilde; /* a tilde is held back */
};

/*
 * Remove escapes from the user's keys: at the start of a line, "~~" is one tilde, and "~." sets
 * `leave` and drops the rest. `bytes` has room for `len` + ESCAPES_ROOM. Returns the new length.
 */
size_t escapes_filter(struct escapes *e, char *bytes, size_t len, bool *leave);

#endif
