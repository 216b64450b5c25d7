/* SPDX-License-Identifier: MIT */
#include "probe/options.h"

#include "base/number.h"
#include "base/protocol.h"
#include "probe/memory.h"
#include "probe/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_MS (24 * 3600 * 1000)
#define DRAIN_MAX_SECS (24 * 3600)
#define LINES_MAX      1000000
#define LINES_DEFAULT  100

/* What is known before all arguments are seen. */
struct parsing {
	struct options *o;
	const struct verb *verbs;
	size_t verb_count;
	const char *verb_name;
	uint64_t port;
	unsigned int used; /* bits of enum option_flag */
	bool only_operands;
};

/* An argument on its way into a message. */
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

static int take_json(struct parsing *s, const char *value, struct problem *p)
{
	(void)value;
	(void)p;
	s->o->json = true;
	return 0;
}

static int take_help(struct parsing *s, const char *value, struct problem *p)
{
	(void)value;
	(void)p;
	s->o->help = true;
	return 0;
}

static int take_version(struct parsing *s, const char *value, struct problem *p)
{
	(void)value;
	(void)p;
	s->o->version = true;
	return 0;
}

static int take_timeout(struct parsing *s, const char *value, struct problem *p)
{
	s->o->timeout_given = true;
	if (number_parse_span(value, TIMEOUT_MAX_MS, &s->o->timeout_ms) != 0 ||
		s->o->timeout_ms == 0)
		return problem_set(p, EINVAL,
			"--timeout: '%s' is no time from 1ms to 24h, such as 500ms, 10s or 2min\n",
			shown(value));
	return 0;
}

static int take_port(struct parsing *s, const char *value, struct problem *p)
{
	if (number_parse(value, UINT32_MAX - 1, &s->port) != 0 || s->port == 0)
		return problem_set(
			p, EINVAL, "--port: '%s' is no port from 1 to 4294967294\n", shown(value));
	return 0;
}

static int take_drain(struct parsing *s, const char *value, struct problem *p)
{
	s->o->drain_given = true;
	if (number_parse(value, DRAIN_MAX_SECS, &s->o->drain_secs) != 0)
		return problem_set(p, EINVAL,
			"--drain-timeout: '%s' is no number of seconds from 0 to %d\n",
			shown(value), DRAIN_MAX_SECS);
	return 0;
}

static int take_lines(struct parsing *s, const char *value, struct problem *p)
{
	if (number_parse(value, LINES_MAX, &s->o->lines) != 0)
		return problem_set(p, EINVAL, "--lines: '%s' is no number from 0 to %d\n",
			shown(value), LINES_MAX);
	return 0;
}

static int take_follow(struct parsing *s, const char *value, struct problem *p)
{
	(void)value;
	(void)p;
	s->o->follow = true;
	return 0;
}

static int take_no_stdin(struct parsing *s, const char *value, struct problem *p)
{
	(void)value;
	(void)p;
	s->o->no_stdin = true;
	return 0;
}

static int take_command(struct parsing *s, const char *value, struct problem *p)
{
	(void)p;
	s->o->command = value;
	return 0;
}

static const struct option {
	const char *name;
	char letter;
	bool has_value;
	unsigned int flag; /* of the verbs that it belongs to; 0: all */
	int (*take)(struct parsing *s, const char *value, struct problem *p);
} options[] = {
	{ "json", 'j', false, 0, take_json },
	{ "timeout", 't', true, 0, take_timeout },
	{ "port", 'p', true, 0, take_port },
	{ "help", 'h', false, 0, take_help },
	{ "version", 'V', false, 0, take_version },
	{ "drain-timeout", 'd', true, OPTION_DRAIN, take_drain },
	{ "follow", 'f', false, OPTION_FOLLOW, take_follow },
	{ "lines", 'n', true, OPTION_LINES, take_lines },
	{ "no-stdin", 'N', false, OPTION_NO_STDIN, take_no_stdin },
	{ "command", 'c', true, OPTION_COMMAND, take_command },
};

/* Find "--NAME", "--NAME=VALUE", "-L" or "-LVALUE"; `value` is NULL where none is attached. */
static const struct option *find_option(const char *argument, const char **value)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *option = &options[i];
		size_t len = strlen(option->name);

		*value = NULL;
		if (argument[1] == option->letter) {
			*value = argument[2] != '\0' ? argument + 2 : NULL;
			return option;
		}
		if (strncmp(argument, "--", 2) != 0 ||
			strncmp(argument + 2, option->name, len) != 0)
			continue;
		if (argument[2 + len] == '=')
			*value = argument + 2 + len + 1;
		if (argument[2 + len] == '\0' || *value != NULL)
			return option;
	}
	return NULL;
}

/* Take the option at argv[*at], and its value where that is the next argument. */
static int take_option(struct parsing *s, int argc, char **argv, int *at, struct problem *p)
{
	const char *argument = argv[*at], *value;
	const struct option *option = find_option(argument, &value);

	if (option == NULL)
		return problem_set(p, EINVAL, "%s: there is no such option\n", shown(argument));
	if (!option->has_value && value != NULL)
		return problem_set(
			p, EINVAL, "%s: --%s takes no value\n", shown(argument), option->name);
	if (option->has_value && value == NULL) {
		if (*at + 1 >= argc)
			return problem_set(p, EINVAL, "--%s needs a value\n", option->name);
		value = argv[++*at];
	}
	s->used |= option->flag;
	return option->take(s, value, p);
}

/* ---- operands -------------------------------------------------------------------------------- */

static int find_verb(struct parsing *s, const char *name, struct problem *p)
{
	for (size_t i = 0; i < s->verb_count; i++)
		if (strcmp(s->verbs[i].name, name) == 0) {
			s->o->verb = &s->verbs[i];
			return 0;
		}
	return problem_set(
		p, EINVAL, "'%s' is no verb; mvm-probe --help lists them\n", shown(name));
}

/* The verb, then targets or one target and names. What is a target is parsed when all are seen. */
static int take_operand(struct parsing *s, char *argument, struct problem *p)
{
	struct options *o = s->o;

	if (o->verb == NULL)
		return find_verb(s, argument, p);
	o->names = memory_resize(o->names, o->name_count + 1, sizeof(*o->names));
	o->names[o->name_count++] = argument;
	if (o->verb->operands == OPERANDS_COMMAND)
		s->only_operands = true; /* what follows the target belongs to the command */
	return 0;
}

static int check_count(const struct options *o, struct problem *p)
{
	const struct verb *v = o->verb;
	size_t n = o->name_count;
	bool good = false;

	switch (v->operands) {
	case OPERANDS_TARGETS:
		good = n >= 1;
		break;
	case OPERANDS_TARGET:
		good = n == 1;
		break;
	case OPERANDS_NAME:
		good = n == 2;
		break;
	case OPERANDS_NAMES:
		good = n >= 2;
		break;
	case OPERANDS_COMMAND:
		good = o->command != NULL ? n == 1 : n >= 2;
		break;
	}
	if (good)
		return 0;
	return problem_set(p, EINVAL, "usage: mvm-probe %s %s\n", v->name, v->operands_text);
}

static int parse_targets(struct parsing *s, struct problem *p)
{
	struct options *o = s->o;
	size_t count = o->verb->operands == OPERANDS_TARGETS ? o->name_count : 1;

	o->targets = memory_must(calloc(count, sizeof(*o->targets)));
	for (o->target_count = 0; o->target_count < count;) {
		struct target *t = &o->targets[o->target_count];
		int err = target_parse(t, o->names[o->target_count], (uint32_t)s->port, p);

		o->target_count++; /* also a bad one is freed */
		if (err != 0)
			return err;
	}
	memmove(o->names, o->names + count, (o->name_count - count) * sizeof(*o->names));
	o->name_count -= count;
	return 0;
}

static int check_options(const struct parsing *s, struct problem *p)
{
	const struct verb *v = s->o->verb;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if ((options[i].flag & s->used & ~v->flags) != 0)
			return problem_set(
				p, EINVAL, "--%s is not for '%s'\n", options[i].name, v->name);
	return 0;
}

static int take_all(struct parsing *s, int argc, char **argv, struct problem *p)
{
	int err = 0;

	for (int i = 1; i < argc && err == 0; i++) {
		bool is_command = s->o->verb != NULL && s->o->name_count > 0 &&
				  s->o->verb->operands == OPERANDS_COMMAND;

		if (strcmp(argv[i], "--") == 0 &&
			(!s->only_operands || (is_command && s->o->name_count == 1)))
			s->only_operands = true;
		else if (!s->only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
			err = take_option(s, argc, argv, &i, p);
		else
			err = take_operand(s, argv[i], p);
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
		return problem_set(p, EINVAL, "usage: mvm-probe VERB TARGET...; see --help\n");
	err = check_options(&s, p);
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
	free(o->names);
	*o = (struct options){ 0 };
}
