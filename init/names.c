/* SPDX-License-Identifier: MIT */
#include "init/names.h"

#include "init/etc_file.h"
#include "init/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HOSTNAME "/etc/hostname"
#define HOSTS    "/etc/hosts"
#define MINIMAL  "127.0.0.1 localhost\n::1 localhost\n"

bool names_are_in_hosts(const char *text, const char *host)
{
	static const char space[] = " \t\r";
	size_t len = strlen(host);

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *word = text + strspn(text, space);

		for (bool is_address = true;; is_address = false) {
			size_t n = strcspn(word, " \t\r\n#");

			if (n == 0)
				break;
			if (!is_address && n == len && strncasecmp(word, host, n) == 0)
				return true;
			word += n;
			word += strspn(word, space);
		}
	}
	return false;
}

/* True if the text has a line other than comments and empty ones. */
static bool has_entry(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		text += strspn(text, " \t\r");
		if (*text != '#' && *text != '\n' && *text != '\0')
			return true;
	}
	return false;
}

static void set_hosts(const char *host, const struct reporter *report)
{
	char *now, *storage;
	struct buf b;
	size_t size;

	if (etc_file_read(HOSTS, &now, report) != 0)
		return;
	size = strlen(now) + sizeof(MINIMAL) + SETTINGS_HOST_MAX + 32;
	storage = malloc(size);
	if (storage != NULL && !names_are_in_hosts(now, host)) {
		buf_init(&b, storage, size);
		buf_puts(&b, now);
		if (b.len > 0 && b.data[b.len - 1] != '\n')
			buf_puts(&b, "\n");
		if (!has_entry(now))
			buf_puts(&b, MINIMAL);
		buf_printf(&b, "127.0.1.1 %s\n", host);
		etc_file_write(HOSTS, now, &b, report);
	}
	free(storage);
	free(now);
}

/* Cut out the first line that is neither empty nor a comment (hostname(5)). */
static const char *first_name(char *text)
{
	while (*text != '\0') {
		size_t len;

		text += strspn(text, " \t\r\n");
		len = strcspn(text, " \t\r\n");
		if (*text != '#') {
			text[len] = '\0';
			return text;
		}
		text += strcspn(text, "\n");
	}
	return text;
}

void names_set_host(const char *hostname, const struct reporter *report)
{
	char line[SETTINGS_HOST_MAX + 1], *now = NULL;
	struct buf b = BUF_OVER(line);
	struct problem p;

	if (etc_file_read(HOSTNAME, &now, report) != 0)
		now = NULL;
	if (hostname[0] == '\0') {
		hostname = now != NULL ? first_name(now) : "";
	} else if (now != NULL) {
		buf_clear(&b);
		buf_printf(&b, "%s\n", hostname);
		etc_file_write(HOSTNAME, now, &b, report);
	}
	if (hostname[0] != '\0') {
		if (sethostname(hostname, strlen(hostname)) != 0) {
			problem_set(&p, errno, "cannot set the host name %s", hostname);
			problem_report(report, &p);
		}
		set_hosts(hostname, report);
	}
	free(now);
}
