/* SPDX-License-Identifier: MIT */
/*
 * The log collector: a process of its own that reads what services write, keeps the last of it
 * (log_ring.h), and passes it on to the console, tagged, or to log files, rotated by size. It never
 * blocks a service or PID 1: what the console or the disk cannot take is dropped, counted and said.
 */
#ifndef SUPERVISOR_COLLECTOR_H
#define SUPERVISOR_COLLECTOR_H

/* The collector's main function; `argv0` becomes its name. Returns the exit status when PID 1 has
 * closed the link. */
int collector_main(char *argv0);

#endif
