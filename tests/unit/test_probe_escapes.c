/* SPDX-License-Identifier: MIT */
#include "probe/verbs/raw_terminal.h"

#include <criterion/criterion.h>
#include <string.h>

/* Type `keys` in one piece, or each key for itself. Returns what the guest gets. */
static const char *filtered(const char *keys, bool in_pieces, bool *leave)
{
	static char all[128];
	struct escapes e = { 0 };
	size_t len = strlen(keys), n = 0, piece = in_pieces ? 1 : len;

	*leave = false;
	for (size_t i = 0; i < len && !*leave; i += piece) {
		char bytes[128 + ESCAPES_ROOM];
		size_t got;

		memcpy(bytes, keys + i, piece);
		got = escapes_filter(&e, bytes, piece, leave);
		memcpy(all + n, bytes, got);
		n += got;
	}
	all[n] = '\0';
	return all;
}

Test(probe_escapes, only_at_the_start_of_a_line)
{
	static const struct {
		const char *keys, *guest;
		bool leaves;
	} cases[] = {
		{ "ls\r", "ls\r", false },
		{ "~.", "", true },
		{ "ls\r~.rest", "ls\r", true },
		{ "ls\n~.", "ls\n", true },
		{ "a~.\r", "a~.\r", false },
		{ "~~.\r", "~.\r", false },
		{ "~x\r", "~x\r", false },
		{ "~/bin/x\r~.", "~/bin/x\r", true },
		{ "~\r~.", "~\r", true },
		{ "~~~.\r", "~~.\r", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
			bool leave;

			cr_expect_str_eq(filtered(cases[i].keys, in_pieces, &leave), cases[i].guest,
				"%s (%d): %s", cases[i].keys, in_pieces,
				filtered(cases[i].keys, in_pieces, &leave));
			cr_expect_eq(leave, cases[i].leaves, "%s (%d)", cases[i].keys, in_pieces);
		}
	}
}
