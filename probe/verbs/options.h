/* SPDX-License-Identifier: MIT */
/* The command line. */
#ifndef PROBE_VERBS_OPTIONS_H
#define PROBE_VERBS_OPTIONS_H

#include "base/problem.h"
#include "probe/wire/target_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct options;

/* The operands of a verb. */
enum operands {
	OPERANDS_TARGETS,  /* one target or more */
	OPERANDS_TARGET,   /* one target */
	OPERANDS_NAME,     /* a target and a name */
	OPERANDS_SERVICES, /* a target, or none with --all or --targets, and services or none */
	OPERANDS_MAYBE,    /* a target and an optional name */
	OPERANDS_NAMES,    /* a target and names */
	OPERANDS_SHELL,    /* a target and an optional command, as in the next */
	OPERANDS_COMMAND,  /* a target and a command; options in it are not parsed */
};

struct verb {
	const char *name;
	const char *operands_text; /* "TARGET SERVICE", for the usage text */
	const char *summary;
	enum operands operands;
	unsigned int flags;  /* bits of enum option_flag: options besides the common ones */
	uint64_t timeout_ms; /* default */
	int (*run)(const struct options *o); /* returns the exit status */
	const char *example;                 /* for the verb's help: arguments after "mvm-probe" */
};

enum option_flag {
	OPTION_DRAIN = 1,      /* --drain-timeout */
	OPTION_FOLLOW = 2,     /* --follow */
	OPTION_LINES = 4,      /* --lines, --since, --state */
	OPTION_NO_STDIN = 8,   /* --no-stdin */
	OPTION_COMMAND = 16,   /* --command */
	OPTION_ENDING = 32,    /* --power-off, --wait */
	OPTION_EXPORTER = 256, /* --listen, --textfile */
	OPTION_COPY = 8192,    /* --recursive */
	OPTION_LATE = 128,     /* the verb lists its targets itself: options_list_targets() */
	OPTION_WATCH = 512,    /* --watch, --interval, --rounds */
	OPTION_SVG = 1024,     /* --svg */
	OPTION_TO = 2048,      /* --api-sock, --to */
	OPTION_FROM = 4096,    /* --api-sock, --from */
	OPTION_SERVICE = 8192, /* the last of its operands may be a service: options.c */
	OPTION_TARGETS = 64,   /* --all, --search-path, --targets, --parallel */
};

struct options {
	const struct verb *verb;
	bool json;
	uint64_t timeout_ms; /* for all questions to one target */
	bool timeout_given;
	struct target *targets;
	size_t target_count;
	bool is_many;      /* JSON output is an array: several targets, or words that may stand for
			      several */
	uint64_t parallel; /* --parallel: targets asked at a time; 0: as many as possible */
	char **names;      /* the words after the target */
	size_t name_count;
	bool drain_given;
	uint64_t drain_secs;
	bool follow, no_stdin, power_off, wait, watch;
	uint64_t interval_ms; /* --interval; 0: the verb's own */
	uint64_t rounds;      /* --rounds; 0: no end */
	bool recursive;       /* which cp is in any case */
	uint64_t lines;
	const char *command; /* --command: text for the guest's shell; or NULL */
	/* Not for verbs' use: */
	bool help, version, all;
	const char *targets_file, *search_path;
	const char *listen, *textfile; /* for the exporter; or NULL */
	const char *api_socket;        /* of Firecracker, for snapshot and restore */
	const char *directory;         /* of a snapshot */
	uint64_t since_ms;             /* --since, since 1970; 0: from any time */
	const char *state_file;        /* --state; or NULL */
	const char *svg;               /* of boot; or NULL */
	char **target_words;           /* operands that are targets, as given */
	size_t target_word_count;
	uint32_t port;
};

/*
 * Parse the arguments. The verb is the first one that is not an option. Options may come anywhere
 * before "--". Returns 0, or -EINVAL with `p`. options_free() is needed in every case.
 */
int options_parse(struct options *o, int argc, char **argv, const struct verb *verbs, size_t count,
	struct problem *p);

/*
 * List the targets that the command line stands for now; VMs come and go. Returns 0 or -errno with
 * `p`. target_list_free() is needed in every case.
 */
int options_list_targets(const struct options *o, struct target_list *l, struct problem *p);

/* Print a line for each option of `v`; NULL: for each option. */
void options_print(const struct verb *v, FILE *out);

/* Call `each` for every option of `v`, in the order of the help. `letter` 0: no short form. */
void options_each(const struct verb *v,
	void (*each)(const struct verb *v, const char *name, char letter, const char *help));

void options_free(struct options *o);

#endif
