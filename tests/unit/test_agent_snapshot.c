/* SPDX-License-Identifier: MIT */
/* SleepPrep and CheckpointIntegrations, by the whole agent; the test is the host and PID 1. */
#include "agent_process.h"
#include "agent_rig.h"

#include "agent/checks/state_size.h"
#include "agent/requests/snapshot.h"
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(agent_snapshot, .init = process_start, .fini = process_stop, .timeout = 120);

static const char *const no_services[] = { NULL };

#define SLEEP_PREP "{\"SleepPrep\":{\"drain_timeout_secs\":30}}"
#define SYNCED     "filesystems synced, page cache dropped"

Test(agent_snapshot, the_hosts_time_and_ours)
{
	cr_expect_eq(snapshot_budget_ms(30), 28500);
	cr_expect_eq(snapshot_budget_ms(6), 4500);
	cr_expect_eq(snapshot_budget_ms(2), 1500);
	cr_expect_eq(snapshot_budget_ms(1), 750);
	cr_expect_eq(snapshot_budget_ms(0), 250);
	cr_expect_eq(snapshot_budget_ms(UINT64_MAX), 3598500);
}

Test(agent_snapshot, sleep_prep_without_checkpoints)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	expect_verb(CONTROL_SYNC);
	answer_step("sync", 0, "");
	answer_step("drop caches", 0, "");
	answer_done(0, "");
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":true,\"detail\":\"" SYNCED "\"}}");
	send_text(fd, SLEEP_PREP);
	expect_verb(CONTROL_SYNC);
	answer_done(EIO, "");
	expect_reply(fd,
		"{\"SleepPrepAck\":{\"success\":false,\"detail\":\"sync: Input/output error\"}}");
	send_text(fd, SLEEP_PREP);
	expect_verb(CONTROL_SYNC);
	answer_step("sync", 0, "");
	answer_step("drop-caches", EACCES, "");
	answer_done(EACCES, "Permission denied");
	expect_reply(fd,
		"{\"SleepPrepAck\":{\"success\":false,\"detail\":\"drop-caches: Permission "
		"denied\"}}");
	close(fd);
}

Test(agent_snapshot, sleep_prep_without_init)
{
	start_agent(NULL);
	expect(SLEEP_PREP, "{\"SleepPrepAck\":{\"success\":false,\"detail\":\"filesystems not "
			   "synced: no channel to init\"}}");
}

/* Two commands that wait for each other end only when they run at the same time. */
static void make_checkpoints(const char *end_of_db, bool critical)
{
	char text[1024];

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	cr_assert_eq(mkfifo(rig_path("a"), 0666), 0);
	cr_assert_eq(mkfifo(rig_path("b"), 0666), 0);
	cr_assert_eq(chmod(rig_path("a"), 0666) + chmod(rig_path("b"), 0666), 0);
	snprintf(text, sizeof(text),
		"{\"name\":\"db\",\"critical\":%s,\"checkpoint_cmd\":\"echo >%s; read x <%s; %s\"}",
		critical ? "true" : "false", rig_path("a"), rig_path("b"), end_of_db);
	rig_file("integrations.d/db.json", text);
	snprintf(text, sizeof(text),
		"{\"name\":\"mail\",\"checkpoint_cmd\":\"read x <%s; echo >%s\"}", rig_path("a"),
		rig_path("b"));
	rig_file("integrations.d/mail.json", text);
	rig_file("integrations.d/web.json", "{\"name\":\"web\"}");
}

Test(agent_snapshot, checkpoints_run_in_parallel_and_before_the_sync)
{
	char *reply;
	int fd;

	make_checkpoints("true", true);
	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	SERVE(CONTROL_SYNC);
	expect_reply(fd,
		"{\"SleepPrepAck\":{\"success\":true,\"detail\":\"checkpointed db, mail; " SYNCED
		"\"}}");
	close(fd);
	reply = ask("\"IntegrationStatus\"");
	cr_expect_eq(rig_count(reply, "\"last_checkpoint_at\":\"20"), 2, "%s", reply);
	cr_expect_eq(rig_count(reply, "\"last_checkpoint_at\":null"), 1, "%s", reply);
	free(reply);
}

Test(agent_snapshot, a_critical_checkpoint_that_fails_is_a_failure)
{
	int fd;

	make_checkpoints("echo lock held >&2; exit 1", true);
	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	SERVE(CONTROL_SYNC);
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":false,\"detail\":\"db (critical): lock "
			 "held; checkpointed mail; " SYNCED "\"}}");
	close(fd);
	char *reply = ask("\"IntegrationStatus\"");
	cr_expect_eq(rig_count(reply, "\"last_checkpoint_at\":\"20"), 1, "%s", reply);
	free(reply);
}

Test(agent_snapshot, another_checkpoint_that_fails_is_told)
{
	int fd;

	make_checkpoints("echo lock held >&2; exit 1", false);
	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	SERVE(CONTROL_SYNC);
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":true,\"detail\":\"db: lock held; "
			 "checkpointed mail; " SYNCED "\"}}");
	close(fd);
}

Test(agent_snapshot, the_reply_comes_within_the_hosts_time)
{
	char *reply;
	int fd;

	rig_file("integrations.d/db.json",
		"{\"name\":\"db\",\"critical\":true,\"checkpoint_cmd\":\"sleep 1000\"}");
	start_agent_with_init(NULL, no_services);
	fd = send_request("{\"SleepPrep\":{\"drain_timeout_secs\":1}}");
	/* The checkpoint is killed early enough for what comes after it. */
	expect_verb(CONTROL_SYNC);
	/* PID 1 takes its time: the reply does not wait for it. */
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	/* On a busy machine it is the checkpoint that is not done in time. */
	cr_expect(strstr(reply, "{\"SleepPrepAck\":{\"success\":false,") == reply &&
			  strstr(reply, "not done in time: ") != NULL,
		"%s", reply);
	free(reply);
	/* What comes late is no reply to the next request. */
	send_text(fd, "\"Ping\"");
	answer_done(0, "");
	expect_reply(fd, "\"Pong\"");
	close(fd);
}

Test(agent_snapshot, services_are_frozen_where_that_is_asked_for)
{
	char config[128];
	int fd;

	strcpy(config, rig_file("agent.json", "{\"freeze_services\":true}"));
	start_agent_with_init(config, no_services);
	fd = send_request(SLEEP_PREP);
	SERVE(CONTROL_FREEZE, CONTROL_SYNC);
	expect_reply(fd,
		"{\"SleepPrepAck\":{\"success\":true,\"detail\":\"services frozen; " SYNCED "\"}}");
	/* A failure lets them go on, because the host may not go on with it. */
	send_text(fd, SLEEP_PREP);
	SERVE(CONTROL_FREEZE);
	expect_verb(CONTROL_SYNC);
	answer_done(EIO, "disk is gone");
	SERVE(CONTROL_THAW);
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":false,\"detail\":\"services frozen; sync: "
			 "disk is gone; services thawed\"}}");
	send_text(fd, SLEEP_PREP);
	expect_verb(CONTROL_FREEZE);
	answer_done(ENOENT, "no cgroups");
	SERVE(CONTROL_SYNC);
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":true,\"detail\":\"services not frozen: no "
			 "cgroups; " SYNCED "\"}}");
	close(fd);
}

Test(agent_snapshot, a_channel_that_breaks_meanwhile)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	expect_verb(CONTROL_SYNC);
	close(init_fd);
	init_fd = -1;
	expect_reply(fd, "{\"SleepPrepAck\":{\"success\":false,\"detail\":\"sync: init has closed "
			 "its channel\"}}");
	close(fd);
}

Test(agent_snapshot, a_host_that_goes_away_stops_nothing)
{
	int fd;

	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	expect_verb(CONTROL_SYNC);
	close(fd);
	expect("\"Ping\"", "\"Pong\"");
	answer_done(0, "");
	expect("\"Ping\"", "\"Pong\"");
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
}

Test(agent_snapshot, stopping_in_the_middle)
{
	int fd;

	rig_file("integrations.d/db.json",
		"{\"name\":\"db\",\"checkpoint_cmd\":\"echo now; sleep 1000\"}");
	start_agent_with_init(NULL, no_services);
	fd = send_request(SLEEP_PREP);
	send_text(fd, "{\"CheckpointIntegrations\":{\"integrations\":[\"db\"]}}");
	expect("\"Ping\"", "\"Pong\"");
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0); /* and the sanitizer finds no leak */
	close(fd);
}

/* ---- CheckpointIntegrations ------------------------------------------------------------------ */

#define CHECKPOINT(names) "{\"CheckpointIntegrations\":{\"integrations\":[" names "]}}"
#define RESULT(ok, failed, detail)                                                                 \
	"{\"CheckpointResult\":{\"success\":" ok ",\"failed\":[" failed "],\"detail\":" detail "}" \
	"}"

Test(agent_snapshot, named_integrations)
{
	rig_file("integrations.d/1.json", "{\"name\":\"good\",\"checkpoint_cmd\":\"true\"}");
	rig_file("integrations.d/2.json",
		"{\"name\":\"mail\",\"checkpoint_cmd\":\"echo lock held >&2; exit 1\"}");
	rig_file("integrations.d/3.json", "{\"name\":\"none\"}");
	start_agent(NULL);
	expect(CHECKPOINT(""), RESULT("true", "", "null"));
	expect(CHECKPOINT("\"good\""), RESULT("true", "", "\"checkpointed good\""));
	expect(CHECKPOINT("\"good\",\"good\""), RESULT("true", "", "\"checkpointed good\""));
	expect(CHECKPOINT("\"mail\""), RESULT("false", "\"mail\"", "\"mail: lock held\""));
	expect(CHECKPOINT("\"what\",\"good\",\"mail\""),
		RESULT("false", "\"what\",\"mail\"",
			"\"what: no such integration; mail: lock held; checkpointed good\""));
	expect(CHECKPOINT("\"none\""), RESULT("true", "", "null"));
}

Test(agent_snapshot, one_hook_of_an_integration_at_a_time)
{
	char text[512];
	int first = connect_client();

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	cr_assert_eq(mkfifo(rig_path("go"), 0666), 0);
	cr_assert_eq(chmod(rig_path("go"), 0666), 0);
	snprintf(text, sizeof(text), "{\"name\":\"db\",\"checkpoint_cmd\":\"read x <%s\"}",
		rig_path("go"));
	rig_file("integrations.d/1.json", text);
	start_agent(NULL);
	send_text(first, CHECKPOINT("\"db\""));
	free(ask_until(CHECKPOINT("\"db\""),
		RESULT("false", "\"db\"",
			"\"db: another checkpoint or restore of it is still running\"")));
	cr_assert_eq(file_write(rig_path("go"), "\n", 1), 0);
	expect_reply(first, RESULT("true", "", "\"checkpointed db\""));
	close(first);
}

Test(agent_snapshot, checkpoints_run_as_their_user_and_never_as_root)
{
	rig_file("integrations.d/1.json",
		"{\"name\":\"1\",\"user\":\"daemon\",\"checkpoint_cmd\":\"id -un >&2; exit 1\"}");
	rig_file("integrations.d/2.json",
		"{\"name\":\"2\",\"user\":\"root\",\"checkpoint_cmd\":\"true\"}");
	start_agent(NULL);
	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	expect(CHECKPOINT("\"1\",\"2\""), RESULT("false", "\"1\",\"2\"",
						  "\"1: daemon; 2: user 'root' is root, but the "
						  "agent runs nothing as root\""));
}

/* ---- sizes ----------------------------------------------------------------------------------- */

Test(agent_snapshot, the_size_of_a_state_is_measured_and_survives)
{
	char *reply;

	cr_assert_eq(chmod(rig_file("measure", "#!/bin/sh\n[ \"$1\" = --state-size ] && "
					       "[ \"$2\" != \"${2%/nowhere/db/state}\" ] && "
					       "[ \"$3\" != \"${3%/states/db/state}\" ] && "
					       "printf 4711\n"),
			     0755),
		0);
	rig_file("integrations.d/1.json", "{\"name\":\"db\",\"checkpoint_cmd\":\"true\"}");
	start_agent(NULL);
	expect(CHECKPOINT("\"db\""), RESULT("true", "", "\"checkpointed db\""));
	reply = ask("\"IntegrationStatus\"");
	cr_expect_not_null(strstr(reply, "\"state_size_bytes\":4711,"), "%s", reply);
	free(reply);
	kill(agent_pid, SIGKILL);
	wait_for_end();
	start_agent(NULL);
	reply = ask("\"IntegrationStatus\"");
	cr_expect_not_null(strstr(reply, "\"last_checkpoint_at\":\"20"), "%s", reply);
	cr_expect_not_null(strstr(reply, "\"state_size_bytes\":4711,"), "%s", reply);
	free(reply);
}

Test(agent_snapshot, sizes_of_files_and_directories)
{
	uint64_t bytes = 1;

	cr_assert_eq(mkdir(rig_path("d"), 0755), 0);
	cr_assert_eq(mkdir(rig_path("d/e"), 0755), 0);
	rig_file("outside", "12345");
	rig_file("d/a", "1234");
	rig_file("d/.b", "123");
	rig_file("d/e/c", "12");
	cr_assert_eq(symlink("../outside", rig_path("d/link")), 0);
	cr_assert_eq(symlink("..", rig_path("d/e/up")), 0);
	cr_assert_eq(mkfifo(rig_path("d/fifo"), 0600), 0);
	cr_expect_eq(state_size(rig_path("d"), &bytes), 0);
	cr_expect_eq(bytes, 9);
	cr_expect_eq(state_size(rig_path("outside"), &bytes), 0);
	cr_expect_eq(bytes, 5);
	cr_expect_eq(state_size(rig_path("absent"), &bytes), -ENOENT);
	cr_expect_eq(bytes, 0);
}
