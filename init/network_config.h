/* SPDX-License-Identifier: MIT */
/* What the kernel command line says about eth0. */
#ifndef INIT_NETWORK_CONFIG_H
#define INIT_NETWORK_CONFIG_H

#include "base/problem.h"
#include "init/cmdline.h"

#include <stddef.h>

#define NETWORK_ADDRESSES_MAX 4
#define NETWORK_DNS_MAX       3  /* resolv.conf(5): MAXNS */
#define NETWORK_TEXT_MAX      48 /* an address in text form, terminator included */

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
	char device[16]; /* interface name, "eth0" unless ip= names another */
};

/* Read "A.B.C.D", "A.B.C.D/P", or the same for IPv6. Without /P the prefix is 32 or 128. 0 or
 * -EINVAL. */
int network_address_parse(const char *text, size_t len, struct network_address *out);

/*
 * mvm.ip=A/P[,A/P...] mvm.gw=G[,G] mvm.dns=D[,D...]; without mvm.ip, the kernel's
 * ip=CLIENT:SERVER:GATEWAY:NETMASK:HOST:DEVICE:AUTOCONF:DNS0:DNS1
 * (Documentation/admin-guide/nfs/nfsroot.rst). What is not there stays empty. Each word that
 * makes no sense is told to `report`; those that do are in `out`. Returns 0 or -EINVAL.
 */
int network_config_from_cmdline(
	const struct cmdline *c, struct network_config *out, const struct reporter *report);

#endif
