/* SPDX-License-Identifier: MIT */
#include "spawn_rig.h"

#include "base/clock.h"

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

#ifdef RIG_LAUNCHER
const bool rig_has_launcher = true;
#else
const bool rig_has_launcher = false;
#endif

static struct loop loop = { .epoll_fd = -1 };
static struct launcher launcher;

struct launcher *rig_launcher(void)
{
	int null;

	if (loop.epoll_fd >= 0)
		return &launcher;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cr_assert_eq(loop_init(&loop), 0);
	launcher_init(&launcher, &loop, fcntl(null, F_DUPFD_CLOEXEC, 250), launcher_collect);
	close(null);
	return &launcher;
}

static bool is_late;

static void on_deadline(struct loop_timer *timer)
{
	(void)timer;
	is_late = true;
}

void rig_run_loop(const bool *what)
{
	struct loop_timer deadline = { .expire = on_deadline };

	is_late = false;
	loop_timer_set(&loop, &deadline, clock_ms() + DEADLINE_MS);
	while (!*what && !is_late)
		cr_assert_eq(loop_run_once(&loop), 0);
	loop_timer_clear(&loop, &deadline);
	cr_assert_not(is_late, "nothing within %d ms", DEADLINE_MS);
}

static void on_change(struct launch *launch)
{
	(void)launch;
}

void rig_spawn(const struct spawn_request *r, struct rig_result *got)
{
	static struct launch launch;

	if (!rig_has_launcher) {
		got->error = spawn(r, &got->pid, &got->report_fd);
		return;
	}
	got->launch = &launch;
	got->error = launcher_start(rig_launcher(), r, &launch, on_change);
	if (got->error != 0)
		return;
	launcher_settle(&launcher, &launch);
	got->error = -launch.error;
	got->pid = launch.pid;
}

static int result_of(struct rig_result *got)
{
	got->failure = got->launch->failure;
	return got->launch->failed ? 1 : 0;
}

int rig_report(struct rig_result *got)
{
	if (!rig_has_launcher)
		return spawn_report(got->report_fd, &got->failure);
	launcher_collect(&launcher);
	return got->launch->over ? result_of(got) : -EAGAIN;
}

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
	rig_spawn(r, got);
	r->stdio[0] = STDIN_FILENO;
	r->stdio[1] = STDOUT_FILENO;
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
	if (rig_has_launcher) {
		rig_run_loop(&got->launch->over);
		got->report = result_of(got);
	} else {
		wait_readable(got->report_fd, "the report");
		got->report = spawn_report(got->report_fd, &got->failure);
		close(got->report_fd);
	}
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

	rig_spawn(r, &got);
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
