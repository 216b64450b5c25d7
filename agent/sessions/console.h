/* SPDX-License-Identifier: MIT */
/*
 * Consoles: a shell with its own terminal for a host. The host asks with ConsoleOpen and then
 * connects to the session's data port. A session ends with all its processes if its shell ends, the
 * host's connection closes, ConsoleClose arrives, no host connects in time, or no input arrives for
 * too long. mvm-protocol(7), "Consoles".
 */
#ifndef AGENT_SESSIONS_CONSOLE_H
#define AGENT_SESSIONS_CONSOLE_H

#include "agent/state.h"

#define CONSOLES_MAX       16     /* sessions, including ended ones whose exit code is kept */
#define CONSOLE_CONNECT_MS 30000  /* from ConsoleOpen to the data connection */
#define CONSOLE_IDLE_MS    900000 /* longest time without input */
#define CONSOLE_RECORD_MS  60000  /* how long an exit code is kept for ConsoleClose */

/* Handlers of ConsoleOpen, ConsoleResize and ConsoleClose. */
void console_open_requested(struct agent *a, struct connection *c, struct request *r);
void console_resize_requested(struct agent *a, struct connection *c, struct request *r);
void console_close_requested(struct agent *a, struct connection *c, struct request *r);

/*
 * For struct server: mvm 0.9 to 0.13 connects to port 52 for a console's bytes (on Firecracker).
 * The first is true while a session opened on port 52 waits for that connection; the second takes
 * it.
 */
bool console_wants_raw(void *agent);
void console_take_raw(void *agent, int fd, const char *bytes, size_t len);

/* The agent stops: kill everything. */
void consoles_close(struct agent *a);

#endif
