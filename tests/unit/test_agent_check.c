/* SPDX-License-Identifier: MIT */
/* Checks with real commands, run as the user nobody or as the one who runs the tests. */
#include "agent_rig.h"

#include "agent/checks/check.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct checker checker;
static struct identities identities;
static struct check check;
static int results;

static void changed(void *owner, struct check *c)
{
	(void)c;
	cr_assert_eq(owner, &checker);
	results++;
}

static void start(void)
{
	rig_start();
	rig_checker(&checker, &identities, changed);
	check = (struct check){
		.kind = "health check", .name = "web", .interval_ms = 3600000, .timeout_ms = 60000
	};
	results = 0;
	rig_log_start();
}

static void stop(void)
{
	loop_timer_clear(&rig.loop, &check.due);
	check_free(&check);
	identities_free(&identities);
	cr_expect_null(rig.loop.timers);
	rig_stop();
}

TestSuite(agent_check, .init = start, .fini = stop, .timeout = 60);

static bool have_result(const void *count)
{
	return results >= *(const int *)count;
}

/* Run the check once, from now on or again. */
static void run(const char *command)
{
	const int next = results + 1;

	check.command = command;
	if (check.checker == NULL)
		check_init(&check, &checker);
	check_begin(&check);
	rig_until(have_result, &next);
	cr_assert_eq(results, next);
}

static void expect_result(const char *command, bool healthy, const char *detail)
{
	time_t now = time(NULL);

	run(command);
	cr_expect(check.result.known);
	cr_expect_eq(check.result.healthy, healthy, "%s", command);
	cr_expect_str_eq(check.result.detail, detail, "%s: '%s'", command, check.result.detail);
	cr_expect_null(check.result.output);
	cr_expect_geq(check.result.checked_at, now);
	cr_expect_leq(check.result.checked_at, time(NULL));
}

/* Returns its path. */
static const char *program(const char *name, const char *text)
{
	cr_assert_eq(chmod(rig_file(name, text), 0755), 0);
	return rig_path(name);
}

Test(agent_check, results_and_their_details)
{
	expect_result("true", true, "ok");
	expect_result("sh -c 'echo warning >&2'", true, "ok");
	expect_result("false", false, "exit code 1");
	expect_result("sh -c 'echo no; exit 3'", false, "exit code 3");
	expect_result("echo '\n  no route\nto host \n\n' >&2; exit 1", false, "no route\nto host");
	expect_result("sh -c 'printf \" \\t\\n\" >&2; exit 4'", false, "exit code 4");
	expect_result("sh -c 'kill -9 $$'", false, "exit code -1 (signal 9)");
	expect_result("sh -c 'echo oops >&2; kill -9 $$'", false, "oops");
	expect_result(
		"/nonexistent/check", false, "failed to execute: exec: No such file or directory");
	expect_result(program("absent", "#!/bin/absent-shell\n"), false,
		"failed to execute: exec, interpreter /bin/absent-shell: No such file or "
		"directory");
	expect_result(program("carriage", "#!/bin/sh\r\n"), false,
		"failed to execute: exec, interpreter /bin/sh\\r (its line ends in CR LF): No such "
		"file or directory");
	expect_result("/etc/passwd", false, "failed to execute: exec: Permission denied");
	expect_result("'open", false, "failed to execute: a single quote is not closed");
	expect_result("", false, "failed to execute: the command is empty");
	expect_result("printf 'bad \\377 byte' >&2; exit 1", false, "bad \xef\xbf\xbd byte");
}

/* As for a process that waits for a disk that does not answer: SIGKILL has no effect. */
static bool spared;

int kill(pid_t pid, int number)
{
	return spared && number == SIGKILL ? 0 : (int)syscall(SYS_kill, pid, number);
}

Test(agent_check, a_hung_check_that_cannot_be_killed_is_unhealthy)
{
	check.timeout_ms = 200;
	expect_result("true", true, "ok");
	spared = true;
	expect_result("sleep 1000", false, "timed out after 1s, and cannot be killed");
	cr_assert(job_is_running(&check.job));
	cr_expect_not(check.due.set, "it does not run twice at once");
	spared = false;
	job_kill(&check.job);
	rig_until(have_result, &(int){ 3 });
	cr_expect_str_eq(check.result.detail, "timed out after 1s");
	expect_result("true", true, "ok");
}

Test(agent_check, a_hung_check_is_unhealthy)
{
	check.timeout_ms = 1000;
	expect_result("sleep 1000", false, "timed out after 1s");
	/* What it has said does not hide that. */
	expect_result("echo waiting >&2; sleep 1000", false, "timed out after 1s");
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "%s", rig_log());
}

/* What is kept begins within a character: 4096 bytes before the end of lines of seven. */
Test(agent_check, long_details_keep_their_end)
{
	run("i=0; while [ $i -lt 2000 ]; do echo '\xc3\xa4\xc3\xa4\xc3\xa4' >&2; i=$((i+1)); done; "
	    "echo the end. >&2; exit 1");
	cr_expect_not(check.result.healthy);
	cr_expect(strncmp(check.result.detail, "... \xc3\xa4\xc3\xa4\n", 9) == 0, "%.16s",
		check.result.detail);
	cr_expect_eq(strlen(check.result.detail), 4 + CHECK_DETAIL_MAX - 1 - 1);
	cr_expect_str_eq(check.result.detail + strlen(check.result.detail) - 8, "the end.");
	cr_expect_null(strstr(check.result.detail, "\xef\xbf\xbd"), "a character was cut");
}

/* ---- users ----------------------------------------------------------------------------------- */

Test(agent_check, nothing_runs_as_root)
{
	check.user = "root";
	expect_result("touch /tmp/must-not-exist", false,
		"failed to execute: user 'root' is root, but the agent runs nothing as root");
	check.user = "0";
	expect_result("true", false,
		"failed to execute: user 'root' is root, but the agent runs nothing as root");
	check.user = "no-such-user";
	expect_result(
		"true", false, "failed to execute: no user 'no-such-user' in the passwd file");
	cr_expect_eq(rig.jobs.running, NULL);
}

Test(agent_check, an_agent_that_is_root_runs_nothing_without_a_user)
{
	if (geteuid() != 0)
		cr_skip_test("this is about root");
	identities.default_user = NULL;
	expect_result("true", false,
		"failed to execute: user 'root' is root, but the agent runs nothing as root");
}

Test(agent_check, the_environment_is_the_users)
{
	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	setenv("HOME", "/root", 1);
	setenv("FROM_INIT", "yes", 1);
	check.user = "daemon";
	expect_result("echo \"$(id -un) $HOME $USER $LOGNAME $SHELL $FROM_INIT $PWD\" >&2; exit 1",
		false, "daemon /usr/sbin daemon daemon /usr/sbin/nologin yes /");
	check.user = "4900"; /* a number that the passwd file does not have */
	expect_result("echo \"$(id -u) $HOME $USER\" >&2; exit 1", false, "4900 / 4900");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void expect_output(const char *command, const char *output)
{
	run(command);
	cr_expect(check.result.healthy, "%s", check.result.detail);
	cr_expect_str_eq(check.result.detail, "ok");
	if (output == NULL)
		cr_expect_null(check.result.output, "'%s'", check.result.output);
	else
		cr_expect_str_eq(check.result.output, output);
}

/* getenv(3) takes the first of two: there must be one. No shell in between, which would tidy up. */
Test(agent_check, the_environment_has_one_home)
{
	setenv("HOME", "/root", 1);
	check.json_output = true;
	expect_output("grep -zc ^HOME= /proc/self/environ", "1");
}

Test(agent_check, json_output)
{
	check.kind = "probe";
	check.json_output = true;
	expect_output(
		"printf ' { \"pct\" : 41.50 ,\"a b\":[ ] }\\n'", "{\"pct\":41.50,\"a b\":[]}");
	expect_output("echo 3", "3");
	cr_expect_str_eq(rig_log(), "");
	expect_output("echo not json", NULL);
	expect_output("true", NULL);
	expect_output("printf '\"\\377\"'", NULL);
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "said once: %s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "probe 'web': output ignored: line 1, column"));
	expect_output("echo null", "null");
	expect_output("head -c 20000 /dev/zero | tr '\\0' 1", NULL);
	cr_expect_not_null(strstr(rig_log(), "more than 16384 bytes"), "%s", rig_log());
	run("echo '{}'; exit 1");
	cr_expect_not(check.result.healthy);
	cr_expect_null(check.result.output);
}

Test(agent_check, a_result_is_news_when_anything_in_it_is_new)
{
	static const struct {
		const char *command;
		bool is_news;
	} runs[] = { { "echo 1", true }, { "echo 1", false }, { "echo 2", true },
		{ "echo a >&2; exit 1", true }, { "echo a >&2; exit 1", false },
		{ "echo b >&2; exit 1", true }, { "echo 2", true } };

	check.json_output = true;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		run(runs[i].command);
		cr_expect_eq(check.is_news, runs[i].is_news, "%zu: %s", i, runs[i].command);
	}
}

Test(agent_check, json_that_a_report_could_not_hold)
{
	char command[512] = "echo ";
	char *at = command + strlen(command);

	check.json_output = true;
	memset(at, '[', 121);
	memset(at + 121, ']', 121);
	strcpy(at + 242, " #");
	expect_output(command, NULL);
	cr_expect_not_null(strstr(rig_log(), "nested deeper than 120 levels"), "%s", rig_log());
	memset(at, '[', 120);
	memset(at + 120, ']', 120);
	strcpy(at + 240, "  #");
	expect_output(command, (at[240] = '\0', at));
}

/* Hosts that read strictly would refuse the whole report, with all the other probes in it. */
Test(agent_check, json_with_a_name_twice)
{
	check.json_output = true;
	expect_output("echo '{\"a\":{\"b\":1,\"c\":2,\"b\":1}}'", NULL);
	cr_expect_not_null(strstr(rig_log(), "output ignored: line 1"), "%s", rig_log());
	expect_output("echo '[{\"b\":1},{\"b\":1}]'", "[{\"b\":1},{\"b\":1}]");
	expect_output("echo 18446744073709551615", "18446744073709551615");
}

/* ---- log lines ------------------------------------------------------------------------------- */

Test(agent_check, changes_are_logged_and_repetitions_are_not)
{
	run("true");
	cr_expect_str_eq(rig_log(), "");
	run("echo Out of memory >&2; exit 1");
	run("false");
	cr_expect_str_eq(rig_log(), "health check 'web' failed: Out_of memory\n");
	run("true");
	run("true");
	cr_expect_str_eq(rig_log(), "health check 'web' failed: Out_of memory\n"
				    "health check 'web' is healthy again\n");
}

Test(agent_check, failures_that_are_expected_are_not_logged)
{
	check.quiet_until_ms = clock_ms() + 3600000;
	run("false");
	cr_expect_str_eq(rig_log(), "");
	run("true");
	cr_expect_str_eq(rig_log(), "");
	check.quiet_until_ms = clock_ms();
	run("false");
	cr_expect_eq(rig_count(rig_log(), "failed: exit code 1\n"), 1);
}

/* ---- schedules ------------------------------------------------------------------------------- */

Test(agent_check, seconds_of_a_configuration)
{
	cr_expect_eq(schedule_ms(0), 1000);
	cr_expect_eq(schedule_ms(1), 1000);
	cr_expect_eq(schedule_ms(30), 30000);
	cr_expect_eq(schedule_ms(UINT64_MAX), 31536000000);
}

Test(agent_check, a_service_that_starts_is_looked_at_soon_again)
{
	static const uint64_t want[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };

	for (unsigned int i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_expect_eq(schedule_eager(30000, i + 1), want[i], "%u", i);
	cr_expect_eq(schedule_eager(500, 1), 500);
	cr_expect_eq(schedule_eager(30000, 30), 30000);
	cr_expect_eq(schedule_eager(31536000000, 4000000000), 31536000000);
	/* Only as long as failures are expected, and only after failures. */
	check.quiet_until_ms = clock_ms() + 3600000;
	run("false");
	cr_expect_eq(check.due.at_ms, check.job.started_ms + 1000);
	run("false");
	cr_expect_eq(check.due.at_ms, check.job.started_ms + 2000);
	run("true");
	cr_expect_eq(check.due.at_ms, check.job.started_ms + check.interval_ms);
	run("false");
	cr_expect_eq(check.due.at_ms, check.job.started_ms + 1000);
	check.quiet_until_ms = clock_ms();
	run("false");
	cr_expect_eq(check.due.at_ms, check.job.started_ms + check.interval_ms);
}

Test(agent_check, intervals_run_from_start_to_start)
{
	cr_expect_eq(schedule_next(1000, 5000, 1000), 6000);
	cr_expect_eq(schedule_next(1000, 5000, 5999), 6000);
	/* What took too long, or a clock that jumped, leaves starts out. */
	cr_expect_eq(schedule_next(1000, 5000, 6000), 11000);
	cr_expect_eq(schedule_next(1000, 5000, 13000), 16000);
	cr_expect_eq(schedule_next(1000, 5000, 1000 + 5000ull * 1000000), 1000 + 5000ull * 1000001);
	/* A clock that went back delays nothing by more than an interval. */
	cr_expect_eq(schedule_next(9000, 5000, 2000), 14000);
}

Test(agent_check, the_next_run_is_armed_from_the_last_start)
{
	uint64_t from;

	run("sleep 0.3");
	cr_expect(check.due.set);
	cr_expect_eq(check.due.at_ms, check.job.started_ms + check.interval_ms);
	from = clock_ms();
	run("''");
	cr_expect(check.due.set, "also when nothing could be started");
	cr_expect_geq(check.due.at_ms, from + check.interval_ms);
}

Test(agent_check, one_check_never_runs_twice_at_once)
{
	const int enough = 4;
	char command[256];
	FILE *f;
	char line[16];

	/* Each run lasts longer than the interval, and says when it begins and ends. */
	check.interval_ms = 20;
	cr_assert_eq(chmod(rig_file("log", ""), 0666), 0);
	snprintf(command, sizeof(command), "echo begin >>%s; sleep 0.1; echo end >>%s",
		rig_path("log"), rig_path("log"));
	check.command = command;
	check_init(&check, &checker);
	check_begin(&check);
	rig_until(have_result, &enough);
	loop_timer_clear(&rig.loop, &check.due);
	f = fopen(rig_path("log"), "r");
	cr_assert_not_null(f);
	for (int i = 0; i < 2 * enough; i++) {
		cr_assert_not_null(fgets(line, sizeof(line), f));
		cr_expect_str_eq(line, i % 2 == 0 ? "begin\n" : "end\n", "line %d", i);
	}
	fclose(f);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static bool stopped_called;

static void stopped(struct check *c)
{
	cr_assert_eq(c, &check);
	stopped_called = true;
}

static bool was_stopped(const void *arg)
{
	(void)arg;
	return stopped_called;
}

static bool is_running(const void *arg)
{
	(void)arg;
	return job_is_running(&check.job);
}

Test(agent_check, stopping_kills_what_runs)
{
	check.command = "sleep 1000";
	check_init(&check, &checker);
	check_begin(&check);
	rig_until(is_running, NULL);
	check_stop(&check, stopped);
	cr_expect_not(stopped_called);
	rig_until(was_stopped, NULL);
	cr_expect_eq(results, 0);
	cr_expect_not(check.result.known);
	cr_expect_not(check.due.set);
}

Test(agent_check, stopping_what_does_not_run)
{
	run("true");
	check_stop(&check, stopped);
	cr_expect(stopped_called);
	cr_expect_not(check.due.set);
}

/* A hung check keeps its own result waiting, and no other's. */
Test(agent_check, checks_run_independently)
{
	struct check other = { .kind = "probe",
		.name = "disk",
		.command = "true",
		.interval_ms = 20,
		.timeout_ms = 60000 };
	const int enough = 5;

	check.command = "sleep 1000";
	check_init(&check, &checker);
	check_init(&other, &checker);
	check_begin(&check);
	check_begin(&other);
	rig_until(have_result, &enough);
	cr_expect_not(check.result.known);
	cr_expect(other.result.healthy);
	cr_expect(job_is_running(&check.job));
	check_stop(&check, stopped);
	loop_timer_clear(&rig.loop, &other.due);
	stopped_called = false;
	check_stop(&check, stopped);
	rig_until(was_stopped, NULL);
	while (job_is_running(&other.job))
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	loop_timer_clear(&rig.loop, &other.due);
	check_free(&other);
}
