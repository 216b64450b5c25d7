/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The limits are Firecracker's; only the wait for the guest's answer is longer (2 s there),
 * because emulated guests are slow.
 */
struct hvsock_options options = {
	.cid = 3,
	.max_conns = 1023,
	.buf_bytes = 65536,
	.connect_timeout_ms = 10000,
	.linger_ms = 2000,
};
struct hvsock_counters counters;

static const char usage_text[] =
	"usage: hvsock --socket VHOST_SOCK --uds V_SOCK [options]\n"
	"  --socket PATH          listen here for QEMU (vhost-user)\n"
	"  --uds PATH             listen here for host clients; guest->host port P goes to PATH_P\n"
	"  --cid N                guest CID (default 3)\n"
	"  --once                 exit 0 when QEMU disconnects (default: wait for the next one)\n"
	"  --max-conns N          connection limit (default 1023, as Firecracker)\n"
	"  --buf N                per-connection buffer told to the guest, bytes, a power of two\n"
	"                         (default 65536, as Firecracker)\n"
	"  --connect-timeout-ms N wait for the guest's answer (default 10000; Firecracker 2000)\n"
	"  --linger-ms N          forced end after a full shutdown (default 2000, as Firecracker)\n"
	"  --fc-quirks            half-close as Firecracker: a host half-close becomes a full "
	"close,\n"
	"                         a guest half-close is not shown to the host\n"
	"  -v, -vv, -vvv          log to stderr: devices, connections, packets\n"
	"Prints READY on stdout when both sockets listen. SIGUSR1 prints counters to stderr.\n"
	"SIGTERM and SIGINT remove the sockets and exit 0.\n";

static void __attribute__((noreturn)) usage(int code)
{
	fputs(usage_text, code ? stderr : stdout);
	exit(code);
}

static uint32_t number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max) {
		fprintf(stderr, "hvsock: bad number: %s\n", text);
		exit(2);
	}
	return value;
}

void options_parse(int argc, char **argv)
{
	enum { SOCKET = 256, UDS, CID, ONCE, MAX_CONNS, BUF, CONNECT_TIMEOUT, LINGER, QUIRKS };
	static const struct option long_options[] = {
		{ "socket", required_argument, NULL, SOCKET },
		{ "uds", required_argument, NULL, UDS },
		{ "cid", required_argument, NULL, CID },
		{ "once", no_argument, NULL, ONCE },
		{ "max-conns", required_argument, NULL, MAX_CONNS },
		{ "buf", required_argument, NULL, BUF },
		{ "connect-timeout-ms", required_argument, NULL, CONNECT_TIMEOUT },
		{ "linger-ms", required_argument, NULL, LINGER },
		{ "fc-quirks", no_argument, NULL, QUIRKS },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "vh", long_options, NULL)) != -1) {
		if (o == SOCKET)
			options.vhost_path = optarg;
		else if (o == UDS)
			options.uds_path = optarg;
		else if (o == CID)
			options.cid = number(optarg, 3, UINT32_MAX - 1);
		else if (o == ONCE)
			options.once = true;
		else if (o == MAX_CONNS)
			options.max_conns = number(optarg, 1, 1000000);
		else if (o == BUF)
			options.buf_bytes = number(optarg, 4096, 64 << 20);
		else if (o == CONNECT_TIMEOUT)
			options.connect_timeout_ms = number(optarg, 1, 86400000);
		else if (o == LINGER)
			options.linger_ms = number(optarg, 1, 86400000);
		else if (o == QUIRKS)
			options.quirks = true;
		else if (o == 'v')
			options.verbose++;
		else
			usage(o == 'h' ? 0 : 2);
	}
	bool power_of_two = (options.buf_bytes & (options.buf_bytes - 1)) == 0;
	if (!options.vhost_path || !options.uds_path || optind != argc || !power_of_two)
		usage(2);
}

void log_say(int level, const char *fmt, ...)
{
	struct timespec now;
	char line[512];
	va_list args;

	if (level > options.verbose)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	int n = snprintf(
		line, sizeof line, "hvsock %ld.%03ld: ", (long)now.tv_sec, now.tv_nsec / 1000000);
	va_start(args, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, args);
	va_end(args);
	fprintf(stderr, "%s\n", line);
}

void log_die(const char *what)
{
	fprintf(stderr, "hvsock: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
