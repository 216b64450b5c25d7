/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include "agent/checks/history.h"
#include "base/clock.h"
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one run of the agent has. */
struct run {
	struct checker checker;
	struct monitors integrations, probes;
	struct activity activity;
	struct history history;
};

static char path[128], integrations[128], probes[128];

static void result_changed(void *owner, struct check *c)
{
	(void)owner;
	(void)c;
}

static void run_start(struct run *r)
{
	*r = (struct run){
		.checker = { .loop = &rig.loop, .jobs = &rig.jobs, .changed = result_changed }
	};
	monitors_init(&r->integrations, DEFINITION_INTEGRATION, integrations, &r->checker);
	monitors_init(&r->probes, DEFINITION_PROBE, probes, &r->checker);
	monitors_load(&r->integrations);
	monitors_load(&r->probes);
	r->history = (struct history){ .path = path,
		.integrations = &r->integrations,
		.probes = &r->probes,
		.activity = &r->activity };
}

static void run_end(struct run *r)
{
	monitors_free(&r->integrations);
	monitors_free(&r->probes);
}

static void start(void)
{
	rig_start();
	strcpy(integrations, rig_path("integrations.d"));
	strcpy(probes, rig_path("probes.d"));
	cr_assert_eq(mkdir(integrations, 0755), 0);
	cr_assert_eq(mkdir(probes, 0755), 0);
	rig_file("integrations.d/1.json", "{\"name\":\"web\",\"health_cmd\":\"x\"}");
	rig_file("integrations.d/2.json", "{\"name\":\"db\"}");
	rig_file("probes.d/1.json", "{\"name\":\"disk\",\"cmd\":\"x\"}");
	strcpy(path, rig_path("history.json"));
	rig_log_start();
}

TestSuite(agent_history, .init = start, .fini = rig_stop, .timeout = 60);

/* A first run with results, saved. */
static void save_some(struct run *r)
{
	struct monitor *db;

	run_start(r);
	monitors_set_first_start(&r->integrations, 77, 1000000);
	monitors_set_first_start(&r->probes, 77, 1000000);
	check_set_result(&monitors_find(&r->integrations, "web")->check.result, false, 1774088161,
		"no \"route\"\n\xe2\x82\xac", NULL);
	check_set_result(&monitors_find(&r->probes, "disk")->check.result, true, 1774088162, "ok",
		"{\"pct\":41}");
	db = monitors_find(&r->integrations, "db");
	db->checkpointed = true;
	db->last_checkpoint_at = 1774088163;
	db->state_size_bytes = UINT64_MAX;
	r->activity.was_busy = true;
	r->activity.last_busy_at = 1774088164;
	r->history.changed = true;
	history_save(&r->history);
	cr_assert_not(r->history.changed);
}

static void expect_afresh(const struct run *r)
{
	cr_expect_not(monitors_find(&r->integrations, "web")->check.result.known);
	cr_expect_not(monitors_find(&r->probes, "disk")->check.result.known);
	cr_expect_neq(r->integrations.first_start_ms, 77);
	cr_expect_not(r->activity.was_busy);
}

Test(agent_history, everything_comes_back)
{
	const struct check_result *result;
	const struct monitor *db;
	struct run first, second;
	struct stat st;

	save_some(&first);
	run_end(&first);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	run_start(&second);
	history_load(&second.history);
	result = &monitors_find(&second.integrations, "web")->check.result;
	cr_expect(result->known);
	cr_expect_not(result->healthy);
	cr_expect_eq(result->checked_at, 1774088161);
	cr_expect_str_eq(result->detail, "no \"route\"\n\xe2\x82\xac");
	cr_expect_null(result->output);
	result = &monitors_find(&second.probes, "disk")->check.result;
	cr_expect(result->healthy);
	cr_expect_str_eq(result->output, "{\"pct\":41}");
	db = monitors_find(&second.integrations, "db");
	cr_expect(db->checkpointed);
	cr_expect_eq(db->last_checkpoint_at, 1774088163);
	cr_expect_eq(db->state_size_bytes, UINT64_MAX);
	cr_expect_not(db->check.result.known);
	cr_expect_eq(second.integrations.first_start_ms, 77);
	cr_expect_eq(second.integrations.first_start_at, 1000000);
	cr_expect_eq(second.probes.first_start_ms, 77);
	cr_expect(second.activity.was_busy);
	cr_expect_eq(second.activity.last_busy_at, 1774088164);
	cr_expect_str_eq(rig_log(), "");
	run_end(&second);
}

Test(agent_history, without_a_change_nothing_is_written)
{
	struct run r;

	save_some(&r);
	cr_assert_eq(unlink(path), 0);
	history_save(&r.history);
	cr_expect_neq(access(path, F_OK), 0);
	run_end(&r);
}

Test(agent_history, the_grace_time_counts_from_the_first_start)
{
	struct run r;

	rig_file("integrations.d/1.json",
		"{\"name\":\"web\",\"health_cmd\":\"x\",\"startup_grace_secs\":5}");
	save_some(&r);
	run_end(&r);
	run_start(&r);
	history_load(&r.history);
	cr_expect_eq(monitors_find(&r.integrations, "web")->check.quiet_until_ms, 5077);
	run_end(&r);
}

Test(agent_history, names_that_are_gone_or_new)
{
	struct run r;

	save_some(&r);
	run_end(&r);
	rig_file("integrations.d/1.json", "{\"name\":\"other\",\"health_cmd\":\"x\"}");
	rig_file("probes.d/1.json", "{\"name\":\"web\",\"cmd\":\"x\"}"); /* of the other kind */
	run_start(&r);
	history_load(&r.history);
	cr_expect_not(monitors_find(&r.integrations, "other")->check.result.known);
	cr_expect_not(monitors_find(&r.probes, "web")->check.result.known);
	cr_expect_eq(r.integrations.first_start_ms, 77);
	run_end(&r);
}

Test(agent_history, an_absent_file_is_nothing_special)
{
	struct run r;

	run_start(&r);
	history_load(&r.history);
	expect_afresh(&r);
	cr_expect_str_eq(rig_log(), "");
	run_end(&r);
}

Test(agent_history, garbage_means_to_start_afresh)
{
	static const char *const garbage[] = { "",
		"\x7f"
		"ELF",
		"{}", "[]", "null",
		"{\"version\":2,\"first_start_ms\":77,\"first_start_at\":1,\"integrations\":[],"
		"\"probes\":[]}",
		"{\"version\":0,\"first_start_ms\":77,\"first_start_at\":1,\"integrations\":[],"
		"\"probes\":[]}",
		"{\"version\":1,\"first_start_ms\":9000000000000000000,\"first_start_at\":1,"
		"\"integrations\":[],\"probes\":[]}",
		"{\"version\":1,\"first_start_ms\":77,\"first_start_at\":1,\"integrations\":[{}],"
		"\"probes\":[]}",
		"{\"version\":1,\"first_start_ms\":77,\"first_start_at\":1,\"probes\":[]}" };

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct run r;

		rig_file("history.json", garbage[i]);
		run_start(&r);
		history_load(&r.history);
		expect_afresh(&r);
		cr_expect_eq(rig_count(rig_log(), "; starting with an empty health history\n"),
			i + 1, "%s", rig_log());
		cr_expect_eq(rig_count(rig_log(), "\n"), i + 1, "%s", rig_log());
		run_end(&r);
	}
}

/* The agent may be killed at any moment: no cut of the file may be taken for good or crash. */
Test(agent_history, every_truncation_is_noticed)
{
	char whole[4096];
	size_t len;
	struct run r;

	save_some(&r);
	run_end(&r);
	cr_assert_eq(file_read(path, whole, sizeof(whole), &len), 0);
	for (size_t cut = 0; cut + 2 < len; cut++) {
		cr_assert_eq(file_create(path, whole, cut, 0600), 0);
		run_start(&r);
		history_load(&r.history);
		expect_afresh(&r);
		run_end(&r);
		(void)rig_log();
	}
}

Test(agent_history, a_directory_that_is_gone_is_said_once_until_it_is_back)
{
	struct run r;

	run_start(&r);
	strcpy(path, rig_path("absent/history.json"));
	for (int i = 0; i < 3; i++) {
		r.history.changed = true;
		history_save(&r.history);
	}
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "/absent/history.json: No such file or directory; "));
	cr_assert_eq(mkdir(rig_path("absent"), 0755), 0);
	r.history.changed = true;
	history_save(&r.history);
	cr_expect_not_null(strstr(rig_log(), "/absent/history.json is written again\n"));
	cr_expect_eq(access(path, R_OK), 0);
	run_end(&r);
}

Test(agent_history, a_full_file_system_keeps_the_old_file)
{
	char *detail;
	struct run r;

	cr_assert_eq(mkdir(rig_path("full"), 0755), 0);
	if (mount("none", rig_path("full"), "tmpfs", 0, "size=8k") != 0)
		cr_skip_test("only root can mount");
	strcpy(path, rig_path("full/history.json"));
	save_some(&r);
	detail = calloc(1, 20001);
	memset(detail, 'x', 20000);
	check_set_result(
		&monitors_find(&r.integrations, "web")->check.result, false, 1, detail, NULL);
	free(detail);
	for (int i = 0; i < 2; i++) {
		r.history.changed = true;
		history_save(&r.history);
	}
	run_end(&r);
	run_start(&r);
	history_load(&r.history);
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "/full/history.json: No space left on device; "));
	cr_expect(monitors_find(&r.probes, "disk")->check.result.known);
	run_end(&r);
	cr_expect_eq(umount2(rig_path("full"), MNT_DETACH), 0);
}

/* A check that says the same each time writes no file each time. */
Test(agent_history, a_result_that_is_no_news_waits)
{
	struct history h = { 0 };

	history_note_result(&h, true, HISTORY_AGE_MS / 2);
	cr_expect(h.changed, "news in the first minutes");
	h.changed = h.confirmed = false;
	history_note_result(&h, false, HISTORY_AGE_MS / 2 + HISTORY_AGE_MS - 1);
	cr_expect(!h.changed && h.confirmed);
	history_note_result(&h, false, HISTORY_AGE_MS / 2 + HISTORY_AGE_MS);
	cr_expect(h.changed, "but not for ever");
	h.changed = h.confirmed = false;
	history_note_result(&h, true, HISTORY_AGE_MS / 2 + HISTORY_AGE_MS + 1);
	cr_expect(h.changed, "and news never");
	h.changed = h.confirmed = false;
	h.failed = true;
	history_note_result(&h, false, HISTORY_AGE_MS / 2 + HISTORY_AGE_MS + 2);
	cr_expect(h.changed, "nor when the news could not be written");
}
