/* SPDX-License-Identifier: MIT */
/* The whole agent: requests, checks, signals, deaths. */
#include "agent_process.h"
#include "agent_rig.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(agent_agent, .init = process_start, .fini = process_stop, .timeout = 120);

/* ---- requests -------------------------------------------------------------------------------- */

Test(agent_agent, every_request_of_the_protocol)
{
	start_agent(NULL);
	cr_expect_str_eq(next_line(), "listening on vsock port 52 (0 integrations, 0 probes)");
	expect("\"Ping\"", "\"Pong\"");
	expect(" {\"Ping\":null}\n", "\"Pong\"");
	expect("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
	expect("\"IntegrationStatus\"", "{\"IntegrationStatusReport\":{\"integrations\":[]}}");
	expect("\"ProbeStatus\"", "{\"ProbeStatusReport\":{\"probes\":[]}}");
}

Test(agent_agent, what_is_no_request_gets_an_error_and_the_end)
{
	int fd;
	char *reply;

	start_agent(NULL);
	fd = connect_client();
	send_text(fd, "\"Ping\"");
	send_text(fd, "\"ping\"");
	send_text(fd, "\"Ping\"");
	reply = rig_receive(fd);
	cr_expect_str_eq(reply, "\"Pong\"");
	free(reply);
	reply = rig_receive(fd);
	cr_expect_str_eq(reply, "{\"Error\":{\"message\":\"line 1, column 1: unknown message "
				"\\\"ping\\\"\"}}");
	free(reply);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
	expect("", "{\"Error\":{\"message\":\"no JSON value\"}}");
	reply = ask("\"\xff\"");
	cr_expect(begins_with(reply, "{\"Error\":{\"message\":\"line 1, column "), "%s", reply);
	free(reply);
}

/* ---- checks ---------------------------------------------------------------------------------- */

Test(agent_agent, checks_run_and_are_reported)
{
	char *reply;

	rig_file("integrations.d/b.json",
		"{\"name\":\"bad\",\"health_cmd\":\"echo no >&2; exit 1\"}");
	rig_file("integrations.d/a.json", "{\"name\":\"good\",\"health_cmd\":\"true\"}");
	rig_file("integrations.d/c.json",
		"{\"name\":\"hung\",\"health_cmd\":\"sleep 1000\",\"health_timeout_secs\":1}");
	rig_file("probes.d/a.json", "{\"name\":\"disk\",\"command\":\"echo '{\\\"pct\\\": "
				    "41}'\",\"output_format\":\"json\"}");
	start_agent(NULL);
	reply = ask_until("\"ProbeStatus\"", "disk");
	cr_expect(begins_with(reply,
			  "{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":true,"
			  "\"detail\":\"ok\",\"output\":{\"pct\":41},\"checked_at\":\"20"),
		"%s", reply);
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "{\"error\":\"no\"}");
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "\"status\":\"active\"");
	cr_expect(strstr(reply, "\"good\"") < strstr(reply, "\"bad\""));
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "{\"error\":\"timed out after 1s\"}");
	free(reply);
}

Test(agent_agent, integrations_are_never_without_health)
{
	char *reply;

	rig_file("integrations.d/a.json", "{\"name\":\"slow\",\"health_cmd\":\"sleep 1000\"}");
	start_agent(NULL);
	reply = ask("\"IntegrationStatus\"");
	cr_expect_not_null(strstr(reply, "\"status\":\"pending\""), "%s", reply);
	cr_expect_not_null(
		strstr(reply, "\"health\":{\"healthy\":false,\"detail\":\"first check pending\","));
	free(reply);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void again(struct loop_timer *timer)
{
	loop_timer_set(&rig.loop, timer, clock_ms() + 5);
}

/* A check that says its process id as its result once it has been stopped; until then in a file. */
static pid_t start_with_running_check(void)
{
	char file[512];
	struct loop_timer look = { .expire = again };
	pid_t pid = 0;

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	snprintf(file, sizeof(file),
		"{\"name\":\"slow\",\"health_cmd\":\"echo $$ >%s.new; mv %s.new %s; sleep 1000\"}",
		rig_path("pid"), rig_path("pid"), rig_path("pid"));
	rig_file("integrations.d/a.json", file);
	start_agent(NULL);
	loop_timer_set(&rig.loop, &look, clock_ms());
	while (access(rig_path("pid"), R_OK) != 0)
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	loop_timer_clear(&rig.loop, &look);
	FILE *f = fopen(rig_path("pid"), "r");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	cr_assert_gt(pid, 1);
	return pid;
}

Test(agent_agent, sigterm_ends_the_checks_and_the_agent)
{
	pid_t check = start_with_running_check();
	int fd = connect_client();

	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	wait_until_gone(check);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
}

Test(agent_agent, sighup_reads_the_files_again)
{
	pid_t check = start_with_running_check();

	cr_expect_str_eq(next_line(), "listening on vsock port 52 (1 integrations, 0 probes)");
	cr_assert_eq(unlink(rig_path("integrations.d/a.json")), 0);
	rig_file("integrations.d/b.json", "{\"name\":\"new\",\"health_cmd\":\"true\"}");
	rig_file("integrations.d/c.json", "{\"name\":");
	rig_file("probes.d/a.json", "{\"name\":\"p\",\"cmd\":\"true\"}");
	kill(agent_pid, SIGHUP);
	cr_expect_not_null(strstr(next_line(), "/c.json: line 1, column"));
	cr_expect_str_eq(next_line(), "configuration read again (1 integrations, 1 probes)");
	wait_until_gone(check);
	free(ask_until("\"IntegrationStatus\"", "\"new\",\"status\":\"active\""));
	free(ask_until("\"ProbeStatus\"", "\"p\""));
}

Test(agent_agent, sighup_takes_new_settings)
{
	char config[128];

	strcpy(config,
		rig_file("agent.json", "{\"busy_threshold\":1e9,\"sample_interval_secs\":0}"));
	start_agent(config);
	(void)next_line();
	rig_file("agent.json", "{\"busy_threshold\":0,\"sample_interval_secs\":0}");
	kill(agent_pid, SIGHUP);
	(void)next_line();
	free(ask_until("\"WorkerStatus\"", "\"status\":\"busy\""));
}

Test(agent_agent, sighup_with_a_bad_configuration_keeps_the_old_one)
{
	char config[128];

	strcpy(config, rig_file("agent.json", "{\"busy_threshold\":0,\"sample_interval_secs\":0}"));
	start_agent(config);
	(void)next_line();
	rig_file("agent.json", "{\"busy_threshold\":\"x\"}");
	kill(agent_pid, SIGHUP);
	cr_expect_not_null(strstr(next_line(), "must be a number; keeping the previous settings"));
	(void)next_line();
	/* A threshold of nothing is always reached. */
	free(ask_until("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"busy\",\"last_busy_at\":\"20"));
}

/* ---- deaths ---------------------------------------------------------------------------------- */

Test(agent_agent, killed_agents_lose_no_history_and_no_waiting_request)
{
	char *before, *after;
	int fd;

	rig_file("integrations.d/a.json", "{\"name\":\"web\",\"health_cmd\":\"echo no >&2; exit "
					  "1\",\"health_interval_secs\":1000}");
	rig_file("probes.d/a.json",
		"{\"name\":\"p\",\"cmd\":\"echo [1]\",\"output_format\":\"json\","
		"\"interval_secs\":1000}");
	start_agent(NULL);
	free(ask_until("\"ProbeStatus\"", "[1]"));
	before = ask_until("\"IntegrationStatus\"", "\"no\"");
	kill(agent_pid, SIGKILL);
	cr_expect_eq(wait_for_end(), 128 + SIGKILL);
	/* The checks of the next agent must not be what is reported. */
	rig_file("integrations.d/a.json",
		"{\"name\":\"web\",\"health_cmd\":\"sleep 1000\",\"health_interval_secs\":1000}");
	rig_file("probes.d/a.json", "{\"name\":\"p\",\"cmd\":\"sleep 1000\"}");
	fd = connect_client();
	send_text(fd, "\"IntegrationStatus\"");
	start_agent(NULL);
	after = rig_receive(fd);
	cr_assert_not_null(after);
	cr_expect_str_eq(after, before);
	free(before);
	free(after);
	after = ask("\"ProbeStatus\"");
	cr_expect_not_null(strstr(after, "\"output\":[1],"), "%s", after);
	free(after);
	close(fd);
}

Test(agent_agent, what_cannot_be_started_is_said)
{
	char config[128];

	strcpy(config, rig_file("agent.json", "[]"));
	start_agent(config);
	cr_expect_not_null(strstr(next_line(), "/agent.json: line 1, column 1: expected an obj"));
	cr_expect_eq(wait_for_end(), 1);
	close(listen_fd);
	listen_fd = 1000;
	start_agent(NULL);
	cr_expect_str_eq(next_line(), "--listen-fd 1000: Bad file descriptor");
	cr_expect_eq(wait_for_end(), 1);
}

/* ---- many clients ---------------------------------------------------------------------------- */

Test(agent_agent, silent_clients_in_numbers_leave_ping_answered)
{
	int fds[800];

	start_agent(NULL);
	for (int i = 0; i < 800; i++)
		fds[i] = connect_client();
	expect("\"Ping\"", "\"Pong\"");
	for (int i = 0; i < 800; i++)
		close(fds[i]);
	expect("\"Ping\"", "\"Pong\"");
}

/* Count the context switches that a process has wanted: each wakeup ends in one. */
static unsigned long wakeups(pid_t pid)
{
	char path[64], line[256];
	unsigned long count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "voluntary_ctxt_switches: %lu", &count);
	fclose(f);
	return count;
}

/* One check a thousand seconds: in between the agent sleeps, whatever has happened before. */
Test(agent_agent, an_idle_agent_does_not_wake_up)
{
	struct loop_timer rest = { .expire = again };
	unsigned long before;
	uint64_t until;

	rig_file("integrations.d/a.json",
		"{\"name\":\"web\",\"health_cmd\":\"true\",\"health_interval_secs\":1000}");
	start_agent(NULL);
	free(ask_until("\"IntegrationStatus\"", "active"));
	expect("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
	/* The client's close is the last event; when it has been seen, the descriptor is gone. */
	before = wakeups(agent_pid);
	for (until = clock_ms() + 1500; clock_ms() < until;) {
		again(&rest);
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	}
	loop_timer_clear(&rig.loop, &rest);
	cr_expect_leq(wakeups(agent_pid), before + 1);
}
