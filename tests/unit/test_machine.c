/* SPDX-License-Identifier: MIT */
#include "supervisor/machine.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static const struct machine_exit ok = { .success = true };
static const struct machine_exit bad = { 0 };
static const struct machine_exit hopeless = { .permanent = true };

static struct machine_rules default_rules(void)
{
	return (struct machine_rules){ .restart = MACHINE_RESTART_ALWAYS,
		.pre_start_timeout = 60000,
		.start_timeout = 30000,
		.stop_timeout = 1000,
		.restart_delay = 100,
		.restart_delay_max = 30000,
		.restart_reset = 10000,
		.start_limit_interval = 10000 };
}

static struct machine new_machine(const struct machine_rules *rules)
{
	struct machine m;

	machine_init(&m, rules, 7);
	return m;
}

/* START, then the answers of the supervisor: CLEARED, and EXEC after a successful exec. */
static void bring_up(struct machine *m, uint64_t now)
{
	cr_assert(machine_step(m, MACHINE_EV_START, NULL, now) == MACHINE_DO_CHECK);
	cr_assert(machine_step(m, MACHINE_EV_CLEARED, NULL, now) == MACHINE_DO_MAIN);
	machine_step(m, MACHINE_EV_EXEC, NULL, now);
	cr_assert(m->state == MACHINE_RUNNING);
}

/* The process ends by itself, and no other is left. */
static unsigned int end(struct machine *m, const struct machine_exit *how, uint64_t now)
{
	cr_assert(machine_step(m, MACHINE_EV_EXITED, how, now) == MACHINE_DO_KILL);
	cr_assert(m->state == MACHINE_KILL);
	return machine_step(m, MACHINE_EV_GONE, NULL, now);
}

/* Let the back-off pass; the service runs again at once. Returns the time. */
static uint64_t retry(struct machine *m)
{
	uint64_t now = m->due_ms;

	cr_assert(m->state == MACHINE_BACKOFF);
	cr_assert(machine_step(m, MACHINE_EV_TIMEOUT, NULL, now) == MACHINE_DO_CHECK);
	cr_assert(machine_step(m, MACHINE_EV_CLEARED, NULL, now) == MACHINE_DO_MAIN);
	machine_step(m, MACHINE_EV_EXEC, NULL, now);
	return now;
}

/* One event of a walk, and all that must follow. */
struct step {
	uint64_t at; /* ms, or AT_DUE */
	enum machine_event event;
	const struct machine_exit *exit;
	unsigned int asks; /* MACHINE_DO_... */
	enum machine_state state;
	uint64_t due; /* ms; 0: no timer; SOME_TIME: any */
};

#define AT_DUE    UINT64_MAX /* when the timer expires */
#define SOME_TIME UINT64_MAX /* a delay with jitter */

static void walk(struct machine *m, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		const char *name = machine_event_name(s->event);
		uint64_t now = s->at == AT_DUE ? m->due_ms : s->at;
		unsigned int asks = machine_step(m, s->event, s->exit, now);

		cr_assert(m->state == s->state, "step %zu, %s: %s", i, name,
			machine_state_name(m->state));
		cr_expect(asks == s->asks, "step %zu, %s: asks for 0x%x", i, name, asks);
		cr_expect(s->due == SOME_TIME ? m->due_ms != 0 : m->due_ms == s->due,
			"step %zu, %s: due at %lu", i, name, (unsigned long)m->due_ms);
	}
}

/* Walk the steps of the array `steps` with a new machine or with `machine`. */
#define WALK_ON(machine, steps) walk(machine, steps, sizeof(steps) / sizeof((steps)[0]))
#define WALK(rules, steps)                                                                         \
	do {                                                                                       \
		struct machine walked = new_machine(rules);                                        \
                                                                                                   \
		WALK_ON(&walked, steps);                                                           \
	} while (0)

/* The first steps of most walks; the command is started at 0. */
#define STARTS                                                                                     \
	{                                                                                          \
		0, MACHINE_EV_START, NULL, MACHINE_DO_CHECK, MACHINE_WAITING, 0                    \
	}

Test(machine, backoff_doubles_to_the_cap)
{
	const uint64_t expected[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000,
		30000 };

	for (unsigned int n = 1; n <= sizeof(expected) / sizeof(expected[0]); n++)
		cr_expect(machine_backoff(100, 30000, n) == expected[n - 1], "number %u", n);
	cr_expect(machine_backoff(100, 30000, 4000000000u) == 30000);
	cr_expect(machine_backoff(0, 0, 5) == 0);
	cr_expect(machine_backoff(50000, 30000, 1) == 30000);
}

Test(machine, crash_loop_delays_double_with_jitter)
{
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);
	uint64_t now = 1000;
	bool varied = false;

	bring_up(&m, now);
	for (unsigned int n = 1; n <= 14; n++) {
		uint64_t nominal = machine_backoff(100, 30000, n), delay;

		end(&m, &bad, now);
		cr_assert(m.state == MACHINE_BACKOFF);
		delay = m.due_ms - now;
		cr_expect(delay >= nominal - nominal / 10 && delay <= nominal + nominal / 10,
			"number %u: %lu ms", n, (unsigned long)delay);
		varied |= delay != nominal;
		cr_expect(m.failures == n);
		now = retry(&m);
		cr_expect(m.restarts == n);
	}
	cr_expect(varied, "there is a jitter");
}

Test(machine, long_run_forgets_failures)
{
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);
	uint64_t now = 0;

	bring_up(&m, now);
	for (int n = 0; n < 9; n++) {
		end(&m, &bad, now);
		now = retry(&m);
	}
	/* The latest delay was 25.6 s: the service must be ready for twice that. */
	now += 2 * m.delay - 1;
	end(&m, &bad, now);
	cr_expect(m.failures == 10);
	now = retry(&m);
	now += 2 * m.delay;
	end(&m, &bad, now);
	cr_expect(m.failures == 1);
	cr_expect(m.delay == 100);
}

Test(machine, time_to_clean_up_is_not_uptime)
{
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);

	bring_up(&m, 0);
	end(&m, &bad, 100);
	retry(&m);
	uint64_t now = m.ready_ms + 9999;
	machine_step(&m, MACHINE_EV_EXITED, &bad, now);
	machine_step(&m, MACHINE_EV_GONE, NULL, now + 60000);
	cr_expect(m.failures == 2);
}

Test(machine, hopeless_failures_wait_the_maximum)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_MAIN, MACHINE_START, 0 },
		{ 5, MACHINE_EV_EXITED, &hopeless, MACHINE_DO_KILL, MACHINE_KILL, 1005 },
		{ 5, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
	};
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);

	WALK_ON(&m, steps);
	cr_expect(m.delay == 30000);
}

Test(machine, restart_policies)
{
	const struct {
		enum machine_restart policy;
		const struct machine_exit *how;
		enum machine_state after;
	} cases[] = {
		{ MACHINE_RESTART_ALWAYS, &ok, MACHINE_BACKOFF },
		{ MACHINE_RESTART_ALWAYS, &bad, MACHINE_BACKOFF },
		{ MACHINE_RESTART_ON_FAILURE, &ok, MACHINE_EXITED },
		{ MACHINE_RESTART_ON_FAILURE, &bad, MACHINE_BACKOFF },
		{ MACHINE_RESTART_NEVER, &ok, MACHINE_EXITED },
		{ MACHINE_RESTART_NEVER, &bad, MACHINE_FAILED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine_rules rules = default_rules();

		rules.restart = cases[i].policy;
		struct machine m = new_machine(&rules);
		bring_up(&m, 0);
		end(&m, cases[i].how, 10);
		cr_expect(
			m.state == cases[i].after, "case %zu: %s", i, machine_state_name(m.state));
	}
}

Test(machine, oneshot_that_succeeds_is_up_and_stays)
{
	static const struct step starts[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_MAIN, MACHINE_START, 30000 },
		{ 0, MACHINE_EV_EXEC, NULL, 0, MACHINE_START, 30000 },
	};
	static const struct step ends[] = {
		{ 20, MACHINE_EV_EXITED, &ok, MACHINE_DO_KILL, MACHINE_KILL, 1020 },
		{ 20, MACHINE_EV_GONE, NULL, 0, MACHINE_EXITED, 0 },
	};
	struct machine_rules rules = default_rules();

	rules.type = MACHINE_ONESHOT;
	struct machine m = new_machine(&rules);
	WALK_ON(&m, starts);
	cr_expect(!(machine_is_up(&m)));
	WALK_ON(&m, ends);
	cr_expect(machine_is_up(&m));
	cr_expect(machine_step(&m, MACHINE_EV_START, NULL, 30) == MACHINE_DO_CHECK);
}

Test(machine, pre_start_comes_before_every_start)
{
	struct machine_rules rules = default_rules();

	rules.has_pre_start = true;
	struct machine m = new_machine(&rules);
	machine_step(&m, MACHINE_EV_START, NULL, 0);
	for (int round = 0; round < 3; round++) {
		uint64_t now = m.due_ms;

		cr_assert(machine_step(&m, MACHINE_EV_CLEARED, NULL, now) == MACHINE_DO_PRE);
		cr_expect(m.due_ms == now + 60000);
		machine_step(&m, MACHINE_EV_EXEC, NULL, now);
		cr_assert(m.state == MACHINE_PRE, "the exec of pre_start is not the service's");
		cr_assert(machine_step(&m, MACHINE_EV_EXITED, &ok, now) == MACHINE_DO_MAIN);
		machine_step(&m, MACHINE_EV_EXEC, NULL, now);
		cr_assert(m.state == MACHINE_RUNNING);
		end(&m, &bad, now);
		machine_step(&m, MACHINE_EV_TIMEOUT, NULL, m.due_ms);
	}
}

Test(machine, pre_start_failure_is_a_failed_start)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_PRE, MACHINE_PRE, 60000 },
		{ 1, MACHINE_EV_EXITED, &bad, MACHINE_DO_KILL, MACHINE_KILL, 1001 },
		{ 1, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
		{ AT_DUE, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_CHECK, MACHINE_WAITING, 0 },
		{ 500, MACHINE_EV_CLEARED, NULL, MACHINE_DO_PRE, MACHINE_PRE, 60500 },
		{ 60500, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_KILL, MACHINE_KILL, 61500 },
		{ 60501, MACHINE_EV_EXITED, &ok, 0, MACHINE_KILL, 61500 },
		/* a pre_start that was killed has failed */
		{ 60501, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
	};
	struct machine_rules rules = default_rules();

	rules.has_pre_start = true;
	WALK(&rules, steps);
}

Test(machine, stop_is_term_then_kill)
{
	static const struct step steps[] = {
		{ 50, MACHINE_EV_STOP, NULL, MACHINE_DO_TERM, MACHINE_STOP, 1050 },
		{ 1050, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_KILL, MACHINE_KILL, 2050 },
		{ 2050, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_KILL, MACHINE_KILL, 3050 },
		{ 2060, MACHINE_EV_EXITED, &bad, 0, MACHINE_KILL, 3050 }, /* others are left */
		{ 2060, MACHINE_EV_GONE, NULL, 0, MACHINE_INACTIVE, 0 },
	};
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);

	bring_up(&m, 0);
	WALK_ON(&m, steps);
}

Test(machine, restart_on_request_clears_failures_whatever_the_policy)
{
	static const struct step steps[] = {
		{ 10, MACHINE_EV_RESTART, NULL, MACHINE_DO_TERM, MACHINE_STOP, 1010 },
		{ 20, MACHINE_EV_EXITED, &bad, 0, MACHINE_STOP, 1010 },
		{ 20, MACHINE_EV_GONE, NULL, MACHINE_DO_CHECK, MACHINE_WAITING, 0 },
	};
	struct machine_rules rules = default_rules();

	rules.restart = MACHINE_RESTART_NEVER;
	struct machine m = new_machine(&rules);
	bring_up(&m, 0);
	m.failures = 5;
	WALK_ON(&m, steps);
	cr_expect(m.failures == 0);
}

Test(machine, plans_change_while_it_stops)
{
	static const struct step restart_then_stop[] = {
		{ 10, MACHINE_EV_RESTART, NULL, MACHINE_DO_TERM, MACHINE_STOP, 1010 },
		{ 11, MACHINE_EV_STOP, NULL, 0, MACHINE_STOP, 1010 },
		{ 12, MACHINE_EV_GONE, NULL, 0, MACHINE_INACTIVE, 0 },
	};
	static const struct step stop_then_start[] = {
		{ 21, MACHINE_EV_STOP, NULL, MACHINE_DO_TERM, MACHINE_STOP, 1021 },
		{ 22, MACHINE_EV_START, NULL, 0, MACHINE_STOP, 1021 },
		{ 23, MACHINE_EV_GONE, NULL, MACHINE_DO_CHECK, MACHINE_WAITING, 0 },
	};
	struct machine_rules rules = default_rules();
	struct machine m = new_machine(&rules);

	bring_up(&m, 0);
	WALK_ON(&m, restart_then_stop);
	bring_up(&m, 20);
	WALK_ON(&m, stop_then_start);
}

Test(machine, a_watchdog_ends_what_shows_no_life)
{
	static const struct step steps[] = {
		{ 899, MACHINE_EV_TIMEOUT, NULL, 0, MACHINE_RUNNING, 900 }, /* it is not due */
		{ 900, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_ABORT, MACHINE_STOP, 1900 },
		{ 901, MACHINE_EV_EXITED, &ok, 0, MACHINE_STOP, 1900 },
		/* a failure, whatever the exit code */
		{ 901, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
	};
	struct machine_rules rules = default_rules();

	rules.watchdog = 500;
	rules.restart = MACHINE_RESTART_ON_FAILURE;
	struct machine m = new_machine(&rules);
	bring_up(&m, 100);
	cr_expect(m.due_ms == 600);
	machine_keep_alive(&m, 400);
	cr_expect(m.due_ms == 900);
	WALK_ON(&m, steps);
}

Test(machine, a_service_that_ends_by_itself_has_time_and_a_result)
{
	static const struct step stopping[] = { /* no signal */
		{ 10, MACHINE_EV_STOPPING, NULL, 0, MACHINE_STOP, 1010 }
	};
	static const struct step ends[] = {
		{ 40, MACHINE_EV_EXITED, &ok, 0, MACHINE_STOP, 5020 },
		{ 40, MACHINE_EV_GONE, NULL, 0, MACHINE_EXITED, 0 },
	};
	struct machine_rules rules = default_rules();

	rules.restart = MACHINE_RESTART_ON_FAILURE;
	struct machine m = new_machine(&rules);
	bring_up(&m, 0);
	WALK_ON(&m, stopping);
	machine_extend(&m, 5000, 20);
	cr_expect(m.due_ms == 5020);
	machine_extend(&m, 10, 30);
	cr_expect(m.due_ms == 5020, "it is never shortened");
	WALK_ON(&m, ends);
	m = new_machine(&rules);
	bring_up(&m, 0);
	machine_cap_stop(&m, 100);
	machine_step(&m, MACHINE_EV_STOP, NULL, 0);
	machine_extend(&m, 5000, 0);
	cr_expect(m.due_ms <= 100, "a shutdown gives no more");
}

Test(machine, readiness_that_does_not_come_is_a_failure)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_MAIN, MACHINE_START, 30000 },
		{ 1, MACHINE_EV_EXEC, NULL, 0, MACHINE_START, 30000 },
		{ 30000, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_TERM, MACHINE_STOP, 31000 },
		{ 30001, MACHINE_EV_EXITED, &ok, 0, MACHINE_STOP, 31000 },
		{ 30001, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
		{ AT_DUE, MACHINE_EV_TIMEOUT, NULL, MACHINE_DO_CHECK, MACHINE_WAITING, 0 },
		{ 40000, MACHINE_EV_CLEARED, NULL, MACHINE_DO_MAIN, MACHINE_START, 70000 },
		{ 40001, MACHINE_EV_READY, NULL, 0, MACHINE_RUNNING, 0 },
	};
	struct machine_rules rules = default_rules();

	rules.ready = MACHINE_READY_NOTIFY;
	WALK(&rules, steps);
}

Test(machine, start_limit_fails_for_good)
{
	struct machine_rules rules = default_rules();

	rules.start_limit = 3;
	struct machine m = new_machine(&rules);
	uint64_t now = 0;

	bring_up(&m, now);
	for (int n = 0; n < 3; n++) {
		end(&m, &bad, now);
		now = retry(&m);
	}
	cr_expect(end(&m, &bad, now) == MACHINE_DO_LIMIT);
	cr_expect(m.state == MACHINE_FAILED);
	cr_expect(machine_step(&m, MACHINE_EV_START, NULL, now) == MACHINE_DO_CHECK,
		"by hand it can be started");
}

Test(machine, start_limit_counts_within_its_window_only)
{
	struct machine_rules rules = default_rules();

	rules.start_limit = 2;
	struct machine m = new_machine(&rules);
	uint64_t now = 0;

	bring_up(&m, now);
	for (int n = 0; n < 20; n++) {
		end(&m, &bad, now);
		cr_assert(m.state == MACHINE_BACKOFF, "restart %d", n);
		now = retry(&m) + 6000;
	}
}

Test(machine, spawn_failure_backs_off_without_a_process)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_MAIN, MACHINE_START, 0 },
		{ 0, MACHINE_EV_SPAWN_FAILED, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
	};
	struct machine_rules rules = default_rules();

	WALK(&rules, steps);
}

Test(machine, spawn_failure_kills_what_pre_start_left)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_CLEARED, NULL, MACHINE_DO_PRE, MACHINE_PRE, SOME_TIME },
		{ 0, MACHINE_EV_EXITED, &ok, MACHINE_DO_MAIN, MACHINE_START, 0 },
		{ 0, MACHINE_EV_SPAWN_FAILED, NULL, MACHINE_DO_KILL, MACHINE_KILL, SOME_TIME },
		{ 5, MACHINE_EV_GONE, NULL, 0, MACHINE_BACKOFF, SOME_TIME },
	};
	struct machine_rules rules = default_rules();

	rules.has_pre_start = true;
	WALK(&rules, steps);
}

Test(machine, a_required_service_has_failed)
{
	static const struct step steps[] = {
		STARTS,
		{ 0, MACHINE_EV_BLOCKED, NULL, 0, MACHINE_FAILED, 0 },
	};
	struct machine_rules rules = default_rules();

	WALK(&rules, steps);
}

/* In any order of events, the machine asks for a process only when there is none, and never loses
 * one. */
Test(machine, random_events_keep_the_books)
{
	uint32_t r = 12345;

	for (int run = 0; run < 200; run++) {
		struct machine_rules rules = default_rules();
		bool process = false;

		rules.has_pre_start = run & 1;
		rules.ready = run & 2 ? MACHINE_READY_NOTIFY : MACHINE_READY_STARTED;
		rules.restart = (enum machine_restart)(run % 3);
		rules.type = run & 8 ? MACHINE_ONESHOT : MACHINE_SIMPLE;
		struct machine m = new_machine(&rules);

		for (uint64_t now = 1; now < 500; now++) {
			enum machine_event e;
			unsigned int todo;

			r = r * 1664525u + 1013904223u;
			e = (enum machine_event)((r >> 16) % MACHINE_EVENTS);
			if ((e == MACHINE_EV_EXITED || e == MACHINE_EV_EXEC) && !process)
				continue;
			if (e == MACHINE_EV_GONE && process)
				continue;
			if (e == MACHINE_EV_SPAWN_FAILED)
				continue;
			if (e == MACHINE_EV_TIMEOUT && m.due_ms == 0)
				continue;
			if (e == MACHINE_EV_EXITED)
				process = false;
			todo = machine_step(&m, e, r & 0x100000 ? &ok : &bad, now);
			if (todo & (MACHINE_DO_PRE | MACHINE_DO_MAIN)) {
				cr_assert(!process, "run %d: a second process", run);
				process = true;
			}
			cr_assert(!process || machine_is_active(&m),
				"run %d: a process is there in state %s", run,
				machine_state_name(m.state));
		}
	}
}

Test(machine, exit_status_words)
{
	static const struct {
		int status; /* of wait(2) */
		bool success;
	} cases[] = { { 0, true }, { 1 << 8, false }, { SIGTERM, true }, { SIGPIPE, true },
		{ SIGKILL, false }, { SIGSEGV, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(machine_exit_is_success(cases[i].status) == cases[i].success,
			"status 0x%x", (unsigned int)cases[i].status);
}
