/* SPDX-License-Identifier: MIT */
/* Patterns of file names, compared with the C library's. */
#include "probe/wire/wildcard.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(probe_wildcard, .timeout = 120);

static const struct {
	const char *pattern, *name;
	bool matches;
} cases[] = {
	{ "a", "a", true },
	{ "a", "ab", false },
	{ "", "", true },
	{ "*", "", true },
	{ "*", "abc", true },
	{ "*", ".abc", false },
	{ ".*", ".abc", true },
	{ "\\.*", ".abc", true },
	{ "?abc", ".abc", false },
	{ "[.]abc", ".abc", false },
	{ "a*b*c", "a-b-b-c", true },
	{ "a*b*c", "a-b-b-d", false },
	{ "vm[0-3]", "vm2", true },
	{ "vm[0-3]", "vm4", false },
	{ "vm[!0-3]", "vm4", true },
	{ "vm[^0-3]", "vm3", false },
	{ "[]a]", "]", true },
	{ "[a-]", "-", true },
	{ "[\\]]", "]", true },
	{ "a[", "a[", true },
	{ "a[b", "a[b", true },
	{ "\\*", "*", true },
	{ "\\*", "x", false },
	{ "*\\?", "a?", true },
};

Test(probe_wildcard, each_form_as_the_c_library_has_it)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(wildcard_matches(cases[i].pattern, cases[i].name), cases[i].matches,
			"'%s' and '%s'", cases[i].pattern, cases[i].name);
		cr_expect_eq(fnmatch(cases[i].pattern, cases[i].name, FNM_PERIOD) == 0,
			cases[i].matches, "fnmatch: '%s' and '%s'", cases[i].pattern,
			cases[i].name);
	}
}

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

Test(probe_wildcard, any_pattern_as_the_c_library_has_it)
{
	static const char letters[] = "aabbc*?[]!-\\^";
	unsigned int seed = 7;
	size_t matches = 0;

	for (int round = 0; round < 200000; round++) {
		char pattern[12] = "", name[6] = "";

		for (size_t i = 0, len = next_random(&seed) % 11; i < len; i++)
			pattern[i] = letters[next_random(&seed) % (sizeof(letters) - 1)];
		for (size_t i = 0, len = next_random(&seed) % 5; i < len; i++)
			name[i] = "abc]-"[next_random(&seed) % 5];
		if (pattern[0] != '\0' && pattern[strlen(pattern) - 1] == '\\')
			continue; /* POSIX leaves it open what that is */
		bool wanted = fnmatch(pattern, name, FNM_PERIOD) == 0;

		matches += wanted;
		cr_assert_eq(
			wildcard_matches(pattern, name), wanted, "'%s' and '%s'", pattern, name);
	}
	cr_expect_gt(matches, 5000);
}

/* ---- paths ----------------------------------------------------------------------------------- */

static int add_path(void *arg, const char *path)
{
	char *all = arg;

	strcat(all, path);
	strcat(all, " ");
	return 0;
}

static int stop_at_once(void *arg, const char *path)
{
	add_path(arg, path);
	return -7;
}

static const struct {
	const char *pattern, *paths;
} walks[] = {
	{ "*", "a b " },
	{ "./*", "./a ./b " },
	{ "*/v.sock", "a/v.sock b/v.sock " },
	{ "[b]/*", "b/v.sock " },
	{ "*/", "a/ b/ " },
	{ "*//v.sock", "a//v.sock b//v.sock " },
	{ "a/*.sock", "a/v.sock " },
	{ "x*", "" },
	{ "a/v.sock/*", "" },
	{ "no/*", "" },
	{ ".h*", ".hidden " },
};

Test(probe_wildcard, paths_in_order)
{
	char directory[] = "/tmp/test-wildcard-XXXXXX", all[400], absolute[100];
	static const char *const names[] = { "b/v.sock", "a/v.sock", ".hidden" };

	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(mkdir("a", 0700) | mkdir("b", 0700), 0);
	for (size_t i = 0; i < 3; i++)
		close(open(names[i], O_CREAT | O_WRONLY, 0600));
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		all[0] = '\0';
		cr_expect_eq(wildcard_expand(walks[i].pattern, add_path, all), 0);
		cr_expect_str_eq(all, walks[i].paths, "%s: %s", walks[i].pattern, all);
	}
	snprintf(absolute, sizeof(absolute), "%s/[a]", directory);
	all[0] = '\0';
	wildcard_expand(absolute, add_path, all);
	cr_expect_eq(strncmp(all, directory, strlen(directory)), 0, "%s", all);
	cr_expect_str_eq(all + strlen(directory), "/a ");
	all[0] = '\0';
	cr_expect_eq(wildcard_expand("*", stop_at_once, all), -7);
	cr_expect_str_eq(all, "a ");
	cr_assert_eq(unlink("a/v.sock") | unlink("b/v.sock") | unlink(".hidden"), 0);
	cr_assert_eq(rmdir("a") | rmdir("b") | rmdir(directory), 0);
}
