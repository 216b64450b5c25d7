/* SPDX-License-Identifier: MIT */
#include "init/etc_file.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)

int etc_file_read(const char *path, char **text, const struct reporter *report)
{
	struct problem p;
	size_t len = 0;
	int err = file_read_alloc(path, FILE_MAX, text, &len);

	if (err == 0 && strlen(*text) < len) {
		free(*text);
		err = -EILSEQ; /* a NUL byte */
	}
	if (err == -ENOENT || err == -ELOOP || err == -ENOTDIR) {
		*text = strdup("");
		err = *text == NULL ? -ENOMEM : 0;
	}
	if (err == 0)
		return 0;
	problem_set(&p, -err, "cannot read %s, not changing it", path);
	problem_report(report, &p);
	return err;
}

/* Write only changes: the disk may be shared, slow or read-only. */
void etc_file_write(
	const char *path, const char *now, const struct buf *wanted, const struct reporter *report)
{
	char temporary[128];
	struct problem p;
	int err;

	if (strcmp(now, wanted->data) == 0)
		return;
	/* A crash may have left this file, or the image may have a link, which file_replace()
	 * refuses. */
	buf_format(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	err = wanted->cut ? -EFBIG : file_replace(path, wanted->data, wanted->len, 0644);
	if (err == 0)
		return;
	problem_set(&p, -err, "cannot write %s", path);
	problem_report(report, &p);
}
