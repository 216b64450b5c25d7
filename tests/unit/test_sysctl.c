/* SPDX-License-Identifier: MIT */
/* A plain directory stands for /proc/sys. */
#include "init/sysctl.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], last[PROBLEM_TEXT_MAX];
static struct strings own;

static void take(void *context, const struct problem *p)
{
	(void)context;
	strcpy(last, p->text);
}

static const struct reporter report = { take, NULL };

static void make(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static const char *value(const char *name)
{
	static char text[64];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "re");
	text[0] = '\0';
	if (f == NULL || fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

static void set_up(void)
{
	strcpy(root, "/tmp/sysctl-XXXXXX");
	cr_assert(mkdtemp(root) != NULL);
	make("kernel/kptr_restrict");
	make("user/max_user_namespaces");
	make("net/ipv4/conf/eth0.1/forwarding");
	last[0] = '\0';
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_expect_eq(system(command), 0);
	strings_free(&own);
}

static unsigned int apply(bool user_namespaces)
{
	return sysctl_apply(root, &own, user_namespaces, &report);
}

TestSuite(sysctl, .init = set_up, .fini = tear_down);

Test(sysctl, table_is_made_where_the_kernel_has_it)
{
	cr_expect_eq(apply(false), 0);
	cr_expect_str_eq(value("kernel/kptr_restrict"), "2");
	cr_expect_str_eq(value("user/max_user_namespaces"), "0");
}

Test(sysctl, user_namespaces_stay)
{
	cr_expect_eq(apply(true), 0);
	cr_expect_str_eq(value("user/max_user_namespaces"), "");
	cr_expect_str_eq(value("kernel/kptr_restrict"), "2");
}

/* A setting such as modules_disabled cannot be undone, so the table's value is never written. */
Test(sysctl, own_ones_replace_the_tables)
{
	cr_assert_eq(strings_set(&own, "kernel/kptr_restrict", "0"), 0);
	cr_assert_eq(strings_set(&own, "net/ipv4/conf/eth0.1/forwarding", "1"), 0);
	cr_expect_eq(apply(false), 0, "%s", last);
	cr_expect_str_eq(value("kernel/kptr_restrict"), "0");
	cr_expect_str_eq(value("net/ipv4/conf/eth0.1/forwarding"), "1");
	cr_expect_str_eq(value("user/max_user_namespaces"), "0");
}

Test(sysctl, own_ones_that_fail_are_told)
{
	cr_assert_eq(strings_set(&own, "kernel.nothing", "7 8"), 0);
	cr_expect_eq(apply(false), 1);
	cr_expect_str_eq(
		last, "[sysctl]: cannot set kernel.nothing to '7 8': No such file or directory");
}

Test(sysctl, names)
{
	static const char *const bad[] = { "", ".x", "/etc/passwd", "a..b", "../x", "a b", "a=b" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(sysctl_name_is_valid(bad[i]), "%s", bad[i]);
	cr_expect(sysctl_name_is_valid("net/ipv4/conf/eth0.1/forwarding"));
	for (size_t i = 0; i < sysctl_default_count; i++)
		cr_expect(sysctl_name_is_valid(sysctl_defaults[i].name));
}
