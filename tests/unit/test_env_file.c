/* SPDX-License-Identifier: MIT */
#include "supervisor/env_file.h"

#include "told.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		{ "A='$(reboot)'", "A=$(reboot)" },
		{ "A=$(reboot)", "A=$(reboot)" },
		{ "A=", "A=" },
		{ "A=''", "A=" },
		{ "A=b=c", "A=b=c" },
		{ "A=b # no comment", "A=b # no comment" },
		{ "_1=x;y", "_1=x;y" },
		{ "exportA=1", "exportA=1" },
		{ "export=1", "export=1" },
		{ "discovery.type-x=single", "discovery.type-x=single" },
		{ "A='1\n2\n'", "A=1\n2\n" },
		{ "export A=\"1=\n\n B=2=\" \t\r\n", "A=1=\n\n B=2=" },
		{ "A='1\r\n2\r\n'\r\n", "A=1\n2\n" },
		{ "A=\"1\\\"\n2\\\n3\\\\\" # two", "A=1\"\n23\\" },
		{ "A='1\n\\'\n", "A=1\n\\" },
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

static void expect(const char *text, const char *entries, const char *problems)
{
	struct strings out = parse(text);
	char all[4096] = "";

	for (size_t i = 0; i < out.count; i++) {
		strcat(all, out.list[i]);
		strcat(all, "|");
	}
	cr_expect(strcmp(all, entries) == 0, "'%s' gave '%s'", text, all);
	cr_expect(strcmp(told, problems) == 0, "'%s' gave '%s'", text, told);
	strings_free(&out);
}

#define NO_ASSIGNMENT(line) "x.env:" line ": not NAME=VALUE, line skipped\n"
#define UNCLOSED(line)      "x.env:" line ": quote opened here is never closed, variable skipped\n"

Test(env_file, bad_lines_are_named_and_lose_nothing_else)
{
	expect("# comment\n\nA=1\nno assignment\n1B=2\nC D=3\n=x\nE=5\n-F=1\n.G=1", "A=1|E=5|",
		NO_ASSIGNMENT("4") NO_ASSIGNMENT("5") NO_ASSIGNMENT("6") NO_ASSIGNMENT("7")
			NO_ASSIGNMENT("9") NO_ASSIGNMENT("10"));
}

Test(env_file, a_line_number_counts_the_lines_of_values)
{
	expect("A='1\n2\n3'\nbad\nB=1", "A=1\n2\n3|B=1|", NO_ASSIGNMENT("4"));
}

/* Base64 text of a key is not a name, and variables after the key are kept. */
Test(env_file, a_quote_that_is_not_closed)
{
	expect("A='", "", UNCLOSED("1"));
	expect("A=\"a\\\"", "", UNCLOSED("1"));
	expect("A=1\nB=\"half\nC=3\n", "A=1|C=3|", UNCLOSED("2"));
	expect("B=\"half\nC=\"3\"\nD='4'", "C=3|D=4|", UNCLOSED("1"));
	expect("KEY='-----BEGIN KEY-----\nAbcd=\nEfg==\nHi= \r\n-----END KEY-----\nexport Z=1\n",
		"Z=1|", UNCLOSED("1"));
	expect("A=\"1\n2\" rest\nB=1\n", "B=1|", UNCLOSED("1"));
}

Test(env_file, later_wins)
{
	struct strings out = parse("A=1\nAB=2\nA=3\n");

	cr_expect(out.count == 2);
	cr_expect(strcmp(out.list[0], "A=3") == 0);
	cr_expect(out.list[2] == NULL);
	strings_free(&out);
}

Test(env_file, what_cannot_be_read_is_the_callers_to_tell)
{
	struct strings out = { 0 };

	told[0] = '\0';
	cr_expect(env_file_read("/nonexistent/x.env", &out, &tell) == -ENOENT);
	cr_expect(told[0] == '\0');
	cr_expect(env_file_read("/proc/self", &out, &tell) == -EISDIR);
	cr_expect(told[0] == '\0');
}

Test(env_file, bytes_of_other_systems)
{
	static const char text[] = "\xef\xbb\xbf"
				   "A=1\r\nB=\0x\r\nC=3\r\n\0";
	char path[] = "/tmp/test-env-file-XXXXXX";
	struct strings out = { 0 };
	int fd = mkstemp(path);

	told[0] = '\0';
	cr_assert(write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	close(fd);
	cr_expect(env_file_read(path, &out, &tell) == 0);
	unlink(path);
	cr_assert(out.count == 2, "%s", told);
	cr_expect(strcmp(out.list[0], "A=1") == 0, "a byte order mark is skipped");
	cr_expect(strcmp(out.list[1], "C=3") == 0);
	cr_expect(strstr(told, ": NUL bytes in 2 lines, first in line 2: ") != NULL, "%s", told);
	strings_free(&out);
}
