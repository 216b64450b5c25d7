/* SPDX-License-Identifier: MIT */
/* The verbs that have a guest do something: exec and those around snapshots. */
#include "probe_rig.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(probe_work, .init = probe_rig_set_up, .fini = probe_rig_clean_up, .timeout = 120);

/* Gives the request back: what `exec` prints is what it has sent. */
static const char *echo_exec(struct fake_agent *a, const char *request)
{
	static char *body;
	json_t *answer = json_pack("{s:{s:i,s:s,s:s}}", "ExecResult", "exit_code", 7, "stdout",
		request, "stderr", "to stderr");

	(void)a;
	free(body);
	body = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return body;
}

/* ---- exec ------------------------------------------------------------------------------------ */

Test(probe_work, exec_sends_words_as_words)
{
	probe_rig_respond(echo_exec);
	EXPECT(7,
		"{\"Exec\":{\"command\":\"/bin/echo 'a b' '$HOME' 'it'\\\\''s'\",\"stdin\":null,"
		"\"timeout_secs\":30}}",
		"to stderr", "exec", "v.sock", "--", "/bin/echo", "a b", "$HOME", "it's");
}

Test(probe_work, exec_sends_text_for_the_shell_as_it_is)
{
	probe_rig_respond(echo_exec);
	EXPECT(7, "{\"Exec\":{\"command\":\"ls | wc -l\",\"stdin\":null,\"timeout_secs\":2}}",
		"to stderr", "exec", "-t", "1500ms", "-c", "ls | wc -l", "v.sock");
}

Test(probe_work, exec_passes_standard_input)
{
	struct program_result r;

	probe_rig_respond(echo_exec);
	probe_rig_expect(7,
		"{\"Exec\":{\"command\":\"/bin/cat\",\"stdin\":\"two\\nlines \xc3\xa9\\n\","
		"\"timeout_secs\":30}}",
		"to stderr", "two\nlines \xc3\xa9\n",
		(const char *const[]){ PROGRAM, "exec", "v.sock", "/bin/cat", NULL });
	PROGRAM_RUN(&r, "not this", PROGRAM, "exec", "-N", "v.sock", "/bin/cat");
	cr_assert_not_null(strstr(r.out, "\"stdin\":null"), "%s", r.out);
	program_free(&r);
}

Test(probe_work, exec_as_json)
{
	probe_rig_say("{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"a\\u0000\\u001b\","
		      "\"stderr\":\"\"}}");
	EXPECT(0,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"exit_code\": 0,\n"
		"  \"stdout\": \"a\\u0000\\u001B\",\n"
		"  \"stderr\": \"\",\n"
		"  \"error\": null\n"
		"}\n",
		"", "exec", "-j", "v.sock", "/bin/true");
}

/* Not a terminal: what the command wrote comes out byte for byte. */
Test(probe_work, exec_output_is_not_changed_in_a_pipe)
{
	struct program_result r;

	probe_rig_say("{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"a\\u0000\\u001b[1m\","
		      "\"stderr\":\"\\u0007\"}}");
	PROGRAM_RUN(&r, NULL, PROGRAM, "exec", "v.sock", "/bin/true");
	cr_assert_eq(r.out_len, 6);
	cr_assert_arr_eq(r.out, "a\0\033[1m", 6);
	cr_assert_str_eq(r.err, "\007");
	program_free(&r);
}

/* script(1) gives the program a terminal; what would act on it is made visible. */
Test(probe_work, exec_output_on_a_terminal_is_harmless)
{
	struct program_result r;

	probe_rig_say("{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"a\\tb\\u001b[1m\\n\","
		      "\"stderr\":\"\\u0007\"}}");
	PROGRAM_RUN(&r, NULL, "/usr/bin/script", "-qec", PROGRAM " exec -N v.sock /bin/true",
		"/dev/null");
	if (r.status == 127)
		cr_skip_test("no script(1) to make a terminal");
	cr_expect_str_eq(r.out, "a\tb\\x1b[1m\r\n\\x07");
	program_free(&r);
}

Test(probe_work, exec_exit_codes)
{
	static const struct {
		const char *code;
		int status;
	} cases[] = { { "0", 0 }, { "1", 1 }, { "255", 255 }, { "256", 255 }, { "-1", 255 },
		{ "65536", 255 }, { "4294967296", 255 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct program_result r;
		char answer[100];

		snprintf(answer, sizeof(answer),
			"{\"ExecResult\":{\"exit_code\":%s,\"stdout\":\"\",\"stderr\":\"\"}}",
			cases[i].code);
		probe_rig_say(answer);
		PROGRAM_RUN(&r, NULL, PROGRAM, "exec", "v.sock", "/bin/true");
		cr_expect_eq(r.status, cases[i].status, "%s gives %d", cases[i].code, r.status);
		program_free(&r);
	}
}

static void expect_not_run(const char *input, const char *part, const char *const *argv)
{
	struct program_result r;

	program_run(&r, argv, input);
	cr_expect_eq(r.status, 125, "exit status %d", r.status);
	cr_expect_not_null(strstr(r.err, part), "%s", r.err);
	cr_expect_str_empty(r.out);
	program_free(&r);
}

#define EXPECT_NOT_RUN(input, part, ...)                                                           \
	expect_not_run(input, part, (const char *const[]){ PROGRAM, "exec", __VA_ARGS__, NULL })

Test(probe_work, exec_that_is_not_run)
{
	char *large = malloc(262145 + 1);

	memset(large, 'a', 262145);
	large[262145] = '\0';
	EXPECT_NOT_RUN(NULL, "no such socket", "v.sock", "/bin/true");
	probe_rig_say("{\"Error\":{\"message\":\"exec rejected: not enabled\"}}");
	EXPECT_NOT_RUN(NULL, "the agent answered: exec rejected: not enabled", "v.sock", "true");
	EXPECT_NOT_RUN("\xff\xfe", "standard input is not UTF-8", "v.sock", "true");
	EXPECT_NOT_RUN(NULL, "the command is not UTF-8", "v.sock", "tr\xff");
	EXPECT_NOT_RUN(large, "larger than a request may be", "v.sock", "true");
	large[262100] = '\0';
	EXPECT_NOT_RUN(large, "make a request of 262", "v.sock", "/bin/cat");
	free(large);
}

Test(probe_work, exec_answers_of_the_wrong_shape)
{
	static const char *const answers[] = { "\"Pong\"", "{\"ExecResult\":{}}",
		"{\"ExecResult\":{\"exit_code\":\"0\",\"stdout\":\"\",\"stderr\":\"\"}}",
		"{\"ExecResult\":{\"exit_code\":0.0,\"stdout\":\"\",\"stderr\":\"\"}}",
		"{\"ExecResult\":{\"exit_code\":0,\"stdout\":null,\"stderr\":\"\"}}",
		"{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"\"}}" };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		probe_rig_say(answers[i]);
		EXPECT_NOT_RUN(NULL, i == 0 ? "where 'ExecResult' is expected" : "ExecResult.",
			"v.sock", "true");
	}
}

/* ---- acknowledgements ------------------------------------------------------------------------ */

/* Agrees, and gives the request back as its detail. */
static const char *echo_ack(struct fake_agent *a, const char *request)
{
	static char *body;
	const char *name = strstr(request, "SleepPrep") != NULL      ? "SleepPrepAck"
			   : strstr(request, "Checkpoint") != NULL   ? "CheckpointResult"
			   : strcmp(request, "\"PostRestore\"") == 0 ? "PostRestoreAck"
								     : "WakeAck";
	json_t *answer =
		json_pack("{s:{s:b,s:s,s:[]}}", name, "success", 1, "detail", request, "failed");

	(void)a;
	free(body);
	body = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return body;
}

Test(probe_work, what_the_lifecycle_verbs_send)
{
	probe_rig_respond(echo_ack);
	EXPECT(0, "v.sock: done: {\"SleepPrep\":{\"drain_timeout_secs\":30}}\n", "", "sleep-prep",
		"v.sock");
	EXPECT(0, "v.sock: done: {\"SleepPrep\":{\"drain_timeout_secs\":0}}\n", "", "sleep-prep",
		"--drain-timeout", "0", "v.sock");
	EXPECT(0, "v.sock: done: \"Wake\"\n", "", "wake", "v.sock");
	EXPECT(0, "v.sock: done: \"PostRestore\"\nv.sock: done: \"PostRestore\"\n", "",
		"post-restore", "v.sock", "v.sock");
	EXPECT(0,
		"v.sock: done: {\"CheckpointIntegrations\":{\"integrations\":[\"db\",\"a "
		"\\\"b\\\"\"]}}\n",
		"", "checkpoint", "v.sock", "db", "a \"b\"");
}

Test(probe_work, failed_checkpoints_are_named)
{
	probe_rig_say("{\"CheckpointResult\":{\"success\":false,\"failed\":[\"mail\","
		      "\"d\\u001bb\"],\"detail\":\"lock\\nheld\"}}");
	EXPECT(1, "v.sock: failed: mail, d\\x1bb: lock\\nheld\n", "", "checkpoint", "v.sock",
		"mail", "db");
	EXPECT(1,
		"{\n"
		"  \"name\": \"v.sock\",\n"
		"  \"target\": \"v.sock\",\n"
		"  \"success\": false,\n"
		"  \"detail\": \"lock\\nheld\",\n"
		"  \"failed\": [\n"
		"    \"mail\",\n"
		"    \"d\\u001Bb\"\n"
		"  ],\n"
		"  \"error\": null\n"
		"}\n",
		"", "checkpoint", "--json", "v.sock", "mail");
}

static void expect_wake(const char *answer, int status, const char *out, const char *err)
{
	probe_rig_say(answer);
	EXPECT(status, out, err, "wake", "v.sock");
}

Test(probe_work, acknowledgements_of_every_kind)
{
	expect_wake("{\"WakeAck\":{\"success\":true}}", 0, "v.sock: done\n", "");
	expect_wake("{\"WakeAck\":{\"success\":false,\"detail\":null}}", 1, "v.sock: failed\n", "");
	expect_wake("{\"Error\":{\"message\":\"busy\"}}", 1, "",
		"mvm-probe: v.sock: the agent answered: busy\n");
	expect_wake("{\"WakeAck\":{}}", 3, "",
		"mvm-probe: v.sock: the answer cannot be understood: WakeAck.success: is "
		"missing\n");
	expect_wake("{\"WakeAck\":{\"success\":true,\"failed\":[7]}}", 3, "",
		"mvm-probe: v.sock: the answer cannot be understood: failed[0]: not a string\n");
	expect_wake("{\"SleepPrepAck\":{\"success\":true}}", 3, "",
		"mvm-probe: v.sock: the agent answered 'SleepPrepAck' where 'WakeAck' is "
		"expected\n");
}

/* The guest may use all the time that it is given; the answer has to come back after that. */
Test(probe_work, sleep_prep_waits_longer_than_it_allows)
{
	struct fake_answer answers[] = { { NULL, "{\"SleepPrepAck\":{\"success\":true}}", 0 },
		{ 0 } };
	struct fake_script script = { .answers = answers, .pause_ms = 700 };
	struct program_result r;

	probe_rig_start_one(&script);
	EXPECT(0, "v.sock: done\n", "", "sleep-prep", "-d", "1", "v.sock");
	PROGRAM_RUN(&r, NULL, PROGRAM, "sleep-prep", "-d", "1", "-t", "10ms", "v.sock");
	cr_assert_eq(r.status, 3);
	program_free(&r);
}
