/* SPDX-License-Identifier: MIT */
/* The verbs about the inside of a guest: services, logs, boot, hello, restart, shutdown.
 */
#include "probe_rig.h"

#include "probe/show/format.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(probe_guest, .init = probe_rig_set_up, .fini = probe_rig_clean_up, .timeout = 120);

/* ---- services -------------------------------------------------------------------------------- */

#define WEB PROBE_RIG_WEB
#define DB  PROBE_RIG_DB

Test(probe_guest, services)
{
	probe_rig_say("{\"Services\":{\"services\":[" WEB "]}}");
	EXPECT(0,
		"SERVICE  STATE    FOR     PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU    TASKS  "
		"DETAIL\n"
		"web      running  12.3 s  101  900  0         -          1.5M    1m 1s  3\n",
		"", "services", "v.sock");
	probe_rig_say("{\"Services\":{\"services\":[" WEB "," DB "]}}");
	EXPECT(1,
		"SERVICE  STATE         FOR      PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU    "
		"TASKS  "
		"DETAIL\n"
		"web      running       12.3 s   101  900  0         -          1.5M    1m 1s  3\n"
		"d\\x1bb   auto-restart  0.200 s  -    901  7         127        -       -      -  "
		"    "
		"exec: ENOENT\\n; starts in 25.6 s\n",
		"", "services", "v.sock");
	probe_rig_say(
		"{\"Services\":{\"services\":[{\"name\":\"a\",\"state\":\"failed\"}," WEB "]}}");
	EXPECT(1,
		"SERVICE  STATE    FOR     PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU    TASKS  "
		"DETAIL\n"
		"a        failed   -       -    -    -         -          -       -      -\n"
		"web      running  12.3 s  101  900  0         -          1.5M    1m 1s  3\n",
		"", "services", "v.sock");
	probe_rig_say("{\"Services\":{\"services\":[]}}");
	EXPECT(3,
		"v.sock:\n"
		"  SERVICE  STATE  FOR  PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU  TASKS  "
		"DETAIL\n",
		"mvm-probe: w.sock: closed without OK: nothing listens on port 52 in the guest; "
		"does "
		"its agent run?\n",
		"services", "v.sock", "w.sock");
	probe_rig_say("{\"Hello\":{\"protocol\":1,\"agent\":\"a\",\"requests\":[]}}");
	EXPECT(3, "VM        v.sock\nAGENT     a\nINIT      -\nPROTOCOL  1\nREQUESTS\n",
		"mvm-probe: x.sock: no such socket: is the VM running?\n", "hello", "x.sock",
		"v.sock");
}

Test(probe_guest, services_as_json)
{
	struct program_result r;
	json_t *object, *services, *want;

	probe_rig_say("{\"Services\":{\"services\":[" WEB "," DB "]}}");
	PROGRAM_RUN(&r, NULL, PROGRAM, "services", "--json", "v.sock");
	cr_assert_eq(r.status, 1);
	object = json_loads(r.out, 0, NULL);
	services = json_object_get(object, "services");
	want = json_loads("[" WEB "," DB "]", 0, NULL);
	cr_assert(json_equal(services, want), "all that the agent says, newer members too: %s",
		r.out);
	cr_assert(json_is_null(json_object_get(object, "error")));
	json_decref(want);
	json_decref(object);
	program_free(&r);
}

static void expect_undecodable(const char *verb, const char *answer, const char *part)
{
	struct program_result r;

	probe_rig_say(answer);
	PROGRAM_RUN(&r, NULL, PROGRAM, verb, "v.sock");
	cr_expect_eq(r.status, 3, "%s: exit status %d", answer, r.status);
	cr_expect_not_null(strstr(r.err, part), "%s: %s", answer, r.err);
	program_free(&r);
}

Test(probe_guest, answers_of_the_wrong_shape)
{
	expect_undecodable("services", "{\"Services\":{}}", "Services.services: is missing");
	expect_undecodable(
		"services", "{\"Services\":{\"services\":[{}]}}", "services[0].name: is missing");
	expect_undecodable("services",
		"{\"Services\":{\"services\":[{\"name\":\"a\",\"pid\":-1}]}}",
		"services[0].pid: is negative");
	expect_undecodable("services",
		"{\"Services\":{\"services\":[" WEB ",{\"name\":\"a\",\"state\":5}]}}",
		"services[1].state: is not a string");
	expect_undecodable("boot", "{\"BootTimeline\":{}}", "stages: is missing");
	expect_undecodable("boot", "{\"BootTimeline\":{\"stages\":[{\"name\":\"a\"}]}}",
		"stages[0].success: is missing");
	expect_undecodable("hello", "{\"Hello\":{\"agent\":\"1\",\"requests\":[]}}",
		"Hello.protocol: is missing");
	expect_undecodable("hello", "{\"Hello\":{\"protocol\":1,\"agent\":\"1\",\"requests\":[1]}}",
		"requests[0]: not a string");
	expect_undecodable("metrics", "{\"Metrics\":[]}", "Metrics: not an object");
	expect_undecodable("metrics", "{\"Metrics\":{\"guest\":{\"tasks\":\"7\"}}}",
		"Metrics.guest.tasks: is not a whole number");
	expect_undecodable("metrics", "{\"Metrics\":{\"services\":{}}}", "is not an array");
}

/* ---- boot and hello -------------------------------------------------------------------------- */

Test(probe_guest, boot)
{
	static const char good[] = "{\"name\":\"mounts\",\"start_us\":400000,\"duration_us\":1250,"
				   "\"success\":true,\"detail\":null}";
	static const char bad[] =
		"{\"name\":\"eth\\u001b0\",\"start_us\":401250,\"duration_us\":30,"
		"\"success\":false,\"detail\":\"No such device\"}";
	char answer[512];

	snprintf(answer, sizeof(answer),
		"{\"BootTimeline\":{\"stages\":[%s],\"all_healthy_us\":2500000}}", good);
	probe_rig_say(answer);
	EXPECT(0,
		"STAGE                AT MS     TOOK MS  RESULT  DETAIL\n"
		"mounts               400.000   1.250    done\n"
		"every check healthy  2500.000\n",
		"", "boot", "v.sock");
	EXPECT(0,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"stages\": [\n"
		"    {\n"
		"      \"name\": \"mounts\",\n"
		"      \"start_us\": 400000,\n"
		"      \"duration_us\": 1250,\n"
		"      \"success\": true,\n"
		"      \"detail\": null\n"
		"    }\n"
		"  ],\n"
		"  \"all_healthy_us\": 2500000,\n"
		"  \"error\": null\n"
		"}\n",
		"", "boot", "--json", "v.sock");
	snprintf(answer, sizeof(answer), "{\"BootTimeline\":{\"stages\":[%s,%s]}}", bad, good);
	probe_rig_say(answer);
	EXPECT(1,
		"STAGE     AT MS    TOOK MS  RESULT  DETAIL\n"
		"eth\\x1b0  401.250  0.030    failed  No such device\n"
		"mounts    400.000  1.250    done\n",
		"", "boot", "v.sock");
}

Test(probe_guest, hello)
{
	probe_rig_say("{\"Hello\":{\"protocol\":1,\"agent\":\"0.1.0\",\"init\":null,\"requests\":["
		      "\"Ping\","
		      "\"Logs\"]}}");
	EXPECT(0,
		"VM        v.sock\n"
		"AGENT     0.1.0\n"
		"INIT      -\n"
		"PROTOCOL  1\n"
		"REQUESTS  Ping Logs\n",
		"", "hello", "v.sock");
	EXPECT(0,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"protocol\": 1,\n"
		"  \"agent\": \"0.1.0\",\n"
		"  \"init\": null,\n"
		"  \"requests\": [\n"
		"    \"Ping\",\n"
		"    \"Logs\"\n"
		"  ],\n"
		"  \"error\": null\n"
		"}\n",
		"", "hello", "-j", "v.sock");
}

/* An agent of mvm closes at a request that it does not know. */
Test(probe_guest, an_agent_that_does_not_know_the_request)
{
	struct fake_script script = { .stop_after = strlen(FAKE_OK) };

	probe_rig_start_one(&script);
	EXPECT(3, "",
		"mvm-probe: v.sock: closed without an answer: the agent does not know the request, "
		"or "
		"has ended\n",
		"hello", "v.sock");
}

/* ---- logs ------------------------------------------------------------------------------------ */

Test(probe_guest, logs)
{
	probe_rig_say("{\"Logs\":{\"text\":\"one\\ntwo\\u001b\\n\",\"position\":9,\"cut\":true}}");
	EXPECT(0, "one\ntwo\033\n", "", "logs", "v.sock", "web");
	EXPECT(0,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"service\": \"web\",\n"
		"  \"text\": \"one\\ntwo\\u001B\\n\",\n"
		"  \"position\": 9,\n"
		"  \"cut\": true,\n"
		"  \"error\": null\n"
		"}\n",
		"", "logs", "-j", "v.sock", "web");
	probe_rig_say("{\"Error\":{\"message\":\"no service 'x'\"}}");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: no service 'x'\n", "logs", "v.sock",
		"x");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: no service 'x'\n", "logs", "-f",
		"v.sock", "x");
}

/* Answers with the request three times; then the service no longer exists. */
static const char *echo_logs(struct fake_agent *a, const char *request)
{
	static char *body;
	static int position;
	json_t *answer;

	(void)a;
	free(body);
	if (position >= 30) {
		body = strdup("{\"Error\":{\"message\":\"gone\"}}");
		return body;
	}
	position += 10;
	answer = json_pack("{s:{s:s,s:i,s:b}}", "Logs", "text", request, "position", position,
		"cut", position == 30);
	body = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return body;
}

Test(probe_guest, logs_followed)
{
	probe_rig_respond(echo_logs);
	EXPECT(1,
		"{\"Logs\":{\"service\":\"web\",\"lines\":5}}"
		"{\"Logs\":{\"service\":\"web\",\"position\":10}}"
		"{\"Logs\":{\"service\":\"web\",\"position\":20}}",
		"mvm-probe: some output is missing: more was written than the guest keeps\n"
		"mvm-probe: v.sock: the agent answered: gone\n",
		"logs", "--follow", "-t", "1h", "--lines", "5", "v.sock", "web");
}

/* An agent that is restarted loses a connection, and not the reader. */
static const char *answer_now_and_then(struct fake_agent *a, const char *request)
{
	static unsigned int asked;

	(void)request;
	if (asked++ == 0)
		return "{\"Logs\":{\"text\":\"first \",\"position\":6}}";
	if (asked < 4)
		return ""; /* an empty frame: no JSON */
	if (asked > 4)
		return "{\"Error\":{\"message\":\"end\"}}";
	(void)a;
	return "{\"Logs\":{\"text\":\"second\",\"position\":12}}";
}

Test(probe_guest, logs_followed_through_a_gap)
{
	probe_rig_respond(answer_now_and_then);
	EXPECT(1, "first second", "mvm-probe: v.sock: the agent answered: end\n", "logs", "-f",
		"v.sock", "web");
}

static const char *answer_once(struct fake_agent *a, const char *request)
{
	static bool answered;

	(void)a;
	(void)request;
	if (answered)
		return "";
	answered = true;
	return "{\"Logs\":{\"text\":\"only\",\"position\":4}}";
}

Test(probe_guest, logs_end_with_the_guest)
{
	struct program_result r;

	probe_rig_respond(answer_once);
	PROGRAM_RUN(&r, NULL, PROGRAM, "logs", "-f", "-t", "300ms", "v.sock", "web");
	cr_assert_eq(r.status, 3);
	cr_assert_str_eq(r.out, "only");
	cr_assert_not_null(strstr(r.err, "not JSON"), "%s", r.err);
	program_free(&r);
}

Test(probe_guest, logs_end_with_their_reader)
{
	struct program_result r;

	probe_rig_say("{\"Logs\":{\"text\":\"line\\n\",\"position\":5}}");
	cr_assert_eq(setenv("PROBE", PROGRAM, 1), 0);
	PROGRAM_RUN(&r, NULL, "/bin/sh", "-c", "\"$PROBE\" logs -f v.sock web | head -n 1");
	cr_assert_str_eq(r.out, "line\n");
	program_free(&r);
}

/* ---- restart and shutdown -------------------------------------------------------------------- */

/* Agrees, and gives the request back as its detail. */
static const char *echo_ack(struct fake_agent *a, const char *request)
{
	static char *body;
	json_t *answer = json_pack("{s:{s:b,s:s}}",
		strstr(request, "Shutdown") != NULL ? "ShutdownAck" : "RestartResult", "success", 1,
		"detail", request);

	(void)a;
	free(body);
	body = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return body;
}

Test(probe_guest, what_restart_and_shutdown_send)
{
	probe_rig_respond(echo_ack);
	EXPECT(0, "v.sock: done: {\"Restart\":{\"service\":\"a \\\"b\\\"\"}}\n", "", "restart",
		"v.sock", "a \"b\"");
	EXPECT(0, "v.sock: done: {\"Shutdown\":{\"power_off\":false}}\n", "", "shutdown", "v.sock");
	EXPECT(0, "v.sock: done: {\"Shutdown\":{\"power_off\":true}}\n", "", "shutdown",
		"--power-off", "v.sock");
	EXPECT(3, "v.sock: done: {\"Shutdown\":{\"power_off\":false}}\n",
		"mvm-probe: v.sock: shuts down, but has not ended in time\n", "shutdown", "--wait",
		"-t", "100ms", "v.sock");
}

Test(probe_guest, refusals_of_restart_and_shutdown)
{
	probe_rig_say("{\"RestartResult\":{\"success\":false,\"detail\":\"no service 'x'\"}}");
	EXPECT(1, "v.sock: failed: no service 'x'\n", "", "restart", "v.sock", "x");
	probe_rig_say("{\"Error\":{\"message\":\"not enabled in security policy\"}}");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: not enabled in security policy\n",
		"shutdown", "--wait", "v.sock");
}

/* Ends a while after it has agreed to: the fifth connection is refused. */
static const char *agree_and_end(struct fake_agent *a, const char *request)
{
	if (strstr(request, "Shutdown") != NULL)
		return "{\"ShutdownAck\":{\"success\":true}}";
	if (a->connections >= 4)
		fake_agent_stop(a);
	return "\"Pong\"";
}

Test(probe_guest, shutdown_waits_for_the_end)
{
	probe_rig_respond(agree_and_end);
	EXPECT(0, "v.sock: done\n", "", "shutdown", "-w", "v.sock");
}

/* ---- numbers for people ---------------------------------------------------------------------- */

static const char *formatted(void (*format)(struct buf *b, uint64_t n), uint64_t n)
{
	static char storage[32];
	struct buf b;

	buf_init(&b, storage, sizeof(storage));
	format(&b, n);
	return b.data;
}

Test(probe_guest, spans_and_sizes)
{
	cr_expect_str_eq(formatted(format_span, 0), "0.000 s");
	cr_expect_str_eq(formatted(format_span, 9999), "9.999 s");
	cr_expect_str_eq(formatted(format_span, 10000), "10.0 s");
	cr_expect_str_eq(formatted(format_span, 59999), "59.9 s");
	cr_expect_str_eq(formatted(format_span, 60000), "1m 0s");
	cr_expect_str_eq(formatted(format_span, 3599999), "59m 59s");
	cr_expect_str_eq(formatted(format_span, 3600000), "1h 0m");
	cr_expect_str_eq(formatted(format_span, 90061000), "1d 1h");
	cr_expect_str_eq(formatted(format_bytes, 0), "0");
	cr_expect_str_eq(formatted(format_bytes, 1023), "1023");
	cr_expect_str_eq(formatted(format_bytes, 1024), "1.0K");
	cr_expect_str_eq(formatted(format_bytes, 1536), "1.5K");
	cr_expect_str_eq(formatted(format_bytes, 1048575), "1023.9K");
	cr_expect_str_eq(formatted(format_bytes, 1048576), "1.0M");
	cr_expect_str_eq(formatted(format_bytes, UINT64_MAX), "15.9E");
}
