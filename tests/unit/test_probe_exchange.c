/* SPDX-License-Identifier: MIT */
/* Exchanges with agents of every kind, in virtual time, on one loop with them. */
#include "fake_agent.h"
#include "virtual_time.h"

#include "probe/wire/exchange.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

static char directory[] = "/tmp/test-exchange-XXXXXX", path[64];
static struct loop loop;
static struct fake_agent agent;
static struct target target;
static unsigned int done_count;

static const struct fake_answer pong[] = { { "\"Ping\"", "\"Pong\"", 0 }, { 0 } };

static void set_up(void)
{
	struct problem p;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/v.sock", directory);
	cr_assert_eq(loop_init(&loop), 0);
	virtual_time_start(loop.epoll_fd);
	cr_assert_eq(target_parse(&target, path, 52, &p), 0);
}

static void clean_up(void)
{
	char command[64];

	loop_close(&loop);
	target_free(&target);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(probe_exchange, .init = set_up, .fini = clean_up, .timeout = 60);

static void done(struct exchange *x)
{
	(void)x;
	done_count++;
}

static struct exchange new_exchange(const char *request)
{
	return (struct exchange){ .loop = &loop,
		.target = &target,
		.request = request,
		.request_len = strlen(request),
		.timeout_ms = TIMEOUT_MS,
		.done = done };
}

static void run(struct exchange *x)
{
	unsigned int before = done_count;

	exchange_start(x);
	cr_assert_eq(done_count, before, "never from within the start");
	for (int i = 0; done_count == before; i++) {
		cr_assert_lt(i, 3000000, "the exchange does not end");
		cr_assert_eq(loop_run_once(&loop), 0);
	}
	cr_assert_eq(done_count, before + 1);
	cr_assert_eq(x->io.fd, -1);
	cr_assert_not(x->timer.set);
}

/* Ask "Ping" of an agent with this script. */
static struct exchange ask(const struct fake_script *script)
{
	struct exchange x = new_exchange("\"Ping\"");

	fake_agent_start(&agent, &loop, path, script);
	run(&x);
	fake_agent_stop(&agent);
	while (agent.open > 0) /* let it see our end of the connection */
		cr_assert_eq(loop_run_once(&loop), 0);
	return x;
}

static void expect_failure(struct exchange *x, enum failure_kind kind, const char *part)
{
	cr_assert_eq(x->failure.kind, kind, "%s, not %s: %s", failure_name(x->failure.kind),
		failure_name(kind), x->failure.text);
	cr_assert_not_null(strstr(x->failure.text, part), "%s", x->failure.text);
	exchange_free(x);
}

static void expect_pong(struct exchange *x)
{
	cr_assert_eq(x->failure.kind, FAILURE_NONE, "%s", x->failure.text);
	cr_assert_eq(x->body_len, 6);
	cr_assert_str_eq(x->body, "\"Pong\"");
	exchange_free(x);
}

/* ---- agents as they should be ---------------------------------------------------------------- */

Test(probe_exchange, asks_and_hears)
{
	struct fake_script script = { .answers = pong };
	struct exchange x = ask(&script);

	expect_pong(&x);
	cr_assert_str_eq(agent.last_connect, "CONNECT 52\n");
	cr_assert_str_eq(agent.last_request, "\"Ping\"");
	cr_assert_eq(agent.last_request_len, 6);
	cr_assert_eq(agent.connections, 1);
}

Test(probe_exchange, another_port)
{
	struct fake_script script = { .answers = pong };
	struct exchange x;

	target.port = 4294967294u;
	x = ask(&script);
	expect_pong(&x);
	cr_assert_str_eq(agent.last_connect, "CONNECT 4294967294\n");
}

Test(probe_exchange, a_byte_at_a_time_within_the_deadline)
{
	struct fake_script script = { .answers = pong, .piece = 1, .pause_ms = 100 };
	struct exchange x = ask(&script);

	cr_assert_eq(x.elapsed_us, (14 + 10) * 100 * 1000, "each byte of OK line and frame");
	expect_pong(&x);
}

/* A reader that buffers would take the answer's first bytes for a part of the OK line. */
Test(probe_exchange, bytes_behind_the_ok_line_are_not_lost)
{
	struct fake_script script = { .answers = (struct fake_answer[]){ { NULL, "\"Pong\"", 0 },
					      { 0 } },
		.ok_with_answer = true };
	struct exchange x = ask(&script);

	expect_pong(&x);
}

static char *filled(size_t len)
{
	char *text = malloc(len + 1);

	memset(text, 'a', len);
	text[0] = text[len - 1] = '"';
	text[len] = '\0';
	return text;
}

Test(probe_exchange, the_largest_frames_in_both_directions)
{
	char *large = filled(PROTOCOL_BODY_MAX);
	struct fake_answer answers[] = { { NULL, large, PROTOCOL_BODY_MAX }, { 0 } };
	struct fake_script script = { .answers = answers };
	struct exchange x = new_exchange(large);

	fake_agent_start(&agent, &loop, path, &script);
	run(&x);
	cr_assert_eq(x.failure.kind, FAILURE_NONE, "%s", x.failure.text);
	cr_assert_eq(x.body_len, PROTOCOL_BODY_MAX);
	cr_assert_str_eq(x.body, large);
	cr_assert_str_eq(agent.last_request, large);
	exchange_free(&x);
	fake_agent_stop(&agent);
	free(large);
}

Test(probe_exchange, an_empty_frame_is_an_answer)
{
	struct fake_answer empty[] = { { NULL, "\0\0\0\0", 4 }, { 0 } };
	struct fake_script script = { .answers = empty, .raw = true };
	struct exchange x = ask(&script);

	cr_assert_eq(x.failure.kind, FAILURE_NONE);
	cr_assert_eq(x.body_len, 0);
	cr_assert_str_empty(x.body);
	exchange_free(&x);
}

/* An agent may refuse what it has not read to its end, and close. */
Test(probe_exchange, an_answer_before_the_request_is_sent_still_counts)
{
	char *large = filled(PROTOCOL_BODY_MAX);
	struct fake_script script = { .ok = FAKE_OK,
		.ok_with_answer = true,
		.answers = (struct fake_answer[]){ { NULL, "\"Pong\"", 0 }, { 0 } },
		.stop_after = strlen(FAKE_OK) + 10 };
	struct exchange x = new_exchange(large);

	fake_agent_start(&agent, &loop, path, &script);
	run(&x);
	expect_pong(&x);
	fake_agent_stop(&agent);
	free(large);
}

/* ---- streams --------------------------------------------------------------------------------- */

static unsigned int frames;

static bool count_frame(struct exchange *x)
{
	char want[8];

	snprintf(want, sizeof(want), "f%u", ++frames);
	cr_assert_str_eq(x->body, want);
	return frames < 3;
}

Test(probe_exchange, a_stream_goes_on_past_the_deadline_until_it_is_enough)
{
	static const char bytes[] = "\0\0\0\2f1\0\0\0\2f2\0\0\0\2f3\0\0\0\2f4";
	struct fake_answer answers[] = { { NULL, bytes, sizeof(bytes) - 1 }, { 0 } };
	struct fake_script script = {
		.answers = answers, .raw = true, .piece = 6, .pause_ms = 7000
	};
	struct exchange x = new_exchange("\"Logs\"");

	x.frame = count_frame;
	x.timeout_ms = 5 * 7000;
	fake_agent_start(&agent, &loop, path, &script);
	run(&x);
	cr_assert_eq(x.failure.kind, FAILURE_NONE, "%s", x.failure.text);
	cr_assert_eq(frames, 3);
	cr_assert_gt(virtual_time_ms(), 5 * 7000);
	exchange_free(&x);
	fake_agent_stop(&agent);
}

Test(probe_exchange, frames_that_come_together_are_told_apart)
{
	static const char bytes[] = "\0\0\0\2f1\0\0\0\2f2\0\0\0\2f3";
	struct fake_answer answers[] = { { NULL, bytes, sizeof(bytes) - 1 }, { 0 } };
	struct fake_script script = { .answers = answers, .raw = true };
	struct exchange x = new_exchange("\"Logs\"");

	x.frame = count_frame;
	fake_agent_start(&agent, &loop, path, &script);
	run(&x);
	cr_assert_eq(x.failure.kind, FAILURE_NONE, "%s", x.failure.text);
	cr_assert_eq(frames, 3);
	exchange_free(&x);
	fake_agent_stop(&agent);
}

/* ---- agents that close ----------------------------------------------------------------------- */

/* Wherever the connection ends, that is said, and never taken for an answer. */
Test(probe_exchange, closed_after_each_byte)
{
	const size_t ok = strlen(FAKE_OK), all = ok + 4 + 6;

	for (size_t n = 1; n <= all; n++) {
		struct fake_script script = { .answers = pong, .stop_after = n };
		struct exchange x = ask(&script);

		if (n < ok)
			expect_failure(&x, FAILURE_HANDSHAKE, "in the middle of the OK line");
		else if (n == ok)
			expect_failure(&x, FAILURE_CLOSED, "closed without an answer");
		else if (n < ok + 4)
			expect_failure(&x, FAILURE_CLOSED, "middle of the answer's length");
		else if (n < all)
			expect_failure(&x, FAILURE_CLOSED, "of 6 bytes came");
		else
			expect_pong(&x);
	}
}

Test(probe_exchange, closed_without_ok)
{
	struct fake_script script = { .refuse = 1 };
	struct exchange x;

	x = ask(&script);
	expect_failure(&x, FAILURE_NO_LISTENER, "nothing listens on port 52 in the guest");
}

/* ---- agents that are slow -------------------------------------------------------------------- */

/* Wherever it hangs, the deadline is the same, and the message names the step. */
Test(probe_exchange, hanging_after_each_byte)
{
	const size_t ok = strlen(FAKE_OK), all = ok + 4 + 6;

	for (size_t n = 1; n < all; n++) {
		struct fake_script script = { .answers = pong, .stop_after = n, .hang = true };
		uint64_t before = virtual_time_ms();
		struct exchange x = ask(&script);

		cr_assert_eq(virtual_time_ms() - before, TIMEOUT_MS);
		if (n < ok)
			expect_failure(&x, FAILURE_TIMEOUT, "10 s while waiting for the VMM's OK");
		else if (n < ok + 4)
			expect_failure(&x, FAILURE_TIMEOUT, "while waiting for the answer");
		else
			expect_failure(&x, FAILURE_TIMEOUT, "of 6 bytes came");
	}
}

Test(probe_exchange, trickling_gains_no_time)
{
	struct fake_script script = { .answers = pong, .piece = 1, .pause_ms = 900 };
	struct exchange x = ask(&script);

	cr_assert_eq(x.elapsed_us, TIMEOUT_MS * 1000);
	expect_failure(&x, FAILURE_TIMEOUT, "VMM's OK");
	script.pause_ms = 600;
	x = ask(&script);
	cr_assert_eq(x.elapsed_us, TIMEOUT_MS * 1000);
	expect_failure(&x, FAILURE_TIMEOUT, "while waiting for the answer");
	script.pause_ms = 500;
	x = ask(&script);
	expect_failure(&x, FAILURE_TIMEOUT, "of 6 bytes came");
}

Test(probe_exchange, a_vmm_that_says_nothing)
{
	struct fake_script script = { .ignore_connect = true };
	struct exchange x = ask(&script);

	expect_failure(&x, FAILURE_TIMEOUT, "paused, or still booting");
}

Test(probe_exchange, an_agent_that_does_not_read)
{
	char *large = filled(PROTOCOL_BODY_MAX);
	struct fake_script script = { .ignore_requests = true };
	struct exchange x = new_exchange(large);

	x.timeout_ms = 1500;
	fake_agent_start(&agent, &loop, path, &script);
	run(&x);
	expect_failure(&x, FAILURE_TIMEOUT, "1.500 s while sending the request");
	fake_agent_stop(&agent);
	free(large);
}

/* A listener with a full queue makes connect(2) fail with EAGAIN, which poll cannot wait for. */
Test(probe_exchange, a_queue_that_is_full)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), filling[2];
	struct exchange x = new_exchange("\"Ping\"");

	strcpy(address.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 0), 0);
	for (int i = 0; i < 2; i++)
		target_connect(&target, &filling[i]);
	run(&x);
	cr_assert_eq(virtual_time_ms(), TIMEOUT_MS);
	expect_failure(&x, FAILURE_TIMEOUT, "while connecting");
	close(fd);
}

/* ---- what is no agent ------------------------------------------------------------------------ */

Test(probe_exchange, wrong_ok_lines_are_quoted_safely)
{
	static const struct {
		const char *line, *quoted;
	} cases[] = {
		{ "ERROR no\n", "got 'ERROR no'" },
		{ "ok 1\n", "got 'ok 1'" },
		{ "OK\n", "got 'OK'" },
		{ "OK \n", "got 'OK '" },
		{ "OK52\n", "got 'OK52'" },
		{ "\n", "got ''" },
		{ "\033[2J\r\xc2\x9b\xff\n", "got '\\x1b[2J\\r\\u{9b}\\xff'" },
		{ "HTTP/1.1 400 Bad Request: this is no server for such requests, is it now?",
			"'HTTP" },
		{ "OK 1111111111111111111111111111111111111111111111111111111111111",
			"does not end" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_script script = { .ok = cases[i].line, .hang = true };
		struct exchange x = ask(&script);

		expect_failure(&x, FAILURE_HANDSHAKE, cases[i].quoted);
		cr_assert_eq(agent.requests, 0, "nothing is asked of what is no VMM");
	}
}

Test(probe_exchange, frames_above_the_limit)
{
	static const struct {
		const char *header, *text;
	} cases[] = {
		{ "\x00\x04\x00\x01", "claims 262145 bytes" },
		{ "\xff\xff\xff\xff", "claims 4294967295 bytes" },
		{ "HTTP", "claims 1213486160 bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_answer answers[] = { { NULL, cases[i].header, 4 }, { 0 } };
		struct fake_script script = { .answers = answers, .raw = true, .stay = true };
		struct exchange x = ask(&script);

		cr_assert_eq(x.body_size, 0, "no memory is taken for it");
		expect_failure(&x, FAILURE_TOO_LARGE, cases[i].text);
	}
}

Test(probe_exchange, a_large_claim_takes_no_memory_by_itself)
{
	struct fake_answer answers[] = { { NULL, "\x00\x04\x00\x00 ", 5 }, { 0 } };
	struct fake_script script = { .answers = answers, .raw = true, .stay = true };
	struct exchange x = ask(&script);

	cr_assert_leq(x.body_size, 4096);
	expect_failure(&x, FAILURE_TIMEOUT, "1 of 262144 bytes came");
}

/* ---- what is not there ----------------------------------------------------------------------- */

static void expect_no_connection(enum failure_kind kind, const char *part)
{
	struct exchange x = new_exchange("\"Ping\"");

	run(&x);
	cr_assert_eq(virtual_time_ms(), 0, "it is said at once");
	expect_failure(&x, kind, part);
}

Test(probe_exchange, no_socket)
{
	expect_no_connection(FAILURE_NO_SOCKET, "is the VM running?");
	free(target.path);
	target.path = strdup("/dev/null/v.sock");
	expect_no_connection(FAILURE_NO_SOCKET, "is the VM running?");
	free(target.path);
	target.path =
		strdup("/nonexistent/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"
		       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/v.sock");
	expect_no_connection(FAILURE_NO_SOCKET, "is the VM running?");
}

Test(probe_exchange, not_a_socket)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	expect_no_connection(FAILURE_NOT_SOCKET, "not a socket");
}

static int bound_socket(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

Test(probe_exchange, a_socket_of_another_type)
{
	int fd = bound_socket(SOCK_DGRAM);

	expect_no_connection(FAILURE_NOT_SOCKET, "not a stream socket");
	close(fd);
}

Test(probe_exchange, nobody_listens)
{
	int fd = bound_socket(SOCK_STREAM);

	expect_no_connection(FAILURE_REFUSED, "no VMM listens");
	close(fd);
	expect_no_connection(FAILURE_REFUSED, "no VMM listens");
}

Test(probe_exchange, no_permission)
{
	int fd = bound_socket(SOCK_STREAM);

	if (geteuid() != 0)
		cr_skip_test("only root can leave its privileges for a while");
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(chmod(directory, 0755), 0);
	cr_assert_eq(seteuid(4711), 0);
	expect_no_connection(FAILURE_DENIED, "belongs to uid 0, gid 0, mode 0600");
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chmod(directory, 0700), 0);
	cr_assert_eq(seteuid(4711), 0);
	expect_no_connection(FAILURE_DENIED, "a directory above it");
	cr_assert_eq(seteuid(0), 0);
	close(fd);
}

/* A socket's address holds 107 bytes; a path in a home directory easily has more. */
Test(probe_exchange, long_paths)
{
	struct fake_script script = { .answers = pong };
	char part[64], deep[400];
	struct exchange x = new_exchange("\"Ping\"");

	memset(part, 'd', 60);
	part[60] = '\0';
	snprintf(deep, sizeof(deep), "%s/%s", directory, part);
	cr_assert_eq(mkdir(deep, 0700), 0);
	snprintf(deep, sizeof(deep), "%s/%s/%s", directory, part, part);
	cr_assert_eq(mkdir(deep, 0700), 0);
	fake_agent_start(&agent, &loop, path, &script);
	strcat(deep, "/v.sock");
	cr_assert_eq(rename(path, deep), 0);
	free(target.path);
	target.path = strdup(deep);
	run(&x);
	expect_pong(&x);
	fake_agent_stop(&agent);
}

Test(probe_exchange, freed_while_it_runs)
{
	struct fake_script script = { .ignore_connect = true };
	struct exchange x = new_exchange("\"Ping\"");
	unsigned int before = done_count;

	fake_agent_start(&agent, &loop, path, &script);
	exchange_start(&x);
	while (x.step != EXCHANGE_READING_OK)
		cr_assert_eq(loop_run_once(&loop), 0);
	exchange_free(&x);
	exchange_free(&x);
	cr_assert_null(loop.timers);
	cr_assert_eq(done_count, before);
	fake_agent_stop(&agent);
}
