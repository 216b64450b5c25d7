/* SPDX-License-Identifier: MIT */
/*
 * The host's side of connections: clients on the hybrid socket, listeners for the guest's calls,
 * and the bytes to and from them.
 */
#ifndef HVSOCK_CLIENT_H
#define HVSOCK_CLIENT_H

#include "connection.h"
#include "virtqueue.h"

#include <sys/un.h>

/* Fills *a from path; false when the path is too long for a socket address. */
bool client_address(struct sockaddr_un *a, const char *path);

/* Accepts those who wait at the hybrid socket; they say "CONNECT <port>\n" next. */
void client_accept(int listener);

/*
 * The guest asked for c->host_port: connects to the listener at "<hybrid socket>_<port>". With a
 * full backlog there it is tried again until c->give_up_ms; other failures reset the connection.
 */
void client_call(struct conn *c);

/* Payload of a packet from the guest: `len` bytes of ch->out from offset `skip`. */
void client_write(struct conn *c, const struct chain *ch, size_t skip, uint32_t len);

/*
 * Reads up to max bytes of the client's into ch->in from offset `skip`. Returns how many, or 0
 * when there is nothing now, when the client has ended (which is noted in *c), or when the
 * connection broke and was killed.
 */
uint32_t client_read(struct conn *c, const struct chain *ch, size_t skip, size_t max);

/* The guest answered the client's request. False: the client is gone, the connection killed. */
bool client_say_ok(struct conn *c);

/* The guest sent SHUTDOWN; c->shut_guest has its flags. */
void client_guest_shutdown(struct conn *c);

/* Epoll's events for a connection's socket. */
void client_event(struct conn *c, uint32_t events);

/* A connection's deadline has passed; for conn_run_timers(). */
void client_expired(struct conn *c);

#endif
