/* SPDX-License-Identifier: MIT */
/* ProcStart and its kin, by the whole agent. */
#include "agent_process.h"
#include "agent_rig.h"

#include "agent/requests/output_queue.h"
#include "agent/requests/processes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESULT(what)        "{\"ProcResult\":" what "}"
#define EVENT(what)         "{\"ProcWaitEvent\":" what "}"
#define PROBLEM(kind, text) "{\"Error\":{\"kind\":\"" kind "\",\"message\":\"" text "\"}}"
#define UNKNOWN                                                                                    \
	PROBLEM("UnknownToken",                                                                    \
		"no such process: it is lost with the agent that started it, or ended over a "     \
		"minute ago")

static int client;

static void start(void)
{
	process_start();
	rig_file("security-policy.json",
		"{\"access\":{\"debug_exec\":true,\"console\":true},\"profile\":\"dev\"}");
	start_agent(NULL);
	client = connect_later_client();
}

static void stop(void)
{
	close(client);
	process_stop();
}

TestSuite(agent_processes, .init = start, .fini = stop, .timeout = 120);

static char *ask_later(const char *request)
{
	send_text(client, request);
	return rig_receive(client);
}

static void expect_later(const char *request, const char *want)
{
	send_text(client, request);
	expect_reply(client, want);
}

/* Start `sh -c SCRIPT`. Returns its token, in static storage. */
static const char *start_script(const char *script, const char *more)
{
	static char token[64];
	char request[1024], *reply;

	snprintf(request, sizeof(request),
		"{\"ProcStart\":{\"argv\":[\"/bin/sh\",\"-c\",\"%s\"]%s}}", script, more);
	reply = ask_later(request);
	cr_assert_eq(sscanf(reply, "{\"ProcResult\":{\"Started\":{\"pid_token\":\"%63[^\"]", token),
		1, "%s", reply);
	cr_assert_eq(strlen(token), strlen(PROCESS_TOKEN_PREFIX) + 32);
	free(reply);
	return token;
}

static void send_with_token(const char *format, const char *token)
{
	char request[512];

	snprintf(request, sizeof(request), format, token);
	send_text(client, request);
}

#define WAIT "{\"ProcWait\":{\"pid_token\":\"%s\"}}"

/* Standard output of the process that is waited for, however it comes in pieces. */
static void read_to_the_end(char *text, size_t size)
{
	char *reply = NULL;

	text[0] = '\0';
	do {
		free(reply);
		reply = rig_receive(client);
		cr_assert_not_null(reply);
		for (char *at = strchr(reply, '['); at != NULL && *at != ']';
			at = strpbrk(at + 1, ",]"))
			snprintf(text + strlen(text), size - strlen(text), "%c", atoi(at + 1));
	} while (strstr(reply, "Exit") == NULL);
	free(reply);
}

Test(agent_processes, output_and_exit_status)
{
	send_with_token(WAIT, start_script("echo a; exit 3", ""));
	expect_reply(client, EVENT("{\"Stdout\":{\"chunk\":[97,10]}}"));
	expect_reply(client, EVENT("{\"Exit\":{\"code\":3}}"));
	send_with_token(WAIT, start_script("echo b >&2; kill -9 $$", ""));
	expect_reply(client, EVENT("{\"Stderr\":{\"chunk\":[98,10]}}"));
	expect_reply(client, EVENT("{\"Killed\":{\"signal\":9}}"));
}

Test(agent_processes, the_environment_is_replaced_and_the_directory_is_kept)
{
	send_with_token(WAIT, start_script("/usr/bin/env | /usr/bin/sort | /bin/grep -v ^[_S]; pwd",
				      ",\"env\":{\"A\":\"b\"},\"cwd\":\"/usr\""));
	char text[256];

	read_to_the_end(text, sizeof(text));
	cr_expect_str_eq(text, "A=b\nPWD=/usr\n/usr\n");
}

Test(agent_processes, what_cannot_start_says_why)
{
	expect_later("{\"ProcStart\":{\"argv\":[]}}",
		RESULT(PROBLEM("InvalidArgv", "argv[0] must be an absolute path")));
	expect_later("{\"ProcStart\":{\"argv\":[\"sh\"]}}",
		RESULT(PROBLEM("InvalidArgv", "argv[0] must be an absolute path")));
	expect_later("{\"ProcStart\":{\"argv\":[\"/bin/sh\"],\"env\":{\"A=\":\"b\"}}}",
		RESULT(PROBLEM("InvalidEnv", "env has a name that is empty or contains '='")));
	expect_later("{\"ProcStart\":{\"argv\":[\"/bin/sh\"],\"cwd\":\"tmp\"}}",
		RESULT(PROBLEM("BadCwd", "cwd must be an absolute path")));
	expect_later("{\"ProcStart\":{\"argv\":[\"/bin/sh\"],\"cwd\":\"/nonexistent\"}}",
		RESULT(PROBLEM("BadCwd", "/bin/sh: working directory: No such file or directory")));
	expect_later("{\"ProcStart\":{\"argv\":[\"/nonexistent\"]}}",
		RESULT(PROBLEM("SpawnFailed", "/nonexistent: exec: No such file or directory")));
	expect_later("\"ProcList\"", RESULT("{\"List\":{\"processes\":[]}}"));
}

Test(agent_processes, input_until_zero_bytes_close_it)
{
	const char *token = start_script("cat; echo end", ",\"stdin\":[104,105]");
	char request[256];

	snprintf(request, sizeof(request),
		"{\"ProcSendInput\":{\"pid_token\":\"%s\",\"bytes\":[33]}}", token);
	expect_later(request, RESULT("{\"InputAccepted\":{\"bytes_accepted\":1}}"));
	snprintf(request, sizeof(request),
		"{\"ProcSendInput\":{\"pid_token\":\"%s\",\"bytes\":[]}}", token);
	expect_later(request, RESULT("{\"InputAccepted\":{\"bytes_accepted\":0}}"));
	expect_later(request, RESULT(PROBLEM("Other", "its standard input is closed")));
	send_with_token(WAIT, token);
	char all[64];

	read_to_the_end(all, sizeof(all));
	cr_expect_str_eq(all, "hi!end\n");
}

Test(agent_processes, signals_and_the_list)
{
	const char *token =
		start_script("trap 'echo got; exit 7' USR1; echo on; sleep 1000 & wait", "");
	char request[256], *reply;
	int other = connect_later_client();

	snprintf(request, sizeof(request), WAIT, token);
	send_text(other, request);
	expect_reply(other, EVENT("{\"Stdout\":{\"chunk\":[111,110,10]}}"));
	reply = ask_later("\"ProcList\"");
	cr_expect_not_null(
		strstr(reply, "\"argv0\":\"/bin/sh\",\"state\":\"running\"}"), "%s", reply);
	free(reply);
	send_with_token("{\"ProcSignal\":{\"pid_token\":\"%s\",\"signum\":10}}", token);
	expect_reply(client, RESULT("\"Signaled\""));
	expect_reply(other, EVENT("{\"Stdout\":{\"chunk\":[103,111,116,10]}}"));
	expect_reply(other, EVENT("{\"Exit\":{\"code\":7}}"));
	reply = ask_later("\"ProcList\"");
	cr_expect_not_null(strstr(reply, "\"state\":{\"exited\":7}"), "%s", reply);
	free(reply);
	send_with_token("{\"ProcSignal\":{\"pid_token\":\"%s\",\"signum\":0}}", token);
	expect_reply(client, RESULT(PROBLEM("Other", "no such signal")));
	send_with_token("{\"ProcSignal\":{\"pid_token\":\"%s\",\"signum\":15}}", token);
	expect_reply(client, RESULT(PROBLEM("Other", "the process has ended")));
	close(other);
}

Test(agent_processes, kill_takes_the_whole_group)
{
	const char *token = start_script("sleep 1000 & echo $!; wait", "");
	char *reply;
	int other = connect_later_client(), pid = 0;
	char request[256];

	snprintf(request, sizeof(request), WAIT, token);
	send_text(other, request);
	reply = rig_receive(other);
	for (char *at = strchr(reply, '['); at != NULL && atoi(at + 1) != 10;
		at = strpbrk(at + 1, ",]"))
		pid = pid * 10 + atoi(at + 1) - '0';
	free(reply);
	send_with_token("{\"ProcKill\":{\"pid_token\":\"%s\"}}", token);
	expect_reply(client, RESULT("\"Killed\""));
	expect_reply(other, EVENT("{\"Killed\":{\"signal\":9}}"));
	cr_assert_gt(pid, 1);
	wait_until_gone(pid);
	close(other);
}

Test(agent_processes, times_of_the_start_and_of_the_wait)
{
	send_with_token(WAIT, start_script("sleep 1000", ",\"timeout_secs\":1"));
	expect_reply(client, EVENT("\"TimedOut\""));
	send_with_token("{\"ProcWait\":{\"pid_token\":\"%s\",\"timeout_secs\":0}}",
		start_script("sleep 1000", ""));
	expect_reply(client, EVENT("\"TimedOut\""));
}

Test(agent_processes, two_who_wait_get_the_same)
{
	const char *token = start_script("read line; echo $line", "");
	int both[2] = { connect_later_client(), connect_later_client() };
	char request[256];

	snprintf(request, sizeof(request), WAIT, token);
	for (int i = 0; i < 2; i++) {
		send_text(both[i], request);
		expect_later("\"Ping\"", "\"Pong\"");
	}
	send_with_token("{\"ProcSendInput\":{\"pid_token\":\"%s\",\"bytes\":[120,10]}}", token);
	expect_reply(client, RESULT("{\"InputAccepted\":{\"bytes_accepted\":2}}"));
	for (int i = 0; i < 2; i++) {
		expect_reply(both[i], EVENT("{\"Stdout\":{\"chunk\":[120,10]}}"));
		expect_reply(both[i], EVENT("{\"Exit\":{\"code\":0}}"));
		close(both[i]);
	}
}

Test(agent_processes, who_goes_away_ends_nothing)
{
	const char *token = start_script("read line; exit 5", "");
	int other = connect_later_client();
	char request[256];

	snprintf(request, sizeof(request), WAIT, token);
	send_text(other, request);
	close(other);
	send_with_token("{\"ProcSendInput\":{\"pid_token\":\"%s\",\"bytes\":[10]}}", token);
	expect_reply(client, RESULT("{\"InputAccepted\":{\"bytes_accepted\":1}}"));
	send_with_token(WAIT, token);
	expect_reply(client, EVENT("{\"Exit\":{\"code\":5}}"));
}

Test(agent_processes, an_unknown_token)
{
	expect_later("{\"ProcWait\":{\"pid_token\":\"ptok-1\"}}", EVENT(UNKNOWN));
	expect_later("{\"ProcKill\":{\"pid_token\":\"ptok-1\"}}", RESULT(UNKNOWN));
	expect_later("{\"ProcSignal\":{\"pid_token\":\"\",\"signum\":9}}", RESULT(UNKNOWN));
	expect_later("{\"ProcSendInput\":{\"pid_token\":\"x\",\"bytes\":[1]}}", RESULT(UNKNOWN));
}

Test(agent_processes, no_more_than_so_many_run_at_once)
{
	char *reply;

	for (int i = 0; i < PROCESSES_MAX; i++)
		start_script("read line", "");
	reply = ask_later("{\"ProcStart\":{\"argv\":[\"/bin/true\"]}}");
	cr_expect_not_null(strstr(reply, "\"CapExceeded\""), "%s", reply);
	free(reply);
}

/* More than is kept: what is kept comes first, and then how much is missing. */
Test(agent_processes, output_that_nobody_waits_for_is_bounded)
{
	const char *token =
		start_script("/usr/bin/head -c 3000000 /dev/zero; echo end >&2; exit 0", "");
	unsigned long long bytes = 0, lost = 0;
	char *reply = NULL, *list;

	do {
		list = ask_later("\"ProcList\"");
		bytes = strstr(list, "\"exited\":0") != NULL;
		free(list);
	} while (bytes == 0);
	bytes = 0;
	send_with_token(WAIT, token);
	do {
		free(reply);
		reply = rig_receive(client);
		for (char *at = strstr(reply, "Stdout") != NULL ? strchr(reply, '[') : NULL;
			at != NULL && *at != ']'; at = strpbrk(at + 1, ",]"))
			bytes++;
		if (strstr(reply, "Stderr") != NULL)
			lost++;
	} while (strstr(reply, "\"Exit\"") == NULL);
	free(reply);
	cr_expect_eq(bytes, OUTPUT_QUEUE_MAX, "%llu", bytes);
	cr_expect_eq(lost, 1);
}

Test(agent_processes, without_leave_nothing_starts)
{
	char *reply;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true},\"profile\":"
					 "\"sealed-prod\"}");
	reply = ask_later("{\"ProcStart\":{\"argv\":[\"/bin/true\"]}}");
	cr_expect_not_null(strstr(reply, "\"UnsupportedInProduction\""), "%s", reply);
	free(reply);
}
