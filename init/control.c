/* SPDX-License-Identifier: MIT */
#include "init/control.h"

#include "base/agent_address.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/passed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void control_init(struct control *c, struct loop *loop, const struct control_operations *operations,
	const struct events *events)
{
	*c = (struct control){ .loop = loop,
		.operations = operations,
		.events = events,
		.io.fd = -1,
		.agent_fd = -1 };
}

static void close_channel(struct control *c)
{
	int fd = c->io.fd;

	for (size_t i = 0; i < CONTROL_JOBS_MAX; i++)
		c->jobs[i].used = false;
	c->watched = 0;
	if (fd < 0)
		return;
	passed_stop(fd);
	passed_discard(fd);
	loop_remove(c->loop, &c->io);
	close(fd);
	c->operations->closed(c);
}

/* Returns 0, -EAGAIN when there is no room, or another -errno. */
static int send_message(const struct control *c, struct control_message *m)
{
	m->version = CONTROL_VERSION;
	if (send(c->io.fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*m))
		return 0;
	return -errno;
}

/* Returns NULL for an unknown verb. */
static const struct control_operation *operation_of(const struct control *c, unsigned int verb)
{
	const struct control_operations *o = c->operations;

	return verb < o->verb_count && o->verbs[verb].next != NULL ? &o->verbs[verb] : NULL;
}

/* Make and send answers until the job is done or waits, or until the socket is full (-EAGAIN). */
static int pump_job(struct control *c, struct control_job *job)
{
	while (job->used) {
		const struct control_operation *o = operation_of(c, job->request.verb);
		int err;

		if (!job->held) {
			job->answer = (struct control_message){ .verb = job->request.verb,
				.id = job->request.id };
			if (!o->next(c, job))
				return 0;
		}
		err = send_message(c, &job->answer);
		job->held = err == -EAGAIN;
		if (err != 0)
			return err;
		c->moved = true;
		if (job->answer.kind == CONTROL_DONE) {
			job->used = false;
			if (o->finished != NULL)
				o->finished(c, job);
		}
	}
	return 0;
}

/* Returns as send_message(). */
static int tell_of_events(struct control *c)
{
	struct control_message m = { .kind = CONTROL_EVENT, .verb = CONTROL_EV_TRANSITION };
	int err;

	if (c->watched == 0 || c->events->count < c->watched)
		return 0;
	err = send_message(c, &m);
	if (err == 0)
		c->watched = 0;
	return err;
}

void control_watch_events(struct control *c, uint64_t number)
{
	if (c->watched == 0)
		c->watched = number;
}

/* Sets `full` when the socket has no room until the agent reads. Returns as control_go_on(). */
static bool pump_all(struct control *c, bool *full)
{
	c->moved = false;
	for (size_t i = 0; i <= CONTROL_JOBS_MAX && c->io.fd >= 0; i++) {
		struct control_job *job = i < CONTROL_JOBS_MAX ? &c->jobs[i] : NULL;
		bool is_new = job != NULL && job->used && job->stage == 0;
		int err = job != NULL ? pump_job(c, job) : tell_of_events(c);

		c->moved |= is_new && job->stage != 0;
		*full |= err == -EAGAIN;
		if (err != 0 && err != -EAGAIN)
			close_channel(c);
	}
	return c->moved;
}

bool control_go_on(struct control *c)
{
	bool full = false, moved;

	if (c->io.fd < 0)
		return false;
	moved = pump_all(c, &full);
	if (c->io.fd >= 0)
		loop_change(c->loop, &c->io, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return moved;
}

/* Check that a request's strings end within their fields and that its verb is known. */
static int check_request(const struct control *c, const struct control_message *m)
{
	if (m->kind != CONTROL_REQUEST || m->id == 0)
		return -EBADMSG;
	if (memchr(m->name, '\0', sizeof(m->name)) == NULL ||
		memchr(m->text, '\0', sizeof(m->text)) == NULL)
		return -EBADMSG;
	return operation_of(c, m->verb) != NULL ? 0 : -EOPNOTSUPP;
}

/* `text` says why, or is "" where the error does. */
static void refuse(
	struct control *c, const struct control_message *request, int error, const char *text)
{
	struct control_message m = {
		.kind = CONTROL_DONE, .verb = request->verb, .id = request->id, .error = error
	};

	buf_format(m.text, sizeof(m.text), "%s", text);
	if (request->id != 0)
		send_message(c, &m);
}

/*
 * A free job, or NULL. The agent gives up after a while and does not say so: what waits longest for
 * its services is given up here, too.
 */
static struct control_job *find_room(struct control *c)
{
	struct control_job *oldest = NULL;

	for (size_t i = 0; i < CONTROL_JOBS_MAX; i++) {
		struct control_job *job = &c->jobs[i];
		const struct control_operation *o;

		if (!job->used)
			return job;
		o = operation_of(c, job->request.verb);
		if ((o->gives_way || (o->gives_way_at_first && job->stage == 0)) &&
			(oldest == NULL || job->number < oldest->number))
			oldest = job;
	}
	if (oldest != NULL)
		refuse(c, &oldest->request, ECANCELED, "later requests wait, too");
	return oldest;
}

static void take_request(struct control *c, const struct control_message *m)
{
	int err = check_request(c, m);
	struct control_job *job = err == 0 ? find_room(c) : NULL;

	if (job == NULL) {
		refuse(c, m, err != 0 ? -err : EBUSY, "");
		return;
	}
	*job = (struct control_job){ .used = true, .request = *m, .number = ++c->taken };
}

static void take_message(struct control *c, const struct control_message *m)
{
	if (m->kind == CONTROL_EVENT && m->verb == CONTROL_EV_SIGN_OF_LIFE)
		c->shows_life = true;
	else
		take_request(c, m);
}

static void on_control(struct loop_io *io, uint32_t events)
{
	struct control *c = LOOP_OWNER(io, struct control, io);
	struct control_message m;
	ssize_t n = passed_receive(io->fd, &m, sizeof(m), NULL);

	(void)events;
	if (n == 0 || (n < 0 && n != -EAGAIN))
		close_channel(c);
	else if (n == (ssize_t)sizeof(m) && m.version == CONTROL_VERSION)
		take_message(c, &m);
	else if (n > 0)
		log_line("%s: bad control message (%ld bytes)", PROTOCOL_AGENT_NAME, (long)n);
}

int control_open(struct control *c)
{
	int fds[2], err;

	close_channel(c);
	control_agent_started(c);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		return -errno;
	err = loop_add(c->loop, &c->io, fds[0], EPOLLIN, on_control);
	if (err != 0) {
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	c->agent_fd = fds[1];
	return 0;
}

void control_agent_started(struct control *c)
{
	if (c->agent_fd >= 0)
		close(c->agent_fd);
	c->agent_fd = -1;
}

int control_send_event(struct control *c, enum control_event event)
{
	struct control_message m = { .kind = CONTROL_EVENT, .verb = (uint16_t)event };

	return c->io.fd < 0 ? -ENOTCONN : send_message(c, &m);
}

int control_ask_for_life(struct control *c)
{
	c->shows_life = false;
	return control_send_event(c, CONTROL_EV_SIGN_OF_LIFE);
}
