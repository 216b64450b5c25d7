/* SPDX-License-Identifier: MIT */
/* What the command line sets, what is counted, and the log: known to every part of hvsock. */
#ifndef HVSOCK_OPTIONS_H
#define HVSOCK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct hvsock_options {
	const char *vhost_path; /* QEMU connects here */
	const char *uds_path;   /* host clients connect here */
	uint64_t cid;           /* of the guest */
	uint32_t max_conns;
	uint32_t buf_bytes; /* a connection's buffer as told to the guest; a power of two */
	uint32_t connect_timeout_ms; /* wait for the guest's answer to a request */
	uint32_t linger_ms;          /* forced end after a full shutdown */
	bool once;                   /* end when QEMU disconnects */
	bool quirks;                 /* half-close as Firecracker does it */
	int verbose;                 /* log level, 0-3 */
};

struct hvsock_counters {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes; /* rx: to the guest */
	uint64_t opened, refused, closed;
	uint64_t bad_chain, bad_packet, bad_ring, credit_overrun, rst_dropped;
	uint64_t kicks, irqs;
};

extern struct hvsock_options options;
extern struct hvsock_counters counters;

/* Sets `options` from the command line; on --help or a mistake it prints the usage and exits. */
void options_parse(int argc, char **argv);

/* Logs one line to stderr when level <= --verbose (0: always). */
void log_say(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints "hvsock: what: " and the text of errno, and exits with 1. */
void log_die(const char *what) __attribute__((noreturn));

/* Milliseconds on CLOCK_MONOTONIC. */
uint64_t clock_now_ms(void);

#endif
