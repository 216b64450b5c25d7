/* SPDX-License-Identifier: MIT */
/* Jobs with real processes. */
#include "agent_rig.h"

#include "agent/checks/job.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct job job;
static int ends; /* how often `done` has been called */

static void job_is_done(struct job *j)
{
	cr_assert_eq(j, &job);
	cr_assert_not(job_is_running(j));
	ends++;
}

static void start(void)
{
	rig_start();
	ends = 0;
	job_init(&job, &rig.jobs, job_is_done);
}

static void stop(void)
{
	job_release(&job);
	cr_expect_null(rig.jobs.running);
	cr_expect_null(rig.loop.timers);
	rig_stop();
}

TestSuite(agent_job, .init = start, .fini = stop, .timeout = 60);

/* A specification for a piece of shell, which keeps all output. */
static struct job_spec shell(const char *text)
{
	static char *argv[4] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };
	static char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };

	argv[2] = (char *)text;
	return (struct job_spec){
		.argv = argv, .envp = envp, .timeout_ms = 60000, .out_max = 65536, .err_max = 65536
	};
}

static bool has_ended(const void *arg)
{
	return ends > *(const int *)arg;
}

static void run(const struct job_spec *spec)
{
	const int before = ends;

	cr_assert_eq(job_start(&job, spec), 0);
	cr_assert(job_is_running(&job));
	rig_until(has_ended, &before);
	cr_assert_eq(ends, before + 1);
}

static void expect_text(const struct capture *c, const char *want)
{
	cr_expect_eq(c->len, strlen(want), "'%.*s'", (int)c->len, c->data);
	cr_expect_arr_eq(c->data, want, strlen(want));
}

Test(agent_job, output_and_exit_code)
{
	struct job_spec spec = shell("echo out; echo err >&2; exit 7");

	run(&spec);
	cr_expect_eq(job.end, JOB_EXITED);
	cr_expect_eq(job.code, 7);
	expect_text(&job.out, "out\n");
	expect_text(&job.err, "err\n");
	cr_expect_not(job.out.cut);
	cr_expect_geq(job.ended_ms, job.started_ms);
}

Test(agent_job, signals_and_processor_time)
{
	struct job_spec spec =
		shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; kill -9 $$");

	run(&spec);
	cr_expect_eq(job.end, JOB_SIGNALED);
	cr_expect_eq(job.code, SIGKILL);
	cr_expect_gt(rig.jobs.used_us, 1000);
}

Test(agent_job, a_command_that_does_not_exist)
{
	char *argv[] = { (char *)"/nonexistent/program", NULL };
	struct job_spec spec = shell("");

	spec.argv = argv;
	run(&spec);
	cr_expect_eq(job.end, JOB_NOT_RUN);
	cr_expect_eq(job.failure.stage, SPAWN_EXEC);
	cr_expect_eq(job.failure.error, ENOENT);
}

/* More than a pipe holds, on both pipes at once, and more than is kept. */
Test(agent_job, large_output_does_not_block_the_command)
{
	struct job_spec spec = shell("head -c 300000 /dev/zero | tr '\\0' o; "
				     "head -c 300000 /dev/zero | tr '\\0' e >&2; echo end >&2; "
				     "printf last");

	spec.out_max = 1000;
	spec.err_max = 1000;
	spec.err_last = true;
	run(&spec);
	cr_expect_eq(job.end, JOB_EXITED);
	cr_expect_eq(job.out.len, 1000);
	cr_expect(job.out.cut);
	cr_expect_eq(job.out.data[999], 'o');
	cr_expect_eq(job.err.len, 1000);
	cr_expect(job.err.cut);
	cr_expect_arr_eq(job.err.data + 994,
		"ee"
		"end\n",
		6);
}

/* The loop learns of the output and of the end at once; there is more than one read takes. */
Test(agent_job, what_stands_in_the_pipes_at_the_end_is_taken)
{
	struct job_spec spec = shell("head -c 60000 /dev/zero | tr '\\0' o; "
				     "head -c 60000 /dev/zero | tr '\\0' e >&2");
	siginfo_t info;

	cr_assert_eq(job_start(&job, &spec), 0);
	cr_assert_eq(waitid(P_PID, (id_t)job.pid, &info, WEXITED | WNOWAIT), 0);
	rig_until(has_ended, &(int){ 0 });
	cr_expect_eq(job.out.len, 60000);
	cr_expect_eq(job.err.len, 60000);
	cr_expect_eq(job.err.data[59999], 'e');
}

Test(agent_job, input_is_written_while_output_is_read)
{
	enum { SIZE = 300000 };
	struct job_spec spec = shell("cat");
	char *input = malloc(SIZE);

	for (int i = 0; i < SIZE; i++)
		input[i] = (char)('a' + i % 26);
	spec.input = input;
	spec.input_len = SIZE;
	spec.out_max = 2 * SIZE;
	run(&spec);
	cr_expect_eq(job.end, JOB_EXITED);
	cr_expect_eq(job.out.len, SIZE);
	cr_expect_arr_eq(job.out.data, input, SIZE);
	/* A command that reads nothing of it is no error. */
	spec.argv = shell("exit 3").argv;
	run(&spec);
	cr_expect_eq(job.end, JOB_EXITED);
	cr_expect_eq(job.code, 3);
	/* Empty input is an end of file, not /dev/null by chance. */
	spec.argv = shell("cat; readlink /proc/self/fd/0").argv;
	spec.input_len = 0;
	run(&spec);
	cr_expect_eq(strncmp(job.out.data, "pipe:", 5), 0);
	free(input);
}

Test(agent_job, what_is_not_kept_goes_nowhere)
{
	struct job_spec spec = shell("x=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo \"$x\" >&2");

	spec.out_max = 0;
	run(&spec);
	expect_text(&job.err, "/dev/null\n/dev/null\n");
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* Has the process group `pgid` ended? Its leader may be a zombie that is ours to reap. */
static bool group_is_gone(const void *pgid)
{
	return kill(-*(const pid_t *)pgid, 0) != 0 && errno == ESRCH;
}

/* Wait for processes that are not ours to wait for, by looking again in every pass of the loop. */
static void again(struct loop_timer *timer)
{
	loop_timer_set(&rig.loop, timer, clock_ms() + 5);
}

static void wait_for_group(pid_t pgid)
{
	struct loop_timer look = { .expire = again };

	again(&look);
	rig_until(group_is_gone, &pgid);
	loop_timer_clear(&rig.loop, &look);
}

Test(agent_job, at_the_deadline_the_whole_group_is_killed)
{
	struct job_spec spec = shell("trap '' TERM; sleep 1000 & sleep 1000 & echo started; wait");
	uint64_t from = clock_ms();
	pid_t pgid;

	spec.timeout_ms = 100;
	cr_assert_eq(job_start(&job, &spec), 0);
	pgid = job.pid;
	rig_until(has_ended, &(int){ 0 });
	cr_expect_eq(job.end, JOB_TIMED_OUT);
	expect_text(&job.out, "started\n");
	cr_expect_geq(clock_ms() - from, 100);
	wait_for_group(pgid);
}

static bool has_file(const void *path)
{
	return access(path, F_OK) == 0;
}

Test(agent_job, a_descendant_that_keeps_the_pipe_holds_nothing_up)
{
	struct loop_timer look = { .expire = again };
	char text[512];
	struct job_spec spec;
	int fd;

	/* It shows that it lives on by writing a file, once it is let to. */
	cr_assert_eq(mkfifo(rig_path("go"), 0600), 0);
	snprintf(text, sizeof(text), "echo first; (read x <%s; echo >%s) & exit 0", rig_path("go"),
		rig_path("alive"));
	spec = shell(text);
	fd = open(rig_path("go"), O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	run(&spec);
	cr_expect_eq(job.end, JOB_EXITED);
	expect_text(&job.out, "first\n");
	cr_assert_eq(write(fd, "\n", 1), 1);
	again(&look);
	rig_until(has_file, rig_path("alive"));
	loop_timer_clear(&rig.loop, &look);
	close(fd);
}

Test(agent_job, what_is_left_is_killed_where_that_is_asked_for)
{
	struct job_spec spec = shell("sleep 1000 & exit 0");
	pid_t pgid;

	spec.kill_rest = true;
	cr_assert_eq(job_start(&job, &spec), 0);
	pgid = job.pid;
	rig_until(has_ended, &(int){ 0 });
	cr_expect_eq(job.end, JOB_EXITED);
	cr_expect_eq(job.code, 0);
	wait_for_group(pgid);
}

/* The end is taken from a pipe that never empties: only what stands in it, and then no more. */
Test(agent_job, a_descendant_that_writes_for_ever_holds_nothing_up)
{
	struct job_spec spec = shell("yes & exit 0");
	pid_t pgid;

	spec.out_max = 100;
	cr_assert_eq(job_start(&job, &spec), 0);
	pgid = job.pid;
	rig_until(has_ended, &(int){ 0 });
	cr_expect_eq(job.end, JOB_EXITED);
	kill(-pgid, SIGKILL); /* SIGPIPE may have been faster */
	wait_for_group(pgid);
}

Test(agent_job, killing_a_job_before_it_has_become_the_program)
{
	struct job_spec spec = shell("sleep 1000");

	for (int i = 0; i < 20; i++) {
		cr_assert_eq(job_start(&job, &spec), 0);
		job_kill(&job);
		rig_until(has_ended, &i);
		cr_expect_eq(job.end, JOB_KILLED);
	}
	job_kill(&job); /* not running: nothing happens */
}

/* ---- the agent itself ------------------------------------------------------------------------ */

static size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t count = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

Test(agent_job, nothing_is_left_over)
{
	struct job_spec spec = shell("cat; echo err >&2");
	size_t before;

	spec.input = "in";
	spec.input_len = 2;
	run(&spec);
	before = open_descriptors();
	for (int i = 0; i < 50; i++)
		run(&spec);
	cr_expect_eq(open_descriptors(), before);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
}

Test(agent_job, processes_of_others_are_reaped_too)
{
	struct job_spec spec = shell("exit 0");
	pid_t stray = fork();

	if (stray == 0)
		_exit(1);
	run(&spec);
	cr_assert_eq(job.end, JOB_EXITED);
	while (waitpid(stray, NULL, WNOHANG) == 0)
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_expect_eq(errno, ECHILD);
}

Test(agent_job, a_command_sees_nothing_of_the_agent)
{
	struct job_spec spec = shell("ls /proc/self/fd; ulimit -n; grep -E "
				     "'^(NoNewPrivs|Cap(Prm|Eff|Amb|Bnd|Inh)|Uid|Groups)' "
				     "/proc/self/status; cut -d' ' -f5,6 /proc/$$/stat");
	struct account user = {
		.name = "web", .uid = 4900, .gid = 4900, .groups = { 4900, 4901 }, .group_count = 2
	};
	char want[512];

	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	rig.jobs.starter.defaults.files.rlim_cur = 777;
	spec.user = &user;
	cr_assert_eq(job_start(&job, &spec), 0);
	snprintf(want, sizeof(want),
		"0\n1\n2\n3\n777\n"
		"Uid:\t4900\t4900\t4900\t4900\nGroups:\t4900 4901 \n"
		"CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
		"CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
		"CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n%d %d\n",
		job.pid, job.pid);
	rig_until(has_ended, &(int){ 0 });
	cr_expect_eq(job.end, JOB_EXITED);
	expect_text(&job.out, want);
}

/* The kernel's files, as they are when a job has ended that could write to its group. */
Test(agent_job, a_group_that_is_not_as_new)
{
	static const struct {
		const char *events;
		bool is_empty;
	} groups[] = { { "populated 0\nfrozen 0\n", true }, { "populated 0\n", true },
		{ "populated 1\nfrozen 0\n", false }, { "populated 0\nfrozen 1\n", false },
		{ "", false } };
	struct job_group g = { .fd = open(rig.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		rig_file("cgroup.events", groups[i].events);
		cr_expect_eq(job_group_is_empty(&g), groups[i].is_empty, "%zu", i);
		close(g.events_fd);
		g.events_fd = 0;
	}
	rig_file("cgroup.events", groups[0].events);
	cr_assert_eq(mkdir(rig_path("below"), 0755), 0);
	cr_expect_not(job_group_is_empty(&g), "one is below it");
	job_group_close(&g);
}
