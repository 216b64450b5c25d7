/* SPDX-License-Identifier: MIT */
#include "init/network.h"

#include "base/buf.h"
#include "base/file.h"
#include "init/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPBACK_INDEX 1 /* lo is the first interface of every network namespace */

/* Returns the index or -errno; -ENODEV when there is no such interface. */
static int index_of(int fd, const char *name)
{
	struct ifreq r = { 0 };

	buf_format(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &r) != 0 ? -errno : r.ifr_ifindex;
}

static void note(int err, int *first, const struct reporter *report, const char *what,
	const char *device, const char *text)
{
	struct problem p;

	if (err == 0)
		return;
	problem_set(&p, -err, "network: %s %s%s%s", device, what, text[0] != '\0' ? " " : "", text);
	problem_report(report, &p);
	if (*first == 0)
		*first = err;
}

/* True if an address has the gateway in its network, or the gateway is in IPv6's fe80::/10. */
static bool is_in_network(const struct network_config *n, const struct network_address *gateway)
{
	if (gateway->family == AF_INET6 && gateway->bytes[0] == 0xfe &&
		(gateway->bytes[1] & 0xc0) == 0x80)
		return true;
	for (size_t i = 0; i < n->address_count; i++) {
		const struct network_address *a = &n->addresses[i];
		unsigned int bit = 0;

		while (bit < a->prefix &&
			((a->bytes[bit / 8] ^ gateway->bytes[bit / 8]) & 0x80 >> bit % 8) == 0)
			bit++;
		if (a->family == gateway->family && bit == a->prefix)
			return true;
	}
	return false;
}

static int add_default_route(int fd, unsigned int index, const struct network_config *n,
	const struct network_address *gateway)
{
	return netlink_default_route_add(fd, index, gateway, !is_in_network(n, gateway));
}

/* A device that refuses the MTU is set up with its own. */
static void set_link_up(int fd, unsigned int index, const struct network_config *n, int *first,
	const struct reporter *report)
{
	int err = netlink_link_up(fd, index, n->mtu);

	if (err != 0 && n->mtu != 0) {
		note(err, first, report, "does not take mvm.mtu", n->device, "");
		err = netlink_link_up(fd, index, 0);
	}
	note(err, first, report, "cannot be set up", n->device, "");
}

static int set_addresses(
	int fd, unsigned int index, const struct network_config *n, const struct reporter *report)
{
	int first = 0;

	set_link_up(fd, index, n, &first, report);
	for (size_t i = 0; i < n->address_count; i++)
		note(netlink_address_add(fd, index, &n->addresses[i]), &first, report,
			"cannot get address", n->device, n->addresses[i].text);
	for (size_t i = 0; i < n->gateway_count; i++)
		note(add_default_route(fd, index, n, &n->gateways[i]), &first, report,
			"cannot get default route", n->device, n->gateways[i].text);
	return first;
}

static void summarize(const struct network_config *n, struct buf *b)
{
	buf_printf(b, "network: %s", n->device);
	for (size_t i = 0; i < n->address_count; i++)
		buf_printf(b, " %s/%u", n->addresses[i].text, n->addresses[i].prefix);
	for (size_t i = 0; i < n->gateway_count; i++)
		buf_printf(b, " gw %s", n->gateways[i].text);
	if (n->mtu != 0)
		buf_printf(b, " mtu %u", n->mtu);
}

static int configure(
	int fd, const struct network_config *n, struct buf *summary, const struct reporter *report)
{
	int index = index_of(fd, n->device), first = 0, err;

	if (index < 0) {
		buf_printf(summary, "network: no %s: only lo is up", n->device);
		return n->address_count > 0 ? index : 0;
	}
	if (n->address_count > 0) {
		err = set_addresses(fd, (unsigned int)index, n, report);
		summarize(n, summary);
		if (err != 0)
			buf_puts(summary, " (incomplete)");
		return err;
	}
	err = netlink_has_address(fd, (unsigned int)index);
	if (err > 0 && n->mtu != 0)
		set_link_up(fd, (unsigned int)index, n, &first, report);
	if (err > 0)
		buf_printf(summary, "network: %s was configured by the kernel", n->device);
	else
		buf_printf(summary,
			"network: no address for %s on the kernel command line "
			"(mvm.ip= or ip=): only lo is up",
			n->device);
	return err < 0 ? err : 0;
}

int network_configure(
	const struct network_config *n, char *summary, size_t size, const struct reporter *report)
{
	int fd = netlink_open(), first = 0, err;
	struct buf b;

	buf_init(&b, summary, size);
	if (fd < 0) {
		note(fd, &first, report, "cannot be configured: rtnetlink", n->device, "");
		buf_puts(&b, "network: none");
		return fd;
	}
	note(netlink_link_up(fd, LOOPBACK_INDEX, 0), &first, report, "cannot be set up", "lo", "");
	err = configure(fd, n, &b, report);
	close(fd);
	return first != 0 ? first : err;
}

/*
 * Otherwise the kernel, when it deletes an address, also deletes later addresses of the same
 * subnet, and with the last address the routes (ip-sysctl, promote_secondaries).
 */
static int keep_later_addresses(const char *device)
{
	char path[64 + sizeof(((struct network_config *)NULL)->device)];

	buf_format(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/promote_secondaries", device);
	return file_write(path, "1", 1);
}

int network_readdress(struct network_config *n, const char *to, struct problem *p)
{
	struct network_address new;
	int fd, index, err = 0;

	if (network_address_parse(to, strlen(to), &new) != 0 || new.family != AF_INET)
		return problem_set_text(p, EINVAL, "network: '%s' is not an IPv4 address", to);
	for (size_t i = 0; i < n->address_count; i++) {
		struct network_address *old = &n->addresses[i];

		if (old->family != AF_INET)
			continue;
		if (memcmp(old->bytes, new.bytes, 4) == 0)
			return 0;
		fd = netlink_open();
		if (fd < 0)
			return problem_set(p, -fd, "network: rtnetlink");
		if (strchr(to, '/') == NULL)
			new.prefix = old->prefix;
		index = index_of(fd, n->device);
		if (index < 0)
			err = index;
		if (err == 0)
			err = keep_later_addresses(n->device);
		if (err == 0)
			err = netlink_address_add(fd, (unsigned int)index, &new);
		if (err == 0)
			err = netlink_address_delete(fd, (unsigned int)index, old);
		if (err == 0)
			*old = new;
		for (size_t g = 0; err == 0 && g < n->gateway_count; g++)
			err = add_default_route(fd, (unsigned int)index, n, &n->gateways[g]);
		close(fd);
		return err == 0 ? 0
				: problem_set(p, -err, "network: %s cannot get address %s",
					  n->device, to);
	}
	return problem_set_text(p, ENOENT,
		"network: init gave %s no IPv4 address that could be replaced", n->device);
}
