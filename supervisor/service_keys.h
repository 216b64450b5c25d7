/* SPDX-License-Identifier: MIT */
/* The table of keys of a service file's [service] section: one source for the parser and the
 * manual. */
#ifndef SUPERVISOR_SERVICE_KEYS_H
#define SUPERVISOR_SERVICE_KEYS_H

#include "supervisor/service_config.h"

enum service_key_type {
	KEY_COMMAND, /* a command line */
	KEY_TEXT,    /* any text but the empty one */
	KEY_PATH,    /* an absolute path */
	KEY_MAYBE,   /* an absolute path, with '-' in front if it may be absent */
	KEY_WORDS,   /* words separated by white space; an empty text has none */
	KEY_PATHS,   /* absolute paths separated by white space, each may have '-' in front */
	KEY_CHOICE,  /* one of `choices`, stored as its index in an int */
	KEY_BOOL,    /* yes, no, true, false, on, off, 1, 0 */
	KEY_SPAN,    /* a time span, in ms */
	KEY_COUNT,   /* a number from 0 to `max` */
	KEY_SIGNED,  /* a number from `min` to `max` */
	KEY_OCTAL,   /* octal digits, up to `max` */
	KEY_SIZE,    /* bytes with K, M, G or T, up to `max`, or infinity */
	KEY_PERCENT, /* a percentage up to `max`, stored in thousandths */
	KEY_WIDE,    /* a number from `min` to `max`, stored in 64 bits */
	KEY_LIMIT,   /* SOFT[:HARD] of the resource `min`, numbers or "infinity" */
	KEY_CAPS,    /* capability names, "none" or "all" */
};

struct service_key {
	const char *name;
	enum service_key_type type;
	size_t offset;      /* of the member of struct service_config */
	size_t flag_offset; /* of a bool that is set with the key; 0: none */
	const char *const *choices;
	int64_t min;
	uint64_t max;
	const char *unset; /* the default, as the manual shows it; NULL in PID 1 */
	const char *doc;   /* the manual's text, mdoc(7); NULL in PID 1 */
};

extern const struct service_key service_keys[];
extern const size_t service_key_count;

#endif
