/* SPDX-License-Identifier: MIT */
#include "init/network_config.h"

#include "base/buf.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int network_address_parse(const char *text, size_t len, struct network_address *out)
{
	char copy[NETWORK_TEXT_MAX + 4], *slash;
	uint64_t prefix;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*out = (struct network_address){ 0 };
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, copy, out->bytes) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, copy, out->bytes) == 1)
		out->family = AF_INET6;
	else
		return -EINVAL;
	out->prefix = out->family == AF_INET ? 32 : 128;
	if (slash != NULL) {
		if (number_parse(slash, out->prefix, &prefix) != 0)
			return -EINVAL;
		out->prefix = (unsigned int)prefix;
	}
	buf_format(out->text, sizeof(out->text), "%s", copy);
	return 0;
}

/* A comma-separated list. An entry too many is an error like one that makes no sense. */
static int parse_list(const char *name, const char *text, struct network_address *out, size_t max,
	size_t *count, struct problem *p)
{
	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		if (*count == max || network_address_parse(text, n, &out[*count]) != 0)
			return problem_set_text(p, EINVAL, "kernel command line: %s: '%.*s' %s",
				name, (int)n, text,
				*count == max ? "is one too many" : "is not an address");
		(*count)++;
		text += n + (text[n] == ',');
	}
	return 0;
}

/* 255.255.255.0 as 24, or -EINVAL when ones follow a zero. */
static int netmask_prefix(const struct network_address *mask, unsigned int *prefix)
{
	uint32_t bits = (uint32_t)mask->bytes[0] << 24 | (uint32_t)mask->bytes[1] << 16 |
			(uint32_t)mask->bytes[2] << 8 | mask->bytes[3];

	*prefix = 0;
	while (*prefix < 32 && (bits & 0x80000000u) != 0) {
		bits <<= 1;
		(*prefix)++;
	}
	return bits != 0 ? -EINVAL : 0;
}

enum {
	IP_CLIENT,
	IP_SERVER,
	IP_GATEWAY,
	IP_NETMASK,
	IP_HOST,
	IP_DEVICE,
	IP_AUTOCONF,
	IP_DNS0,
	IP_DNS1,
	IP_FIELDS
};

static int parse_ip_fields(
	const char *const field[IP_FIELDS], const size_t len[IP_FIELDS], struct network_config *out)
{
	struct network_address mask;

	if (len[IP_CLIENT] == 0)
		return 0; /* only autoconfiguration, which the kernel has done */
	if (network_address_parse(field[IP_CLIENT], len[IP_CLIENT], &out->addresses[0]) != 0)
		return -EINVAL;
	if (len[IP_NETMASK] > 0 &&
		(network_address_parse(field[IP_NETMASK], len[IP_NETMASK], &mask) != 0 ||
			netmask_prefix(&mask, &out->addresses[0].prefix) != 0))
		return -EINVAL;
	out->address_count = 1;
	if (len[IP_GATEWAY] > 0) {
		if (network_address_parse(field[IP_GATEWAY], len[IP_GATEWAY], &out->gateways[0]) !=
			0)
			return -EINVAL;
		out->gateway_count = 1;
	}
	if (len[IP_DEVICE] >= sizeof(out->device))
		return -EINVAL;
	if (len[IP_DEVICE] > 0)
		buf_format(out->device, sizeof(out->device), "%.*s", (int)len[IP_DEVICE],
			field[IP_DEVICE]);
	for (int i = IP_DNS0; i <= IP_DNS1; i++)
		if (len[i] > 0 &&
			network_address_parse(field[i], len[i], &out->dns[out->dns_count]) == 0)
			out->dns_count++;
	return 0;
}

/* ip=dhcp, ip=off and the like have no colon: they leave the work to the kernel. */
static int parse_ip(const char *text, struct network_config *out, struct problem *p)
{
	const char *field[IP_FIELDS], *at = text;
	size_t len[IP_FIELDS] = { 0 };

	if (strchr(text, ':') == NULL)
		return 0;
	for (int i = 0; i < IP_FIELDS; i++) {
		len[i] = strcspn(at, ":");
		field[i] = at;
		at += len[i] + (at[len[i]] == ':');
	}
	if (parse_ip_fields(field, len, out) != 0)
		return problem_set_text(
			p, EINVAL, "kernel command line: ip=%s makes no sense", text);
	return 0;
}

int network_config_from_cmdline(
	const struct cmdline *c, struct network_config *out, const struct reporter *report)
{
	const char *ip = cmdline_value(c, "mvm.ip"), *gw = cmdline_value(c, "mvm.gw");
	const char *dns = cmdline_value(c, "mvm.dns"), *kernel = cmdline_value(c, "ip");
	struct problem problems[3];
	int err[3] = { 0 };

	*out = (struct network_config){ .device = "eth0" };
	if (ip != NULL) {
		err[0] = parse_list("mvm.ip", ip, out->addresses, NETWORK_ADDRESSES_MAX,
			&out->address_count, &problems[0]);
		if (gw != NULL)
			err[1] = parse_list(
				"mvm.gw", gw, out->gateways, 2, &out->gateway_count, &problems[1]);
	} else if (kernel != NULL) {
		err[0] = parse_ip(kernel, out, &problems[0]);
	}
	if (dns != NULL) {
		out->dns_count = 0;
		err[2] = parse_list(
			"mvm.dns", dns, out->dns, NETWORK_DNS_MAX, &out->dns_count, &problems[2]);
	}
	for (int i = 0; i < 3; i++)
		if (err[i] != 0)
			problem_report(report, &problems[i]);
	return err[0] != 0 || err[1] != 0 || err[2] != 0 ? -EINVAL : 0;
}
