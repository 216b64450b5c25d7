/* SPDX-License-Identifier: MIT */
/* The verbs about the inside of a guest: services, logs, boot, metrics, hello, restart, shutdown.
 */
#include "fake_agent.h"
#include "program_rig.h"

#include "probe/format.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test-guest-XXXXXX";
static pid_t agents;

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
}

static void clean_up(void)
{
	char command[64];

	if (agents > 0)
		fake_process_stop(agents);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(probe_guest, .init = set_up, .fini = clean_up, .timeout = 120);

static void start(const char *answer)
{
	static const char *const paths[] = { "v.sock", "w.sock" };
	struct fake_answer answers[] = { { NULL, answer, 0 }, { 0 } };
	struct fake_script scripts[] = { { .answers = answers }, { .refuse = ~0u } };

	agents = fake_process_start(paths, scripts, 2);
}

static void stop(void)
{
	fake_process_stop(agents);
	agents = 0;
}

static void expect(int status, const char *out, const char *err, const char *const *argv)
{
	struct program_result r;

	program_run(&r, argv, NULL);
	cr_expect_eq(r.status, status, "exit status %d: %s", r.status, r.err);
	cr_expect_str_eq(r.out, out, "standard output is:\n%s", r.out);
	cr_expect_str_eq(r.err, err, "standard error is:\n%s", r.err);
	program_free(&r);
}

#define EXPECT(status, out, err, ...)                                                              \
	expect(status, out, err, (const char *const[]){ PROGRAM, __VA_ARGS__, NULL })

/* ---- services -------------------------------------------------------------------------------- */

#define WEB                                                                                        \
	"{\"name\":\"web\",\"state\":\"running\",\"reason\":null,\"pid\":101,\"uid\":900,"         \
	"\"gid\":900,\"state_ms\":12345,\"restarts\":0,\"failures\":0,\"next_start_ms\":null,"     \
	"\"exit_code\":null,\"built_in\":false,\"memory_bytes\":1572864,\"cpu_us\":61234567,"      \
	"\"tasks\":3,\"oom_kills\":0}"
#define DB                                                                                         \
	"{\"name\":\"d\\u001bb\",\"state\":\"auto-restart\",\"reason\":\"exec: ENOENT\\n\","       \
	"\"pid\":null,\"uid\":901,\"state_ms\":200,\"restarts\":7,\"failures\":8,"                 \
	"\"next_start_ms\":25600,\"exit_code\":127,\"newer\":[1]}"

Test(probe_guest, services)
{
	start("{\"Services\":{\"services\":[" WEB "]}}");
	EXPECT(0,
		"SERVICE  STATE    FOR     PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU    TASKS  "
		"DETAIL\n"
		"web      running  12.3 s  101  900  0         -          1.5M    1m 1s  3\n",
		"", "services", "v.sock");
	stop();
	start("{\"Services\":{\"services\":[" WEB "," DB "]}}");
	EXPECT(1,
		"SERVICE  STATE         FOR      PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU    "
		"TASKS  "
		"DETAIL\n"
		"web      running       12.3 s   101  900  0         -          1.5M    1m 1s  3\n"
		"d\\x1bb   auto-restart  0.200 s  -    901  7         127        -       -      -  "
		"    "
		"exec: ENOENT\\n; starts in 25.6 s\n",
		"", "services", "v.sock");
	stop();
	start("{\"Services\":{\"services\":[]}}");
	EXPECT(3,
		"v.sock:\n"
		"  SERVICE  STATE  FOR  PID  UID  RESTARTS  LAST EXIT  MEMORY  CPU  TASKS  "
		"DETAIL\n",
		"mvm-probe: w.sock: closed without OK: nothing listens on port 52 in the guest; "
		"does "
		"its agent run?\n",
		"services", "v.sock", "w.sock");
}

Test(probe_guest, services_as_json)
{
	struct program_result r;
	json_t *object, *services, *want;

	start("{\"Services\":{\"services\":[" WEB "," DB "]}}");
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

	start(answer);
	PROGRAM_RUN(&r, NULL, PROGRAM, verb, "v.sock");
	cr_expect_eq(r.status, 3, "%s: exit status %d", answer, r.status);
	cr_expect_not_null(strstr(r.err, part), "%s: %s", answer, r.err);
	program_free(&r);
	stop();
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
	start(answer);
	EXPECT(0,
		"STAGE                AT MS     TOOK MS  RESULT  DETAIL\n"
		"mounts               400.000   1.250    done\n"
		"every check healthy  2500.000\n",
		"", "boot", "v.sock");
	stop();
	snprintf(answer, sizeof(answer), "{\"BootTimeline\":{\"stages\":[%s,%s]}}", good, bad);
	start(answer);
	EXPECT(1,
		"STAGE     AT MS    TOOK MS  RESULT  DETAIL\n"
		"mounts    400.000  1.250    done\n"
		"eth\\x1b0  401.250  0.030    failed  No such device\n",
		"", "boot", "v.sock");
}

Test(probe_guest, hello)
{
	start("{\"Hello\":{\"protocol\":1,\"agent\":\"0.1.0\",\"init\":null,\"requests\":[\"Ping\","
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
	const char *path = "v.sock";

	agents = fake_process_start(&path, &script, 1);
	EXPECT(3, "",
		"mvm-probe: v.sock: closed without an answer: the agent does not know the request, "
		"or "
		"has ended\n",
		"hello", "v.sock");
}

/* ---- metrics --------------------------------------------------------------------------------- */

static const char metrics[] =
	"{\"Metrics\":{\"guest\":{\"uptime_ms\":61005,\"processors\":2,\"tasks\":9,"
	"\"cpu_us\":1500000,\"memory_bytes\":134217728,\"memory_available_bytes\":null},"
	"\"agent\":{\"version\":\"0.1.0\",\"memory_bytes\":400000,\"connections\":1,"
	"\"requests\":12,\"commands\":0,\"commands_cpu_us\":7},"
	"\"integrations\":{\"total\":2,\"checked\":1,\"healthy\":1},"
	"\"probes\":{\"total\":1,\"checked\":1,\"healthy\":0},\"services\":[" WEB "," DB "]}}";

#define L       "{vm=\"v.sock\",target=\"v.sock\""
#define LW      L ",service=\"web\"}"
#define LD      L ",service=\"d\\\\x1bb\"}"
#define GAUGE   " gauge\n# HELP "
#define COUNTER " counter\n# HELP "

Test(probe_guest, metrics_as_openmetrics)
{
	start(metrics);
	EXPECT(3,
		"# TYPE mvm_up" GAUGE "mvm_up Whether the guest's agent answers.\n"
		"mvm_up" L "} 1\n"
		"mvm_up{vm=\"w.sock\",target=\"w.sock\"} 0\n"
		"# TYPE mvm_guest_uptime_seconds gauge\n# UNIT mvm_guest_uptime_seconds seconds\n"
		"# HELP mvm_guest_uptime_seconds Time since the guest's kernel started.\n"
		"mvm_guest_uptime_seconds" L "} 61.005\n"
		"# TYPE mvm_guest_processors" GAUGE
		"mvm_guest_processors Processors of the guest.\n"
		"mvm_guest_processors" L "} 2\n"
		"# TYPE mvm_guest_tasks" GAUGE
		"mvm_guest_tasks Processes and threads in the guest.\n"
		"mvm_guest_tasks" L "} 9\n"
		"# TYPE mvm_guest_cpu_seconds counter\n# UNIT mvm_guest_cpu_seconds seconds\n"
		"# HELP mvm_guest_cpu_seconds Processor time used in the guest.\n"
		"mvm_guest_cpu_seconds_total" L "} 1.500000\n"
		"# TYPE mvm_guest_memory_bytes gauge\n# UNIT mvm_guest_memory_bytes bytes\n"
		"# HELP mvm_guest_memory_bytes Memory of the guest.\n"
		"mvm_guest_memory_bytes" L "} 134217728\n"
		"# TYPE mvm_guest_memory_available_bytes gauge\n"
		"# UNIT mvm_guest_memory_available_bytes bytes\n"
		"# HELP mvm_guest_memory_available_bytes Memory that the guest's programs can "
		"still "
		"get.\n"
		"# TYPE mvm_agent_memory_bytes gauge\n# UNIT mvm_agent_memory_bytes bytes\n"
		"# HELP mvm_agent_memory_bytes Resident memory of the agent.\n"
		"mvm_agent_memory_bytes" L "} 400000\n"
		"# TYPE mvm_agent_connections" GAUGE
		"mvm_agent_connections Open connections to the agent.\n"
		"mvm_agent_connections" L "} 1\n"
		"# TYPE mvm_agent_requests" COUNTER
		"mvm_agent_requests Requests that the agent has had.\n"
		"mvm_agent_requests_total" L "} 12\n"
		"# TYPE mvm_agent_commands" GAUGE
		"mvm_agent_commands Commands of the agent that run.\n"
		"mvm_agent_commands" L "} 0\n"
		"# TYPE mvm_agent_commands_cpu_seconds counter\n"
		"# UNIT mvm_agent_commands_cpu_seconds seconds\n"
		"# HELP mvm_agent_commands_cpu_seconds Processor time of the agent's commands.\n"
		"mvm_agent_commands_cpu_seconds_total" L "} 0.000007\n"
		"# TYPE mvm_integrations" GAUGE
		"mvm_integrations Integrations that are configured.\n"
		"mvm_integrations" L "} 2\n"
		"# TYPE mvm_integrations_checked" GAUGE
		"mvm_integrations_checked Integrations with a health check.\n"
		"mvm_integrations_checked" L "} 1\n"
		"# TYPE mvm_integrations_healthy" GAUGE
		"mvm_integrations_healthy Integrations that are healthy.\n"
		"mvm_integrations_healthy" L "} 1\n"
		"# TYPE mvm_probes" GAUGE "mvm_probes Probes that are configured.\n"
		"mvm_probes" L "} 1\n"
		"# TYPE mvm_probes_healthy" GAUGE "mvm_probes_healthy Probes that are healthy.\n"
		"mvm_probes_healthy" L "} 0\n"
		"# TYPE mvm_service_running" GAUGE "mvm_service_running Whether the service runs.\n"
		"mvm_service_running" LW " 1\n"
		"mvm_service_running" LD " 0\n"
		"# TYPE mvm_service_state_seconds gauge\n# UNIT mvm_service_state_seconds seconds\n"
		"# HELP mvm_service_state_seconds For how long the service is in its state.\n"
		"mvm_service_state_seconds" LW " 12.345\n"
		"mvm_service_state_seconds" LD " 0.200\n"
		"# TYPE mvm_service_restarts" COUNTER
		"mvm_service_restarts Automatic restarts of the service.\n"
		"mvm_service_restarts_total" LW " 0\n"
		"mvm_service_restarts_total" LD " 7\n"
		"# TYPE mvm_service_failures" GAUGE
		"mvm_service_failures Failures of the service in a row.\n"
		"mvm_service_failures" LW " 0\n"
		"mvm_service_failures" LD " 8\n"
		"# TYPE mvm_service_exit_code" GAUGE
		"mvm_service_exit_code Exit code of the latest process that ended, or 128 and its "
		"signal.\n"
		"mvm_service_exit_code" LD " 127\n"
		"# TYPE mvm_service_memory_bytes gauge\n# UNIT mvm_service_memory_bytes bytes\n"
		"# HELP mvm_service_memory_bytes Memory of the service's cgroup.\n"
		"mvm_service_memory_bytes" LW " 1572864\n"
		"# TYPE mvm_service_cpu_seconds counter\n# UNIT mvm_service_cpu_seconds seconds\n"
		"# HELP mvm_service_cpu_seconds Processor time of the cgroup.\n"
		"mvm_service_cpu_seconds_total" LW " 61.234567\n"
		"# TYPE mvm_service_tasks" GAUGE
		"mvm_service_tasks Processes and threads of the cgroup.\n"
		"mvm_service_tasks" LW " 3\n"
		"# TYPE mvm_service_oom_kills" COUNTER
		"mvm_service_oom_kills Processes killed for want of memory.\n"
		"mvm_service_oom_kills_total" LW " 0\n"
		"# EOF\n",
		"mvm-probe: w.sock: closed without OK: nothing listens on port 52 in the guest; "
		"does "
		"its agent run?\n",
		"metrics", "v.sock", "w.sock");
}

/* A guest chooses the names of its services, and must not end a label or a line with them. */
Test(probe_guest, labels_cannot_be_escaped_from)
{
	struct program_result r;

	start("{\"Metrics\":{\"services\":[{\"name\":\"a\\\"} 1\\nmvm_up 0\\\\\"}]}}");
	PROGRAM_RUN(&r, NULL, PROGRAM, "metrics", "v.sock");
	cr_assert_eq(r.status, 0);
	cr_assert_not_null(strstr(r.out, "mvm_service_running" L
					 ",service=\"a\\\"} 1\\\\nmvm_up 0\\\\\"} 0\n"),
		"%s", r.out);
	cr_assert_null(strstr(r.out, "\nmvm_up 0"));
	program_free(&r);
}

Test(probe_guest, metrics_as_json)
{
	struct program_result r;
	json_t *object, *want;

	start(metrics);
	PROGRAM_RUN(&r, NULL, PROGRAM, "metrics", "-j", "v.sock");
	cr_assert_eq(r.status, 0);
	object = json_loads(r.out, 0, NULL);
	want = json_loads(metrics, 0, NULL);
	cr_assert(json_equal(json_object_get(object, "metrics"), json_object_get(want, "Metrics")));
	json_decref(object);
	json_decref(want);
	program_free(&r);
}

/* ---- logs ------------------------------------------------------------------------------------ */

Test(probe_guest, logs)
{
	start("{\"Logs\":{\"text\":\"one\\ntwo\\u001b\\n\",\"position\":9,\"cut\":true}}");
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
	EXPECT(2, "", "mvm-probe: --follow has no JSON form\n", "logs", "-jf", "v.sock", "web");
	stop();
	start("{\"Error\":{\"message\":\"no service 'x'\"}}");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: no service 'x'\n", "logs", "v.sock",
		"x");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: no service 'x'\n", "logs", "-f",
		"v.sock", "x");
}

/* Says what it was asked, three times; then it has no such service any more. */
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
	static const struct fake_script script;
	const char *path = "v.sock";

	fake_process_respond(echo_logs);
	agents = fake_process_start(&path, &script, 1);
	EXPECT(1,
		"{\"Logs\":{\"service\":\"web\",\"lines\":5}}"
		"{\"Logs\":{\"service\":\"web\",\"position\":10}}"
		"{\"Logs\":{\"service\":\"web\",\"position\":20}}",
		"mvm-probe: more was written than the guest keeps; some is missing\n"
		"mvm-probe: v.sock: the agent answered: gone\n",
		"logs", "--follow", "--lines", "5", "v.sock", "web");
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
	static const struct fake_script script;
	const char *path = "v.sock";

	fake_process_respond(answer_now_and_then);
	agents = fake_process_start(&path, &script, 1);
	EXPECT(1, "first second", "mvm-probe: v.sock: the agent answered: end\n", "logs", "-f",
		"v.sock", "web");
}

Test(probe_guest, logs_end_with_their_reader)
{
	struct program_result r;

	start("{\"Logs\":{\"text\":\"line\\n\",\"position\":5}}");
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
	static const struct fake_script script;
	const char *path = "v.sock";

	fake_process_respond(echo_ack);
	agents = fake_process_start(&path, &script, 1);
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
	start("{\"RestartResult\":{\"success\":false,\"detail\":\"no service 'x'\"}}");
	EXPECT(1, "v.sock: failed: no service 'x'\n", "", "restart", "v.sock", "x");
	stop();
	start("{\"Error\":{\"message\":\"not enabled in security policy\"}}");
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
	static const struct fake_script script;
	const char *path = "v.sock";

	fake_process_respond(agree_and_end);
	agents = fake_process_start(&path, &script, 1);
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
