/* SPDX-License-Identifier: MIT */
#include "packet.h"

#include "client.h"
#include "connection.h"
#include "options.h"
#include "virtqueue.h"

#include <endian.h>

#define HOST_CID    2
#define MAX_PAYLOAD 65536
#define TAKE_BUDGET 256
#define GIVE_BUDGET 512

enum {
	OP_REQUEST = 1,
	OP_RESPONSE,
	OP_RST,
	OP_SHUTDOWN,
	OP_RW,
	OP_CREDIT_UPDATE,
	OP_CREDIT_REQUEST,
};

struct header {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == 44, "a vsock header has 44 bytes");

static struct chain chain; /* one thread: one is enough */

static void guest_request(const struct header *h)
{
	struct conn *c = conn_limit_reached() ? NULL : conn_new(-1, CONN_HOST_WAIT);

	if (!c) {
		counters.refused++;
		conn_push_reset(h->dst_port, h->src_port, PACKET_STREAM);
		return;
	}
	c->host_port = h->dst_port;
	c->guest_port = h->src_port;
	c->guest_buf = h->buf_alloc;
	c->guest_fwd = h->fwd_cnt;
	c->give_up_ms = clock_now_ms() + options.connect_timeout_ms;
	conn_register(c);
	client_call(c);
}

static void guest_response(struct conn *c)
{
	if (c->state == CONN_REQUESTED && !(c->pending & PENDING_REQUEST)) {
		c->state = CONN_ESTABLISHED;
		c->deadline_ms = 0;
		counters.opened++;
		client_say_ok(c);
	} else if (c->state != CONN_ESTABLISHED) {
		conn_kill(c, "unexpected RESPONSE");
	}
}

static void guest_shutdown(struct conn *c, uint32_t flags)
{
	if (c->state != CONN_ESTABLISHED) {
		conn_kill(c, "SHUTDOWN before the connection was open");
		return;
	}
	c->shut_guest |= flags & SHUT_BOTH;
	client_guest_shutdown(c);
}

static void guest_data(struct conn *c, const struct header *h)
{
	if (c->state != CONN_ESTABLISHED || (c->shut_guest & SHUT_SEND))
		conn_kill(c, "data in a wrong state");
	else if (h->len)
		client_write(c, &chain, sizeof *h, h->len);
}

/* Handles a packet of an existing connection; it may destroy c. */
static void guest_packet_for(struct conn *c, const struct header *h)
{
	c->guest_buf = h->buf_alloc;
	c->guest_fwd = h->fwd_cnt;
	if (conn_credit(c) > 0)
		c->credit_asked = false;
	switch (h->op) {
	case OP_RESPONSE:
		guest_response(c);
		break;
	case OP_RST:
		log_say(2, "end %u<->%u: guest reset", c->host_port, c->guest_port);
		if (c->state == CONN_REQUESTED)
			counters.refused++;
		conn_destroy(c);
		break;
	case OP_SHUTDOWN:
		guest_shutdown(c, h->flags);
		break;
	case OP_RW:
		guest_data(c, h);
		break;
	case OP_CREDIT_UPDATE:
		break;
	case OP_CREDIT_REQUEST:
		c->pending |= PENDING_CREDIT;
		break;
	default:
		counters.bad_packet++;
		break;
	}
	conn_update(c);
}

static void header_from_guest(struct header *h)
{
	iov_read(chain.out, chain.out_count, h, sizeof *h);
	h->src_cid = le64toh(h->src_cid);
	h->dst_cid = le64toh(h->dst_cid);
	h->src_port = le32toh(h->src_port);
	h->dst_port = le32toh(h->dst_port);
	h->len = le32toh(h->len);
	h->type = le16toh(h->type);
	h->op = le16toh(h->op);
	h->flags = le32toh(h->flags);
	h->buf_alloc = le32toh(h->buf_alloc);
	h->fwd_cnt = le32toh(h->fwd_cnt);
}

/* The packet in `chain`. */
static void guest_packet(void)
{
	struct header h;

	if (chain.out_len < sizeof h) {
		counters.bad_packet++;
		return;
	}
	header_from_guest(&h);
	counters.tx_packets++;
	log_say(3, "<- op %u g%u->h%u len %u flags %u buf %u fwd %u", h.op, h.src_port, h.dst_port,
		h.len, h.flags, h.buf_alloc, h.fwd_cnt);
	/* As in the kernel's host side, wrongly addressed packets are dropped. */
	if (h.src_cid != options.cid || h.dst_cid != HOST_CID || h.len > MAX_PAYLOAD ||
		h.len > chain.out_len - sizeof h) {
		counters.bad_packet++;
		return;
	}
	struct conn *c = conn_lookup(h.dst_port, h.src_port);
	if (h.type != PACKET_STREAM) {
		counters.bad_packet++;
		if (h.op != OP_RST)
			conn_push_reset(h.dst_port, h.src_port, h.type);
	} else if (h.op == OP_REQUEST) {
		if (c) /* the guest has forgotten the old one */
			conn_destroy(c);
		guest_request(&h);
	} else if (c) {
		guest_packet_for(c, &h);
	} else if (h.op != OP_RST) {
		conn_push_reset(h.dst_port, h.src_port, h.type);
	}
}

bool packet_take(void)
{
	struct virtqueue *q = &virtqueues[QUEUE_TX];
	int budget = TAKE_BUDGET;

	if (!virtqueue_ready(q))
		return false;
	virtqueue_want_kicks(q, false);
	for (; budget; budget--) {
		int r = virtqueue_peek(q, &chain);
		if (r == 0) {
			if (q->broken)
				break;
			virtqueue_want_kicks(q, true);
			if (!virtqueue_has_chain(q))
				break;
			virtqueue_want_kicks(q, false);
			continue;
		}
		if (r > 0)
			guest_packet();
		else
			counters.bad_chain++;
		virtqueue_complete(q, chain.head, 0);
	}
	virtqueue_interrupt(q);
	return budget == 0;
}

static void header_to_guest(struct header *h)
{
	counters.rx_packets++;
	log_say(3, "-> op %u h%u->g%u len %u flags %u fwd %u", h->op, h->src_port, h->dst_port,
		h->len, h->flags, h->fwd_cnt);
	h->src_cid = htole64(HOST_CID);
	h->dst_cid = htole64(options.cid);
	h->src_port = htole32(h->src_port);
	h->dst_port = htole32(h->dst_port);
	h->len = htole32(h->len);
	h->type = htole16(h->type);
	h->op = htole16(h->op);
	h->flags = htole32(h->flags);
	h->buf_alloc = htole32(h->buf_alloc);
	h->fwd_cnt = htole32(h->fwd_cnt);
	iov_write(chain.in, chain.in_count, h, sizeof *h);
}

/*
 * Fills `h` and the rest of the buffer with client data, if there is any and the guest has room.
 * May destroy c.
 */
static void read_data(struct conn *c, struct header *h)
{
	size_t max = chain.in_len - sizeof *h;

	if (max > conn_credit(c))
		max = conn_credit(c);
	if (max > MAX_PAYLOAD)
		max = MAX_PAYLOAD;
	if (max == 0 || !conn_can_read(c))
		return;
	uint32_t got = client_read(c, &chain, sizeof *h, max);
	if (!got)
		return;
	c->sent += got;
	counters.rx_bytes += got;
	h->op = OP_RW;
	h->len = got;
}

/* Takes one control packet of c's, of those that come after its data, as `h`. */
static void take_pending(struct conn *c, struct header *h)
{
	if (c->pending & PENDING_SHUTDOWN) {
		c->pending &= ~PENDING_SHUTDOWN;
		c->shut_sent |= c->shut_wanted;
		c->shut_wanted = 0;
		h->op = OP_SHUTDOWN;
		h->flags = c->shut_sent;
		if (c->shut_sent == SHUT_BOTH) /* the guest should reset it; else we do */
			conn_set_deadline(c, options.linger_ms);
	} else if (c->pending & PENDING_CREDIT_REQUEST) {
		c->pending &= ~PENDING_CREDIT_REQUEST;
		h->op = OP_CREDIT_REQUEST;
	} else if (c->pending & PENDING_CREDIT) {
		h->op = OP_CREDIT_UPDATE;
	}
}

/*
 * Builds the next packet of c in the buffer `chain`. Returns the bytes written, 0 when there was
 * nothing to say after all. May destroy c.
 */
static uint32_t build(struct conn *c)
{
	struct header h = {
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.type = PACKET_STREAM,
		.buf_alloc = options.buf_bytes,
		.fwd_cnt = c->fwd,
	};

	if (c->pending & PENDING_RESPONSE) {
		c->pending &= ~PENDING_RESPONSE;
		h.op = OP_RESPONSE;
	} else if (c->pending & PENDING_REQUEST) {
		c->pending &= ~PENDING_REQUEST;
		conn_set_deadline(c, options.connect_timeout_ms);
		h.op = OP_REQUEST;
	} else {
		read_data(c, &h);
		if (c->state == CONN_DEAD)
			return 0;
	}
	if (!h.op)
		take_pending(c, &h);
	if (!h.op)
		return 0;
	c->fwd_told = c->fwd; /* every packet carries the credit */
	c->pending &= ~PENDING_CREDIT;
	uint32_t total = sizeof h + h.len;
	header_to_guest(&h);
	return total;
}

/* Fills the buffer `chain` with a reset or a connection's packet. Returns the bytes written. */
static uint32_t build_next(void)
{
	struct conn_reset r;

	if (conn_pop_reset(&r)) {
		struct header h = {
			.src_port = r.host_port,
			.dst_port = r.guest_port,
			.type = r.type,
			.op = OP_RST,
		};
		header_to_guest(&h);
		return sizeof h;
	}
	struct conn *c = conn_next_running();
	uint32_t n = build(c);
	conn_update(c); /* back to the tail if there is more */
	return n;
}

bool packet_give(void)
{
	struct virtqueue *q = &virtqueues[QUEUE_RX];
	int budget = GIVE_BUDGET;

	if (!virtqueue_ready(q))
		return false;
	for (; budget; budget--) {
		if (!conn_have_work()) {
			virtqueue_want_kicks(q, false); /* nothing to say: no need for buffers */
			break;
		}
		int r = virtqueue_peek(q, &chain);
		if (r == 0) { /* the rest waits for buffers */
			if (q->broken)
				break;
			virtqueue_want_kicks(q, true);
			if (!virtqueue_has_chain(q))
				break;
			continue;
		}
		if (r < 0 || chain.in_len < sizeof(struct header)) {
			counters.bad_chain++;
			virtqueue_complete(q, chain.head, 0);
			continue;
		}
		uint32_t n = build_next();
		if (n)
			virtqueue_complete(q, chain.head, n);
	}
	virtqueue_interrupt(q);
	return budget == 0;
}
