/* SPDX-License-Identifier: MIT */
#include "agent/agent_options.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "protocol/fields.h"
#include "protocol/frame.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX 65536

const char options_usage[] =
	"usage: mvm-guest-agent [options]\n"
	"\n"
	"Answers the host's requests over vsock: health checks, probes, status.\n"
	"\n"
	"  --listen-fd N        listening socket, already open as descriptor N\n"
	"  --later-listen-fd N  the same for the port of later hosts (5252)\n"
	"  --control-fd N       channel to init, already open as descriptor N\n"
	"  --check-user USER    user of commands that name none\n"
	"  --config-drive DEV   drive with the security policy: unmounted, it allows nothing\n"
	"  --config PATH        configuration (default " OPTIONS_CONFIG_PATH ")\n"
	"  --port N             vsock port to listen on, without --listen-fd (default 52)\n"
	"  --busy-threshold F   the guest is busy from F processors in use (default 0.1)\n"
	"  --sample-interval N  measure over at least N seconds (default 5)\n"
	"  --wake-instance TENANT POOL INSTANCE\n"
	"                       ask the host to wake another instance, and exit\n"
	"  --query-instance TENANT POOL INSTANCE\n"
	"                       ask the host for the state of another instance, and exit\n"
	"  --state-size PATH... print the size of the first PATH that exists, and exit\n"
	"  --file-request       answer one file request from standard input, and exit\n"
	"  -h, --help           show this text\n"
	"  --version            show the version\n";

enum value_type {
	VALUE_NONE,
	VALUE_TEXT,
	VALUE_FD,
	VALUE_WHOLE, /* a bad value is ignored */
	VALUE_REAL,  /* a bad value is ignored */
	VALUE_REST,  /* the remaining arguments are operands */
};

struct option {
	const char *name;
	enum value_type type;
	size_t offset;       /* of the value */
	size_t given_offset; /* of the bool "was given"; VALUE_WHOLE, VALUE_REAL */
	uint64_t max;        /* VALUE_WHOLE; VALUE_REST: number of operands, 0: one or more */
	enum options_action action; /* VALUE_NONE, VALUE_REST */
};

static const struct option table[] = {
	{ .name = "--listen-fd", .type = VALUE_FD, .offset = offsetof(struct options, listen_fd) },
	{ .name = "--later-listen-fd",
		.type = VALUE_FD,
		.offset = offsetof(struct options, later_listen_fd) },
	{ .name = "--control-fd",
		.type = VALUE_FD,
		.offset = offsetof(struct options, control_fd) },
	{ .name = "--check-user",
		.type = VALUE_TEXT,
		.offset = offsetof(struct options, check_user) },
	{ .name = "--config-drive",
		.type = VALUE_TEXT,
		.offset = offsetof(struct options, config_drive) },
	{ .name = "--config", .type = VALUE_TEXT, .offset = offsetof(struct options, config) },
	{ .name = "--port",
		.type = VALUE_WHOLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct options, port),
		.given_offset = offsetof(struct options, has_port) },
	{ .name = "--busy-threshold",
		.type = VALUE_REAL,
		.offset = offsetof(struct options, busy_threshold),
		.given_offset = offsetof(struct options, has_busy_threshold) },
	{ .name = "--sample-interval",
		.type = VALUE_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct options, sample_interval_secs),
		.given_offset = offsetof(struct options, has_sample_interval) },
	{ .name = "--help", .type = VALUE_NONE, .action = OPTIONS_HELP },
	{ .name = "-h", .type = VALUE_NONE, .action = OPTIONS_HELP },
	{ .name = "--version", .type = VALUE_NONE, .action = OPTIONS_VERSION },
	{ .name = "--file-request", .type = VALUE_NONE, .action = OPTIONS_FILE_REQUEST },
	{ .name = "--state-size", .type = VALUE_REST, .action = OPTIONS_STATE_SIZE },
	{ .name = "--wake-instance",
		.type = VALUE_REST,
		.action = OPTIONS_WAKE_INSTANCE,
		.max = 3 },
	{ .name = "--query-instance",
		.type = VALUE_REST,
		.action = OPTIONS_QUERY_INSTANCE,
		.max = 3 },
};

/* Find the option of `arg`. `value` is the text after "=", or NULL. */
static const struct option *find(const char *arg, const char **value)
{
	size_t len = strcspn(arg, "=");

	*value = arg[len] == '=' ? arg + len + 1 : NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, arg, len) == 0)
			return &table[i];
	return NULL;
}

static int parse_fd(const char *value, int *fd)
{
	uint64_t n;
	int err = number_parse(value, INT_MAX, &n);

	if (err == 0)
		*fd = (int)n;
	return err;
}

static int parse_real(const char *value, double *real)
{
	char *end;
	double d = strtod(value, &end);

	if (end == value || *end != '\0' || !(d >= 0))
		return -EINVAL;
	*real = d;
	return 0;
}

static int take_value(
	const struct option *option, const char *value, struct options *o, struct problem *p)
{
	void *target = (char *)o + option->offset;
	int err;

	switch (option->type) {
	case VALUE_NONE:
	case VALUE_REST:
		o->action = option->action;
		return 0;
	case VALUE_TEXT:
		*(const char **)target = value;
		return 0;
	case VALUE_FD:
		if (parse_fd(value, target) != 0)
			return problem_set_text(p, EINVAL, "%s: '%s' is not a descriptor number",
				option->name, value);
		return 0;
	case VALUE_WHOLE:
		err = number_parse(value, option->max, target);
		break;
	case VALUE_REAL:
	default:
		err = parse_real(value, target);
		break;
	}
	if (err == 0)
		*(bool *)((char *)o + option->given_offset) = true;
	else
		log_line("%s: '%s' is not a valid number; ignored", option->name, value);
	return 0;
}

static bool has_value(const struct option *option)
{
	return option->type != VALUE_NONE && option->type != VALUE_REST;
}

/* Take the remaining arguments as the option's operands. */
static int take_operands(const struct option *option, int count, char *const *operands,
	struct options *o, struct problem *p)
{
	if (option->max == 0 ? count == 0 : (uint64_t)count != option->max)
		return problem_set_text(p, EINVAL, "%s needs %s", option->name,
			option->max == 0 ? "a path" : "TENANT POOL INSTANCE");
	o->operands = operands;
	o->operand_count = count;
	return 0;
}

int options_parse(int argc, char *const *argv, struct options *o, struct problem *p)
{
	*o = (struct options){ .listen_fd = -1,
		.later_listen_fd = -1,
		.control_fd = -1,
		.port = PROTOCOL_AGENT_PORT,
		.busy_threshold = 0.1,
		.sample_interval_secs = 5 };
	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct option *option = find(argv[i], &value);

		if (option == NULL)
			return problem_set_text(p, EINVAL, "unknown option '%s'", argv[i]);
		if (!has_value(option) && value != NULL)
			return problem_set_text(p, EINVAL, "%s takes no value", option->name);
		if (has_value(option) && value == NULL)
			value = argv[++i]; /* NULL after the last argument */
		if (has_value(option) && value == NULL)
			return problem_set_text(p, EINVAL, "%s needs a value", option->name);
		if (take_value(option, value, o, p) != 0)
			return -EINVAL;
		if (option->type == VALUE_REST)
			return take_operands(option, argc - i - 1, argv + i + 1, o, p);
	}
	return 0;
}

/* ---- the configuration file ------------------------------------------------------------------ */

struct config {
	uint64_t port, sample_interval_secs;
	double busy_threshold;
	bool has_port, has_busy_threshold, has_sample_interval, freeze_services, dev;
	char *dev_user;
};

static const struct field config_rows[] = {
	{ .name = "port",
		.type = FIELD_WHOLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct config, port),
		.given_offset = offsetof(struct config, has_port) },
	{ .name = "busy_threshold",
		.type = FIELD_REAL,
		.offset = offsetof(struct config, busy_threshold),
		.given_offset = offsetof(struct config, has_busy_threshold) },
	{ .name = "sample_interval_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct config, sample_interval_secs),
		.given_offset = offsetof(struct config, has_sample_interval) },
	{ .name = "dev", .type = FIELD_BOOL, .offset = offsetof(struct config, dev) },
	{ .name = "dev_user",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct config, dev_user) },
	{ .name = "freeze_services",
		.type = FIELD_BOOL,
		.offset = offsetof(struct config, freeze_services) },
};
static const struct fields config_fields = FIELDS_OF(config_rows, struct config);

static int read_config(const char *path, struct config *c, struct problem *p)
{
	struct problem reason;
	struct json value;
	size_t len;
	char *text;
	int err = file_read_alloc(path, CONFIG_MAX, &text, &len);

	if (err != 0)
		return problem_set(p, -err, "%s", path);
	err = json_check(text, len, &value, &reason);
	if (err == 0)
		err = fields_decode(&config_fields, text, value, c, &reason);
	free(text);
	return err != 0 ? problem_set_text(p, -err, "%s: %s", path, reason.text) : 0;
}

static void take_config(const struct config *c, struct options *o)
{
	o->freeze_services = c->freeze_services;
	o->dev = c->dev;
	buf_format(o->dev_user, sizeof(o->dev_user), "%s", c->dev_user != NULL ? c->dev_user : "");
	if (c->has_port && !o->has_port)
		o->port = c->port;
	if (c->has_busy_threshold && !o->has_busy_threshold)
		o->busy_threshold = c->busy_threshold;
	if (c->has_sample_interval && !o->has_sample_interval)
		o->sample_interval_secs = c->sample_interval_secs;
}

int options_read_config(struct options *o, struct problem *p)
{
	struct config c = { 0 };
	int err = read_config(o->config != NULL ? o->config : OPTIONS_CONFIG_PATH, &c, p);

	if (err == 0)
		take_config(&c, o);
	fields_free(&config_fields, &c);
	if (err == 0 || err == -ENOENT || o->config != NULL)
		return o->config != NULL ? err : 0;
	log_line("%s; using the defaults", p->text);
	return 0;
}
