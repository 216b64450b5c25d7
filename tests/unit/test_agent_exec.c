/* SPDX-License-Identifier: MIT */
/* Exec and the policy that it needs, by the whole agent. */
#include "agent_process.h"
#include "agent_rig.h"

#include "agent/requests/exec.h"
#include "agent/requests/policy.h"
#include "base/clock.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(agent_exec, .init = process_start, .fini = process_stop, .timeout = 120);

static void start_allowed(void)
{
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent(NULL);
	(void)next_line();
}

#define EXEC(command) "{\"Exec\":{\"command\":\"" command "\"}}"
#define RESULT(code, out, err)                                                                     \
	"{\"ExecResult\":{\"exit_code\":" code ",\"stdout\":\"" out "\",\"stderr\":\"" err "\"}}"
#define REJECTED                                                                                   \
	"{\"Error\":{\"message\":\"exec rejected: access.debug_exec not enabled in security "      \
	"policy\"}}"

/* ---- the policy ------------------------------------------------------------------------------ */

Test(agent_exec, the_policy_decides_and_fails_closed)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {
		{ "{\"access\":{\"debug_exec\":true}}", 0 },
		{ "{\"access\":{\"debug_exec\":true,\"console\":false},\"other\":{\"a\":1}}", 0 },
		{ "{\"require_auth\":true,\"access\":{\"filesystem\":false,\"network\":true,"
		  "\"build\":true,\"host_communication\":true,\"debug_exec\":true},\"rate_limits\":"
		  "{\"frames_per_second\":100,\"frames_per_minute\":3000},\"session\":{"
		  "\"max_lifetime_secs\":0,\"max_tasks\":0},\"blocklist\":[{\"pattern\":\"rm\","
		  "\"category\":\"x\",\"severity\":\"High\",\"action\":\"Block\"}]}",
			0 },
		{ "{\"access\":{\"debug_exec\":false}}", -EACCES },
		{ "{\"access\":{}}", -EACCES },
		{ "{}", -EACCES },
		{ "{\"debug_exec\":true}", -EACCES },
		{ "", -EINVAL },
		{ "[]", -EINVAL },
		{ "{\"access\":{\"debug_exec\":true}", -EINVAL },
		{ "{\"access\":{\"debug_exec\":1}}", -EINVAL },
		{ "{\"access\":{\"debug_exec\":null}}", -EINVAL },
		{ "{\"access\":{\"debug_exec\":true,\"debug_exec\":true}}", -EINVAL },
		{ "{\"access\":null}", -EINVAL },
		{ "{\"access\":{\"debug_exec\":true},\"require_auth\":\"no\"}", -EINVAL },
		{ "{\"access\":{\"debug_exec\":true},\"rate_limits\":{\"frames_per_second\":-1}}",
			-EINVAL },
		{ "{\"access\":{\"debug_exec\":true},\"blocklist\":[{\"pattern\":\"rm\"}]}",
			-EINVAL },
		{ "{\"access\":{\"debug_exec\":true},\"blocklist\":[{\"pattern\":\"rm\","
		  "\"category\":\"x\",\"severity\":\"high\",\"action\":\"Block\"}]}",
			-EINVAL },
		{ "{\"access\":{\"debug_exec\":true},\"session\":{\"max_tasks\":1.5}}", -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = rig_file("security-policy.json", rows[i].text);
		struct problem p = { 0 };

		cr_expect_eq(policy_allow_exec(path, &p), rows[i].result, "%s: %s", rows[i].text,
			p.text);
		if (rows[i].result != 0)
			cr_expect(begins_with(p.text, path), "%s", p.text);
	}
}

/* Only where there is certainly no policy does the image decide. */
Test(agent_exec, a_policy_that_cannot_be_read_is_no_missing_one)
{
	struct policy policy;
	const char *path;

	policy_read(rig_path("none.json"), &(struct policy_defaults){ .dev = true }, &policy);
	cr_expect(policy.allows_exec && policy.allows_console && policy.allows_dev);
	policy_read("/proc/none.json", &(struct policy_defaults){ .dev = true, .has_drive = true },
		&policy);
	cr_expect(policy.allows_exec && policy.allows_console && policy.allows_dev);

	policy_read(rig_path("none.json"),
		&(struct policy_defaults){ .dev = true, .has_drive = true }, &policy);
	cr_expect(!policy.allows_exec && !policy.allows_console && !policy.allows_dev);
	cr_expect_not_null(strstr(policy.reason.text, "is not mounted"), "%s", policy.reason.text);
	path = rig_path("dangling.json");
	cr_assert_eq(symlink("nowhere.json", path), 0);
	policy_read(path, &(struct policy_defaults){ .dev = true }, &policy);
	cr_expect(!policy.allows_exec && !policy.allows_console && !policy.allows_dev);
}

Test(agent_exec, the_policy_is_read_at_each_request)
{
	start_agent(NULL);
	(void)next_line();
	expect(EXEC("true"), REJECTED);
	cr_expect_not_null(strstr(next_line(), "security-policy.json: No such file or directory"));
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	expect(EXEC("true"), RESULT("0", "", ""));
	(void)next_line();
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}");
	expect(EXEC("true"), REJECTED);
	cr_expect_not_null(strstr(next_line(), "exec rejected: "));
}

/* ---- commands -------------------------------------------------------------------------------- */

Test(agent_exec, results)
{
	start_allowed();
	expect(EXEC("echo out; echo err >&2; exit 3"), RESULT("3", "out\\n", "err\\n"));
	expect(EXEC("printf 'a\\\\377b'"), RESULT("0",
						   "a\xef\xbf\xbd"
						   "b",
						   ""));
	expect(EXEC("kill -9 $$"), RESULT("137", "", ""));
	expect(EXEC("/nonexistent/program"),
		RESULT("127", "", "failed to execute: exec: No such file or directory\\n"));
	expect(EXEC("/etc/passwd"),
		RESULT("126", "", "failed to execute: exec: Permission denied\\n"));
	expect(EXEC("echo 'a"), RESULT("-1", "", "a single quote is not closed"));
	expect(EXEC("pwd"), RESULT("0", "/\\n", ""));
	expect(EXEC("readlink /proc/self/fd/0"), RESULT("0", "/dev/null\\n", ""));
}

Test(agent_exec, the_command_is_not_logged)
{
	start_allowed();
	expect(EXEC("true top-secret"), RESULT("0", "", ""));
	const char *line = next_line();
	cr_expect(begins_with(line, "exec: exit code 0 after "), "%s", line);
	cr_expect_null(strstr(line, "top-secret"));
}

Test(agent_exec, commands_run_as_the_check_user)
{
	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	start_allowed();
	expect(EXEC("id -un"), RESULT("0", "nobody\\n", ""));
}

Test(agent_exec, standard_input)
{
	start_allowed();
	expect("{\"Exec\":{\"command\":\"cat\",\"stdin\":\"a\\u00e4b\\n\"}}", RESULT("0",
										      "a\xc3\xa4"
										      "b\\n",
										      ""));
	expect("{\"Exec\":{\"command\":\"wc -c\",\"stdin\":\"a\\u0000b\"}}",
		RESULT("0", "3\\n", ""));
	expect("{\"Exec\":{\"command\":\"true\",\"stdin\":\"ignored\"}}", RESULT("0", "", ""));
}

Test(agent_exec, the_time_is_a_little_less_than_the_hosts)
{
	cr_expect_eq(exec_timeout_ms(30), 29500);
	cr_expect_eq(exec_timeout_ms(1), 900);
	cr_expect_eq(exec_timeout_ms(0), 900);
	cr_expect_eq(exec_timeout_ms(UINT64_MAX), 86399500);
}

/* As for a process that waits for a disk that does not answer: SIGKILL has no effect. */
static bool spared;

int kill(pid_t pid, int number)
{
	return spared && number == SIGKILL ? 0 : (int)syscall(SYS_kill, pid, number);
}

Test(agent_exec, what_cannot_be_killed_does_not_hold_the_reply)
{
	char *reply;

	spared = true;
	start_allowed();
	reply = ask("{\"Exec\":{\"command\":\"echo a; sleep 5 & wait\",\"timeout_secs\":1}}");
	cr_expect_str_eq(reply,
		RESULT("124", "a\\n", "timed out after 1s, and cannot be killed\\n"), "%s", reply);
	free(reply);
	reply = ask("\"Ping\"");
	cr_expect_str_eq(reply, "\"Pong\"");
	free(reply);
	spared = false;
}

Test(agent_exec, at_the_end_of_its_time_the_group_is_killed)
{
	char *reply;
	int pid = 0;

	start_allowed();
	reply = ask("{\"Exec\":{\"command\":\"sleep 1000 & echo $!; wait\",\"timeout_secs\":1}}");
	cr_expect_eq(sscanf(reply, "{\"ExecResult\":{\"exit_code\":124,\"stdout\":\"%d", &pid), 1,
		"%s", reply);
	cr_expect_not_null(strstr(reply, "\"stderr\":\"timed out after 1s\\n\""), "%s", reply);
	free(reply);
	cr_assert_gt(pid, 1);
	wait_until_gone(pid);
}

Test(agent_exec, a_background_process_does_not_hold_the_reply)
{
	char *reply;
	int pid = 0;

	start_allowed();
	reply = ask(EXEC("sleep 1000 & echo $!"));
	cr_expect_eq(sscanf(reply, "{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"%d", &pid), 1,
		"%s", reply);
	free(reply);
	cr_assert_gt(pid, 1);
	cr_expect_eq(kill(pid, SIGKILL), 0, "it lives on");
	wait_until_gone(pid);
}

/* The process id of a command that is under way. */
static int running_command(int fd)
{
	char text[512];
	int pid = 0;
	FILE *f;

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	cr_assert_eq(mkfifo(rig_path("pid"), 0666), 0);
	cr_assert_eq(chmod(rig_path("pid"), 0666), 0);
	snprintf(text, sizeof(text), EXEC("echo $$ >%s; sleep 1000"), rig_path("pid"));
	send_text(fd, text);
	f = fopen(rig_path("pid"), "r");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

Test(agent_exec, when_the_client_goes_away_the_command_is_killed)
{
	int fd, pid;

	start_allowed();
	fd = connect_client();
	pid = running_command(fd);
	close(fd);
	wait_until_gone(pid);
	expect("\"Ping\"", "\"Pong\"");
}

Test(agent_exec, a_half_closed_client_gets_its_result)
{
	int fd;

	start_allowed();
	fd = connect_client();
	send_text(fd, EXEC("sleep 0.2; echo done"));
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	expect_reply(fd, RESULT("0", "done\\n", ""));
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
}

Test(agent_exec, others_are_served_meanwhile)
{
	int fd, pid;

	start_allowed();
	fd = connect_client();
	pid = running_command(fd);
	expect("\"Ping\"", "\"Pong\"");
	expect(EXEC("echo 2"), RESULT("0", "2\\n", ""));
	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	wait_until_gone(pid);
	close(fd);
}

Test(agent_exec, there_is_a_bound)
{
	int fds[EXEC_AT_ONCE];

	start_allowed();
	for (int i = 0; i < EXEC_AT_ONCE; i++) {
		fds[i] = connect_client();
		send_text(fds[i], EXEC("sleep 1000"));
	}
	free(ask_until(EXEC("true"), "{\"Error\":{\"message\":\"exec: too many commands are "
				     "running\"}}"));
	for (int i = 0; i < EXEC_AT_ONCE; i++)
		close(fds[i]);
	free(ask_until(EXEC("true"), RESULT("0", "", "")));
}

/* ---- long output ----------------------------------------------------------------------------- */

static json_t *parse(const char *reply)
{
	json_error_t error;
	json_t *all = json_loads(reply, 0, &error), *result;

	cr_assert_not_null(all, "%s", error.text);
	cr_assert_leq(strlen(reply), PROTOCOL_BODY_MAX);
	result = json_incref(json_object_get(all, "ExecResult"));
	cr_assert_not_null(result);
	json_decref(all);
	return result;
}

#define MARK "\n... (truncated)\n"

static bool is_marked(const char *text)
{
	size_t len = strlen(text);

	return len >= strlen(MARK) && strcmp(text + len - strlen(MARK), MARK) == 0;
}

Test(agent_exec, long_output_is_cut_and_marked)
{
	const char *out, *err;
	json_t *result;
	char *reply;

	start_allowed();
	reply = ask(EXEC("head -c 1000000 /dev/zero | tr '\\\\0' o; echo all of it >&2"));
	result = parse(reply);
	out = json_string_value(json_object_get(result, "stdout"));
	err = json_string_value(json_object_get(result, "stderr"));
	cr_expect(is_marked(out));
	cr_expect_gt(strlen(out), 261000);
	cr_expect_str_eq(err, "all of it\n");
	json_decref(result);
	free(reply);
	/* Each gets half, when both are long; and six bytes for one are counted. */
	reply = ask(EXEC("head -c 300000 /dev/zero; head -c 300000 /dev/zero | tr '\\\\0' e >&2"));
	cr_expect_leq(strlen(reply), PROTOCOL_BODY_MAX);
	cr_expect_gt(strlen(reply), 261000);
	cr_expect_eq(rig_count(reply, "\\n... (truncated)\\n\""), 2);
	free(reply);
	/* The short one is whole, also when it is standard output. */
	reply = ask(EXEC("echo short; head -c 300000 /dev/zero | tr '\\\\0' e >&2"));
	cr_expect_not_null(strstr(reply, "\"stdout\":\"short\\n\","));
	cr_expect_eq(rig_count(reply, "\\n... (truncated)\\n\""), 1);
	free(reply);
}

/* Two-byte characters behind an odd and an even start: one of the cuts falls within one. */
Test(agent_exec, cuts_fall_between_characters)
{
	static const char *const commands[] = {
		EXEC("head -c 150000 /dev/zero | sed 's/\\\\x00/\xc3\xa4/g'"),
		EXEC("printf x; head -c 150000 /dev/zero | sed 's/\\\\x00/\xc3\xa4/g'"),
	};

	start_allowed();
	for (size_t i = 0; i < 2; i++) {
		char *reply = ask(commands[i]);
		json_t *result = parse(reply);
		const char *out = json_string_value(json_object_get(result, "stdout"));

		cr_expect(is_marked(out), "%zu bytes", strlen(out));
		cr_expect_null(strstr(out, "\xef\xbf\xbd"));
		json_decref(result);
		free(reply);
	}
}

/* The encoder alone, at the very edge: whatever the sizes, it fits, and nothing fits more. */
Test(agent_exec, results_of_every_size_fit)
{
	char *text = malloc(300000), *frame = malloc(PROTOCOL_BODY_MAX + 1);

	memset(text, 'x', 300000);
	for (size_t n = 261900; n < 262200; n++) {
		struct exec_result r = { .out = text, .out_len = n, .err = text, .err_len = 10 };
		struct buf b;

		buf_init(&b, frame, PROTOCOL_BODY_MAX + 1);
		exec_write_result(&b, &r);
		cr_assert_not(b.cut, "%zu bytes", n);
		cr_assert_leq(b.len, PROTOCOL_BODY_MAX);
		cr_assert_gt(b.len, 261900);
	}
	free(text);
	free(frame);
}

/* A host may take the drives as soon as it has the answer. */
Test(agent_exec, what_it_wrote_is_on_the_drives_before_the_answer)
{
	static const char *const no_services[] = { NULL };
	char byte;
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent_with_init(NULL, no_services);
	fd = send_request(EXEC("true"));
	cr_expect_eq(expect_verb(CONTROL_SYNC)->value, 1, "the caches stay");
	cr_expect_lt(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 0);
	answer_done(0, "");
	expect_reply(fd, RESULT("0", "", ""));
	close(fd);
}
