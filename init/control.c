/* SPDX-License-Identifier: MIT */
#include "init/control.h"

#include "base/log.h"
#include "init/guest.h"
#include "init/refresh.h"
#include "init/verbs.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An agent that dies in the middle of a snapshot or a restore leaves nobody frozen and nobody
 * stopped. */
static void close_channel(struct guest *g)
{
	struct control *c = &g->control;
	int fd = c->io.fd;

	for (size_t i = 0; i < CONTROL_JOBS_MAX; i++)
		c->jobs[i].used = false;
	c->watched = 0;
	g->sync.claimed = false;
	if (fd < 0)
		return;
	loop_remove(&g->loop, &c->io);
	close(fd);
	supervisor_freeze(&g->supervisor, false);
	if (g->supervisor.held && !g->refresh.alone)
		refresh_end(g);
}

/* Returns 0, -EAGAIN when there is no room, or another -errno. */
static int send_message(const struct control *c, struct control_message *m)
{
	m->version = CONTROL_VERSION;
	if (send(c->io.fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*m))
		return 0;
	return -errno;
}

/* Make and send answers until the job is done, waits for something, or the socket is full
 * (-EAGAIN). */
static int pump_job(struct guest *g, struct control_job *job)
{
	while (job->used) {
		int err;

		if (!job->held) {
			job->answer = (struct control_message){ .verb = job->request.verb,
				.id = job->request.id };
			if (!verb_next(g, job))
				return 0;
		}
		err = send_message(&g->control, &job->answer);
		job->held = err == -EAGAIN;
		if (err != 0)
			return err;
		if (job->answer.kind == CONTROL_DONE) {
			job->used = false;
			verb_finished(g, job);
		}
	}
	return 0;
}

/* Returns as send_message(). */
static int tell_of_events(struct guest *g)
{
	struct control *c = &g->control;
	struct control_message m = { .kind = CONTROL_EVENT, .verb = CONTROL_EV_TRANSITION };
	int err;

	if (c->watched == 0 || g->events.count < c->watched)
		return 0;
	err = send_message(c, &m);
	if (err == 0)
		c->watched = 0;
	return err;
}

void control_watch_events(struct guest *g, uint64_t number)
{
	if (g->control.watched == 0)
		g->control.watched = number;
}

static void pump_all(struct guest *g)
{
	struct control *c = &g->control;
	bool full = false;

	for (size_t i = 0; i <= CONTROL_JOBS_MAX && c->io.fd >= 0; i++) {
		int err = i < CONTROL_JOBS_MAX ? pump_job(g, &c->jobs[i]) : tell_of_events(g);

		full |= err == -EAGAIN;
		if (err != 0 && err != -EAGAIN)
			close_channel(g);
	}
	if (c->io.fd >= 0)
		loop_change(&g->loop, &c->io, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void control_go_on(struct guest *g)
{
	struct control *c = &g->control;

	c->again = true;
	if (c->going_on)
		return;
	c->going_on = true;
	while (c->again) {
		c->again = false;
		pump_all(g);
	}
	c->going_on = false;
}

/* The strings of a request end within their fields, and its verb is one of ours. */
static int check_request(const struct control_message *m)
{
	if (m->kind != CONTROL_REQUEST || m->id == 0)
		return -EBADMSG;
	if (memchr(m->name, '\0', sizeof(m->name)) == NULL ||
		memchr(m->text, '\0', sizeof(m->text)) == NULL)
		return -EBADMSG;
	return verb_is_known(m->verb) ? 0 : -EOPNOTSUPP;
}

static void refuse(struct guest *g, const struct control_message *request, int error)
{
	struct control_message m = {
		.kind = CONTROL_DONE, .verb = request->verb, .id = request->id, .error = error
	};

	if (request->id != 0)
		send_message(&g->control, &m);
}

static void take_request(struct guest *g, const struct control_message *m)
{
	struct control_job *job = NULL;
	int err = check_request(m);

	for (size_t i = 0; i < CONTROL_JOBS_MAX && job == NULL; i++)
		if (!g->control.jobs[i].used)
			job = &g->control.jobs[i];
	if (err != 0 || job == NULL) {
		refuse(g, m, err != 0 ? -err : EBUSY);
		return;
	}
	*job = (struct control_job){ .used = true, .request = *m };
}

static void on_control(struct loop_io *io, uint32_t events)
{
	struct control *c = LOOP_OWNER(io, struct control, io);
	struct guest *g = LOOP_OWNER(c, struct guest, control);
	struct control_message m;
	ssize_t n = recv(io->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		close_channel(g);
		return;
	}
	if (n == (ssize_t)sizeof(m) && m.version == CONTROL_VERSION)
		take_request(g, &m);
	else if (n > 0)
		log_line("%s: a control message of %ld bytes makes no sense", AGENT_NAME, (long)n);
	control_go_on(g);
}

int control_open(struct guest *g)
{
	struct control *c = &g->control;
	int fds[2], err;

	close_channel(g);
	control_agent_started(g);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		return -errno;
	err = loop_add(&g->loop, &c->io, fds[0], EPOLLIN, on_control);
	if (err != 0) {
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	c->agent_fd = fds[1];
	return 0;
}

void control_agent_started(struct guest *g)
{
	if (g->control.agent_fd >= 0)
		close(g->control.agent_fd);
	g->control.agent_fd = -1;
}

int control_send_event(struct guest *g, enum control_event event)
{
	struct control_message m = { .kind = CONTROL_EVENT, .verb = (uint16_t)event };

	return g->control.io.fd < 0 ? -ENOTCONN : send_message(&g->control, &m);
}
