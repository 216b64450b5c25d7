/* SPDX-License-Identifier: MIT */
#include "vhost_user.h"

#include "connection.h"
#include "guest_memory.h"
#include "options.h"
#include "virtqueue.h"
#include "watch.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FEATURE_VERSION_1         (1ULL << 32)
#define FEATURE_PROTOCOL_FEATURES (1ULL << 30)
#define OFFERED_FEATURES          (FEATURE_VERSION_1 | FEATURE_PROTOCOL_FEATURES)

#define PROTOCOL_MQ        (1ULL << 0)
#define PROTOCOL_REPLY_ACK (1ULL << 3)
#define PROTOCOL_CONFIG    (1ULL << 9)

#define FLAG_VERSION      1
#define FLAG_VERSION_MASK 3
#define FLAG_REPLY        4
#define FLAG_NEED_REPLY   8

/* A message half sent must not hang us. */
#define RECEIVE_TIMEOUT_S 5

enum request {
	GET_FEATURES = 1,
	SET_FEATURES,
	SET_OWNER,
	RESET_OWNER,
	SET_MEM_TABLE,
	SET_LOG_BASE,
	SET_LOG_FD,
	SET_VRING_NUM,
	SET_VRING_ADDR,
	SET_VRING_BASE,
	GET_VRING_BASE,
	SET_VRING_KICK,
	SET_VRING_CALL,
	SET_VRING_ERR,
	GET_PROTOCOL_FEATURES,
	SET_PROTOCOL_FEATURES,
	GET_QUEUE_NUM,
	SET_VRING_ENABLE,
	GET_CONFIG = 24,
	SET_CONFIG = 25,
	REQUEST_COUNT,
};

struct ring_state {
	uint32_t index, num;
};

struct ring_addresses {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct ring_state state;
		struct ring_addresses addr;
		struct {
			uint32_t count, padding;
			struct guest_memory_region region[GUEST_MEMORY_MAX_REGIONS];
		} memory;
		struct {
			uint32_t offset, size, flags;
			uint8_t data[256];
		} config;
		uint8_t raw[1024];
	} __attribute__((packed)) body;
} __attribute__((packed));

#define HEADER_SIZE offsetof(struct message, body)

/* A message in hand: what a handler needs, and what becomes of it. */
struct call {
	struct message *m;
	struct virtqueue *queue; /* of a ring message */
	int fds[GUEST_MEMORY_MAX_REGIONS];
	int fd_count;
	uint32_t reply_size; /* bytes of body to answer with; 0: no answer of its own */
};

static struct watch listener_watch = { WATCH_VHOST_LISTENER }, qemu_watch = { WATCH_VHOST };
static int listener_fd = -1, qemu = -1;

static void forget_qemu(void)
{
	log_say(1, "QEMU disconnected");
	watch_remove(qemu);
	close(qemu);
	qemu = -1;
	for (int i = 0; i < QUEUE_COUNT; i++)
		virtqueue_reset(&virtqueues[i], i);
	guest_memory_unmap();
	conn_drop_all(false);
	if (!options.once && !watch_add(listener_fd, &listener_watch, EPOLLIN))
		log_die("epoll");
}

void vhost_user_init(int listener)
{
	listener_fd = listener;
	for (int i = 0; i < QUEUE_COUNT; i++)
		virtqueue_reset(&virtqueues[i], i);
	if (!watch_add(listener, &listener_watch, EPOLLIN))
		log_die("epoll");
}

void vhost_user_accept(void)
{
	struct timeval timeout = { .tv_sec = RECEIVE_TIMEOUT_S };
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	qemu = fd;
	watch_remove(listener_fd); /* the next QEMU waits */
	if (!watch_add(fd, &qemu_watch, EPOLLIN))
		log_die("epoll");
	log_say(1, "QEMU connected");
}

static bool send_all(const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t sent = send(qemu, p, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		len -= sent;
	}
	return true;
}

/* Takes the message's only descriptor out of the call; -1 when there is not exactly one. */
static int take_fd(struct call *call)
{
	if (call->fd_count != 1)
		return -1;
	call->fd_count = 0;
	return call->fds[0];
}

static bool answer_u64(struct call *call, uint64_t value)
{
	call->m->body.u64 = value;
	call->reply_size = sizeof value;
	return true;
}

static bool get_features(struct call *call)
{
	return answer_u64(call, OFFERED_FEATURES);
}

static bool get_protocol_features(struct call *call)
{
	return answer_u64(call, PROTOCOL_MQ | PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG);
}

static bool get_queue_num(struct call *call)
{
	return answer_u64(call, QUEUE_COUNT);
}

static bool set_features(struct call *call)
{
	uint64_t features = call->m->body.u64;

	if (features & ~OFFERED_FEATURES)
		log_say(0, "QEMU set features that were not offered: %#" PRIx64, features);
	if (!(features & FEATURE_PROTOCOL_FEATURES))
		for (int i = 0; i < QUEUE_COUNT; i++)
			virtqueues[i].enabled = true;
	return true;
}

static bool ignore(struct call *call)
{
	(void)call;
	return true;
}

static bool reset_owner(struct call *call)
{
	(void)call;
	for (int i = 0; i < QUEUE_COUNT; i++)
		virtqueue_set_kick(&virtqueues[i], -1);
	conn_drop_all(true);
	return true;
}

static bool set_mem_table(struct call *call)
{
	const struct message *m = call->m;
	uint32_t n = m->body.memory.count;
	bool ok = n <= GUEST_MEMORY_MAX_REGIONS && (int)n == call->fd_count &&
		  m->size >= 8 + n * sizeof(struct guest_memory_region) &&
		  guest_memory_map(m->body.memory.region, call->fds, n);

	if (!ok) {
		log_say(0, "vhost-user: unusable memory table");
		guest_memory_unmap();
	}
	for (int i = 0; i < QUEUE_COUNT; i++)
		virtqueue_map(&virtqueues[i]);
	return ok;
}

static bool set_vring_num(struct call *call)
{
	uint32_t size = call->m->body.state.num;

	if (!size || size > QUEUE_MAX_SIZE || (size & (size - 1)))
		return false;
	call->queue->size = size;
	return true;
}

static bool set_vring_addr(struct call *call)
{
	struct virtqueue *q = call->queue;
	struct ring_addresses a = call->m->body.addr;

	if (call->m->size < sizeof a)
		return false;
	q->desc_ua = a.desc;
	q->avail_ua = a.avail;
	q->used_ua = a.used;
	q->addresses_set = true;
	q->broken = false;
	virtqueue_map(q);
	if (!q->desc)
		log_say(0, "vhost-user: ring %d is not in guest memory", q->index);
	return q->desc != NULL;
}

/*
 * After stop and cont QEMU gives back the base that we reported; any other value means a driver
 * that was reset (the guest rebooted), for which the old connections do not exist.
 */
static bool set_vring_base(struct call *call)
{
	struct virtqueue *q = call->queue;
	uint16_t base = call->m->body.state.num;

	if (q->has_stop_base && q->stop_base != base) {
		log_say(1, "guest driver was reset");
		conn_drop_all(true);
		for (int i = 0; i < QUEUE_COUNT; i++)
			virtqueues[i].has_stop_base = false; /* once: new requests may follow */
	}
	q->has_stop_base = false;
	q->next_avail = base;
	q->broken = false;
	return true;
}

static bool get_vring_base(struct call *call)
{
	struct virtqueue *q = call->queue;

	virtqueue_set_kick(q, -1);
	q->has_stop_base = true;
	q->stop_base = q->next_avail;
	q->unsignalled = 0;
	call->m->body.state.num = q->next_avail;
	call->reply_size = sizeof call->m->body.state;
	log_say(1, "ring %d stopped at %u", q->index, q->next_avail);
	return true;
}

static bool set_vring_kick(struct call *call)
{
	struct virtqueue *q = call->queue;

	virtqueue_set_kick(q, take_fd(call));
	log_say(1, "ring %d started at %u (size %u%s)", q->index, q->next_avail, q->size,
		q->desc ? "" : ", not mapped");
	return true;
}

static bool set_vring_call(struct call *call)
{
	virtqueue_set_call(call->queue, take_fd(call));
	return true;
}

static bool set_vring_enable(struct call *call)
{
	call->queue->enabled = call->m->body.state.num;
	return true;
}

/* The config space is the guest's CID, and read-only. */
static bool get_config(struct call *call)
{
	uint64_t cid = htole64(options.cid);
	uint32_t offset = call->m->body.config.offset, size = call->m->body.config.size;

	if (call->m->size < 12 || offset > sizeof cid || size > sizeof cid - offset)
		return false;
	memcpy(call->m->body.config.data, (uint8_t *)&cid + offset, size);
	call->reply_size = 12 + size;
	return true;
}

/* Which number of the body names the ring; RING_NONE: not a ring message. */
enum ring_in { RING_NONE, RING_IN_STATE, RING_IN_U64 };

static const struct {
	bool (*handle)(struct call *call);
	enum ring_in ring;
} handlers[REQUEST_COUNT] = {
	[GET_FEATURES] = { get_features, RING_NONE },
	[SET_FEATURES] = { set_features, RING_NONE },
	[SET_OWNER] = { ignore, RING_NONE },
	[RESET_OWNER] = { reset_owner, RING_NONE },
	[SET_MEM_TABLE] = { set_mem_table, RING_NONE },
	[SET_VRING_NUM] = { set_vring_num, RING_IN_STATE },
	[SET_VRING_ADDR] = { set_vring_addr, RING_IN_STATE },
	[SET_VRING_BASE] = { set_vring_base, RING_IN_STATE },
	[GET_VRING_BASE] = { get_vring_base, RING_IN_STATE },
	[SET_VRING_KICK] = { set_vring_kick, RING_IN_U64 },
	[SET_VRING_CALL] = { set_vring_call, RING_IN_U64 },
	[SET_VRING_ERR] = { ignore, RING_IN_U64 },
	[GET_PROTOCOL_FEATURES] = { get_protocol_features, RING_NONE },
	[SET_PROTOCOL_FEATURES] = { ignore, RING_NONE },
	[GET_QUEUE_NUM] = { get_queue_num, RING_NONE },
	[SET_VRING_ENABLE] = { set_vring_enable, RING_IN_STATE },
	[GET_CONFIG] = { get_config, RING_NONE },
};

/* Finds the ring that the message is about; false when there is no such ring. */
static bool find_ring(struct call *call, enum ring_in where)
{
	uint32_t index =
		where == RING_IN_U64 ? call->m->body.u64 & 0xff : call->m->body.state.index;

	if (where == RING_NONE)
		return true;
	if (call->m->size < 8 || index >= QUEUE_COUNT) {
		log_say(0, "vhost-user: bad ring message %u (ring %u)", call->m->request, index);
		return false;
	}
	call->queue = &virtqueues[index];
	return true;
}

/* Handles one message and answers it; false when QEMU must be dropped. */
static bool handle(struct call *call)
{
	struct message *m = call->m;
	bool need_reply = m->flags & FLAG_NEED_REPLY, ok = false;

	if (m->request < REQUEST_COUNT && handlers[m->request].handle) {
		if (!find_ring(call, handlers[m->request].ring))
			return false;
		ok = handlers[m->request].handle(call);
	} else {
		log_say(0, "vhost-user: message %u is not supported", m->request);
	}
	/* GET_CONFIG says "no" with an empty body, whether or not a reply was asked for. */
	bool empty_answer = m->request == GET_CONFIG && !ok;
	if (need_reply && !call->reply_size && !empty_answer)
		answer_u64(call, !ok);
	if (!call->reply_size && !empty_answer)
		return true;
	m->flags = FLAG_VERSION | FLAG_REPLY;
	m->size = call->reply_size;
	return send_all(m, HEADER_SIZE + call->reply_size);
}

/* Receives a message with its descriptors. 1: it is there; 0: QEMU hung up; -1: it is bad. */
static int receive(struct call *call)
{
	struct message *m = call->m;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof call->fds)];
	} control;
	struct iovec v = { m, HEADER_SIZE };
	struct msghdr mh = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t got;

	do
		got = recvmsg(qemu, &mh, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	if (got < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		call->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(call->fds, CMSG_DATA(c), call->fd_count * sizeof(int));
	}
	if (got != (ssize_t)HEADER_SIZE || (mh.msg_flags & MSG_CTRUNC) ||
		(m->flags & FLAG_VERSION_MASK) != FLAG_VERSION || m->size > sizeof m->body)
		return -1;
	if (m->size && recv(qemu, &m->body, m->size, MSG_WAITALL) != (ssize_t)m->size)
		return -1;
	return 1;
}

bool vhost_user_message(void)
{
	struct message m = { 0 };
	struct call call = { .m = &m };
	int r = receive(&call);
	bool ok = false;

	if (r > 0) {
		log_say(3, "vhost-user message %u size %u fds %d", m.request, m.size,
			call.fd_count);
		ok = handle(&call);
	} else if (r < 0) {
		log_say(0, "vhost-user: bad message");
	}
	for (int i = 0; i < call.fd_count; i++)
		close(call.fds[i]);
	if (!ok)
		forget_qemu();
	return ok;
}
