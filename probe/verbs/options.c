/* SPDX-License-Identifier: MIT */
#include "probe/verbs/options.h"

#include "base/number.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/text.h"
#include "protocol/frame.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MAX_MS  (24 * 3600 * 1000)
#define DRAIN_MAX_SECS  (24 * 3600)
#define LINES_MAX       1000000
#define LINES_DEFAULT   100
#define FLAG(member)    offsetof(struct options, member)
#define INTERVAL_MIN_MS 100

/* State of the parser. */
struct parsing {
	struct options *o;
	const struct verb *verbs;
	size_t verb_count;
	const char *verb_name;
	uint64_t port;
	uint64_t used; /* bits: indices of options */
	bool only_operands, command_begun;
};

/* An argument in a form that is safe to show. */
static const char *shown(const char *argument)
{
	static char storage[2][200];
	static unsigned int turn;
	struct buf b;

	turn ^= 1;
	buf_init(&b, storage[turn], sizeof(storage[turn]));
	text_put_visible(&b, text_of(argument), 48);
	return b.data;
}

/* ---- options --------------------------------------------------------------------------------- */

static int take_timeout(struct parsing *s, const char *value, struct problem *p)
{
	s->o->timeout_given = true;
	if (number_parse_span(value, TIMEOUT_MAX_MS, &s->o->timeout_ms) != 0 ||
		s->o->timeout_ms == 0)
		return problem_set_text(p, EINVAL,
			"--timeout: '%s' is not a time from 1ms to 24h, such as 500ms, 10s or 2min",
			shown(value));
	return 0;
}

static int take_port(struct parsing *s, const char *value, struct problem *p)
{
	if (number_parse(value, UINT32_MAX - 1, &s->port) != 0 || s->port == 0)
		return problem_set_text(
			p, EINVAL, "--port: '%s' is not a port from 1 to 4294967294", shown(value));
	return 0;
}

static int take_drain(struct parsing *s, const char *value, struct problem *p)
{
	s->o->drain_given = true;
	if (number_parse(value, DRAIN_MAX_SECS, &s->o->drain_secs) != 0)
		return problem_set_text(p, EINVAL,
			"--drain-timeout: '%s' is not a number of seconds from 0 to %d",
			shown(value), DRAIN_MAX_SECS);
	return 0;
}

static int take_lines(struct parsing *s, const char *value, struct problem *p)
{
	if (number_parse(value, LINES_MAX, &s->o->lines) != 0)
		return problem_set_text(p, EINVAL, "--lines: '%s' is not a number from 0 to %d",
			shown(value), LINES_MAX);
	return 0;
}

static int take_interval(struct parsing *s, const char *value, struct problem *p)
{
	s->o->watch = true;
	if (number_parse_span(value, TIMEOUT_MAX_MS, &s->o->interval_ms) != 0 ||
		s->o->interval_ms < INTERVAL_MIN_MS)
		return problem_set_text(p, EINVAL,
			"--interval: '%s' is not a time from %dms to 24h, such as 500ms or 2s",
			shown(value), INTERVAL_MIN_MS);
	return 0;
}

static int take_rounds(struct parsing *s, const char *value, struct problem *p)
{
	s->o->watch = true;
	if (number_parse(value, LINES_MAX, &s->o->rounds) != 0 || s->o->rounds == 0)
		return problem_set_text(p, EINVAL, "--rounds: '%s' is not a number from 1 to %d",
			shown(value), LINES_MAX);
	return 0;
}

/* "YYYY-MM-DDThh:mm:ssZ" */
static bool parse_utc(const char *text, uint64_t *seconds)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	unsigned int field[6] = { 0 }, n = 0;
	struct tm tm;

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i] != '\0'; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == 'd' ? !is_digit : text[i] != form[i])
			return false;
		if (is_digit)
			field[n] = field[n] * 10 + (unsigned int)(text[i] - '0');
		else
			n++;
	}
	tm = (struct tm){ .tm_year = (int)field[0] - 1900,
		.tm_mon = (int)field[1] - 1,
		.tm_mday = (int)field[2],
		.tm_hour = (int)field[3],
		.tm_min = (int)field[4],
		.tm_sec = (int)field[5] };
	*seconds = (uint64_t)timegm(&tm);
	return field[0] >= 1970;
}

static int take_since(struct parsing *s, const char *value, struct problem *p)
{
	uint64_t number, now_ms = (uint64_t)time(NULL) * 1000;

	if (number_parse_span(value, now_ms, &number) == 0)
		s->o->since_ms = now_ms - number;
	else if (parse_utc(value, &number))
		s->o->since_ms = number * 1000;
	else
		return problem_set_text(p, EINVAL,
			"--since: '%s' is no time, such as 10min (ago) or 2026-03-21T10:15:00Z",
			shown(value));
	return 0;
}

static int take_state_file(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->state_file = value;
	return 0;
}

static int take_parallel(struct parsing *s, const char *value, struct problem *p)
{
	if (number_parse(value, TARGET_LIST_MAX, &s->o->parallel) != 0 || s->o->parallel == 0)
		return problem_set_text(p, EINVAL, "--parallel: '%s' is not a number from 1 to %d",
			shown(value), TARGET_LIST_MAX);
	return 0;
}

static int take_targets_file(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->targets_file = value;
	return 0;
}

static int take_search_path(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->search_path = value;
	s->o->all = true;
	return 0;
}

static int take_listen(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->listen = value;
	return 0;
}

static int take_textfile(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->textfile = value;
	return 0;
}

static int take_svg(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->svg = value;
	return 0;
}

static int take_api_socket(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->api_socket = value;
	return 0;
}

static int take_directory(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->directory = value;
	return 0;
}

static int take_command(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->command = value;
	return 0;
}

/*
 * An option with a value has `take` and the value's name. Any other sets the bool at `flag` of
 * struct options. `letter` 0: no short form.
 */
static const struct option {
	const char *name;
	char letter;
	unsigned int verbs; /* bit of enum option_flag: only for verbs with it; 0: for all */
	int (*take)(struct parsing *s, const char *value, struct problem *p);
	size_t flag;
	const char *value, *help;
} options[] = {
	{ "json", 'j', 0, NULL, FLAG(json), NULL, "machine-readable output" },
	{ "timeout", 't', 0, take_timeout, 0, "TIME", "limit for one target: 500ms, 10s, 2min" },
	{ "port", 'p', 0, take_port, 0, "PORT", "the agent's port in the guest (52)" },
	{ "all", 'a', OPTION_TARGETS, NULL, FLAG(all), NULL, "all VMs of this host" },
	{ "search-path", 0, OPTION_TARGETS, take_search_path, 0, "PATHS",
		"where --all looks: globs, separated by colons" },
	{ "targets", 'T', OPTION_TARGETS, take_targets_file, 0, "FILE",
		"read targets from a file; -: standard input" },
	{ "parallel", 0, OPTION_TARGETS, take_parallel, 0, "N", "ask at most N targets at once" },
	{ "help", 'h', 0, NULL, FLAG(help), NULL, "this text; after a verb, that verb's" },
	{ "version", 'V', 0, NULL, FLAG(version), NULL, "the version" },
	{ "drain-timeout", 'd', OPTION_DRAIN, take_drain, 0, "N",
		"sleep-prep, snapshot: seconds that the guest may take (30)" },
	{ "follow", 'f', OPTION_FOLLOW, NULL, FLAG(follow), NULL,
		"logs, events: keep printing new output" },
	{ "lines", 'n', OPTION_LINES, take_lines, 0, "N",
		"logs: print the last N lines (100); 0: all" },
	{ "since", 0, OPTION_LINES, take_since, 0, "TIME",
		"logs: output of the last 10min, or since a time in UTC" },
	{ "state", 0, OPTION_LINES, take_state_file, 0, "FILE",
		"logs: continue where the previous call ended" },
	{ "no-stdin", 'N', OPTION_NO_STDIN, NULL, FLAG(no_stdin), NULL,
		"exec: do not pass on standard input" },
	{ "command", 'c', OPTION_COMMAND, take_command, 0, "TEXT",
		"exec: text for the guest's shell, not words" },
	{ "power-off", 'P', OPTION_ENDING, NULL, FLAG(power_off), NULL,
		"shutdown: power off instead of a reset" },
	{ "wait", 'w', OPTION_ENDING, NULL, FLAG(wait), NULL,
		"shutdown: wait until the VM has ended" },
	{ "watch", 0, OPTION_WATCH, NULL, FLAG(watch), NULL,
		"status, services: ask again and again, as top does" },
	{ "interval", 0, OPTION_WATCH, take_interval, 0, "TIME",
		"with --watch, top: time between two rounds (2s)" },
	{ "rounds", 0, OPTION_WATCH, take_rounds, 0, "N",
		"with --watch, top: exit after N rounds" },
	{ "svg", 0, OPTION_SVG, take_svg, 0, "FILE", "boot: draw a picture into FILE" },
	{ "api-sock", 0, OPTION_TO | OPTION_FROM, take_api_socket, 0, "PATH",
		"snapshot, restore: Firecracker's socket" },
	{ "to", 0, OPTION_TO, take_directory, 0, "DIR", "snapshot: the new directory" },
	{ "from", 0, OPTION_FROM, take_directory, 0, "DIR", "restore: the snapshot's directory" },
	{ "recursive", 'r', OPTION_COPY, NULL, FLAG(recursive), NULL, "cp: as without it" },
	{ "listen", 0, OPTION_EXPORTER, take_listen, 0, "ADDR:PORT",
		"exporter: where to serve HTTP (127.0.0.1:9477)" },
	{ "textfile", 0, OPTION_EXPORTER, take_textfile, 0, "FILE",
		"exporter: write one scrape to FILE and exit" },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* The options that a verb takes besides the common ones. */
static unsigned int flags_of(const struct verb *v)
{
	bool takes_many = v->operands == OPERANDS_TARGETS || v->operands == OPERANDS_SERVICES;

	return v->flags | (takes_many ? OPTION_TARGETS : 0u);
}

void options_print(const struct verb *v, FILE *out)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &options[i];
		const char letter[] = { '-', option->letter, ',', '\0' }, *value = option->value;
		size_t width;

		if (v != NULL && option->verbs != 0 && (option->verbs & flags_of(v)) == 0)
			continue;
		width = out_printf(out, "  %3s --%s%s%s", letter[1] != '\0' ? letter : "",
			option->name, value != NULL ? " " : "", value != NULL ? value : "");
		out_pad(out, width < 26 ? 26 - width : 1);
		out_printf(out, "%s\n", option->help);
	}
}

void options_each(const struct verb *v,
	void (*each)(const struct verb *v, const char *name, char letter, const char *help))
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].verbs == 0 || (options[i].verbs & flags_of(v)) != 0)
			each(v, options[i].name, options[i].letter, options[i].help);
}

static int no_such_option(const char *argument, struct problem *p)
{
	return problem_set_text(
		p, EINVAL, "%s: no such option; see mvm-probe --help", shown(argument));
}

/* Take an option. `value` is the attached value; if NULL, the next argument is taken if needed. */
static int take_option(struct parsing *s, const struct option *option, const char *value, int argc,
	char **argv, int *at, struct problem *p)
{
	s->used |= 1ull << (option - options);
	if (option->take == NULL) {
		*(bool *)((char *)s->o + option->flag) = true;
		return 0;
	}
	if (value == NULL && *at + 1 >= argc)
		return problem_set_text(p, EINVAL, "--%s needs a value: --%s %s", option->name,
			option->name, option->value);
	return option->take(s, value != NULL ? value : argv[++*at], p);
}

/* "--NAME" or "--NAME=VALUE" */
static int take_long(struct parsing *s, int argc, char **argv, int *at, struct problem *p)
{
	const char *name = argv[*at] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &options[i];

		if (strlen(option->name) != len || memcmp(option->name, name, len) != 0)
			continue;
		if (option->take == NULL && value != NULL)
			return problem_set_text(p, EINVAL, "--%s takes no value", option->name);
		return take_option(s, option, value, argc, argv, at, p);
	}
	return no_such_option(argv[*at], p);
}

/* "-L", "-LVALUE", or several letters; the last one may have a value */
static int take_letters(struct parsing *s, int argc, char **argv, int *at, struct problem *p)
{
	const char *argument = argv[*at];

	for (const char *letter = argument + 1; *letter != '\0'; letter++) {
		const struct option *option = options;
		int err;

		while (option < options + OPTION_COUNT && option->letter != *letter)
			option++;
		if (option == options + OPTION_COUNT)
			return no_such_option(argument, p);
		err = take_option(
			s, option, letter[1] != '\0' ? letter + 1 : NULL, argc, argv, at, p);
		if (err != 0 || option->take != NULL)
			return err;
	}
	return 0;
}

/* ---- operands -------------------------------------------------------------------------------- */

static int find_verb(struct parsing *s, const char *name, struct problem *p)
{
	for (size_t i = 0; i < s->verb_count; i++)
		if (strcmp(s->verbs[i].name, name) == 0) {
			s->o->verb = &s->verbs[i];
			return 0;
		}
	return problem_set_text(
		p, EINVAL, "'%s' is not a verb; mvm-probe --help lists them", shown(name));
}

/* Take the verb, then targets, or a target and names. Targets are parsed after all arguments. */
static int take_operand(struct parsing *s, char *argument, struct problem *p)
{
	struct options *o = s->o;

	if (o->verb == NULL)
		return find_verb(s, argument, p);
	o->names = memory_resize(o->names, o->name_count + 1, sizeof(*o->names));
	o->names[o->name_count++] = argument;
	if (o->verb->operands == OPERANDS_COMMAND || o->verb->operands == OPERANDS_SHELL)
		s->only_operands = true; /* the rest belongs to the command */
	return 0;
}

static int check_count(const struct options *o, struct problem *p)
{
	const struct verb *v = o->verb;
	size_t n = o->name_count;
	bool good = false;

	switch (v->operands) {
	case OPERANDS_TARGETS:
		good = n >= 1 || o->all || o->targets_file != NULL || (v->flags & OPTION_LATE) != 0;
		break;
	case OPERANDS_TARGET:
		good = n == 1;
		break;
	case OPERANDS_NAME:
		good = n == 2;
		break;
	case OPERANDS_SERVICES:
		good = n >= 1 || o->all || o->targets_file != NULL;
		break;
	case OPERANDS_MAYBE:
		good = n == 1 || n == 2;
		break;
	case OPERANDS_NAMES:
		good = n >= 2;
		break;
	case OPERANDS_SHELL:
		good = n >= 1;
		break;
	case OPERANDS_COMMAND:
		good = o->command != NULL ? n == 1 : n >= 2;
		break;
	}
	if (good)
		return 0;
	return problem_set_text(p, EINVAL, "usage: mvm-probe %s %s", v->name, v->operands_text);
}

/* The search path of --all: the option, the environment, or the default. */
static const char *search_path(const struct options *o)
{
	const char *path = o->search_path != NULL ? o->search_path : getenv("MVM_PROBE_PATH");

	return path != NULL && path[0] != '\0' ? path : TARGET_LIST_PATH;
}

/* Targets from operands, a file and the search path. */
static int list_targets(struct options *o, size_t words, struct target_list *l, struct problem *p)
{
	int err = 0;

	for (size_t i = 0; i < words && err == 0; i++)
		err = target_list_expand(l, o->names[i], p);
	if (err == 0 && o->targets_file != NULL)
		err = target_list_add_file(l, o->targets_file, p);
	if (err == 0 && o->all)
		err = target_list_search(l, search_path(o), p);
	if (l->is_expanded)
		target_list_unique(l);
	return err;
}

int options_list_targets(const struct options *o, struct target_list *l, struct problem *p)
{
	struct options again = *o;

	*l = (struct target_list){ .port = o->port, .may_be_empty = true };
	again.names = o->target_words;
	return list_targets(&again, o->target_word_count, l, p);
}

/*
 * True if the last operand is a service and no target: another one names targets, and it is neither
 * written as a path nor the name of a file here.
 */
static bool ends_in_service(const struct options *o)
{
	const char *last = o->name_count > 0 ? o->names[o->name_count - 1] : NULL;
	bool has_targets = o->name_count > 1 || o->all || o->targets_file != NULL;

	return (o->verb->flags & OPTION_SERVICE) != 0 && has_targets && last != NULL &&
	       last[strcspn(last, "/:*?[")] == '\0' && access(last, F_OK) != 0;
}

static int parse_targets(struct parsing *s, struct problem *p)
{
	struct options *o = s->o;
	struct target_list l = { .port = (uint32_t)s->port };
	bool takes_many = flags_of(o->verb) & OPTION_TARGETS;
	size_t words = o->verb->operands == OPERANDS_TARGETS ? o->name_count - ends_in_service(o)
							     : o->name_count > 0;
	int err = 0;

	if (o->verb->operands == OPERANDS_SERVICES && (o->all || o->targets_file != NULL))
		words = 0;
	o->port = l.port;
	if (o->verb->flags & OPTION_LATE)
		words = o->name_count; /* the verb lists its targets later */
	else if (takes_many)
		err = list_targets(o, words, &l, p);
	else if (words > 0)
		err = target_list_add(&l, o->names[0], p);
	o->targets = l.items;
	o->target_count = l.count;
	o->is_many = l.is_expanded || l.count > 1;
	if (err == 0 && takes_many && l.count == 0 && !(o->verb->flags & OPTION_LATE))
		return problem_set_text(p, EINVAL, "no VM found in %s; see --search-path",
			o->targets_file != NULL ? o->targets_file : search_path(o));
	o->target_words = memory_resize(NULL, words + 1, sizeof(*o->target_words));
	for (size_t i = 0; i < words; i++)
		o->target_words[i] = o->names[i];
	o->target_word_count = words;
	if (words > 0)
		memmove(o->names, o->names + words, (o->name_count - words) * sizeof(*o->names));
	o->name_count -= words;
	return err;
}

static int check_options(const struct parsing *s, struct problem *p)
{
	const struct verb *v = s->o->verb;
	unsigned int flags = flags_of(v);

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((s->used >> i & 1) != 0 && options[i].verbs != 0 &&
			(options[i].verbs & flags) == 0)
			return problem_set_text(p, EINVAL,
				"--%s is not for '%s'; see mvm-probe %s --help", options[i].name,
				v->name, v->name);
	return 0;
}

static int take_all(struct parsing *s, int argc, char **argv, struct problem *p)
{
	int err = 0;

	for (int i = 1; i < argc && err == 0; i++) {
		bool is_command = s->o->verb != NULL && s->o->name_count > 0 &&
				  (s->o->verb->operands == OPERANDS_COMMAND ||
					  s->o->verb->operands == OPERANDS_SHELL);

		if (strcmp(argv[i], "--") == 0 && !s->command_begun &&
			(!s->only_operands || (is_command && s->o->name_count == 1))) {
			s->only_operands = true;
			s->command_begun = is_command;
		} else if (!s->only_operands && strncmp(argv[i], "--", 2) == 0) {
			err = take_long(s, argc, argv, &i, p);
		} else if (!s->only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
			err = take_letters(s, argc, argv, &i, p);
		} else {
			err = take_operand(s, argv[i], p);
		}
	}
	return err;
}

int options_parse(struct options *o, int argc, char **argv, const struct verb *verbs, size_t count,
	struct problem *p)
{
	struct parsing s = {
		.o = o, .verbs = verbs, .verb_count = count, .port = PROTOCOL_AGENT_PORT
	};
	int err;

	*o = (struct options){ .lines = LINES_DEFAULT };
	err = take_all(&s, argc, argv, p);
	if (err != 0 || o->help || o->version)
		return err;
	if (o->verb == NULL)
		return problem_set_text(p, EINVAL, "usage: mvm-probe VERB TARGET...; see --help");
	err = check_options(&s, p);
	if (err == 0 && (o->verb->flags & (OPTION_TO | OPTION_FROM)) != 0 &&
		(o->api_socket == NULL || o->directory == NULL))
		return problem_set_text(p, EINVAL, "%s needs --api-sock PATH and --%s DIRECTORY",
			o->verb->name, (o->verb->flags & OPTION_TO) != 0 ? "to" : "from");
	if (err == 0 && o->watch && o->json)
		return problem_set_text(p, EINVAL,
			"--watch and --json do not go together: call '%s --json' again and again",
			o->verb->name);
	if (err == 0)
		err = check_count(o, p);
	if (err == 0)
		err = parse_targets(&s, p);
	if (!o->timeout_given)
		o->timeout_ms = o->verb->timeout_ms;
	return err;
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < o->target_count; i++)
		target_free(&o->targets[i]);
	free(o->targets);
	free(o->target_words);
	free(o->names);
	*o = (struct options){ 0 };
}
