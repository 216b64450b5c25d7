/* SPDX-License-Identifier: MIT */
#include "base/account.h"

#include "told.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct accounts set(const char *passwd, const char *group)
{
	return (struct accounts){ .passwd = (char *)(uintptr_t)passwd,
		.group = (char *)(uintptr_t)group };
}

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/sh\n"
				  "web:x:900:901:the web, server:/srv/web:/sbin/nologin\n"
				  "\n"
				  "webadmin:x:902:902::/:/bin/sh\n"
				  "123:x:700:700::/:/bin/sh\n"
				  "short:x:5\n"
				  "negative:x:-1:5::/:/bin/sh\n"
				  "minus1:x:4294967295:5::/:/bin/sh\n"
				  "last:x:903:903::/home/last:";
static const char group_text[] = "root:x:0:\n"
				 "web:x:901:\n"
				 "mvm:x:900:web,webadmin\n"
				 "log:x:44:webadmin,web\n"
				 "again:x:901:web\n"
				 "adm:x:4:webad,xweb\n"
				 "empty::5:\n"
				 "bad:x:a:";

Test(account, finds_a_user_with_its_groups)
{
	struct accounts a = set(passwd_text, group_text);
	struct account u;
	struct problem p;

	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0);
	cr_assert_str_eq(u.name, "web");
	cr_assert_eq(u.uid, 900);
	cr_assert_eq(u.gid, 901);
	cr_assert_str_eq(u.home, "/srv/web");
	cr_assert_str_eq(u.shell, "/sbin/nologin");
	cr_assert_eq(u.group_count, 3, "primary first, each once, members by whole name");
	cr_assert_eq(u.groups[0], 901);
	cr_assert_eq(u.groups[1], 900);
	cr_assert_eq(u.groups[2], 44);
}

Test(account, last_line_needs_no_newline_and_no_shell)
{
	struct accounts a = set(passwd_text, group_text);
	struct account u;
	struct problem p;

	cr_assert_eq(accounts_find_user(&a, "last", &u, &p), 0);
	cr_assert_str_eq(u.shell, "");
	cr_assert_str_eq(u.home, "/home/last");
	cr_assert_eq(u.group_count, 1);
}

Test(account, numbers)
{
	struct accounts a = set(passwd_text, group_text);
	struct account u;
	struct problem p;

	cr_assert_eq(accounts_find_user(&a, "900", &u, &p), 0);
	cr_assert_str_eq(u.name, "web", "a uid that a line has is that user");
	cr_assert_eq(u.group_count, 3);
	cr_assert_eq(accounts_find_user(&a, "123", &u, &p), 0);
	cr_assert_eq(u.uid, 700, "a name made of digits goes before a uid");
	cr_assert_eq(accounts_find_user(&a, "5000", &u, &p), 0);
	cr_assert_eq(u.uid, 5000);
	cr_assert_eq(u.gid, 5000);
	cr_assert_str_eq(u.home, "/");
	cr_assert_eq(u.group_count, 1);
	cr_assert_eq(u.groups[0], 5000);
	cr_assert_eq(accounts_find_user(&a, "4294967294", &u, &p), 0);
	cr_assert_eq(accounts_find_user(&a, "4294967295", &u, &p), -ENOENT,
		"-1 would leave the uid as it is");
}

/* A number may have many leading zeros, but the stored name has room for few. */
Test(account, a_number_longer_than_a_name)
{
	struct accounts a = set(passwd_text, group_text);
	char name[4 * ACCOUNT_NAME_MAX];
	struct account u;
	struct problem p;

	memset(name, '0', sizeof(name));
	strcpy(name + sizeof(name) - 5, "5000");
	cr_assert_eq(accounts_find_user(&a, name, &u, &p), 0);
	cr_assert_eq(u.uid, 5000);
	cr_assert_str_eq(u.name, "5000");
}

Test(account, broken_lines_are_errors_for_their_user_only)
{
	static const char *const names[] = { "short", "negative", "minus1" };
	struct accounts a = set(passwd_text, group_text);
	struct account u;

	for (size_t i = 0; i < 3; i++) {
		struct problem p = { 0 };

		cr_assert_eq(accounts_find_user(&a, names[i], &u, &p), -EINVAL, "%s", names[i]);
		cr_assert_not_null(strstr(p.text, names[i]), "%s", p.text);
	}
}

Test(account, unknown_names_say_so)
{
	struct accounts a = set(passwd_text, group_text);
	struct problem p = { 0 };
	struct account u;
	gid_t gid;

	cr_assert_eq(accounts_find_user(&a, "we", &u, &p), -ENOENT);
	cr_assert_str_eq(p.text, "no user 'we' in the passwd file");
	cr_assert_eq(accounts_find_user(&a, "webb", &u, &p), -ENOENT);
	cr_assert_neq(accounts_find_user(&a, "", &u, &p), 0);
	cr_assert_eq(accounts_find_group(&a, "we", &gid, &p), -ENOENT);
	cr_assert_str_eq(p.text, "no group 'we' in the group file");
}

static const char *check(const char *passwd, const char *group)
{
	struct accounts a = set(passwd, group);

	told[0] = '\0';
	accounts_check(&a, "passwd", "group", &tell);
	return told;
}

Test(account, a_bad_line_costs_what_needs_it_and_is_named)
{
	static const char group[] = "mvm:x:900:web\nbroken:x:nope:web,other\nlog:x:44:web\n";
	struct accounts a = set("web:x:1:2::/srv:/bin/sh\n", group);
	struct problem p;
	struct account u;
	gid_t gid;

	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0);
	cr_assert_eq(u.group_count, 3);
	cr_expect_eq(u.groups[2], 44, "the group behind the bad line counts");
	cr_expect_eq(accounts_find_group(&a, "broken", &gid, &p), -EINVAL);
	cr_expect_str_eq(check(a.passwd, group), "group:2: bad gid, line ignored\n");
	cr_expect_str_eq(
		check("# users\n\n+::::::\na:x:1:1::/\nb\nc:x:-1:1::/\nd:x:1::\n", ":x:1\n"),
		"passwd:5: bad uid, line ignored\npasswd:6: bad uid, line ignored\n"
		"passwd:7: bad gid, line ignored\ngroup:1: no group name, line ignored\n");
}

Test(account, lines_of_other_systems)
{
	struct accounts a =
		set("web:x:1:2::/srv:/bin/ash\r\nbare:x:3:4::/home/bare\r\nno:x:5:6:::\n",
			"mvm:x:900:other,web\r\n");
	struct problem p;
	struct account u;

	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0);
	cr_expect_str_eq(u.shell, "/bin/ash");
	cr_expect_eq(u.group_count, 2, "the last member's name has no CR");
	cr_assert_eq(accounts_find_user(&a, "bare", &u, &p), 0, "a line may lack its shell");
	cr_expect_str_eq(u.home, "/home/bare");
	cr_expect_str_eq(account_shell(&u), "/bin/sh");
	cr_assert_eq(accounts_find_user(&a, "no", &u, &p), 0);
	cr_expect_str_eq(account_home(&u), "/");
	cr_expect_str_empty(check(a.passwd, a.group));
}

Test(account, groups)
{
	struct accounts a = set(passwd_text, group_text);
	struct problem p = { 0 };
	gid_t gid = 1;

	cr_assert_eq(accounts_find_group(&a, "mvm", &gid, &p), 0);
	cr_assert_eq(gid, 900);
	cr_assert_eq(accounts_find_group(&a, "empty", &gid, &p), 0);
	cr_assert_eq(gid, 5);
	cr_assert_eq(accounts_find_group(&a, "77", &gid, &p), 0);
	cr_assert_eq(gid, 77);
	cr_assert_eq(accounts_find_group(&a, "bad", &gid, &p), -EINVAL);
	cr_assert_not_null(strstr(p.text, "'bad'"));
}

Test(account, fields_that_are_too_long)
{
	char line[600];
	struct accounts a;
	struct problem p;
	struct account u;

	snprintf(line, sizeof(line), "u:x:5:5::/%0*d:/bin/sh\n", ACCOUNT_PATH_MAX - 1, 0);
	a = set(line, "");
	cr_assert_eq(accounts_find_user(&a, "u", &u, &p), -EINVAL);
	snprintf(line, sizeof(line), "u:x:5:5::/%0*d:/bin/sh\n", ACCOUNT_PATH_MAX - 2, 0);
	a = set(line, "");
	cr_assert_eq(accounts_find_user(&a, "u", &u, &p), 0);
	cr_assert_eq(strlen(u.home), ACCOUNT_PATH_MAX - 1);
}

Test(account, too_many_groups)
{
	char text[4096];
	size_t len = 0;
	struct accounts a;
	struct account u;
	struct problem p;

	for (int i = 1; i < ACCOUNT_GROUPS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "g%d:x:%d:web\n", i, i);
	a = set(passwd_text, text);
	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0);
	cr_assert_eq(u.group_count, ACCOUNT_GROUPS_MAX);
	snprintf(text + len, sizeof(text) - len, "one:x:5000:web\n");
	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), -E2BIG);
	cr_assert_not_null(strstr(p.text, "'web'"));
}

Test(account, load)
{
	char path[] = "/tmp/test-account-XXXXXX";
	int fd = mkstemp(path);
	struct problem p = { 0 };
	struct accounts a;
	struct account u;

	cr_assert_geq(fd, 0);
	cr_assert_eq(
		write(fd, passwd_text, sizeof(passwd_text) - 1), (ssize_t)sizeof(passwd_text) - 1);
	close(fd);
	cr_assert_eq(accounts_load(&a, path, "/nonexistent/group", &p), -ENOENT);
	cr_assert_str_eq(p.text, "/nonexistent/group: No such file or directory");
	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0, "look-ups work on the rest");
	cr_assert_eq(u.group_count, 1);
	accounts_free(&a);
	fd = open(path, O_WRONLY | O_TRUNC);
	cr_assert_eq(write(fd, "\xef\xbb\xbfweb:x:7:7::/:\na\0b:x:1\nlast:x:8:8::/:\n", 41), 41);
	close(fd);
	accounts_load(&a, path, "/nonexistent/group", &p);
	cr_assert_eq(accounts_find_user(&a, "web", &u, &p), 0, "a byte order mark is skipped");
	cr_assert_eq(accounts_find_user(&a, "last", &u, &p), 0, "a NUL spoils its own line");
	accounts_free(&a);
	cr_assert_eq(accounts_load(&a, "/nonexistent/passwd", "/nonexistent/group", &p), -ENOENT);
	cr_assert_str_eq(p.text, "/nonexistent/passwd: No such file or directory");
	cr_assert_eq(
		accounts_find_user(&a, "0", &u, &p), 0, "without any file, numbers still work");
	accounts_free(&a);
	unlink(path);
}
