/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include "agent/agent_options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct options o;
static struct problem p;

TestSuite(agent_options, .init = rig_start, .fini = rig_stop);

/* Parse the words of a command line, up to the first NULL. */
static int parse(const char *a, const char *b, const char *c, const char *d)
{
	static char words[5][64];
	const char *given[] = { "mvm-guest-agent", a, b, c, d, NULL };
	char *argv[6] = { NULL };
	int argc = 0;

	for (; given[argc] != NULL; argc++)
		argv[argc] = strcpy(words[argc], given[argc]);
	return options_parse(argc, argv, &o, &p);
}

Test(agent_options, defaults)
{
	cr_assert_eq(parse(NULL, NULL, NULL, NULL), 0);
	cr_expect_eq(o.action, OPTIONS_RUN);
	cr_expect_eq(o.listen_fd, -1);
	cr_expect_eq(o.control_fd, -1);
	cr_expect_null(o.check_user);
	cr_expect_null(o.config);
	cr_expect_eq(o.port, 52);
	cr_expect_eq(o.busy_threshold, 0.1);
	cr_expect_eq(o.sample_interval_secs, 5);
}

Test(agent_options, values_behind_a_space_or_an_equals_sign)
{
	cr_assert_eq(parse("--listen-fd", "3", "--control-fd=4", NULL), 0);
	cr_expect_eq(o.listen_fd, 3);
	cr_expect_eq(o.control_fd, 4);
	cr_assert_eq(parse("--busy-threshold=2.5", "--port", "1024", "--check-user=a=b"), 0);
	cr_expect_eq(o.busy_threshold, 2.5);
	cr_expect_eq(o.port, 1024);
	cr_expect(o.has_port);
	cr_expect_str_eq(o.check_user, "a=b");
	cr_assert_eq(parse("--sample-interval", "0", "--check-user", "mvm"), 0);
	cr_expect_eq(o.sample_interval_secs, 0);
	cr_expect_str_eq(o.check_user, "mvm");
}

Test(agent_options, actions)
{
	cr_assert_eq(parse("-h", NULL, NULL, NULL), 0);
	cr_expect_eq(o.action, OPTIONS_HELP);
	cr_assert_eq(parse("--help", NULL, NULL, NULL), 0);
	cr_expect_eq(o.action, OPTIONS_HELP);
	cr_assert_eq(parse("--version", NULL, NULL, NULL), 0);
	cr_expect_eq(o.action, OPTIONS_VERSION);
}

Test(agent_options, errors_name_the_option)
{
	static const struct {
		const char *a, *b, *problem;
	} rows[] = {
		{ "--what", NULL, "unknown option '--what'" },
		{ "serve", NULL, "unknown option 'serve'" },
		{ "--port", NULL, "--port needs a value" },
		{ "--help=1", NULL, "--help takes no value" },
		{ "--listen-fd", "x", "--listen-fd: 'x' is not a descriptor number" },
		{ "--control-fd=-1", NULL, "--control-fd: '-1' is not a descriptor number" },
		{ "--listen-fd", "2147483648",
			"--listen-fd: '2147483648' is not a descriptor number" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(parse(rows[i].a, rows[i].b, NULL, NULL), -EINVAL, "%s", rows[i].a);
		cr_expect_str_eq(p.text, rows[i].problem, "%s", p.text);
	}
}

Test(agent_options, bad_numbers_are_logged_and_ignored)
{
	rig_log_start();
	cr_assert_eq(parse("--port", "x", "--busy-threshold", "-1"), 0);
	cr_assert_eq(o.port, 52);
	cr_assert_not(o.has_port);
	cr_assert_eq(o.busy_threshold, 0.1);
	cr_assert_eq(parse("--port=4294967296", "--sample-interval=5s", "--busy-threshold=nan",
			     "--busy-threshold="),
		0);
	cr_assert_not(o.has_sample_interval);
	cr_assert_not(o.has_busy_threshold);
	cr_expect_eq(rig_count(rig_log(), "ignored\n"), 6, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "--port: 'x' is not"));
}

static int read_config(const char *text)
{
	o.config = rig_file("agent.json", text);
	return options_read_config(&o, &p);
}

Test(agent_options, the_command_line_beats_the_file)
{
	cr_assert_eq(parse("--port=60", NULL, NULL, NULL), 0);
	cr_assert_eq(read_config("{\"port\":61,\"busy_threshold\":1,\"sample_interval_secs\":9,"
				 "\"other\":null}"),
		0, "%s", p.text);
	cr_expect_eq(o.port, 60);
	cr_expect_eq(o.busy_threshold, 1.0);
	cr_expect_eq(o.sample_interval_secs, 9);
}

Test(agent_options, a_named_file_must_be_there_and_good)
{
	cr_assert_eq(parse(NULL, NULL, NULL, NULL), 0);
	cr_expect_eq(read_config("{\"port\":61,\n\"busy_threshold\":\"1\"}"), -EINVAL);
	cr_expect_not_null(strstr(p.text, "/agent.json: line 2, column 18: 'busy_threshold' must "
					  "be a number"),
		"%s", p.text);
	cr_expect_eq(o.port, 52, "nothing of a bad file counts");
	cr_expect_eq(read_config(""), -EINVAL);
	o.config = rig_path("absent");
	cr_expect_eq(options_read_config(&o, &p), -ENOENT);
	cr_expect_not_null(strstr(p.text, "/absent: No such file"), "%s", p.text);
}
