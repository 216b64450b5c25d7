/* SPDX-License-Identifier: MIT */
#include "init/resolver.h"

#include "init/etc_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RESOLV_CONF "/etc/resolv.conf"

/* True if the line begins with one of the keywords and has a value. */
static bool has_keyword(const char *line, const char *const *keywords)
{
	size_t len = strcspn(line, " \t\r\n");

	for (; *keywords != NULL; keywords++)
		if (strlen(*keywords) == len && strncmp(line, *keywords, len) == 0 &&
			line[len + strspn(line + len, " \t\r")] != '\n' &&
			line[len + strspn(line + len, " \t\r")] != '\0')
			return true;
	return false;
}

static const char *const servers[] = { "nameserver", NULL };
static const char *const searches[] = { "search", "domain", NULL };
static const char *const others[] = { "options", "sortlist", NULL };

/* Append the lines of `text` that have one of the keywords. Returns their number. */
static size_t copy_lines(const char *text, const char *const *keywords, struct buf *out)
{
	size_t count = 0;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		if (!has_keyword(text, keywords))
			continue;
		buf_put(out, text, strcspn(text, "\r\n"));
		buf_puts(out, "\n");
		count++;
	}
	return count;
}

void resolver_compose(const struct network_config *n, const struct strings *nameservers,
	const char *now, struct buf *out)
{
	bool given = n->dns_count > 0 || nameservers->count > 0;

	for (size_t i = 0; i < n->dns_count; i++)
		buf_printf(out, "nameserver %s\n", n->dns[i].text);
	for (size_t i = 0; n->dns_count == 0 && i < nameservers->count; i++)
		buf_printf(out, "nameserver %s\n", nameservers->list[i]);
	if (!given && copy_lines(now, servers, out) == 0 && n->address_count > 0) {
		buf_puts(out, "nameserver 8.8.8.8\n");
		given = true;
	}
	if (!given && n->search[0] == '\0') {
		buf_clear(out);
		buf_puts(out, now);
		return;
	}
	if (n->search[0] != '\0')
		buf_printf(out, "search %s\n", n->search);
	else
		copy_lines(now, searches, out);
	copy_lines(now, others, out);
}

void resolver_set(const struct network_config *n, const struct strings *nameservers,
	const struct reporter *report)
{
	char *now, *storage;
	struct buf b;
	size_t size;

	if (etc_file_read(RESOLV_CONF, &now, report) != 0)
		return;
	size = strlen(now) + NETWORK_SEARCH_MAX + 64 * (NETWORK_DNS_MAX + 1 + nameservers->count);
	storage = malloc(size);
	if (storage != NULL) {
		buf_init(&b, storage, size);
		resolver_compose(n, nameservers, now, &b);
		etc_file_write(RESOLV_CONF, now, &b, report);
	}
	free(storage);
	free(now);
}
