/* SPDX-License-Identifier: MIT */
/* Events and reloads at PID 1's end of the control channel; the test plays the agent. */
#include "init/control.h"

#include "base/log.h"
#include "init/guest.h"
#include "init/verbs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct guest guest;
static struct service web = { .name = "web" }, db = { .name = "db" };
static int agent_fd;
static uint32_t last_id;

/* The work of PID 1 after each pass of its loop. */
static void settle(void)
{
	do {
		supervisor_sweep(&guest.supervisor);
	} while (control_go_on(&guest.control));
}

static void run_once(void)
{
	cr_assert_eq(loop_run_once(&guest.loop), 0);
	settle();
}

static void open_channel(void)
{
	cr_assert_eq(control_open(&guest.control), 0);
	agent_fd = fcntl(guest.control.agent_fd, F_DUPFD_CLOEXEC, 0);
	cr_assert_geq(agent_fd, 0);
	control_agent_started(&guest.control);
}

static void set_up(void)
{
	cr_assert_eq(loop_init(&guest.loop), 0);
	cr_assert_eq(supervisor_init(&guest.supervisor, &guest.loop), 0);
	log_open(guest.supervisor.null_fd, "");
	guest.supervisor.events = &guest.events;
	control_init(&guest.control, &guest.loop, &verbs_operations, &guest.events);
	changes_init(&guest.changes, &guest.loop);
	open_channel();
}

TestSuite(control, .init = set_up, .timeout = 60);

/* Add `count` events and let PID 1 act on them. */
static void change(struct service *v, unsigned int count)
{
	while (count-- > 0) {
		events_add(&guest.events, v, MACHINE_INACTIVE, MACHINE_EV_START);
		settle();
	}
}

static void ask(enum control_verb verb, const char *name, uint64_t position)
{
	struct control_message m = { .version = CONTROL_VERSION,
		.kind = CONTROL_REQUEST,
		.verb = (uint16_t)verb,
		.id = ++last_id,
		.position = position };

	strcpy(m.name, name);
	cr_assert_eq(send(agent_fd, &m, sizeof(m), 0), sizeof(m));
	run_once();
}

/* Receive the next message from PID 1. Returns false when there is none. */
static bool receive(struct control_message *m)
{
	ssize_t n = recv(agent_fd, m, sizeof(*m), MSG_DONTWAIT);

	cr_assert(n == (ssize_t)sizeof(*m) || (n < 0 && errno == EAGAIN));
	return n > 0;
}

struct answer {
	uint64_t first, last, count; /* numbers of the events */
	uint64_t position, lost;
	int error;
};

/* The whole answer to the latest request. */
static struct answer receive_answer(void)
{
	struct answer a = { 0 };
	struct control_message m;

	for (;;) {
		cr_assert(receive(&m), "an answer");
		cr_assert_eq(m.id, last_id);
		if (m.kind == CONTROL_DONE)
			break;
		cr_assert_eq(m.kind, CONTROL_ITEM);
		cr_assert(m.value >= 1 && m.value <= CONTROL_TRANSITIONS_MAX);
		for (uint64_t i = 0; i < m.value; i++, a.count++) {
			if (a.count == 0)
				a.first = m.transitions[i].number;
			a.last = m.transitions[i].number;
		}
	}
	a.position = m.position;
	a.lost = m.value;
	a.error = m.error;
	return a;
}

static struct answer events(const char *name, uint64_t position)
{
	ask(CONTROL_EVENTS, name, position);
	return receive_answer();
}

static void expect_notice(bool wanted)
{
	struct control_message m;
	bool came = receive(&m);

	cr_assert_eq(came, wanted);
	if (came) {
		cr_assert_eq(m.kind, CONTROL_EVENT);
		cr_assert_eq(m.verb, CONTROL_EV_TRANSITION);
		cr_assert_eq(m.id, 0);
	}
}

static void expect_answer(
	struct answer a, uint64_t first, uint64_t last, uint64_t position, uint64_t missing)
{
	cr_expect_eq(a.error, 0);
	cr_expect_eq(a.first, first);
	cr_expect_eq(a.last, last);
	cr_expect_eq(a.count, last == 0 ? 0 : last - first + 1);
	cr_expect_eq(a.position, position, "position %lu", (unsigned long)a.position);
	cr_expect_eq(a.lost, missing);
}

Test(control, events_are_read_from_a_position)
{
	change(&web, 10);
	expect_answer(events("", 0), 1, 10, 11, 0);
	expect_answer(events("", 4), 4, 10, 11, 0);
	expect_answer(events("", 11), 0, 0, 11, 0);
	expect_answer(events("db", 0), 0, 0, 11, 0);
}

Test(control, an_event_in_full)
{
	struct control_message m;
	struct control_transition *t = &m.transitions[0];

	web.last.has_ended = true;
	web.last.outcome.status = 9;
	web.last.pid = 44;
	web.machine.state = MACHINE_KILL;
	events_add(&guest.events, &web, MACHINE_RUNNING, MACHINE_EV_EXITED);
	ask(CONTROL_EVENTS, "web", 1);
	cr_assert(receive(&m));
	cr_expect_eq(m.value, 1);
	cr_expect_eq(t->number, 1);
	cr_expect_str_eq(t->name, "web");
	cr_expect_str_eq(t->before, "running");
	cr_expect_str_eq(t->after, "stop-sigkill");
	cr_expect_str_eq(t->cause, "exited");
	cr_expect_str_eq(t->reason, "signal 9 (Killed)");
	cr_expect_eq(t->pid, 44);
	cr_expect_eq(t->exit_code, 128 + 9);
}

Test(control, one_answer_is_bounded)
{
	change(&web, 500);
	expect_answer(events("", 0), 1, 256, 257, 0);
	expect_answer(events("", 257), 257, 500, 501, 0);
}

Test(control, what_is_not_kept_is_told)
{
	change(&web, EVENTS_KEPT + 7);
	expect_answer(events("", 1), 8, 8 + 255, 8 + 256, 7);
}

/* The agent is told once; then it asks. */
Test(control, the_next_event_is_told)
{
	change(&web, 1);
	expect_notice(false);
	expect_answer(events("", 0), 1, 1, 2, 0);
	expect_notice(false);
	change(&web, 3);
	expect_notice(true);
	expect_notice(false);
	change(&web, 1);
	expect_notice(false);
	expect_answer(events("", 2), 2, 5, 6, 0);
	expect_answer(events("db", 2), 0, 0, 6, 0);
	change(&db, 1);
	expect_notice(true);
	expect_notice(false);
}

/* Clients wait in the agent, so that PID 1's jobs are free for others. */
Test(control, waiting_takes_no_job)
{
	struct control_message m;

	for (int i = 0; i < 10 * CONTROL_JOBS_MAX; i++) {
		expect_answer(events("", 0), 0, 0, 1, 0);
		for (int j = 0; j < CONTROL_JOBS_MAX; j++)
			cr_assert_not(guest.control.jobs[j].used);
	}
	ask(CONTROL_HELLO, "", 0);
	cr_assert(receive(&m) && m.kind == CONTROL_ITEM);
	cr_assert(receive(&m) && m.kind == CONTROL_DONE && m.error == 0);
}

/* An agent that does not read for a while is told when there is room again. */
Test(control, a_full_socket_loses_no_notice)
{
	int size = 1;
	struct control_message m;
	unsigned int between = 0;

	cr_assert_eq(
		setsockopt(guest.control.io.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	expect_answer(events("", 0), 0, 0, 1, 0);
	while (control_send_event(&guest.control, CONTROL_EV_RELOAD) == 0)
		between++;
	cr_assert_gt(between, 0);
	change(&web, 2);
	while (between-- > 0) {
		cr_assert(receive(&m));
		cr_assert_eq(m.verb, CONTROL_EV_RELOAD);
	}
	expect_notice(false);
	run_once();
	expect_notice(true);
	expect_notice(false);
}

Test(control, a_sign_of_life)
{
	struct control_message m;

	cr_assert_eq(control_ask_for_life(&guest.control), 0);
	cr_expect_not(guest.control.shows_life);
	cr_assert(receive(&m));
	cr_expect(m.kind == CONTROL_EVENT && m.verb == CONTROL_EV_SIGN_OF_LIFE);
	cr_assert_eq(send(agent_fd, &m, sizeof(m), 0), sizeof(m));
	run_once();
	cr_expect(guest.control.shows_life);
	cr_expect_not(receive(&m), "it gets no answer");
	cr_assert_eq(control_ask_for_life(&guest.control), 0);
	cr_expect_not(guest.control.shows_life);
}

/* PID 1 owns the events: with the next agent, a client continues at its position. */
Test(control, an_agent_that_starts_anew)
{
	change(&web, 3);
	expect_answer(events("", 0), 1, 3, 4, 0);
	close(agent_fd);
	run_once();
	cr_assert_lt(guest.control.io.fd, 0);
	change(&web, 2);
	open_channel();
	settle();
	expect_notice(false); /* nobody has asked this agent yet */
	expect_answer(events("", 4), 4, 5, 6, 0);
	change(&db, 1);
	expect_notice(true);
}

/* An agent that dies with its answer half sent. */
Test(control, an_agent_that_does_not_read)
{
	int size = 1;

	cr_assert_eq(
		setsockopt(guest.control.io.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	change(&web, 200);
	ask(CONTROL_EVENTS, "", 0);
	cr_assert(guest.control.jobs[0].used);
	change(&web, EVENTS_KEPT); /* the rest of the answer is dropped */
	close(agent_fd);
	run_once();
	cr_assert_not(guest.control.jobs[0].used);
	open_channel();
	expect_answer(events("", 201), 201, 456, 457, 0);
}

/* ---- reload ---------------------------------------------------------------------------------- */

/* Add a service without a file whose process ignores TERM. The supervisor frees it.
 */
static struct service *add_stubborn(void)
{
	static const struct machine_rules rules = { .stop_timeout = 1000000 };
	struct service *v = calloc(1, sizeof(*v));

	cr_assert_not_null(v);
	strcpy(v->name, "stubborn");
	v->owner = &guest.supervisor;
	v->output.read_fd = v->output.write_fd = -1;
	v->cgroup.fd = v->cgroup.events.fd = -1;
	machine_init(&v->machine, &rules, 1);
	v->machine.state = MACHINE_RUNNING;
	v->machine.wanted = true;
	index_add(v);
	index_count(v);
	v->next = guest.supervisor.services;
	guest.supervisor.services = v;
	signal(SIGTERM, SIG_IGN);
	v->pid = fork();
	cr_assert_geq(v->pid, 0);
	if (v->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	index_add_pid(v);
	return v;
}

/* What the agent has been sent about reloads, in any order. */
struct reload_news {
	uint32_t counts_of,
		stopped; /* id of the request whose numbers have come, and one of them */
	uint32_t done;   /* id of the request that is done */
	int error;
};

static struct reload_news receive_news(void)
{
	struct reload_news news = { 0 };
	struct control_message m;

	while (receive(&m)) {
		if (m.kind == CONTROL_ITEM) {
			cr_assert_eq(m.value, 0);
			cr_assert_eq(news.counts_of, 0);
			cr_expect_eq(m.reload.started + m.reload.restarted + m.reload.unchanged, 0);
			news.counts_of = m.id;
			news.stopped = m.reload.stopped;
		} else if (m.kind == CONTROL_DONE) {
			cr_assert_eq(news.done, 0);
			news.done = m.id;
			news.error = m.error;
		} else { /* the agent reads its files again, too */
			cr_assert_eq(m.kind, CONTROL_EVENT);
			cr_expect_eq(m.verb, CONTROL_EV_RELOAD);
		}
	}
	return news;
}

static void expect_news(uint32_t counts_of, uint32_t stopped, uint32_t done, int error)
{
	struct reload_news news = receive_news();

	cr_assert_eq(news.counts_of, counts_of);
	cr_assert_eq(news.stopped, stopped);
	cr_assert_eq(news.done, done);
	cr_assert_eq(news.error, error);
}

/* This machine has no service files, so the service stops. Only the latest reload waits for it. */
Test(control, a_reload_is_done_when_all_is_over)
{
	struct service *v = add_stubborn();
	pid_t pid = v->pid;
	siginfo_t info;

	cr_assert_neq(access("/etc/mvm/services.d", F_OK), 0);
	ask(CONTROL_RELOAD, "", 0);
	expect_news(last_id, 1, 0, 0);
	for (int i = 0; i < 2 * CONTROL_JOBS_MAX; i++) {
		ask(CONTROL_RELOAD, "", 0);
		expect_news(last_id, 0, last_id - 1, ECANCELED);
	}
	kill(pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	supervisor_reap(&guest.supervisor);
	settle();
	expect_news(0, 0, last_id, 0);
	supervisor_sweep(&guest.supervisor);
	cr_expect_null(guest.supervisor.services);
}

/* The agent gives up such a request without a word, and its jobs must not be used up by that. */
Test(control, restarts_that_never_end_leave_room_for_others)
{
	struct service *v = add_stubborn();
	struct control_message m;
	unsigned int given_up = 0;

	for (unsigned int i = 0; i < 3 * CONTROL_JOBS_MAX; i++) {
		ask(CONTROL_RESTART, "stubborn", 0);
		while (receive(&m)) {
			cr_assert_eq(m.kind, CONTROL_DONE);
			cr_expect_eq(m.error, ECANCELED);
			cr_expect_eq(m.id, last_id - CONTROL_JOBS_MAX, "the oldest");
			given_up++;
		}
	}
	cr_expect_eq(given_up, 2 * CONTROL_JOBS_MAX);
	ask(CONTROL_HELLO, "", 0);
	cr_assert(receive(&m) && m.error == ECANCELED);
	cr_assert(receive(&m) && m.kind == CONTROL_ITEM && m.id == last_id);
	cr_assert(receive(&m) && m.kind == CONTROL_DONE && m.error == 0);
	kill(v->pid, SIGKILL);
}

/* The service already stops for a changed file: the restart waits for its next start. */
Test(control, a_restart_during_a_reload)
{
	struct service *v = add_stubborn();
	struct control_message m;
	siginfo_t info;

	guest.supervisor.held = true; /* it waits, and does not start */
	v->file.next = calloc(1, sizeof(*v->file.next));
	cr_assert_not_null(v->file.next);
	service_config_init(v->file.next);
	v->file.next->user = strdup("0");
	supervisor_event(v, MACHINE_EV_STOP, NULL);
	ask(CONTROL_RESTART, "stubborn", 0);
	kill(v->pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)v->pid, &info, WEXITED | WNOWAIT), 0);
	supervisor_reap(&guest.supervisor);
	settle();
	cr_expect_null(v->file.next);
	cr_assert_eq(v->machine.state, MACHINE_WAITING);
	cr_expect_not(receive(&m), "it is not there yet");
	v->machine.state = MACHINE_RUNNING;
	settle();
	cr_assert(receive(&m));
	cr_expect(m.kind == CONTROL_DONE && m.error == 0);
}

Test(control, no_reload_while_the_guest_ends)
{
	guest.shutdown.begun = true;
	ask(CONTROL_RELOAD, "", 0);
	expect_news(0, 0, last_id, ESHUTDOWN);
	cr_expect_eq(guest.supervisor.reload.number, 0);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* What was overwritten while an answer waited for room counts as lost. */
Test(control, events_that_vanish_during_an_answer)
{
	int size = 1;
	struct control_message m;
	uint64_t got = 0;

	cr_assert_eq(
		setsockopt(guest.control.io.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	change(&web, 200);
	ask(CONTROL_EVENTS, "", 0);
	change(&web, EVENTS_KEPT);
	for (;;) {
		if (!receive(&m)) {
			run_once();
			continue;
		}
		if (m.kind == CONTROL_DONE)
			break;
		got += m.value;
	}
	cr_expect_eq(got, 256);
	cr_expect_gt(m.value, 0);
	cr_expect_eq(m.position, got + m.value + 1, "each is sent or lost");
}
