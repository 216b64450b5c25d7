/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"

#include "agent/cage.h"
#include "agent/checks/check.h"
#include "agent/requests/handlers.h"
#include "agent/requests/init_query.h"
#include "agent/requests/processes.h"
#include "agent/requests/request.h"
#include "agent/requests/restore.h"
#include "agent/requests/run_entrypoint.h"
#include "agent/sessions/console.h"
#include "agent/sessions/forward.h"
#include "agent/wire/pending.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FILES_MAX      8192 /* the agent's own limit of descriptors */
#define STOP_LINGER_MS 100  /* for peers to take their last replies; init waits 200 ms */

static const char *const state_roots[] = { "/data/integrations", "/mnt/data/integrations", NULL };

const struct agent_paths agent_default_paths = {
	.integrations = "/etc/mvm/integrations.d",
	.probes = "/etc/mvm/probes.d",
	.history = "/run/mvm-guest-agent/history.json",
	.policy = "/mnt/config/security-policy.json",
	.host_config = "/mnt/config/config.json",
	.entrypoint = "/etc/mvm/entrypoint",
	.self = "/proc/self/exe",
	.state_roots = state_roots,
	.asks_host = true,
};

/* ---- signals --------------------------------------------------------------------------------- */

static void use_options(struct agent *a)
{
	a->activity.threshold = a->options.busy_threshold;
	a->activity.interval_ms = schedule_ms(a->options.sample_interval_secs);
}

static void load_accounts(struct agent *a)
{
	struct problem p;

	if (identities_load(&a->identities, &p) != 0)
		log_line("%s", p.text);
	starter_reload(&a->jobs.starter);
}

/* SIGHUP: read every configuration file again. The listening sockets stay. */
static void reload(struct agent *a)
{
	struct options o = a->given;
	struct problem p;

	if (options_read_config(&o, &p) != 0) {
		log_line("%s; keeping the previous settings", p.text);
	} else {
		a->options = o;
		use_options(a);
	}
	load_accounts(a);
	monitors_load(&a->integrations);
	monitors_load(&a->probes);
	service_link_refresh(&a->service_link);
	a->history.changed = true;
	log_line("configuration read again (%zu integrations, %zu probes)", a->integrations.count,
		a->probes.count);
}

static void handle_signal(struct agent *a, uint32_t number)
{
	switch (number) {
	case SIGCHLD:
		jobs_reap(&a->jobs);
		break;
	case SIGHUP:
		reload(a);
		break;
	default:
		a->stopping = true;
		break;
	}
}

static void signals_ready(struct loop_io *io, uint32_t events)
{
	struct agent *a = LOOP_OWNER(io, struct agent, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		handle_signal(a, info.ssi_signo);
}

static int open_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	return loop_add_signals(&a->loop, &a->signals, &set, signals_ready);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Without a starter no program can be started or killed: init starts a new agent with one. */
static void starter_ended(struct loop_io *io, uint32_t events)
{
	struct agent *a = LOOP_OWNER(io, struct agent, starter);

	(void)events;
	log_line("the starter has ended");
	loop_remove(&a->loop, io);
	a->stopping = a->failed = true;
}

static void result_changed(void *owner, struct check *check)
{
	struct agent *a = owner;
	struct monitor *monitor = LOOP_OWNER(check, struct monitor, check);

	history_note_result(&a->history, check->is_news, loop_ms(&a->loop));
	if (monitors_find(&a->integrations, monitor->definition.name) != monitor)
		return; /* probes do not count */
	monitors_note_health(&a->integrations);
	service_link_result(&a->service_link, monitor);
}

/* Called once the users of the checks are known. */
static void begin_checks(void *owner)
{
	struct agent *a = owner;

	monitors_begin(&a->integrations);
	monitors_begin(&a->probes);
}

static void channel_event(struct channel *c, const struct control_message *m)
{
	struct agent *a = c->owner;

	if (m->verb == CONTROL_EV_POST_RESTORE)
		restore_begin(a);
	else if (m->verb == CONTROL_EV_RELOAD)
		reload(a);
	else if (m->verb == CONTROL_EV_TRANSITION)
		init_query_events_came(a);
	else if (m->verb == CONTROL_EV_SIGN_OF_LIFE)
		channel_send_back(c, m);
}

static void init_parts(struct agent *a, const struct agent_paths *paths)
{
	struct activity_sample now = activity_sample(0);

	a->identities.default_user = a->options.check_user;
	a->checker = (struct checker){ .loop = &a->loop,
		.jobs = &a->jobs,
		.identities = &a->identities,
		.changed = result_changed,
		.owner = a };
	monitors_init(&a->integrations, DEFINITION_INTEGRATION, paths->integrations, &a->checker);
	monitors_init(&a->probes, DEFINITION_PROBE, paths->probes, &a->checker);
	a->history = (struct history){ .path = paths->history,
		.integrations = &a->integrations,
		.probes = &a->probes,
		.activity = &a->activity,
		.changed = true };
	server_init(&a->server, &a->loop, request_received, a);
	server_init(&a->later_server, &a->loop, request_received, a);
	a->later_server.is_later = true;
	a->server.wants_raw = console_wants_raw;
	a->server.raw = console_take_raw;
	for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++)
		a->serves[kind] = handlers[kind] != NULL;
	channel_init(&a->channel, &a->loop);
	a->channel.event = channel_event;
	a->channel.owner = a;
	service_link_init(&a->service_link, &a->channel, &a->integrations, begin_checks, a);
	a->hooks = (struct hook_context){ .jobs = &a->jobs,
		.identities = &a->identities,
		.integrations = &a->integrations,
		.measure_program = paths->self,
		.state_roots = paths->state_roots };
	use_options(a);
	activity_begin(&a->activity, &now);
}

/* PID 1 passes /dev/null if it could not bind the port. */
static void start_listening_later(struct agent *a)
{
	int fd = a->options.later_listen_fd;
	struct problem p;

	a->later_listener.io.fd = -1;
	a->later_listener.server = &a->later_server;
	if (fd < 0)
		return;
	if (listener_adopt(fd, &p) != 0 ||
		listener_start(&a->later_listener, &a->later_server, fd) != 0)
		log_line("--later-listen-fd %d is not a listening socket: later hosts cannot "
			 "connect",
			fd);
}

static int start_listening(struct agent *a, struct problem *p)
{
	int fd = a->options.listen_fd, err;

	if (fd >= 0)
		err = listener_adopt(fd, p);
	else
		err = fd = listener_bind((uint32_t)a->options.port, p);
	if (err < 0)
		return err;
	err = listener_start(&a->listener, &a->server, fd);
	start_listening_later(a);
	a->listening_ms = clock_ms();
	return err != 0 ? problem_set(p, -err, "cannot watch the listening socket") : 0;
}

int agent_start(struct agent *a, const struct options *o, const struct agent_paths *paths,
	struct problem *p)
{
	struct starter starter;
	int err;

	*a = (struct agent){
		.options = *o, .given = *o, .paths = *paths, .signals.fd = -1, .starter.fd = -1
	};
	a->started_ms = clock_ms();
	if (starter_begin(&starter, o, paths->policy, p) != 0)
		log_line("%s: programs are started without", p->text);
	err = options_read_config(&a->options, p);
	if (err != 0)
		return err;
	err = loop_init(&a->loop);
	if (err == 0)
		err = open_signals(a);
	if (err == 0)
		err = jobs_init(&a->jobs, &a->loop);
	if (err != 0)
		return problem_set(p, -err, "cannot start");
	a->jobs.starter = starter;
	if (starter.fd >= 0)
		(void)loop_add(&a->loop, &a->starter, starter.fd, 0, starter_ended);
	file_raise_limit(FILES_MAX); /* for many connections; commands get the old limit */
	init_parts(a, paths);
	err = start_listening(a, p);
	if (err != 0)
		return err;
	/* PID 1 passes /dev/null if it could not create a channel. */
	if (o->control_fd >= 0 && channel_open(&a->channel, o->control_fd, p) != 0)
		log_line("%s; continuing without init", p->text);
	boot_clock_init(&a->boot_clock, &a->channel);
	if (paths->asks_host)
		boot_clock_begin(&a->boot_clock);
	load_accounts(a);
	monitors_load(&a->integrations);
	monitors_load(&a->probes);
	history_load(&a->history);
	service_link_refresh(&a->service_link);
	log_line("listening on vsock port %u (%zu integrations, %zu probes)",
		listener_port(a->listener.io.fd, (uint32_t)a->options.port), a->integrations.count,
		a->probes.count);
	return 0;
}

/* ---- running and stopping -------------------------------------------------------------------- */

/*
 * init answers Shutdown and then ends the agent, so the answer may still wait in the channel. A
 * guest that goes down resets its vsock connections, and replies that the host has not read are
 * lost. A host that has its reply closes at once.
 */
static void finish_connections(struct agent *a)
{
	uint64_t until_ms = clock_ms() + STOP_LINGER_MS;

	channel_drain(&a->channel);
	server_finish(&a->server, STOP_LINGER_MS);
	server_finish(&a->later_server, STOP_LINGER_MS);
	while (a->server.count + a->later_server.count > 0 && clock_ms() < until_ms &&
		loop_run_once(&a->loop) == 0)
		;
	server_close(&a->server);
	server_close(&a->later_server);
}

static void agent_stop(struct agent *a)
{
	int signals = a->signals.fd;

	a->history.changed |= a->history.confirmed;
	history_save(&a->history);
	listener_close(&a->listener);
	listener_close(&a->later_listener);
	forwards_close(a);
	consoles_close(a);
	finish_connections(a);
	loop_remove(&a->loop, &a->starter);
	jobs_close(&a->jobs);
	service_link_close(&a->service_link);
	boot_clock_close(&a->boot_clock);
	channel_close(&a->channel);
	pending_abandon_all(a);
	processes_close(a);
	run_entrypoint_close(a);
	monitors_free(&a->integrations);
	monitors_free(&a->probes);
	identities_free(&a->identities);
	loop_remove(&a->loop, &a->signals);
	close(signals);
	loop_close(&a->loop);
}

int agent_run(struct agent *a, struct problem *p)
{
	int err = 0;

	cage_enter(&a->paths, a->jobs.starter.fd >= 0);
	while (err == 0 && !a->stopping) {
		err = loop_run_once(&a->loop);
		if (err == 0)
			err = a->listener.error != 0 ? a->listener.error : a->later_listener.error;
		history_save(&a->history);
	}
	agent_stop(a);
	if (err == 0 && a->failed)
		return problem_set_text(p, ECHILD, "cannot go on without the starter");
	return err != 0 ? problem_set(p, -err, "cannot continue serving") : 0;
}
