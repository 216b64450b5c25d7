/* SPDX-License-Identifier: MIT */
/* Settings of eth0, the name servers and the host name on the kernel command line. */
#ifndef INIT_NETWORK_CONFIG_H
#define INIT_NETWORK_CONFIG_H

#include "base/problem.h"
#include "init/cmdline.h"

#include <stddef.h>

#define NETWORK_ADDRESSES_MAX 8
#define NETWORK_DNS_MAX       3   /* resolv.conf(5): MAXNS */
#define NETWORK_TEXT_MAX      48  /* an address in text form, terminator included */
#define NETWORK_SEARCH_MAX    257 /* the search list, separated by spaces */
#define NETWORK_HOST_MAX      65  /* Linux has at most 64 bytes of host name */

struct network_address {
	int family;              /* AF_INET or AF_INET6 */
	unsigned char bytes[16]; /* 4 or 16 of them, network byte order */
	unsigned int prefix;     /* bits of the network part */
	char text[NETWORK_TEXT_MAX];
};

struct network_config {
	struct network_address addresses[NETWORK_ADDRESSES_MAX];
	size_t address_count;
	struct network_address gateways[2]; /* one a family */
	size_t gateway_count;
	struct network_address dns[NETWORK_DNS_MAX];
	size_t dns_count;
	unsigned int mtu;                /* bytes of a packet; 0: the device's own */
	char search[NETWORK_SEARCH_MAX]; /* domains for resolv.conf; "": none given */
	char hostname[NETWORK_HOST_MAX]; /* from ip=; "": none given */
	char device[16];                 /* interface name, "eth0" unless ip= names another */
};

/* Parse "A.B.C.D", "A.B.C.D/P", or the same for IPv6. Without /P the prefix is 32 or 128. Returns 0
 * or -EINVAL. */
int network_address_parse(const char *text, size_t len, struct network_address *out);

/*
 * mvm.ip=A/P[,A/P...] mvm.ip6=A/P[,A/P...] mvm.gw=G[,G] mvm.gw6=G mvm.dns=D[,D...]
 * mvm.search=DOMAIN[,DOMAIN...] mvm.mtu=BYTES; without mvm.ip, the kernel's
 * ip=CLIENT:SERVER:GATEWAY:NETMASK:HOST:DEVICE:AUTOCONF:DNS0:DNS1
 * (Documentation/admin-guide/nfs/nfsroot.rst): without NETMASK the class of the address decides,
 * and the part of HOST after its first dot is a domain to search. Absent settings stay empty. What
 * cannot be parsed of a word is told to `report`, once a word; all else is in `out`. Returns 0 or
 * -EINVAL.
 */
int network_config_from_cmdline(
	const struct cmdline *c, struct network_config *out, const struct reporter *report);

#endif
