/* SPDX-License-Identifier: MIT */
/*
 * Reads the files that mkGuest writes with the parsers that read them in the guest.
 *
 *   guest-files DIRECTORY   every file of a guest's /etc, which is DIRECTORY; prints what it found,
 *                           a line for each fact, and each problem as "problem: ..."
 *   guest-files --keys      the keys of a service file that init knows, a line each
 *
 * Exit status: 0; 1 when there was a problem; 2 for wrong usage.
 */
#include "agent/checks/definition.h"
#include "base/account.h"
#include "base/directory.h"
#include "init/settings.h"
#include "supervisor/service_file.h"
#include "supervisor/service_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 65536

struct reading {
	const char *etc; /* the directory */
	struct accounts accounts;
	struct settings settings;
	int problems;
};

static struct reading reading;

static void complain(const struct problem *p)
{
	printf("problem: %s\n", p->text);
	reading.problems++;
}

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	complain(p);
}

static const struct reporter complaints = { .take = take_problem };

/* A value on one line. */
static void print_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", stdout);
		else
			putchar(*text);
	}
}

static void print_fact(const char *name, const char *key, const char *value)
{
	printf("%s %s ", name, key);
	print_text(value != NULL ? value : "-");
	putchar('\n');
}

static void print_command(const char *name, const char *key, const struct command *c)
{
	if (c == NULL)
		return;
	printf("%s %s %s", name, key, c->shell ? "shell" : "exec");
	for (char **word = c->argv; *word != NULL; word++) {
		fputs(" <", stdout);
		print_text(*word);
		putchar('>');
	}
	putchar('\n');
}

static void print_service(const char *name, const struct service_config *c)
{
	struct account account;
	struct problem p;
	const char *user = c->user != NULL ? c->user : reading.settings.service_group;

	print_command(name, "command", c->command);
	print_command(name, "pre_start", c->pre_start);
	print_fact(name, "user", c->user);
	print_fact(name, "log_file", c->log_file);
	printf("%s log size=%llu keep=%u\n", name, (unsigned long long)c->log_max_size,
		c->log_keep);
	print_fact(name, "working_directory", c->working_directory);
	for (size_t i = 0; i < c->env.count; i++)
		print_fact(name, "env", c->env.list[i]);
	for (size_t i = 0; i < c->supplementary_groups.count; i++)
		print_fact(name, "group", c->supplementary_groups.list[i]);
	for (size_t i = 0; i < c->after.count; i++)
		print_fact(name, "after", c->after.list[i]);
	for (size_t i = 0; i < c->requires.count; i++)
		print_fact(name, "requires", c->requires.list[i]);
	printf("%s rules restart=%d type=%d stop=%llu delay=%llu delay_max=%llu start=%llu "
	       "limit=%llu/%llu ready=%d\n",
		name, (int)c->rules.restart, (int)c->rules.type,
		(unsigned long long)c->rules.stop_timeout,
		(unsigned long long)c->rules.restart_delay,
		(unsigned long long)c->rules.restart_delay_max,
		(unsigned long long)c->rules.start_timeout,
		(unsigned long long)c->rules.start_limit,
		(unsigned long long)c->rules.start_limit_interval, (int)c->rules.ready);
	printf("%s schedule action=%d/%u unhealthy=%u boot=%llu interval=%llu\n", name,
		(int)c->start_limit_action, c->start_limit_exit_code, c->unhealthy_restart_after,
		(unsigned long long)c->on_boot_delay, (unsigned long long)c->on_interval);
	printf("%s cgroup memory=%llu/%llu/%llu cpu=%llu/%llu tasks=%llu\n", name,
		(unsigned long long)c->cgroup.memory_max, (unsigned long long)c->cgroup.memory_high,
		(unsigned long long)c->cgroup.memory_swap_max,
		(unsigned long long)c->cgroup.cpu_max, (unsigned long long)c->cgroup.cpu_weight,
		(unsigned long long)c->cgroup.tasks_max);
	printf("%s process nice=%lld oom=%lld umask=%03llo no_new_privs=%d ambient=%llx "
	       "limits=%zu\n",
		name, (long long)c->nice, (long long)c->oom_score, (unsigned long long)c->umask,
		c->no_new_privs, (unsigned long long)c->ambient, c->limit_count);
	printf("%s sandbox seccomp=%d private_tmp=%d\n", name, (int)c->tier,
		c->sandbox.private_tmp);
	for (size_t i = 0; i < c->sandbox.read_only.count; i++)
		print_fact(name, "read_only", c->sandbox.read_only.list[i]);
	if (accounts_find_user(&reading.accounts, user, &account, &p) != 0)
		complain(&p);
	else
		printf("%s account %u:%u %s %s groups=%zu\n", name, account.uid, account.gid,
			account.home, account.shell, account.group_count);
}

static int read_service(void *arg, const char *file)
{
	char name[SERVICE_NAME_MAX], path[4096];
	struct service_config c;
	struct problem p;

	(void)arg;
	if (service_name_of_file(file, name) != 0) {
		printf("problem: %s is not the name of a service's file\n", file);
		reading.problems++;
		return 0;
	}
	snprintf(path, sizeof(path), "%s/mvm/services.d/%s", reading.etc, file);
	service_config_init(&c);
	if (service_config_read(AT_FDCWD, path, &c, &complaints, &p) == 0)
		print_service(name, &c);
	service_config_free(&c);
	return 0;
}

static void print_definition(enum definition_kind kind, const struct definition *d)
{
	const char *what = kind == DEFINITION_PROBE ? "probe" : "check";

	printf("%s %s ", d->name, what);
	print_text(d->command != NULL ? d->command : "-");
	printf("\n%s %s-times interval=%llu timeout=%llu grace=%llu\n", d->name, what,
		(unsigned long long)d->interval_secs, (unsigned long long)d->timeout_secs,
		(unsigned long long)d->grace_secs);
	printf("%s %s-more user=%s critical=%d output=%u checkpoint=%s restore=%s\n", d->name, what,
		d->user != NULL ? d->user : "-", d->critical, d->output,
		d->checkpoint_cmd != NULL ? d->checkpoint_cmd : "-",
		d->restore_cmd != NULL ? d->restore_cmd : "-");
}

static int read_definition(void *arg, const char *file)
{
	static char text[TEXT_MAX];
	enum definition_kind kind = *(enum definition_kind *)arg;
	struct definition d = { 0 };
	struct problem p;
	char path[4096];
	size_t len;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/mvm/%s/%s", reading.etc,
		kind == DEFINITION_PROBE ? "probes.d" : "integrations.d", file);
	stream = fopen(path, "re");
	if (stream == NULL) {
		printf("problem: %s: cannot be read\n", path);
		reading.problems++;
		return 0;
	}
	len = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[len] = '\0';
	if (definition_parse(kind, text, len, &d, &p) != 0)
		complain(&p);
	else
		print_definition(kind, &d);
	definition_free(&d);
	return 0;
}

static void read_settings(void)
{
	char path[4096];
	struct settings *s = &reading.settings;

	snprintf(path, sizeof(path), "%s/mvm/init.ini", reading.etc);
	settings_read(path, s, &complaints);
	print_fact("guest", "hostname", s->hostname);
	print_fact("guest", "service_group", s->service_group);
	print_fact("guest", "agent", s->agent);
	for (size_t i = 0; i < s->nameservers.count; i++)
		print_fact("guest", "nameserver", s->nameservers.list[i]);
	printf("guest settings reserve=%llu user_namespaces=%d accounting=%d\n",
		(unsigned long long)s->memory_reserve, s->user_namespaces, s->accounting);
	for (size_t i = 0; i < s->sysctl.count; i++)
		print_fact("guest", "sysctl", s->sysctl.list[i]);
	for (size_t i = 0; i < s->env.count; i++)
		print_fact("guest", "env", s->env.list[i]);
}

static void read_directory(const char *directory, int (*each)(void *, const char *), void *arg)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/mvm/%s", reading.etc, directory);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || directory_each(fd, each, arg) != 0) {
		printf("problem: %s cannot be read\n", path);
		reading.problems++;
	}
	if (fd >= 0)
		close(fd);
}

static void read_all(void)
{
	enum definition_kind integration = DEFINITION_INTEGRATION, probe = DEFINITION_PROBE;
	char passwd[4096], group[4096];
	struct problem p;

	snprintf(passwd, sizeof(passwd), "%s/passwd", reading.etc);
	snprintf(group, sizeof(group), "%s/group", reading.etc);
	if (accounts_load(&reading.accounts, passwd, group, &p) != 0)
		complain(&p);
	read_settings();
	read_directory("services.d", read_service, NULL);
	read_directory("integrations.d", read_definition, &integration);
	read_directory("probes.d", read_definition, &probe);
	settings_free(&reading.settings);
	accounts_free(&reading.accounts);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: guest-files DIRECTORY | --keys\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "--keys") == 0) {
		service_keys_print_names(stdout);
		return 0;
	}
	reading.etc = argv[1];
	read_all();
	return reading.problems != 0;
}
