/* SPDX-License-Identifier: MIT */
/*
 * Prints what the documents show of the tables in the programs; tests/tools/documents.py puts it
 * there, and compares.
 *
 *     print-tables machine   the state machine's table, Markdown
 *     print-tables messages  the messages of the protocol, mdoc(7)
 *     print-tables dictionary  words of the protocol, for the fuzzers
 *     print-tables keys      the keys of a service file, mdoc(7)
 *     print-tables sysctl    the kernel settings that every guest gets, mdoc(7)
 */
#include "tests/tools/print_messages.h"

#include "init/sysctl.h"
#include "supervisor/machine.h"
#include "supervisor/service_keys.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A heading stands in front of the key that it names. */
static const struct {
	const char *key, *text;
} headings[] = {
	{ "command", "The program" },
	{ "type", "Starts and stops" },
	{ "after", "Order and readiness" },
	{ "on_boot_delay", "Schedule" },
	{ "no_new_privs", "Privileges and attributes of the process" },
	{ "memory_max", "Limits of the service as a whole" },
	{ "limit_nofile", "Limits of each process" },
};

#define HEADING_COUNT (sizeof(headings) / sizeof(headings[0]))

static bool print_heading(const struct service_key *k, bool first)
{
	for (size_t i = 0; i < HEADING_COUNT; i++) {
		if (strcmp(headings[i].key, k->name) != 0)
			continue;
		printf("%s.Ss %s\n.Bl -tag -width Ds\n", first ? "" : ".El\n", headings[i].text);
		return true;
	}
	return false;
}

/* Types that say all without a number. */
static const char *const plain_types[] = {
	[KEY_COMMAND] = "command line",
	[KEY_TEXT] = "text",
	[KEY_PATH] = "absolute path",
	[KEY_MAYBE] = "absolute path",
	[KEY_WORDS] = "words",
	[KEY_PATHS] = "absolute paths",
	[KEY_BOOL] = "yes or no",
	[KEY_SIZE] = "size",
	[KEY_LIMIT] = "limit",
	[KEY_CAPS] = "words",
};

static void print_choices(const struct service_key *k)
{
	printf("one of");
	for (int i = 0; k->choices[i] != NULL; i++)
		printf("%s %s", i > 0 ? "," : "", k->choices[i]);
}

static void print_type(const struct service_key *k)
{
	unsigned long long max = k->max;

	printf("Type: ");
	if (k->type == KEY_CHOICE)
		print_choices(k);
	else if (k->type == KEY_SPAN)
		printf("time, at most %llu d", max / 86400000);
	else if (k->type == KEY_COUNT || k->type == KEY_SIGNED || k->type == KEY_WIDE)
		printf("number, %lld to %llu", (long long)k->min, max);
	else if (k->type == KEY_OCTAL)
		printf("octal number, at most %llo", max);
	else if (k->type == KEY_PERCENT)
		printf("percentage of one CPU, 1%% to %llu%%", max);
	else
		printf("%s", plain_types[k->type]);
	printf(".\n");
}

static int print_keys(void)
{
	size_t shown = 0;

	for (size_t i = 0; i < service_key_count; i++) {
		const struct service_key *k = &service_keys[i];

		if (print_heading(k, i == 0))
			shown++;
		printf(".It Ic %s\n%s\n.br\n", k->name, k->doc);
		print_type(k);
		printf("Default: %s.\n", k->unset);
	}
	printf(".El\n");
	if (shown == HEADING_COUNT)
		return 0;
	fprintf(stderr, "print-tables: a heading stands in front of a key that does not exist\n");
	return 1;
}

static void print_sysctl(void)
{
	printf(".Bl -tag -width Ds\n");
	for (size_t i = 0; i < sysctl_default_count; i++)
		printf(".It Ic %s No = Cm %s\n%c%s.\n", sysctl_defaults[i].name,
			sysctl_defaults[i].value, toupper((unsigned char)sysctl_defaults[i].why[0]),
			sysctl_defaults[i].why + 1);
	printf(".El\n");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "keys") == 0)
		return print_keys();
	if (argc == 2 && strcmp(argv[1], "machine") == 0) {
		machine_print_table(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "sysctl") == 0) {
		print_sysctl();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "messages") == 0) {
		print_messages();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "dictionary") == 0) {
		print_dictionary();
		return 0;
	}
	fprintf(stderr, "usage: print-tables dictionary|keys|machine|messages|sysctl\n");
	return 2;
}
