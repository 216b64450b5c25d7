/* SPDX-License-Identifier: MIT */
#include "agent/requests/fs_diff.h"

#include "agent/requests/init_answer.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_TEXT 4 /* where the text of "! 0 text" begins */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct fs_change *)a)->path, ((const struct fs_change *)b)->path);
}

static void write_error(struct buf *b, const char *format, uint64_t count, const char *text)
{
	char message[512];

	buf_format(message, sizeof(message), format, (unsigned long long)count, text);
	connection_write_error(b, message);
}

/* One entry of PID 1's list: "c 3 /etc/a". Returns false for its end. */
static bool read_entry(const char *entry, struct fs_change *change)
{
	static const char letters[] = { CONTROL_CHANGE_CREATED, CONTROL_CHANGE_MODIFIED,
		CONTROL_CHANGE_DELETED, '\0' };
	const char *letter = entry[0] != '\0' ? strchr(letters, entry[0]) : NULL;
	char *path;

	if (letter == NULL || entry[1] != ' ')
		return false;
	change->kind = (unsigned int)(letter - letters); /* enum fs_change_kind is in this order */
	change->size = strtoull(entry + 2, &path, 10);
	change->path = path + (*path == ' ');
	return true;
}

/* Append the list unless it does not fit; `b` may be the small one of two buffers. */
static void write_list(struct buf *b, struct fs_change *changes, size_t count)
{
	struct list_answer list = { .items = { .items = changes, .count = count } };
	size_t before = b->len;

	message_encode(b, ANSWER_FS_DIFF, &list);
	if (!b->cut || b->size <= PROTOCOL_BODY_MAX)
		return;
	b->cut = false;
	b->len = before;
	write_error(b, "FsDiff: %llu changes are more than fit an answer%s", count, "");
}

void fs_diff_write(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	const char *entry = a->log, *end = a->log + a->log_len;
	size_t room = a->log_len / sizeof("c 0 /"), count = 0;
	struct fs_change *changes;

	if (a->log_cut) {
		write_error(
			b, "FsDiff: %llu changes are more than fit an answer%s", a->lost - 1, "");
		return;
	}
	changes = calloc(room + 1, sizeof(*changes));
	if (changes == NULL) {
		connection_write_error(b, "out of memory");
		return;
	}
	while (entry < end && memchr(entry, '\0', (size_t)(end - entry)) != NULL && count < room &&
		read_entry(entry, &changes[count])) {
		entry += strlen(entry) + 1;
		count++;
	}
	qsort(changes, count, sizeof(*changes), compare);
	if (entry < end && *entry == CONTROL_CHANGE_END)
		write_list(b, changes, count);
	else if (entry < end && *entry == CONTROL_CHANGE_FAILED && end[-1] == '\0' &&
		 strlen(entry) >= FAILED_TEXT)
		write_error(b, "FsDiff: the list ends after %llu changes: %s", count,
			entry + FAILED_TEXT);
	else
		write_error(b, "FsDiff: the list ends after %llu changes%s", count, "");
	free(changes);
}
