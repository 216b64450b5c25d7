/* SPDX-License-Identifier: MIT */
#include "spawn_rig.h"

#include "base/file.h"
#include "base/interpreter.h"
#include "base/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(spawn, .timeout = 60);

/* ---- the program that comes out -------------------------------------------------------------- */

Test(spawn, arguments_environment_and_input_arrive)
{
	struct spawn_request r = rig_request("/bin/sh", "-c",
		"printf '%s|' \"$0\" \"$@\"; /usr/bin/env; read -r line; printf '%s' \"$line\"; "
		"exit 7",
		"a b", "", "c", NULL);
	struct rig_result got;

	rig_run(&r, "typed\n", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_not_null(strstr(got.output, "a b||c|"), "%s", got.output);
	cr_assert_not_null(strstr(got.output, "RIG=1\n"));
	cr_assert_null(strstr(got.output, "HOME="), "nothing of the caller's environment");
	cr_assert_str_eq(got.output + strlen(got.output) - 5, "typed");
	cr_assert_eq(spawn_exit_code(got.status), 7);
}

/* A leaked descriptor would show here; "3" is the directory itself. */
Test(spawn, no_descriptor_leaks_into_the_child)
{
	struct spawn_request r = rig_request("/bin/ls", "-1", "/proc/self/fd", NULL);
	int leak[3] = { dup(0), dup(1), dup(2) }, passed[2];
	struct rig_result got;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(fcntl(leak[i], F_GETFD), 0, "not close-on-exec on purpose");
	rig_run(&r, "", &got);
	cr_assert_str_eq(got.output, "0\n1\n2\n3\n");
	cr_assert_eq(pipe2(passed, O_CLOEXEC), 0);
	r.fds = passed;
	r.fd_count = 2;
	rig_run(&r, "", &got);
	cr_assert_str_eq(got.output, "0\n1\n2\n3\n4\n5\n");
}

Test(spawn, the_child_leads_a_session_of_its_own)
{
	struct spawn_request r = rig_request("/bin/cat", "/proc/self/stat", NULL);
	struct rig_result got;
	int pid, parent, group, session;

	rig_run(&r, "", &got);
	cr_assert_eq(
		sscanf(got.output, "%d (cat) %*c %d %d %d", &pid, &parent, &group, &session), 4);
	cr_assert_eq(pid, got.pid);
	cr_assert_eq(parent, getpid());
	cr_assert_eq(group, pid);
	cr_assert_eq(session, pid);
}

Test(spawn, signals_are_reset)
{
	struct spawn_request r = rig_request("/bin/cat", "/proc/self/status", NULL);
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGSYS };
	struct rig_result got;
	sigset_t all, old;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	rig_start(&r, "", &got);
	sigprocmask(SIG_SETMASK, &old, NULL);
	rig_finish(&got);
	cr_assert_eq(rig_status_hex(&got, "SigBlk"), 0);
	cr_assert_eq(rig_status_hex(&got, "SigIgn"), 0);
	cr_assert_eq(rig_status_hex(&got, "SigCgt"), 0);
}

/* ---- where it is found ----------------------------------------------------------------------- */

static char directory[] = "/tmp/test-spawn-XXXXXX";

static void clean_up_directory(void)
{
	char command[64];

	snprintf(command, sizeof(command), "/bin/rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
	cr_assert_eq(chmod(path, mode), 0);
}

static void set_up_directory(void)
{
	char path[128];

	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chmod(directory, 0755), 0);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%c", directory, "abc"[i]);
		cr_assert_eq(mkdir(path, 0755), 0);
	}
	put_file("a/not-executable", "#!/bin/sh\necho a", 0644);
	put_file("b/not-executable", "#!/bin/sh\necho b", 0755);
	put_file("a/denied", "#!/bin/sh\necho a", 0644);
	put_file("b/both", "#!/bin/sh\necho b", 0755);
	put_file("c/both", "#!/bin/sh\necho c", 0755);
	put_file("a/no-header", "echo no header\n", 0755);
	put_file("a/empty", "", 0755);
	put_file("a/no-text", "", 0755);
	snprintf(path, sizeof(path), "%s/a/no-text", directory);
	cr_assert_eq(file_create(path,
			     "\x7f"
			     "ELF\0echo no text\n",
			     18, 0755),
		0);
	put_file("b/no-header", "#!/bin/sh\necho b", 0755);
	put_file("a/no-interpreter", "#!/nonexistent/sh\n", 0755);
	put_file("here", "#!/bin/sh\necho here", 0755);
}

TestSuite(spawn_path, .init = set_up_directory, .fini = clean_up_directory, .timeout = 60);

struct path_case {
	const char *path; /* %s: the directory; NULL: no PATH at all */
	const char *program;
	int error; /* or 0 and ... */
	const char *output;
};

static void check_path(const struct path_case *c)
{
	struct spawn_request r = rig_request(c->program, NULL);
	char path[512], *envp[2] = { NULL, NULL };
	struct rig_result got;

	if (c->path != NULL) {
		snprintf(path, sizeof(path), c->path, directory, directory, directory);
		envp[0] = path;
	}
	r.envp = envp;
	r.directory = directory;
	rig_run(&r, "", &got);
	if (c->error == 0) {
		cr_expect_eq(got.report, 0, "%s: %s", c->program, strerror(got.failure.error));
		cr_expect_str_eq(got.output, c->output, "%s along %s", c->program, c->path);
		return;
	}
	cr_expect_eq(got.report, 1, "%s along %s runs", c->program, c->path);
	cr_expect_eq(got.failure.stage, SPAWN_EXEC);
	cr_expect_eq(got.failure.error, c->error, "%s along %s: %s", c->program, c->path,
		strerror(got.failure.error));
	cr_expect_eq(spawn_exit_code(got.status), SPAWN_EXIT_FAILED);
	cr_expect(spawn_failure_is_permanent(&got.failure), "%s", strerror(c->error));
}

Test(spawn_path, programs_are_found_along_the_new_path)
{
	static const struct path_case cases[] = {
		{ "PATH=%s/b:%s/c", "both", 0, "b\n" },
		{ "PATH=%s/c:%s/b", "both", 0, "c\n" },
		{ "PATH=/nonexistent:%s/c", "both", 0, "c\n" },
		{ "PATH=%s/here:%s/c", "both", 0, "c\n" }, /* a file is no directory */
		{ "PATH=%s/a:%s/b", "not-executable", 0, "b\n" },
		{ "PATH=%s/a:%s/c", "not-executable", EACCES, NULL },
		{ "PATH=%s/a", "denied", EACCES, NULL },
		{ "PATH=%s/a:%s/b", "absent", ENOENT, NULL },
		{ "PATH=%s/a:%s/b", "no-header", 0, "no header\n" }, /* execvp(3) */
		{ "PATH=%s/a:%s/b", "no-text", ENOEXEC, NULL },
		{ "PATH=%s", "./a/empty", 0, "" },
		{ "PATH=::%s/c:", "both", 0, "c\n" },
		{ "PATH=:", "here", ENOENT, NULL }, /* nothing runs from the working directory */
		{ "PATH=", "here", ENOENT, NULL },
		{ "PATH=:", "bin", ENOENT, NULL }, /* nor from the root directory */
		{ "PATH=%s/b", "./here", 0, "here\n" },
		{ "PATH=/nonexistent", "/bin/echo", 0, "\n" },
		{ "PATH=%s", "a", EACCES, NULL }, /* a directory */
		{ "PATH=/nonexistent", "./here/x", ENOTDIR, NULL },
		{ "PATH=/nonexistent", "a/no-interpreter", ENOENT, NULL },
		{ "XPATH=%s/b", "echo", 0, "\n" }, /* no PATH: the usual directories */
		{ NULL, "echo", 0, "\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_path(&cases[i]);
}

Test(spawn_path, a_script_without_a_header_gets_its_words)
{
	struct spawn_request r = rig_request("./words", "a b", "c", NULL);
	struct rig_result got;

	put_file("words", "echo \"$0 $# $1 $2\"", 0755);
	r.directory = directory;
	rig_run(&r, "", &got);
	cr_expect_str_eq(got.output, "./words 2 a b c\n");
}

Test(spawn_path, the_interpreter_is_to_blame)
{
	char path[128], name[128];

	put_file("script", "#! /nonexistent/sh -x\n", 0755);
	put_file("crlf", "#!/bin/sh\r\n", 0755);
	put_file("by-directory", "#!/tmp\n", 0755);
	snprintf(path, sizeof(path), "#!%s/script\n", directory);
	put_file("by-script", path, 0755);
	snprintf(path, sizeof(path), "/nonexistent:%s", directory);
	cr_expect_eq(interpreter_find_culprit("script", path, ENOENT, name, sizeof(name)), 0);
	cr_expect_str_eq(name, "/nonexistent/sh");
	cr_expect_eq(interpreter_find_culprit("by-script", path, ENOENT, name, sizeof(name)), 0);
	cr_expect_str_eq(name, "/nonexistent/sh");
	cr_expect_eq(interpreter_find_culprit("crlf", path, ENOENT, name, sizeof(name)), 0);
	cr_expect_str_eq(name, "/bin/sh\\r (its line ends in CR LF)");
	cr_expect_eq(interpreter_find_culprit("by-directory", path, EACCES, name, sizeof(name)), 0);
	cr_expect_str_eq(name, "/tmp");
	for (const char *const *good = (const char *const[]){ "here", "absent", "a", NULL };
		*good != NULL; good++)
		cr_expect_eq(interpreter_find_culprit(*good, path, ENOENT, name, sizeof(name)),
			-ENOENT, "%s", *good);
	cr_expect_eq(
		interpreter_find_culprit("/bin/ls", path, ENOENT, name, sizeof(name)), -ENOENT);
}

Test(spawn_path, the_callers_path_does_not_count)
{
	char path[64];
	struct path_case c = { "PATH=/nonexistent", "both", ENOENT, NULL };

	snprintf(path, sizeof(path), "%s/b", directory);
	setenv("PATH", path, 1);
	check_path(&c);
}

static void check_working_directory(void)
{
	struct spawn_request r = rig_request("/bin/pwd", "-P", NULL);
	struct rig_result got;

	rig_run(&r, "", &got);
	cr_assert_str_eq(got.output, "/\n");
	r.directory = directory;
	rig_run(&r, "", &got);
	cr_assert_eq(strncmp(got.output, directory, strlen(directory)), 0);
	r.directory = "/nonexistent";
	rig_expect_failure(&r, SPAWN_DIRECTORY, ENOENT);
	r.directory = "/dev/null";
	rig_expect_failure(&r, SPAWN_DIRECTORY, ENOTDIR);
}

Test(spawn_path, working_directory)
{
	check_working_directory();
}

Test(spawn_path, working_directory_of_a_caller_at_the_root)
{
	cr_assert_eq(chdir("/"), 0);
	check_working_directory();
}

/* ---- descriptors ----------------------------------------------------------------------------- */

enum { FIRST = 0, LAST = 20, PARKED = 200 };
static int parked[LAST + 1];

/* Move Criterion's own descriptors away for the test, and back afterwards. */
static void park(void)
{
	for (int fd = FIRST; fd <= LAST; fd++) {
		parked[fd] = fcntl(fd, F_DUPFD_CLOEXEC, PARKED);
		close(fd);
	}
}

static void unpark(void)
{
	for (int fd = FIRST; fd <= LAST; fd++) {
		close(fd);
		if (parked[fd] >= 0)
			dup2(parked[fd], fd);
	}
}

/* Make a pipe with the text, its read end at number `fd`. */
static void put_text(int fd, const char *text)
{
	int fds[2], high;

	pipe2(fds, O_CLOEXEC);
	high = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
	(void)!write(fds[1], text, strlen(text));
	close(fds[0]);
	close(fds[1]);
	dup3(high, fd, O_CLOEXEC);
	close(high);
}

/* The child reads descriptors 0 and 2 to 5 in that order; `from` has their numbers before.
 */
static void read_permuted(const int from[5], struct rig_result *got)
{
	static const char *const texts[] = { "zero", "two", "three", "four", "five" };
	struct spawn_request r = rig_request("/bin/true", NULL);
	int out[2];

	rig_run(&r, "", got); /* the launcher's own descriptors are there */
	r = rig_request("/bin/sh", "-c",
		"cat <&0; printf ' '; cat <&2; printf ' '; cat <&3; printf ' '; cat <&4; printf ' "
		"'; cat <&5",
		NULL);
	park();
	pipe2(out, O_CLOEXEC);
	got->output_fd = fcntl(out[0], F_DUPFD_CLOEXEC, 150);
	r.stdio[1] = fcntl(out[1], F_DUPFD_CLOEXEC, 150);
	close(out[0]);
	close(out[1]);
	for (int i = 0; i < 5; i++)
		put_text(from[i], texts[i]);
	r.stdio[0] = from[0];
	r.stdio[2] = from[1];
	r.fds = from + 2;
	r.fd_count = 3;
	rig_spawn(&r, got);
	if (!rig_has_launcher)
		got->report_fd = fcntl(got->report_fd, F_DUPFD_CLOEXEC, 150);
	close(r.stdio[1]);
	unpark();
	rig_finish(got);
}

Test(spawn, every_permutation_of_colliding_descriptors)
{
	static const int numbers[5] = { 0, 1, 3, 4, 5 };
	int runs = 0;

	for (int code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
		int from[5], seen = 0, rest = code;
		struct rig_result got;

		for (int i = 0; i < 5; i++, rest /= 5) {
			from[i] = numbers[rest % 5];
			seen |= 1 << from[i];
		}
		if (seen != 0x3b) /* not each number once */
			continue;
		read_permuted(from, &got);
		cr_assert_str_eq(got.output, "zero two three four five",
			"descriptors from %d %d %d %d %d: '%s'", from[0], from[1], from[2], from[3],
			from[4], got.output);
		runs++;
	}
	cr_assert_eq(runs, 120);
}

Test(spawn, one_source_may_serve_several_targets)
{
	struct spawn_request r =
		rig_request("/bin/sh", "-c", "echo a; echo b >&2; echo c >&3", NULL);
	struct rig_result got;
	int out[2];

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	r.stdio[1] = r.stdio[2] = out[1];
	r.fds = &out[1];
	r.fd_count = 1;
	got.output_fd = out[0];
	rig_spawn(&r, &got);
	close(out[1]);
	rig_finish(&got);
	cr_assert_str_eq(got.output, "a\nb\nc\n");
}

Test(spawn, descriptors_that_cannot_be_placed)
{
	struct spawn_request r = rig_request("/bin/true", NULL);
	static const int many[17] = { 0 };

	r.stdio[0] = -1;
	rig_expect_failure(&r, SPAWN_STDIO, EBADF);
	r.stdio[0] = 999;
	rig_expect_failure(&r, SPAWN_STDIO, EBADF);
	r.stdio[0] = 0;
	r.fds = many;
	r.fd_count = 17;
	rig_expect_failure(&r, SPAWN_STDIO, EMFILE);
}

/* ---- failures that come back ----------------------------------------------------------------- */

static int fail_prepare(const void *arg, uint32_t *part)
{
	*part = 7;
	return -*(const int *)arg;
}

static int die_silently(const void *arg, uint32_t *part)
{
	(void)arg;
	(void)part;
	raise(SIGKILL);
	return 0;
}

static int wait_for_byte(const void *arg, uint32_t *part)
{
	char c;

	(void)part;
	return read(*(const int *)arg, &c, 1) == 1 ? 0 : -EPIPE;
}

Test(spawn, prepare_hook)
{
	struct spawn_request r = rig_request("/bin/true", NULL);
	static const int passed = 3;
	struct rig_result got;
	int error = EIO, gate[2];

	r.prepare = fail_prepare;
	r.prepare_arg = &error;
	rig_expect_failure(&r, SPAWN_PREPARE, EIO);
	rig_run(&r, "", &got);
	cr_assert_eq(got.failure.part, 7, "what of it failed comes back, too");
	r.prepare = die_silently;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0, "a child that ends without a word");
	cr_assert_eq(spawn_exit_code(got.status), 128 + SIGKILL);
	cr_assert_eq(pipe2(gate, O_CLOEXEC), 0);
	r.prepare = wait_for_byte;
	r.prepare_arg = &passed;
	r.fds = gate;
	r.fd_count = 1;
	rig_start(&r, "", &got);
	cr_assert_eq(rig_report(&got), -EAGAIN, "nothing is known yet");
	cr_assert_eq(write(gate[1], "x", 1), 1);
	rig_finish(&got);
	cr_assert_eq(got.report, 0);
	cr_assert_eq(spawn_exit_code(got.status), 0);
}

Test(spawn, too_long_arguments)
{
	char *huge = malloc(3 << 20);
	struct spawn_request r;

	memset(huge, 'a', (3 << 20) - 1);
	huge[(3 << 20) - 1] = '\0';
	r = rig_request("/bin/true", huge, NULL);
	rig_expect_failure(&r, SPAWN_EXEC, E2BIG);
	free(huge);
}

Test(spawn, no_room_for_the_report_pipe)
{
	if (rig_has_launcher)
		cr_skip_test("it has none");
	struct spawn_request r = rig_request("/bin/true", NULL);
	struct rlimit old, none = { 3, 0 };
	struct rig_result got;
	int err;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none.rlim_max = old.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	err = spawn(&r, &got.pid, &got.report_fd);
	setrlimit(RLIMIT_NOFILE, &old);
	cr_assert_eq(err, -EMFILE);
}

Test(spawn, the_child_may_have_no_descriptor_left_for_its_copy)
{
	if (rig_has_launcher)
		cr_skip_test("it has none");
	struct spawn_request r = rig_request("/bin/true", NULL);
	static const int many[16] = { 0 };
	struct rlimit old, few;
	struct rig_result got;
	int probe;

	r.fds = many;
	r.fd_count = 16;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	probe = dup(0);
	close(probe);
	few = (struct rlimit){ (rlim_t)probe + 2, old.rlim_max }; /* just the pipe's two */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_spawn(&r, &got);
	setrlimit(RLIMIT_NOFILE, &old);
	got.output_fd = open("/dev/null", O_RDONLY);
	rig_finish(&got);
	cr_assert_eq(got.report, 1, "the failure is told through the pipe as it stands");
	cr_assert(got.failure.error == EINVAL || got.failure.error == EMFILE);
}

Test(spawn, names_and_codes)
{
	for (uint32_t i = 0; i < SPAWN_STAGES; i++) {
		cr_assert_str_not_empty(spawn_stage_name(i));
		for (uint32_t j = 0; j < i; j++)
			cr_assert_str_neq(spawn_stage_name(i), spawn_stage_name(j));
	}
	cr_assert_str_eq(spawn_stage_name(SPAWN_STAGES), "unknown stage");
	cr_assert_str_eq(spawn_stage_name(~0u), "unknown stage");
	cr_assert_eq(spawn_exit_code(3 << 8), 3);
	cr_assert_eq(spawn_exit_code(SIGTERM), 128 + SIGTERM);
	cr_assert_eq(spawn_exit_code(SIGSEGV | 0x80), 128 + SIGSEGV, "with a core dump");
}

Test(spawn, what_trying_again_cannot_heal)
{
	static const struct spawn_failure heals[] = { { SPAWN_EXEC, EAGAIN, 0 },
		{ SPAWN_EXEC, ENOMEM, 0 }, { SPAWN_EXEC, ETXTBSY, 0 }, { SPAWN_EXEC, EIO, 0 },
		{ SPAWN_DIRECTORY, EACCES, 0 }, { SPAWN_CGROUP, ENOENT, 0 },
		{ SPAWN_LIMITS, EINVAL, 0 }, { SPAWN_PREPARE, EPERM, 0 } };
	static const struct spawn_failure stays[] = { { SPAWN_EXEC, ENOENT, 0 },
		{ SPAWN_EXEC, EACCES, 0 }, { SPAWN_EXEC, ENOEXEC, 0 },
		{ SPAWN_DIRECTORY, ENOENT, 0 }, { SPAWN_DIRECTORY, ENOTDIR, 0 },
		{ SPAWN_PREPARE, ENOENT, 3 } };

	for (size_t i = 0; i < sizeof(heals) / sizeof(heals[0]); i++)
		cr_assert_not(spawn_failure_is_permanent(&heals[i]), "row %zu", i);
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++)
		cr_assert(spawn_failure_is_permanent(&stays[i]), "row %zu", i);
}
