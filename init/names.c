/* SPDX-License-Identifier: MIT */
#include "init/names.h"

#include "base/buf.h"
#include "base/file.h"
#include "init/settings.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096

/* No write where nothing changes: the disk may be shared, slow or read-only. */
static void write_if_different(
	const char *path, const struct buf *wanted, const struct reporter *report)
{
	char now[FILE_MAX];
	struct problem p;
	size_t len;
	int err;

	if (file_read(path, now, sizeof(now), &len) == 0 && len == wanted->len &&
		memcmp(now, wanted->data, len) == 0)
		return;
	err = file_create(path, wanted->data, wanted->len, 0644);
	if (err != 0) {
		problem_set(&p, -err, "cannot write %s", path);
		problem_report(report, &p);
	}
}

/* Does any line of a hosts(5) file name `host` behind its address? */
static bool hosts_has(const char *text, const char *host)
{
	size_t len = strlen(host);

	for (text += strcspn(text, " \t\n"); *text != '\0'; text += strcspn(text, " \t\n")) {
		bool name = *text != '\n';

		text++;
		if (name && strncmp(text, host, len) == 0 && strchr(" \t\n", text[len]) != NULL)
			return true;
	}
	return false;
}

static void set_hosts(const char *host, const struct reporter *report)
{
	char now[FILE_MAX], wanted[FILE_MAX];
	struct buf b;

	if (file_read("/etc/hosts", now, sizeof(now), NULL) != 0)
		now[0] = '\0';
	if (now[0] != '\0' && hosts_has(now, host))
		return;
	buf_init(&b, wanted, sizeof(wanted));
	buf_puts(&b, now[0] != '\0' ? now : "127.0.0.1 localhost\n::1 localhost\n");
	if (b.len > 0 && b.data[b.len - 1] != '\n')
		buf_puts(&b, "\n");
	buf_printf(&b, "127.0.1.1 %s\n", host);
	if (!b.cut)
		write_if_different("/etc/hosts", &b, report);
}

void names_set_host(const char *hostname, const struct reporter *report)
{
	char name[SETTINGS_HOST_MAX + 1], line[SETTINGS_HOST_MAX + 1];
	struct problem p;
	struct buf b;

	buf_init(&b, line, sizeof(line));
	if (hostname[0] == '\0') {
		if (file_read("/etc/hostname", name, sizeof(name), NULL) != 0)
			return;
		name[strcspn(name, " \t\r\n")] = '\0';
		hostname = name;
	} else {
		buf_printf(&b, "%s\n", hostname);
		write_if_different("/etc/hostname", &b, report);
	}
	if (hostname[0] == '\0')
		return;
	if (sethostname(hostname, strlen(hostname)) != 0) {
		problem_set(&p, errno, "cannot set the host name %s", hostname);
		problem_report(report, &p);
	}
	set_hosts(hostname, report);
}

void names_set_resolver(const struct network_config *n, const struct strings *nameservers,
	const struct reporter *report)
{
	char text[512];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	for (size_t i = 0; i < n->dns_count; i++)
		buf_printf(&b, "nameserver %s\n", n->dns[i].text);
	for (size_t i = 0; n->dns_count == 0 && i < nameservers->count; i++)
		buf_printf(&b, "nameserver %s\n", nameservers->list[i]);
	if (b.len == 0) {
		if (access("/etc/resolv.conf", F_OK) == 0 || n->address_count == 0)
			return;
		buf_puts(&b, "nameserver 8.8.8.8\n");
	}
	write_if_different("/etc/resolv.conf", &b, report);
}
