/* SPDX-License-Identifier: MIT */
/*
 * run: run a command in a guest as if it ran here. Output appears as it is written, standard input
 * and signals are passed on, and this program exits with its exit status. Unlike exec, there is no
 * time limit unless --timeout sets one.
 */
#include "base/agent_address.h"
#include "base/buf.h"
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/shell_words.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define INPUT_SIZE    16384
#define ANSWER_MS     10000                   /* limit for each question but ProcWait */
#define FULL_PAUSE_MS 20                      /* pause after a process took no input */
#define EXIT_TIMED    124                     /* as timeout(1) */
#define WAIT_MS       (365ULL * 86400 * 1000) /* agents of mvm say nothing while nothing comes */
#define EXEC_MS       (3600 * 1000)           /* for a command of an agent that has no streams */

struct run {
	struct loop loop;
	struct reach reach;
	const struct options *options;
	struct exchange start, wait, input, signal;
	char *requests[4]; /* the JSON of each question */
	char token[64];
	struct loop_io in, signals;
	struct loop_timer again;
	char bytes[INPUT_SIZE]; /* standard input that the guest has not taken yet */
	size_t len;
	bool in_ended, asks_input, is_done, has_user;
	int status;
};

static void fail(struct run *r, const struct failure *f)
{
	output_error(&r->options->targets[0], f);
	r->status = EXIT_NOT_RUN;
	r->is_done = true;
}

static void fail_with(struct run *r, const char *text)
{
	struct failure f = { 0 };

	failure_set(&f, FAILURE_REFUSED, "%s", text);
	fail(r, &f);
}

/* Ask one question. The request is freed with the next one. */
static void ask(struct run *r, struct exchange *x, int slot, enum message_kind kind,
	const void *body, void (*done)(struct exchange *x))
{
	free(r->requests[slot]);
	r->requests[slot] = output_request(kind, body);
	exchange_free(x);
	reach_prepare(&r->reach, x, &r->loop, r->requests[slot]);
	x->done = done;
	x->owner = r;
}

/* Get the guest's result; false after a message. The caller frees `a` in any case. */
static bool take_result(struct run *r, struct exchange *x, struct answer *a)
{
	struct problem p;

	*a = (struct answer){ 0 };
	if (x->failure.kind == FAILURE_CLOSED && r->has_user) {
		fail_with(r, "this guest's agent runs no commands as another user (-u)");
		return false;
	}
	if (x->failure.kind != FAILURE_NONE) {
		fail(r, &x->failure);
		return false;
	}
	if (answer_decode(x->body, x->body_len, a, &p) != 0) {
		fail_with(r, p.text);
		return false;
	}
	if (a->kind == ANSWER_ERROR)
		fail_with(r, a->body.error.message);
	else if (a->kind == ANSWER_PROC_RESULT && a->body.proc.kind == PROC_RESULT_ERROR)
		fail_with(r, a->body.proc.as.error.message);
	else if (a->kind == ANSWER_PROC_RESULT)
		return true;
	else
		fail_with(
			r, "the guest does not run commands: its policy or its profile forbids it");
	return false;
}

/* ---- standard input -------------------------------------------------------------------------- */

static void read_more(struct run *r);

static void send_input(struct run *r);

static void on_again(struct loop_timer *timer)
{
	send_input(LOOP_OWNER(timer, struct run, again));
}

static void input_sent(struct exchange *x)
{
	struct run *r = x->owner;
	struct answer a = { 0 };
	struct problem p;
	size_t taken = 0;
	bool is_closed = true;

	r->asks_input = false;
	/* An error means that the command ended or closed its standard input: no more input. */
	if (x->failure.kind == FAILURE_NONE && answer_decode(x->body, x->body_len, &a, &p) == 0 &&
		a.kind == ANSWER_PROC_RESULT && a.body.proc.kind == PROC_RESULT_INPUT_ACCEPTED) {
		taken = (size_t)a.body.proc.as.input.bytes_accepted;
		is_closed = false;
	}
	answer_free(&a);
	if (is_closed || taken > r->len)
		return;
	r->len -= taken;
	memmove(r->bytes, r->bytes + taken, r->len);
	if (r->len == 0) {
		read_more(r);
		return;
	}
	r->again.expire = on_again;
	loop_timer_set(&r->loop, &r->again, clock_ms() + (taken > 0 ? 0 : FULL_PAUSE_MS));
}

static void send_input(struct run *r)
{
	const struct proc_input_request body = { .pid_token = r->token,
		.bytes = { r->bytes, r->len } };

	r->asks_input = true;
	ask(r, &r->input, 2, REQUEST_PROC_SEND_INPUT, &body, input_sent);
	exchange_start(&r->input);
}

static void take_input(struct run *r)
{
	ssize_t n = read(STDIN_FILENO, r->bytes, sizeof(r->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_remove(&r->loop, &r->in);
	r->in_ended = n <= 0;
	r->len = n > 0 ? (size_t)n : 0;
	send_input(r); /* no bytes: closes the command's standard input */
}

static void on_input(struct loop_io *io, uint32_t events)
{
	(void)events;
	take_input(LOOP_OWNER(io, struct run, in));
}

/* epoll(7) cannot watch a plain file, which is always readable. */
static void read_more(struct run *r)
{
	if (!r->in_ended && loop_add(&r->loop, &r->in, STDIN_FILENO, EPOLLIN, on_input) != 0)
		take_input(r);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void signal_sent(struct exchange *x)
{
	(void)x;
}

static void on_signal(struct loop_io *io, uint32_t events)
{
	struct run *r = LOOP_OWNER(io, struct run, signals);
	struct signalfd_siginfo info;
	struct proc_signal_request body = { .pid_token = r->token };

	(void)events;
	if (read(io->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (r->token[0] == '\0') { /* the command does not run yet */
		r->status = 128 + (int)info.ssi_signo;
		r->is_done = true;
		return;
	}
	body.signum = info.ssi_signo;
	ask(r, &r->signal, 3, REQUEST_PROC_SIGNAL, &body, signal_sent);
	exchange_start(&r->signal);
}

static void watch_signals(struct run *r)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	(void)loop_add_signals(&r->loop, &r->signals, &set, on_signal);
}

/* ---- output and the end ---------------------------------------------------------------------- */

/* Returns true to continue the stream. */
static bool take_event(struct run *r, const struct proc_event *e)
{
	switch ((enum proc_event_kind)e->kind) {
	case PROC_EVENT_STDOUT:
	case PROC_EVENT_STDERR:
		output_raw(e->kind == PROC_EVENT_STDOUT ? STDOUT_FILENO : STDERR_FILENO,
			(struct text){ e->as.output.chunk.data, e->as.output.chunk.len });
		return output_flush();
	case PROC_EVENT_BACKPRESSURE:
		return true;
	case PROC_EVENT_EXIT:
		r->status =
			e->as.exit.code >= 0 && e->as.exit.code <= 255 ? (int)e->as.exit.code : 255;
		break;
	case PROC_EVENT_KILLED:
		r->status = 128 + (int)e->as.killed.signal;
		break;
	case PROC_EVENT_TIMED_OUT:
		r->status = EXIT_TIMED;
		break;
	case PROC_EVENT_ERROR:
		fail_with(r, e->as.error.message);
		break;
	}
	r->is_done = true;
	return false;
}

static bool wait_frame(struct exchange *x)
{
	struct run *r = x->owner;
	struct answer a = { 0 };
	struct problem p;
	bool goes_on = false;

	if (answer_decode(x->body, x->body_len, &a, &p) != 0)
		fail_with(r, p.text);
	else if (a.kind == ANSWER_PROC_WAIT_EVENT)
		goes_on = take_event(r, &a.body.proc_event);
	else
		fail_with(r, a.kind == ANSWER_ERROR ? a.body.error.message
						    : "unexpected answer from the guest");
	answer_free(&a);
	return goes_on;
}

static void wait_ended(struct exchange *x)
{
	struct run *r = x->owner;

	if (!r->is_done)
		fail(r, &x->failure);
}

static void started(struct exchange *x)
{
	struct run *r = x->owner;
	struct proc_wait_request body = { .pid_token = r->token };
	struct answer a;

	if (take_result(r, x, &a) && a.body.proc.kind == PROC_RESULT_STARTED &&
		strlen(a.body.proc.as.started.pid_token) < sizeof(r->token)) {
		strcpy(r->token, a.body.proc.as.started.pid_token);
		ask(r, &r->wait, 1, REQUEST_PROC_WAIT, &body, wait_ended);
		r->wait.frame = wait_frame;
		r->wait.timeout_ms = WAIT_MS;
		exchange_start(&r->wait);
		if (r->options->no_stdin)
			r->in_ended = true;
		if (r->in_ended)
			send_input(r);
		else
			read_more(r);
	} else if (!r->is_done) {
		fail_with(r, "unexpected answer from the guest");
	}
	answer_free(&a);
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Parse the words before the command: -u USER, -e NAME=VALUE, -w DIRECTORY, an optional "--". */
static bool parse(const struct options *o, struct proc_start_request *body, struct field_pair *env,
	size_t *at)
{
	size_t i = 0;

	for (; i + 1 < o->name_count; i += 2) {
		char *value = o->names[i + 1], *equals = strchr(value, '=');

		if (strcmp(o->names[i], "-w") == 0) {
			body->cwd = value;
		} else if (strcmp(o->names[i], "-u") == 0) {
			body->user = value;
		} else if (strcmp(o->names[i], "-e") == 0 && equals != NULL) {
			*equals = '\0';
			env[body->env.count++] = (struct field_pair){ value, equals + 1 };
		} else {
			break;
		}
	}
	if (i < o->name_count && strcmp(o->names[i], "--") == 0)
		i++;
	*at = i;
	return i < o->name_count && o->names[i][0] == '/';
}

static bool is_shell_name(const char *name)
{
	return name[0] != '\0' && (name[0] < '0' || name[0] > '9') &&
	       name[strspn(name,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")] == '\0';
}

/* "cd 'DIR' && NAME='VALUE' exec 'PROGRAM' ...": what such an agent takes. NULL: it cannot. */
static char *shell_line(const struct proc_start_request *body)
{
	const struct field_pair *env = body->env.items;
	char *line = memory_copy("", 0);
	size_t len = 0;

	for (size_t i = 0; i < body->env.count + 2; i++) {
		bool is_first = i == 0, is_last = i == body->env.count + 1;
		char **words = is_last    ? body->argv.items
			       : is_first ? (char **)(uintptr_t)&body->cwd
					  : (char **)(uintptr_t)&env[i - 1].value;
		const char *before = is_first ? "cd " : is_last ? "exec " : env[i - 1].name;
		const char *between = is_first || is_last ? "" : "=",
			   *behind = is_first ? " && " : " ";
		char *quoted;
		size_t room;

		if (is_first && body->cwd == NULL)
			continue;
		if (!is_first && !is_last && !is_shell_name(before)) {
			free(line);
			return NULL;
		}
		quoted = shell_words_join(words, is_last ? body->argv.count : 1);
		room = strlen(before) + strlen(quoted) + 8;
		line = memory_resize(line, len + room, 1);
		len += buf_format(line + len, room, "%s%s%s%s", before, between, quoted,
			is_last ? "" : behind);
		free(quoted);
	}
	return line;
}

/* Agents of mvm 0.9 to 0.13 have Exec alone. */
static int run_by_exec(const struct options *o, const struct proc_start_request *body)
{
	struct options exec = *o;
	char *line = body->user == NULL ? shell_line(body) : NULL;
	int status = EXIT_NOT_RUN;

	if (line == NULL) {
		out_printf(stderr,
			"mvm-probe: this guest's agent has neither -u nor any name of -e; it is "
			"older than mvm 0.14\n");
		return status;
	}
	out_printf(stderr,
		"mvm-probe: this guest's agent is older than mvm 0.14: the output comes at "
		"the end\n");
	exec.command = line;
	exec.timeout_ms = o->timeout_given ? o->timeout_ms : EXEC_MS;
	status = verb_exec(&exec);
	free(line);
	return status;
}

static int run_command(struct run *r, const struct proc_start_request *body)
{
	watch_signals(r);
	r->has_user = body->user != NULL;
	ask(r, &r->start, 0, REQUEST_PROC_START, body, started);
	exchange_start(&r->start);
	while (!r->is_done)
		if (loop_run_once(&r->loop) != 0)
			return EXIT_NOT_RUN;
	return r->status;
}

static int find_and_run(struct run *r, const struct proc_start_request *body)
{
	const struct options *o = r->options;
	struct failure f;

	if (!reach_find(&r->reach, &o->targets[0], "process_rpc", ANSWER_MS, &f)) {
		output_error(&o->targets[0], &f);
		return EXIT_NOT_RUN;
	}
	if (o->targets[0].port == PROTOCOL_AGENT_PORT &&
		r->reach.target.port == PROTOCOL_AGENT_PORT)
		return run_by_exec(o, body);
	return loop_init(&r->loop) == 0 ? run_command(r, body) : EXIT_NOT_RUN;
}

int verb_run(const struct options *o)
{
	struct run *r = memory_must(calloc(1, sizeof(*r)));
	struct field_pair *env = memory_must(calloc(o->name_count + 1, sizeof(*env)));
	struct proc_start_request body = { .env.items = env,
		.timeout_secs = (o->timeout_ms + 999) / 1000,
		.has_timeout = o->timeout_given };
	int status = EXIT_USAGE;
	size_t at;

	r->options = o;
	r->in.fd = r->signals.fd = r->loop.epoll_fd = -1;
	if (parse(o, &body, env, &at)) {
		body.argv =
			(struct field_list){ .items = o->names + at, .count = o->name_count - at };
		status = find_and_run(r, &body);
	} else {
		out_printf(stderr,
			"mvm-probe: run: the command must be a program's absolute path, behind any "
			"of -u USER, -e NAME=VALUE and -w DIRECTORY\n");
	}
	exchange_free(&r->start);
	exchange_free(&r->wait);
	exchange_free(&r->input);
	exchange_free(&r->signal);
	for (int i = 0; i < 4; i++)
		free(r->requests[i]);
	if (r->loop.epoll_fd >= 0)
		loop_close(&r->loop);
	free(env);
	free(r);
	return status;
}
