/* SPDX-License-Identifier: MIT */
/*
 * Consoles: shells with a terminal of their own, each for one host that has asked for it with
 * ConsoleOpen and then connects to the session's data port. A session ends, and with it all of its
 * processes, when its shell does, when the host's connection closes, at ConsoleClose, without a
 * connection in time, and without input for too long. mvm-protocol(7), "Consoles".
 */
#ifndef AGENT_SESSIONS_CONSOLE_H
#define AGENT_SESSIONS_CONSOLE_H

#include "agent/state.h"

#define CONSOLES_MAX       16     /* sessions, those included whose exit code is kept */
#define CONSOLE_CONNECT_MS 30000  /* from ConsoleOpen to the data connection */
#define CONSOLE_IDLE_MS    900000 /* without input */
#define CONSOLE_RECORD_MS  60000  /* that an exit code is kept for ConsoleClose */

/* Handlers of ConsoleOpen, ConsoleResize and ConsoleClose. */
void console_open_requested(struct agent *a, struct connection *c, struct request *r);
void console_resize_requested(struct agent *a, struct connection *c, struct request *r);
void console_close_requested(struct agent *a, struct connection *c, struct request *r);

/*
 * Hosts of mvm from 0.9 to 0.13 connect to port 52 for a console's bytes (on Firecracker). The
 * first is true while a session that was opened there waits for that; the second takes the
 * connection. Both are for struct server.
 */
bool console_wants_raw(void *agent);
void console_take_raw(void *agent, int fd, const char *bytes, size_t len);

/* The agent stops: kill everything. */
void consoles_close(struct agent *a);

#endif
