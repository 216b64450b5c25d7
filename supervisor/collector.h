/* SPDX-License-Identifier: MIT */
/*
 * The log collector: a process of its own that reads the output of services, keeps the latest part
 * (log_ring.h), and writes it to the console with a tag, or to log files that it rotates by size.
 * It never blocks a service or PID 1: lines that the console or the disk cannot take are dropped,
 * counted and reported.
 */
#ifndef SUPERVISOR_COLLECTOR_H
#define SUPERVISOR_COLLECTOR_H

/* The collector's main function; `argv0` becomes its name. Returns the exit status when PID 1 has
 * closed the link. */
int collector_main(char *argv0);

#endif
