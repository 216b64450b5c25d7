/* SPDX-License-Identifier: MIT */
#include "agent/sessions/console.h"

#include "agent/checks/job_group.h"
#include "agent/requests/guest_policy.h"
#include "agent/sessions/session_shell.h"
#include "agent/starter/terminal.h"
#include "agent/wire/data_port.h"
#include "agent/wire/pending.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/relay.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_FIRST  20000 /* plus the session's number */
#define PORTS_TRIED 64
#define HOLD_MS                                                                                    \
	100 /* delay of the first output; hosts lose bytes that arrive with the VMM's OK           \
	     */
#define HANG_UP_MS   500   /* from SIGHUP to SIGKILL */
#define FLUSH_MS     10000 /* time for the host to take the last output */
#define REMOVE_MS    20    /* between attempts to remove the cgroup of killed processes */
#define REMOVE_TIMES 250
#define END_OF_INPUT "\4" /* termios(3), VEOF */
#define AGAIN_MIN_MS 50   /* from END_OF_INPUT to the next, doubled each time */
#define AGAIN_MAX_MS 2000

enum console_state {
	CONSOLE_WAITING, /* waiting for the host's connection */
	CONSOLE_HELD,    /* connected; output is held back */
	CONSOLE_OPEN,
	CONSOLE_ENDING, /* hung up; waiting for the shell to end */
	CONSOLE_ENDED,  /* only the exit code is kept */
};

enum { HOST, TERMINAL }; /* the relay's ends */

struct closing;

struct console {
	struct console *next;
	struct agent *agent;
	uint32_t id;
	enum console_state state;
	bool by_old_port; /* opened on port 52 */
	bool has_shell;   /* the shell runs */
	bool input_ended; /* END_OF_INPUT was sent */
	struct job job;
	pid_t session;
	int exit_code;
	int master; /* until the relay owns it; -1 */
	struct data_port port;
	struct relay relay;
	struct job_group group;
	unsigned int removes; /* attempts to remove the group */
	struct loop_timer timer;
	struct loop_timer end_again;
	uint64_t end_again_ms;        /* AGAIN_... */
	uint64_t input_ms, opened_ms; /* clock_ms() of the latest input and of the opening */
	struct closing *closings;
};

/* A ConsoleClose that waits for the shell to end. */
struct closing {
	struct pending work;
	struct console *console;
	struct closing *next;
};

/* ---- answers --------------------------------------------------------------------------------- */

static void write_opened(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_CONSOLE_OPENED, arg);
}

static void write_resized(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_CONSOLE_RESIZED, arg);
}

static void write_exited(struct buf *b, const void *arg)
{
	const struct console *s = arg;

	message_encode(b, ANSWER_CONSOLE_EXITED,
		&(struct console_exited){ .session_id = s->id, .exit_code = s->exit_code });
}

static void unlink_closing(struct closing *closing)
{
	struct closing **link = &closing->console->closings;

	while (*link != closing)
		link = &(*link)->next;
	*link = closing->next;
}

static void closing_over(struct pending *w)
{
	struct closing *closing = LOOP_OWNER(w, struct closing, work);

	unlink_closing(closing);
	free(closing);
}

static void closing_gone(struct pending *w)
{
	pending_end(w);
	closing_over(w);
}

static void answer_closings(struct console *s)
{
	while (s->closings != NULL) {
		struct pending *w = &s->closings->work;

		pending_reply(w, write_exited, s);
		pending_end(w);
		closing_over(w);
	}
}

/* ---- the end --------------------------------------------------------------------------------- */

static void set_timer(struct console *s, uint64_t ms)
{
	loop_timer_set(&s->agent->loop, &s->timer, clock_ms() + ms);
}

static void console_free(struct console *s)
{
	struct console **link = &s->agent->consoles;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	loop_timer_clear(&s->agent->loop, &s->timer);
	loop_timer_clear(&s->agent->loop, &s->end_again);
	data_port_close(&s->port);
	relay_close(&s->relay);
	if (s->master >= 0)
		close(s->master);
	job_group_remove(&s->group);
	job_release(&s->job);
	free(s);
}

/* Close both sides. Closing the terminal makes the kernel send SIGHUP. */
static void let_go(struct console *s)
{
	data_port_close(&s->port);
	relay_close(&s->relay);
	if (s->master >= 0)
		close(s->master);
	s->master = -1;
}

/* The shell ended, and the host has taken all output or will not. */
static void finish(struct console *s)
{
	let_go(s);
	s->state = CONSOLE_ENDED;
	job_group_kill(&s->group, &s->agent->jobs.starter, s->session);
	set_timer(s, job_group_remove(&s->group) ? CONSOLE_RECORD_MS : REMOVE_MS);
}

static void try_to_remove(struct console *s)
{
	if (s->group.fd < 0) {
		console_free(s); /* CONSOLE_RECORD_MS is over */
		return;
	}
	job_group_kill(&s->group, &s->agent->jobs.starter, s->session);
	if (job_group_remove(&s->group))
		set_timer(s, CONSOLE_RECORD_MS);
	else if (++s->removes < REMOVE_TIMES)
		set_timer(s, REMOVE_MS);
	else
		console_free(s);
}

/* `why` is logged, unless it is NULL. */
static void hang_up(struct console *s, const char *why)
{
	if (s->state >= CONSOLE_ENDING)
		return;
	if (why != NULL)
		log_line("console %u: %s", s->id, why);
	let_go(s);
	if (!s->has_shell) {
		finish(s);
		return;
	}
	s->state = CONSOLE_ENDING;
	set_timer(s, HANG_UP_MS);
}

static void kill_all(struct console *s)
{
	job_group_kill(&s->group, &s->agent->jobs.starter, s->session);
	job_kill(&s->job);
}

/* Write a message of the agent to the host's terminal. */
static void tell_host(struct console *s, const char *text)
{
	if (s->relay.loop == NULL || !relay_is_drained(&s->relay, TERMINAL))
		relay_inject(&s->relay, TERMINAL, text, strlen(text));
	else
		(void)!write(s->relay.ends[HOST].fd, text, strlen(text));
}

static int exit_code(const struct job *job)
{
	if (job->end == JOB_NOT_RUN)
		return job->failure.error == ENOENT ? 127 : 126;
	return job->end == JOB_EXITED ? job->code : 128 + job->code;
}

/* Processes that the shell left behind are killed. Its output is kept. */
static void shell_done(struct job *job)
{
	struct console *s = LOOP_OWNER(job, struct console, job);

	s->has_shell = false;
	s->exit_code = exit_code(job);
	log_line("console %u: exit code %d after %llu s", s->id, s->exit_code,
		(unsigned long long)(clock_ms() - s->opened_ms) / 1000);
	if (job->end == JOB_NOT_RUN) {
		log_line("console %u: cannot run " SESSION_SHELL ": %s: %s", s->id,
			spawn_stage_name(job->failure.stage),
			problem_errno_text(job->failure.error));
		tell_host(s, "mvm-guest-agent: cannot run " SESSION_SHELL "\r\n");
	}
	job_group_kill(&s->group, &s->agent->jobs.starter, s->session);
	answer_closings(s);
	if (s->state == CONSOLE_ENDING)
		finish(s);
	else if (s->state == CONSOLE_OPEN)
		set_timer(s, FLUSH_MS);
}

/* ---- the bytes ------------------------------------------------------------------------------- */

static void relay_over(struct relay *r)
{
	struct console *s = LOOP_OWNER(r, struct console, relay);

	if (s->has_shell)
		hang_up(s, NULL); /* the shell closed the terminal, most likely to end */
	else
		finish(s);
}

static void release(struct console *s)
{
	s->state = CONSOLE_OPEN;
	relay_hold(&s->relay, TERMINAL, false);
	set_timer(s, s->has_shell ? CONSOLE_IDLE_MS : FLUSH_MS);
}

static size_t relay_passing(struct relay *r, int from, char *bytes, size_t len)
{
	struct console *s = LOOP_OWNER(r, struct console, relay);

	(void)bytes;
	if (from == HOST) {
		s->input_ms = clock_ms();
		if (s->state == CONSOLE_HELD)
			release(s);
	}
	return len;
}

/* The host's input ended. A terminal says that by a character. */
static void relay_ended(struct relay *r, int from)
{
	struct console *s = LOOP_OWNER(r, struct console, relay);

	if (from != HOST || s->input_ended)
		return;
	s->input_ended = true;
	if (s->state == CONSOLE_HELD)
		release(s);
	if (relay_inject(r, HOST, END_OF_INPUT, 1) != 0) {
		hang_up(s, "out of memory");
		return;
	}
	s->end_again_ms = AGAIN_MIN_MS;
	loop_timer_set(&s->agent->loop, &s->end_again, clock_ms() + s->end_again_ms);
}

/*
 * The end of a file is there at each read, but a character is read once. A shell that goes over to
 * its own line editor at that moment reads it as something else, and waits for the next.
 */
static void end_again(struct loop_timer *timer)
{
	struct console *s = LOOP_OWNER(timer, struct console, end_again);

	if (s->state != CONSOLE_OPEN || !s->has_shell || s->relay.ends[TERMINAL].gone)
		return;
	if (relay_is_drained(&s->relay, HOST)) /* a full terminal has enough of them */
		(void)!write(s->relay.ends[TERMINAL].fd, END_OF_INPUT, 1);
	s->end_again_ms = s->end_again_ms * 2 < AGAIN_MAX_MS ? s->end_again_ms * 2 : AGAIN_MAX_MS;
	loop_timer_set(&s->agent->loop, timer, clock_ms() + s->end_again_ms);
}

static void relay_vanished(struct relay *r, int end)
{
	struct console *s = LOOP_OWNER(r, struct console, relay);

	if (end == HOST && s->has_shell)
		hang_up(s, "the host hung up");
}

/* The host connected: `fd`, from which `len` bytes were already read. */
static void attach(struct console *s, int fd, const char *bytes, size_t len)
{
	int master = s->master, err;

	data_port_close(&s->port);
	s->master = -1; /* the relay owns it now */
	s->state = CONSOLE_HELD;
	s->input_ms = clock_ms();
	s->relay.flows[TERMINAL].is_held = true;
	err = len > 0 ? relay_inject(&s->relay, HOST, bytes, len) : 0;
	if (err == 0)
		err = relay_start(&s->relay, &s->agent->loop, fd, master);
	if (err != 0) {
		hang_up(s, "out of memory");
		return;
	}
	set_timer(s, HOLD_MS);
	if (len > 0)
		release(s);
}

static void port_accepted(struct data_port *d, int fd)
{
	attach(LOOP_OWNER(d, struct console, port), fd, NULL, 0);
}

static struct console *waiting_by_old_port(const struct agent *a)
{
	struct console *s = a->consoles, *oldest = NULL;

	for (; s != NULL; s = s->next)
		if (s->state == CONSOLE_WAITING && s->by_old_port)
			oldest = s; /* the list starts with the newest */
	return oldest;
}

bool console_wants_raw(void *agent)
{
	return waiting_by_old_port(agent) != NULL;
}

void console_take_raw(void *agent, int fd, const char *bytes, size_t len)
{
	struct console *s = waiting_by_old_port(agent);

	if (s != NULL)
		attach(s, fd, bytes, len);
	else
		close(fd);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void check_idle(struct console *s)
{
	uint64_t until_ms = s->input_ms + CONSOLE_IDLE_MS, now_ms = clock_ms();

	if (!s->has_shell) {
		finish(s); /* the host did not take the last output */
	} else if (now_ms < until_ms) {
		set_timer(s, until_ms - now_ms);
	} else {
		tell_host(s, "\r\n[closed after 15 minutes without input]\r\n");
		hang_up(s, "closed after 15 minutes without input");
	}
}

static void console_expired(struct loop_timer *timer)
{
	struct console *s = LOOP_OWNER(timer, struct console, timer);

	switch (s->state) {
	case CONSOLE_WAITING:
		hang_up(s, "no host connected in time");
		break;
	case CONSOLE_HELD:
		release(s);
		break;
	case CONSOLE_OPEN:
		check_idle(s);
		break;
	case CONSOLE_ENDING:
		kill_all(s);
		break;
	case CONSOLE_ENDED:
		try_to_remove(s);
		break;
	}
}

/* ---- ConsoleOpen ----------------------------------------------------------------------------- */

/* Bind a port that no other session and no forwarded port (forward.h) uses. */
static int open_port(struct console *s, struct problem *p)
{
	struct agent *a = s->agent;
	int err = -EADDRINUSE;

	for (int tried = 0; tried < PORTS_TRIED && err == -EADDRINUSE; tried++) {
		s->id = ++a->console_id;
		err = data_port_open(&s->port, &a->loop, PORT_FIRST + s->id, p);
	}
	return err;
}

static int open_shell(struct console *s, const struct identity *id, const struct console_open *r,
	struct problem *p)
{
	struct terminal t;
	int err, no_group;

	if (access(SESSION_SHELL, X_OK) != 0)
		return problem_set_text(p, errno, "this guest has no " SESSION_SHELL);
	err = starter_terminal(
		&s->agent->jobs.starter, &id->account, (uint16_t)r->cols, (uint16_t)r->rows, &t, p);
	if (err != 0)
		return err;
	s->master = t.master;
	err = open_port(s, p);
	no_group =
		err != 0 ? 0
			 : job_group_open(&s->group, s->agent->jobs.group_parent, "console", s->id);
	if (no_group != 0)
		log_line("console %u: running without its own cgroup: %s", s->id,
			problem_errno_text(-no_group));
	if (err == 0)
		err = session_shell_start(&s->job, id, t.slave, s->group.fd, p);
	s->has_shell = err == 0;
	s->session = s->job.pid;
	close(t.slave);
	return err;
}

static struct console *console_new(struct agent *a, const struct connection *c)
{
	struct console *s, *record = NULL;
	size_t count = 0;

	for (s = a->consoles; s != NULL; s = s->next, count++)
		if (s->state == CONSOLE_ENDED && s->group.fd < 0)
			record = s; /* the oldest */
	if (count >= CONSOLES_MAX && record != NULL) {
		console_free(record);
		count--;
	}
	s = count < CONSOLES_MAX ? calloc(1, sizeof(*s)) : NULL;
	if (s == NULL)
		return NULL;
	s->agent = a;
	s->by_old_port = !c->server->is_later;
	s->master = s->group.fd = -1;
	s->opened_ms = clock_ms();
	s->timer.expire = console_expired;
	s->end_again.expire = end_again;
	s->port = (struct data_port){ .io.fd = -1, .accepted = port_accepted };
	s->relay = (struct relay){ .over = relay_over,
		.ended = relay_ended,
		.vanished = relay_vanished,
		.passing = relay_passing };
	job_init(&s->job, &a->jobs, shell_done);
	s->next = a->consoles;
	a->consoles = s;
	return s;
}

static void refuse_open(struct connection *c, const char *why)
{
	char text[PROBLEM_TEXT_MAX + 32];

	buf_format(text, sizeof(text), "console open failed: %s", why);
	log_line("%s", text);
	connection_error(c, text, false);
}

void console_open_requested(struct agent *a, struct connection *c, struct request *r)
{
	struct console *s = console_new(a, c);
	struct identity id = { 0 };
	struct problem p;

	if (s == NULL) {
		refuse_open(c, "too many sessions are open");
		return;
	}
	if (guest_policy_identity(a, NULL, &id, &p) != 0 ||
		open_shell(s, &id, &r->body.console_open, &p) != 0) {
		refuse_open(c, p.text);
		console_free(s);
	} else {
		log_line("console %u: opened for user %s", s->id, id.account.name);
		set_timer(s, CONSOLE_CONNECT_MS);
		connection_reply(c, write_opened,
			&(struct console_opened){
				.session_id = s->id, .data_port = PORT_FIRST + s->id });
	}
	identity_free(&id);
}

/* ---- the others ------------------------------------------------------------------------------ */

static struct console *find(const struct agent *a, uint64_t id)
{
	struct console *s = a->consoles;

	while (s != NULL && s->id != id)
		s = s->next;
	return s;
}

void console_resize_requested(struct agent *a, struct connection *c, struct request *r)
{
	const struct console_resize *body = &r->body.console_resize;
	struct console *s = find(a, body->session_id);

	if (s == NULL || s->state >= CONSOLE_ENDING) {
		connection_error(c, "no active console session to resize", false);
		return;
	}
	terminal_resize(s->master >= 0 ? s->master : s->relay.ends[TERMINAL].fd,
		(uint16_t)body->cols, (uint16_t)body->rows);
	connection_reply(
		c, write_resized, &(struct console_resized){ .session_id = body->session_id });
}

void console_close_requested(struct agent *a, struct connection *c, struct request *r)
{
	struct console *s = find(a, r->body.console_close.session_id);
	struct closing *closing;

	if (s == NULL) {
		connection_error(c, "no such console session", false);
		return;
	}
	if (!s->has_shell) {
		connection_reply(c, write_exited, s);
		return;
	}
	closing = calloc(1, sizeof(*closing));
	if (closing == NULL) {
		connection_error(c, "out of memory", false);
		return;
	}
	*closing = (struct closing){ .work.gone = closing_gone,
		.work.abandon = closing_over,
		.console = s,
		.next = s->closings };
	s->closings = closing;
	pending_begin(&closing->work, a, c);
	hang_up(s, "closed by the host");
}

void consoles_close(struct agent *a)
{
	while (a->consoles != NULL) {
		struct console *s = a->consoles;

		while (s->closings != NULL)
			closing_gone(&s->closings->work);
		kill_all(s);
		console_free(s);
	}
}
