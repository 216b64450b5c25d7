/* SPDX-License-Identifier: MIT */
#include "init/settings.h"

#include "base/reserve.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct settings settings;
static unsigned int told;
static char last[PROBLEM_TEXT_MAX];

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	told++;
	strcpy(last, p->text);
}

static const struct reporter tell = { .take = take_problem };

/* Read `text` as the file. */
static int read_text(const char *text)
{
	char path[32];
	int fd = memfd_create("init.ini", MFD_CLOEXEC), err;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	told = 0;
	last[0] = '\0';
	err = settings_read(path, &settings, &tell);
	close(fd);
	return err;
}

static void tear_down(void)
{
	settings_free(&settings);
}

TestSuite(settings, .fini = tear_down);

Test(settings, no_file_is_fine)
{
	cr_expect_eq(settings_read("/nonexistent/init.ini", &settings, &tell), 0);
	cr_expect_str_eq(settings.service_group, "mvm");
	cr_expect_str_eq(settings.hostname, "");
}

Test(settings, values)
{
	cr_expect_eq(read_text("[guest]\nhostname = a-1.b\nservice_group = web\nagent = /agent\n"
			       "accounting = yes\n[drives]\ndata = /dev/vdx\n[env]\nA = b c\n"),
		0, "%s", last);
	cr_expect_str_eq(settings.hostname, "a-1.b");
	cr_expect_str_eq(settings.service_group, "web");
	cr_expect_str_eq(settings.agent, "/agent");
	cr_expect_str_eq(settings.drives[DRIVE_DATA], "/dev/vdx");
	cr_expect(settings.accounting);
	cr_assert_eq(settings.env.count, 1);
	cr_expect_str_eq(settings.env.list[0], "A=b c");
}

Test(settings, of_the_kernel)
{
	cr_expect_eq(read_text(""), 0);
	cr_expect_not(settings.user_namespaces);
	cr_expect_eq(settings.memory_reserve, RESERVE_AUTOMATIC);
	cr_expect_eq(read_text("[guest]\nuser_namespaces = yes\nmemory_reserve = 24M\n[sysctl]\n"
			       "kernel.sem = 1 2 3 4\nnet/ipv4/conf/eth0.1/forwarding = 1\n"),
		0, "%s", last);
	cr_expect(settings.user_namespaces);
	cr_expect_eq(settings.memory_reserve, 24u << 20);
	cr_assert_eq(settings.sysctl.count, 2);
	cr_expect_str_eq(settings.sysctl.list[0], "kernel.sem=1 2 3 4");
	cr_expect_str_eq(settings.sysctl.list[1], "net/ipv4/conf/eth0.1/forwarding=1");
}

/* With a prefix length, a line of resolv.conf would be invalid. */
Test(settings, nameservers_have_no_prefix)
{
	static const char *const wanted[] = { "1.1.1.1", "10.0.0.1", "fd00::1" };

	cr_expect_eq(read_text("[guest]\nnameservers = 1.1.1.1, 10.0.0.1/24\tfd00::1/64\n"), 0);
	cr_assert_eq(settings.nameservers.count, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_str_eq(settings.nameservers.list[i], wanted[i]);
}

Test(settings, bad_lines_are_told_and_the_others_count)
{
	static const char *const lines[] = { "[guest]\nhostname = a b", "[guest]\nhostname = -a",
		"[guest]\nhostname = ", "[guest]\nagent = agent", "[guest]\nnameservers = x",
		"[guest]\naccounting = 1", "[guest]\nunknown = 1", "[drives]\ndata = vdx",
		"[env]\n1A = b", "[other]\nhostname = a",
		"[guest]\naccounting = no\naccounting = no",
		"[sysctl]\nkernel.sem = 1\nkernel.sem = 2", "[sysctl]\n../x = 1",
		"[sysctl]\n/etc/passwd = 1", "[guest]\nmemory_reserve = some",
		"[guest]\nuser_namespaces = maybe" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s\n[env]\nA = b\n", lines[i]);
		cr_expect_eq(read_text(text), -EINVAL, "%s", lines[i]);
		cr_expect_eq(told, 1, "%s", lines[i]);
		cr_expect(strstr(last, i == 10 || i == 11 ? ":3: " : ":2: ") != NULL, "%s: %s",
			lines[i], last);
		cr_expect_eq(settings.env.count, 1, "%s", lines[i]);
		settings_free(&settings);
	}
}
