/* SPDX-License-Identifier: MIT */
/*
 * The watch over an agent that hangs. (One that ends is started again by its supervision.)
 *
 * It costs an idle guest nothing: PID 1 has the agent's listening sockets in its own epoll(7), one
 * shot at a time, and nothing wakes up before a host connects. AGENT_PATIENCE_MS after that PID 1
 * looks whether a connection still waits to be accepted. Only then does it ask, over the control
 * channel, for a sign of life, and an agent that gives none within as long again is killed and
 * started again; what waits is served by the next one.
 *
 * Why not systemd's way, a message each few seconds: it would wake two processes of a guest that
 * has nothing to do. Why not to ask at each connection: an agent that accepts has shown that it
 * lives, and each question costs two wake-ups. Why not to go by the waiting connection alone: one
 * that has as many connections as it takes does not accept, and is well.
 *
 * An agent that hangs while no host connects is not noticed until one does; so are its checks.
 */
#ifndef INIT_AGENT_WATCH_H
#define INIT_AGENT_WATCH_H

#define AGENT_PATIENCE_MS 10000

struct guest;

/* Begin to watch the listening sockets of the agent, which has been added. */
void agent_watch_begin(struct guest *g);

#endif
