/* SPDX-License-Identifier: MIT */
#include "probe/verbs/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(probe_options, .timeout = 60);

static const struct verb verbs[] = {
	{ "many", "TARGET...", "", OPERANDS_TARGETS, 0, 10000, NULL, NULL },
	{ "one", "TARGET", "", OPERANDS_TARGET, OPTION_DRAIN, 20000, NULL, NULL },
	{ "name", "TARGET NAME", "", OPERANDS_NAME, OPTION_FOLLOW | OPTION_LINES, 10000, NULL,
		NULL },
	{ "names", "TARGET NAME...", "", OPERANDS_NAMES, 0, 10000, NULL, NULL },
	{ "run", "TARGET -- COMMAND...", "", OPERANDS_COMMAND, OPTION_NO_STDIN | OPTION_COMMAND, 0,
		NULL, NULL },
};

/* Parse a command line given as words between single spaces. */
static int parse(const char *line, struct options *o, struct problem *p)
{
	static char copy[1000];
	static char *argv[50];
	int argc = 1;

	strcpy(copy, line);
	argv[0] = (char *)(uintptr_t) "mvm-probe";
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return options_parse(o, argc, argv, verbs, sizeof(verbs) / sizeof(verbs[0]), p);
}

static void expect_error(const char *line, const char *text)
{
	struct problem p = { 0 };
	struct options o;

	cr_expect_eq(parse(line, &o, &p), -EINVAL, "'%s' is accepted", line);
	cr_expect_not_null(strstr(p.text, text), "'%s': %s", line, p.text);
	options_free(&o);
}

Test(probe_options, errors_name_what_is_wrong)
{
	expect_error("", "usage: mvm-probe VERB TARGET");
	expect_error("frob x", "'frob' is not a verb");
	expect_error("many", "usage: mvm-probe many TARGET...");
	expect_error("one a b", "usage: mvm-probe one TARGET");
	expect_error("name a", "usage: mvm-probe name TARGET NAME");
	expect_error("name a b c", "usage: mvm-probe name TARGET NAME");
	expect_error("names a", "usage: mvm-probe names TARGET NAME...");
	expect_error("run a", "usage: mvm-probe run TARGET -- COMMAND...");
	expect_error("run a --", "usage: mvm-probe run TARGET -- COMMAND...");
	expect_error("run -c text a b", "usage: mvm-probe run");
	expect_error("many --frob a", "--frob: no such option");
	expect_error("many -x a", "-x: no such option");
	expect_error("many --jso a", "--jso: no such option");
	expect_error("many --jsonx a", "--jsonx: no such option");
	expect_error("many --json=1 a", "--json takes no value");
	expect_error("many -jx a", "-jx: no such option");
	expect_error("many a --timeout", "--timeout needs a value");
	expect_error("many a --timeout=", "'' is not a time");
	expect_error("many a -jt", "--timeout needs a value");
	expect_error("many a -t", "--timeout needs a value");
	expect_error("many a -t 0", "not a time from 1ms to 24h");
	expect_error("many a -t 1m", "'1m' is not a time");
	expect_error("many a -t -1", "'-1' is not a time");
	expect_error("many a -t 25h", "not a time from 1ms to 24h");
	expect_error("many a -p 0", "'0' is not a port");
	expect_error("many a -p 4294967295", "is not a port");
	expect_error("many a -p x", "'x' is not a port");
	expect_error("many a -f", "--follow is not for 'many'");
	expect_error("-d 5 many a", "--drain-timeout is not for 'many'");
	expect_error("one a -d x", "'x' is not a number of seconds");
	expect_error("name a b -n -1", "'-1' is not a number");
	expect_error("many a vsock:x", "vsock:x: after 'vsock:' the guest's CID");
	expect_error("many a\033[2J -x\033", "-x\\x1b: no such option");
}

Test(probe_options, targets_and_common_options)
{
	struct problem p;
	struct options o;

	cr_assert_eq(parse("-j many a/v.sock --timeout=1.5s vsock:7 -p99 vsock:8:1234", &o, &p), 0);
	cr_assert_str_eq(o.verb->name, "many");
	cr_assert(o.json);
	cr_assert_eq(o.timeout_ms, 1500);
	cr_assert_eq(o.target_count, 3);
	cr_assert_eq(o.name_count, 0);
	cr_assert_str_eq(o.targets[0].path, "a/v.sock");
	cr_assert_eq(o.targets[0].port, 99, "wherever the option stands");
	cr_assert_null(o.targets[1].path);
	cr_assert_eq(o.targets[1].cid, 7);
	cr_assert_eq(o.targets[1].port, 99);
	cr_assert_eq(o.targets[2].port, 1234);
	options_free(&o);
	cr_assert_eq(parse("one -jd5 -t 2s a", &o, &p), 0);
	cr_assert(o.json);
	cr_assert_eq(o.drain_secs, 5);
	cr_assert_eq(o.timeout_ms, 2000);
	options_free(&o);
	cr_assert_eq(parse("one -jd 6 a", &o, &p), 0);
	cr_assert_eq(o.drain_secs, 6);
	options_free(&o);
	cr_assert_eq(parse("many -- -odd", &o, &p), 0);
	cr_assert_str_eq(o.targets[0].path, "-odd");
	cr_assert_eq(o.timeout_ms, 10000, "the verb's own");
	cr_assert_eq(o.targets[0].port, 52);
	options_free(&o);
	cr_assert_eq(parse("one -d 7 -", &o, &p), 0);
	cr_assert(o.drain_given);
	cr_assert_eq(o.drain_secs, 7);
	cr_assert_eq(o.timeout_ms, 20000);
	options_free(&o);
}

/* Words after the target. Options of a command are the command's; one "--" before it is left out.
 */
static const struct {
	const char *words;
	bool json;
	const char *names[5];
} commands[] = {
	{ "names a b -j c", true, { "b", "c" } },
	{ "run -j a -- ls -j -- x", true, { "ls", "-j", "--", "x" } },
	{ "run a ls -j", false, { "ls", "-j" } },
	{ "run a -- -- -x", false, { "--", "-x" } },
	{ "run -- a -- --", false, { "--" } },
	{ "run -N -c text a", false, { NULL } },
};

Test(probe_options, names_and_commands)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct problem p;
		struct options o;
		size_t count = 0;

		cr_assert_eq(parse(commands[i].words, &o, &p), 0, "%s", commands[i].words);
		cr_assert_eq(o.target_count, 1);
		cr_expect_eq(o.json, commands[i].json, "%s", commands[i].words);
		for (; commands[i].names[count] != NULL; count++) {
			cr_assert_lt(count, o.name_count, "%s", commands[i].words);
			cr_expect_str_eq(o.names[count], commands[i].names[count]);
		}
		cr_expect_eq(o.name_count, count, "%s", commands[i].words);
		options_free(&o);
	}
}

Test(probe_options, options_of_single_verbs)
{
	struct problem p;
	struct options o;

	cr_assert_eq(parse("run -N -c text a", &o, &p), 0);
	cr_assert_str_eq(o.command, "text");
	cr_assert(o.no_stdin);
	options_free(&o);
	cr_assert_eq(parse("name a b -f -n 5", &o, &p), 0);
	cr_assert(o.follow);
	cr_assert_eq(o.lines, 5);
	options_free(&o);
}

Test(probe_options, help_and_version_need_nothing_else)
{
	struct problem p;
	struct options o;

	cr_assert_eq(parse("--help", &o, &p), 0);
	cr_assert(o.help);
	options_free(&o);
	cr_assert_eq(parse("many -V", &o, &p), 0);
	cr_assert(o.version);
	options_free(&o);
}

/* ---- targets --------------------------------------------------------------------------------- */

Test(probe_options, vsock_addresses)
{
	static const struct {
		const char *text;
		const char *error; /* or NULL */
		uint32_t cid, port;
	} cases[] = {
		{ "vsock:3", NULL, 3, 52 },
		{ "vsock:1", NULL, 1, 52 },
		{ "vsock:4294967294", NULL, 4294967294u, 52 },
		{ "vsock:3:5252", NULL, 3, 5252 },
		{ "vsock:0", "CID 0 is not a guest's", 0, 0 },
		{ "vsock:2", "CID 2 is not a guest's", 0, 0 },
		{ "vsock:2:52", "CID 2 is not a guest's", 0, 0 },
		{ "vsock:4294967295", "CID is expected", 0, 0 },
		{ "vsock:", "CID is expected", 0, 0 },
		{ "vsock::52", "CID is expected", 0, 0 },
		{ "vsock:3:", "port is expected", 0, 0 },
		{ "vsock:3:0", "port is expected", 0, 0 },
		{ "vsock:3:52:1", "port is expected", 0, 0 },
		{ "vsock:-3", "CID is expected", 0, 0 },
		{ "vsock:3 ", "CID is expected", 0, 0 },
		{ "vsock:33333333333333333333", "CID is expected", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem p = { 0 };
		struct target t;
		int err = target_parse(&t, cases[i].text, 52, &p);

		cr_expect_eq(err, cases[i].error == NULL ? 0 : -EINVAL, "%s", cases[i].text);
		if (cases[i].error != NULL) {
			cr_expect_not_null(strstr(p.text, cases[i].error), "%s", p.text);
		} else {
			cr_expect_eq(t.cid, cases[i].cid);
			cr_expect_eq(t.port, cases[i].port);
			cr_expect_str_eq(t.name, cases[i].text);
		}
		target_free(&t);
	}
}

Test(probe_options, names_of_virtual_machines)
{
	static const struct {
		const char *path, *name;
	} cases[] = {
		{ "/run/vms/web/v.sock", "web" },
		{ "/run/vms/web/runtime/v.sock", "web" },
		{ "/run/vms/web//runtime///v.sock", "web" },
		{ "web/v.sock", "web" },
		{ "v.sock", "v.sock" },
		{ "./v.sock", "./v.sock" },
		{ "../v.sock", "../v.sock" },
		{ "/v.sock", "/v.sock" },
		{ "runtime/v.sock", "runtime/v.sock" },
		{ "/run/\033[2J/v.sock", "\\x1b[2J" },
		{ "/run/\xff/v.sock", "\\xff" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem p;
		struct target t;

		cr_assert_eq(target_parse(&t, cases[i].path, 52, &p), 0);
		cr_expect_str_eq(t.name, cases[i].name, "%s: %s", cases[i].path, t.name);
		cr_expect_str_eq(t.path, cases[i].path);
		target_free(&t);
	}
}

static void expect_path(const char *text, const char *path)
{
	struct problem p;
	struct target t;

	cr_assert_eq(target_parse(&t, text, 52, &p), 0);
	cr_expect_str_eq(t.path, path);
	target_free(&t);
}

Test(probe_options, a_directory_stands_for_its_socket)
{
	char directory[] = "/tmp/test-target-XXXXXX", here[64], runtime[64], deeper[128];
	struct problem p;
	struct target t;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(here, sizeof(here), "%s/v.sock", directory);
	snprintf(runtime, sizeof(runtime), "%s/runtime", directory);
	snprintf(deeper, sizeof(deeper), "%s/v.sock", runtime);
	expect_path(directory, here);
	cr_assert_eq(mkdir(runtime, 0700), 0);
	cr_assert_eq(mknod(deeper, S_IFREG | 0600, 0), 0);
	expect_path(directory, deeper);
	cr_assert_eq(mknod(here, S_IFREG | 0600, 0), 0);
	expect_path(directory, here);
	expect_path(deeper, deeper);
	unlink(here);
	unlink(deeper);
	rmdir(runtime);
	rmdir(directory);
	cr_assert_eq(target_parse(&t, "", 52, &p), -EINVAL);
	target_free(&t);
}
