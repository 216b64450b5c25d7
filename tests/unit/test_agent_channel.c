/* SPDX-License-Identifier: MIT */
/* The agent's end of the control channel; the test is PID 1. */
#include "agent_rig.h"

#include "agent/link/channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct channel channel;
static int init_fd;
static struct control_message events[4];
static int event_count;

/* What has become of a call. */
struct record {
	struct channel_call call;
	int items, ends, error;
	struct control_message last_item;
	char text[CONTROL_TEXT_MAX];
};

static void on_item(struct channel_call *call, const struct control_message *m)
{
	struct record *r = LOOP_OWNER(call, struct record, call);

	r->items++;
	r->last_item = *m;
}

static void on_done(struct channel_call *call, int error, const char *text)
{
	struct record *r = LOOP_OWNER(call, struct record, call);

	cr_assert_null(call->channel);
	r->ends++;
	r->error = error;
	strcpy(r->text, text);
}

static void on_event(struct channel *c, const struct control_message *m)
{
	cr_assert_eq(c, &channel);
	events[event_count++ % 4] = *m;
}

static void start(void)
{
	struct problem p;
	int fds[2];

	rig_start();
	rig_log_start();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	init_fd = fds[0];
	channel_init(&channel, &rig.loop);
	channel.event = on_event;
	cr_assert_eq(channel_open(&channel, fds[1], &p), 0, "%s", p.text);
	cr_assert_eq(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	event_count = 0;
}

static void stop(void)
{
	channel_close(&channel);
	close(init_fd);
	rig_stop();
}

TestSuite(agent_channel, .init = start, .fini = stop, .timeout = 60);

static void begin(struct record *r, enum control_verb verb, const char *name)
{
	*r = (struct record){ .call = { .item = on_item, .done = on_done } };
	channel_prepare(&r->call, verb);
	channel_set_name(&r->call, name);
	cr_assert_eq(channel_begin(&channel, &r->call), 0);
}

static struct control_message take(void)
{
	struct control_message m;

	cr_assert_eq(recv(init_fd, &m, sizeof(m), 0), sizeof(m), "%m");
	cr_assert_eq(m.version, CONTROL_VERSION);
	cr_assert_eq(m.kind, CONTROL_REQUEST);
	cr_assert_neq(m.id, 0);
	return m;
}

static void answer(
	const struct control_message *request, enum control_kind kind, int error, const char *text)
{
	struct control_message m = { .version = CONTROL_VERSION,
		.kind = (uint16_t)kind,
		.verb = request->verb,
		.id = request->id,
		.error = error };

	strcpy(m.text, text);
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
}

static bool has_ended(const void *arg)
{
	return ((const struct record *)arg)->ends > 0;
}

Test(agent_channel, a_call_and_its_answers)
{
	struct control_message m;
	struct record r;

	begin(&r, CONTROL_RESTART, "web");
	m = take();
	cr_expect_eq(m.verb, CONTROL_RESTART);
	cr_expect_str_eq(m.name, "web");
	answer(&m, CONTROL_STEP, 0, "");
	answer(&m, CONTROL_ITEM, 0, "");
	answer(&m, CONTROL_DONE, ENOENT, "no such service");
	answer(&m, CONTROL_DONE, 0, "once more");
	rig_until(has_ended, &r);
	cr_expect_eq(r.items, 2);
	cr_expect_eq(r.error, ENOENT);
	cr_expect_str_eq(r.text, "no such service");
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_expect_eq(r.ends, 1);
}

Test(agent_channel, calls_side_by_side)
{
	struct control_message first, second;
	struct record a, b;

	begin(&a, CONTROL_SYNC, "");
	begin(&b, CONTROL_SERVICES, "");
	first = take();
	second = take();
	cr_expect_neq(first.id, second.id);
	answer(&second, CONTROL_ITEM, 0, "");
	answer(&second, CONTROL_DONE, 0, "");
	rig_until(has_ended, &b);
	cr_expect_eq(a.ends, 0);
	cr_expect_eq(a.items, 0);
	cr_expect_eq(b.items, 1);
	answer(&first, CONTROL_DONE, EIO, "");
	rig_until(has_ended, &a);
	cr_expect_eq(a.error, EIO);
}

Test(agent_channel, what_makes_no_sense_is_dropped)
{
	struct control_message m, bad;
	struct record r;

	begin(&r, CONTROL_SYNC, "");
	m = take();
	cr_assert_eq(send(init_fd, &m, sizeof(m) - 1, 0), sizeof(m) - 1);
	cr_assert_eq(send(init_fd, "", 0, 0), 0);
	for (int i = 0; i < 5; i++) {
		bad = m;
		bad.kind = CONTROL_DONE;
		bad.version += i == 0;
		bad.id += i == 1;
		bad.verb += i == 2;
		if (i == 3)
			bad.kind = CONTROL_REQUEST;
		if (i == 4)
			bad.kind = 99;
		cr_assert_eq(send(init_fd, &bad, sizeof(bad), 0), sizeof(bad));
	}
	answer(&m, CONTROL_DONE, EIO, "the real one");
	rig_until(has_ended, &r);
	cr_expect_str_eq(r.text, "the real one");
	cr_expect_eq(r.items, 0);
	cr_expect(channel_is_open(&channel));
}

Test(agent_channel, strings_end_within_their_fields)
{
	struct control_message m;
	struct record r;

	begin(&r, CONTROL_SERVICES, "");
	m = take();
	memset((char *)&m + 24, 'x', sizeof(m) - 24);
	m.kind = CONTROL_ITEM;
	m.length = 60000;
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	answer(&m, CONTROL_DONE, 0, "");
	rig_until(has_ended, &r);
	cr_expect_eq(strlen(r.last_item.service.name), CONTROL_NAME_MAX - 1);
	cr_expect_eq(strlen(r.last_item.service.reason), CONTROL_TEXT_MAX - 1);
	cr_expect_eq(strlen(r.last_item.service.state), 15);
	cr_expect_eq(r.last_item.length, CONTROL_DATA_MAX);
	begin(&r, CONTROL_TIMELINE, "");
	m = take();
	memset((char *)&m + 24, 'x', sizeof(m) - 24);
	m.kind = CONTROL_ITEM;
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	m.kind = CONTROL_DONE;
	m.error = 0;
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	rig_until(has_ended, &r);
	cr_expect_eq(strlen(r.last_item.step.name), CONTROL_NAME_MAX - 1);
	cr_expect_eq(strlen(r.last_item.step.text), CONTROL_TEXT_MAX - 1);
	cr_expect_eq(strlen(r.text), CONTROL_TEXT_MAX - 1);
}

Test(agent_channel, long_names_are_cut)
{
	char name[200];
	struct control_message m;
	struct record r;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin(&r, CONTROL_RESTART, name);
	m = take();
	cr_expect_eq(strlen(m.name), CONTROL_NAME_MAX - 1);
	channel_drop(&r.call);
}

Test(agent_channel, a_dropped_call_is_forgotten)
{
	struct control_message m;
	struct record a, b;

	begin(&a, CONTROL_SYNC, "");
	m = take();
	channel_drop(&a.call);
	channel_drop(&a.call);
	begin(&b, CONTROL_SYNC, "");
	answer(&m, CONTROL_DONE, 0, "for the first");
	m = take();
	answer(&m, CONTROL_DONE, 0, "for the second");
	rig_until(has_ended, &b);
	cr_expect_eq(a.ends, 0);
	cr_expect_str_eq(b.text, "for the second");
}

/* PID 1 never has more than a few: the others wait here, in order. */
Test(agent_channel, a_few_calls_at_a_time)
{
	enum { CALLS = 40 };
	static struct record r[CALLS];
	struct control_message m;
	int has = 0;

	for (int i = 0; i < CALLS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		begin(&r[i], CONTROL_HEALTH, name);
	}
	for (int i = 0; i < CHANNEL_IN_FLIGHT; i++, has++)
		cr_expect_eq(atoi(take().name), i);
	cr_assert_eq(recv(init_fd, &m, sizeof(m), MSG_DONTWAIT), -1);
	m.verb = CONTROL_HEALTH;
	for (int i = 0; i < CALLS; i++) {
		m.id = r[i].call.request.id;
		answer(&m, CONTROL_DONE, 0, "");
		rig_until(has_ended, &r[i]);
		if (has < CALLS)
			cr_expect_eq(atoi(take().name), has++);
	}
	cr_expect_eq(channel.in_flight, 0);
}

/* Only some of the calls that wait for services or drives are sent: others do not wait for them. */
Test(agent_channel, what_waits_leaves_room)
{
	static const enum control_verb slow[] = { CONTROL_RESTART, CONTROL_RELOAD_SERVICE,
		CONTROL_RELOAD, CONTROL_SYNC, CONTROL_CHANGES };
	enum { SLOW = 20 };
	static struct record waiting[SLOW], quick, restore;
	struct control_message m, first = { 0 };
	int has = 0;

	for (int i = 0; i < SLOW; i++)
		begin(&waiting[i], slow[i % 5], "");
	while (recv(init_fd, &m, sizeof(m), MSG_DONTWAIT) == (ssize_t)sizeof(m)) {
		if (has++ == 0)
			first = m;
	}
	cr_expect_eq(has, 5, "%d", has);
	begin(&quick, CONTROL_SERVICES, "");
	m = take();
	cr_expect_eq(m.verb, CONTROL_SERVICES);
	begin(&restore, CONTROL_RESUME, "");
	cr_expect_eq(take().verb, CONTROL_RESUME);
	answer(&m, CONTROL_DONE, 0, "");
	rig_until(has_ended, &quick);
	cr_assert_eq(recv(init_fd, &m, sizeof(m), MSG_DONTWAIT), -1);
	cr_assert_eq(first.verb, CONTROL_RESTART);
	answer(&first, CONTROL_DONE, 0, "");
	rig_until(has_ended, &waiting[0]);
	m = take(); /* the next one that waits for services, not for a drive */
	cr_expect_eq(m.id, waiting[5].call.request.id);
	channel_drop(&waiting[1].call); /* has no answer and is given up */
	cr_expect_eq(take().id, waiting[6].call.request.id);
}

Test(agent_channel, dropping_a_call_makes_room)
{
	static struct record r[CHANNEL_IN_FLIGHT + 1];

	for (int i = 0; i <= CHANNEL_IN_FLIGHT; i++)
		begin(&r[i], CONTROL_HEALTH, i == CHANNEL_IN_FLIGHT ? "last" : "");
	for (int i = 0; i < CHANNEL_IN_FLIGHT; i++)
		take();
	channel_drop(&r[0].call);
	cr_expect_str_eq(take().name, "last");
}

/* A socket that holds less than that: the rest goes out as PID 1 reads. */
Test(agent_channel, a_full_socket)
{
	static struct record r[CHANNEL_IN_FLIGHT];
	int small = 1;

	cr_assert_eq(setsockopt(channel.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < CHANNEL_IN_FLIGHT; i++)
		begin(&r[i], CONTROL_HEALTH, "");
	cr_assert(channel.full);
	for (int i = 0; i < CHANNEL_IN_FLIGHT; i++) {
		struct control_message m;

		while (recv(init_fd, &m, sizeof(m), MSG_DONTWAIT) != (ssize_t)sizeof(m)) {
			cr_assert_eq(errno, EAGAIN);
			cr_assert_eq(loop_run_once(&rig.loop), 0);
		}
		cr_assert_eq(m.id, r[i].call.request.id);
	}
	cr_expect_not(channel.full);
}

Test(agent_channel, events)
{
	struct control_message m = {
		.version = CONTROL_VERSION, .kind = CONTROL_EVENT, .verb = CONTROL_EV_RELOAD
	};

	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_expect_eq(event_count, 1);
	cr_expect_eq(events[0].verb, CONTROL_EV_RELOAD);
}

/* All that stands in the socket, with no turn of the loop; the answer comes last. */
Test(agent_channel, draining_takes_everything)
{
	struct control_message m = {
		.version = CONTROL_VERSION, .kind = CONTROL_EVENT, .verb = CONTROL_EV_RELOAD
	};
	struct record r;

	begin(&r, CONTROL_SYNC, "");
	for (int i = 0; i < 5; i++)
		cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	m.kind = CONTROL_DONE;
	m.verb = CONTROL_SYNC;
	m.id = r.call.request.id;
	cr_assert_eq(send(init_fd, &m, sizeof(m), 0), sizeof(m));
	channel_drain(&channel);
	cr_expect_eq(event_count, 5);
	cr_expect_eq(r.ends, 1);
	close(init_fd);
	channel_drain(&channel);
	channel_close(&channel);
	channel_drain(&channel);
}

Test(agent_channel, when_the_channel_breaks_all_calls_end)
{
	struct record a, b;

	begin(&a, CONTROL_SYNC, "");
	begin(&b, CONTROL_FREEZE, "");
	close(init_fd);
	rig_until(has_ended, &b);
	cr_expect_eq(a.ends, 1);
	cr_expect_eq(a.error, ENOTCONN);
	cr_expect_eq(b.error, ENOTCONN);
	cr_expect_not(channel_is_open(&channel));
	cr_expect_eq(channel_begin(&channel, &a.call), -ENOTCONN);
	cr_expect_eq(rig_count(rig_log(), "the channel to init is closed: "), 1, "%s", rig_log());
	init_fd = -1;
}

Test(agent_channel, closing_it_ends_nothing_loudly)
{
	struct record r;

	begin(&r, CONTROL_SYNC, "");
	channel_close(&channel);
	cr_expect_eq(r.ends, 0);
	cr_expect_null(r.call.channel);
}

Test(agent_channel, what_is_no_channel_is_refused)
{
	struct channel other;
	struct problem p;
	int fds[2];

	channel_init(&other, &rig.loop);
	cr_expect_not(channel_is_open(&other));
	cr_expect_eq(channel_open(&other, 1000, &p), -EBADF);
	cr_expect_str_eq(p.text, "--control-fd 1000: Bad file descriptor");
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_expect_eq(channel_open(&other, fds[0], &p), -EINVAL);
	cr_expect_not_null(strstr(p.text, "is not a SOCK_SEQPACKET socket"));
	channel_close(&other);
	close(fds[0]);
	close(fds[1]);
}
