/* SPDX-License-Identifier: MIT */
#include "init/settings.h"

#include "base/buf.h"
#include "base/number.h"
#include "base/reserve.h"
#include "init/network_config.h"
#include "init/sysctl.h"
#include "supervisor/env_file.h"
#include "supervisor/ini_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct key {
	const char *section, *name;
	int (*set)(const struct key *k, struct settings *s, const char *value, struct problem *p);
	size_t offset, size; /* of the member, for the text setters */
};

static int copy_text(const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	if (value[0] == '\0')
		return problem_set_text(p, EINVAL, "needs a value");
	if (strlen(value) >= k->size)
		return problem_set_text(
			p, ENAMETOOLONG, "'%s' has more than %zu bytes", value, k->size - 1);
	buf_format((char *)s + k->offset, k->size, "%s", value);
	return 0;
}

/* RFC 1123, section 2.1: letters, digits and hyphens; dots between labels. */
static int set_hostname(
	const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

	if (strspn(value, legal) < strlen(value) || value[0] == '-' || value[0] == '.')
		return problem_set_text(p, EINVAL, "'%s' is not a host name", value);
	return copy_text(k, s, value, p);
}

static int set_path(const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	if (value[0] != '/')
		return problem_set_text(p, EINVAL, "'%s' is not an absolute path", value);
	return copy_text(k, s, value, p);
}

static int set_nameservers(
	const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	struct network_address a;

	(void)k;
	for (value += strspn(value, " \t,"); *value != '\0'; value += strspn(value, " \t,")) {
		size_t len = strcspn(value, " \t,");

		if (network_address_parse(value, len, &a) != 0)
			return problem_set_text(
				p, EINVAL, "'%.*s' is not an address", (int)len, value);
		/* Without the prefix length: resolv.conf(5) has none. */
		if (strings_add(&s->nameservers, a.text, strlen(a.text)) != 0)
			return problem_set(p, ENOMEM, "nameservers");
		value += len;
	}
	return 0;
}

static int set_bool(const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return problem_set_text(p, EINVAL, "'%s' is neither yes nor no", value);
	*(bool *)((char *)s + k->offset) = value[0] == 'y';
	return 0;
}

static int set_memory_reserve(
	const struct key *k, struct settings *s, const char *value, struct problem *p)
{
	(void)k;
	if (number_parse_size(value, RESERVE_AUTOMATIC - 1, &s->memory_reserve) != 0)
		return problem_set_text(p, EINVAL, "'%s' is not a size such as 32M", value);
	return 0;
}

#define TEXT(section_, key_, set_, member)                                                         \
	{                                                                                          \
		section_, key_, set_, offsetof(struct settings, member),                           \
			sizeof(((struct settings *)0)->member)                                     \
	}

static const struct key keys[] = {
	TEXT("guest", "hostname", set_hostname, hostname),
	TEXT("guest", "service_group", copy_text, service_group),
	TEXT("guest", "agent", set_path, agent),
	{ "guest", "nameservers", set_nameservers, 0, 0 },
	TEXT("guest", "accounting", set_bool, accounting),
	TEXT("guest", "user_namespaces", set_bool, user_namespaces),
	{ "guest", "memory_reserve", set_memory_reserve, 0, 0 },
	TEXT("drives", "config", set_path, drives[DRIVE_CONFIG]),
	TEXT("drives", "secrets", set_path, drives[DRIVE_SECRETS]),
	TEXT("drives", "data", set_path, drives[DRIVE_DATA]),
	TEXT("drives", "data_owner", copy_text, data_owner),
};

struct reading {
	struct settings *settings;
	unsigned int seen; /* a bit for each key */
};

static int set_env(struct settings *s, const char *key, const char *value, struct problem *p)
{
	if (!env_name_is_valid(key, strlen(key)))
		return problem_set_text(p, EINVAL, "'%s' cannot name an environment variable", key);
	return strings_set(&s->env, key, value) != 0 ? problem_set(p, ENOMEM, "%s", key) : 0;
}

static int set_sysctl(struct settings *s, const char *key, const char *value, struct problem *p)
{
	if (!sysctl_name_is_valid(key))
		return problem_set_text(p, EINVAL, "'%s' cannot name a kernel setting", key);
	if (strings_find_variable(&s->sysctl, key, strlen(key)) < s->sysctl.count)
		return problem_set_text(p, EEXIST, "%s is set twice", key);
	return strings_set(&s->sysctl, key, value) != 0 ? problem_set(p, ENOMEM, "%s", key) : 0;
}

static int read_entry(
	void *arg, const char *section, const char *key, const char *value, struct problem *p)
{
	struct reading *r = arg;
	struct problem why;

	if (strcmp(section, "env") == 0)
		return set_env(r->settings, key, value, p);
	if (strcmp(section, "sysctl") == 0)
		return set_sysctl(r->settings, key, value, p);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, key) != 0)
			continue;
		if (r->seen >> i & 1)
			return problem_set_text(p, EEXIST, "%s is set twice", key);
		r->seen |= 1u << i;
		if (keys[i].set(&keys[i], r->settings, value, &why) != 0)
			return problem_set_text(p, why.code, "%s: %s", key, why.text);
		return 0;
	}
	return problem_set_text(p, ENOENT, "unknown key '%s' in section [%s]", key, section);
}

int settings_read(const char *path, struct settings *s, const struct reporter *report)
{
	struct reading r = { .settings = s };

	*s = (struct settings){ .service_group = "mvm", .memory_reserve = RESERVE_AUTOMATIC };
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	return ini_file_read(AT_FDCWD, path, read_entry, &r, report, NULL);
}

void settings_free(struct settings *s)
{
	strings_free(&s->nameservers);
	strings_free(&s->env);
	strings_free(&s->sysctl);
}
