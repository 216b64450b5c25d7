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
	EXPECT_EXIT(3, "no JSON", "ping", "vm4");
	EXPECT_EXIT(3, "no JSON", "status", "vm4");
	EXPECT_EXIT(1, "\\x1b[2Jno", "ping", "vm0", "vm1");
	EXPECT_EXIT(3, "", "ping", "-j", "vm0", "vm1", "vm3");
	EXPECT_EXIT(3, "got 'NO'", "ping", "vm3", "vm0");
	EXPECT_EXIT(0, "", "--help");
	EXPECT_EXIT(0, "", "--version");
	EXPECT_EXIT(2, "'frob' is no verb", "frob");
	EXPECT_EXIT(2, "CID 2 is not a guest's", "ping", "vsock:2");
	EXPECT_EXIT(2, "there is no such option", "ping", "--frob", "vm0");
}

/* Every verb and every option of the summary is in the manual page. */
Test(probe_program, the_manual_is_complete)
{
	struct program_result help, manual;
	int verbs = 0, options = 0;

	PROGRAM_RUN(&help, NULL, PROGRAM, "--help");
	PROGRAM_RUN(&manual, NULL, "/bin/cat", VECTORS "/../../man/mvm-probe.1");
	cr_assert_eq(manual.status, 0, "%s", manual.err);
	for (char *line = strtok(help.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char verb[32], want[80], name[32], letter;

		if (sscanf(line, "  -%c, --%31[a-z-]", &letter, name) == 2) {
			snprintf(want, sizeof(want), ".It Fl %c , -%s", letter, name);
			options++;
		} else if (line[0] == ' ' && sscanf(line, " %31[a-z-] TARGET", verb) == 1) {
			snprintf(want, sizeof(want), ".It Cm %s ", verb);
			verbs++;
		} else {
			continue;
		}
		cr_expect_not_null(strstr(manual.out, want), "no '%s' in the manual", want);
	}
	cr_assert_eq(verbs, 17);
	cr_assert_eq(options, 12);
	program_free(&help);
	program_free(&manual);
}

Test(probe_program, ping_says_how_long_it_took)
{
	struct fake_script script = { .answers = good };
	struct program_result r;
	double ms;
	json_t *object;
	int end = 0;

	start_agents(&script, 1);
	PROGRAM_RUN(&r, NULL, PROGRAM, "ping", "vm0");
	cr_assert_eq(
		sscanf(r.out, "vm0: alive, answered in %lf ms\n%n", &ms, &end), 1, "%s", r.out);
	cr_assert_eq(r.out[end], '\0');
	program_free(&r);
	PROGRAM_RUN(&r, NULL, PROGRAM, "ping", "--json", "vm0");
	object = json_loads(r.out, 0, NULL);
	cr_assert(json_is_true(json_object_get(object, "alive")));
	cr_assert_gt(json_integer_value(json_object_get(object, "elapsed_us")), 0);
	cr_assert(json_is_null(json_object_get(object, "error")));
	json_decref(object);
	program_free(&r);
}

Test(probe_program, output_that_cannot_be_written_is_an_error)
{
	struct fake_script script = { .answers = good };

	start_agents(&script, 1);
	cr_assert_eq(setenv("PROBE", PROGRAM, 1), 0);
	expect_exit(3, "cannot write the output: No space left",
		(const char *const[]){ "/bin/sh", "-c", "\"$PROBE\" status vm0 >/dev/full", NULL });
}

/* ---- many ------------------------------------------------------------------------------------ */

/* 400 guests, one of four kinds each, answering as slowly as they like, all at once. */
Test(probe_program, hundreds_of_targets_at_once)
{
	static struct fake_script scripts[400];
	const char *argv[404] = { PROGRAM, "status", "--json" };
	struct program_result r;
	json_t *array, *entry;
	size_t i;

	for (i = 0; i < 400; i++) {
		scripts[i] = (struct fake_script){ .answers = i % 4 == 1 ? hostile : good };
		if (i % 4 == 2)
			scripts[i].refuse = 99;
		if (i % 4 == 3) {
			scripts[i].piece = 100;
			scripts[i].pause_ms = 20;
		}
	}
	start_agents(scripts, 400);
	for (i = 0; i < 400; i++)
		argv[3 + i] = sockets[i];
	program_run(&r, argv, NULL);
	cr_assert_eq(r.status, 3, "%s", r.err);
	array = json_loads(r.out, 0, NULL);
	cr_assert_eq(json_array_size(array), 400);
	json_array_foreach(array, i, entry)
	{
		const json_t *healthy = json_object_get(entry, "healthy");

		cr_assert_str_eq(json_string_value(json_object_get(entry, "target")), sockets[i]);
		cr_assert(i % 4 == 1   ? json_is_false(healthy)
			  : i % 4 == 2 ? json_is_null(healthy)
				       : json_is_true(healthy),
			"%zu", i);
	}
	json_decref(array);
	program_free(&r);
}

/* With descriptors for a few only, the others have their turn later. */
Test(probe_program, more_targets_than_descriptors)
{
	static struct fake_script scripts[100];
	char command[8192] = "ulimit -n 64; exec " PROGRAM " ping";
	struct program_result r;
	size_t lines = 0;

	for (size_t i = 0; i < 100; i++)
		scripts[i] = (struct fake_script){ .answers = good };
	start_agents(scripts, 100);
	for (size_t i = 0; i < 100; i++) {
		strcat(command, " ");
		strcat(command, sockets[i]);
	}
	PROGRAM_RUN(&r, NULL, "/bin/sh", "-c", command);
	cr_assert_eq(r.status, 0, "%s", r.err);
	for (const char *c = r.out; *c != '\0'; c++)
		lines += *c == '\n';
	cr_assert_eq(lines, 100);
	program_free(&r);
}

/* ---- wait ------------------------------------------------------------------------------------ */

/* Starting, then unhealthy, then healthy: the sixth question about integrations finds it so. */
static const char *get_well(struct fake_agent *a, const char *request)
{
	static unsigned int asked;
	static const char *const states[] = { "\"starting\"",
		"\"active\",\"health\":{\"healthy\":false,\"detail\":\"\",\"checked_at\":\"\"}",
		"\"active\",\"health\":{\"healthy\":true,\"detail\":\"\",\"checked_at\":\"\"}" };
	static char body[512];

	(void)a;
	if (strcmp(request, "\"IntegrationStatus\"") != 0)
		return NULL;
	snprintf(body, sizeof(body),
		"{\"IntegrationStatusReport\":{\"integrations\":[{\"name\":\"web\",\"status\":%s}]}"
		"}",
		states[asked < 3    ? 0
			: asked < 5 ? 1
				    : 2]);
	asked++;
	return body;
}

Test(probe_program, wait_until_healthy)
{
	struct fake_script script = { .answers = good, .refuse = 5 };
	struct program_result r;
	unsigned int seconds, thousandths;

	fake_process_respond(get_well);
	start_agents(&script, 1);
	PROGRAM_RUN(&r, NULL, PROGRAM, "wait", "vm0");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_assert_eq(
		sscanf(r.out, "vm0: ready after %u.%3u s: 2/2 healthy\n", &seconds, &thousandths),
		2, "%s", r.out);
	/* Three failed tries, three starting, two unhealthy: the pauses between them at least. */
	cr_assert_geq(seconds * 1000 + thousandths, 20 + 40 + 20 + 40 + 80 + 160 + 320);
	program_free(&r);
}

Test(probe_program, wait_in_vain)
{
	struct fake_script scripts[] = { { .answers = hostile }, { .refuse = ~0u },
		{ .answers = good, .piece = 1, .pause_ms = 1000 } };
	struct program_result r;
	json_t *array;

	start_agents(scripts, 3);
	EXPECT_EXIT(3, "vm1: not ready after 0.", "wait", "-t", "200ms", "vm1");
	EXPECT_EXIT(3, "vm2: not ready after 0.", "wait", "-t", "200ms", "vm2");
	EXPECT_EXIT(3, "nonexistent/v.sock: not ready after", "wait", "-t", "50ms",
		"nonexistent/v.sock");
	PROGRAM_RUN(&r, NULL, PROGRAM, "wait", "-t", "200ms", "vm0");
	cr_assert_eq(r.status, 1);
	cr_assert_not_null(strstr(r.out, "s: 0/1 healthy: w\\x1b[2Jb\n"), "%s", r.out);
	program_free(&r);
	PROGRAM_RUN(&r, NULL, PROGRAM, "wait", "-j", "-t", "200ms", "vm0", "vm1");
	cr_assert_eq(r.status, 3);
	array = json_loads(r.out, 0, NULL);
	cr_assert(json_is_false(json_object_get(json_array_get(array, 0), "healthy")));
	cr_assert(json_is_false(json_object_get(json_array_get(array, 1), "reachable")));
	json_decref(array);
	program_free(&r);
}

/* Some things do not change by waiting; the test's own deadline is well below this one. */
Test(probe_program, wait_does_not_wait_for_what_cannot_come)
{
	EXPECT_EXIT(3, "not a socket", "wait", "-t", "1h", "/dev/null");
}

/* While the VMM restarts there is no socket at all for a moment. */
static const char *vanish_and_return(struct fake_agent *a, const char *request)
{
	static bool vanished;

	if (!vanished && strcmp(request, "\"IntegrationStatus\"") == 0) {
		vanished = true;
		unlink("vm0/v.sock");
		fake_agent_stop(a);
		fake_agent_start(a, a->loop, "vm0/v.sock", a->script);
		return "{\"Error\":{\"message\":\"not yet\"}}";
	}
	return NULL;
}

Test(probe_program, wait_through_a_restart)
{
	struct fake_script script = { .answers = good };

	fake_process_respond(vanish_and_return);
	start_agents(&script, 1);
	EXPECT_EXIT(0, "", "wait", "vm0");
}
