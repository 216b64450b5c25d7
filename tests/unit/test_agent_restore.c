/* SPDX-License-Identifier: MIT */
/* Wake, PostRestore and SIGUSR1, by the whole agent; the test is the host and PID 1. */
#include "agent_process.h"
#include "agent_rig.h"

#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(agent_restore, .init = process_start, .fini = process_stop, .timeout = 120);

static const char *const no_services[] = { NULL };

#define ACK(ok, detail) "{\"PostRestoreAck\":{\"success\":" ok ",\"detail\":" detail "}}"

/* PID 1 does the steps from the first up to RESUME, all well. */
static void do_steps(const char *address)
{
	SERVE(CONTROL_THAW);
	expect_verb(CONTROL_CLOCK);
	answer_done(0, "forward by 3600 s");
	SERVE(CONTROL_RESEED);
	expect_verb(CONTROL_REFRESH);
	answer_step("config", 0, "");
	answer_step("secrets", 0, "3 files");
	answer_done(0, "");
	if (address != NULL) {
		cr_expect_str_eq(expect_verb(CONTROL_ADDRESS)->text, address);
		answer_done(0, address);
	}
	SERVE(CONTROL_RESUME);
}

#define DONE "thaw; clock: forward by 3600 s; random numbers; config; secrets: 3 files"

Test(agent_restore, all_steps_in_their_order_and_then_the_commands)
{
	int fd;

	rig_file("config.json", "{\"guest_ip\":\"172.16.0.9\",\"instance_id\":\"x\"}");
	rig_file("integrations.d/1.json", "{\"name\":\"db\",\"restore_cmd\":\"true\"}");
	rig_file("integrations.d/2.json", "{\"name\":\"web\"}");
	start_agent_with_init(NULL, no_services);
	fd = send_request("\"PostRestore\"");
	do_steps("172.16.0.9");
	expect_reply(fd, ACK("true", "\"" DONE "; address: 172.16.0.9; services; restore_cmd of "
				     "db\""));
	close(fd);
}

Test(agent_restore, wake_does_the_same)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"Wake\"");
	do_steps(NULL);
	expect_reply(fd, "{\"WakeAck\":{\"success\":true}}");
	close(fd);
}

Test(agent_restore, so_does_a_signal_to_init)
{
	start_agent_with_init(NULL, no_services);
	(void)next_line();
	send_event(CONTROL_EV_POST_RESTORE);
	do_steps(NULL);
	cr_expect_str_eq(next_line(), "restored: " DONE "; services");
}

/* What is not there is left alone and told; everything else is a failure, and the rest goes on. */
Test(agent_restore, results_of_the_steps)
{
	int fd;

	rig_file("integrations.d/1.json",
		"{\"name\":\"db\",\"restore_cmd\":\"echo no state >&2; exit 1\"}");
	start_agent_with_init(NULL, no_services);
	fd = send_request("\"PostRestore\"");
	SERVE(CONTROL_THAW);
	expect_verb(CONTROL_CLOCK);
	answer_done(ENOENT, "no /dev/ptp0: left alone");
	expect_verb(CONTROL_RESEED);
	answer_done(ENOENT, "");
	SERVE(CONTROL_REFRESH, CONTROL_RESUME);
	expect_reply(fd, ACK("false", "\"thaw; clock: no /dev/ptp0: left alone; random numbers: No "
				      "such file or directory; services; restore_cmd of db: no "
				      "state\""));
	rig_file("integrations.d/1.json", "{\"name\":\"db\",\"restore_cmd\":\"true\"}");
	kill(agent_pid, SIGHUP);
	SERVE(CONTROL_SERVICES);
	send_text(fd, "\"PostRestore\"");
	expect_verb(CONTROL_THAW);
	answer_done(EIO, "");
	SERVE(CONTROL_CLOCK, CONTROL_RESEED);
	expect_verb(CONTROL_REFRESH);
	answer_step("secrets", EIO, "");
	answer_done(EIO, "secrets drive: bad superblock");
	expect_verb(CONTROL_RESUME);
	answer_done(ECANCELED, "web has failed");
	expect_reply(fd, ACK("false", "\"thaw: Input/output error; clock; random numbers; secrets: "
				      "Input/output error; refresh: secrets drive: bad superblock; "
				      "services: web has failed; restore_cmd of db\""));
	close(fd);
}

Test(agent_restore, the_address_of_the_config_drive)
{
	static const struct {
		const char *config;
		const char *address;
		const char *problem;
	} rows[] = {
		{ "{\"guest_ip\":\"10.0.0.1\"}", "10.0.0.1", NULL },
		{ "{\"guest_ip\":null}", NULL, NULL },
		{ "{}", NULL, NULL },
		{ "{\"guest_ip\":7}", NULL,
			"line 1, column 13: 'guest_ip' must be a string; services" },
		{ "{", NULL, "/config.json: line 1, column 1: " },
	};
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = connect_client();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *reply;

		rig_file("config.json", rows[i].config);
		send_text(fd, "\"PostRestore\"");
		do_steps(rows[i].address);
		reply = rig_receive(fd);
		cr_assert_not_null(reply);
		if (rows[i].problem != NULL)
			cr_expect_not_null(strstr(reply, rows[i].problem), "%s", reply);
		cr_expect_eq(strstr(reply, "\"success\":true") != NULL, rows[i].problem == NULL,
			"%s", reply);
		free(reply);
	}
	close(fd);
}

Test(agent_restore, without_init)
{
	rig_file("integrations.d/1.json", "{\"name\":\"db\",\"restore_cmd\":\"true\"}");
	start_agent(NULL);
	expect("\"PostRestore\"", ACK("false", "\"no channel to init: nothing was remounted or "
					       "restarted; restore_cmd of db\""));
	expect("\"Wake\"", "{\"WakeAck\":{\"success\":false}}");
}

Test(agent_restore, who_asks_meanwhile_waits_for_the_same_run)
{
	int first, second, third;

	start_agent_with_init(NULL, no_services);
	first = connect_client();
	second = connect_client();
	third = connect_client();
	send_text(first, "\"PostRestore\"");
	expect_verb(CONTROL_THAW);
	send_text(second, "\"Wake\"");
	send_text(third, "\"Wake\"");
	expect("\"Ping\"", "\"Pong\""); /* by now the others have arrived */
	close(third);
	send_event(CONTROL_EV_POST_RESTORE);
	answer_done(0, "");
	SERVE(CONTROL_CLOCK, CONTROL_RESEED, CONTROL_REFRESH, CONTROL_RESUME);
	expect_reply(first, ACK("true", "\"thaw; clock; random numbers; services\""));
	expect_reply(second, "{\"WakeAck\":{\"success\":true}}");
	expect("\"Ping\"", "\"Pong\"");
	expect_no_verb();
	close(first);
	close(second);
}

/* The host waits for ten seconds: at eight it learns what is still pending. */
Test(agent_restore, a_slow_restore_is_acknowledged_as_pending)
{
	int fd, again;

	start_agent_with_init(NULL, no_services);
	(void)next_line();
	fd = send_request("\"PostRestore\"");
	SERVE(CONTROL_THAW);
	expect_verb(CONTROL_CLOCK);
	expect_reply(fd, ACK("false", "\"thaw; still pending: clock\""));
	again = connect_client();
	send_text(again, "\"PostRestore\"");
	expect("\"Ping\"", "\"Pong\"");
	answer_done(0, "");
	SERVE(CONTROL_RESEED, CONTROL_REFRESH, CONTROL_RESUME);
	cr_expect_str_eq(next_line(), "restored: thaw; clock; random numbers; services");
	expect_reply(again, ACK("true", "\"thaw; clock; random numbers; services\""));
	close(fd);
	close(again);
}

/* Everything is as after a start: idle, checks run at once, and the grace time begins. */
Test(agent_restore, checks_start_over)
{
	char config[128], text[512];
	int fd;

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	strcpy(config, rig_file("agent.json", "{\"busy_threshold\":0,\"sample_interval_secs\":0}"));
	snprintf(text, sizeof(text),
		"{\"name\":\"web\",\"health_cmd\":\"test -e %s\",\"health_interval_secs\":1000,"
		"\"startup_grace_secs\":1000}",
		rig_path("good"));
	rig_file("integrations.d/1.json", text);
	rig_file("good", "");
	start_agent_with_init(config, no_services);
	expect_verb(CONTROL_HEALTH);
	answer_done(ENOENT, "");
	free(ask_until("\"IntegrationStatus\"", "active"));
	free(ask_until("\"WorkerStatus\"", "\"status\":\"busy\""));
	cr_assert_eq(unlink(rig_path("good")), 0);
	fd = send_request("\"Wake\"");
	do_steps(NULL);
	expect_reply(fd, "{\"WakeAck\":{\"success\":true}}");
	expect("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
	free(ask_until("\"IntegrationStatus\"", "\"status\":\"starting\""));
	close(fd);
}

Test(agent_restore, stopping_in_the_middle)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request("\"PostRestore\"");
	expect_verb(CONTROL_THAW);
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	close(fd);
}
