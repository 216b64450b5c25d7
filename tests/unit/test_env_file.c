/* SPDX-License-Identifier: MIT */
#include "supervisor/env_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static char told[4096];

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	strcat(told, p->text);
	strcat(told, "\n");
}

static const struct reporter tell = { .take = take_problem };

static struct strings parse(const char *text)
{
	struct strings out = { 0 };

	told[0] = '\0';
	cr_assert(env_file_parse("x.env", text, &out, &tell) == 0);
	return out;
}

Test(env_file, values)
{
	const struct {
		const char *line, *entry;
	} cases[] = {
		{ "A=b", "A=b" },
		{ "export A=b", "A=b" },
		{ "export\tA=b", "A=b" },
		{ "  A=b  ", "A=b" },
		{ "A=b\r", "A=b" },
		{ "A=hello world", "A=hello world" },
		{ "A=it's", "A=it's" },
		{ "A='it is'", "A=it is" },
		{ "A='a' 'b'", "A='a' 'b'" },
		{ "A=\"a b\"", "A=a b" },
		{ "A=\"a\\\"b\\$c\\`d\\\\e\\n\"", "A=a\"b$c`d\\e\\n" },
		{ "A=\"a\" b\"", "A=\"a\" b\"" },
		{ "A=\"a\\\"", "A=\"a\\\"" },
		{ "A='$(reboot)'", "A=$(reboot)" },
		{ "A=$(reboot)", "A=$(reboot)" },
		{ "A=", "A=" },
		{ "A=''", "A=" },
		{ "A='", "A='" },
		{ "A=b=c", "A=b=c" },
		{ "A=b # no comment", "A=b # no comment" },
		{ "_1=x;y", "_1=x;y" },
		{ "exportA=1", "exportA=1" },
		{ "export=1", "export=1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strings out = parse(cases[i].line);

		cr_assert(out.count == 1, "'%s'", cases[i].line);
		cr_expect(strcmp(out.list[0], cases[i].entry) == 0, "'%s' gave '%s'", cases[i].line,
			out.list[0]);
		cr_expect(told[0] == '\0');
		strings_free(&out);
	}
}

Test(env_file, bad_lines_are_named_and_lose_nothing_else)
{
	struct strings out = parse("# comment\n\nA=1\nno assignment\n1B=2\nC-D=3\n=x\nE=5");

	cr_expect(out.count == 2);
	cr_expect(strcmp(out.list[0], "A=1") == 0);
	cr_expect(strcmp(out.list[1], "E=5") == 0);
	cr_expect(strcmp(told, "x.env:4: not NAME=VALUE, line skipped\n"
			       "x.env:5: not NAME=VALUE, line skipped\n"
			       "x.env:6: not NAME=VALUE, line skipped\n"
			       "x.env:7: not NAME=VALUE, line skipped\n") == 0,
		"%s", told);
	strings_free(&out);
}

Test(env_file, later_wins)
{
	struct strings out = parse("A=1\nAB=2\nA=3\n");

	cr_expect(out.count == 2);
	cr_expect(strcmp(out.list[0], "A=3") == 0);
	cr_expect(out.list[2] == NULL);
	strings_free(&out);
}

Test(env_file, absent_file_is_quiet)
{
	struct strings out = { 0 };

	told[0] = '\0';
	cr_expect(env_file_read("/nonexistent/x.env", &out, &tell) == -ENOENT);
	cr_expect(told[0] == '\0');
	cr_expect(env_file_read("/proc/self", &out, &tell) != 0);
	cr_expect(strstr(told, "/proc/self") != NULL);
}
