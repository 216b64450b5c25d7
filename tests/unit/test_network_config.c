/* SPDX-License-Identifier: MIT */
#include "init/network_config.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct problem problem; /* the latest */

static void keep_problem(void *context, const struct problem *p)
{
	(void)context;
	problem = *p;
}

static int parse(const char *text, struct network_config *n)
{
	struct cmdline c;

	problem.text[0] = '\0';
	cmdline_parse(&c, text);
	return network_config_from_cmdline(&c, n, &(struct reporter){ .take = keep_problem });
}

static bool is(const struct network_address *a, const char *text, unsigned int prefix)
{
	return strcmp(a->text, text) == 0 && a->prefix == prefix;
}

Test(cmdline, words)
{
	struct cmdline c;

	cmdline_parse(&c, "console=ttyS0 a=1 ab=2 a=3 b=\"x y\" \"c=d e\" flag\n");
	cr_expect(strcmp(cmdline_value(&c, "a"), "3") == 0, "the last one wins");
	cr_expect(strcmp(cmdline_value(&c, "ab"), "2") == 0);
	cr_expect(strcmp(cmdline_value(&c, "b"), "x y") == 0);
	cr_expect(strcmp(cmdline_value(&c, "c"), "d e") == 0);
	cr_expect(cmdline_value(&c, "flag") == NULL);
	cr_expect(cmdline_value(&c, "nothing") == NULL);
	cmdline_parse(&c, "");
	cr_expect(cmdline_value(&c, "a") == NULL);
}

Test(cmdline, too_long_is_cut)
{
	static char text[2 * CMDLINE_MAX];
	struct cmdline c;

	memset(text, 'x', sizeof(text) - 1);
	cmdline_parse(&c, text);
	cr_expect(c.len <= sizeof(c.text));
	cr_expect(c.text[c.len - 1] == '\0');
}

Test(network_config, of_mvm)
{
	struct network_config n;

	cr_assert(parse("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1", &n) == 0);
	cr_expect(n.address_count == 1 && is(&n.addresses[0], "172.16.0.2", 24));
	cr_expect(n.addresses[0].family == AF_INET);
	cr_expect(n.gateway_count == 1 && is(&n.gateways[0], "172.16.0.1", 32));
	cr_expect(n.dns_count == 0);
	cr_expect(strcmp(n.device, "eth0") == 0);
	cr_assert(
		parse("mvm.ip=10.0.0.2,fd00::2/64 mvm.gw=10.0.0.1,fd00::1 mvm.dns=1.1.1.1,fd00::53",
			&n) == 0);
	cr_expect(n.address_count == 2 && is(&n.addresses[0], "10.0.0.2", 32) &&
		  is(&n.addresses[1], "fd00::2", 64));
	cr_expect(n.addresses[1].family == AF_INET6 && n.gateway_count == 2);
	cr_expect(n.dns_count == 2 && is(&n.dns[1], "fd00::53", 128));
}

Test(network_config, of_the_kernel)
{
	struct network_config n;

	cr_assert(parse("ip=172.16.0.2::172.16.0.1:255.255.255.252::eth0:off", &n) == 0);
	cr_expect(n.address_count == 1 && is(&n.addresses[0], "172.16.0.2", 30));
	cr_expect(n.gateway_count == 1 && is(&n.gateways[0], "172.16.0.1", 32));
	cr_assert(parse("ip=10.0.0.2:::::net1:off:9.9.9.9:8.8.4.4", &n) == 0);
	cr_expect(strcmp(n.device, "net1") == 0 && n.dns_count == 2);
	cr_assert(parse("ip=dhcp", &n) == 0);
	cr_expect(n.address_count == 0);
	cr_assert(parse("ip=:::::eth0:dhcp", &n) == 0);
	cr_expect(n.address_count == 0);
	cr_assert(parse("ip=1.2.3.4:::255.255.255.0::eth0:off mvm.ip=5.6.7.8/16", &n) == 0);
	cr_expect(is(&n.addresses[0], "5.6.7.8", 16), "mvm.ip comes first");
	cr_assert(parse("ip=1.2.3.4:::255.255.255.0::eth0:off mvm.dns=4.4.4.4", &n) == 0);
	cr_expect(n.dns_count == 1 && n.address_count == 1);
}

Test(network_config, more_words_of_mvm)
{
	struct network_config n;

	cr_assert(parse("mvm.ip=10.0.0.2/24,10.1.0.2/16 mvm.gw=10.0.0.1 mvm.ip6=fd00::2/64,fd01::2 "
			"mvm.gw6=fe80::1 mvm.mtu=1400 mvm.search=a.example,b",
			  &n) == 0);
	cr_expect(n.address_count == 4 && is(&n.addresses[1], "10.1.0.2", 16) &&
		  is(&n.addresses[2], "fd00::2", 64) && is(&n.addresses[3], "fd01::2", 128));
	cr_expect(n.gateway_count == 2 && is(&n.gateways[1], "fe80::1", 128));
	cr_expect(n.mtu == 1400 && strcmp(n.search, "a.example b") == 0);
	cr_assert(parse("ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off mvm.ip6=fd00::2/64 "
			"mvm.gw6=fd00::1",
			  &n) == 0);
	cr_expect(n.address_count == 2 && n.gateway_count == 2);
	cr_assert(parse("mvm.ip6=fd00::2/64", &n) == 0);
	cr_expect(n.address_count == 1);
}

/* nfsroot.rst: the class of the address without a netmask, the domain in the host name. */
Test(network_config, fields_of_the_kernel)
{
	struct network_config n;

	cr_assert(parse("ip=10.0.0.2", &n) == 0);
	cr_expect(n.address_count == 1 && is(&n.addresses[0], "10.0.0.2", 8));
	cr_assert(parse("ip=172.16.0.2::172.16.0.1::web-1.a.example:net1:none", &n) == 0);
	cr_expect(is(&n.addresses[0], "172.16.0.2", 16) && n.gateway_count == 1);
	cr_expect(strcmp(n.hostname, "web-1") == 0 && strcmp(n.search, "a.example") == 0);
	cr_expect(strcmp(n.device, "net1") == 0);
	cr_assert(parse("ip=192.168.1.2::::web-1:eth0:off mvm.search=b", &n) == 0);
	cr_expect(is(&n.addresses[0], "192.168.1.2", 24) && strcmp(n.search, "b") == 0);
	cr_assert(parse("ip=::::web-1::dhcp:9.9.9.9:1.1.1.1", &n) == 0);
	cr_expect(n.address_count == 0 && n.dns_count == 2 && strcmp(n.hostname, "web-1") == 0);
}

Test(network_config, nonsense_is_named)
{
	const struct {
		const char *text, *message;
	} cases[] = {
		{ "mvm.ip=nonsense", "mvm.ip: 'nonsense' is not an address" },
		{ "mvm.ip=1.2.3.4/33", "mvm.ip: '1.2.3.4/33' is not an address" },
		{ "mvm.ip=1.2.3.4/", "mvm.ip: '1.2.3.4/' is not an address" },
		{ "mvm.ip=1.2.3.4/24 mvm.gw=1.2.3", "mvm.gw: '1.2.3' is not an address" },
		{ "mvm.dns=1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4", "mvm.dns: '4.4.4.4' is one too many" },
		{ "ip=1.2.3.4:::255.0.255.0::eth0:off", "ip=: cannot use netmask '255.0.255.0'" },
		{ "ip=1.2.3.4:::::interface-name-too-long:off",
			"ip=: cannot use device 'interface-name-too-long'" },
		{ "ip=1.2.3.4::::-x:eth0:off", "ip=: cannot use host name '-x'" },
		{ "ip=fd00::2", "ip=: cannot use client address 'fd00', gateway '2'" },
		{ "ip=1.2.3.4::x::::off:y:z",
			"cannot use gateway 'x', first name server 'y', second name server 'z'" },
		{ "ip=1.2.3", "ip=: cannot use client address '1.2.3'" },
		{ "mvm.ip6=1.2.3.4/24", "mvm.ip6: '1.2.3.4/24' is not an IPv6 address" },
		{ "mvm.gw6=10.0.0.1", "mvm.gw6: '10.0.0.1' is not an IPv6 address" },
		{ "mvm.mtu=67", "mvm.mtu: '67' is not a number from 68 to 65535" },
		{ "mvm.mtu=big", "mvm.mtu: 'big' is not a number from 68 to 65535" },
		{ "mvm.search=a,,b", "mvm.search: '' is not a domain" },
		{ "mvm.search=a,b%", "mvm.search: 'b%' is not a domain" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network_config n;

		cr_expect(parse(cases[i].text, &n) != 0, "%s", cases[i].text);
		cr_expect(strstr(problem.text, cases[i].message) != NULL, "%s", problem.text);
	}
}

/* One that is wrong costs only itself: of the words, of the items of a list, of the fields of ip=.
 */
Test(network_config, what_is_right_counts)
{
	static const char fields[] = "1.2.3.4::1.2.3.1:255.255.255.128:web.a.example:net1:off:"
				     "9.9.9.9:8.8.8.8";
	struct network_config n;

	parse("mvm.ip=1.2.3.4/24 mvm.gw=x", &n);
	cr_expect(n.address_count == 1);
	parse("mvm.ip=1.2.3.4/24,x,fd00::2/64 mvm.dns=x,9.9.9.9,,8.8.8.8 mvm.search=a,%,b", &n);
	cr_expect(n.address_count == 2 && n.dns_count == 2 && strcmp(n.search, "a b") == 0);
	for (int wrong = -1; wrong < 9; wrong++) {
		char text[128] = "ip=";
		const char *at = fields;

		for (int i = 0; i < 9; i++) {
			size_t len = strcspn(at, ":");

			strcat(text, i > 0 ? ":" : "");
			strncat(text, i == wrong ? "-an-interface-of-no-name" : at,
				i == wrong ? 24 : len);
			at += len + (at[len] == ':');
		}
		parse(text, &n);
		cr_expect(n.address_count == (wrong != 0), "%s", text);
		cr_expect(n.gateway_count == (wrong != 0 && wrong != 2), "%s", text);
		cr_expect(wrong == 0 || n.addresses[0].prefix == (wrong == 3 ? 8 : 25), "%s", text);
		cr_expect_str_eq(n.hostname, wrong == 4 ? "" : "web");
		cr_expect_str_eq(n.search, wrong == 4 ? "" : "a.example");
		cr_expect_str_eq(n.device, wrong == 5 ? "eth0" : "net1");
		cr_expect(n.dns_count == (wrong == 7 || wrong == 8 ? 1 : 2), "%s", text);
	}
	parse("ip=1.2.3.4/24", &n);
	cr_expect(is(&n.addresses[0], "1.2.3.4", 24));
}

Test(network_config, the_kernels_0_0_0_0_is_an_empty_field)
{
	struct network_config n;

	parse("ip=1.2.3.4:0.0.0.0:0.0.0.0:0.0.0.0::eth0:off:0.0.0.0:9.9.9.9", &n);
	cr_expect(n.address_count == 1 && is(&n.addresses[0], "1.2.3.4", 8));
	cr_expect(n.gateway_count == 0);
	cr_expect(n.dns_count == 1 && is(&n.dns[0], "9.9.9.9", 32));
	parse("ip=0.0.0.0::1.2.3.1:255.255.255.0:web:eth0:dhcp", &n);
	cr_expect(n.address_count == 0 && n.gateway_count == 0);
	cr_expect_str_eq(n.hostname, "web");
}
