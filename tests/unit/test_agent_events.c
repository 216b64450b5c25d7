/* SPDX-License-Identifier: MIT */
/* Events and Reload: the test is the host, and PID 1. */
#include "agent_process.h"
#include "agent_rig.h"

#include "protocol/messages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(agent_events, .init = process_start, .fini = process_stop, .timeout = 120);

static const char *const no_services[] = { NULL };

/* ---- PID 1 ----------------------------------------------------------------------------------- */

/* The next question for events must be this one. Returns its id. */
static uint32_t expect_question(const char *service, uint64_t position)
{
	const struct control_message *m = expect_verb(CONTROL_EVENTS);

	cr_expect_str_eq(m->name, service);
	cr_expect_eq(m->position, position, "position %lu", (unsigned long)m->position);
	return m->id;
}

static void send_message(uint32_t id, enum control_kind kind, struct control_message m)
{
	m.version = CONTROL_VERSION;
	m.kind = (uint16_t)kind;
	m.verb = CONTROL_EVENTS;
	m.id = id;
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), (ssize_t)sizeof(m));
}

/* The end of an answer. */
static void end(uint32_t id, uint64_t position, uint64_t lost)
{
	send_message(
		id, CONTROL_DONE, (struct control_message){ .position = position, .value = lost });
}

static const struct control_transition exited = { .number = 7,
	.at_ms = 4711,
	.name = "web",
	.before = "running",
	.after = "stop-sigkill",
	.cause = "exited",
	.reason = "exit code 3",
	.pid = 44,
	.exit_code = 3 };
static const struct control_transition waiting = { .number = 8,
	.at_ms = 4712,
	.name = "db",
	.before = "inactive",
	.after = "waiting",
	.cause = "start",
	.exit_code = -1 };

#define EXITED                                                                                     \
	"{\"number\":7,\"at_ms\":4711,\"service\":\"web\",\"before\":\"running\",\"after\":"       \
	"\"stop-sigkill\",\"cause\":\"exited\",\"reason\":\"exit code 3\",\"pid\":44,"             \
	"\"exit_code\":3}"
#define WAITING                                                                                    \
	"{\"number\":8,\"at_ms\":4712,\"service\":\"db\",\"before\":\"inactive\",\"after\":"       \
	"\"waiting\",\"cause\":\"start\",\"reason\":null,\"pid\":null,\"exit_code\":null}"
#define NOTHING(position) "{\"Events\":{\"events\":[],\"position\":" #position ",\"lost\":0}}"
#define ONE(event, position)                                                                       \
	"{\"Events\":{\"events\":[" event "],\"position\":" #position ",\"lost\":0}}"

static void send_one(uint32_t id, const struct control_transition *t)
{
	send_message(
		id, CONTROL_ITEM, (struct control_message){ .value = 1, .transitions = { *t } });
}

/* The agent has taken everything that was sent to it. */
static void settle(void)
{
	expect("\"Ping\"", "\"Pong\"");
}

/* The question for events from `position` of all services is answered with one event. */
static void answer_one(uint64_t position, const struct control_transition *t, uint64_t next)
{
	uint32_t id = expect_question("", position);

	send_one(id, t);
	end(id, next, 0);
}

/* ---- the host -------------------------------------------------------------------------------- */

/* Send a request to a new agent. Returns the client's socket. */
static int ask_new_agent(const char *request)
{
	start_agent_with_init(NULL, no_services);
	return send_request(request);
}

/* The request that waits for an event of any service from number 5 on. */
#define WAIT_FOR_5 "{\"Events\":{\"position\":5,\"wait_secs\":60}}"

/* Connect a client that waits: there is no such event yet. */
static int wait_for_5(void)
{
	int fd = send_request(WAIT_FOR_5);

	end(expect_question("", 5), 5, 0);
	return fd;
}

/* ---- events ---------------------------------------------------------------------------------- */

Test(agent_events, are_those_of_init)
{
	struct control_message two = { .value = 2, .transitions = { exited, waiting } };
	struct control_message one = { .value = 1, .transitions = { waiting } };
	uint32_t id;
	int fd;

	fd = ask_new_agent("{\"Events\":{}}");
	id = expect_question("", 0);
	send_message(id, CONTROL_ITEM, two);
	send_message(id, CONTROL_ITEM, one);
	end(id, 9, 6);
	expect_reply(fd, "{\"Events\":{\"events\":[" EXITED "," WAITING "," WAITING
			 "],\"position\":9,\"lost\":6}}");
	send_text(fd, "{\"Events\":{\"service\":\"web\",\"position\":9,\"wait_secs\":null}}");
	end(expect_question("web", 9), 12, 0);
	expect_reply(fd, NOTHING(12));
	send_text(fd, "{\"Events\":{\"position\":9,\"wait_secs\":0}}");
	end(expect_question("", 9), 9, 0);
	expect_reply(fd, NOTHING(9));
	/* Of another boot: the position goes back. */
	send_text(fd, "{\"Events\":{\"position\":500,\"wait_secs\":60}}");
	answer_one(500, &waiting, 9);
	expect_reply(fd, ONE(WAITING, 9));
	close(fd);
}

Test(agent_events, strings_without_an_end_and_counts_without_sense)
{
	struct control_message m = { .value = 1u << 30 };
	char *reply;
	uint32_t id;
	int fd;

	memset(m.data, 'x', sizeof(m.data));
	fd = ask_new_agent("{\"Events\":{}}");
	id = expect_question("", 0);
	send_message(id, CONTROL_ITEM, m);
	end(id, 2, 0);
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	cr_expect_eq(rig_count(reply, "\"number\""), CONTROL_TRANSITIONS_MAX);
	cr_expect_eq(rig_count(reply, "x"), CONTROL_TRANSITIONS_MAX * (63 + 3 * 15 + 95) + 4,
		"and one in each exit_code");
	free(reply);
	close(fd);
}

Test(agent_events, are_waited_for)
{
	uint32_t id;
	int fd;

	fd = ask_new_agent("{\"Events\":{\"service\":\"web\",\"position\":5,\"wait_secs\":60}}");
	end(expect_question("web", 5), 6, 0);
	settle();
	expect_no_verb();
	/* Not one of this service. */
	send_event(CONTROL_EV_TRANSITION);
	end(expect_question("web", 6), 7, 0);
	settle();
	expect_no_verb();
	send_event(CONTROL_EV_TRANSITION);
	id = expect_question("web", 7);
	send_one(id, &exited);
	end(id, 8, 0);
	expect_reply(fd, ONE(EXITED, 8));
	/* No client waits now. */
	send_event(CONTROL_EV_TRANSITION);
	settle();
	expect_no_verb();
	close(fd);
}

Test(agent_events, a_wait_ends)
{
	int fd;

	fd = ask_new_agent("{\"Events\":{\"position\":5,\"wait_secs\":1}}");
	end(expect_question("", 5), 5, 0);
	expect_reply(fd, NOTHING(5));
	/* What is lost is told at once. */
	send_text(fd, "{\"Events\":{\"position\":5,\"service\":\"web\",\"wait_secs\":60}}");
	end(expect_question("web", 5), 9, 3);
	expect_reply(fd, "{\"Events\":{\"events\":[],\"position\":9,\"lost\":3}}");
	close(fd);
}

Test(agent_events, many_wait_and_one_goes_away)
{
	int fds[10];

	start_agent_with_init(NULL, no_services);
	for (int i = 0; i < 10; i++) {
		fds[i] = wait_for_5();
	}
	/* Waiting clients do not keep others from init. */
	for (int i = 0; i < 10; i++) {
		int fd = send_request("{\"Logs\":{\"service\":\"web\"}}");

		expect_verb(CONTROL_LOGS);
		answer_done(0, "");
		expect_reply(
			fd, "{\"Logs\":{\"text\":\"\",\"position\":0,\"cut\":false,\"times\":[]}}");
		close(fd);
	}
	close(fds[3]);
	settle();
	send_event(CONTROL_EV_TRANSITION);
	for (int i = 0; i < 9; i++) /* at most six at a time are asked */
		answer_one(5, &waiting, 6);
	for (int i = 0; i < 10; i++) {
		if (i == 3)
			continue;
		expect_reply(fds[i], ONE(WAITING, 6));
		close(fds[i]);
	}
	expect_no_verb();
}

/* One that goes away while init is asked for it, too. */
Test(agent_events, a_client_that_goes_away_in_between)
{
	uint32_t id;
	int fd;

	fd = ask_new_agent(WAIT_FOR_5);
	id = expect_question("", 5);
	close(fd);
	settle();
	end(id, 5, 0);
	send_event(CONTROL_EV_TRANSITION);
	settle();
	expect_no_verb();
}

/* So many may wait; the others have their answers at once, and there are connections for all. */
Test(agent_events, too_many_do_not_wait)
{
	int fds[64], fd;

	start_agent_with_init(NULL, no_services);
	for (int i = 0; i < 64; i++) {
		fds[i] = wait_for_5();
	}
	fd = wait_for_5();
	expect_reply(fd, NOTHING(5));
	/* Those that have gone make room for others. */
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	settle();
	send_text(fd, WAIT_FOR_5);
	end(expect_question("", 5), 5, 0);
	settle();
	send_event(CONTROL_EV_TRANSITION);
	answer_one(5, &waiting, 9);
	expect_reply(fd, ONE(WAITING, 9));
	close(fd);
}

/* The agent is killed while a client waits; the next one goes on where the client was. */
Test(agent_events, an_agent_that_starts_again)
{
	char *reply;
	int fd;

	fd = ask_new_agent("{\"Events\":{\"position\":7,\"wait_secs\":60}}");
	end(expect_question("", 7), 7, 0);
	settle();
	kill(agent_pid, SIGKILL);
	cr_assert_eq(wait_for_end(), 128 + SIGKILL);
	reply = rig_receive(fd);
	cr_expect_null(reply);
	close(fd);
	fd = ask_new_agent("{\"Events\":{\"position\":7,\"wait_secs\":60}}");
	answer_one(7, &exited, 8);
	expect_reply(fd, ONE(EXITED, 8));
	close(fd);
}

/* An agent that is told to stop does not wait with its clients. */
Test(agent_events, an_agent_that_stops)
{
	int fd;

	fd = ask_new_agent("{\"Events\":{\"position\":7,\"wait_secs\":60}}");
	end(expect_question("", 7), 7, 0);
	settle();
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	close(fd);
}

Test(agent_events, without_init)
{
	start_agent(NULL);
	expect("{\"Events\":{\"wait_secs\":60}}",
		"{\"Error\":{\"message\":\"Events: no channel to init\"}}");
}

Test(agent_events, requests)
{
	static const char text[] =
		"{\"Events\":{\"service\":\"web\",\"position\":18446744073709551615,"
		"\"wait_secs\":4294967295,\"newer\":[1]}}";
	static const char *const wrong[] = { "\"Events\"", "{\"Events\":[]}",
		"{\"Events\":{\"service\":5}}", "{\"Events\":{\"position\":-1}}",
		"{\"Events\":{\"wait_secs\":4294967296}}", "{\"Events\":{\"wait_secs\":1.5}}",
		"{\"Reload\":{}}" };
	struct request r;
	struct problem p;

	cr_assert_eq(request_decode(text, strlen(text), &r, &p), 0, "%s", p.text);
	cr_expect_eq(r.kind, REQUEST_EVENTS);
	cr_expect_str_eq(r.body.events.service, "web");
	cr_expect_eq(r.body.events.position, UINT64_MAX);
	cr_expect_eq(r.body.events.wait_secs, UINT32_MAX);
	request_free(&r);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_expect_eq(request_decode(wrong[i], strlen(wrong[i]), &r, &p), -EINVAL, "%s",
			wrong[i]);
		request_free(&r);
	}
}

/* ---- reload ---------------------------------------------------------------------------------- */

static void answer_counts(void)
{
	struct control_message m = {
		.reload = { .started = 1, .stopped = 2, .restarted = 3, .unchanged = 4 }
	};

	answer_item(&m);
}

static void answer_bad(const char *text)
{
	struct control_message m = { .value = 1 };

	strcpy(m.text, text);
	answer_item(&m);
}

#define COUNTS ",\"started\":1,\"stopped\":2,\"restarted\":3,\"unchanged\":4,\"bad\":["

Test(agent_events, reload_needs_leave)
{
	start_agent_with_init(NULL, no_services);
	expect("\"Reload\"", "{\"Error\":{\"message\":\"Reload rejected: access.debug_exec not "
			     "enabled in security policy\"}}");
	expect_no_verb();
}

/* A Reload, the answers of init, and the reply. */
static const struct {
	bool has_counts;
	const char *bad[2];
	int error;
	const char *text, *reply;
} reloads[] = {
	{ true, { NULL }, 0, "", "\"success\":true,\"detail\":null" COUNTS "]" },
	{ true, { "web: /etc/web.ini:3: \"colour\"", "db: unknown user" }, 0, "",
		"\"success\":false,\"detail\":null" COUNTS
		"\"web: /etc/web.ini:3: \\\"colour\\\"\",\"db: unknown user\"]" },
	{ false, { NULL }, ESHUTDOWN, "the guest is shutting down",
		"\"success\":false,\"detail\":\"the guest is shutting down\",\"started\":null,"
		"\"stopped\":null,\"restarted\":null,\"unchanged\":null,\"bad\":[]" },
};

Test(agent_events, reload)
{
	char reply[512];
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent_with_init(NULL, no_services);
	fd = connect_client();
	for (size_t i = 0; i < sizeof(reloads) / sizeof(reloads[0]); i++) {
		send_text(fd, "\"Reload\"");
		expect_verb(CONTROL_RELOAD);
		if (reloads[i].has_counts)
			answer_counts();
		for (size_t n = 0; n < 2 && reloads[i].bad[n] != NULL; n++)
			answer_bad(reloads[i].bad[n]);
		answer_done(reloads[i].error, reloads[i].text);
		snprintf(reply, sizeof(reply), "{\"ReloadResult\":{%s}}", reloads[i].reply);
		expect_reply(fd, reply);
	}
	close(fd);
}

/* More is wrong than a frame has room for. */
Test(agent_events, reload_of_many_bad_files)
{
	struct control_message m = { .value = 1 };
	char *reply;
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	fd = ask_new_agent("\"Reload\"");
	expect_verb(CONTROL_RELOAD);
	answer_counts();
	memset(m.text, 1, sizeof(m.text)); /* six bytes each in JSON */
	for (int i = 0; i < 500; i++)
		answer_item(&m);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	cr_expect(begins_with(reply, "{\"ReloadResult\":{\"success\":false"), "%.80s", reply);
	cr_expect_gt(rig_count(reply, "\\u0001"), 20000);
	free(reply);
	close(fd);
}
