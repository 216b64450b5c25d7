/* SPDX-License-Identifier: MIT */
/*
 * The one epoll set. Every registration points at the `struct watch` that is its owner's first
 * member; the main loop dispatches on its kind.
 */
#ifndef HVSOCK_WATCH_H
#define HVSOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum watch_kind {
	WATCH_SIGNAL,
	WATCH_VHOST_LISTENER,
	WATCH_VHOST,
	WATCH_KICK,
	WATCH_CLIENT_LISTENER,
	WATCH_CONN,
};

struct watch {
	enum watch_kind kind;
};

/* Creates the set. Exits on failure. */
void watch_init(void);

/* Watches fd for epoll events; false with errno when that fails. */
bool watch_add(int fd, struct watch *w, uint32_t events);

/* Watches fd no more. A closed descriptor leaves by itself. */
void watch_remove(int fd);

/* Waits up to timeout_ms (-1: for ever); returns the number of events, 0 after a signal. */
int watch_wait(struct epoll_event *events, int max, int timeout_ms);

#endif
