/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "supervisor/service_file.h"
#include "supervisor/service_name.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char told[8192];
static char path[] = "/tmp/service-XXXXXX";

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	strcat(told, p->text + (strncmp(p->text, path, strlen(path)) == 0 ? strlen(path) : 0));
	strcat(told, "\n");
}

static const struct reporter tell = { .take = take_problem };

/* Read `text` as a service file; told[] gets the reports, without the file's name. */
static int read_text(const char *text, struct service_config *c)
{
	struct problem first;
	int fd, r;

	strcpy(path, "/tmp/service-XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0);
	close(fd);
	told[0] = '\0';
	cr_assert(file_create(path, text, strlen(text), 0600) == 0);
	r = service_config_read(AT_FDCWD, path, c, &tell, &first);
	unlink(path);
	return r;
}

Test(service_config, everything)
{
	struct service_config c;

	cr_assert(read_text("# web\n[service]\n"
			    "command = /bin/httpd -f -p 8080 -h '/srv/a b'\n"
			    "; another comment\n"
			    "pre_start = mkdir -p /x && true\n"
			    "user = web\n"
			    "log_file = /var/log/web.log\n"
			    "restart = on-failure\n"
			    "restart_delay = 0.5s\n"
			    "stop_timeout = 2min\n"
			    "working_directory = /srv\n"
			    "nice = -5\n"
			    "umask = 027\n"
			    "limit_nofile = 100:infinity\n"
			    "limit_memlock = 64M\n"
			    "capabilities = cap_net_bind_service NET_RAW\n"
			    "no_new_privs = off\n"
			    "[env]\n"
			    "PORT = 8080\n"
			    "GREETING = it's ; # \"all\" = value\n"
			    "EMPTY =\n",
			  &c) == 0,
		"%s", told);
	cr_expect(strcmp(c.command->argv[4], "-h") == 0);
	cr_expect(strcmp(c.command->argv[5], "/srv/a b") == 0);
	cr_expect(!(c.command->shell));
	cr_expect(c.pre_start->shell);
	cr_expect(strcmp(c.user, "web") == 0);
	cr_expect(c.rules.restart == MACHINE_RESTART_ON_FAILURE);
	cr_expect(c.rules.restart_delay == 500);
	cr_expect(c.rules.stop_timeout == 120000);
	cr_expect(c.rules.has_pre_start);
	cr_expect(c.nice == -5 && c.set_nice);
	cr_expect(c.umask == 027 && c.set_umask);
	cr_expect(!(c.set_oom_score));
	cr_expect(c.limit_count == 2);
	cr_expect(c.limits[0].resource == RLIMIT_NOFILE && c.limits[0].value.rlim_cur == 100 &&
		  c.limits[0].value.rlim_max == RLIM_INFINITY);
	cr_expect(c.limits[1].value.rlim_max == 64 * 1024 * 1024);
	cr_expect(c.ambient == (1u << 10 | 1u << 13) && c.capabilities_set);
	cr_expect(!(c.no_new_privs));
	cr_expect(c.env.count == 3);
	cr_expect(strcmp(c.env.list[1], "GREETING=it's ; # \"all\" = value") == 0);
	cr_expect(strcmp(c.env.list[2], "EMPTY=") == 0);
	service_config_free(&c);
}

/* A line of [service] and the number that it sets, little-endian: a new key needs a row here. */
static const struct {
	const char *line;
	size_t offset, size;
	uint64_t value;
} values[] = {
#define ROW(line, member, value)                                                                   \
	{                                                                                          \
		line, offsetof(struct service_config, member),                                     \
			sizeof(((struct service_config *)0)->member), (uint64_t)(value)            \
	}
	ROW("log_max_size = 10M", log_max_size, 10 << 20),
	ROW("log_keep = 100", log_keep, 100),
	ROW("type = oneshot", rules.type, MACHINE_ONESHOT),
	ROW("type = forking", rules.type, MACHINE_FORKING),
	ROW("restart = never", rules.restart, MACHINE_RESTART_NEVER),
	ROW("restart_delay = 0.5s", rules.restart_delay, 500),
	ROW("restart_delay_max = 1d", rules.restart_delay_max, 86400000),
	ROW("stop_timeout = 0", rules.stop_timeout, 0),
	ROW("start_timeout = 2min", rules.start_timeout, 120000),
	ROW("start_limit = 16", rules.start_limit, 16),
	ROW("start_limit_interval = 365d", rules.start_limit_interval, 365ull * 86400000),
	ROW("start_limit_action = exit", start_limit_action, SERVICE_LIMIT_EXIT),
	ROW("start_limit_exit_code = 255", start_limit_exit_code, 255),
	ROW("ready = healthy", rules.ready, MACHINE_READY_HEALTHY),
	ROW("watchdog = 500ms", rules.watchdog, 500),
	ROW("unhealthy_restart_after = 3", unhealthy_restart_after, 3),
	ROW("on_boot_delay = 10min", on_boot_delay, 600000),
	ROW("on_interval = 1h", on_interval, 3600000),
	ROW("private_tmp = on", sandbox.private_tmp, true),
	ROW("nice = -20", nice, -20),
	ROW("oom_score_adj = -1000", oom_score, -1000),
	ROW("umask = 777", umask, 0777),
	ROW("memory_max = infinity", cgroup.memory_max, CGROUP_MAX),
	ROW("memory_high = 1G", cgroup.memory_high, 1 << 30),
	ROW("memory_swap_max = 0", cgroup.memory_swap_max, 0),
	ROW("cpu_max = 150%", cgroup.cpu_max, 1500),
	ROW("cpu_weight = 10000", cgroup.cpu_weight, 10000),
	ROW("tasks_max = 1", cgroup.tasks_max, 1),
};

Test(service_config, each_value_is_set)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct service_config c;
		char text[128];

		snprintf(text, sizeof(text), "[service]\ncommand = a\n%s\n", values[i].line);
		cr_assert(read_text(text, &c) == 0, "%s", told);
		cr_expect(memcmp((char *)&c + values[i].offset, &values[i].value, values[i].size) ==
				  0,
			"%s", values[i].line);
		service_config_free(&c);
	}
}

Test(service_config, defaults)
{
	struct service_config c;

	cr_assert(read_text("[service]\ncommand = a\n", &c) == 0);
	cr_expect(c.rules.restart == MACHINE_RESTART_ALWAYS);
	cr_expect(c.rules.restart_delay == 100 && c.rules.restart_delay_max == 30000);
	cr_expect(c.rules.stop_timeout == 1000);
	cr_expect(c.no_new_privs);
	cr_expect(c.user == NULL && c.ambient == 0);
	cr_expect(c.tier == SYSCALL_TIER_UNRESTRICTED);
	cr_expect(!sandbox_is_needed(&c.sandbox));
	service_config_free(&c);
}

Test(service_config, confinement)
{
	static const char *const tiers[] = { "essential", "minimal", "standard", "network",
		"unrestricted" };
	struct service_config c;

	for (int i = 0; i < 5; i++) {
		char text[128];

		snprintf(text, sizeof(text), "[service]\ncommand = a\nseccomp = %s\n", tiers[i]);
		cr_assert(read_text(text, &c) == 0, "%s", told);
		cr_expect(c.tier == (enum syscall_tier)i, "%s", tiers[i]);
		service_config_free(&c);
	}
	cr_assert(read_text("[service]\ncommand = a\nprivate_tmp = yes\n"
			    "read_only_paths = /etc  -/srv/a /\n"
			    "seccomp = unrestricted\nno_new_privs = no\n",
			  &c) == 0,
		"%s", told);
	cr_expect(c.sandbox.private_tmp && c.sandbox.read_only.count == 3);
	cr_expect(strcmp(c.sandbox.read_only.list[0], "/etc") == 0);
	cr_expect(strcmp(c.sandbox.read_only.list[1], "-/srv/a") == 0);
	cr_expect(strcmp(c.sandbox.read_only.list[2], "/") == 0);
	service_config_free(&c);
}

Test(service_config, each_error_names_line_and_key)
{
	const struct {
		const char *text, *message;
	} cases[] = {
		{ "[service]\ncomand = a\n", ":2: unknown key 'comand' in [service]\n" },
		{ "[service]\ncommand = a\n[sevice]\nuser = b\n",
			":4: 'user' is in the unknown section [sevice]; known are [service] "
			"and [env]\n" },
		{ "command = a\n",
			":1: 'command' is in no section; known are [service] and [env]\n" },
		{ "[service]\ncommand = a\ncommand = b\n", ":3: command is set twice\n" },
		{ "[service]\ncommand = a\n[env]\nA = 1\nA = 2\n", ":5: A is set twice\n" },
		{ "[service]\ncommand = a\n[env]\nA B = 1\n",
			":4: 'A B' cannot name an environment variable\n" },
		{ "[service]\ncommand = a 'b\n", ":2: command: a single quote is not closed\n" },
		{ "[service]\ncommand =\n", ":2: command: the command is empty\n" },
		{ "[service]\nuser = x\n", ": no command in [service]\n" },
		{ "[service]\ncommand = a\nrestart = sometimes\n",
			":3: restart: 'sometimes' is not one of: always, on-failure, never\n" },
		{ "[service]\ncommand = a\nstop_timeout = soon\n",
			":3: stop_timeout: 'soon' is not a time span such as 500ms, 10s or "
			"2min\n" },
		{ "[service]\ncommand = a\nstop_timeout = 2d\n",
			":3: stop_timeout: '2d' is too long: at most 86400 s\n" },
		{ "[service]\ncommand = a\nlog_file = x.log\n",
			":3: log_file: 'x.log' is not an absolute path\n" },
		{ "[service]\ncommand = a\nnice = 20\n",
			":3: nice: '20' is not a number from -20 to 19\n" },
		{ "[service]\ncommand = a\nnice = -21\n",
			":3: nice: '-21' is not a number from -20 to 19\n" },
		{ "[service]\ncommand = a\numask = 89\n",
			":3: umask: '89' is not an octal number up to 777\n" },
		{ "[service]\ncommand = a\nuser =\n", ":3: user: needs a value\n" },
		{ "[service]\ncommand = a\nno_new_privs = maybe\n",
			":3: no_new_privs: 'maybe' is neither yes nor no\n" },
		{ "[service]\ncommand = a\nlimit_nofile = 5:4\n",
			":3: limit_nofile: '5:4' is not SOFT or SOFT:HARD of numbers or "
			"infinity\n" },
		{ "[service]\ncommand = a\ncapabilities = fly\n",
			":3: capabilities: 'fly' has a word that names no capability\n" },
		{ "[service]\ncommand = a\nenvironment_file = -x.env\n",
			":3: environment_file: '-x.env' is not an absolute path\n" },
		{ "[service]\ncommand = a\nworking_directory = -/x\n",
			":3: working_directory: '-/x' is not an absolute path\n" },
		{ "[service]\ncommand = a\nseccomp = some\n",
			":3: seccomp: 'some' is not one of: essential, minimal, standard, network, "
			"unrestricted\n" },
		{ "[service]\ncommand = a\nno_new_privs = no\nseccomp = network\n",
			": seccomp needs no_new_privs = yes\n" },
		{ "[service]\ncommand = a\nreload_signal = HUP\nreload_command = b\n",
			": reload_signal and reload_command exclude each other\n" },
		{ "[service]\ncommand = a\ntype = oneshot\nreload_command = b\n",
			": a oneshot has nothing to reload\n" },
		{ "[service]\ncommand = a\nready = notify\nseccomp = essential\n",
			": ready = notify needs a socket, which seccomp = essential refuses\n" },
		{ "[service]\ncommand = a\nprivate_tmp = 2\n",
			":3: private_tmp: '2' is neither yes nor no\n" },
		{ "[service]\ncommand = a\nread_only_paths = /etc srv\n",
			":3: read_only_paths: 'srv' is not an absolute path\n" },
		{ "[service]\ncommand = a\nread_only_paths = -srv\n",
			":3: read_only_paths: '-srv' is not an absolute path\n" },
		{ "[service]\ncommand = a\nread_only_paths = /etc, /srv -\n",
			":3: read_only_paths: '-' is not an absolute path\n" },
		{ "[service]\ncommand = a\nstart_limit = 17\n",
			":3: start_limit: '17' is not a number from 0 to 16\n" },
		{ "[service]\ncommand = a\njust words\n",
			":3: not a [section] and not KEY = VALUE\n" },
		{ "[service\ncommand = a\n",
			":2: 'command' is in no section; known are [service] and [env]\n"
			":1: not a [section] and not KEY = VALUE\n" },
		{ "[service]\ncommand = a\nrestart_delay = 1min\n",
			": restart_delay is above restart_delay_max\n" },
		{ "[service]\ncommand = a\nnice = x\numask = y\n",
			":3: nice: 'x' is not a number from -20 to 19\n"
			":4: umask: 'y' is not an octal number up to 777\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct service_config c;

		cr_expect(read_text(cases[i].text, &c) != 0, "%s", cases[i].text);
		cr_expect(strcmp(told, cases[i].message) == 0, "%s gave %s", cases[i].text, told);
		service_config_free(&c);
	}
}

Test(service_config, long_values_are_whole)
{
	static char text[70000];
	struct service_config c;
	size_t len = 60000;

	strcpy(text, "[service]\ncommand = a\n[env]\nLONG = ");
	memset(text + strlen(text), 'x', len);
	cr_assert(read_text(text, &c) == 0, "%s", told);
	cr_expect(strlen(c.env.list[0]) == len + strlen("LONG="));
	service_config_free(&c);
	memset(text + strlen(text), 'x', 6000);
	cr_expect(read_text(text, &c) != 0, "a line that is too long is an error, never cut");
	service_config_free(&c);
}

Test(service_config, unreadable_files)
{
	struct service_config c;
	struct problem p;

	told[0] = '\0';
	cr_expect(service_config_read(AT_FDCWD, "/nonexistent/web.ini", &c, &tell, &p) == -ENOENT);
	cr_expect(strstr(told, "/nonexistent/web.ini: No such file") != NULL, "%s", told);
	service_config_free(&c);
}

Test(service_config, file_names)
{
	char name[SERVICE_NAME_MAX];
	char longest[80];

	cr_expect(service_name_of_file("web.ini", name) == 0 && strcmp(name, "web") == 0);
	cr_expect(service_name_of_file("a.b_c-9.ini", name) == 0);
	cr_expect(service_name_of_file("web.ini~", name) == -ENOENT);
	cr_expect(service_name_of_file("README", name) == -ENOENT);
	cr_expect(service_name_of_file(".ini", name) == -ENOENT);
	cr_expect(service_name_of_file(".web.ini", name) == -ENOENT);
	cr_expect(service_name_of_file("we b.ini", name) == -EINVAL);
	memset(longest, 'a', 63);
	strcpy(longest + 63, ".ini");
	cr_expect(service_name_of_file(longest, name) == 0 && strlen(name) == 63);
	memset(longest, 'a', 64);
	strcpy(longest + 64, ".ini");
	cr_expect(service_name_of_file(longest, name) == -EINVAL);
}
