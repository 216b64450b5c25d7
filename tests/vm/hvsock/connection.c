/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include "options.h"
#include "packet.h"

#include <stdlib.h>
#include <unistd.h>

#define HASH_BITS        12
#define MAX_COMMAND_WAIT 4096
#define MAX_RESETS       16384

static struct conn *hash_table[1 << HASH_BITS];
static struct conn all = { .all_prev = &all, .all_next = &all };
static struct conn run = { .run_prev = &run, .run_next = &run };
static struct conn *dead;
static uint32_t registered, commands_awaited;
static uint64_t next_deadline_ms;

static struct conn_reset resets[MAX_RESETS];
static uint32_t reset_head, reset_count;

static struct conn **hash_slot(uint32_t host_port, uint32_t guest_port)
{
	uint64_t key = ((uint64_t)host_port << 32 | guest_port) * 0x9E3779B97F4A7C15ULL;

	return &hash_table[key >> (64 - HASH_BITS)];
}

struct conn *conn_lookup(uint32_t host_port, uint32_t guest_port)
{
	struct conn *c = *hash_slot(host_port, guest_port);

	while (c && (c->host_port != host_port || c->guest_port != guest_port))
		c = c->hash_next;
	return c;
}

void conn_register(struct conn *c)
{
	struct conn **slot = hash_slot(c->host_port, c->guest_port);

	if (c->state == CONN_COMMAND)
		commands_awaited--;
	c->hash_next = *slot;
	*slot = c;
	c->hashed = true;
	registered++;
}

static void unregister(struct conn *c)
{
	struct conn **p = hash_slot(c->host_port, c->guest_port);

	while (*p != c)
		p = &(*p)->hash_next;
	*p = c->hash_next;
	c->hashed = false;
	registered--;
	counters.closed++;
}

bool conn_limit_reached(void)
{
	return registered >= options.max_conns;
}

struct conn *conn_new(int fd, enum conn_state state)
{
	if (state == CONN_COMMAND && commands_awaited >= MAX_COMMAND_WAIT)
		return NULL;
	struct conn *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->watch.kind = WATCH_CONN;
	c->fd = fd;
	c->state = state;
	c->can_read = c->can_write = true;
	c->all_prev = all.all_prev;
	c->all_next = &all;
	all.all_prev->all_next = c;
	all.all_prev = c;
	if (state == CONN_COMMAND)
		commands_awaited++;
	return c;
}

static void run_remove(struct conn *c)
{
	if (!c->running)
		return;
	c->run_prev->run_next = c->run_next;
	c->run_next->run_prev = c->run_prev;
	c->running = false;
}

static void run_append(struct conn *c)
{
	if (c->running)
		return;
	c->run_prev = run.run_prev;
	c->run_next = &run;
	run.run_prev->run_next = c;
	run.run_prev = c;
	c->running = true;
}

struct conn *conn_next_running(void)
{
	struct conn *c = run.run_next;

	if (c == &run)
		return NULL;
	run_remove(c);
	return c;
}

bool conn_have_work(void)
{
	return reset_count || run.run_next != &run;
}

void conn_destroy(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	if (c->hashed)
		unregister(c);
	else if (c->state == CONN_COMMAND)
		commands_awaited--;
	run_remove(c);
	c->all_prev->all_next = c->all_next;
	c->all_next->all_prev = c->all_prev;
	free(c->out);
	c->out = NULL;
	if (c->fd >= 0)
		close(c->fd); /* leaves the epoll set, too */
	c->fd = -1;
	c->state = CONN_DEAD;
	c->hash_next = dead;
	dead = c;
}

void conn_free_dead(void)
{
	while (dead) {
		struct conn *c = dead;
		dead = c->hash_next;
		free(c);
	}
}

void conn_kill(struct conn *c, const char *why)
{
	if (c->state == CONN_DEAD)
		return;
	log_say(2, "end %u<->%u: %s", c->host_port, c->guest_port, why);
	conn_push_reset(c->host_port, c->guest_port, PACKET_STREAM);
	conn_destroy(c);
}

void conn_drop_all(bool keep_unseen)
{
	for (struct conn *c = all.all_next, *next; c != &all; c = next) {
		next = c->all_next;
		bool unseen = c->state == CONN_COMMAND ||
			      (c->state == CONN_REQUESTED && (c->pending & PENDING_REQUEST));
		if (!keep_unseen || !unseen)
			conn_destroy(c);
	}
	reset_count = 0;
}

void conn_push_reset(uint32_t host_port, uint32_t guest_port, uint16_t type)
{
	if (reset_count == MAX_RESETS) {
		counters.rst_dropped++;
		return;
	}
	resets[(reset_head + reset_count++) % MAX_RESETS] = (struct conn_reset){
		.host_port = host_port,
		.guest_port = guest_port,
		.type = type,
	};
}

bool conn_pop_reset(struct conn_reset *r)
{
	if (!reset_count)
		return false;
	*r = resets[reset_head];
	reset_head = (reset_head + 1) % MAX_RESETS;
	reset_count--;
	return true;
}

uint32_t conn_credit(const struct conn *c)
{
	uint32_t in_flight = c->sent - c->guest_fwd;

	return in_flight >= c->guest_buf ? 0 : c->guest_buf - in_flight;
}

bool conn_can_read(const struct conn *c)
{
	return c->state == CONN_ESTABLISHED && c->can_read && !c->host_eof &&
	       !(c->shut_guest & SHUT_RECEIVE);
}

void conn_want_shutdown(struct conn *c, uint8_t flags)
{
	if (flags & ~(c->shut_sent | c->shut_wanted)) {
		c->shut_wanted |= flags;
		c->pending |= PENDING_SHUTDOWN;
	}
}

void conn_update(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	if (c->state == CONN_ESTABLISHED) {
		if (c->hup && (c->host_eof || (c->shut_guest & SHUT_RECEIVE)))
			conn_want_shutdown(c, SHUT_BOTH);
		if (conn_can_read(c) && conn_credit(c) == 0 && !c->credit_asked) {
			c->pending |= PENDING_CREDIT_REQUEST;
			c->credit_asked = true;
		}
		/* The guest hears of freed space before it can run dry. */
		if (c->fwd - c->fwd_told >= options.buf_bytes / 4)
			c->pending |= PENDING_CREDIT;
		if (c->shut_guest == SHUT_BOTH && c->out_len == 0) {
			conn_kill(c, "guest closed");
			return;
		}
	}
	if (c->pending || (conn_can_read(c) && conn_credit(c) > 0))
		run_append(c);
}

static void note_deadline(uint64_t deadline_ms)
{
	if (!next_deadline_ms || deadline_ms < next_deadline_ms)
		next_deadline_ms = deadline_ms;
}

void conn_set_deadline(struct conn *c, uint32_t ms)
{
	c->deadline_ms = clock_now_ms() + ms;
	note_deadline(c->deadline_ms);
}

uint64_t conn_next_deadline(void)
{
	return next_deadline_ms;
}

void conn_run_timers(void (*expired)(struct conn *c))
{
	uint64_t now_ms = clock_now_ms();

	if (!next_deadline_ms || now_ms < next_deadline_ms)
		return;
	next_deadline_ms = 0;
	for (struct conn *c = all.all_next, *next; c != &all; c = next) {
		next = c->all_next;
		if (!c->deadline_ms)
			continue;
		if (c->deadline_ms > now_ms) {
			note_deadline(c->deadline_ms);
			continue;
		}
		c->deadline_ms = 0;
		expired(c);
	}
}

void conn_counts(uint32_t *registered_out, uint32_t *waiting_out)
{
	*registered_out = registered;
	*waiting_out = commands_awaited;
}
