/* SPDX-License-Identifier: MIT */
/*
 * The files that PID 1 reads, each on the same bytes: a service's, init.ini, an environment file.
 * What is taken keeps what the rest of PID 1 relies on; what is not is told with the file's name.
 */
#include "init/network_config.h"
#include "init/settings.h"
#include "supervisor/env_file.h"
#include "supervisor/service_file.h"
#include "supervisor/service_name.h"
#include "tests/fuzz/rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define REPORTS_MAX 11 /* eight lines, how many more, and one that is no line */

static const char *path;
static unsigned int reports;
static struct problem first;

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	if (reports++ == 0)
		first = *p;
	require(strstr(p->text, path) != NULL, "a problem without its file");
	require(p->code > 0, "a problem without its number");
	require(strchr(p->text, '\n') == NULL, "a problem of two lines");
}

static const struct reporter on_report = { .take = take_problem };

static void check_reports(int err)
{
	require((err != 0) == (reports > 0), "an error is not told, or what is told is none");
	require(reports <= REPORTS_MAX, "too much is told");
}

/* Only a file of variables can hold a value of several lines. */
static void check_env(const struct strings *env, bool has_lines)
{
	for (size_t i = 0; i < env->count; i++) {
		size_t len = strcspn(env->list[i], "=");

		require(env->list[i][len] == '=', "a variable without '='");
		require(env_name_is_valid(env->list[i], len), "a variable without a name");
		require(strings_find_variable(env, env->list[i], len) == i, "a variable twice");
		require(has_lines || strchr(env->list[i], '\n') == NULL, "a variable of two lines");
	}
	require(env->list == NULL || env->list[env->count] == NULL, "a list without an end");
}

static void check_words(const struct strings *words)
{
	for (size_t i = 0; i < words->count; i++)
		require(words->list[i][0] != '\0' && strpbrk(words->list[i], " \t\n") == NULL,
			"a word that is none");
}

static void check_path(const char *text, bool may_be_absent)
{
	require(text == NULL || text[may_be_absent && text[0] == '-'] == '/',
		"a path that is none");
}

static void check_command(const struct command *c)
{
	require(c->argv[0] != NULL && c->argv[0][0] != '\0', "a command without a program");
	require(!c->shell || strcmp(c->argv[0], "/bin/sh") == 0, "another shell");
}

static void check_limits(const struct service_config *c)
{
	require(c->limit_count <= SERVICE_LIMITS_MAX, "too many limits");
	for (size_t i = 0; i < c->limit_count; i++) {
		const struct spawn_limit *l = &c->limits[i];

		require(l->value.rlim_cur <= l->value.rlim_max, "a limit above its limit");
		for (size_t k = 0; k < i; k++)
			require(c->limits[k].resource != l->resource, "a limit twice");
	}
}

static void check_service(const struct service_config *c)
{
	require(c->command != NULL, "no command");
	check_command(c->command);
	if (c->pre_start != NULL)
		check_command(c->pre_start);
	require(c->rules.has_pre_start == (c->pre_start != NULL), "pre_start, or not");
	require(c->file_hash != 0, "a file without a number");
	check_path(c->log_file, false);
	require(c->log_file == NULL || strlen(c->log_file) < COLLECTOR_PATH_MAX, "too long a path");
	check_path(c->working_directory, false);
	check_path(c->environment_file, true);
	check_words(&c->after);
	check_words(&c->requires);
	check_words(&c->supplementary_groups);
	check_words(&c->sandbox.read_only);
	for (size_t i = 0; i < c->sandbox.read_only.count; i++)
		check_path(c->sandbox.read_only.list[i], true);
	check_env(&c->env, false);
	check_limits(c);
	require(c->rules.restart_delay <= c->rules.restart_delay_max, "delays in no order");
	require(c->nice >= -20 && c->nice <= 19, "a nice value that is none");
	require(c->oom_score >= -1000 && c->oom_score <= 1000, "an oom_score_adj that is none");
	require(c->umask <= 0777, "a umask that is none");
	require(c->start_limit_exit_code <= 255, "an exit code that is none");
	require(c->tier <= SYSCALL_TIER_UNRESTRICTED, "a tier that is none");
	require(c->tier == SYSCALL_TIER_UNRESTRICTED || c->no_new_privs, "a filter for nobody");
}

static void read_service(void)
{
	struct service_config c, again;
	struct problem p = { 0 };
	int err;

	reports = 0;
	err = service_config_read(AT_FDCWD, path, &c, &on_report, &p);
	check_reports(err);
	if (err == 0)
		check_service(&c);
	else
		require(strcmp(p.text, first.text) == 0 && p.code == -err, "another problem");
	require(service_config_read(AT_FDCWD, path, &again, &on_report, &p) == err,
		"another time, another end");
	require(again.file_hash == c.file_hash, "another time, another file");
	service_config_free(&again);
	service_config_free(&c);
}

/* Also with bad lines the others count. */
static void read_settings(void)
{
	unsigned char address[16];
	struct settings s;

	reports = 0;
	check_reports(settings_read(path, &s, &on_report));
	require(strlen(s.hostname) < sizeof(s.hostname) && strpbrk(s.hostname, " /\n") == NULL,
		"a host name that is none");
	require(s.service_group[0] != '\0' && strlen(s.service_group) < sizeof(s.service_group),
		"no service group");
	check_path(s.agent[0] != '\0' ? s.agent : NULL, false);
	for (int i = 0; i < DRIVE_ROLES; i++)
		check_path(s.drives[i][0] != '\0' ? s.drives[i] : NULL, false);
	for (size_t i = 0; i < s.nameservers.count; i++)
		require(inet_pton(AF_INET, s.nameservers.list[i], address) == 1 ||
				inet_pton(AF_INET6, s.nameservers.list[i], address) == 1,
			"a name server that has no address");
	check_env(&s.env, false);
	settings_free(&s);
}

/* The same variables, each in double quotes. */
static char *quote(const struct strings *env)
{
	size_t size = 1;
	char *text, *out;

	for (size_t i = 0; i < env->count; i++)
		size += 2 * strlen(env->list[i]) + 3;
	text = out = malloc(size);
	require(text != NULL, "no memory");
	for (size_t i = 0; i < env->count; i++) {
		const char *at = env->list[i], *value = strchr(at, '=') + 1;

		while (at < value)
			*out++ = *at++;
		*out++ = '"';
		for (; *at != '\0'; *out++ = *at++)
			if (strchr("$`\"\\", *at) != NULL)
				*out++ = '\\';
		*out++ = '"';
		*out++ = '\n';
	}
	*out = '\0';
	return text;
}

static void read_env(void)
{
	struct strings env = { 0 }, again = { 0 };
	char *text;

	reports = 0;
	require(env_file_read(path, &env, &on_report) == 0, "no memory");
	check_env(&env, true);
	text = quote(&env);
	reports = 0;
	require(env_file_parse(path, text, &again, &on_report) == 0 && reports == 0,
		"quoted variables are refused");
	require(again.count == env.count, "quoted variables are others");
	for (size_t i = 0; i < env.count; i++)
		require(strcmp(again.list[i], env.list[i]) == 0, "a quoted variable is another");
	free(text);
	strings_free(&again);
	strings_free(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	path = rig_file(data, size);
	read_service();
	read_settings();
	read_env();
	return 0;
}
