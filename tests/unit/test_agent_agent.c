/* SPDX-License-Identifier: MIT */
/*
 * The whole agent, in a process of its own, on an AF_UNIX socket that outlives it as init's does.
 * Who may connect is this test's decision; the program itself has no such switch.
 */
#include "agent_rig.h"

#include "agent/agent.h"
#include "agent/peer.h"
#include "base/clock.h"
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_un address;
static char integrations[128], probes[128], history[128];
static int listen_fd, log_fds[2];
static pid_t agent_pid;

bool peer_is_allowed(const struct sockaddr *peer, socklen_t len)
{
	(void)peer;
	(void)len;
	return true;
}

static void make_directories(void)
{
	strcpy(integrations, rig_path("integrations.d"));
	strcpy(probes, rig_path("probes.d"));
	strcpy(history, rig_path("history.json"));
	cr_assert_eq(mkdir(integrations, 0755), 0);
	cr_assert_eq(mkdir(probes, 0755), 0);
}

static void start(void)
{
	rig_start();
	/* The agent is not to be reaped here. */
	loop_remove(&rig.loop, &rig.signals);
	make_directories();
	address.sun_family = AF_UNIX;
	strcpy(address.sun_path, rig_path("socket"));
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listen_fd, 128), 0);
	cr_assert_eq(pipe2(log_fds, O_CLOEXEC), 0);
	agent_pid = 0;
}

static void stop(void)
{
	if (agent_pid > 0) {
		kill(agent_pid, SIGKILL);
		waitpid(agent_pid, NULL, 0);
	}
	rig_stop();
}

TestSuite(agent_agent, .init = start, .fini = stop, .timeout = 120);

/* ---- the process ----------------------------------------------------------------------------- */

__attribute__((noreturn)) static void be_agent(const char *config)
{
	static struct agent agent;
	struct agent_paths paths = {
		.integrations = integrations, .probes = probes, .history = history
	};
	struct options o = { .listen_fd = listen_fd,
		.control_fd = -1,
		.check_user = geteuid() == 0 ? "nobody" : NULL,
		.config = config,
		.port = 52,
		.busy_threshold = 0.1,
		.sample_interval_secs = 5 };
	struct problem p;

	log_open(log_fds[1], "");
	if (agent_start(&agent, &o, &paths, &p) != 0 || agent_run(&agent, &p) != 0) {
		log_line("%s", p.text);
		exit(1);
	}
	exit(0);
}

static void start_agent(const char *config)
{
	agent_pid = fork();
	cr_assert_geq(agent_pid, 0);
	if (agent_pid == 0)
		be_agent(config);
}

/* Wait for the agent's end. Returns its exit code. */
static int wait_for_end(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, agent_pid, 0), status;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	cr_assert_geq(pidfd, 0);
	cr_assert_eq(poll(&p, 1, RIG_DEADLINE_MS), 1, "the agent does not end");
	close(pidfd);
	cr_assert_eq(waitpid(agent_pid, &status, 0), agent_pid);
	agent_pid = 0;
	return spawn_exit_code(status);
}

/* The agent's next log line, without its newline. */
static const char *next_line(void)
{
	static char line[LOG_LINE_MAX + 1];
	struct pollfd p = { .fd = log_fds[0], .events = POLLIN };

	for (size_t len = 0; len < LOG_LINE_MAX; len++) {
		cr_assert_eq(poll(&p, 1, RIG_DEADLINE_MS), 1, "no log line");
		cr_assert_eq(read(log_fds[0], line + len, 1), 1);
		line[len + 1] = '\0';
		if (line[len] == '\n') {
			line[len] = '\0';
			return line;
		}
	}
	return line;
}

/* ---- the client ------------------------------------------------------------------------------ */

static int connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Waits while the backlog is full. */
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%m");
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	char frame[1024];

	rig_send(fd, frame, rig_frame(text, frame));
}

/* One request on a connection of its own. */
static char *ask(const char *request)
{
	int fd = connect_client();
	char *reply;

	send_text(fd, request);
	reply = rig_receive(fd);
	close(fd);
	cr_assert_not_null(reply, "no reply to %s", request);
	return reply;
}

static void expect(const char *request, const char *want)
{
	char *reply = ask(request);

	cr_expect_str_eq(reply, want, "%s: %s", request, reply);
	free(reply);
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Ask until the reply contains `part`. Returns that reply. */
static char *ask_until(const char *request, const char *part)
{
	uint64_t deadline = clock_ms() + RIG_DEADLINE_MS;

	for (;;) {
		char *reply = ask(request);

		if (strstr(reply, part) != NULL)
			return reply;
		cr_assert_lt(clock_ms(), deadline, "'%s' is not in %s", part, reply);
		free(reply);
	}
}

/* ---- requests -------------------------------------------------------------------------------- */

Test(agent_agent, every_request_of_the_protocol)
{
	start_agent(NULL);
	cr_expect_str_eq(next_line(), "listening on vsock port 52 (0 integrations, 0 probes)");
	expect("\"Ping\"", "\"Pong\"");
	expect(" {\"Ping\":null}\n", "\"Pong\"");
	expect("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
	expect("\"IntegrationStatus\"", "{\"IntegrationStatusReport\":{\"integrations\":[]}}");
	expect("\"ProbeStatus\"", "{\"ProbeStatusReport\":{\"probes\":[]}}");
	expect("\"Wake\"", "{\"Error\":{\"message\":\"Wake is not supported yet\"}}");
	expect("\"PostRestore\"", "{\"Error\":{\"message\":\"PostRestore is not supported yet\"}}");
	expect("{\"SleepPrep\":{\"drain_timeout_secs\":30}}",
		"{\"Error\":{\"message\":\"SleepPrep is not supported yet\"}}");
	expect("{\"CheckpointIntegrations\":{\"integrations\":[]}}",
		"{\"Error\":{\"message\":\"CheckpointIntegrations is not supported yet\"}}");
	expect("{\"Exec\":{\"command\":\"id\"}}",
		"{\"Error\":{\"message\":\"Exec is not supported yet\"}}");
}

Test(agent_agent, what_is_no_request_gets_an_error_and_the_end)
{
	int fd;
	char *reply;

	start_agent(NULL);
	fd = connect_client();
	send_text(fd, "\"Ping\"");
	send_text(fd, "\"ping\"");
	send_text(fd, "\"Ping\"");
	reply = rig_receive(fd);
	cr_expect_str_eq(reply, "\"Pong\"");
	free(reply);
	reply = rig_receive(fd);
	cr_expect_str_eq(reply, "{\"Error\":{\"message\":\"line 1, column 1: unknown message "
				"\\\"ping\\\"\"}}");
	free(reply);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
	expect("", "{\"Error\":{\"message\":\"there is no JSON value\"}}");
	reply = ask("\"\xff\"");
	cr_expect(begins_with(reply, "{\"Error\":{\"message\":\"line 1, column "), "%s", reply);
	free(reply);
}

Test(agent_agent, an_unsupported_request_leaves_the_connection_open)
{
	int fd;
	char *reply;

	start_agent(NULL);
	fd = connect_client();
	send_text(fd, "\"Wake\"");
	free(rig_receive(fd));
	send_text(fd, "\"Ping\"");
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	cr_expect_str_eq(reply, "\"Pong\"");
	free(reply);
	close(fd);
}

/* ---- checks ---------------------------------------------------------------------------------- */

Test(agent_agent, checks_run_and_are_reported)
{
	char *reply;

	rig_file("integrations.d/b.json",
		"{\"name\":\"bad\",\"health_cmd\":\"echo no >&2; exit 1\"}");
	rig_file("integrations.d/a.json", "{\"name\":\"good\",\"health_cmd\":\"true\"}");
	rig_file("integrations.d/c.json",
		"{\"name\":\"hung\",\"health_cmd\":\"sleep 1000\",\"health_timeout_secs\":1}");
	rig_file("probes.d/a.json", "{\"name\":\"disk\",\"command\":\"echo '{\\\"pct\\\": "
				    "41}'\",\"output_format\":\"json\"}");
	start_agent(NULL);
	reply = ask_until("\"ProbeStatus\"", "disk");
	cr_expect(begins_with(reply,
			  "{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":true,"
			  "\"detail\":\"ok\",\"output\":{\"pct\":41},\"checked_at\":\"20"),
		"%s", reply);
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "{\"error\":\"no\"}");
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "\"status\":\"active\"");
	cr_expect(strstr(reply, "\"good\"") < strstr(reply, "\"bad\""));
	free(reply);
	reply = ask_until("\"IntegrationStatus\"", "{\"error\":\"timed out after 1s\"}");
	free(reply);
}

Test(agent_agent, integrations_are_never_without_health)
{
	char *reply;

	rig_file("integrations.d/a.json", "{\"name\":\"slow\",\"health_cmd\":\"sleep 1000\"}");
	start_agent(NULL);
	reply = ask("\"IntegrationStatus\"");
	cr_expect_not_null(strstr(reply, "\"status\":\"pending\""), "%s", reply);
	cr_expect_not_null(
		strstr(reply, "\"health\":{\"healthy\":false,\"detail\":\"first check pending\","));
	free(reply);
}

/* ---- signals --------------------------------------------------------------------------------- */

static bool is_gone(const void *pid)
{
	return kill(*(const pid_t *)pid, 0) != 0 && errno == ESRCH;
}

static void again(struct loop_timer *timer)
{
	loop_timer_set(&rig.loop, timer, clock_ms() + 5);
}

static void wait_until_gone(pid_t pid)
{
	struct loop_timer look = { .expire = again };

	again(&look);
	rig_until(is_gone, &pid);
	loop_timer_clear(&rig.loop, &look);
}

/* A check that says its process id as its result once it has been stopped; until then in a file. */
static pid_t start_with_running_check(void)
{
	char file[512];
	struct loop_timer look = { .expire = again };
	pid_t pid = 0;

	cr_assert_eq(chmod(rig.directory, 0777), 0);
	snprintf(file, sizeof(file),
		"{\"name\":\"slow\",\"health_cmd\":\"echo $$ >%s.new; mv %s.new %s; sleep 1000\"}",
		rig_path("pid"), rig_path("pid"), rig_path("pid"));
	rig_file("integrations.d/a.json", file);
	start_agent(NULL);
	loop_timer_set(&rig.loop, &look, clock_ms());
	while (access(rig_path("pid"), R_OK) != 0)
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	loop_timer_clear(&rig.loop, &look);
	FILE *f = fopen(rig_path("pid"), "r");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	cr_assert_gt(pid, 1);
	return pid;
}

Test(agent_agent, sigterm_ends_the_checks_and_the_agent)
{
	pid_t check = start_with_running_check();
	int fd = connect_client();

	kill(agent_pid, SIGTERM);
	cr_expect_eq(wait_for_end(), 0);
	wait_until_gone(check);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
}

Test(agent_agent, sighup_reads_the_files_again)
{
	pid_t check = start_with_running_check();

	cr_expect_str_eq(next_line(), "listening on vsock port 52 (1 integrations, 0 probes)");
	cr_assert_eq(unlink(rig_path("integrations.d/a.json")), 0);
	rig_file("integrations.d/b.json", "{\"name\":\"new\",\"health_cmd\":\"true\"}");
	rig_file("integrations.d/c.json", "{\"name\":");
	rig_file("probes.d/a.json", "{\"name\":\"p\",\"cmd\":\"true\"}");
	kill(agent_pid, SIGHUP);
	cr_expect_not_null(strstr(next_line(), "/c.json: line 1, column"));
	cr_expect_str_eq(next_line(), "configuration read again (1 integrations, 1 probes)");
	wait_until_gone(check);
	free(ask_until("\"IntegrationStatus\"", "\"new\",\"status\":\"active\""));
	free(ask_until("\"ProbeStatus\"", "\"p\""));
}

Test(agent_agent, sighup_with_a_bad_configuration_keeps_the_old_one)
{
	char config[128];

	strcpy(config, rig_file("agent.json", "{\"busy_threshold\":0,\"sample_interval_secs\":0}"));
	start_agent(config);
	(void)next_line();
	rig_file("agent.json", "{\"busy_threshold\":\"x\"}");
	kill(agent_pid, SIGHUP);
	cr_expect_not_null(strstr(next_line(), "must be a number; the old settings stay"));
	(void)next_line();
	/* A threshold of nothing is always reached. */
	free(ask_until("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"busy\",\"last_busy_at\":\"20"));
}

/* ---- deaths ---------------------------------------------------------------------------------- */

Test(agent_agent, killed_agents_lose_no_history_and_no_waiting_request)
{
	char *before, *after;
	int fd;

	rig_file("integrations.d/a.json", "{\"name\":\"web\",\"health_cmd\":\"echo no >&2; exit "
					  "1\",\"health_interval_secs\":1000}");
	rig_file("probes.d/a.json",
		"{\"name\":\"p\",\"cmd\":\"echo [1]\",\"output_format\":\"json\","
		"\"interval_secs\":1000}");
	start_agent(NULL);
	free(ask_until("\"ProbeStatus\"", "[1]"));
	before = ask_until("\"IntegrationStatus\"", "\"no\"");
	kill(agent_pid, SIGKILL);
	cr_expect_eq(wait_for_end(), 128 + SIGKILL);
	/* The checks of the next agent must not be what is reported. */
	rig_file("integrations.d/a.json",
		"{\"name\":\"web\",\"health_cmd\":\"sleep 1000\",\"health_interval_secs\":1000}");
	rig_file("probes.d/a.json", "{\"name\":\"p\",\"cmd\":\"sleep 1000\"}");
	fd = connect_client();
	send_text(fd, "\"IntegrationStatus\"");
	start_agent(NULL);
	after = rig_receive(fd);
	cr_assert_not_null(after);
	cr_expect_str_eq(after, before);
	free(before);
	free(after);
	after = ask("\"ProbeStatus\"");
	cr_expect_not_null(strstr(after, "\"output\":[1],"), "%s", after);
	free(after);
	close(fd);
}

Test(agent_agent, what_cannot_be_started_is_said)
{
	char config[128];

	strcpy(config, rig_file("agent.json", "[]"));
	start_agent(config);
	cr_expect_not_null(strstr(next_line(), "/agent.json: line 1, column 1: an object is "));
	cr_expect_eq(wait_for_end(), 1);
	close(listen_fd);
	listen_fd = 1000;
	start_agent(NULL);
	cr_expect_str_eq(next_line(), "--listen-fd 1000: Bad file descriptor");
	cr_expect_eq(wait_for_end(), 1);
}

/* ---- many clients ---------------------------------------------------------------------------- */

Test(agent_agent, silent_clients_in_numbers_leave_ping_answered)
{
	int fds[800];

	start_agent(NULL);
	for (int i = 0; i < 800; i++)
		fds[i] = connect_client();
	expect("\"Ping\"", "\"Pong\"");
	for (int i = 0; i < 800; i++)
		close(fds[i]);
	expect("\"Ping\"", "\"Pong\"");
}

/* Count the context switches that a process has wanted: each wakeup ends in one. */
static unsigned long wakeups(pid_t pid)
{
	char path[64], line[256];
	unsigned long count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "voluntary_ctxt_switches: %lu", &count);
	fclose(f);
	return count;
}

/* One check a thousand seconds: in between the agent sleeps, whatever has happened before. */
Test(agent_agent, an_idle_agent_does_not_wake_up)
{
	struct loop_timer rest = { .expire = again };
	unsigned long before;
	uint64_t until;

	rig_file("integrations.d/a.json",
		"{\"name\":\"web\",\"health_cmd\":\"true\",\"health_interval_secs\":1000}");
	start_agent(NULL);
	free(ask_until("\"IntegrationStatus\"", "active"));
	expect("\"WorkerStatus\"",
		"{\"WorkerStatus\":{\"status\":\"idle\",\"last_busy_at\":null}}");
	/* The client's close is the last event; when it has been seen, the descriptor is gone. */
	before = wakeups(agent_pid);
	for (until = clock_ms() + 1500; clock_ms() < until;) {
		again(&rest);
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	}
	loop_timer_clear(&rig.loop, &rest);
	cr_expect_leq(wakeups(agent_pid), before + 1);
}
