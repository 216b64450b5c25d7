/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues in guest memory, the device's side of them.
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 2.7.
 */
#ifndef HVSOCK_VIRTQUEUE_H
#define HVSOCK_VIRTQUEUE_H

#include "watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The event queue, the third of a vsock device, stays inside QEMU. */
enum { QUEUE_RX, QUEUE_TX, QUEUE_COUNT };

#define QUEUE_MAX_SIZE 1024
#define CHAIN_MAX_IOV  512

struct vring_desc;
struct vring_avail;
struct vring_used;

struct virtqueue {
	struct watch kick_watch;
	int index;
	uint32_t size;                       /* entries, a power of two; 0: not set */
	uint64_t desc_ua, avail_ua, used_ua; /* the rings' addresses in QEMU */
	struct vring_desc *desc;             /* NULL: not mapped */
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail; /* the next entry to take */
	uint16_t next_used;  /* the next entry to give back */
	int kick, call;      /* event descriptors, -1: none */
	bool addresses_set, enabled, broken;
	bool has_stop_base;
	uint16_t stop_base;       /* what GET_VRING_BASE answered */
	unsigned int unsignalled; /* given back since the last interrupt */
};

/* A descriptor chain as two lists: what the guest wrote (out) and what it wants filled (in). */
struct chain {
	uint16_t head;
	int out_count, in_count;
	size_t out_len, in_len;
	struct iovec out[CHAIN_MAX_IOV], in[CHAIN_MAX_IOV];
};

extern struct virtqueue virtqueues[QUEUE_COUNT];

/* Puts the queue in its first state; closes its descriptors unless this is the very first call. */
void virtqueue_reset(struct virtqueue *q, int index);

/* Takes over the kick descriptor fd (-1: none) and watches it. */
void virtqueue_set_kick(struct virtqueue *q, int fd);

/* Takes over the call descriptor fd (-1: none), and interrupts once through it. */
void virtqueue_set_call(struct virtqueue *q, int fd);

/* Finds the rings again, after their addresses or the memory changed; q->desc tells the outcome. */
void virtqueue_map(struct virtqueue *q);

/* Whether packets can pass. */
bool virtqueue_ready(const struct virtqueue *q);

/*
 * Looks at the next chain without taking it. 0: there is none, or the ring itself is nonsense and
 * the queue is now broken; 1: *c is good; -1: *c is bad, only c->head is valid, complete it with 0.
 */
int virtqueue_peek(struct virtqueue *q, struct chain *c);

/* Gives the peeked chain back with `len` bytes written to it. */
void virtqueue_complete(struct virtqueue *q, uint16_t head, uint32_t len);

/* Tells the guest of what was given back since the last interrupt, unless it declined. */
void virtqueue_interrupt(struct virtqueue *q);

/* Asks the guest to kick when it adds a chain, or asks it not to. */
void virtqueue_want_kicks(struct virtqueue *q, bool want);

/* Whether a chain is there to take. */
bool virtqueue_has_chain(const struct virtqueue *q);

/* Copies len bytes out of, or into, the list v of n parts. */
void iov_read(const struct iovec *v, int n, void *dst, size_t len);
void iov_write(const struct iovec *v, int n, const void *src, size_t len);

/* Makes dst the bytes [skip, skip + len) of v; returns the number of its entries. */
int iov_slice(struct iovec *dst, const struct iovec *v, int n, size_t skip, size_t len);

#endif
