/* SPDX-License-Identifier: MIT */
#include "agent/sessions/tcp_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LINE_MAX_BYTES 256

/* The ports of both ends of a connection. False if `fd` is not a TCP connection. */
static bool ports_of(int fd, unsigned int *theirs, unsigned int *ours, bool *is_v6)
{
	struct sockaddr_storage local = { 0 }, peer = { 0 };
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (getsockname(fd, (struct sockaddr *)&local, &local_len) != 0 ||
		getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0)
		return false;
	*is_v6 = local.ss_family == AF_INET6;
	if (*is_v6) {
		memcpy(&in6, &local, sizeof(in6));
		*ours = ntohs(in6.sin6_port);
		memcpy(&in6, &peer, sizeof(in6));
		*theirs = ntohs(in6.sin6_port);
	} else if (local.ss_family == AF_INET) {
		memcpy(&in, &local, sizeof(in));
		*ours = ntohs(in.sin_port);
		memcpy(&in, &peer, sizeof(in));
		*theirs = ntohs(in.sin_port);
	}
	return *is_v6 || local.ss_family == AF_INET;
}

/* Word number `n` of a line, from 0; "" after the last. */
static const char *word(const char *line, int n)
{
	line += strspn(line, " ");
	for (; n > 0 && *line != '\0'; n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* The port of "ADDRESS:PORT", both hexadecimal. */
static unsigned int port_at(const char *address)
{
	return (unsigned int)strtoul(address + strcspn(address, ": ") + 1, NULL, 16);
}

/*
 * A line is "N: ADDRESS:PORT ADDRESS:PORT STATE queues timer retransmits UID timeout INODE ...".
 * True if no process owns the socket: its inode is 0.
 */
static bool is_orphan(const char *line, unsigned int theirs, unsigned int ours, bool *found)
{
	const char *local = word(line, 1), *remote = word(line, 2), *inode = word(line, 9);

	if (*inode == '\0' || port_at(local) != theirs || port_at(remote) != ours)
		return false;
	*found = true;
	return strtoul(inode, NULL, 10) == 0;
}

bool tcp_peer_is_closed(int fd)
{
	unsigned int theirs, ours;
	bool is_v6, found = false, is_closed = false;
	char line[LINE_MAX_BYTES];
	FILE *f;

	if (!ports_of(fd, &theirs, &ours, &is_v6))
		return false;
	/* An IPv6 socket of a server can have IPv4 connections. */
	for (int i = 0; i < 2 && !found; i++) {
		f = fopen((i == 0) == is_v6 ? "/proc/net/tcp6" : "/proc/net/tcp", "re");
		while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
			is_closed = is_orphan(line, theirs, ours, &found);
		if (f != NULL)
			fclose(f);
	}
	return found && is_closed;
}
