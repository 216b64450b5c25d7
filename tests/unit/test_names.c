/* SPDX-License-Identifier: MIT */
#include "init/names.h"

#include "base/file.h"
#include "init/etc_file.h"
#include "init/resolver.h"
#include "told.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(names, hosts)
{
	static const struct {
		const char *text;
		bool found;
	} cases[] = {
		{ "127.0.0.1 localhost web-1\n", true },
		{ "127.0.0.1\tlocalhost\tweb-1", true },
		{ "10.0.0.1 WEB-1 # ours\r\n", true },
		{ "\n \t10.0.0.1 db web-1\r\n", true },
		{ "10.0.0.1 db # web-1\n", false },
		{ "# 10.0.0.1 web-1\n10.0.0.2 db\n", false },
		{ "10.0.0.1 db#web-1\n", false },
		{ "web-1 db\n", false },
		{ "10.0.0.1 web-11 web-1.example aweb-1\n", false },
		{ "10.0.0.1\nweb-1\n", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(names_are_in_hosts(cases[i].text, "web-1"), cases[i].found, "%s",
			cases[i].text);
}

/* ---- resolv.conf ----------------------------------------------------------------------------- */

static void expect(const char *words, const char *of_init_ini, const char *now, const char *wanted)
{
	struct strings nameservers = { 0 };
	struct network_config n;
	struct cmdline c;
	char text[1024];
	struct buf b = BUF_OVER(text);

	buf_clear(&b);
	cmdline_parse(&c, words);
	cr_assert_eq(network_config_from_cmdline(&c, &n, NULL), 0);
	if (of_init_ini[0] != '\0')
		cr_assert_eq(strings_add(&nameservers, of_init_ini, strlen(of_init_ini)), 0);
	resolver_compose(&n, &nameservers, now, &b);
	cr_expect_str_eq(text, wanted, "%s | %s | %s gives %s", words, of_init_ini, now, text);
	strings_free(&nameservers);
}

Test(names, resolver)
{
#define IP    "mvm.ip=10.0.0.2/24 "
#define IMAGE "# of the image\nnameserver 10.0.0.1\nsearch a b\noptions ndots:2\n"
	expect(IP, "", IMAGE, IMAGE);
	expect("", "", "", "");
	expect(IP, "", "", "nameserver 8.8.8.8\n");
	expect(IP, "", "# nothing\n;nameserver 1.1.1.1\n nameserver 2.2.2.2\nnameserver\n",
		"nameserver 8.8.8.8\n");
	expect(IP, "", "search a\n#x\n", "nameserver 8.8.8.8\nsearch a\n");
	expect(IP "mvm.dns=9.9.9.9,::1", "10.0.0.9", IMAGE,
		"nameserver 9.9.9.9\nnameserver ::1\nsearch a b\noptions ndots:2\n");
	expect(IP, "10.0.0.9", IMAGE, "nameserver 10.0.0.9\nsearch a b\noptions ndots:2\n");
	expect(IP "mvm.dns=9.9.9.9", "", "domain a\r\nsortlist 10.0.0.0\nnameserverx 1\n",
		"nameserver 9.9.9.9\ndomain a\nsortlist 10.0.0.0\n");
	expect(IP "mvm.search=x.example,y", "", IMAGE,
		"nameserver 10.0.0.1\nsearch x.example y\noptions ndots:2\n");
	expect("ip=10.0.0.2::::web.x.example:eth0:off:9.9.9.9", "", "",
		"nameserver 9.9.9.9\nsearch x.example\n");
	expect("ip=:::::eth0:dhcp:9.9.9.9", "", "", "nameserver 9.9.9.9\n");
}

/* ---- files ----------------------------------------------------------------------------------- */

static char directory[64];

static const char *path(const char *name)
{
	static char paths[4][128];
	static unsigned int at;

	at = (at + 1) % 4;
	snprintf(paths[at], sizeof(paths[at]), "%s/%s", directory, name);
	return paths[at];
}

static void write_over(const char *name, const char *text)
{
	char storage[64], *now;
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_puts(&b, text);
	cr_assert_eq(etc_file_read(path(name), &now, &tell), 0, "%s", told);
	etc_file_write(path(name), now, &b, &tell);
	free(now);
}

static void expect_file(const char *name, const char *text, bool is_link)
{
	char now[64];
	struct stat st;

	cr_assert_eq(lstat(path(name), &st), 0);
	cr_expect_eq(S_ISLNK(st.st_mode), is_link, "%s", name);
	cr_assert_eq(file_read(path(name), now, sizeof(now), NULL), 0);
	cr_expect_str_eq(now, text);
}

/* The target of a link is never written, not even through the temporary file. */
Test(names, links_are_replaced)
{
	strcpy(directory, "/tmp/test-names-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(file_create(path("store"), "old", 3, 0644), 0);
	cr_assert(symlink("store", path("link")) == 0 && symlink("store", path("same")) == 0 &&
		  symlink("nothing", path("dangling")) == 0 &&
		  symlink("circle", path("circle")) == 0 &&
		  symlink("store", path("dangling.new")) == 0);
	write_over("link", "new");
	write_over("same", "old");
	write_over("dangling", "new");
	write_over("circle", "new");
	expect_file("store", "old", false);
	expect_file("link", "new", false);
	expect_file("same", "old", true);
	expect_file("dangling", "new", false);
	expect_file("circle", "new", false);
	cr_expect_str_eq(told, "");
}

/* After any error but absence the file is not changed. */
Test(names, what_cannot_be_read_is_left_alone)
{
	char *now;

	cr_expect_neq(etc_file_read("/proc/self/mem", &now, &tell), 0);
	cr_expect_neq(etc_file_read("/proc", &now, &tell), 0);
	cr_expect_str_eq(told, "cannot read /proc/self/mem, not changing it: Input/output error\n"
			       "cannot read /proc, not changing it: Is a directory\n");
}
