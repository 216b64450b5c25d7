/* SPDX-License-Identifier: MIT */
#include "virtqueue.h"

#include "guest_memory.h"
#include "options.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DESC_NEXT          1
#define DESC_WRITE         2
#define DESC_INDIRECT      4
#define USED_NO_NOTIFY     1
#define AVAIL_NO_INTERRUPT 1

/* Completions after which the guest is told, so that it can work in parallel. */
#define INTERRUPT_BATCH 32

struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct vring_avail {
	uint16_t flags, idx, ring[];
};

struct vring_used_elem {
	uint32_t id, len;
};

struct vring_used {
	uint16_t flags, idx;
	struct vring_used_elem ring[];
};

struct virtqueue virtqueues[QUEUE_COUNT] = {
	[QUEUE_RX] = { .kick = -1, .call = -1 },
	[QUEUE_TX] = { .kick = -1, .call = -1 },
};

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void virtqueue_set_kick(struct virtqueue *q, int fd)
{
	if (q->kick >= 0) {
		watch_remove(q->kick);
		close(q->kick);
	}
	q->kick = fd;
	if (fd < 0)
		return;
	set_nonblocking(fd);
	if (!watch_add(fd, &q->kick_watch, EPOLLIN))
		log_say(0, "cannot watch the kick descriptor: %s", strerror(errno));
}

void virtqueue_set_call(struct virtqueue *q, int fd)
{
	uint64_t one = 1;

	if (q->call >= 0)
		close(q->call);
	q->call = fd;
	if (fd < 0)
		return;
	set_nonblocking(fd);
	if (write(fd, &one, sizeof one) < 0) /* one may have gone to the old descriptor */
		log_say(1, "call descriptor: %s", strerror(errno));
}

void virtqueue_reset(struct virtqueue *q, int index)
{
	virtqueue_set_kick(q, -1);
	virtqueue_set_call(q, -1);
	*q = (struct virtqueue){
		.kick_watch = { WATCH_KICK },
		.index = index,
		.kick = -1,
		.call = -1,
	};
}

bool virtqueue_ready(const struct virtqueue *q)
{
	return q->desc && q->kick >= 0 && q->enabled && !q->broken;
}

static void stop_broken(struct virtqueue *q, const char *why)
{
	log_say(0, "queue %d stopped: %s", q->index, why);
	counters.bad_ring++;
	q->broken = true;
}

void virtqueue_map(struct virtqueue *q)
{
	q->desc = NULL;
	if (!q->addresses_set || !q->size)
		return;
	void *desc = guest_memory_at_uaddr(q->desc_ua, 16ULL * q->size, 16);
	void *avail = guest_memory_at_uaddr(q->avail_ua, 6 + 2ULL * q->size, 2);
	void *used = guest_memory_at_uaddr(q->used_ua, 6 + 8ULL * q->size, 4);
	if (!desc || !avail || !used)
		return;
	q->desc = desc;
	q->avail = avail;
	q->used = used;
	q->next_used = le16toh(__atomic_load_n(&q->used->idx, __ATOMIC_RELAXED));
}

static bool chain_add(struct chain *c, uint64_t gpa, uint64_t len, bool write)
{
	struct iovec *list = write ? c->in : c->out;
	int *count = write ? &c->in_count : &c->out_count;

	while (len) {
		uint64_t n;
		uint8_t *p = guest_memory_at(gpa, &n);
		if (!p || *count == CHAIN_MAX_IOV)
			return false;
		if (n > len)
			n = len;
		list[*count] = (struct iovec){ .iov_base = p, .iov_len = n };
		++*count;
		*(write ? &c->in_len : &c->out_len) += n;
		gpa += n; /* cannot wrap: n stays inside a region */
		len -= n;
	}
	return true;
}

/* Follows the chain from descriptor i; 1 or -1 as virtqueue_peek() returns it. */
static int chain_walk(struct virtqueue *q, uint16_t i, struct chain *c)
{
	for (uint32_t seen = 0; seen < q->size; seen++) {
		/* The guest can change the table under us: read every field once. */
		volatile struct vring_desc *d = &q->desc[i];
		uint64_t addr = le64toh(d->addr);
		uint32_t len = le32toh(d->len);
		uint16_t flags = le16toh(d->flags);
		uint16_t next = le16toh(d->next);
		bool write = flags & DESC_WRITE;

		if (flags & DESC_INDIRECT) /* not offered */
			return -1;
		if (!write && c->in_count) /* the readable part comes first */
			return -1;
		if (!chain_add(c, addr, len, write))
			return -1;
		if (!(flags & DESC_NEXT))
			return 1;
		if (next >= q->size)
			return -1;
		i = next;
	}
	return -1; /* a loop */
}

int virtqueue_peek(struct virtqueue *q, struct chain *c)
{
	uint16_t avail = le16toh(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE));
	uint16_t waiting = avail - q->next_avail;

	if (waiting == 0)
		return 0;
	if (waiting > q->size) {
		stop_broken(q, "avail index moved by more than the ring size");
		return 0;
	}
	uint16_t slot = q->next_avail & (q->size - 1);
	uint16_t head = le16toh(__atomic_load_n(&q->avail->ring[slot], __ATOMIC_RELAXED));
	if (head >= q->size) {
		stop_broken(q, "descriptor head out of range");
		return 0;
	}
	c->head = head;
	c->out_count = c->in_count = 0;
	c->out_len = c->in_len = 0;
	return chain_walk(q, head, c);
}

void virtqueue_interrupt(struct virtqueue *q)
{
	uint64_t one = 1;

	if (!q->unsignalled || !q->avail)
		return;
	q->unsignalled = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (le16toh(__atomic_load_n(&q->avail->flags, __ATOMIC_RELAXED)) & AVAIL_NO_INTERRUPT)
		return;
	if (q->call >= 0 && write(q->call, &one, sizeof one) == sizeof one)
		counters.irqs++;
}

void virtqueue_complete(struct virtqueue *q, uint16_t head, uint32_t len)
{
	volatile struct vring_used_elem *e = &q->used->ring[q->next_used & (q->size - 1)];

	e->id = htole32(head);
	e->len = htole32(len);
	q->next_used++;
	q->next_avail++;
	__atomic_store_n(&q->used->idx, htole16(q->next_used), __ATOMIC_RELEASE);
	if (++q->unsignalled >= INTERRUPT_BATCH)
		virtqueue_interrupt(q);
}

void virtqueue_want_kicks(struct virtqueue *q, bool want)
{
	uint16_t flags = want ? 0 : USED_NO_NOTIFY;

	__atomic_store_n(&q->used->flags, htole16(flags), __ATOMIC_RELAXED);
	if (want)
		__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before avail->idx is read again */
}

bool virtqueue_has_chain(const struct virtqueue *q)
{
	return le16toh(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE)) != q->next_avail;
}

void iov_read(const struct iovec *v, int n, void *dst, size_t len)
{
	uint8_t *d = dst;

	for (int i = 0; i < n && len; i++) {
		size_t k = v[i].iov_len < len ? v[i].iov_len : len;
		memcpy(d, v[i].iov_base, k);
		d += k;
		len -= k;
	}
}

void iov_write(const struct iovec *v, int n, const void *src, size_t len)
{
	const uint8_t *s = src;

	for (int i = 0; i < n && len; i++) {
		size_t k = v[i].iov_len < len ? v[i].iov_len : len;
		memcpy(v[i].iov_base, s, k);
		s += k;
		len -= k;
	}
}

int iov_slice(struct iovec *dst, const struct iovec *v, int n, size_t skip, size_t len)
{
	int count = 0;

	for (int i = 0; i < n && len; i++) {
		if (skip >= v[i].iov_len) {
			skip -= v[i].iov_len;
			continue;
		}
		size_t k = v[i].iov_len - skip;
		if (k > len)
			k = len;
		dst[count].iov_base = (uint8_t *)v[i].iov_base + skip;
		dst[count++].iov_len = k;
		skip = 0;
		len -= k;
	}
	return count;
}
