/* SPDX-License-Identifier: MIT */
#include "supervisor/ini_file.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX     (256 * 1024)
#define PROBLEMS_MAX 8 /* told one by one; a file of another kind has thousands */

struct reading {
	const char *path;
	ini_file_entry entry;
	void *arg;
	const struct reporter *report;
	unsigned int problems;
	bool no_memory;
};

static void tell(struct reading *r, int line, const char *text)
{
	struct problem p;

	if (r->problems++ >= PROBLEMS_MAX)
		return;
	problem_set_text(&p, EINVAL, "%s:%d: %s", r->path, line, text);
	problem_report(r->report, &p);
}

/* inih calls this with key and value NULL where a section begins. Errors of an entry are told here;
 * for inih, only a line that it cannot parse is an error. */
static int on_entry(void *user, const char *section, const char *key, const char *value, int line)
{
	struct reading *r = user;
	struct problem p;

	if (key == NULL || r->entry(r->arg, section, key, value, &p) == 0)
		return 1;
	r->no_memory |= p.code == ENOMEM;
	tell(r, line, p.text);
	return 1;
}

/* inih goes on after an error and returns the line of the first one. */
static void parse(struct reading *r, const char *text)
{
	int line = ini_parse_string(text, on_entry, r);
	struct problem p;

	if (line > 0)
		tell(r, line, "not a [section] and not KEY = VALUE");
	else if (line < 0)
		tell(r, 0, "cannot be parsed");
	if (r->problems > PROBLEMS_MAX) {
		problem_set_text(
			&p, EINVAL, "%s: and %u more errors", r->path, r->problems - PROBLEMS_MAX);
		problem_report(r->report, &p);
	}
}

int ini_file_read(int directory, const char *path, ini_file_entry entry, void *arg,
	const struct reporter *report, uint64_t *hash)
{
	struct reading r = { .path = path, .entry = entry, .arg = arg, .report = report };
	struct problem p;
	char *text;
	size_t len;
	const char *base = strrchr(path, '/');
	const char *name = directory == AT_FDCWD || base == NULL ? path : base + 1;
	int err = file_read_alloc_at(directory, name, FILE_MAX, &text, &len);

	if (err != 0) {
		problem_set(&p, -err, "cannot read %s", path);
		problem_report(report, &p);
		return err;
	}
	if (hash != NULL)
		*hash = strings_hash(text);
	if (memchr(text, '\0', len) != NULL)
		tell(&r, 0, "has a NUL byte: not a text file");
	else
		parse(&r, text);
	free(text);
	if (hash != NULL && r.no_memory)
		*hash = 0;
	return r.problems > 0 ? -EINVAL : 0;
}
