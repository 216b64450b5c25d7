/* SPDX-License-Identifier: MIT */
#include "supervisor/service_file.h"

#include "base/buf.h"
#include "base/capability.h"
#include "base/number.h"
#include "supervisor/env_file.h"
#include "supervisor/ini_file.h"
#include "supervisor/service_keys.h"
#include "supervisor/service_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALL_CAPABILITIES UINT64_MAX

/* ---- one setter for each type
 * ------------------------------------------------------------------------
 */

typedef int (*setter)(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p);

static int set_command(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	(void)key;
	(void)c;
	return command_parse(value, member, p);
}

static int set_text(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	char **text = member;

	(void)c;
	if (value[0] == '\0')
		return problem_set_text(p, EINVAL, "needs a value");
	if ((key->type == KEY_PATH && value[0] != '/') ||
		(key->type == KEY_MAYBE && value[value[0] == '-'] != '/'))
		return problem_set_text(p, EINVAL, "'%s' is not an absolute path", value);
	*text = strdup(value);
	return *text == NULL ? problem_set(p, ENOMEM, "no value") : 0;
}

/* Call `each` for every word, until it fails. */
static int each_word(
	const char *value, int (*each)(void *arg, const char *word, size_t len), void *arg)
{
	for (value += strspn(value, " \t"); *value != '\0'; value += strspn(value, " \t")) {
		size_t len = strcspn(value, " \t");
		int err = each(arg, value, len);

		if (err != 0)
			return err;
		value += len;
	}
	return 0;
}

static int add_word(void *arg, const char *word, size_t len)
{
	return strings_add(arg, word, len);
}

static int set_words(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	(void)key;
	(void)c;
	return each_word(value, add_word, member) != 0 ? problem_set(p, ENOMEM, "no value") : 0;
}

/* Absolute paths, each with '-' in front if it may be absent. */
static int set_paths(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	const struct strings *paths = member;
	int err = set_words(key, c, member, value, p);

	for (size_t i = 0; err == 0 && i < paths->count; i++)
		if (paths->list[i][paths->list[i][0] == '-'] != '/')
			err = problem_set_text(
				p, EINVAL, "'%s' is not an absolute path", paths->list[i]);
	return err;
}

static int set_choice(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	char list[128];
	struct buf b;

	(void)c;
	buf_init(&b, list, sizeof(list));
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], value) == 0) {
			memcpy(member, &i, sizeof(i)); /* an enum of the same size */
			return 0;
		}
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", key->choices[i]);
	}
	return problem_set_text(p, EINVAL, "'%s' is not one of: %s", value, list);
}

static int set_bool(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	static const char *const words[][2] = { { "no", "yes" }, { "false", "true" },
		{ "off", "on" }, { "0", "1" } };

	(void)key;
	(void)c;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int on = 0; on < 2; on++) {
			if (strcmp(value, words[i][on]) == 0) {
				*(bool *)member = on == 1;
				return 0;
			}
		}
	}
	return problem_set_text(p, EINVAL, "'%s' is neither yes nor no", value);
}

static int set_span(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	(void)c;
	switch (number_parse_span(value, key->max, member)) {
	case 0:
		return 0;
	case -ERANGE:
		return problem_set_text(p, ERANGE, "'%s' is too long: at most %llu s", value,
			(unsigned long long)key->max / 1000);
	default:
		return problem_set_text(
			p, EINVAL, "'%s' is not a time span such as 500ms, 10s or 2min", value);
	}
}

static int set_count(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	uint64_t n;

	(void)c;
	if (number_parse(value, key->max, &n) != 0)
		return problem_set_text(p, EINVAL, "'%s' is not a number from 0 to %llu", value,
			(unsigned long long)key->max);
	*(unsigned int *)member = (unsigned int)n;
	return 0;
}

static int set_signed(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	bool negative = value[0] == '-';
	uint64_t n;

	(void)c;
	if (number_parse(value + negative, negative ? (uint64_t)-key->min : key->max, &n) != 0)
		return problem_set_text(p, EINVAL, "'%s' is not a number from %lld to %llu", value,
			(long long)key->min, (unsigned long long)key->max);
	*(int64_t *)member = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

static int set_octal(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	(void)c;
	if (number_parse_octal(value, key->max, member) != 0)
		return problem_set_text(p, EINVAL, "'%s' is not an octal number up to %llo", value,
			(unsigned long long)key->max);
	return 0;
}

/* A size in bytes, or infinity. */
static int set_size(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	uint64_t *bytes = member;

	(void)c;
	if (strcmp(value, "infinity") == 0 || strcmp(value, "max") == 0)
		*bytes = CGROUP_MAX;
	else if (number_parse_size(value, key->max, bytes) != 0)
		return problem_set_text(
			p, EINVAL, "'%s' is not a size such as 64M or 1G, and not infinity", value);
	return 0;
}

/* "150%": one CPU and a half, in thousandths of a CPU. */
static int set_percent(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	char number[16];
	size_t len = strlen(value);
	uint64_t percent;

	(void)c;
	if (len < 2 || len > sizeof(number) || value[len - 1] != '%')
		return problem_set_text(
			p, EINVAL, "'%s' is not a percentage of a CPU, such as 50%%", value);
	memcpy(number, value, len - 1);
	number[len - 1] = '\0';
	if (number_parse(number, key->max, &percent) != 0 || percent == 0)
		return problem_set_text(p, EINVAL, "'%s' is not a percentage from 1%% to %llu%%",
			value, (unsigned long long)key->max);
	*(uint64_t *)member = percent * 10;
	return 0;
}

static int set_wide_count(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	uint64_t n;

	(void)c;
	if (number_parse(value, key->max, &n) != 0 || n < (uint64_t)key->min)
		return problem_set_text(p, EINVAL, "'%s' is not a number from %lld to %llu", value,
			(long long)key->min, (unsigned long long)key->max);
	*(uint64_t *)member = n;
	return 0;
}

static int parse_limit(const char *text, rlim_t *out)
{
	uint64_t n;

	if (strcmp(text, "infinity") == 0) {
		*out = RLIM_INFINITY;
		return 0;
	}
	if (number_parse_size(text, INT64_MAX, &n) != 0)
		return -EINVAL;
	*out = n;
	return 0;
}

static int set_limit(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	struct spawn_limit *l;
	char soft[32];
	size_t n = strcspn(value, ":");

	(void)member;
	if (c->limit_count == SERVICE_LIMITS_MAX)
		return problem_set_text(p, E2BIG, "more than %d limits", SERVICE_LIMITS_MAX);
	if (c->limits == NULL)
		c->limits = calloc(SERVICE_LIMITS_MAX, sizeof(*c->limits));
	if (c->limits == NULL)
		return problem_set(p, ENOMEM, "no limit");
	l = &c->limits[c->limit_count];
	l->resource = (int)key->min;
	if (n < sizeof(soft)) {
		memcpy(soft, value, n);
		soft[n] = '\0';
		if (parse_limit(soft, &l->value.rlim_cur) == 0 &&
			parse_limit(value[n] == ':' ? value + n + 1 : soft, &l->value.rlim_max) ==
				0 &&
			l->value.rlim_cur <= l->value.rlim_max) {
			c->limit_count++;
			return 0;
		}
	}
	return problem_set_text(
		p, EINVAL, "'%s' is not SOFT or SOFT:HARD of numbers or infinity", value);
}

static int add_capability(void *arg, const char *word, size_t len)
{
	uint64_t *set = arg;
	int n = capability_number(word, len);

	if (len == 4 && memcmp(word, "none", 4) == 0)
		*set = 0;
	else if (len == 3 && memcmp(word, "all", 3) == 0)
		*set = ALL_CAPABILITIES;
	else if (n < 0)
		return n;
	else
		*set |= (uint64_t)1 << n;
	return 0;
}

static int set_caps(const struct service_key *key, struct service_config *c, void *member,
	const char *value, struct problem *p)
{
	(void)key;
	(void)c;
	if (each_word(value, add_capability, member) != 0)
		return problem_set_text(
			p, EINVAL, "'%s' has a word that names no capability", value);
	return 0;
}

static const setter setters[] = {
	[KEY_COMMAND] = set_command,
	[KEY_TEXT] = set_text,
	[KEY_PATH] = set_text,
	[KEY_MAYBE] = set_text,
	[KEY_WORDS] = set_words,
	[KEY_PATHS] = set_paths,
	[KEY_CHOICE] = set_choice,
	[KEY_BOOL] = set_bool,
	[KEY_SPAN] = set_span,
	[KEY_COUNT] = set_count,
	[KEY_SIGNED] = set_signed,
	[KEY_OCTAL] = set_octal,
	[KEY_SIZE] = set_size,
	[KEY_PERCENT] = set_percent,
	[KEY_WIDE] = set_wide_count,
	[KEY_LIMIT] = set_limit,
	[KEY_CAPS] = set_caps,
};

/* ---- sections and files -----------------------------------------------------------------------
 */

static int set_service_key(struct service_config *c, uint64_t *seen, const char *key,
	const char *value, struct problem *p)
{
	for (size_t i = 0; i < service_key_count; i++) {
		const struct service_key *k = &service_keys[i];
		struct problem why;
		int err;

		if (strcmp(k->name, key) != 0)
			continue;
		if (*seen >> i & 1)
			return problem_set_text(p, EEXIST, "%s is set twice", key);
		*seen |= (uint64_t)1 << i;
		err = setters[k->type](k, c, (char *)c + k->offset, value, &why);
		if (err != 0)
			return problem_set_text(p, -err, "%s: %s", key, why.text);
		if (k->flag_offset != 0)
			*(bool *)((char *)c + k->flag_offset) = true;
		return 0;
	}
	return problem_set_text(p, ENOENT, "unknown key '%s' in [service]", key);
}

static int set_env(struct service_config *c, const char *key, const char *value, struct problem *p)
{
	size_t len = strlen(key);

	if (!env_name_is_valid(key, len))
		return problem_set_text(p, EINVAL, "'%s' cannot name an environment variable", key);
	if (strings_find_variable(&c->env, key, len) < c->env.count)
		return problem_set_text(p, EEXIST, "%s is set twice", key);
	return strings_set(&c->env, key, value) != 0 ? problem_set(p, ENOMEM, "%s", key) : 0;
}

int service_config_set(struct service_config *c, uint64_t *seen, const char *section,
	const char *key, const char *value, struct problem *p)
{
	if (strcmp(section, "service") == 0)
		return set_service_key(c, seen, key, value, p);
	if (strcmp(section, "env") == 0)
		return set_env(c, key, value, p);
	return problem_set_text(p, ENOENT, "'%s' is in %s%s%s; known are [service] and [env]", key,
		section[0] != '\0' ? "the unknown section [" : "no section", section,
		section[0] != '\0' ? "]" : "");
}

struct reading {
	struct service_config *config;
	uint64_t seen;
	const struct reporter *report;
	struct problem *first;
	bool failed;
};

static int read_entry(
	void *arg, const char *section, const char *key, const char *value, struct problem *p)
{
	struct reading *r = arg;

	return service_config_set(r->config, &r->seen, section, key, value, p);
}

static void read_problem(void *arg, const struct problem *p)
{
	struct reading *r = arg;

	if (!r->failed)
		*r->first = *p;
	r->failed = true;
	problem_report(r->report, p);
}

static int check_whole(const char *path, const struct service_config *c, struct problem *p)
{
	if (c->command == NULL)
		return problem_set_text(p, EINVAL, "%s: no command in [service]", path);
	if (c->reload_command != NULL && c->has_reload_signal)
		return problem_set_text(
			p, EINVAL, "%s: reload_signal and reload_command exclude each other", path);
	if (c->rules.type == MACHINE_ONESHOT && (c->reload_command != NULL || c->has_reload_signal))
		return problem_set_text(p, EINVAL, "%s: a oneshot has nothing to reload", path);
	if (c->log_file != NULL && strlen(c->log_file) >= COLLECTOR_PATH_MAX)
		return problem_set_text(p, ENAMETOOLONG, "%s: log_file has more than %d bytes",
			path, COLLECTOR_PATH_MAX - 1);
	if (c->rules.restart_delay > c->rules.restart_delay_max)
		return problem_set_text(
			p, EINVAL, "%s: restart_delay is above restart_delay_max", path);
	if (c->tier < SYSCALL_TIER_UNRESTRICTED && !c->no_new_privs)
		return problem_set_text(p, EINVAL, "%s: seccomp needs no_new_privs = yes", path);
	if (c->tier == SYSCALL_TIER_ESSENTIAL &&
		(c->rules.ready == MACHINE_READY_NOTIFY || c->rules.watchdog > 0))
		return problem_set_text(p, EINVAL,
			"%s: %s needs a socket, which seccomp = essential refuses", path,
			c->rules.watchdog > 0 ? "watchdog" : "ready = notify");
	return 0;
}

int service_config_read(int directory, const char *path, struct service_config *c,
	const struct reporter *report, struct problem *p)
{
	struct reading r = { .config = c, .report = report, .first = p };
	int err;

	service_config_init(c);
	err = ini_file_read(directory, path, read_entry, &r, &(struct reporter){ read_problem, &r },
		&c->file_hash);
	if (err != 0)
		return err;
	c->rules.has_pre_start = c->pre_start != NULL;
	c->rules.reload = c->reload_command != NULL ? MACHINE_RELOAD_BY_COMMAND
			  : c->has_reload_signal    ? MACHINE_RELOAD_BY_SIGNAL
						    : MACHINE_RELOAD_BY_NOTHING;
	err = check_whole(path, c, p);
	if (err != 0)
		problem_report(report, p);
	return err;
}

void service_keys_print_names(FILE *out)
{
	for (size_t i = 0; i < service_key_count; i++)
		fprintf(out, "%s\n", service_keys[i].name);
}
