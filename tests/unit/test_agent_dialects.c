/* SPDX-License-Identifier: MIT */
/* Hosts of three generations, each on its port: what is answered to whom, by the whole agent. */
#include "agent_process.h"
#include "agent_rig.h"

#include "protocol/frame.h"
#include "protocol/messages.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELLO(capabilities)                                                                        \
	"{\"ProtocolHello\":{\"host_protocol_version\":1,\"min_supported_version\":1,"             \
	"\"host_version\":\"0.14.0\",\"requested_capabilities\":[" capabilities "]}}"
#define ACK(capabilities)                                                                          \
	"{\"ProtocolHelloAck\":{\"agent_protocol_version\":1,\"min_supported_version\":1,"         \
	"\"agent_version\":\"" PROGRAM_VERSION "\",\"capabilities\":[" capabilities "]}}"
#define ERROR(text) "{\"Error\":{\"message\":\"" text "\"}}"

static int client;

static void start(void)
{
	process_start();
	start_agent(NULL);
	client = connect_later_client();
}

static void stop(void)
{
	close(client);
	process_stop();
}

TestSuite(agent_dialects, .init = start, .fini = stop, .timeout = 120);

static void expect_on(int fd, const char *request, const char *want)
{
	send_text(fd, request);
	expect_reply(fd, want);
}

Test(agent_dialects, hello_may_come_any_number_of_times)
{
	expect_on(client, "\"Ping\"", "\"Pong\"");
	expect_on(client, HELLO("\"ping\""), ACK("\"ping\""));
	expect_on(client, "\"Ping\"", "\"Pong\"");
	expect_on(client, HELLO(""), ACK(""));
	expect_on(client, HELLO("\"readiness\",\"ping\""), ACK("\"readiness\",\"ping\""));
	expect_on(client, "\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
}

Test(agent_dialects, capabilities_are_named_truthfully)
{
	/* Without a policy nothing is allowed, and there is no such thing as the second. */
	expect_on(client, HELLO("\"filesystem_rpc\",\"teleport\",\"update_idle_timeout\""),
		ACK("\"update_idle_timeout\""));
}

Test(agent_dialects, versions_without_overlap)
{
	static const struct {
		unsigned int version, least;
		const char *action, *message;
	} rows[] = {
		{ 3, 2, "rebuild_guest", "the host needs a later protocol than this guest's" },
		{ 0, 0, "upgrade_host", "the host's protocol is older than this guest's" },
	};
	char hello[256], want[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(hello, sizeof(hello),
			"{\"ProtocolHello\":{\"host_protocol_version\":%u,"
			"\"min_supported_version\":%u,\"host_version\":\"9\","
			"\"requested_capabilities\":[]}}",
			rows[i].version, rows[i].least);
		snprintf(want, sizeof(want),
			"{\"ProtocolMismatch\":{\"host_protocol_version\":%u,"
			"\"agent_protocol_version\":1,\"required_action\":\"%s\","
			"\"message\":\"%s\"}}",
			rows[i].version, rows[i].action, rows[i].message);
		expect_on(client, hello, want);
	}
	/* One more hello is heard, and until then nothing newer is sent. */
	expect_on(client, "\"ReadinessStatus\"",
		ERROR("ReadinessStatus requires ProtocolHello first on the same connection"));
	expect_on(client, HELLO(""), ACK(""));
}

/* What 0.13 cannot decode is never sent to it. */
Test(agent_dialects, the_old_port_has_only_what_old_hosts_know)
{
	int old = connect_client();

	for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++) {
		struct answer answer;
		struct problem p;
		char *reply;

		if (kind == REQUEST_WAKE || kind == REQUEST_POST_RESTORE ||
			kind == REQUEST_SLEEP_PREP ||
			!(messages[kind].dialects & (DIALECT_V1 | DIALECT_HEAD)))
			continue;
		send_text(old, messages[kind].example);
		reply = rig_receive(old);
		cr_assert_not_null(reply, "%s", message_name(kind));
		cr_assert_eq(answer_decode(reply, strlen(reply), &answer, &p), 0, "%s: %s", reply,
			p.text);
		cr_expect(messages[answer.kind].dialects & DIALECT_V13, "%s", reply);
		answer_free(&answer);
		free(reply);
	}
	close(old);
}

/* All that is not there yet, or not allowed, is refused in words that the host shows. */
Test(agent_dialects, every_request_has_an_answer_that_its_host_decodes)
{
	for (int has_hello = 0; has_hello < 2; has_hello++) {
		unsigned int dialect = has_hello ? DIALECT_HEAD : DIALECT_V1;

		if (has_hello)
			expect_on(client, HELLO(""), ACK(""));
		for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++) {
			struct answer answer;
			struct problem p;
			char *reply;

			if (kind == REQUEST_WAKE || kind == REQUEST_POST_RESTORE ||
				kind == REQUEST_SLEEP_PREP || kind == REQUEST_PROTOCOL_HELLO ||
				!(messages[kind].dialects & (DIALECT_V1 | DIALECT_HEAD)))
				continue;
			send_text(client, messages[kind].example);
			reply = rig_receive(client);
			cr_assert_not_null(reply, "%s", message_name(kind));
			cr_assert_eq(answer_decode(reply, strlen(reply), &answer, &p), 0, "%s: %s",
				reply, p.text);
			cr_expect(messages[answer.kind].dialects & dialect, "%s", reply);
			cr_expect(answer.kind == ANSWER_ERROR ||
					  answer.kind == messages[kind].answers[0],
				"%s: %s", message_name(kind), reply);
			answer_free(&answer);
			free(reply);
		}
	}
}

Test(agent_dialects, refusals_are_in_the_terms_of_the_request)
{
	expect_on(client, messages[REQUEST_FS_LIST].example,
		"{\"FsResult\":{\"Error\":{\"kind\":\"PolicyDenied\",\"message\":\"FsList "
		"rejected: "
		"access.debug_exec not enabled in security policy\"}}}");
	expect_on(client, messages[REQUEST_PROC_LIST].example,
		"{\"ProcResult\":{\"Error\":{\"kind\":\"UnsupportedInProduction\",\"message\":"
		"\"ProcList rejected: access.debug_exec not enabled in security policy\"}}}");
	expect_on(client, messages[REQUEST_CONSOLE_OPEN].example,
		ERROR("console rejected: access.console not enabled in security policy"));
	expect_on(client, messages[REQUEST_MOUNT_VOLUME].example,
		"{\"VolumeMountResult\":{\"Error\":{\"kind\":\"Other\",\"message\":\"MountVolume "
		"is "
		"not supported by this guest's agent\"}}}");
}

Test(agent_dialects, a_sealed_profile_is_named_after_a_hello)
{
	rig_file("security-policy.json",
		"{\"profile\":\"sealed-prod\",\"access\":{\"debug_exec\":true}}");
	expect_on(client, messages[REQUEST_EXEC].example,
		ERROR("exec rejected: access.debug_exec not enabled in security policy"));
	expect_on(client, HELLO(""), ACK(""));
	expect_on(client, messages[REQUEST_EXEC].example,
		"{\"UnsupportedInProfile\":{\"profile\":\"sealed-prod\",\"verb\":\"Exec\"}}");
	expect_on(client, messages[REQUEST_FS_LIST].example,
		"{\"FsResult\":{\"Error\":{\"kind\":\"PolicyDenied\",\"message\":\"FsList "
		"rejected: "
		"access.debug_exec not enabled in security policy\"}}}");
}

Test(agent_dialects, small_answers)
{
	char *reply;

	expect_on(client, "{\"UpdateIdleTimeout\":{\"secs\":60}}",
		"{\"UpdateIdleTimeoutAck\":{\"previous_secs\":0,\"applied_secs\":0}}");
	send_text(client, "\"EntrypointStatus\"");
	reply = rig_receive(client);
	cr_expect_not_null(
		strstr(reply, "{\"EntrypointStatusReport\":{\"ok\":false,\"path\":null,"), "%s",
		reply);
	free(reply);
	expect_on(client, HELLO(""), ACK(""));
	send_text(client, "\"ReadinessStatus\"");
	reply = rig_receive(client);
	cr_expect_not_null(strstr(reply, "{\"ReadinessStatusReport\":{\"control_plane\":\"ready\","
					 "\"entrypoint\":\"disabled\",\"warm_pool\":\"disabled\","
					 "\"integrations\":\"disabled\",\"probes\":\"disabled\","
					 "\"volumes\":\"disabled\",\"profile\":\"sealed-prod\","
					 "\"boot_millis\":{\"agent_started_ms\":0,"),
		"%s", reply);
	free(reply);
}

/* ---- large requests -------------------------------------------------------------------------- */

/* A frame with a request `start`, a number array of `count` bytes, and `end`. */
static void send_large(int fd, const char *start, size_t count, const char *end)
{
	size_t len = strlen(start) + 4 * count + strlen(end);
	char *frame = malloc(4 + len + 1), *at = frame + 4;

	protocol_header_encode((uint32_t)len, (unsigned char *)frame);
	at = stpcpy(at, start);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, i + 1 < count ? "255," : "255 ");
	stpcpy(at, end);
	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0); /* the agent takes it while this waits */
	rig_send(fd, frame, 4 + len);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	free(frame);
}

Test(agent_dialects, large_requests_are_for_those_that_carry_bytes)
{
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	send_large(client, "{\"RunEntrypoint\":{\"timeout_secs\":1,\"stdin\":[", 200000, "]}}");
	char *reply = rig_receive(client);
	cr_expect(begins_with(
			  reply, "{\"EntrypointEvent\":{\"Error\":{\"kind\":\"EntrypointInvalid\""),
		"%s", reply);
	free(reply);
	expect_on(client, "\"Ping\"", "\"Pong\"");
	send_large(client, "{\"Exec\":{\"command\":[", 100000, "]}}");
	expect_reply(client, ERROR("a frame of 400023 bytes is too long; the limit is 262144"));
}
