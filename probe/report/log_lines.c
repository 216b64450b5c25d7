/* SPDX-License-Identifier: MIT */
#include "probe/report/log_lines.h"

#include "probe/memory.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 65536 /* a line without an end must not use up memory */

/* The time of the byte at `at`; `i` is the decoded answer. */
static uint64_t time_at(const struct inquiry *i, uint64_t at)
{
	const json_t *times = json_object_get(i->bodies[0], "times"), *mark;
	uint64_t found = 0;
	size_t n;

	json_array_foreach(times, n, mark)
	{
		if ((uint64_t)json_integer_value(json_object_get(mark, "position")) > at)
			break;
		found = (uint64_t)json_integer_value(json_object_get(mark, "unix_ms"));
	}
	return found;
}

/*
 * The first position that is not older than `since_ms`. Output without a time counts as new, so
 * that lines of an agent that sends no times are not dropped.
 */
static uint64_t first_since(
	const struct inquiry *i, uint64_t start, uint64_t end, uint64_t since_ms)
{
	const json_t *times = json_object_get(i->bodies[0], "times"), *mark;
	bool is_old = false;
	size_t n;

	json_array_foreach(times, n, mark)
	{
		uint64_t at = (uint64_t)json_integer_value(json_object_get(mark, "position"));
		uint64_t ms = (uint64_t)json_integer_value(json_object_get(mark, "unix_ms"));

		if (ms >= since_ms)
			return is_old && at > start ? at : start;
		is_old = is_old || ms > 0;
	}
	return is_old ? end : start;
}

bool log_lines_read(struct log_lines *l, struct inquiry *i)
{
	uint64_t position, start, first;
	struct shape s;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return false;
	shape_text(&s, "text", SHAPE_REQUIRED, &l->text);
	shape_number(&s, "position", SHAPE_REQUIRED, &position);
	shape_bool(&s, "cut", SHAPE_OPTIONAL, &l->is_cut);
	shape_array(&s, "times", SHAPE_OPTIONAL, &count);
	if (shape_failed(&s))
		return false;
	start = position > l->text.len ? position - l->text.len : 0;
	/* Begins after our position: the guest dropped output. Ends before it: a new boot. */
	l->is_cut = l->is_cut || (l->is_asked && (start > l->position || position < l->position));
	l->position = position;
	if (l->since_ms > 0) {
		first = first_since(i, start, position, l->since_ms);
		l->text.bytes += first - start;
		l->text.len -= (size_t)(first - start);
		if (l->text.len > 0)
			l->since_ms = 0; /* all later output is newer */
	}
	return true;
}

static void put(struct log_lines *l, struct text text, uint64_t position, uint64_t unix_ms)
{
	l->put(l, &(struct log_line){ text, position, unix_ms, false });
}

void log_lines_flush(struct log_lines *l)
{
	size_t len = l->begun_len;

	l->begun_len = 0;
	if (len > 0)
		put(l, (struct text){ l->begun, len }, l->position, l->begun_ms);
}

static void put_gap(struct log_lines *l, uint64_t start)
{
	uint64_t end = l->position;

	l->position = start;
	log_lines_flush(l);
	l->position = end;
	l->put(l, &(struct log_line){ .position = start, .is_gap = true });
}

bool log_lines_take(struct log_lines *l, struct inquiry *i)
{
	uint64_t start;
	char *text, *at;
	size_t len;

	if (!log_lines_read(l, i))
		return false;
	start = l->position - l->text.len;
	if (l->is_asked && l->is_cut)
		put_gap(l, start);
	l->is_asked = true;
	if (l->begun_len == 0)
		l->begun_ms = time_at(i, start);
	len = l->begun_len + l->text.len;
	text = at = memory_resize(l->begun, len + 1, 1);
	memcpy(text + l->begun_len, l->text.bytes, l->text.len);
	for (char *end; (end = memchr(at, '\n', (size_t)(text + len - at))) != NULL;) {
		uint64_t position = l->position - (uint64_t)(text + len - end - 1);

		put(l, (struct text){ at, (size_t)(end - at) }, position, l->begun_ms);
		l->begun_ms = time_at(i, position);
		at = end + 1;
	}
	l->begun_len = (size_t)(text + len - at);
	memmove(text, at, l->begun_len);
	l->begun = text;
	if (l->begun_len >= LINE_MAX_BYTES)
		log_lines_flush(l);
	return l->text.len > 0;
}

uint64_t log_lines_done(const struct log_lines *l)
{
	return l->position - l->begun_len;
}

void log_lines_free(struct log_lines *l)
{
	free(l->begun);
	l->begun = NULL;
	l->begun_len = 0;
}
