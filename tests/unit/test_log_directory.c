/* SPDX-License-Identifier: MIT */
#include "supervisor/log_directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is in front of the test's directory must be root's: /run, and not /tmp. */
static char root[] = "/run/mvm-log-directory-XXXXXX";

static const char *at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", root, name);
	return path;
}

static void start(void)
{
	if (geteuid() != 0)
		cr_skip_test("directories of two users need root");
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chmod(root, 0755), 0);
	cr_assert_eq(mkdir(at("web"), 0755), 0);
	cr_assert_eq(mkdir(at("real"), 0755), 0);
	cr_assert_eq(chown(at("web"), 900, 900), 0);
	cr_assert_eq(symlink("real", at("linked")), 0);
	cr_assert_eq(symlink("../real", at("web/linked")), 0);
	cr_assert_eq(symlink("web/linked", at("led")), 0);
	cr_assert_eq(symlink("round", at("round")), 0);
}

static void stop(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (strchr(root, 'X') == NULL)
		cr_assert_eq(system(command), 0);
}

TestSuite(log_directory, .init = start, .fini = stop);

static void expect_directory(const char *path, bool is_to_make, const char *wanted)
{
	char text[PATH_MAX], name_of_fd[64];
	const char *name;
	struct problem p;
	int fd = log_directory_open(path, is_to_make, &name, &p);
	ssize_t n;

	cr_assert_geq(fd, 0, "%s", p.text);
	cr_expect_str_eq(name, "x.log");
	snprintf(name_of_fd, sizeof(name_of_fd), "/proc/self/fd/%d", fd);
	n = readlink(name_of_fd, text, sizeof(text) - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_expect_str_eq(text, wanted);
	close(fd);
}

static void expect_refusal(const char *path, int error)
{
	const char *name;
	struct problem p;

	cr_expect_eq(log_directory_open(path, true, &name, &p), -error, "%s: %s", path, p.text);
	cr_expect_not_null(strstr(p.text, path), "%s", p.text);
}

Test(log_directory, links_of_root_are_followed)
{
	expect_directory(at("real/x.log"), false, at("real"));
	expect_directory(at("linked/x.log"), false, at("real"));
	expect_directory(at("linked/.//../real/x.log"), false, at("real"));
	expect_directory("/x.log", false, "/");
}

Test(log_directory, links_of_others_are_not)
{
	expect_refusal(at("web/linked/x.log"), ELOOP);
	expect_refusal(at("web/linked/deeper/x.log"), ELOOP);
	expect_refusal(at("web/../real/x.log"), ELOOP);
	expect_refusal(at("led/x.log"), ELOOP);
	expect_refusal(at("round/x.log"), ELOOP);
	cr_assert_eq(chmod(at(""), 01777), 0);
	expect_refusal(at("linked/x.log"), ELOOP);
	cr_expect_neq(access(at("real/deeper"), F_OK), 0);
}

Test(log_directory, what_is_missing_is_made)
{
	struct stat st;

	expect_directory(at("new/er/x.log"), true, at("new/er"));
	expect_directory(at("web/logs/x.log"), true, at("web/logs"));
	cr_assert_eq(stat(at("web/logs"), &st), 0);
	cr_expect(st.st_uid == 0 && (st.st_mode & 07777) == 0755);
	expect_refusal("/proc/none/x.log", ENOENT);
	expect_refusal("/dev/null/x.log", ENOTDIR);
}
