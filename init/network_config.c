/* SPDX-License-Identifier: MIT */
#include "init/network_config.h"

#include "base/buf.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
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

/* Keep the first item of a list that cannot be used; the items after it are read all the same. */
static void note_item(const char *name, const char *text, size_t len, const char *wrong,
	int *result, struct problem *p)
{
	if (*result == 0)
		*result = problem_set_text(p, EINVAL, "kernel command line: %s: '%.*s' %s", name,
			(int)len, text, wrong);
}

/* Parse a comma-separated list of at most `max` addresses, of `family` unless that is 0. */
static int parse_list(const char *name, const char *text, int family, struct network_address *out,
	size_t max, size_t *count, struct problem *p)
{
	int result = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		struct network_address a;

		if (network_address_parse(text, n, &a) != 0)
			note_item(name, text, n, "is not an address", &result, p);
		else if (family != 0 && a.family != family)
			note_item(name, text, n, "is not an IPv6 address", &result, p);
		else if (*count == max)
			note_item(name, text, n, "is one too many", &result, p);
		else
			out[(*count)++] = a;
		text += n + (text[n] == ',');
	}
	return result;
}

/* True for names of RFC 1123, with dots. */
static bool is_domain(const char *text, size_t len)
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

	return len > 0 && text[0] != '-' && text[0] != '.' && strspn(text, legal) >= len;
}

/* Parse a comma-separated list of domains. */
static int parse_search(const char *text, struct network_config *out, struct problem *p)
{
	struct buf b = BUF_OVER(out->search);
	int result = 0;

	buf_clear(&b);
	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		if (!is_domain(text, n))
			note_item("mvm.search", text, n, "is not a domain", &result, p);
		else if (b.len + 1 + n >= b.size)
			note_item("mvm.search", text, n, "is one too many", &result, p);
		else
			buf_printf(&b, "%s%.*s", b.len > 0 ? " " : "", (int)n, text);
		text += n + (text[n] == ',');
	}
	return result;
}

/* The limits are IPv4's smallest MTU and the largest 16-bit length. */
static int parse_mtu(const char *text, struct network_config *out, struct problem *p)
{
	uint64_t mtu;

	if (number_parse(text, 65535, &mtu) != 0 || mtu < 68)
		return problem_set_text(p, EINVAL,
			"kernel command line: mvm.mtu: '%s' is not a number from 68 to 65535",
			text);
	out->mtu = (unsigned int)mtu;
	return 0;
}

/* Convert 255.255.255.0 to 24. Returns -EINVAL when a one follows a zero. */
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

/* "If unspecified the netmask is derived from the client IP address assuming classful addressing"
 */
static unsigned int class_prefix(const struct network_address *a)
{
	return a->bytes[0] < 128 ? 8 : a->bytes[0] < 192 ? 16 : a->bytes[0] < 224 ? 24 : 32;
}

static int parse_ip_v4(const char *text, size_t len, struct network_address *out)
{
	return network_address_parse(text, len, out) == 0 && out->family == AF_INET ? 0 : -EINVAL;
}

/* "Anything before the first '.' is used as the client's hostname": the rest is a domain. */
static int parse_ip_host(const char *text, size_t len, struct network_config *out)
{
	size_t host = 0;

	while (host < len && text[host] != '.')
		host++;
	if (!is_domain(text, len) || host >= sizeof(out->hostname) ||
		len - host > sizeof(out->search))
		return -EINVAL;
	buf_format(out->hostname, sizeof(out->hostname), "%.*s", (int)host, text);
	if (host + 1 < len)
		buf_format(out->search, sizeof(out->search), "%.*s", (int)(len - host - 1),
			text + host + 1);
	return 0;
}

/* Parse one field that is not empty; CLIENT's before the others. Returns 0 or -EINVAL. */
static int parse_ip_field(int field, const char *text, size_t len, struct network_config *out)
{
	struct network_address a, *client = &out->addresses[0];
	int err = 0;

	switch (field) {
	case IP_CLIENT:
		err = parse_ip_v4(text, len, client);
		if (err == 0 && memchr(text, '/', len) == NULL)
			client->prefix = class_prefix(client);
		out->address_count = err == 0;
		break;
	case IP_GATEWAY:
		err = parse_ip_v4(text, len, &out->gateways[0]);
		out->gateway_count = err == 0 && out->address_count > 0;
		break;
	case IP_NETMASK:
		err = parse_ip_v4(text, len, &a) != 0 ? -EINVAL : netmask_prefix(&a, &a.prefix);
		if (err == 0)
			client->prefix = a.prefix;
		break;
	case IP_HOST:
		err = parse_ip_host(text, len, out);
		break;
	case IP_DEVICE:
		if (len >= sizeof(out->device))
			return -EINVAL;
		buf_format(out->device, sizeof(out->device), "%.*s", (int)len, text);
		break;
	case IP_DNS0:
	case IP_DNS1:
		err = network_address_parse(text, len, &out->dns[out->dns_count]);
		out->dns_count += err == 0;
		break;
	default: /* SERVER is for NFS, AUTOCONF for the kernel */
		break;
	}
	return err;
}

/* The kernel takes 0.0.0.0 for an empty field (ip_auto_config_setup() in net/ipv4/ipconfig.c). */
static bool is_empty_field(const char *text, size_t len)
{
	static const char any[] = "0.0.0.0";

	return len == 0 || (len == sizeof(any) - 1 && memcmp(text, any, len) == 0);
}

/*
 * Words without a colon, such as ip=dhcp and ip=off, are for the kernel. Without a client address
 * the kernel has configured the device itself. A field that cannot be used counts as empty.
 */
static int parse_ip(const char *text, struct network_config *out, struct problem *p)
{
	static const char *const names[IP_FIELDS] = { "client address", "server address", "gateway",
		"netmask", "host name", "device", "autoconf", "first name server",
		"second name server" };
	char wrong[PROBLEM_TEXT_MAX];
	struct buf b = BUF_OVER(wrong);

	buf_clear(&b);
	if (strchr(text, ':') == NULL && (text[0] < '0' || text[0] > '9'))
		return 0;
	for (int i = 0; i < IP_FIELDS; i++) {
		size_t len = strcspn(text, ":");

		if (!is_empty_field(text, len) && parse_ip_field(i, text, len, out) != 0)
			buf_printf(
				&b, "%s %s '%.*s'", b.len > 0 ? "," : "", names[i], (int)len, text);
		text += len + (text[len] == ':');
	}
	return b.len == 0 ? 0
			  : problem_set_text(
				    p, EINVAL, "kernel command line: ip=: cannot use%s", wrong);
}

/* Returns 0 for an absent word. */
static int parse_word(
	const char *name, const char *value, struct network_config *out, struct problem *p)
{
	int v6 = name[strlen(name) - 1] == '6' ? AF_INET6 : 0;

	if (value == NULL)
		return 0;
	if (strcmp(name, "ip") == 0)
		return parse_ip(value, out, p);
	if (strcmp(name, "mvm.search") == 0)
		return parse_search(value, out, p);
	if (strcmp(name, "mvm.mtu") == 0)
		return parse_mtu(value, out, p);
	if (strcmp(name, "mvm.dns") == 0) {
		out->dns_count = 0;
		return parse_list(name, value, 0, out->dns, NETWORK_DNS_MAX, &out->dns_count, p);
	}
	if (strncmp(name, "mvm.ip", 6) == 0)
		return parse_list(name, value, v6, out->addresses, NETWORK_ADDRESSES_MAX,
			&out->address_count, p);
	return parse_list(name, value, v6, out->gateways, 2, &out->gateway_count, p);
}

int network_config_from_cmdline(
	const struct cmdline *c, struct network_config *out, const struct reporter *report)
{
	/* Later words override earlier ones; mvm.gw counts only with mvm.ip. */
	static const char *const words[] = { "ip", "mvm.ip", "mvm.gw", "mvm.ip6", "mvm.gw6",
		"mvm.dns", "mvm.search", "mvm.mtu" };
	bool ours = cmdline_value(c, "mvm.ip") != NULL;
	int result = 0;

	*out = (struct network_config){ .device = "eth0" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct problem p;

		if ((i == 0 && ours) || (i == 2 && !ours) ||
			parse_word(words[i], cmdline_value(c, words[i]), out, &p) == 0)
			continue;
		problem_report(report, &p);
		result = -EINVAL;
	}
	return result;
}
