/* SPDX-License-Identifier: MIT */
/* Asking the host, over socket pairs: this test is the host. */
#include "agent_rig.h"

#include "agent/link/host_client.h"
#include "agent/link/host_time.h"
#include "base/clock.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const struct host_instance instance = {
	.tenant_id = "t1", .pool_id = "workers", .instance_id = "i-\"7f"
};

static int ends[2];
static char text[1024];
static struct buf out;

static void start(void)
{
	const struct timeval limit = { .tv_usec = 100000 };

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	buf_init(&out, text, sizeof(text));
}

static void stop(void)
{
	close(ends[0]);
	close(ends[1]);
}

TestSuite(agent_host_client, .init = start, .fini = stop, .timeout = 60);

/* The host's answer is there before it is asked, which is the same to the client. */
static enum host_outcome ask(enum message_kind request, const char *answer)
{
	char frame[1024];

	buf_clear(&out);
	rig_send(ends[1], frame, rig_frame(answer, frame));
	return host_ask(ends[0], request, &instance, &out);
}

static void expect_request(const char *want)
{
	char frame[1024], got[1024];
	size_t len = rig_frame(want, frame);

	cr_assert_eq(recv(ends[1], got, sizeof(got), 0), (ssize_t)len);
	cr_assert_arr_eq(got, frame, len);
}

Test(agent_host_client, waking)
{
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE,
			     "{\"WakeResult\":{\"success\":true,\"detail\":null}}"),
		HOST_YES);
	cr_expect_str_eq(text, "woken");
	expect_request("{\"WakeInstance\":{\"tenant_id\":\"t1\",\"pool_id\":\"workers\","
		       "\"instance_id\":\"i-\\\"7f\"}}");
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE,
			     "{\"WakeResult\":{\"success\":true,\"detail\":\"was awake\"}}"),
		HOST_YES);
	cr_expect_str_eq(text, "was awake");
	cr_expect_eq(
		ask(HOST_REQUEST_WAKE_INSTANCE, "{\"WakeResult\":{\"success\":false}}"), HOST_NO);
	cr_expect_str_eq(text, "not woken");
	cr_expect_eq(
		ask(HOST_REQUEST_WAKE_INSTANCE, "{\"Error\":{\"message\":\"no such instance\"}}"),
		HOST_NO);
	cr_expect_str_eq(text, "no such instance");
}

Test(agent_host_client, querying)
{
	cr_expect_eq(ask(HOST_REQUEST_QUERY_INSTANCE_STATUS,
			     "{\"InstanceStatus\":{\"status\":\"Running\","
			     "\"guest_ip\":\"10.240.1.5\"}}"),
		HOST_YES);
	cr_expect_str_eq(text, "Running 10.240.1.5");
	expect_request("{\"QueryInstanceStatus\":{\"tenant_id\":\"t1\",\"pool_id\":\"workers\","
		       "\"instance_id\":\"i-\\\"7f\"}}");
	cr_expect_eq(ask(HOST_REQUEST_QUERY_INSTANCE_STATUS,
			     "{\"InstanceStatus\":{\"status\":\"sleeping\",\"guest_ip\":null}}"),
		HOST_YES);
	cr_expect_str_eq(text, "sleeping");
}

Test(agent_host_client, answers_to_something_else)
{
	cr_expect_eq(ask(HOST_REQUEST_QUERY_INSTANCE_STATUS, "{\"WakeResult\":{\"success\":true}}"),
		HOST_NO);
	cr_expect_str_eq(text, "unexpected answer from the host");
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE, "{\"InstanceStatus\":{\"status\":\"x\"}}"),
		HOST_NO);
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE, "\"Pong\""), HOST_NO);
	cr_expect_str_eq(text, "cannot read the host's answer: line 1, column 1: unknown message "
			       "\"Pong\"");
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE, "{\"WakeResult\":{}}"), HOST_NO);
	cr_expect_eq(ask(HOST_REQUEST_WAKE_INSTANCE, ""), HOST_NO);
}

Test(agent_host_client, no_answer)
{
	buf_clear(&out);
	cr_expect_eq(
		host_ask(ends[0], HOST_REQUEST_WAKE_INSTANCE, &instance, &out), HOST_UNREACHABLE);
	cr_expect_str_eq(text, "the host does not answer: Connection timed out");
	rig_send(ends[1], "\0\0\1", 3);
	shutdown(ends[1], SHUT_WR);
	buf_clear(&out);
	cr_expect_eq(
		host_ask(ends[0], HOST_REQUEST_WAKE_INSTANCE, &instance, &out), HOST_UNREACHABLE);
	cr_expect_str_eq(text, "the host does not answer: Connection reset by peer");
	close(ends[1]);
	ends[1] = -1;
	buf_clear(&out);
	cr_expect_eq(
		host_ask(ends[0], HOST_REQUEST_WAKE_INSTANCE, &instance, &out), HOST_UNREACHABLE);
	cr_expect_str_eq(text, "the host does not answer: Broken pipe");
}

Test(agent_host_client, an_answer_that_is_too_long)
{
	rig_send(ends[1], "\0\4\0\1", 4);
	buf_clear(&out);
	cr_expect_eq(
		host_ask(ends[0], HOST_REQUEST_WAKE_INSTANCE, &instance, &out), HOST_UNREACHABLE);
	cr_expect_str_eq(text, "the host does not answer: Message too long");
}

Test(agent_host_client, names_that_are_too_long)
{
	static char name[9000];
	struct host_instance i = instance;

	memset(name, 'n', sizeof(name) - 1);
	i.pool_id = name;
	buf_clear(&out);
	cr_expect_eq(host_ask(ends[0], HOST_REQUEST_WAKE_INSTANCE, &i, &out), HOST_UNREACHABLE);
	cr_expect_not_null(strstr(text, "Argument list too long"), "%s", text);
}

/* ---- the time -------------------------------------------------------------------------------- */

static struct loop loop;
static bool has_ended, is_known;

static void time_done(struct host_time *t, bool known)
{
	(void)t;
	has_ended = true;
	is_known = known;
}

/* What comes of this answer, which the host sends in two parts. NULL: it closes. */
static void ask_time(struct host_time *t, const char *answer)
{
	char frame[2048];
	size_t len = answer != NULL ? rig_frame(answer, frame) : 0;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	has_ended = false;
	host_time_init(t, &loop, time_done);
	cr_assert_eq(host_time_ask_over(t, ends[0]), 0);
	cr_assert_eq(loop_run_once(&loop), 0);
	expect_request("\"QueryHostTime\"");
	if (len > 0) {
		rig_send(ends[1], frame, 5);
		cr_assert_eq(loop_run_once(&loop), 0);
		cr_expect_not(has_ended);
		rig_send(ends[1], frame + 5, len - 5);
	}
	shutdown(ends[1], SHUT_WR);
	while (!has_ended)
		cr_assert_eq(loop_run_once(&loop), 0);
	close(ends[1]);
}

Test(agent_host_client, the_time, .init = NULL, .fini = NULL)
{
	static const char *const unusable[] = { NULL, "{\"Error\":{\"message\":\"no\"}}",
		"{\"HostTime\":{\"unix_seconds\":1}}",
		"{\"HostTime\":{\"unix_seconds\":1,\"unix_nanos\":0,\"later\":1}}",
		"{\"HostTime\":{\"unix_seconds\":1,\"unix_nanos\":1000000000}}",
		"{\"HostTime\":{\"unix_seconds\":-1,\"unix_nanos\":0}}",
		"{\"WakeResult\":{\"success\":true,\"detail\":null}}", "\"HostTime\"" };
	struct host_time t;

	cr_assert_eq(loop_init(&loop), 0);
	ask_time(&t, "{\"HostTime\":{\"unix_seconds\":1780000000,\"unix_nanos\":5}}");
	cr_expect(is_known);
	cr_expect_geq(t.time.tv_sec, 1780000000);
	cr_expect_lt(t.time.tv_sec, 1780000060);
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
		ask_time(&t, unusable[i]);
		cr_expect_not(is_known, "%s", unusable[i]);
	}
	loop_close(&loop);
}

/* A host that takes the question and says nothing is given up after a second, and not before. */
Test(agent_host_client, a_silent_host, .init = NULL, .fini = NULL)
{
	struct host_time t;
	uint64_t started;

	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	has_ended = false;
	started = clock_ms();
	host_time_init(&t, &loop, time_done);
	cr_assert_eq(host_time_ask_over(&t, ends[0]), 0);
	while (!has_ended)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_not(is_known);
	cr_expect_geq(clock_ms() - started, HOST_TIME_MS);
	close(ends[1]);
	loop_close(&loop);
}
