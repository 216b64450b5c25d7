/* SPDX-License-Identifier: MIT */
/* The ring of the services' changes of state. */
#include "supervisor/events.h"
#include "supervisor/supervisor.h"

#include "base/buf.h"
#include "supervisor/describe.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct events *events;
static struct service web = { .name = "web" }, db = { .name = "db" };

static void set_up(void)
{
	events = calloc(1, sizeof(*events));
	cr_assert_not_null(events);
}

static void tear_down(void)
{
	free(events);
}

TestSuite(events, .init = set_up, .fini = tear_down);

static void change(struct service *v, enum machine_state after, unsigned int cause)
{
	enum machine_state before = v->machine.state;

	v->machine.state = after;
	events_add(events, v, before, cause);
}

static uint64_t lost;

/* The next event's number, or 0; `at` moves past it. */
static uint64_t next(const char *name, uint64_t *at)
{
	lost = 0;
	return events_next(events, name, at, &lost) == NULL ? 0 : (*at)++;
}

Test(events, come_in_order)
{
	uint64_t at = 0;
	const struct transition *t;

	cr_expect_eq(next("", &at), 0);
	cr_expect_eq(at, 1);
	change(&web, MACHINE_WAITING, MACHINE_EV_START);
	web.pid = 12;
	web.machine.entered_ms = 4711;
	change(&web, MACHINE_RUNNING, MACHINE_EV_EXEC);
	t = events_next(events, "", &at, &lost);
	cr_assert_not_null(t);
	cr_expect_str_eq(t->name, "web");
	cr_expect_eq(t->before, MACHINE_INACTIVE);
	cr_expect_eq(t->after, MACHINE_WAITING);
	cr_expect_eq(t->cause, MACHINE_EV_START);
	cr_expect_eq(t->pid, 0);
	cr_expect_not(t->has_outcome);
	cr_expect_eq(at++, 1);
	t = events_next(events, "", &at, &lost);
	cr_assert_not_null(t);
	cr_expect_eq(t->before, MACHINE_WAITING);
	cr_expect_eq(t->pid, 12);
	cr_expect_eq(t->at_ms, 4711);
	cr_expect_eq(at++, 2);
	cr_expect_eq(next("", &at), 0);
	cr_expect_eq(at, 3);
	cr_expect_eq(lost, 0);
}

Test(events, of_one_service)
{
	uint64_t at = 1;

	for (int i = 0; i < 3; i++) {
		change(&web, MACHINE_WAITING, MACHINE_EV_START);
		change(&db, MACHINE_WAITING, MACHINE_EV_START);
	}
	cr_expect_eq(next("db", &at), 2);
	cr_expect_eq(next("db", &at), 4);
	cr_expect_eq(next("db", &at), 6);
	cr_expect_eq(next("db", &at), 0);
	cr_expect_eq(at, 7, "what was of others is not looked at again");
	at = 1;
	cr_expect_eq(next("we", &at), 0);
}

Test(events, an_overflow_is_told)
{
	uint64_t at = 1;

	for (int i = 0; i < EVENTS_KEPT; i++)
		change(&web, MACHINE_WAITING, MACHINE_EV_START);
	cr_expect_eq(next("", &at), 1);
	cr_expect_eq(lost, 0);
	for (int i = 0; i < 5; i++)
		change(&db, MACHINE_WAITING, MACHINE_EV_START);
	cr_expect_eq(next("", &at), 6, "the first that is kept");
	cr_expect_eq(lost, 4, "number 1 had been read");
	cr_expect_eq(next("", &at), 7);
	cr_expect_eq(lost, 0);
	at = 0;
	cr_expect_eq(next("db", &at), EVENTS_KEPT + 1);
	cr_expect_eq(lost, 5);
}

Test(events, a_position_of_another_boot)
{
	uint64_t at = 7;

	for (int i = 0; i < 5; i++)
		change(&web, MACHINE_WAITING, MACHINE_EV_START);
	cr_expect_eq(next("", &at), 1, "no event can have had number 6");
	at = 6;
	cr_expect_eq(next("", &at), 0, "the next one will");
	cr_expect_eq(at, 6);
}

static const char *words_of_latest(void)
{
	static char text[128];
	const struct transition *t = &events->kept[(events->count - 1) % EVENTS_KEPT];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	if (t->has_outcome)
		describe_put_outcome(&t->outcome, NULL, &b);
	return text;
}

Test(events, how_a_process_has_ended)
{
	struct service v = { .name = "v", .last.has_ended = true, .last.outcome.status = 3 << 8 };
	const struct transition *t = &events->kept[0];

	v.last.pid = 77;
	change(&v, MACHINE_KILL, MACHINE_EV_EXITED);
	cr_expect_eq(t->pid, 77);
	cr_expect_str_eq(words_of_latest(), "exit code 3");
	v.last.outcome.status = SIGKILL;
	v.last.outcome.out_of_memory = true;
	change(&v, MACHINE_BACKOFF, MACHINE_EV_GONE);
	cr_expect_str_eq(words_of_latest(), "signal 9 (Killed), memory_max was reached");
	cr_expect_eq(events->kept[1].pid, 0);
	change(&v, MACHINE_WAITING, MACHINE_EV_TIMEOUT);
	cr_expect_str_eq(words_of_latest(), "", "not of this life");
	v.last.outcome.out_of_memory = false;
	v.last.outcome.in_pre_start = v.last.outcome.failed_to_run = true;
	v.last.outcome.stage = SPAWN_EXEC;
	v.last.outcome.error = ENOENT;
	change(&v, MACHINE_KILL, MACHINE_EV_EXITED);
	cr_expect_str_eq(words_of_latest(), "pre_start: exec: No such file or directory");
	v.last.start_error = EAGAIN;
	change(&v, MACHINE_BACKOFF, MACHINE_EV_SPAWN_FAILED);
	cr_expect_eq(events->kept[4].outcome.error, EAGAIN);
	cr_expect_not(events->kept[4].has_outcome);
}

Test(events, causes_have_names)
{
	cr_expect_str_eq(events_cause(MACHINE_EV_SPAWN_FAILED), "spawn failed");
	cr_expect_str_eq(events_cause(MACHINE_EV_TIMEOUT), "timeout");
	cr_expect_str_eq(events_cause(EVENTS_CANNOT_RUN), "cannot run");
	cr_expect_str_eq(events_cause(EVENTS_NEW_FILE), "new file");
	cr_expect_str_eq(events_cause(EVENTS_CAUSES), "unknown");
}
