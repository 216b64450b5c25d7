/* SPDX-License-Identifier: MIT */
/* The command line. */
#ifndef PROBE_VERBS_OPTIONS_H
#define PROBE_VERBS_OPTIONS_H

#include "base/problem.h"
#include "probe/wire/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options;

/* What a verb takes after its name. */
enum operands {
	OPERANDS_TARGETS, /* one target or more */
	OPERANDS_TARGET,  /* one target */
	OPERANDS_NAME,    /* a target and a name */
	OPERANDS_MAYBE,   /* a target, and a name or none */
	OPERANDS_NAMES,   /* a target and names */
	OPERANDS_COMMAND, /* a target and a command, in which nothing is an option of ours */
};

struct verb {
	const char *name;
	const char *operands_text; /* "TARGET SERVICE", for the usage text */
	const char *summary;
	enum operands operands;
	unsigned int flags;  /* bits of enum option_flag: what it allows beside the common */
	uint64_t timeout_ms; /* default */
	int (*run)(const struct options *o); /* returns the exit status */
};

enum option_flag {
	OPTION_DRAIN = 1,    /* --drain-timeout */
	OPTION_FOLLOW = 2,   /* --follow */
	OPTION_LINES = 4,    /* --lines */
	OPTION_NO_STDIN = 8, /* --no-stdin */
	OPTION_COMMAND = 16, /* --command */
	OPTION_ENDING = 32,  /* --power-off, --wait */
};

struct options {
	const struct verb *verb;
	bool json;
	uint64_t timeout_ms; /* for everything that is asked of one target */
	bool timeout_given;
	struct target *targets;
	size_t target_count;
	char **names; /* what follows the target */
	size_t name_count;
	bool drain_given;
	uint64_t drain_secs;
	bool follow, no_stdin, power_off, wait;
	uint64_t lines;
	const char *command; /* --command: text for the guest's shell; or NULL */
	/* Not for verbs: */
	bool help, version;
};

/*
 * Parse the arguments. The verb is the first one that is no option; options may stand anywhere
 * before "--". Returns 0, or -EINVAL with `p`. Afterwards, in every case, options_free().
 */
int options_parse(struct options *o, int argc, char **argv, const struct verb *verbs, size_t count,
	struct problem *p);

void options_free(struct options *o);

#endif
