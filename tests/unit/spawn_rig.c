/* SPDX-License-Identifier: MIT */
#include "spawn_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 30000

struct spawn_request rig_request(const char *program, ...)
{
	static char *argv[16], variable[] = "RIG=1", *envp[] = { variable, NULL };
	size_t argc = 0;
	va_list args;

	va_start(args, program);
	for (const char *a = program; a != NULL; a = va_arg(args, const char *))
		argv[argc++] = (char *)(uintptr_t)a;
	va_end(args);
	argv[argc] = NULL;
	return (struct spawn_request){
		.argv = argv, .envp = envp, .stdio = { 0, 1, 2 }, .cgroup_fd = -1
	};
}

void rig_start(struct spawn_request *r, const char *input, struct rig_result *got)
{
	int in[2], out[2];

	*got = (struct rig_result){ 0 };
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	cr_assert_eq(write(in[1], input, strlen(input)), (ssize_t)strlen(input));
	r->stdio[0] = in[0];
	r->stdio[1] = out[1];
	got->output_fd = out[0];
	got->error = spawn(r, &got->pid, &got->report_fd);
	close(in[0]);
	close(in[1]);
	close(out[1]);
}

static void wait_readable(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, DEADLINE_MS);
	while (n < 0 && errno == EINTR);
	cr_assert_eq(n, 1, "no end of %s within %d ms", what, DEADLINE_MS);
}

static void collect_output(struct rig_result *got)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		wait_readable(got->output_fd, "the output");
		n = read(got->output_fd, got->output + len, sizeof(got->output) - 1 - len);
		cr_assert_geq(n, 0, "read: %s", strerror(errno));
		len += (size_t)n;
	}
	got->output[len] = '\0';
	close(got->output_fd);
}

void rig_finish(struct rig_result *got)
{
	cr_assert_eq(got->error, 0, "spawn: %s", strerror(-got->error));
	wait_readable(got->report_fd, "the report");
	got->report = spawn_report(got->report_fd, &got->failure);
	close(got->report_fd);
	collect_output(got);
	cr_assert_eq(waitpid(got->pid, &got->status, 0), got->pid);
}

void rig_run(struct spawn_request *r, const char *input, struct rig_result *got)
{
	rig_start(r, input, got);
	rig_finish(got);
}

void rig_expect_failure(struct spawn_request *r, uint32_t stage, int error)
{
	int saved[3] = { r->stdio[0], r->stdio[1], r->stdio[2] };
	struct rig_result got = { .output_fd = open("/dev/null", O_RDONLY | O_CLOEXEC) };

	got.error = spawn(r, &got.pid, &got.report_fd);
	rig_finish(&got);
	memcpy(r->stdio, saved, sizeof(saved));
	cr_assert_eq(got.report, 1, "no failure came back: report %d, status %#x", got.report,
		got.status);
	cr_assert_eq(got.failure.stage, stage, "failed at '%s' (%s), not at '%s'",
		spawn_stage_name(got.failure.stage), strerror(got.failure.error),
		spawn_stage_name(stage));
	cr_assert_eq(got.failure.error, error, "%s: %s, not %s", spawn_stage_name(stage),
		strerror(got.failure.error), strerror(error));
	cr_assert_eq(spawn_exit_code(got.status), SPAWN_EXIT_FAILED);
}

const char *rig_status_line(const struct rig_result *got, const char *key)
{
	static char value[1024];
	const char *at = got->output;
	size_t len = strlen(key);

	while (strncmp(at, key, len) != 0 || at[len] != ':') {
		at = strchr(at, '\n');
		cr_assert_not_null(at, "no line '%s' in: %s", key, got->output);
		at++;
	}
	at += len + 1;
	at += strspn(at, " \t");
	len = strcspn(at, "\n");
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	cr_assert_lt(len, sizeof(value));
	memcpy(value, at, len);
	value[len] = '\0';
	return value;
}

unsigned long long rig_status_hex(const struct rig_result *got, const char *key)
{
	return strtoull(rig_status_line(got, key), NULL, 16);
}
