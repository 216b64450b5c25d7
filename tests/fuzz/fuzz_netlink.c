/* SPDX-License-Identifier: MIT */
/*
 * Answers of rtnetlink(7). The input is a list of datagrams, each after its length in two bytes; a
 * socket that has no more answers with EAGAIN, as the kernel's does after its time.
 */
#include "init/netlink.h"
#include "tests/fuzz/rig.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX  2048
#define DATAGRAMS_MAX 8 /* a socket's queue takes ten: unix(7) */
#define INDEX         2 /* of the interface that is asked about */

struct datagrams {
	const uint8_t *at[DATAGRAMS_MAX];
	size_t len[DATAGRAMS_MAX], count;
};

static void split(const uint8_t *data, size_t size, struct datagrams *d)
{
	d->count = 0;
	while (size > 2 && d->count < DATAGRAMS_MAX) {
		size_t len = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (len > DATAGRAM_MAX)
			len = DATAGRAM_MAX;
		if (len > 0) {
			d->at[d->count] = data;
			d->len[d->count++] = len;
		}
		data += len;
		size -= len;
	}
}

/* A socket with these datagrams in its queue; `other` is its other end. */
static int queue(const struct datagrams *d, int *other)
{
	int ends[2];

	require(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
	for (size_t i = 0; i < d->count; i++)
		require(send(ends[1], d->at[i], d->len[i], 0) == (ssize_t)d->len[i], "no room");
	*other = ends[1];
	return ends[0];
}

static uint32_t number_at(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

/*
 * What netlink_has_address() is to say, by another way: message after message, and a message that
 * is too short for its type says nothing.
 */
static int expected_address(const struct datagrams *d)
{
	int found = 0;

	for (size_t i = 0; i < d->count; i++) {
		const uint8_t *at = d->at[i];
		size_t left = d->len[i];

		while (left >= sizeof(struct nlmsghdr)) {
			struct nlmsghdr h;
			size_t step;

			memcpy(&h, at, sizeof(h));
			if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > left)
				break;
			if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR)
				return found;
			if (h.nlmsg_type == RTM_NEWADDR &&
				h.nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)) &&
				number_at(at + NLMSG_HDRLEN + 4) == INDEX)
				found = 1;
			step = NLMSG_ALIGN(h.nlmsg_len);
			if (step >= left)
				break;
			at += step;
			left -= step;
		}
	}
	return -EAGAIN;
}

static void check_dump(const struct datagrams *d)
{
	int other, fd = queue(d, &other), found = netlink_has_address(fd, INDEX);

	require(found == expected_address(d), "another answer about addresses");
	close(fd);
	close(other);
}

static void check_answers(const struct datagrams *d)
{
	const struct network_address a = {
		.family = AF_INET, .bytes = { 10, 0, 0, 1 }, .prefix = 8
	};
	int other, fd = queue(d, &other);

	require(netlink_link_up(fd, INDEX, 1500) <= 0, "a number that is no errno");
	require(netlink_address_add(fd, INDEX, &a) <= 0, "a number that is no errno");
	require(netlink_default_route_add(fd, INDEX, &a, true) <= 0, "a number that is no errno");
	require(netlink_address_delete(fd, INDEX, &a) <= 0, "a number that is no errno");
	close(fd);
	close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct datagrams d;

	split(data, size, &d);
	check_dump(&d);
	check_answers(&d);
	return 0;
}
