/* SPDX-License-Identifier: MIT */
/* The verbs events and reload. */
#include "probe_rig.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(probe_events, .init = probe_rig_set_up, .fini = probe_rig_clean_up, .timeout = 120);

#define EXITED                                                                                     \
	"{\"number\":7,\"at_ms\":4711,\"service\":\"web\",\"before\":\"running\",\"after\":"       \
	"\"stop-sigkill\",\"cause\":\"exited\",\"reason\":\"exit code 3\\n\",\"pid\":44,"          \
	"\"exit_code\":3}"
#define WAITING                                                                                    \
	"{\"number\":10,\"at_ms\":62005,\"service\":\"d\\u001bb\",\"before\":\"inactive\","        \
	"\"after\":\"waiting\",\"cause\":\"start\",\"reason\":null,\"pid\":null,"                  \
	"\"exit_code\":null,\"newer\":[1]}"
#define NOTHING "{\"Events\":{\"events\":[],\"position\":11,\"lost\":0}}"
#define ERROR   "{\"Error\":{\"message\":\"gone\"}}"

/* Answers of a guest, one after the other; the last one stays. What it was asked is kept. */
static const char *const *answers;
static const char *asked_path = "asked";

static const char *answer_in_turn(struct fake_agent *a, const char *request)
{
	static size_t turn;
	FILE *f = fopen(asked_path, "a");

	(void)a;
	if (f != NULL) {
		fprintf(f, "%s\n", request);
		fclose(f);
	}
	return answers[answers[turn + 1] != NULL ? turn++ : turn];
}

static void answer_with(const char *const *list)
{
	answers = list;
	remove(asked_path);
	probe_rig_respond(answer_in_turn);
}

/* The requests were exactly these, a line each. */
static void expect_asked(const char *want)
{
	char text[4096];
	FILE *f = fopen(asked_path, "r");
	size_t len;

	cr_assert_not_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	cr_expect_str_eq(text, want, "%s", text);
}

Test(probe_events, what_is_kept)
{
	static const char *const list[] = { "{\"Events\":{\"events\":[" EXITED
					    "],\"position\":8,\"lost\":0}}",
		"{\"Events\":{\"events\":[" WAITING "],\"position\":11}}", NOTHING, NULL };

	answer_with(list);
	EXPECT(0,
		"NUMBER  AT      SERVICE  BEFORE    AFTER         CAUSE   PID  DETAIL\n"
		"7       4.711   web      running   stop-sigkill  exited  44   exit code 3\\n\n"
		"10      62.005  d\\x1bb   inactive  waiting       start   -\n",
		"", "events", "v.sock");
	expect_asked("{\"Events\":{}}\n"
		     "{\"Events\":{\"position\":8}}\n"
		     "{\"Events\":{\"position\":11}}\n");
}

Test(probe_events, of_one_service_as_json)
{
	static const char *const list[] = { "{\"Events\":{\"events\":[" EXITED
					    "],\"position\":8,\"lost\":4}}",
		"{\"Events\":{\"events\":[" WAITING "],\"position\":11,\"lost\":1}}", NOTHING,
		NULL };
	struct program_result r;
	json_t *got, *want;

	answer_with(list);
	PROGRAM_RUN(&r, NULL, PROGRAM, "events", "-j", "v.sock", "web");
	cr_assert_eq(r.status, 0);
	got = json_loads(r.out, 0, NULL);
	want = json_loads("{\"name\":\"v.sock\",\"target\":\"v.sock\",\"events\":[" EXITED
			  "," WAITING "],\"position\":11,\"lost\":5,\"error\":null}",
		0, NULL);
	cr_assert_not_null(want);
	cr_expect(json_equal(got, want), "all that the agent says, newer members too: %s", r.out);
	json_decref(got);
	json_decref(want);
	program_free(&r);
	expect_asked("{\"Events\":{\"service\":\"web\"}}\n"
		     "{\"Events\":{\"service\":\"web\",\"position\":8}}\n"
		     "{\"Events\":{\"service\":\"web\",\"position\":11}}\n");
}

Test(probe_events, what_is_missing_is_said)
{
	static const char *const list[] = {
		"{\"Events\":{\"events\":[" EXITED "],\"position\":8,\"lost\":6}}", NOTHING, NULL
	};

	answer_with(list);
	EXPECT(0,
		"NUMBER  AT     SERVICE  BEFORE   AFTER         CAUSE   PID  DETAIL\n"
		"7       4.711  web      running  stop-sigkill  exited  44   exit code 3\\n\n",
		"mvm-probe: the guest no longer keeps 6 events before these\n", "events", "v.sock");
}

Test(probe_events, no_answer)
{
	static const char *const list[] = { ERROR, NULL };

	answer_with(list);
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: gone\n", "events", "v.sock");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: gone\n", "events", "-f", "v.sock");
	EXPECT(1,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"events\": null,\n"
		"  \"position\": null,\n"
		"  \"lost\": null,\n"
		"  \"error\": {\n"
		"    \"kind\": \"error-answer\",\n"
		"    \"message\": \"the agent answered: gone\"\n"
		"  }\n"
		"}\n",
		"", "events", "--json", "v.sock");
	EXPECT(2, "", "mvm-probe: usage: mvm-probe events TARGET [SERVICE]\n", "events", "v.sock",
		"web", "db");
}

static void expect_undecodable(const char *verb, const char *answer, const char *part)
{
	struct program_result r;

	probe_rig_say(answer);
	PROGRAM_RUN(&r, NULL, PROGRAM, verb, "v.sock");
	cr_expect_eq(r.status, 3, "%s: exit status %d", answer, r.status);
	cr_expect_not_null(strstr(r.err, part), "%s: %s", answer, r.err);
	cr_expect_str_eq(r.out, "");
	program_free(&r);
}

Test(probe_events, answers_of_the_wrong_shape)
{
	expect_undecodable("events", "{\"Events\":[]}", "Events: not an object");
	expect_undecodable("events", "{\"Events\":{\"position\":1}}", "Events.events: is missing");
	expect_undecodable("events", "{\"Events\":{\"events\":[]}}", "position: is missing");
	expect_undecodable("events", "{\"Events\":{\"events\":[],\"position\":1,\"lost\":\"1\"}}",
		"lost: is not a whole number");
	expect_undecodable("events",
		"{\"Events\":{\"events\":[" EXITED ",{\"number\":1}],\"position\":1}}",
		"events[1].at_ms: is missing");
	expect_undecodable(
		"events", "{\"Events\":{\"events\":[1],\"position\":1}}", "[0]: not an object");
	expect_undecodable("reload", "{\"ReloadResult\":{}}", "success: is missing");
	expect_undecodable("reload", "{\"ReloadResult\":{\"success\":true,\"started\":-1}}",
		"started: is negative");
	expect_undecodable("reload", "{\"ReloadResult\":{\"success\":true,\"bad\":[1]}}",
		"bad[0]: not a string");
}

/* A guest that always has more events must not be asked for ever. */
Test(probe_events, a_guest_without_an_end)
{
	static const char *const list[] = { "{\"Events\":{\"events\":[" EXITED "],\"position\":8}}",
		NULL };
	struct program_result r;

	answer_with(list);
	PROGRAM_RUN(&r, NULL, PROGRAM, "events", "v.sock");
	cr_expect_eq(r.status, 0);
	program_free(&r);
}

/* ---- following ------------------------------------------------------------------------------- */

Test(probe_events, followed)
{
	static const char *const list[] = { "{\"Events\":{\"events\":[" EXITED
					    "],\"position\":8,\"lost\":0}}",
		"{\"Events\":{\"events\":[" WAITING "],\"position\":11,\"lost\":2}}", NOTHING,
		ERROR, NULL };

	answer_with(list);
	EXPECT(1,
		"4.711 web: running -> stop-sigkill (exited: exit code 3\\n)\n"
		"62.005 d\\x1bb: inactive -> waiting (start)\n",
		"mvm-probe: the guest no longer keeps 2 events before these\n"
		"mvm-probe: v.sock: the agent answered: gone\n",
		"events", "-f", "v.sock", "web");
	expect_asked("{\"Events\":{\"service\":\"web\",\"wait_secs\":5}}\n"
		     "{\"Events\":{\"service\":\"web\",\"position\":8,\"wait_secs\":5}}\n"
		     "{\"Events\":{\"service\":\"web\",\"position\":11,\"wait_secs\":5}}\n"
		     "{\"Events\":{\"service\":\"web\",\"position\":11,\"wait_secs\":5}}\n");
}

Test(probe_events, followed_as_json)
{
	static const char *const list[] = {
		"{\"Events\":{\"events\":[" WAITING "],\"position\":11,\"lost\":2}}", ERROR, NULL
	};

	answer_with(list);
	EXPECT(1,
		"{\"name\": \"v.sock\", \"target\": \"v.sock\", \"lost\": 2}\n"
		"{\"name\": \"v.sock\", \"target\": \"v.sock\", \"number\": 10, \"at_ms\": 62005, "
		"\"service\": \"d\\u001Bb\", \"before\": \"inactive\", \"after\": \"waiting\", "
		"\"cause\": \"start\", \"reason\": null, \"pid\": null, \"exit_code\": null, "
		"\"newer\": [1]}\n",
		"mvm-probe: v.sock: the agent answered: gone\n", "events", "-fj", "-t", "1h",
		"v.sock");
	expect_asked("{\"Events\":{\"wait_secs\":20}}\n"
		     "{\"Events\":{\"position\":11,\"wait_secs\":20}}\n");
}

/* A guest does not decide what it is called. */
Test(probe_events, followed_as_json_under_another_name)
{
	static const char *const list[] = {
		"{\"Events\":{\"events\":[{\"name\":\"other\",\"target\":\"other\",\"number\":1,"
		"\"at_ms\":2,\"service\":\"a\",\"before\":\"b\",\"after\":\"c\"}],"
		"\"position\":2}}",
		ERROR, NULL
	};

	answer_with(list);
	EXPECT(1,
		"{\"name\": \"v.sock\", \"target\": \"v.sock\", \"number\": 1, \"at_ms\": 2, "
		"\"service\": \"a\", \"before\": \"b\", \"after\": \"c\"}\n",
		"mvm-probe: v.sock: the agent answered: gone\n", "events", "-fj", "v.sock");
}

/* Too short a time for the guest to wait: the host does. */
Test(probe_events, followed_with_little_time)
{
	static const char *const list[] = { NOTHING, NOTHING, ERROR, NULL };

	answer_with(list);
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: gone\n", "events", "-f", "-t",
		"1500ms", "v.sock");
	expect_asked("{\"Events\":{}}\n"
		     "{\"Events\":{\"position\":11}}\n"
		     "{\"Events\":{\"position\":11}}\n");
}

/* An agent that is restarted loses a connection, and the reader no event. */
Test(probe_events, followed_through_a_gap)
{
	static const char *const list[] = { "{\"Events\":{\"events\":[" EXITED
					    "],\"position\":8,\"lost\":0}}",
		"", "", "{\"Events\":{\"events\":[" WAITING "],\"position\":11,\"lost\":0}}", ERROR,
		NULL };

	answer_with(list);
	EXPECT(1,
		"4.711 web: running -> stop-sigkill (exited: exit code 3\\n)\n"
		"62.005 d\\x1bb: inactive -> waiting (start)\n",
		"mvm-probe: v.sock: the agent answered: gone\n", "events", "-f", "v.sock");
	expect_asked("{\"Events\":{\"wait_secs\":5}}\n"
		     "{\"Events\":{\"position\":8,\"wait_secs\":5}}\n"
		     "{\"Events\":{\"position\":8,\"wait_secs\":5}}\n"
		     "{\"Events\":{\"position\":8,\"wait_secs\":5}}\n"
		     "{\"Events\":{\"position\":11,\"wait_secs\":5}}\n");
}

/* The second question is never answered; still the end of the reader is the end. */
static const char *answer_once(struct fake_agent *a, const char *request)
{
	static const struct fake_answer pong[] = { { NULL, "\"Pong\"", 0 }, { 0 } };
	static const struct fake_script silent = {
		.hang = true, .stop_after = sizeof(FAKE_OK) - 1, .answers = pong
	};

	(void)request;
	if (a->requests > 1) {
		a->script = &silent;
		return NULL;
	}
	return "{\"Events\":{\"events\":[" EXITED "],\"position\":8,\"lost\":0}}";
}

Test(probe_events, followed_by_a_reader_that_ends)
{
	struct program_result r;

	probe_rig_respond(answer_once);
	cr_assert_eq(setenv("PROBE", PROGRAM, 1), 0);
	/* The program's own time would be an hour, this test's is two minutes. */
	PROGRAM_RUN(&r, NULL, "/bin/sh", "-c",
		"{ \"$PROBE\" events -f -t 1h v.sock; echo \"status $?\" >&2; } | head -n 1");
	cr_expect_str_eq(r.out, "4.711 web: running -> stop-sigkill (exited: exit code 3\\n)\n");
	cr_expect_str_eq(r.err, "status 0\n");
	program_free(&r);
}

/* ---- reload ---------------------------------------------------------------------------------- */

#define COUNTS ",\"started\":1,\"stopped\":0,\"restarted\":12,\"unchanged\":7"

Test(probe_events, reload)
{
	probe_rig_say("{\"ReloadResult\":{\"success\":true,\"detail\":null" COUNTS ",\"bad\":[]}}");
	EXPECT(0, "v.sock: done: 1 started, 0 stopped, 12 restarted, 7 unchanged\n", "", "reload",
		"v.sock");
	probe_rig_say("{\"ReloadResult\":{\"success\":false,\"detail\":null" COUNTS
		      ",\"bad\":[\"web: \\u001b\",\"db\"]}}");
	EXPECT(1,
		"v.sock: failed: 1 started, 0 stopped, 12 restarted, 7 unchanged\n"
		"  web: \\x1b\n"
		"  db\n",
		"", "reload", "v.sock");
	EXPECT(1,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"success\": false,\n"
		"  \"detail\": null,\n"
		"  \"started\": 1,\n"
		"  \"stopped\": 0,\n"
		"  \"restarted\": 12,\n"
		"  \"unchanged\": 7,\n"
		"  \"bad\": [\n"
		"    \"web: \\u001B\",\n"
		"    \"db\"\n"
		"  ],\n"
		"  \"error\": null\n"
		"}\n",
		"", "reload", "--json", "v.sock");
}

Test(probe_events, reload_of_a_service)
{
	probe_rig_say("{\"ReloadServiceResult\":{\"success\":true,\"detail\":null}}");
	EXPECT(0, "v.sock: done\n", "", "reload", "v.sock", "nginx");
	probe_rig_say(
		"{\"ReloadServiceResult\":{\"success\":false,\"detail\":\"it does not run\"}}");
	EXPECT(1, "v.sock: failed: it does not run\n", "", "reload", "v.sock", "nginx");
	/* Two targets: the second one is a file here, or written as a path. */
	probe_rig_say("{\"ReloadResult\":{\"success\":true,\"detail\":null" COUNTS ",\"bad\":[]}}");
	EXPECT(0,
		"v.sock: done: 1 started, 0 stopped, 12 restarted, 7 unchanged\n"
		"v.sock: done: 1 started, 0 stopped, 12 restarted, 7 unchanged\n",
		"", "reload", "v.sock", "v.sock");
	EXPECT(3, "", "mvm-probe: nginx: no such socket: is the VM running?\n", "reload", "nginx");
}

Test(probe_events, reload_refused)
{
	probe_rig_say(
		"{\"ReloadResult\":{\"success\":false,\"detail\":\"the guest is shutting down\","
		"\"started\":null,\"stopped\":null,\"restarted\":null,\"unchanged\":null,"
		"\"bad\":[]}}");
	EXPECT(1, "v.sock: failed: the guest is shutting down\n", "", "reload", "v.sock");
	probe_rig_say("{\"Error\":{\"message\":\"not enabled in security policy\"}}");
	EXPECT(1, "", "mvm-probe: v.sock: the agent answered: not enabled in security policy\n",
		"reload", "v.sock");
}
