/* SPDX-License-Identifier: MIT */
#include "init/netlink.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A request with room for the few attributes that we use. */
struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	} u;
	char attributes[128];
};

int netlink_open(void)
{
	/* The kernel answers at once; the limit guards against one that does not. */
	const struct timeval limit = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static void start(struct request *r, int type, int flags, size_t payload)
{
	memset(r, 0, sizeof(*r));
	r->header.nlmsg_len = NLMSG_LENGTH(payload);
	r->header.nlmsg_type = (unsigned short)type;
	r->header.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	r->header.nlmsg_seq = 1;
}

static void attribute(struct request *r, int type, const void *bytes, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));

	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), bytes, len);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int ask(int fd, struct request *r)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer;
	ssize_t n;

	r->header.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r, r->header.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
		answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error > 0 ? -EPROTO : answer.error.error;
}

int netlink_link_up(int fd, unsigned int index, unsigned int mtu)
{
	struct request r;

	start(&r, RTM_NEWLINK, 0, sizeof(r.u.link));
	r.u.link.ifi_family = AF_UNSPEC;
	r.u.link.ifi_index = (int)index;
	r.u.link.ifi_flags = r.u.link.ifi_change = IFF_UP; /* only this flag */
	if (mtu != 0)
		attribute(&r, IFLA_MTU, &mtu, sizeof(mtu));
	return ask(fd, &r);
}

static size_t address_size(const struct network_address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

static int change_address(
	int fd, int type, int flags, unsigned int index, const struct network_address *a)
{
	struct request r;

	start(&r, type, flags, sizeof(r.u.address));
	r.u.address.ifa_family = (unsigned char)a->family;
	r.u.address.ifa_prefixlen = (unsigned char)a->prefix;
	r.u.address.ifa_index = index;
	/* Duplicate address detection would delay an IPv6 address by a second. */
	if (a->family == AF_INET6)
		r.u.address.ifa_flags = IFA_F_NODAD;
	attribute(&r, IFA_LOCAL, a->bytes, address_size(a));
	attribute(&r, IFA_ADDRESS, a->bytes, address_size(a));
	if (a->family == AF_INET && a->prefix < 31) {
		unsigned char broadcast[4];

		for (unsigned int i = 0; i < 4; i++)
			broadcast[i] =
				(unsigned char)(a->bytes[i] |
						(a->prefix >= 8 * (i + 1) ? 0
							: a->prefix <= 8 * i
								? 0xff
								: 0xff >> (a->prefix - 8 * i)));
		attribute(&r, IFA_BROADCAST, broadcast, 4);
	}
	return ask(fd, &r);
}

int netlink_address_add(int fd, unsigned int index, const struct network_address *a)
{
	int err = change_address(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, a);

	return err == -EEXIST ? 0 : err;
}

int netlink_address_delete(int fd, unsigned int index, const struct network_address *a)
{
	return change_address(fd, RTM_DELADDR, 0, index, a);
}

int netlink_default_route_add(
	int fd, unsigned int index, const struct network_address *gateway, bool is_on_link)
{
	struct request r;
	int err;

	start(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(r.u.route));
	r.u.route.rtm_family = (unsigned char)gateway->family;
	r.u.route.rtm_table = RT_TABLE_MAIN;
	r.u.route.rtm_protocol = RTPROT_BOOT;
	r.u.route.rtm_scope = RT_SCOPE_UNIVERSE;
	r.u.route.rtm_type = RTN_UNICAST;
	r.u.route.rtm_flags = is_on_link ? RTNH_F_ONLINK : 0;
	attribute(&r, RTA_GATEWAY, gateway->bytes, address_size(gateway));
	attribute(&r, RTA_OIF, &index, sizeof(index));
	err = ask(fd, &r);
	return err == -EEXIST ? 0 : err;
}

/* Search one datagram of an address dump. True if the dump ends there. */
static bool search_dump(const char *bytes, size_t len, unsigned int index, bool *has_address)
{
	const struct nlmsghdr *h;

	for (size_t at = 0; at + sizeof(*h) <= len; at += NLMSG_ALIGN(h->nlmsg_len)) {
		const struct ifaddrmsg *a;

		h = (const struct nlmsghdr *)(bytes + at);
		a = NLMSG_DATA(h);
		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len - at)
			break;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return true;
		if (h->nlmsg_type == RTM_NEWADDR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*a)))
			*has_address |= a->ifa_index == index;
	}
	return false;
}

int netlink_has_address(int fd, unsigned int index)
{
	char bytes[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct request r;
	bool has_address = false;
	ssize_t n;

	start(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(r.u.address));
	r.u.address.ifa_family = AF_INET;
	if (send(fd, &r, r.header.nlmsg_len, 0) < 0)
		return -errno;
	/* To the end of the dump: the next request must not get the rest of it. */
	do {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
	} while (!search_dump(bytes, (size_t)n, index, &has_address));
	return has_address;
}
