/* SPDX-License-Identifier: MIT */
/* Service files that are read again while their services are starting or stopping. */
#include "base/file.h"
#include "base/log.h"
#include "supervisor/account_cache.h"
#include "supervisor/describe.h"
#include "supervisor/prepare.h"
#include "supervisor/supervisor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop loop;
static struct supervisor s;
static char directory[] = "/tmp/reload-XXXXXX";

/* Services start only when a test starts them. */
static void set_up(void)
{
	cr_assert(loop_init(&loop) == 0 && supervisor_init(&s, &loop) == 0);
	log_open(s.null_fd, "");
	strcpy(s.default_user, "0");
	s.held = true;
	cr_assert_not_null(mkdtemp(directory));
}

static void tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(reload, .init = set_up, .fini = tear_down, .timeout = 60);

static void write_file(const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/web.ini", directory);
	if (text == NULL) {
		cr_assert_eq(unlink(path), 0);
		return;
	}
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fprintf(f, "[service]\n%s\n", text);
	cr_assert_eq(fclose(f), 0);
}

static struct service *load(const char *text)
{
	write_file(text);
	cr_assert_eq(supervisor_load(&s, directory), 0);
	return supervisor_find(&s, "web");
}

/* A service with a process that exists until vanish(). */
static struct service *load_running(const char *text)
{
	struct service *v = load(text);

	v->machine.state = MACHINE_RUNNING;
	v->machine.wanted = true;
	v->pid = -1;
	index_count(v);
	return v;
}

static void vanish(struct service *v)
{
	v->pid = 0;
	supervisor_event(v, MACHINE_EV_GONE, NULL);
}

static const char *command_of(const struct service *v)
{
	return v->config.command->argv[0];
}

/* ---- asked for while it stops -----------------------------------------------------------------
 */

Test(reload, a_restart_meanwhile_gets_the_new_file)
{
	static const enum machine_event events[] = { MACHINE_EV_RESTART, MACHINE_EV_START };

	for (int i = 0; i < 2; i++) {
		struct service *v = load_running("command = /old");

		write_file("command = /new");
		cr_assert_eq(supervisor_reload(&s, directory), 0);
		cr_assert_eq(v->machine.state, MACHINE_STOP);
		supervisor_event(v, events[i], NULL);
		cr_expect_str_eq(command_of(v), "/old");
		vanish(v);
		supervisor_sweep(&s);
		cr_expect_str_eq(command_of(v), "/new");
		cr_expect_null(v->file.next);
		cr_expect_eq(v->machine.state, MACHINE_WAITING);
		write_file(NULL);
		cr_assert_eq(supervisor_reload(&s, directory), 0);
		cr_assert_null(s.services);
	}
}

Test(reload, a_restart_meanwhile_does_not_bring_back_one_without_a_file)
{
	struct service *v = load_running("command = /old");

	write_file(NULL);
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	cr_assert_eq(v->machine.state, MACHINE_STOP);
	supervisor_event(v, MACHINE_EV_RESTART, NULL);
	vanish(v);
	cr_expect_eq(v->machine.state, MACHINE_INACTIVE);
	supervisor_sweep(&s);
	cr_expect_null(s.services);
}

/* A scheduled start may be due while the service stops for a long time. */
Test(reload, nor_does_its_schedule)
{
	struct service *v = load_running("command = /old\non_interval = 1ms\nstop_timeout = 1d");

	v->machine.wanted = false;
	supervisor_begin(v);
	v->machine.wanted = true;
	write_file(NULL);
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	for (uint64_t turn = v->schedule.at_ms; v->schedule.at_ms == turn;)
		cr_assert_eq(loop_run_once(&loop), 0);
	vanish(v);
	cr_expect_eq(v->machine.state, MACHINE_INACTIVE);
	supervisor_sweep(&s);
	cr_expect_null(s.services);
}

/* ---- what is known of its old life ------------------------------------------------------------
 */

static void wait_for_child(struct service *v)
{
	siginfo_t info;

	launcher_settle(&s.launcher, &v->launch);
	cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	supervisor_reap(&s);
	cr_assert_eq(v->pid, 0);
}

/* A description made before the next start must not look for the old file's program. */
Test(reload, the_end_of_a_pre_start_that_is_no_more)
{
	struct service *v = load("command = /old\npre_start = /missing");
	char text[256];
	struct buf b = BUF_OVER(text);
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	s.files_max = limit.rlim_max;
	s.held = false;
	supervisor_begin(v);
	wait_for_child(v);
	cr_assert(
		v->last.has_ended && v->last.outcome.failed_to_run && v->last.outcome.in_pre_start);
	describe_end(v, &b);
	cr_assert_str_eq(text, "pre_start: exec /missing: No such file or directory");
	write_file("command = /new\non_interval = 1h");
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	cr_assert_eq(v->machine.state, MACHINE_INACTIVE);
	cr_expect(!v->last.has_ended, "there is nothing to describe");
}

/* A refresh that cannot read the file must not start the service without its variables. */
Test(reload, variables_of_a_file_that_cannot_be_read_any_more)
{
	char path[64], text[128], expected[160];
	struct service *v;
	struct problem p;

	snprintf(path, sizeof(path), "%s/web.env", directory);
	cr_assert_eq(file_create(path, "A=1\n", 4, 0600), 0);
	snprintf(text, sizeof(text), "command = /old\nenvironment_file = %s", path);
	v = load(text);
	cr_assert_eq(v->file_environment.count, 1);
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(service_prepare(v, &p), -ENOENT);
	snprintf(
		expected, sizeof(expected), "environment_file %s: No such file or directory", path);
	cr_expect_str_eq(p.text, expected);
	cr_assert_eq(v->file_environment.count, 1);
	cr_expect_str_eq(v->file_environment.list[0], "A=1");
}

/* ---- what it leaves behind --------------------------------------------------------------------
 */

static void expect_group(bool there)
{
	cr_expect_eq(faccessat(s.cgroups.fd, "web", F_OK, 0) == 0, there);
}

/* A directory stands for the group. */
static struct service *load_with_group(const char *text)
{
	char path[64];
	struct service *v;

	snprintf(path, sizeof(path), "%s/groups", directory);
	cr_assert_eq(mkdir(path, 0700), 0);
	s.cgroups.fd = open(path, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(mkdirat(s.cgroups.fd, "web", 0700), 0);
	v = load(text);
	v->cgroup.fd = openat(s.cgroups.fd, "web", O_RDONLY | O_DIRECTORY);
	cr_assert_geq(v->cgroup.fd, 0);
	return v;
}

Test(reload, the_group_goes_with_the_file)
{
	load_with_group("command = /old");
	write_file(NULL);
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	expect_group(false);
}

/* Also when the service never ran with the last version of the file. */
Test(reload, the_group_goes_with_a_file_that_was_changed)
{
	load_with_group("command = /old");
	write_file("command = /new\nuser = nobody-here");
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	write_file(NULL);
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	expect_group(false);
}

/* Even with a long list of groups. */
Test(reload, accounts_are_kept_once)
{
	char text[2048] = "command = /old\nsupplementary_groups =";
	const struct account_entry *first;
	struct service *v;

	for (int i = 0; i < 60; i++)
		sprintf(text + strlen(text), " %d", 1234567890 + i);
	v = load(text);
	first = s.known_accounts;
	cr_assert(first != NULL && first->account.group_count == 61);
	for (int i = 0; i < 3; i++) {
		struct problem p;

		cr_assert_not_null(account_cache_find(
			&s.known_accounts, &s.accounts, "0", &v->config.supplementary_groups, &p));
	}
	cr_expect_eq(s.known_accounts, first);
}

/* The directory's name now belongs to a file, so that reading it fails. */
Test(reload, a_directory_that_cannot_be_read_changes_nothing)
{
	struct service *v = load_running("command = /old");
	char moved[64];

	snprintf(moved, sizeof(moved), "%s.moved", directory);
	cr_assert_eq(rename(directory, moved), 0);
	cr_assert_eq(file_create(directory, "", 0, 0600), 0);
	cr_expect_eq(supervisor_reload(&s, directory), -ENOTDIR);
	cr_expect_eq(v->machine.state, MACHINE_RUNNING);
	cr_expect(supervisor_has_reloaded(&s));
	cr_assert_eq(unlink(directory), 0);
	cr_assert_eq(rename(moved, directory), 0);
	cr_expect_eq(supervisor_reload(&s, directory), 0);
	cr_expect_eq(s.reload.unchanged, 1);
	cr_expect_eq(v->machine.state, MACHINE_RUNNING);
}

Test(reload, a_file_that_returns_before_its_service_has_stopped_restarts_it)
{
	struct service *v = load_running("command = /old");

	write_file(NULL);
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	cr_expect_eq(s.reload.stopped, 1);
	cr_expect_not(supervisor_has_reloaded(&s));
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	cr_expect_eq(s.reload.stopped, 0, "it was stopped by the reload before");
	write_file("command = /old");
	cr_assert_eq(supervisor_reload(&s, directory), 0);
	cr_expect_eq(s.reload.restarted, 1);
	cr_assert_eq(supervisor_find(&s, "web"), v);
	vanish(v);
	supervisor_sweep(&s);
	cr_assert_eq(supervisor_find(&s, "web"), v, "its file is there");
	cr_expect_eq(v->machine.state, MACHINE_WAITING);
}
