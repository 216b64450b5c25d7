/* SPDX-License-Identifier: MIT */
/* Reading the directory again while checks run. */
#include "agent_rig.h"

#include "agent/checks/monitor.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct identities identities;
static struct checker checker;
static struct monitors monitors;
static int results;

static void result_changed(void *owner, struct check *c)
{
	(void)owner;
	(void)c;
	results++;
}

static void start(void)
{
	rig_start();
	rig_checker(&checker, &identities, result_changed);
	monitors_init(&monitors, DEFINITION_INTEGRATION, rig.directory, &checker);
	results = 0;
	rig_log_start();
}

static void stop(void)
{
	jobs_close(&rig.jobs);
	monitors_free(&monitors);
	identities_free(&identities);
	cr_expect_null(rig.loop.timers);
	rig.jobs.null_fd = -1;
	rig_stop();
}

TestSuite(agent_monitor, .init = start, .fini = stop, .timeout = 60);

static bool have_results(const void *count)
{
	return results >= *(const int *)count;
}

static void load(void)
{
	monitors_load(&monitors);
	monitors_begin(&monitors);
}

static struct monitor *find(const char *name)
{
	struct monitor *m = monitors_find(&monitors, name);

	cr_assert_not_null(m, "%s", name);
	return m;
}

static bool nothing_ends(const void *arg)
{
	(void)arg;
	return monitors.ending == NULL;
}

Test(agent_monitor, what_has_not_changed_goes_on_undisturbed)
{
	struct monitor *before;
	pid_t pid;

	rig_file("1.json", "{\"name\":\"slow\",\"health_cmd\":\"sleep 1000\"}");
	load();
	while (!job_is_running(&find("slow")->check.job))
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	before = find("slow");
	pid = before->check.job.pid;
	rig_file("0.json", "{\"name\":\"new\",\"health_cmd\":\"true\"}");
	load();
	cr_expect_eq(find("slow"), before);
	cr_expect_eq(before->check.job.pid, pid);
	cr_expect_str_eq(monitors.items[0]->definition.name, "new");
	rig_until(have_results, &(int){ 1 });
	cr_expect(find("new")->check.result.healthy);
}

Test(agent_monitor, what_has_changed_keeps_its_result_until_the_next)
{
	struct monitor *web;

	rig_file("1.json", "{\"name\":\"web\",\"health_cmd\":\"true\"}");
	load();
	rig_until(have_results, &(int){ 1 });
	web = find("web");
	web->checkpointed = true;
	web->last_checkpoint_at = 7;
	web->state_size_bytes = 8;
	rig_file("1.json", "{\"name\":\"web\",\"health_cmd\":\"false\"}");
	load();
	web = find("web");
	cr_expect(web->check.result.healthy);
	cr_expect(web->checkpointed);
	cr_expect_eq(web->last_checkpoint_at, 7);
	cr_expect_eq(web->state_size_bytes, 8);
	rig_until(have_results, &(int){ 2 });
	cr_expect_not(web->check.result.healthy);
	rig_file("1.json", "{\"name\":\"web\"}");
	load();
	cr_expect_not(find("web")->check.result.known, "a check that is gone has no result");
	cr_expect(find("web")->checkpointed);
}

Test(agent_monitor, what_is_gone_is_stopped_and_freed)
{
	rig_file("1.json", "{\"name\":\"slow\",\"health_cmd\":\"sleep 1000\"}");
	rig_file("2.json",
		"{\"name\":\"web\",\"health_cmd\":\"true\",\"health_interval_secs\":1000}");
	load();
	rig_until(have_results, &(int){ 1 });
	cr_assert(job_is_running(&find("slow")->check.job));
	cr_assert_eq(unlink(rig_path("1.json")), 0);
	cr_assert_eq(unlink(rig_path("2.json")), 0);
	load();
	cr_expect_eq(monitors.count, 0);
	cr_expect_not_null(monitors.ending);
	rig_until(nothing_ends, NULL);
	cr_expect_eq(results, 1);
	cr_expect_null(rig.jobs.running);
	cr_expect_null(rig.loop.timers);
}

/* A bad edit takes the check away until it is mended, and says so. */
Test(agent_monitor, a_file_that_turns_bad)
{
	rig_file("1.json", "{\"name\":\"web\",\"health_cmd\":\"true\"}");
	load();
	rig_file("1.json", "{\"name\":\"web\"");
	load();
	cr_expect_eq(monitors.count, 0);
	cr_expect_eq(rig_count(rig_log(), "/1.json: line 1, column"), 1, "%s", rig_log());
	rig_until(nothing_ends, NULL);
}

/* The whole agent may stop while a stopped check's command has not ended yet: nothing leaks. */
/* A guest in trouble must not look like one that has no checks. */
Test(agent_monitor, a_directory_that_cannot_be_read_changes_nothing)
{
	struct rlimit files, none;
	struct monitor *before;

	rig_file("1.json", "{\"name\":\"web\",\"health_cmd\":\"false\"}");
	load();
	before = find("web");
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = files.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	load();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_eq(monitors.count, 1, "%s", rig_log());
	cr_expect_eq(find("web"), before);
	cr_expect_not_null(
		strstr(rig_log(), "; keeping the previous definitions"), "%s", rig_log());
	monitors.directory = rig_path("absent");
	load();
	cr_expect_eq(monitors.count, 0);
}

Test(agent_monitor, freeing_what_is_still_ending)
{
	rig_file("1.json", "{\"name\":\"slow\",\"health_cmd\":\"sleep 1000\"}");
	load();
	while (!job_is_running(&find("slow")->check.job))
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_assert_eq(unlink(rig_path("1.json")), 0);
	load();
	cr_expect_not_null(monitors.ending);
}
