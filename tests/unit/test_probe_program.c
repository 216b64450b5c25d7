/* SPDX-License-Identifier: MIT */
/* The program itself: what it prints, and its exit statuses. */
#include "probe_rig.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T1 "2026-03-21T10:15:00Z"

static char sockets[400][64];
static const char *paths[400];

TestSuite(probe_program, .init = probe_rig_set_up, .fini = probe_rig_clean_up, .timeout = 120);

/* Start agents at vm0/v.sock, vm1/v.sock ... */
static void start_agents(const struct fake_script *scripts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char vm[32];

		snprintf(vm, sizeof(vm), "vm%zu", i);
		cr_assert_eq(mkdir(vm, 0700), 0);
		snprintf(sockets[i], sizeof(sockets[i]), "vm%zu/v.sock", i);
		paths[i] = sockets[i];
	}
	probe_rig_start(paths, scripts, count);
}

static const struct fake_answer good[] = {
	{ "\"Ping\"", "\"Pong\"", 0 },
	{ "\"WorkerStatus\"", "{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}", 0 },
	{ "\"IntegrationStatus\"",
		"{\"IntegrationStatusReport\":{\"integrations\":[{\"name\":\"web\",\"status\":"
		"\"active\","
		"\"last_checkpoint_at\":null,\"state_size_bytes\":0,\"health\":{\"healthy\":true,"
		"\"detail\":\"ok\",\"checked_at\":\"" T1 "\"}},{\"name\":\"plain\","
		"\"status\":\"pending\"}]}}",
		0 },
	{ "\"ProbeStatus\"",
		"{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":true,"
		"\"detail\":\"ok\",\"output\":{\"pct\":41},\"checked_at\":\"" T1 "\"}]}}",
		0 },
	{ 0 },
};

static const struct fake_answer hostile[] = {
	{ "\"Ping\"", "{\"Error\":{\"message\":\"\\u001b[2Jno\"}}", 0 },
	{ "\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"b\\nusy\",\"last_busy_at\":\"" T1 "\"}}", 0 },
	{ "\"IntegrationStatus\"",
		"{\"IntegrationStatusReport\":{\"integrations\":[{\"name\":\"w\\u001b[2Jb\","
		"\"status\":{\"error\":\"\\u009b31m\"},\"health\":{\"healthy\":false,"
		"\"detail\":\"x\\r\\n\xe2\x80\xaey\",\"checked_at\":\"\\u0007\"}},"
		"{\"name\":\"new\",\"status\":\"sleepy\",\"health\":null}]}}",
		0 },
	{ "\"ProbeStatus\"", "{\"ProbeStatusReport\":{\"probes\":[]}}", 0 },
	{ 0 },
};

/* ---- status ---------------------------------------------------------------------------------- */

Test(probe_program, status_of_a_healthy_guest)
{
	struct fake_script script = { .answers = good };
	start_agents(&script, 1);
	EXPECT(0,
		"VM         vm0\n"
		"WORKER     idle\n"
		"LAST BUSY  never\n"
		"HEALTH     2/2 healthy\n"
		"\n"
		"CHECK  KIND         HEALTH   STATUS   CHECKED AT            DETAIL\n"
		"web    integration  healthy  active   " T1 "  ok\n"
		"plain  integration  -        pending\n"
		"disk   probe        healthy           " T1 "  ok {\"pct\":41}\n",
		"", "status", "vm0/v.sock");
}

Test(probe_program, status_as_json)
{
	struct fake_script script = { .answers = good };
	start_agents(&script, 1);
	EXPECT(0,
		"{\n"
		"  \"name\": \"vm0\",\n"
		"  \"target\": \"vm0\",\n"
		"  \"reachable\": true,\n"
		"  \"healthy\": true,\n"
		"  \"worker_status\": \"idle\",\n"
		"  \"last_busy_at\": null,\n"
		"  \"integrations\": [\n"
		"    {\n"
		"      \"name\": \"web\",\n"
		"      \"status\": \"active\",\n"
		"      \"healthy\": true,\n"
		"      \"detail\": \"ok\",\n"
		"      \"checked_at\": \"" T1 "\",\n"
		"      \"last_checkpoint_at\": null,\n"
		"      \"state_size_bytes\": 0\n"
		"    },\n"
		"    {\n"
		"      \"name\": \"plain\",\n"
		"      \"status\": \"pending\",\n"
		"      \"healthy\": null,\n"
		"      \"detail\": null,\n"
		"      \"checked_at\": null,\n"
		"      \"last_checkpoint_at\": null,\n"
		"      \"state_size_bytes\": 0\n"
		"    }\n"
		"  ],\n"
		"  \"probes\": [\n"
		"    {\n"
		"      \"name\": \"disk\",\n"
		"      \"healthy\": true,\n"
		"      \"detail\": \"ok\",\n"
		"      \"output\": {\n"
		"        \"pct\": 41\n"
		"      },\n"
		"      \"checked_at\": \"" T1 "\"\n"
		"    }\n"
		"  ],\n"
		"  \"error\": null\n"
		"}\n",
		"", "status", "--json", "vm0");
}

Test(probe_program, status_of_a_hostile_guest)
{
	struct fake_script script = { .answers = hostile };
	struct program_result r;

	start_agents(&script, 1);
	EXPECT(1,
		"VM         vm0\n"
		"WORKER     b\\nusy\n"
		"LAST BUSY  " T1 "\n"
		"HEALTH     0/1 healthy: w\\x1b[2Jb\n"
		"\n"
		"CHECK      KIND         HEALTH     STATUS  CHECKED AT  DETAIL\n"
		"w\\x1b[2Jb  integration  unhealthy  error   \\x07        x\\r\\n\\u{202e}y\n"
		"new        integration  -          sleepy\n",
		"", "status", "vm0");
	PROGRAM_RUN(&r, NULL, PROGRAM, "status", "--json", "vm0");
	cr_assert_eq(r.status, 1);
	cr_assert_not_null(strstr(r.out, "\"w\\u001B[2Jb\""), "%s", r.out);
	cr_assert_not_null(strstr(r.out, "\"\\u009b31m\""), "%s", r.out);
	cr_assert_not_null(strstr(r.out, "\"x\\r\\n\\u202ey\""), "%s", r.out);
	cr_assert_not_null(strstr(r.out, "\"status\": \"sleepy\""), "%s", r.out);
	for (size_t i = 0; i < r.out_len; i++)
		cr_assert(r.out[i] == '\n' || (r.out[i] >= ' ' && r.out[i] < 0x7f));
	program_free(&r);
}

Test(probe_program, status_of_several)
{
	struct fake_script scripts[] = { { .answers = good }, { .answers = hostile },
		{ .refuse = 99 } };
	struct program_result r;
	json_t *array;

	start_agents(scripts, 3);
	EXPECT(3,
		"VM   WORKER       LAST BUSY             HEALTH\n"
		"vm0  idle         never                 2/2 healthy\n"
		"vm1  b\\nusy       " T1 "  0/1 healthy: w\\x1b[2Jb\n"
		"vm2  unreachable  -                     not-listening\n"
		"vm3  unreachable  -                     no-socket\n",
		"mvm-probe: vm2: closed without OK: nothing listens on port 52 in the guest; "
		"does its agent run?\n"
		"mvm-probe: /nonexistent/vm3/v.sock: no such socket: is the VM running?\n",
		"status", "vm0", "vm1", "vm2", "/nonexistent/vm3/v.sock");
	PROGRAM_RUN(&r, NULL, PROGRAM, "status", "vm0", "vm1");
	cr_assert_eq(r.status, 1, "the worst of 0 and 1");
	program_free(&r);
	PROGRAM_RUN(&r, NULL, PROGRAM, "status", "-j", "vm1", "vm2");
	cr_assert_eq(r.status, 3);
	array = json_loads(r.out, 0, NULL);
	cr_assert_eq(json_array_size(array), 2);
	cr_assert_str_eq(
		json_string_value(json_object_get(json_array_get(array, 1), "worker_status")),
		"unreachable");
	json_decref(array);
	program_free(&r);
}

/* ---- exit statuses --------------------------------------------------------------------------- */

static void expect_exit(int status, const char *part, const char *const *argv)
{
	struct program_result r;

	program_run(&r, argv, NULL);
	cr_expect_eq(r.status, status, "exit status %d instead of %d: %s%s", r.status, status,
		r.out, r.err);
	cr_expect(
		strstr(r.err, part) != NULL || (part[0] == '\0' && r.err[0] == '\0'), "%s", r.err);
	program_free(&r);
}

#define EXPECT_EXIT(status, part, ...)                                                             \
	expect_exit(status, part, (const char *const[]){ PROGRAM, __VA_ARGS__, NULL })

Test(probe_program, exit_statuses)
{
	struct fake_script scripts[] = { { .answers = good }, { .answers = hostile },
		{ .ignore_connect = true }, { .ok = "NO\n" },
		{ .answers = (struct fake_answer[]){ { NULL, "{\"Pong\"", 0 }, { 0 } } } };

	start_agents(scripts, 5);
	EXPECT_EXIT(0, "", "ping", "vm0");
	EXPECT_EXIT(1, "vm1: the agent answered: \\x1b[2Jno\n", "ping", "vm1");
	EXPECT_EXIT(3, "timed out after 0.020 s", "ping", "-t", "20ms", "vm2");
	EXPECT_EXIT(3, "expected 'OK' and a number after CONNECT, got 'NO'", "ping", "vm3");
	EXPECT_EXIT(3, "not JSON", "ping", "vm4");
	EXPECT_EXIT(3, "not JSON", "status", "vm4");
	EXPECT_EXIT(1, "\\x1b[2Jno", "ping", "vm0", "vm1");
	EXPECT_EXIT(3, "", "ping", "-j", "vm0", "vm1", "vm3");
	EXPECT_EXIT(3, "got 'NO'", "ping", "vm3", "vm0");
	EXPECT_EXIT(0, "", "--help");
	EXPECT_EXIT(0, "", "--version");
	EXPECT_EXIT(2, "'frob' is not a verb", "frob");
	EXPECT_EXIT(2, "CID 2 is not a guest's", "ping", "vsock:2");
	EXPECT_EXIT(2, "no such option", "ping", "--frob", "vm0");
}

/* The verb's own help has its options and an example. */
static void expect_help(const char *verb)
{
	struct program_result r;
	char want[60];

	PROGRAM_RUN(&r, NULL, PROGRAM, verb, "--help");
	cr_expect_eq(r.status, 0, "%s --help: %s", verb, r.err);
	snprintf(want, sizeof(want), "\nExample:\n  mvm-probe %s", verb);
	cr_expect_not_null(strstr(r.out, want), "%s --help has no example", verb);
	cr_expect_not_null(strstr(r.out, "--timeout TIME"), "%s --help has no options", verb);
	program_free(&r);
}

/* Every verb and every option of the summary is in the manual page. */
Test(probe_program, the_manual_is_complete)
{
	struct program_result help, manual;
	int verbs = 0, options = 0;
	bool in_verbs = false;

	PROGRAM_RUN(&help, NULL, PROGRAM, "--help");
	PROGRAM_RUN(&manual, NULL, "/bin/cat", VECTORS "/../../man/mvm-probe.1");
	cr_assert_eq(manual.status, 0, "%s", manual.err);
	for (char *line = strtok(help.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char want[80], name[32], letter;

		if (line[0] != ' ')
			in_verbs = strcmp(line, "Verbs:") == 0;
		if (sscanf(line, "  -%c, --%31[a-z-]", &letter, name) == 2) {
			snprintf(want, sizeof(want), ".It Fl %c , -%s", letter, name);
			options++;
		} else if (sscanf(line, " --%31[a-z-]", name) == 1) {
			snprintf(want, sizeof(want), ".It Fl -%s", name);
			options++;
		} else if (in_verbs && sscanf(line, " %31[a-z-]", name) == 1) {
			snprintf(want, sizeof(want), ".It Cm %s ", name);
			expect_help(name);
			verbs++;
		} else {
			continue;
		}
		cr_expect_not_null(strstr(manual.out, want), "no '%s' in the manual", want);
	}
	cr_assert_geq(verbs, 17);
	cr_assert_geq(options, 12);
	program_free(&help);
	program_free(&manual);
}
