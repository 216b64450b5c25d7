/* SPDX-License-Identifier: MIT */
#include "agent/checks/hook.h"
#include "agent_rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As for a process that waits for a disk that does not answer: SIGKILL has no effect. */
static bool spared;

int kill(pid_t pid, int number)
{
	return spared && number == SIGKILL ? 0 : (int)syscall(SYS_kill, pid, number);
}

static struct identities identities;
static struct checker checker;
static struct monitors integrations;
static struct hook_context context;

static void ignore_change(void *owner, struct check *check)
{
	(void)owner;
	(void)check;
}

static void start(void)
{
	rig_start();
	rig_checker(&checker, &identities, ignore_change);
	monitors_init(&integrations, DEFINITION_INTEGRATION, rig.directory, &checker);
	context = (struct hook_context){
		.jobs = &rig.jobs, .identities = &identities, .integrations = &integrations
	};
	rig_file("1.json", "{\"name\":\"db\",\"restore_cmd\":\"sleep 1000\"}");
	rig_file("2.json", "{\"name\":\"web\",\"restore_cmd\":\"true\"}");
	monitors_load(&integrations);
	cr_assert_eq(integrations.count, 2);
}

static void stop(void)
{
	monitors_free(&integrations);
	identities_free(&identities);
	rig_stop();
}

TestSuite(agent_hook, .init = start, .fini = stop, .timeout = 60);

static unsigned int sets_done;

static void note_done(struct hook_set *set)
{
	(void)set;
	sets_done++;
}

static bool have_done(const void *arg)
{
	return sets_done == *(const unsigned int *)arg;
}

static void run_all(struct hook_set *set)
{
	unsigned int wanted = sets_done + 1;

	cr_assert_eq(hook_set_init(set, &context, HOOK_RESTORE, integrations.count), 0);
	set->done = note_done;
	for (size_t i = 0; i < integrations.count; i++)
		cr_assert_eq(hook_set_add(set, integrations.items[i]), 0);
	hook_set_run(set, 200);
	rig_until(have_done, &wanted);
	cr_assert_eq(set->count, 2);
}

static bool is_free(const void *arg)
{
	return !((const struct monitor *)arg)->hook_running;
}

/* Its set ends without it, and so do later ones, until it has ended after all. */
Test(agent_hook, one_that_cannot_be_killed_keeps_nobody_waiting)
{
	struct hook_set set;
	struct job *stuck;

	spared = true;
	run_all(&set);
	cr_expect_str_eq(set.hooks[0].detail, "timed out after 1s, and cannot be killed");
	cr_expect_not(set.hooks[1].failed);
	stuck = &set.hooks[0].job;
	hook_set_free(&set);
	cr_assert(job_is_running(stuck));
	run_all(&set);
	cr_expect_str_eq(
		set.hooks[0].detail, "another checkpoint or restore of it is still running");
	cr_expect_not(set.hooks[1].failed);
	hook_set_free(&set);
	spared = false;
	job_kill(stuck);
	rig_until(is_free, integrations.items[0]);
	run_all(&set);
	cr_expect_str_eq(set.hooks[0].detail, "timed out after 1s");
	hook_set_free(&set);
}

/* The other one of its set is still under way when it ends after all. */
Test(agent_hook, one_that_ends_late_is_counted_once)
{
	struct hook_set set;

	spared = true;
	run_all(&set);
	spared = false;
	job_kill(&set.hooks[0].job);
	rig_until(is_free, integrations.items[0]);
	cr_expect_eq(sets_done, 1);
	cr_expect_str_eq(set.hooks[0].detail, "timed out after 1s, and cannot be killed");
	hook_set_free(&set);
}
