/* SPDX-License-Identifier: MIT */
/*
 * Single texts that PID 1 takes apart: command lines, numbers with units, names of capabilities
 * and of service files, and the kernel's command line with the addresses in it.
 */
#include "base/capability.h"
#include "base/command.h"
#include "base/number.h"
#include "init/cmdline.h"
#include "init/network_config.h"
#include "supervisor/service_file.h"
#include "supervisor/service_name.h"
#include "tests/fuzz/rig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define SHORT 64 /* bytes of a text that is read as a number, too */

/* ---- command lines ----------------------------------------------------------------------------
 */

/* Every word in single quotes. */
static char *quote(char *const *argv)
{
	size_t size = 1;
	char *text, *out;

	for (size_t i = 0; argv[i] != NULL; i++)
		size += 4 * strlen(argv[i]) + 3;
	text = out = malloc(size);
	require(text != NULL, "no memory");
	for (size_t i = 0; argv[i] != NULL; i++) {
		*out++ = '\'';
		for (const char *at = argv[i]; *at != '\0'; at++) {
			if (*at == '\'') {
				memcpy(out, "'\\'", 3);
				out += 3;
			}
			*out++ = *at;
		}
		*out++ = '\'';
		*out++ = ' ';
	}
	*out = '\0';
	return text;
}

static void check_words(char *const *argv)
{
	char *text = quote(argv);
	struct command *c;
	struct problem p;
	size_t i = 0;

	require(command_parse(text, &c, &p) == 0 && !c->shell, "quoted words are no command");
	for (; argv[i] != NULL && c->argv[i] != NULL; i++)
		require(strcmp(argv[i], c->argv[i]) == 0, "a quoted word is another");
	require(argv[i] == c->argv[i], "more quoted words, or fewer");
	free(c);
	free(text);
}

static void check_command(char *text)
{
	char *one[] = { text, NULL };
	struct problem p = { 0 };
	struct command *c;

	if (text[0] != '\0')
		check_words(one);
	if (command_parse(text, &c, &p) != 0) {
		require(p.text[0] != '\0', "an error without words");
		return;
	}
	require(c->argv[0] != NULL && c->argv[0][0] != '\0', "a command without a program");
	if (c->shell)
		require(strcmp(c->argv[0], "/bin/sh") == 0 && strcmp(c->argv[1], "-c") == 0 &&
				strcmp(c->argv[2], text) == 0 && c->argv[3] == NULL,
			"a shell for something else");
	else
		check_words(c->argv);
	free(c);
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

/* A limit is what can be reached, and no more. */
static void check_number(
	int (*parse)(const char *text, uint64_t max, uint64_t *value), const char *text)
{
	uint64_t n = 1, again;

	if (parse(text, UINT64_MAX, &n) != 0) {
		require(n == 1, "an error that leaves a number");
		return;
	}
	require(parse(text, n, &again) == 0 && again == n, "a number above itself");
	require(n == 0 || parse(text, n - 1, &again) != 0, "a number above its limit");
}

static void check_numbers(const char *text)
{
	uint64_t n;

	check_number(number_parse, text);
	check_number(number_parse_size, text);
	check_number(number_parse_span, text);
	check_number(number_parse_octal, text);
	if (number_parse(text, UINT64_MAX, &n) == 0)
		require(strtoull(text, NULL, 10) == n, "another decimal number");
	if (number_parse_octal(text, UINT64_MAX, &n) == 0)
		require(strtoull(text, NULL, 8) == n, "another octal number");
	if (number_parse(text, UINT64_MAX / 1000, &n) == 0)
		require(number_parse_span(text, UINT64_MAX, &n) == 0 &&
				strtoull(text, NULL, 10) * 1000 == n,
			"another span");
}

static void check_capability(const char *text, size_t len)
{
	char *exact = malloc(len > 0 ? len : 1), with[SHORT + 5] = "CAP_";
	int n;

	require(exact != NULL, "no memory");
	memcpy(exact, text, len);
	memcpy(with + 4, text, len);
	n = capability_number(exact, len);
	require(n >= -64 && n < 64, "a capability that no set has");
	require(n < 0 || strncasecmp(text, "cap_", 4) == 0 || capability_number(with, len + 4) == n,
		"a capability with two numbers");
	free(exact);
}

/* A key's value alone, for each key: other values than those that fit a line of a file. */
static void check_keys(const char *text)
{
	static const char *const keys[] = { "cpu_max", "cpu_weight", "limit_nofile", "nice",
		"capabilities", "memory_max", "umask", "restart", "no_new_privs" };
	struct service_config c;
	struct problem p;
	uint64_t seen;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		seen = 0;
		service_config_init(&c);
		p.text[0] = '\0';
		if (service_config_set(&c, &seen, "service", keys[i], text, &p) != 0)
			require(strstr(p.text, keys[i]) == p.text, "a problem without its key");
		require(c.cgroup.cpu_max == CGROUP_UNSET || c.cgroup.cpu_max <= 1000000,
			"more CPUs than there can be");
		require(c.nice >= -20 && c.nice <= 19 && c.umask <= 0777, "out of range");
		service_config_free(&c);
	}
}

/* A service's name is that of a file and of a cgroup, and a field of messages. */
static void check_file_name(const char *file)
{
	char name[SERVICE_NAME_MAX];
	size_t len;

	if (service_name_of_file(file, name) != 0)
		return;
	len = strlen(name);
	require(len >= 1 && name[0] != '.', "a name that is hidden, or none");
	require(strpbrk(name, "/ \t\n:") == NULL, "a name that leads elsewhere");
	require(memcmp(file, name, len) == 0 && strcmp(file + len, ".ini") == 0, "another name");
}

/* ---- the kernel's command line ----------------------------------------------------------------
 */

static unsigned int reports;

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	static const char begin[] = "kernel command line: ";

	require(strncmp(p->text, begin, sizeof(begin) - 1) == 0, "a problem without a place");
	reports++;
}

static const struct reporter on_report = { .take = take_problem };

static void check_address(const struct network_address *a)
{
	struct network_address again;

	require(a->family == AF_INET || a->family == AF_INET6, "an address of no family");
	require(a->prefix <= (a->family == AF_INET ? 32 : 128), "too long a prefix");
	require(network_address_parse(a->text, strlen(a->text), &again) == 0 &&
			again.family == a->family &&
			memcmp(again.bytes, a->bytes, sizeof(again.bytes)) == 0,
		"an address that is another");
}

static void check_network(const struct cmdline *c)
{
	struct network_config n;
	int err;

	reports = 0;
	err = network_config_from_cmdline(c, &n, &on_report);
	require((err != 0) == (reports > 0), "an error is not told, or what is told is none");
	require(n.address_count <= NETWORK_ADDRESSES_MAX && n.gateway_count <= 2 &&
			n.dns_count <= NETWORK_DNS_MAX,
		"too many addresses");
	for (size_t i = 0; i < n.address_count; i++)
		check_address(&n.addresses[i]);
	for (size_t i = 0; i < n.gateway_count; i++)
		check_address(&n.gateways[i]);
	for (size_t i = 0; i < n.dns_count; i++)
		check_address(&n.dns[i]);
	require(n.device[0] != '\0' && memchr(n.device, '\0', sizeof(n.device)) != NULL,
		"no name of a device");
}

/* The words, each in double quotes, are the same words. */
static void check_cmdline(const char *text)
{
	static char quoted[3 * CMDLINE_MAX];
	struct cmdline c, again;
	char *out = quoted;

	cmdline_parse(&c, text);
	require(c.len <= sizeof(c.text), "more words than there is room for");
	require(c.len == 0 || c.text[c.len - 1] == '\0', "a word without its end");
	for (size_t at = 0; at < c.len; at += strlen(c.text + at) + 1) {
		size_t len = strlen(c.text + at);

		*out++ = '"';
		memcpy(out, c.text + at, len);
		out += len;
		*out++ = '"';
		*out++ = ' ';
	}
	*out = '\0';
	cmdline_parse(&again, quoted);
	require(again.len == c.len && memcmp(again.text, c.text, c.len) == 0,
		"quoted words are others");
	check_network(&c);
}

/* One that is longer than there is room for. */
static void check_long_cmdline(const char *text, size_t len)
{
	static char longer[2 * CMDLINE_MAX + 1];
	size_t at = 0;

	if (len > 0 && len <= CMDLINE_MAX)
		for (; at < CMDLINE_MAX; at += len)
			memcpy(longer + at, text, len);
	longer[at] = '\0';
	check_cmdline(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = rig_text(data, size);

	check_command(text);
	check_cmdline(text);
	check_long_cmdline(text, size);
	if (size <= SHORT) {
		check_numbers(text);
		check_capability(text, size);
		check_keys(text);
		check_file_name(text);
	}
	free(text);
	return 0;
}
