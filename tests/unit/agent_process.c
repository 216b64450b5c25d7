/* SPDX-License-Identifier: MIT */
#include "agent_process.h"

#include "agent_rig.h"

#include "agent/agent.h"
#include "agent/wire/peer.h"
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

pid_t agent_pid;
int listen_fd, later_listen_fd = -1, init_fd = -1;

static struct sockaddr_un address, later_address;
static char integrations[128], probes[128], history[128], policy[128], host_config[128],
	entrypoint[128];
static char measure[128], states[128];
static int log_fds[2], control_fd = -1;
static struct control_message latest; /* request of the agent */

bool peer_is_allowed(const struct sockaddr *peer, socklen_t len)
{
	(void)peer;
	(void)len;
	return true;
}

static void make_paths(void)
{
	strcpy(integrations, rig_path("integrations.d"));
	strcpy(probes, rig_path("probes.d"));
	strcpy(history, rig_path("history.json"));
	strcpy(policy, rig_path("security-policy.json"));
	strcpy(entrypoint, rig_path("entrypoint"));
	strcpy(host_config, rig_path("config.json"));
	strcpy(measure, rig_path("measure"));
	strcpy(states, rig_path("states"));
	cr_assert_eq(mkdir(integrations, 0755), 0);
	cr_assert_eq(mkdir(probes, 0755), 0);
}

static int listen_at(struct sockaddr_un *at, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at->sun_family = AF_UNIX;
	strcpy(at->sun_path, rig_path(name));
	cr_assert_eq(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	cr_assert_eq(listen(fd, 128), 0);
	return fd;
}

void process_start(void)
{
	rig_start();
	/* The agent is not to be reaped here. */
	loop_remove(&rig.loop, &rig.signals);
	make_paths();
	listen_fd = listen_at(&address, "socket");
	later_listen_fd = listen_at(&later_address, "later");
	cr_assert_eq(pipe2(log_fds, O_CLOEXEC), 0);
	agent_pid = 0;
}

void process_stop(void)
{
	if (agent_pid > 0) {
		kill(agent_pid, SIGKILL);
		waitpid(agent_pid, NULL, 0);
	}
	rig_stop();
}

/* ---- the process ----------------------------------------------------------------------------- */

__attribute__((noreturn)) static void be_agent(const char *config)
{
	static struct agent agent;
	const char *const state_roots[] = { rig_path("nowhere"), states, NULL };
	struct agent_paths paths = { .integrations = integrations,
		.probes = probes,
		.history = history,
		.policy = policy,
		.host_config = host_config,
		.entrypoint = entrypoint,
		.self = measure,
		.state_roots = state_roots };
	struct options o = { .listen_fd = listen_fd,
		.later_listen_fd = later_listen_fd,
		.control_fd = control_fd,
		.check_user = geteuid() == 0 ? "nobody" : NULL,
		.config = config,
		.port = 52,
		.busy_threshold = 0.1,
		.sample_interval_secs = 5 };
	struct problem p;

	close(init_fd); /* this test's end */
	log_open(log_fds[1], "");
	if (agent_start(&agent, &o, &paths, &p) != 0 || agent_run(&agent, &p) != 0) {
		log_line("%s", p.text);
		exit(1);
	}
	exit(0);
}

void start_agent(const char *config)
{
	agent_pid = fork();
	cr_assert_geq(agent_pid, 0);
	if (agent_pid == 0)
		be_agent(config);
}

static void answer_services(const char *const *services)
{
	expect_verb(CONTROL_SERVICES);
	for (; *services != NULL; services++) {
		struct control_message m = { .kind = CONTROL_ITEM };
		size_t len = strcspn(*services, ":");

		memcpy(m.service.name, *services, len);
		m.service.uid = m.service.gid = (uint32_t)atoi(*services + len + 1);
		answer_item(&m);
	}
	answer_done(0, "");
}

static void start_with_channel(const char *config)
{
	int fds[2];

	if (init_fd >= 0)
		close(init_fd);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	init_fd = fds[0];
	control_fd = fds[1];
	start_agent(config);
	close(control_fd);
	control_fd = -1;
}

void start_agent_with_init(const char *config, const char *const *services)
{
	start_with_channel(config);
	answer_services(services);
}

void start_agent_with_null_channel(void)
{
	control_fd = rig.jobs.null_fd;
	start_agent(NULL);
	control_fd = -1;
}

void start_agent_with_silent_init(void)
{
	start_with_channel(NULL);
}

int wait_for_end(void)
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

static bool is_gone(const void *pid)
{
	return kill(*(const pid_t *)pid, 0) != 0 && errno == ESRCH;
}

/* Of a process that is not ours, nothing tells but looking again. */
static void again(struct loop_timer *timer)
{
	loop_timer_set(&rig.loop, timer, clock_ms() + 5);
}

void wait_until_gone(pid_t pid)
{
	struct loop_timer look = { .expire = again };

	again(&look);
	rig_until(is_gone, &pid);
	loop_timer_clear(&rig.loop, &look);
}

const char *next_line(void)
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

static int connect_to(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Waits while the backlog is full. */
	cr_assert_eq(connect(fd, (const struct sockaddr *)at, sizeof(*at)), 0, "%m");
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int connect_client(void)
{
	return connect_to(&address);
}

int send_request(const char *request)
{
	int fd = connect_client();

	send_text(fd, request);
	return fd;
}

int connect_later_client(void)
{
	return connect_to(&later_address);
}

void send_text(int fd, const char *text)
{
	char frame[4096];

	cr_assert_lt(strlen(text), sizeof(frame) - 4);
	rig_send(fd, frame, rig_frame(text, frame));
}

char *ask(const char *request)
{
	int fd = connect_client();
	char *reply;

	send_text(fd, request);
	reply = rig_receive(fd);
	close(fd);
	cr_assert_not_null(reply, "no reply to %s", request);
	return reply;
}

void expect(const char *request, const char *want)
{
	char *reply = ask(request);

	cr_expect_str_eq(reply, want, "%s: %s", request, reply);
	free(reply);
}

void expect_reply(int fd, const char *want)
{
	char *reply = rig_receive(fd);

	cr_assert_not_null(reply, "no reply, but %s is expected", want);
	cr_expect_str_eq(reply, want, "%s", reply);
	free(reply);
}

bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

char *ask_until(const char *request, const char *part)
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

/* ---- PID 1 ----------------------------------------------------------------------------------- */

const struct control_message *expect_verb(enum control_verb verb)
{
	struct pollfd p = { .fd = init_fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, RIG_DEADLINE_MS), 1, "no request, but verb %d is expected", verb);
	cr_assert_eq(recv(init_fd, &latest, sizeof(latest), 0), sizeof(latest));
	cr_assert_eq(latest.version, CONTROL_VERSION);
	cr_assert_eq(latest.kind, CONTROL_REQUEST);
	cr_assert_neq(latest.id, 0);
	cr_assert_eq(latest.verb, verb, "verb %d, and not %d", latest.verb, verb);
	return &latest;
}

void expect_event(enum control_event event)
{
	struct pollfd p = { .fd = init_fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, RIG_DEADLINE_MS), 1, "no event, but %d is expected", event);
	cr_assert_eq(recv(init_fd, &latest, sizeof(latest), 0), sizeof(latest));
	cr_assert_eq(latest.kind, CONTROL_EVENT);
	cr_assert_eq(latest.verb, event);
}

void serve_verbs(const enum control_verb *verbs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect_verb(verbs[i]);
		answer_done(0, "");
	}
}

void expect_no_verb(void)
{
	struct pollfd p = { .fd = init_fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, 0), 0);
}

static void answer_with(struct control_message *m, enum control_kind kind)
{
	m->version = CONTROL_VERSION;
	m->kind = (uint16_t)kind;
	m->verb = latest.verb;
	m->id = latest.id;
	cr_assert_eq(send(init_fd, m, sizeof(*m), MSG_NOSIGNAL), sizeof(*m), "%m");
}

void answer_step(const char *name, int error, const char *text)
{
	struct control_message m = { 0 };

	strcpy(m.step.name, name);
	strcpy(m.step.text, text);
	m.step.error = error;
	answer_with(&m, CONTROL_STEP);
}

void answer_item(const struct control_message *item)
{
	struct control_message m = *item;

	answer_with(&m, CONTROL_ITEM);
}

void answer_done(int error, const char *text)
{
	struct control_message m = { .error = error };

	strcpy(m.text, text);
	answer_with(&m, CONTROL_DONE);
}

void send_event(enum control_event event)
{
	struct control_message m = {
		.version = CONTROL_VERSION, .kind = CONTROL_EVENT, .verb = (uint16_t)event
	};

	cr_assert_eq(send(init_fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m), "%m");
}
