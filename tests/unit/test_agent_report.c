/* SPDX-License-Identifier: MIT */
/* The status of integrations, the bytes of reports, and when the guest is busy. */
#include "agent_rig.h"

#include "agent/checks/activity.h"
#include "agent/requests/health_report.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct checker checker;
static struct monitors monitors;
static char *text; /* of the last report */

static void result_changed(void *owner, struct check *c)
{
	(void)owner;
	(void)c;
}

static void start(void)
{
	rig_start();
	checker =
		(struct checker){ .loop = &rig.loop, .jobs = &rig.jobs, .changed = result_changed };
	text = malloc(PROTOCOL_BODY_MAX + 1);
	cr_assert_not_null(text);
}

static void stop(void)
{
	monitors_free(&monitors);
	free(text);
	rig_stop();
}

TestSuite(agent_report, .init = start, .fini = stop, .timeout = 60);

static void load(enum definition_kind kind)
{
	monitors_init(&monitors, kind, rig.directory, &checker);
	monitors_load(&monitors);
	/* 2026-03-21T10:15:00Z */
	monitors_set_first_start(&monitors, 1000, 1774088100);
}

static const char *report_at(uint64_t now_ms)
{
	struct report r = { .monitors = &monitors, .now_ms = now_ms };
	struct buf b;

	buf_init(&b, text, PROTOCOL_BODY_MAX + 1);
	if (monitors.kind == DEFINITION_PROBE)
		report_write_probes(&b, &r);
	else
		report_write_integrations(&b, &r);
	cr_assert_not(b.cut);
	return text;
}

static void set_result(const char *name, bool healthy, const char *detail, const char *output)
{
	struct monitor *m = monitors_find(&monitors, name);

	cr_assert_not_null(m);
	check_set_result(&m->check.result, healthy, 1774088161, detail, output);
}

/* ---- integrations ---------------------------------------------------------------------------- */

#define INTEGRATIONS(entries) "{\"IntegrationStatusReport\":{\"integrations\":[" entries "]}}"

Test(agent_report, no_integrations)
{
	load(DEFINITION_INTEGRATION);
	cr_expect_str_eq(report_at(5000), INTEGRATIONS(""));
}

Test(agent_report, an_integration_from_its_start_on)
{
	rig_file("web.json", "{\"name\":\"web\",\"health_cmd\":\"x\",\"startup_grace_secs\":60}");
	load(DEFINITION_INTEGRATION);
	cr_expect_str_eq(report_at(60999),
		INTEGRATIONS(
			"{\"name\":\"web\",\"status\":\"starting\",\"last_checkpoint_at\":null,"
			"\"state_size_bytes\":0,\"health\":{\"healthy\":false,\"detail\":\"first "
			"check pending\",\"checked_at\":\"2026-03-21T10:15:00Z\"}}"));
	set_result("web", false, "connection refused", NULL);
	cr_expect_str_eq(report_at(60999),
		INTEGRATIONS(
			"{\"name\":\"web\",\"status\":\"starting\",\"last_checkpoint_at\":null,"
			"\"state_size_bytes\":0,\"health\":{\"healthy\":false,\"detail\":"
			"\"connection refused\",\"checked_at\":\"2026-03-21T10:16:01Z\"}}"));
	cr_expect_str_eq(report_at(61000),
		INTEGRATIONS("{\"name\":\"web\",\"status\":{\"error\":\"connection refused\"},"
			     "\"last_checkpoint_at\":null,\"state_size_bytes\":0,\"health\":{"
			     "\"healthy\":false,\"detail\":\"connection refused\",\"checked_at\":"
			     "\"2026-03-21T10:16:01Z\"}}"));
	set_result("web", true, "ok", NULL);
	cr_expect_str_eq(report_at(61000),
		INTEGRATIONS(
			"{\"name\":\"web\",\"status\":\"active\",\"last_checkpoint_at\":null,"
			"\"state_size_bytes\":0,\"health\":{\"healthy\":true,\"detail\":\"ok\","
			"\"checked_at\":\"2026-03-21T10:16:01Z\"}}"));
}

Test(agent_report, integrations_without_a_check_and_with_checkpoints)
{
	struct monitor *m;

	rig_file("1.json", "{\"name\":\"\\\"q\\\" \xc3\xa4\\n\"}");
	rig_file("2.json", "{\"name\":\"db\",\"startup_grace_secs\":1}");
	load(DEFINITION_INTEGRATION);
	m = monitors_find(&monitors, "db");
	m->is_down = true;
	m->checkpointed = true;
	m->last_checkpoint_at = 1774088100;
	m->state_size_bytes = UINT64_MAX;
	cr_expect_str_eq(report_at(1999),
		INTEGRATIONS("{\"name\":\"\\\"q\\\" \xc3\xa4\\n\",\"status\":\"active\","
			     "\"last_checkpoint_at\":null,\"state_size_bytes\":0,\"health\":null},"
			     "{\"name\":\"db\",\"status\":\"starting\",\"last_checkpoint_at\":"
			     "\"2026-03-21T10:15:00Z\",\"state_size_bytes\":18446744073709551615,"
			     "\"health\":null}"));
	cr_expect_not_null(strstr(report_at(2000), "\"db\",\"status\":\"pending\""));
}

/* Result known, healthy, seconds of grace, milliseconds since the first start: the status. */
Test(agent_report, the_status_of_an_integration)
{
	static const struct {
		bool known, healthy;
		uint64_t grace_secs, after_ms;
		enum monitor_status want;
	} rows[] = {
		{ false, false, 0, 0, MONITOR_PENDING },
		{ false, false, 10, 9999, MONITOR_STARTING },
		{ false, false, 10, 10000, MONITOR_PENDING },
		{ true, false, 0, 0, MONITOR_ERROR },
		{ true, false, 10, 0, MONITOR_STARTING },
		{ true, false, 10, 10000, MONITOR_ERROR },
		{ true, true, 0, 0, MONITOR_ACTIVE },
		{ true, true, 10, 0, MONITOR_ACTIVE },
		{ true, true, 10, 10000, MONITOR_ACTIVE },
		{ true, false, UINT64_MAX, 86400000, MONITOR_STARTING },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct monitor m = { .definition.command = (char *)(uintptr_t) "true" };

		m.definition.grace_secs = rows[i].grace_secs;
		m.check.result.known = rows[i].known;
		m.check.result.healthy = rows[i].healthy;
		cr_expect_eq(monitor_status(&m, 5000, 5000 + rows[i].after_ms), rows[i].want,
			"row %zu", i);
	}
	load(DEFINITION_INTEGRATION);
}

/* ---- probes ---------------------------------------------------------------------------------- */

Test(agent_report, probes_that_have_run)
{
	rig_file("1.json", "{\"name\":\"never\",\"cmd\":\"x\"}");
	rig_file("2.json", "{\"name\":\"disk\",\"cmd\":\"x\",\"output_format\":\"json\"}");
	rig_file("3.json", "{\"name\":\"load\",\"cmd\":\"x\"}");
	load(DEFINITION_PROBE);
	cr_expect_str_eq(report_at(5000), "{\"ProbeStatusReport\":{\"probes\":[]}}");
	set_result("disk", true, "ok", "{\"pct\":41}");
	set_result("load", false, "exit code 1", NULL);
	cr_expect_str_eq(report_at(5000),
		"{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":true,"
		"\"detail\":"
		"\"ok\",\"output\":{\"pct\":41},\"checked_at\":\"2026-03-21T10:16:01Z\"},{\"name\":"
		"\"load\",\"healthy\":false,\"detail\":\"exit code 1\",\"checked_at\":"
		"\"2026-03-21T10:16:01Z\"}]}}");
}

/* ---- reports that would be too long ---------------------------------------------------------- */

/* Load as many as there can be, with names of the greatest length. `filler` makes up the name. */
static void load_most(enum definition_kind kind, const char *filler, size_t filler_bytes)
{
	for (int i = 0; i < DEFINITIONS_MAX; i++) {
		char name[32], file[2048] = "";
		size_t bytes = 3;

		snprintf(name, sizeof(name), "%03d.json", i);
		snprintf(file, sizeof(file), "{\"%s\":\"x\",\"name\":\"%03d",
			kind == DEFINITION_PROBE ? "cmd" : "health_cmd", i);
		for (; bytes + filler_bytes <= DEFINITION_NAME_MAX; bytes += filler_bytes)
			strcat(file, filler);
		strcat(file, "\"}");
		rig_file(name, file);
	}
	load(kind);
	cr_assert_eq(monitors.count, DEFINITIONS_MAX);
}

/* Fill all results with `count` copies of `part` as details, and with outputs. */
static void fill(bool healthy, const char *part, size_t count, const char *output)
{
	char *detail = calloc(count, strlen(part) + 1);

	for (size_t i = 0; i < count; i++)
		strcat(detail, part);
	for (size_t i = 0; i < monitors.count; i++)
		check_set_result(
			&monitors.items[i]->check.result, healthy, 1774088161, detail, output);
	free(detail);
}

static json_t *parse_report(void)
{
	json_error_t error;
	json_t *report = json_loads(report_at(UINT64_MAX / 2), JSON_DECODE_INT_AS_REAL, &error);

	cr_assert_not_null(report, "%s", error.text);
	return report;
}

static const json_t *entry(const json_t *report, size_t i)
{
	const json_t *list = json_object_iter_value(
		json_object_iter(json_object_iter_value(json_object_iter((json_t *)report))));

	cr_assert_eq(json_array_size(list), DEFINITIONS_MAX);
	return json_array_get(list, i);
}

Test(agent_report, long_details_are_cut_between_characters)
{
	json_t *report;
	const char *detail, *error;
	size_t len;

	load_most(DEFINITION_INTEGRATION, "n", 1);
	fill(false, "\xe2\x82\xac", 1300, NULL); /* 3900 bytes, twice in 256 entries */
	report = parse_report();
	for (size_t i = 0; i < DEFINITIONS_MAX; i++) {
		const json_t *e = entry(report, i);

		detail = json_string_value(json_object_get(json_object_get(e, "health"), "detail"));
		error = json_string_value(json_object_get(json_object_get(e, "status"), "error"));
		len = strlen(detail);
		cr_assert_str_eq(detail, error);
		cr_assert_eq(len % 3, 0);
		cr_assert_geq(len, 60);
	}
	json_decref(report);
	cr_expect_gt(
		strlen(text), PROTOCOL_BODY_MAX / 2, "there is room for more: %zu", strlen(text));
}

/* Every byte of names and details takes six in JSON: what is left is names and results. */
Test(agent_report, the_longest_report_there_can_be)
{
	json_t *report;

	load_most(DEFINITION_INTEGRATION, "\\u0001", 1);
	fill(false, "\x01", 4096, NULL);
	for (size_t i = 0; i < monitors.count; i++) {
		monitors.items[i]->checkpointed = true;
		monitors.items[i]->last_checkpoint_at = 1774088100;
		monitors.items[i]->state_size_bytes = UINT64_MAX;
	}
	report = parse_report();
	cr_expect_leq(strlen(text), PROTOCOL_BODY_MAX);
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_object_get(entry(report, 255), "health"), "detail")),
		"");
	json_decref(report);
}

Test(agent_report, outputs_that_do_not_fit_are_left_out_and_it_says_so)
{
	char output[16002] = "\"";
	json_t *report;

	memset(output + 1, 'o', 15999);
	output[16000] = '"';
	load_most(DEFINITION_PROBE, "n", 1);
	fill(true, "ok", 1, output);
	report = parse_report();
	for (size_t i = 0; i < DEFINITIONS_MAX; i++) {
		cr_assert_null(json_object_get(entry(report, i), "output"));
		cr_assert_str_eq(json_string_value(json_object_get(entry(report, i), "detail")),
			"ok (the report has no room for the output)");
	}
	json_decref(report);
	fill(true, "ok", 1, "[1]");
	report = parse_report();
	cr_expect_eq(json_array_size(json_object_get(entry(report, 7), "output")), 1);
	json_decref(report);
}

/* ---- busy or idle ---------------------------------------------------------------------------- */

static void update(struct activity *a, uint64_t now_ms, uint64_t used_us, bool want)
{
	struct activity_sample s = { .now_ms = now_ms, .used_us = used_us };

	activity_update(a, &s, (time_t)(now_ms / 1000));
	cr_expect_eq(a->busy, want, "at %llu ms", (unsigned long long)now_ms);
}

Test(agent_activity, busy_is_what_others_use)
{
	struct activity a = { .threshold = 0.1, .interval_ms = 5000 };
	struct activity_sample first = { .now_ms = 1000, .used_us = 3000000 };

	activity_begin(&a, &first);
	cr_expect_not(a.was_busy);
	update(&a, 2000, 9000000, false); /* sooner than the interval: the last answer */
	update(&a, 11000, 3999999, false);
	update(&a, 16000, 4499999, true); /* 0.5 s of 5 s are 0.1 processors */
	cr_expect_eq(a.last_busy_at, 16);
	update(&a, 17000, 4499999, true);
	update(&a, 21000, 4500000, false);
	cr_expect(a.was_busy);
	cr_expect_eq(a.last_busy_at, 16);
	update(&a, 26000, 1000, false); /* a counter that goes back is no use of processors */
	activity_begin(&a, &first);
	cr_expect_not(a.was_busy);
}

Test(agent_activity, a_threshold_of_zero_is_always_busy)
{
	struct activity a = { .threshold = 0, .interval_ms = 1000 };
	struct activity_sample first = { .now_ms = 0, .used_us = 0 };

	activity_begin(&a, &first);
	update(&a, 1000, 0, true);
}

Test(agent_activity, the_kernels_figures)
{
	/* user nice system idle iowait irq softirq steal guest guest_nice */
	cr_expect_eq(activity_parse_stat("cpu  100 20 3 99999 88888 4 5 77777 66 55\ncpu0 1", 100),
		132 * 10000);
	cr_expect_eq(activity_parse_stat("cpu  1 2 3\n", 100), 60000);
	cr_expect_eq(activity_parse_stat("cpu0 1 2 3\n", 100), 0);
	cr_expect_eq(activity_parse_stat("", 100), 0);
	cr_expect_eq(activity_parse_stat("cpu  x\n", 100), 0);
}

Test(agent_activity, the_cgroup_of_the_agent_alone)
{
	char path[64];

	cr_assert(activity_parse_cgroup("0::/services/mvm-guest-agent\n", path, sizeof(path)));
	cr_expect_str_eq(path, "/sys/fs/cgroup/services/mvm-guest-agent/cpu.stat");
	cr_expect(activity_parse_cgroup("0::/mvm-guest-agent", path, sizeof(path)));
	cr_expect_not(activity_parse_cgroup("0::/\n", path, sizeof(path)));
	cr_expect_not(activity_parse_cgroup("0::/services\n", path, sizeof(path)));
	cr_expect_not(activity_parse_cgroup("0::/not-mvm-guest-agent\n", path, sizeof(path)));
	cr_expect_not(activity_parse_cgroup("1:cpu:/mvm-guest-agent\n", path, sizeof(path)));
	cr_expect_not(activity_parse_cgroup("", path, sizeof(path)));
}

Test(agent_activity, a_sample_of_this_machine)
{
	struct activity_sample a = activity_sample(0), b;

	cr_assert_gt(a.used_us, 0);
	b = activity_sample(UINT64_MAX / 2);
	cr_expect_eq(b.used_us, 0, "what the checks have used does not count");
	cr_expect_geq(b.now_ms, a.now_ms);
}
