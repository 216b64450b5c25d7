/* SPDX-License-Identifier: MIT */
/* The manual's texts for the keys of a service file: present, and true. */
#define SERVICE_KEY_WORDS
#include "supervisor/service_keys.c"

#include "supervisor/service_file.h"
#include "supervisor/service_name.h"

#include <criterion/criterion.h>
#include <string.h>

static const void *member(const struct service_config *c, const struct service_key *k)
{
	return (const char *)c + k->offset;
}

/* The value of the key in `c`, as a number. */
static uint64_t value(const struct service_config *c, const struct service_key *k)
{
	uint64_t wide;
	unsigned int narrow;
	bool yes;

	switch ((int)k->type) {
	case KEY_BOOL:
		memcpy(&yes, member(c, k), sizeof(yes));
		return yes;
	case KEY_CHOICE:
	case KEY_COUNT:
		memcpy(&narrow, member(c, k), sizeof(narrow));
		return narrow;
	default:
		memcpy(&wide, member(c, k), sizeof(wide));
		return wide;
	}
}

/* The value that a file sets with the default of the manual. */
static uint64_t documented(const struct service_key *k)
{
	struct service_config c;
	struct problem p;
	uint64_t seen = 0, v;

	service_config_init(&c);
	cr_assert(service_config_set(&c, &seen, "service", k->name, k->unset, &p) == 0, "%s: %s",
		k->name, p.text);
	v = value(&c, k);
	service_config_free(&c);
	return v;
}

static uint64_t untouched(const struct service_key *k)
{
	struct service_config c;
	uint64_t v;

	service_config_init(&c);
	v = value(&c, k);
	service_config_free(&c);
	return v;
}

Test(service_keys, each_has_its_words)
{
	for (size_t i = 0; i < service_key_count; i++) {
		const struct service_key *k = &service_keys[i];
		size_t len = strlen(k->doc);

		cr_expect(len > 2 && k->doc[len - 1] == '.', "%s", k->name);
		cr_expect(strlen(k->unset) > 0, "%s", k->name);
		for (size_t j = 0; j < i; j++)
			cr_expect(strcmp(k->name, service_keys[j].name) != 0, "%s", k->name);
	}
}

Test(service_keys, documented_defaults_are_the_defaults)
{
	unsigned int compared = 0;

	for (size_t i = 0; i < service_key_count; i++) {
		const struct service_key *k = &service_keys[i];
		bool number = k->type == KEY_CHOICE || k->type == KEY_BOOL ||
			      k->type == KEY_COUNT || k->type == KEY_SPAN;

		if (!number)
			continue;
		if (strcmp(k->unset, "none") == 0)
			cr_expect(untouched(k) == 0, "%s", k->name);
		else
			cr_expect(untouched(k) == documented(k), "%s", k->name);
		compared++;
	}
	cr_expect(compared > 10);
}

/* Unless a file sets them, the kernel decides: the manual gives the kernel's value. */
Test(service_keys, defaults_of_the_kernel)
{
	for (size_t i = 0; i < service_key_count; i++) {
		const struct service_key *k = &service_keys[i];
		uint64_t v = untouched(k);

		switch ((int)k->type) {
		case KEY_SIGNED:
		case KEY_OCTAL:
			cr_expect(k->flag_offset != 0, "%s", k->name);
			cr_expect(v == 0, "%s", k->name);
			documented(k);
			break;
		case KEY_SIZE:
		case KEY_PERCENT:
		case KEY_WIDE:
			if (v != CGROUP_UNSET)
				cr_expect(v == documented(k), "%s", k->name);
			else if (strcmp(k->unset, "no limit") != 0)
				documented(k);
			break;
		default:
			break;
		}
	}
}
