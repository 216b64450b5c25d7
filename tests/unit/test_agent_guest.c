/* SPDX-License-Identifier: MIT */
/* What PID 1 answers: Hello, Services, Logs, BootTimeline, Metrics, Restart, Shutdown; and what the
 * agent tells PID 1. */
#include "agent_process.h"
#include "agent_rig.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(agent_guest, .init = process_start, .fini = process_stop, .timeout = 120);

static const char *const no_services[] = { NULL };

#define REQUESTS                                                                                   \
	"[\"Ping\",\"WorkerStatus\",\"IntegrationStatus\",\"ProbeStatus\",\"Wake\","               \
	"\"PostRestore\",\"SleepPrep\",\"CheckpointIntegrations\",\"Exec\",\"FsDiff\","            \
	"\"StartPortForward\",\"ConsoleOpen\",\"ConsoleResize\",\"ConsoleClose\",\"Hello\","       \
	"\"Services\",\"Logs\",\"BootTimeline\",\"Metrics\",\"Restart\",\"Shutdown\","             \
	"\"Events\",\"Reload\",\"ReloadService\",\"FsHash\",\"FsSetAttributes\"]"
#define NO_CHANNEL(name) "{\"Error\":{\"message\":\"" name ": no channel to init\"}}"

Test(agent_guest, hello)
{
	struct control_message item = { .text = "1.2.3" };
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Hello\"");
	expect_verb(CONTROL_HELLO);
	answer_item(&item);
	answer_done(0, "");
	expect_reply(fd, "{\"Hello\":{\"protocol\":1,\"agent\":\"" PROGRAM_VERSION
			 "\",\"init\":\"1.2.3\",\"requests\":" REQUESTS "}}");
	close(fd);
}

Test(agent_guest, without_init)
{
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent(NULL);
	expect("\"Hello\"", "{\"Hello\":{\"protocol\":1,\"agent\":\"" PROGRAM_VERSION
			    "\",\"init\":null,\"requests\":" REQUESTS "}}");
	expect("\"Services\"", NO_CHANNEL("Services"));
	expect("{\"Logs\":{\"service\":\"web\"}}", NO_CHANNEL("Logs"));
	expect("\"BootTimeline\"", NO_CHANNEL("BootTimeline"));
	expect("{\"Restart\":{\"service\":\"web\"}}", NO_CHANNEL("Restart"));
	expect("{\"Shutdown\":{}}", NO_CHANNEL("Shutdown"));
	char *reply = ask("\"Metrics\"");
	cr_expect_not_null(strstr(reply, ",\"services\":null}}"), "%s", reply);
	free(reply);
}

/* ---- services -------------------------------------------------------------------------------- */

static const struct control_message web = { .service = { .name = "web",
						    .state = "running",
						    .pid = 12,
						    .uid = 900,
						    .gid = 901,
						    .state_ms = 1234,
						    .restarts = 2,
						    .failures = 0,
						    .next_start_ms = UINT64_MAX,
						    .exit_code = 1,
						    .memory_bytes = 4096,
						    .cpu_us = 5,
						    .tasks = 1,
						    .oom_kills = 0 } };
static const struct control_message broken = { .service = { .name = "broken",
						       .state = "failed",
						       .reason = "exec: \xff\n",
						       .uid = UINT32_MAX,
						       .gid = UINT32_MAX,
						       .state_ms = 1,
						       .next_start_ms = 77,
						       .exit_code = -1,
						       .built_in = 1,
						       .memory_bytes = UINT64_MAX,
						       .cpu_us = UINT64_MAX,
						       .tasks = UINT64_MAX,
						       .oom_kills = UINT64_MAX } };

#define SERVICES                                                                                   \
	"[{\"name\":\"web\",\"state\":\"running\",\"reason\":null,\"pid\":12,\"uid\":900,"         \
	"\"gid\":901,\"state_ms\":1234,\"restarts\":2,\"failures\":0,\"next_start_ms\":null,"      \
	"\"exit_code\":1,\"built_in\":false,\"memory_bytes\":4096,\"cpu_us\":5,\"tasks\":1,"       \
	"\"oom_kills\":0},{\"name\":\"broken\",\"state\":\"failed\",\"reason\":\"exec: "           \
	"\xef\xbf\xbd\\n\",\"pid\":null,\"uid\":null,\"gid\":null,\"state_ms\":1,\"restarts\":0,"  \
	"\"failures\":0,\"next_start_ms\":77,\"exit_code\":null,\"built_in\":true,"                \
	"\"memory_bytes\":null,\"cpu_us\":null,\"tasks\":null,\"oom_kills\":null}]"

Test(agent_guest, services)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Services\"");
	expect_verb(CONTROL_SERVICES);
	answer_item(&web);
	answer_item(&broken);
	answer_done(0, "");
	expect_reply(fd, "{\"Services\":{\"services\":" SERVICES "}}");
	send_text(fd, "\"Services\"");
	SERVE(CONTROL_SERVICES);
	expect_reply(fd, "{\"Services\":{\"services\":[]}}");
	close(fd);
}

Test(agent_guest, many_services)
{
	int fd;
	char *reply;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Services\"");
	expect_verb(CONTROL_SERVICES);
	for (int i = 0; i < 200; i++)
		answer_item(&web);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_expect_eq(rig_count(reply, "\"name\":\"web\""), 200);
	free(reply);
	close(fd);
}

Test(agent_guest, metrics)
{
	json_t *all, *m;
	char *reply;
	int fd;

	rig_file("integrations.d/1.json", "{\"name\":\"a\",\"health_cmd\":\"true\"}");
	rig_file("integrations.d/2.json", "{\"name\":\"b\",\"health_cmd\":\"false\"}");
	rig_file("integrations.d/3.json", "{\"name\":\"c\"}");
	start_agent(NULL);
	free(ask_until("\"IntegrationStatus\"", "active"));
	free(ask_until("\"IntegrationStatus\"", "exit code 1"));
	kill(agent_pid, SIGTERM);
	wait_for_end();
	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Ping\"");
	expect_reply(fd, "\"Pong\"");
	send_text(fd, "\"Metrics\"");
	/* The results of the checks come in between. */
	for (;;) {
		struct control_message peek;

		cr_assert_eq(recv(init_fd, &peek, sizeof(peek), MSG_PEEK), sizeof(peek));
		if (peek.verb == CONTROL_SERVICES)
			break;
		expect_verb(CONTROL_HEALTH);
		answer_done(ENOENT, "");
	}
	expect_verb(CONTROL_SERVICES);
	answer_item(&web);
	answer_item(&broken);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_expect_not_null(strstr(reply, ",\"services\":" SERVICES "}}"), "%s", reply);
	all = json_loads(reply, 0, NULL);
	cr_assert_not_null(all);
	m = json_object_get(all, "Metrics");
#define NUMBER(object, key) json_integer_value(json_object_get(json_object_get(m, object), key))
	cr_expect_eq(NUMBER("integrations", "total"), 3);
	cr_expect_eq(NUMBER("integrations", "checked"), 2);
	cr_expect_eq(NUMBER("integrations", "healthy"), 1);
	cr_expect_eq(NUMBER("probes", "total"), 0);
	cr_expect_eq(NUMBER("agent", "requests"), 2);
	cr_expect_eq(NUMBER("agent", "connections"), 1);
	cr_expect_gt(NUMBER("agent", "memory_bytes"), 4096);
	cr_expect_gt(NUMBER("guest", "memory_bytes"), NUMBER("guest", "memory_available_bytes"));
	cr_expect_gt(NUMBER("guest", "memory_available_bytes"), 1 << 20);
	cr_expect_geq(NUMBER("guest", "processors"), 1);
	cr_expect_gt(NUMBER("guest", "tasks"), 1);
	cr_expect_gt(NUMBER("guest", "cpu_us"), 0);
	cr_expect_gt(NUMBER("guest", "uptime_ms"), 0);
	json_decref(all);
	free(reply);
	close(fd);
}

/* ---- logs and the boot ----------------------------------------------------------------------- */

Test(agent_guest, logs)
{
	struct control_message item = { .length = 6, .position = 106, .data = "one\ntw" };
	const struct control_message *m;
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("{\"Logs\":{\"service\":\"web\",\"lines\":2}}");
	m = expect_verb(CONTROL_LOGS);
	cr_expect_str_eq(m->name, "web");
	cr_expect_eq(m->value, 2);
	cr_expect_eq(m->position, 0);
	answer_item(&item);
	item = (struct control_message){ .length = 3, .position = 109, .data = "o\xff\n" };
	answer_item(&item);
	answer_done(0, "");
	expect_reply(fd,
		"{\"Logs\":{\"text\":\"one\\ntwo\xef\xbf\xbd\\n\",\"position\":109,\"cut\":"
		"false,\"times\":[]}}");
	send_text(fd, "{\"Logs\":{\"service\":\"web\",\"lines\":null,\"position\":109}}");
	m = expect_verb(CONTROL_LOGS);
	cr_expect_eq(m->value, 0);
	cr_expect_eq(m->position, 109);
	answer_done(0, "");
	expect_reply(fd, "{\"Logs\":{\"text\":\"\",\"position\":109,\"cut\":false,\"times\":[]}}");
	send_text(fd, "{\"Logs\":{\"service\":\"what\"}}");
	expect_verb(CONTROL_LOGS);
	answer_done(ENOENT, "no service 'what'");
	expect_reply(fd, "{\"Error\":{\"message\":\"Logs: no service 'what'\"}}");
	close(fd);
}

/* The worst there is: bytes that take six each. The end is kept, and it fits. */
Test(agent_guest, long_logs_keep_their_end)
{
	struct control_message item = { .length = CONTROL_DATA_MAX };
	char *reply;
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("{\"Logs\":{\"service\":\"web\"}}");
	expect_verb(CONTROL_LOGS);
	memset(item.data, 1, sizeof(item.data));
	for (int i = 0; i < 60; i++)
		answer_item(&item);
	memcpy(item.data, "the end", 7);
	item.length = 7;
	answer_item(&item);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	cr_expect_not_null(
		strstr(reply, "\\u0001the end\",\"position\":0,\"cut\":true,\"times\":[]}}"));
	cr_expect_eq(rig_count(reply, "\\u0001"), 40960 - 7);
	free(reply);
	close(fd);
}

Test(agent_guest, the_timeline_of_the_boot)
{
	struct control_message item = {
		.step = { .name = "mounts", .start_us = 7, .duration_us = 8 }
	};
	char *reply;
	int fd;

	rig_file("integrations.d/1.json", "{\"name\":\"web\",\"health_cmd\":\"true\"}");
	start_agent_with_init(NULL, no_services);
	SERVE(CONTROL_HEALTH);
	fd = send_request("\"BootTimeline\"");
	expect_verb(CONTROL_TIMELINE);
	answer_item(&item);
	strcpy(item.step.name, "network");
	item.step.error = ENODEV;
	answer_item(&item);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_expect(begins_with(reply,
			  "{\"BootTimeline\":{\"stages\":[{\"name\":\"mounts\",\"start_us\":7,"
			  "\"duration_us\":8,\"success\":true,\"detail\":null},{\"name\":"
			  "\"network\",\"start_us\":7,\"duration_us\":8,\"success\":false,"
			  "\"detail\":\"No such device\"}],\"all_healthy_us\":"),
		"%s", reply);
	cr_expect_null(strstr(reply, "\"all_healthy_us\":null"), "%s", reply);
	cr_expect_null(strstr(reply, "\"all_healthy_us\":0"), "%s", reply);
	free(reply);
	close(fd);
}

/* ---- what needs the policy's leave ----------------------------------------------------------- */

#define REJECTED(name)                                                                             \
	"{\"Error\":{\"message\":\"" name                                                          \
	" rejected: access.debug_exec not enabled in security policy\"}}"

Test(agent_guest, restart_and_shutdown_need_leave)
{
	start_agent_with_init(NULL, no_services);
	expect("{\"Restart\":{\"service\":\"web\"}}", REJECTED("Restart"));
	expect("{\"ReloadService\":{\"service\":\"web\"}}", REJECTED("ReloadService"));
	expect("{\"Shutdown\":{}}", REJECTED("Shutdown"));
	expect_no_verb();
}

Test(agent_guest, restart_and_shutdown)
{
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent_with_init(NULL, no_services);
	fd = send_request("{\"Restart\":{\"service\":\"web\"}}");
	cr_expect_str_eq(expect_verb(CONTROL_RESTART)->name, "web");
	answer_done(0, "");
	expect_reply(fd, "{\"RestartResult\":{\"success\":true,\"detail\":null}}");
	send_text(fd, "{\"Restart\":{\"service\":\"web\"}}");
	expect_verb(CONTROL_RESTART);
	answer_done(ECANCELED, "exit code 1");
	expect_reply(fd, "{\"RestartResult\":{\"success\":false,\"detail\":\"exit code 1\"}}");
	send_text(fd, "{\"Restart\":{\"service\":\"what\"}}");
	expect_verb(CONTROL_RESTART);
	answer_done(ENODEV, "");
	expect_reply(fd, "{\"RestartResult\":{\"success\":false,\"detail\":\"No such device\"}}");
	send_text(fd, "{\"ReloadService\":{\"service\":\"web\"}}");
	cr_expect_str_eq(expect_verb(CONTROL_RELOAD_SERVICE)->name, "web");
	answer_done(ESRCH, "it does not run");
	expect_reply(
		fd, "{\"ReloadServiceResult\":{\"success\":false,\"detail\":\"it does not run\"}}");
	send_text(fd, "{\"Shutdown\":{\"power_off\":true}}");
	cr_expect_eq(expect_verb(CONTROL_SHUTDOWN)->value, 1);
	answer_done(0, "");
	expect_reply(fd, "{\"ShutdownAck\":{\"success\":true,\"detail\":null}}");
	send_text(fd, "{\"Shutdown\":{}}");
	cr_expect_eq(expect_verb(CONTROL_SHUTDOWN)->value, 0);
	answer_done(EBUSY, "it has begun already");
	expect_reply(
		fd, "{\"ShutdownAck\":{\"success\":false,\"detail\":\"it has begun already\"}}");
	close(fd);
}

Test(agent_guest, clients_that_go_away_and_an_agent_that_ends)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Services\"");
	expect_verb(CONTROL_SERVICES);
	answer_item(&web);
	close(fd);
	expect("\"Ping\"", "\"Pong\"");
	answer_done(0, "");
	fd = send_request("\"Services\"");
	expect_verb(CONTROL_SERVICES);
	answer_item(&web);
	expect("\"Ping\"", "\"Pong\"");
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	close(fd);
}

Test(agent_guest, an_init_that_does_not_answer)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Services\"");
	expect_verb(CONTROL_SERVICES);
	expect_reply(fd, "{\"Error\":{\"message\":\"Services: init does not answer\"}}");
	answer_done(0, "");
	send_text(fd, "\"Ping\"");
	expect_reply(fd, "\"Pong\"");
	close(fd);
}

/* ---- what PID 1 is told, and what the agent learns from it ----------------------------------- */

Test(agent_guest, checks_run_as_the_user_of_their_service)
{
	static const char *const services[] = { "web:1", "rootly:0", "other:2", "nobodys:-1",
		NULL };

	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	rig_file("integrations.d/1.json",
		"{\"name\":\"web\",\"health_cmd\":\"id -un >&2; exit 1\"}");
	rig_file("integrations.d/2.json",
		"{\"name\":\"rootly\",\"health_cmd\":\"id -un >&2; exit 1\"}");
	rig_file("integrations.d/3.json",
		"{\"name\":\"other\",\"health_cmd\":\"id -un >&2; exit 1\",\"user\":\"games\"}");
	rig_file("integrations.d/4.json",
		"{\"name\":\"nobodys\",\"health_cmd\":\"id -un >&2; exit 1\"}");
	start_agent_with_init(NULL, services);
	for (int i = 0; i < 4; i++) {
		expect_verb(CONTROL_HEALTH);
		answer_done(0, "");
	}
	free(ask_until(
		"\"IntegrationStatus\"", "\"name\":\"web\",\"status\":{\"error\":\"daemon\"}"));
	free(ask_until(
		"\"IntegrationStatus\"", "\"name\":\"nobodys\",\"status\":{\"error\":\"nobody\"}"));
	free(ask_until(
		"\"IntegrationStatus\"", "\"name\":\"rootly\",\"status\":{\"error\":\"nobody\"}"));
	free(ask_until(
		"\"IntegrationStatus\"", "\"name\":\"other\",\"status\":{\"error\":\"games\"}"));
}

Test(agent_guest, init_learns_of_results)
{
	const struct control_message *m;
	char text[256];

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	snprintf(text, sizeof(text),
		"{\"name\":\"web\",\"health_cmd\":\"test -e %s\",\"health_interval_secs\":1}",
		rig_path("good"));
	rig_file("integrations.d/1.json", text);
	rig_file("probes.d/1.json", "{\"name\":\"p\",\"cmd\":\"false\",\"interval_secs\":1}");
	start_agent_with_init(NULL, no_services);
	for (int i = 0; i < 2; i++) {
		m = expect_verb(CONTROL_HEALTH);
		cr_expect_str_eq(m->name, "web");
		cr_expect_eq(m->value, 0);
		answer_done(0, "");
	}
	rig_file("good", "");
	do
		m = expect_verb(CONTROL_HEALTH), answer_done(0, "");
	while (m->value == 0);
	/* Also of successes after a success: the service may have restarted meanwhile. */
	cr_expect_eq(expect_verb(CONTROL_HEALTH)->value, 1);
	answer_done(0, "");
	cr_assert_eq(unlink(rig_path("good")), 0);
	do
		m = expect_verb(CONTROL_HEALTH);
	while (m->value == 1 && (answer_done(0, ""), true));
	/* A name that init does not know is not told again. */
	answer_done(ENOENT, "");
	free(ask_until("\"IntegrationStatus\"", "exit code 1"));
	expect_no_verb();
}

/* The check began before the service's process: the next one does not wait for its time. */
Test(agent_guest, a_result_that_was_out_of_date)
{
	const struct control_message *m;
	uint64_t begun;

	rig_file("integrations.d/1.json",
		"{\"name\":\"web\",\"health_cmd\":\"true\",\"health_interval_secs\":1000}");
	start_agent_with_init(NULL, no_services);
	m = expect_verb(CONTROL_HEALTH);
	begun = m->position;
	cr_expect(begun > 0 && begun <= clock_ms());
	answer_done(ESTALE, "");
	m = expect_verb(CONTROL_HEALTH);
	cr_expect_geq(m->position, begun);
	cr_expect_eq(m->value, 1);
	answer_done(0, "");
	expect_no_verb();
}

/* A service that is still starting is no service that has failed. */
Test(agent_guest, init_does_not_learn_of_failures_within_the_grace_time)
{
	const struct control_message *m;
	char text[256];

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	snprintf(text, sizeof(text),
		"{\"name\":\"web\",\"health_cmd\":\"test -e %s\",\"health_interval_secs\":1000,"
		"\"startup_grace_secs\":1000}",
		rig_path("good"));
	rig_file("integrations.d/1.json", text);
	start_agent_with_init(NULL, no_services);
	free(ask_until("\"IntegrationStatus\"", "exit code 1"));
	expect_no_verb();
	/* And it is not asked only every thousand seconds whether it has started. */
	rig_file("good", "");
	m = expect_verb(CONTROL_HEALTH);
	cr_expect_str_eq(m->name, "web");
	cr_expect_eq(m->value, 1);
}

Test(agent_guest, a_control_descriptor_that_is_none)
{
	start_agent_with_null_channel();
	cr_expect_not_null(strstr(next_line(), "; continuing without init"));
	expect("\"Ping\"", "\"Pong\"");
	expect("\"Services\"", NO_CHANNEL("Services"));
}

Test(agent_guest, init_may_have_the_files_read_again)
{
	start_agent_with_init(NULL, no_services);
	(void)next_line();
	rig_file("integrations.d/1.json", "{\"name\":\"new\"}");
	send_event(CONTROL_EV_RELOAD);
	SERVE(CONTROL_SERVICES);
	cr_expect_str_eq(next_line(), "configuration read again (1 integrations, 0 probes)");
}

/* PID 1 asks one that takes no connections. */
Test(agent_guest, a_sign_of_life)
{
	start_agent_with_init(NULL, no_services);
	send_event(CONTROL_EV_SIGN_OF_LIFE);
	expect_event(CONTROL_EV_SIGN_OF_LIFE);
}

/* PID 1 may be slow: checks begin without its answer after a second. */
Test(agent_guest, checks_do_not_wait_for_init_for_ever)
{
	rig_file("integrations.d/1.json", "{\"name\":\"web\",\"health_cmd\":\"true\"}");
	start_agent_with_silent_init();
	free(ask_until("\"IntegrationStatus\"", "active"));
}
