/* SPDX-License-Identifier: MIT */
/* How a service that is up reads its configuration again. */
#include "supervisor/machine.h"

#include <criterion/criterion.h>

static const struct machine_exit ok = { .success = true };
static const struct machine_exit bad = { 0 };

static struct machine_rules default_rules(void)
{
	return (struct machine_rules){
		.restart = MACHINE_RESTART_ALWAYS, .start_timeout = 30000, .stop_timeout = 1000
	};
}

static struct machine started(const struct machine_rules *rules, uint64_t now)
{
	struct machine m;

	machine_init(&m, rules, 7);
	machine_step(&m, MACHINE_EV_START, NULL, now);
	machine_step(&m, MACHINE_EV_CLEARED, NULL, now);
	machine_step(&m, MACHINE_EV_EXEC, NULL, now);
	return m;
}

Test(machine_reload, a_signal_that_nothing_answers_is_the_whole_reload)
{
	struct machine_rules rules = default_rules();

	rules.reload = MACHINE_RELOAD_BY_SIGNAL;
	struct machine m = started(&rules, 100);
	cr_expect_eq(machine_step(&m, MACHINE_EV_RELOAD, NULL, 200), MACHINE_DO_RELOAD);
	cr_expect_eq(m.state, MACHINE_RUNNING);
	cr_expect_eq(m.entered_ms, 100);
}

static struct machine_rules notifying_rules(void)
{
	struct machine_rules rules = default_rules();

	rules.ready = MACHINE_READY_NOTIFY;
	rules.reload = MACHINE_RELOAD_BY_SIGNAL;
	return rules;
}

static struct machine ready(const struct machine_rules *rules, uint64_t now)
{
	struct machine m = started(rules, now);

	machine_step(&m, MACHINE_EV_READY, NULL, now);
	cr_assert_eq(m.state, MACHINE_RUNNING);
	return m;
}

Test(machine_reload, a_reload_is_over_when_it_is_ready_again)
{
	struct machine_rules rules = notifying_rules();
	struct machine m = ready(&rules, 100);

	cr_expect_eq(machine_step(&m, MACHINE_EV_RELOAD, NULL, 200), MACHINE_DO_RELOAD);
	cr_expect_eq(m.state, MACHINE_RELOAD);
	cr_expect_eq(m.due_ms, 200 + rules.start_timeout);
	cr_expect(machine_is_up(&m) && machine_is_active(&m));
	machine_step(&m, MACHINE_EV_READY, NULL, 201);
	cr_expect_eq(m.state, MACHINE_RELOAD, "READY=1 of an earlier time");
	machine_step(&m, MACHINE_EV_RELOADING, NULL, 202);
	machine_step(&m, MACHINE_EV_READY, NULL, 203);
	cr_expect_eq(m.state, MACHINE_RUNNING);
	cr_expect(!m.reload.late && !m.reload.failed);
	cr_expect_eq(m.due_ms, 0);
	cr_expect_eq(m.ready_ms, 100, "it was up all the time");
}

Test(machine_reload, a_reload_that_takes_too_long_changes_nothing)
{
	struct machine_rules rules = notifying_rules();
	struct machine m = ready(&rules, 100);

	machine_step(&m, MACHINE_EV_RELOAD, NULL, 200);
	machine_extend(&m, 60000, 200);
	cr_expect_eq(m.due_ms, 60200);
	cr_expect_eq(machine_step(&m, MACHINE_EV_TIMEOUT, NULL, 60200), 0, "no signal");
	cr_expect_eq(m.state, MACHINE_RUNNING);
	cr_expect(m.reload.late);
	rules.start_timeout = 0;
	machine_step(&m, MACHINE_EV_RELOAD, NULL, 70000);
	cr_expect_eq(m.due_ms, 0, "no limit");
}

Test(machine_reload, a_command_s_end_is_the_reload_s_end)
{
	struct machine_rules rules = notifying_rules();

	rules.reload = MACHINE_RELOAD_BY_COMMAND;
	struct machine m = ready(&rules, 100);
	machine_step(&m, MACHINE_EV_RELOAD, NULL, 200);
	machine_step(&m, MACHINE_EV_RELOADED, &ok, 300);
	cr_expect(m.state == MACHINE_RUNNING && !m.reload.failed);
	machine_step(&m, MACHINE_EV_RELOAD, NULL, 400);
	machine_step(&m, MACHINE_EV_RELOADED, &bad, 500);
	cr_expect(m.state == MACHINE_RUNNING && m.reload.failed);
	machine_step(&m, MACHINE_EV_RELOAD, NULL, 600);
	machine_step(&m, MACHINE_EV_RELOADING, NULL, 601);
	machine_step(&m, MACHINE_EV_RELOADED, &ok, 602);
	cr_expect_eq(m.state, MACHINE_RELOAD, "it has said that it reloads");
	machine_step(&m, MACHINE_EV_READY, NULL, 603);
	cr_expect_eq(m.state, MACHINE_RUNNING);
	machine_step(&m, MACHINE_EV_RELOAD, NULL, 700);
	cr_expect_eq(machine_step(&m, MACHINE_EV_TIMEOUT, NULL, 30700), MACHINE_DO_END_RELOAD);
	machine_step(&m, MACHINE_EV_RELOADED, &bad, 30800);
	cr_expect(m.state == MACHINE_RUNNING && m.reload.late);
}

Test(machine_reload, a_watchdog_goes_on_during_a_reload)
{
	struct machine_rules rules = notifying_rules();

	rules.watchdog = 500;
	struct machine m = ready(&rules, 0);
	machine_step(&m, MACHINE_EV_RELOADING, NULL, 400);
	cr_expect_eq(m.state, MACHINE_RELOAD);
	cr_expect_eq(m.due_ms, 500);
	machine_keep_alive(&m, 450);
	cr_expect_eq(m.due_ms, 950);
	machine_step(&m, MACHINE_EV_READY, NULL, 500);
	cr_expect(m.state == MACHINE_RUNNING && m.due_ms == 950);
	machine_step(&m, MACHINE_EV_RELOADING, NULL, 600);
	machine_was_frozen(&m, 5000);
	cr_expect_eq(m.due_ms, 5500);
	cr_expect_eq(machine_step(&m, MACHINE_EV_TIMEOUT, NULL, 5500), MACHINE_DO_ABORT);
	cr_expect_eq(m.state, MACHINE_STOP);
}
