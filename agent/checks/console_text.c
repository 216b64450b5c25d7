/* SPDX-License-Identifier: MIT */
#include "agent/checks/console_text.h"

#include "protocol/utf8.h"

#include <string.h>

/* Phrases, and the place of the blank or colon that an underscore replaces. */
static const struct {
	const char *text;
	size_t joint;
} phrases[] = {
	{ "Kernel panic", 6 },
	{ "Out of memory", 3 },
	{ "Killed process", 6 },
	{ "BUG:", 3 },
	{ "Call Trace:", 4 },
	{ "oom-kill:", 3 },
	{ "invoked oom-killer", 7 },
};

const char *console_text(const char *text, char *out, size_t size)
{
	size_t len = utf8_cut(text, strlen(text), size - 1);

	memcpy(out, text, len);
	out[len] = '\0';
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		for (char *at = out; (at = strstr(at, phrases[i].text)) != NULL;)
			at[phrases[i].joint] = '_';
	return out;
}
