/* SPDX-License-Identifier: MIT */
/* shell: a shell in the guest, at this terminal, or at a pipe without one. */
#include "base/buf.h"
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/shell_words.h"
#include "probe/verbs/output.h"
#include "probe/verbs/raw_terminal.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/reach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 4096
#define DIALS                                                                                      \
	50 /* attempts at the data port, because mvm's agents bind it only after they answer */
#define DIAL_AGAIN_NS    (100 * 1000 * 1000)
#define CLOSE_TIMEOUT_MS 5000
#define END_OF_INPUT     "\4"
#define MARK             "\1\2" /* the output to show starts after this */
#define MARK_WAIT_MS     10000

struct shell {
	const struct options *o;
	struct reach reach;
	struct failure failure;
	uint64_t session;
	int socket, signals;
	bool is_terminal, input_ended, leaving;
	int signal; /* signal that ends this program; 0: none */
	struct escapes escapes;
	char out[4 * CHUNK]; /* input for the guest that the socket has not taken yet */
	size_t out_len;
	size_t marked; /* bytes of MARK seen; after all of them, output is shown */
	struct loop loop;
	struct exchange resize;
	bool is_resizing, resize_again;
	char *resize_request;
};

/* ---- the guest's side ------------------------------------------------------------------------ */

static bool open_session(struct shell *s, uint32_t *port)
{
	uint16_t cols, rows;
	const json_t *body;
	json_t *root;
	struct shape shape;
	uint64_t number = 0;

	raw_terminal_size(&cols, &rows);
	root = reach_ask(&s->reach, REQUEST_CONSOLE_OPEN,
		&(struct console_open){ .cols = cols, .rows = rows }, &body, &s->failure);
	if (root == NULL)
		return false;
	if (shape_open(&shape, body, message_name(ANSWER_CONSOLE_OPENED), &s->failure)) {
		shape_number(&shape, "session_id", SHAPE_REQUIRED, &s->session);
		shape_number(&shape, "data_port", SHAPE_REQUIRED, &number);
	}
	json_decref(root);
	*port = (uint32_t)number;
	return s->failure.kind == FAILURE_NONE;
}

static bool dial(struct shell *s, uint32_t port)
{
	struct timespec again = { .tv_nsec = DIAL_AGAIN_NS };
	struct exchange x;
	struct target to;

	for (int i = 0; i < DIALS; i++) {
		reach_prepare_raw(&s->reach, &x, NULL, &to, port);
		if (reach_run(&x)) {
			s->socket = x.raw_fd;
			return true;
		}
		if (x.failure.kind != FAILURE_NO_LISTENER)
			break;
		nanosleep(&again, NULL);
	}
	s->failure = x.failure;
	return false;
}

/* Get the shell's exit code, if the agent knows it. */
static int close_session(struct shell *s)
{
	int64_t code = 0;
	const json_t *body;
	json_t *root;
	struct shape shape;

	s->reach.timeout_ms = CLOSE_TIMEOUT_MS;
	root = reach_ask(&s->reach, REQUEST_CONSOLE_CLOSE,
		&(struct console_session){ .session_id = s->session }, &body, &s->failure);
	if (root == NULL) {
		if (s->failure.kind == FAILURE_ERROR_ANSWER || s->failure.kind == FAILURE_CLOSED)
			return EXIT_HEALTHY; /* mvm's agents do not keep it */
		output_error(&s->o->targets[0], &s->failure);
		return EXIT_NOT_RUN;
	}
	if (shape_open(&shape, body, message_name(ANSWER_CONSOLE_EXITED), &s->failure))
		shape_integer(&shape, "exit_code", SHAPE_REQUIRED, &code);
	json_decref(root);
	return code >= 0 && code <= 255 ? (int)code : 255;
}

/* ---- the size -------------------------------------------------------------------------------- */

static void begin_resize(struct shell *s);

static void resize_over(struct exchange *x)
{
	struct shell *s = x->owner;

	exchange_free(x);
	s->is_resizing = false;
	if (s->resize_again)
		begin_resize(s);
}

static void begin_resize(struct shell *s)
{
	struct console_resize body = { .session_id = s->session };
	uint16_t cols, rows;

	s->resize_again = s->is_resizing;
	if (s->is_resizing)
		return;
	raw_terminal_size(&cols, &rows);
	body.cols = cols;
	body.rows = rows;
	free(s->resize_request);
	s->resize_request = output_request(REQUEST_CONSOLE_RESIZE, &body);
	reach_prepare(&s->reach, &s->resize, &s->loop, s->resize_request);
	s->resize.done = resize_over;
	s->resize.owner = s;
	s->is_resizing = true;
	exchange_start(&s->resize);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void put(struct shell *s, const char *bytes, size_t len)
{
	if (len > sizeof(s->out) - s->out_len)
		len = sizeof(s->out) - s->out_len;
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

static void write_out(struct shell *s)
{
	ssize_t n = send(s->socket, s->out, s->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		s->out_len = 0; /* reading will show the end */
	if (n <= 0)
		return;
	s->out_len -= (size_t)n;
	memmove(s->out, s->out + n, s->out_len);
}

/* End the input with a character, as a terminal does; some VMMs turn a half-close into a close. */
static void take_input(struct shell *s)
{
	char bytes[CHUNK + ESCAPES_ROOM];
	ssize_t n = read(STDIN_FILENO, bytes, CHUNK);
	size_t len = n > 0 ? (size_t)n : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		s->input_ended = true;
		s->leaving = s->is_terminal; /* this side's terminal is gone */
		put(s, END_OF_INPUT, 1);
		return;
	}
	if (s->is_terminal)
		len = escapes_filter(&s->escapes, bytes, len, &s->leaving);
	put(s, bytes, len);
}

/* Output before the mark is the echo of the first line that this program sent. */
static void show(struct shell *s, const char *bytes, size_t len)
{
	static const char mark[] = MARK;

	while (len > 0 && s->marked < sizeof(mark) - 1) {
		s->marked = *bytes == mark[s->marked] ? s->marked + 1 : *bytes == mark[0];
		bytes++;
		len--;
	}
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&p, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			s->leaving = true; /* the output's reader is gone */
			return;
		}
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* False at the end of the output. */
static bool take_output(struct shell *s)
{
	char bytes[CHUNK];
	ssize_t n = recv(s->socket, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		show(s, bytes, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void stop_ourselves(struct shell *s)
{
	raw_terminal_restore();
	raise(SIGSTOP);
	if (s->is_terminal)
		raw_terminal_enter();
	begin_resize(s);
}

static void take_signal(struct shell *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		begin_resize(s);
	else if (info.ssi_signo == SIGTSTP)
		stop_ourselves(s);
	else
		s->signal = (int)info.ssi_signo;
}

/* ---- the session ----------------------------------------------------------------------------- */

/*
 * ConsoleOpen has no command, so the first line tells the shell to exec the command. Without a
 * terminal on this side, that line makes the guest's terminal pass bytes through unchanged, and the
 * shell reads a script from it as from a pipe.
 */
static void send_first_line(struct shell *s)
{
	char *words = s->o->name_count > 0 ? shell_words_join(s->o->names, s->o->name_count) : NULL;
	const char *quiet = s->is_terminal ? "" : "stty -echo -opost -isig; ";

	if (words == NULL && s->is_terminal) {
		s->marked = sizeof(MARK) - 1;
		return;
	}
	s->out_len = buf_format(s->out, sizeof(s->out), " %sprintf '\\001\\002'; exec %s\n", quiet,
		words != NULL ? words : "sh -c '. /dev/stdin'");
	if (s->out_len >= sizeof(s->out))
		s->out_len = sizeof(s->out) - 1;
	free(words);
}

static void pass(struct shell *s)
{
	bool open = true;

	while (open && !s->leaving && s->signal == 0) {
		bool reads = !s->input_ended && s->out_len == 0 && s->marked == sizeof(MARK) - 1;
		struct pollfd p[] = {
			{ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = s->socket,
				.events = (short)(POLLIN | (s->out_len > 0 ? POLLOUT : 0)) },
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->is_resizing ? s->loop.epoll_fd : -1, .events = POLLIN },
		};
		bool waits = s->marked < sizeof(MARK) - 1;
		int n = poll(p, 4, waits ? MARK_WAIT_MS : -1);

		if (n == 0 && waits)
			s->marked = sizeof(MARK) -
				    1; /* another kind of shell: it would not print the mark */
		if (n > 0 && p[2].revents != 0)
			take_signal(s);
		if (n > 0 && p[3].revents != 0)
			loop_run_once(&s->loop);
		if (n > 0 && p[0].revents != 0)
			take_input(s);
		if (s->out_len > 0)
			write_out(s);
		if (n > 0 && (p[1].revents & ~POLLOUT) != 0)
			open = take_output(s);
	}
}

static int watch_signals(void)
{
	static const int caught[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Restore the terminal before printing or waiting for anything else. */
static int run(struct shell *s)
{
	int status;

	s->signals = watch_signals();
	if (s->is_terminal)
		raw_terminal_enter();
	send_first_line(s);
	pass(s);
	raw_terminal_restore();
	close(s->socket);
	if (s->is_resizing)
		exchange_free(&s->resize);
	free(s->resize_request);
	if (s->signal != 0)
		return 128 + s->signal;
	if (s->leaving) {
		out_printf(stderr, "\nmvm-probe: left the shell, which ends\n");
		return EXIT_HEALTHY;
	}
	status = close_session(s);
	if (s->is_terminal && s->o->name_count == 0)
		out_printf(stderr, "mvm-probe: the shell of %s has ended with exit code %d\n",
			s->o->targets[0].name, status);
	return status;
}

int verb_shell(const struct options *o)
{
	struct shell *s = memory_must(calloc(1, sizeof(*s)));
	const struct target *t = &o->targets[0];
	int status = EXIT_NOT_RUN;
	uint32_t port = 0;

	s->o = o;
	s->is_terminal = raw_terminal_is_there();
	if (loop_init(&s->loop) != 0)
		failure_set(&s->failure, FAILURE_SYSTEM, "epoll: %s", problem_errno_text(errno));
	else if (reach_find(&s->reach, t, "console", o->timeout_ms, &s->failure)) {
		s->failure = (struct failure){ 0 };
		if (!s->reach.offers)
			failure_set(&s->failure, FAILURE_ERROR_ANSWER,
				"the guest allows no console: its policy or its image would have "
				"to "
				"(access.console, dev)");
		else if (open_session(s, &port) && dial(s, port))
			status = run(s);
	}
	if (status == EXIT_NOT_RUN && s->failure.kind != FAILURE_NONE && s->socket == 0)
		output_error(t, &s->failure);
	loop_close(&s->loop);
	free(s);
	return status;
}
