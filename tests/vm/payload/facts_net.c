/* SPDX-License-Identifier: MIT */
/* The modes of facts.c that concern the network. */
#include "facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int prefix_length(const struct sockaddr *mask)
{
	const uint8_t *p =
		mask->sa_family == AF_INET
			? (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)
				  ->sin_addr
			: (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)
				  ->sin6_addr;
	int length = 0;

	for (int i = 0; i < (mask->sa_family == AF_INET ? 4 : 16); i++)
		length += __builtin_popcount(p[i]);
	return length;
}

/* Links, addresses, and IPv4 routes as the kernel has them. */
void mode_net(char **args)
{
	struct ifaddrs *list = NULL;

	(void)args;
	if (getifaddrs(&list) != 0)
		printf("net: %s\n", error_name(errno));
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		char text[64];
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_PACKET) {
			printf("link: %s %s %s\n", i->ifa_name,
				i->ifa_flags & IFF_UP ? "up" : "down",
				i->ifa_flags & IFF_RUNNING ? "running" : "not-running");
			continue;
		}
		const void *p =
			i->ifa_addr->sa_family == AF_INET
				? (void *)&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr
				: (void *)&((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr;
		if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)
			continue;
		inet_ntop(i->ifa_addr->sa_family, p, text, sizeof text);
		printf("addr: %s %s/%d\n", i->ifa_name, text, prefix_length(i->ifa_netmask));
	}
	freeifaddrs(list);
	FILE *f = fopen("/proc/net/route", "re");
	char line[256], name[32];
	unsigned int destination, gateway, flags, mask;
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%31s %x %x %x %*d %*d %*d %x", name, &destination, &gateway,
			    &flags, &mask) != 5)
			continue;
		struct in_addr d = { destination }, g = { gateway };
		char to[32], via[32];
		snprintf(to, sizeof to, "%s/%d", inet_ntoa(d), __builtin_popcount(mask));
		snprintf(via, sizeof via, "%s", inet_ntoa(g));
		printf("route: %s %s via %s\n", name, to, via);
	}
	if (f)
		fclose(f);
	printf("net-end:\n");
}

static int vsock_socket(unsigned int cid, unsigned int port, struct sockaddr_vm *a)
{
	*a = (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/*
 * vsock-connect CID PORT [TEXT]: connects, sends TEXT, prints what comes back until the end of the
 * stream or 64 bytes.
 */
void mode_vsock_connect(char **args)
{
	struct sockaddr_vm a;
	char data[65];
	int fd = vsock_socket(number(args[0]), number(args[1]), &a);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		printf("vsock-connect: %s %s %s\n", args[0], args[1], error_name(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	printf("vsock-connect: %s %s ok\n", args[0], args[1]);
	fflush(stdout);
	if (args[2] && write(fd, args[2], strlen(args[2])) < 0)
		printf("vsock-write: %s\n", error_name(errno));
	shutdown(fd, SHUT_WR);
	ssize_t n, len = 0;
	while (len < 64 && (n = read(fd, data + len, 64 - len)) > 0)
		len += n;
	data[len] = '\0';
	printf("vsock-read: %s %s\n", data, n < 0 ? error_name(errno) : "end");
	close(fd);
}

static long long clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/*
 * vsock-latency PORT: connects again and again, each time until the other side closes, as the agent
 * does with every peer but the host; prints each second the longest time that took so far.
 */
void mode_vsock_latency(char **args)
{
	long long said = clock_us(), longest = 0;
	int tries = 0, failures = 0;

	for (;;) {
		long long begin = clock_us(), took;
		struct sockaddr_vm a;
		int fd = vsock_socket(VMADDR_CID_LOCAL, (unsigned int)number(args[0]), &a);
		char byte;

		if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 || read(fd, &byte, 1) > 0)
			failures++;
		close(fd);
		took = clock_us() - begin;
		if (took > longest)
			longest = took;
		tries++;
		if (begin + took - said >= 1000000) {
			said = begin + took;
			printf("vsock-latency: %d tries, %d failures, at most %lld us\n", tries,
				failures, longest);
		}
		usleep(10000);
	}
}

/* vsock-answer CID PORT TEXT: connects, reads to the end of the stream, and then sends TEXT. */
void mode_vsock_answer(char **args)
{
	struct sockaddr_vm a;
	char data[64];
	int fd = vsock_socket(number(args[0]), number(args[1]), &a);

	signal(SIGPIPE, SIG_IGN);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		printf("vsock-answer: connect %s\n", error_name(errno));
		return;
	}
	while (read(fd, data, sizeof data) > 0)
		;
	ssize_t n = write(fd, args[2], strlen(args[2]));
	printf("vsock-answer: %s\n", n < 0 ? error_name(errno) : "ok");
	close(fd);
}

/* Serves one connection after the other, giving back what comes. */
static void echo(const char *name, const char *port, int fd, const void *address, socklen_t size)
{
	char data[4096];

	if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, 16) != 0) {
		printf("%s: %s %s\n", name, port, error_name(errno));
		return;
	}
	printf("%s: %s listening\n", name, port);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		for (ssize_t n; c >= 0 && (n = read(c, data, sizeof data)) > 0;)
			if (write(c, data, n) != n)
				break;
		if (c >= 0)
			close(c);
	}
}

/* vsock-echo PORT */
void mode_vsock_echo(char **args)
{
	struct sockaddr_vm a;
	int fd = vsock_socket(VMADDR_CID_ANY, number(args[0]), &a);

	echo("vsock-echo", args[0], fd, &a, sizeof a);
}

/* tcp-echo PORT */
void mode_tcp_echo(char **args)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(number(args[0])) };

	echo("tcp-echo", args[0], socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &a, sizeof a);
}

/*
 * vsock-pong PORT: reads a frame, answers "Pong" and closes, one connection after the other: the
 * least that an agent could do, for the benchmark to compare with.
 */
void mode_vsock_pong(char **args)
{
	static const char pong[] = "\0\0\0\6\"Pong\"";
	struct sockaddr_vm a;
	char data[64];
	int fd = vsock_socket(VMADDR_CID_ANY, number(args[0]), &a);

	signal(SIGPIPE, SIG_IGN);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 128) != 0) {
		printf("vsock-pong: %s %s\n", args[0], error_name(errno));
		return;
	}
	printf("vsock-pong: %s listening\n", args[0]);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		size_t len = 0;
		ssize_t n;

		while (c >= 0 && len < 10 && (n = read(c, data + len, sizeof data - len)) > 0)
			len += n;
		if (len >= 10 && write(c, pong, sizeof pong - 1) < 0)
			printf("vsock-pong: %s\n", error_name(errno));
		if (c >= 0)
			close(c);
	}
}
