/* SPDX-License-Identifier: MIT */
/* boot: the stages of the guest's boot with their times, as a table or a picture. */
#include "base/file.h"
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/report/boot_timeline.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/number_cell.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_COLUMNS   40
#define DETAIL_COLUMNS 100
#define BAR_COLUMNS    32

static int decode(struct inquiry *i, void *decoded)
{
	struct boot_times *t = decoded;

	if (!boot_times_read(t, i))
		return EXIT_NO_ANSWER;
	return boot_times_are_good(t) ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct boot_times *t = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "stages",
		answered ? json_deep_copy(json_object_get(i->bodies[0], "stages")) : json_null());
	output_set(object, "all_healthy_us",
		answered && t->all_healthy_us.known
			? json_integer((json_int_t)t->all_healthy_us.value)
			: json_null());
}

static void format_ms(struct buf *b, uint64_t us)
{
	buf_printf(
		b, "%llu.%03llu", (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
}

/* When, from the start of the kernel to the end of the boot: "    ####  ". */
static void bar_cell(struct table *t, const struct boot_times *all, const struct maybe *start,
	uint64_t took_us, char mark)
{
	double scale = (double)BAR_COLUMNS / (double)all->end_us;
	size_t first = start->known ? (size_t)((double)start->value * scale) : 0;
	size_t last = start->known ? (size_t)((double)(start->value + took_us) * scale) : 0;
	char bar[BAR_COLUMNS + 1];

	if (first >= BAR_COLUMNS)
		first = BAR_COLUMNS - 1;
	if (last <= first)
		last = first + 1;
	if (last > BAR_COLUMNS)
		last = BAR_COLUMNS;
	memset(bar, ' ', first);
	memset(bar + first, mark, last - first);
	bar[start->known ? last : 0] = '\0';
	table_printf(t, "%s", bar);
}

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	static const char *const heads[] = { "STAGE", "AT MS", "TOOK MS", "RESULT", "DETAIL" };
	static const char *const bar_heads[] = { "STAGE", "AT MS", "TOOK MS", "RESULT", "WHEN",
		"DETAIL" };
	const struct boot_times *all = decoded;
	bool has_bars = isatty(STDOUT_FILENO);
	struct table t;

	if (page->many)
		out_printf(page->out, "%s:\n", i->target->shown);
	table_start(&t, has_bars ? bar_heads : heads, has_bars ? 6 : 5);
	for (size_t n = 0; n < all->count; n++) {
		const struct boot_span *s = &all->spans[n];

		table_text(&t, s->name, NAME_COLUMNS);
		number_cell(&t, &s->start_us, format_ms);
		number_cell(&t, &s->duration_us, format_ms);
		table_printf(&t, "%s", s->success ? "done" : "failed");
		if (has_bars)
			bar_cell(&t, all, &s->start_us,
				s->duration_us.known ? s->duration_us.value : 0,
				s->success ? '#' : '!');
		table_text(&t, s->detail, DETAIL_COLUMNS);
	}
	if (all->all_healthy_us.known) {
		table_printf(&t, "every check healthy");
		number_cell(&t, &all->all_healthy_us, format_ms);
		table_printf(&t, "%s", "");
		table_printf(&t, "%s", "");
		if (has_bars)
			bar_cell(&t, all, &all->all_healthy_us, 0, '|');
		table_printf(&t, "%s", "");
	}
	table_end(&t, page->many ? 2 : 0, page->out);
}

static void release(void *decoded)
{
	boot_times_free(decoded);
}

/* ---- the picture ----------------------------------------------------------------------------- */

static int write_picture(const struct options *o, const struct boot_times *times,
	const struct inquiry *all, uint64_t end_us)
{
	struct boot_picture picture;
	size_t len;
	char *text;
	int err;

	boot_picture_start(&picture, end_us);
	for (size_t n = 0; n < o->target_count; n++)
		if (all[n].failure.kind == FAILURE_NONE)
			boot_picture_add(&picture, all[n].target->name, &times[n]);
	text = boot_picture_end(&picture, &len);
	err = file_replace(o->svg, text, len, 0644);
	free(text);
	if (err == 0)
		return EXIT_HEALTHY;
	out_printf(stderr, "mvm-probe: --svg: %s: %s\n", o->svg, problem_errno_text(-err));
	return EXIT_NO_ANSWER;
}

static int draw(const struct options *o, const struct question *question)
{
	struct inquiry *all =
		inquiry_all(o->targets, o->target_count, question, 1, o->timeout_ms, o->parallel);
	struct boot_times *times = memory_must(calloc(o->target_count, sizeof(*times)));
	int status = EXIT_HEALTHY, written;
	uint64_t end_us = 1;

	for (size_t n = 0; n < o->target_count; n++) {
		int one;

		inquiry_decode(&all[n]);
		one = all[n].failure.kind == FAILURE_NONE ? decode(&all[n], &times[n]) : 0;
		if (all[n].failure.kind != FAILURE_NONE) {
			one = (int)failure_exit(all[n].failure.kind);
			output_error(all[n].target, &all[n].failure);
		}
		status = one > status ? one : status;
		end_us = times[n].end_us > end_us ? times[n].end_us : end_us;
	}
	written = write_picture(o, times, all, end_us);
	for (size_t n = 0; n < o->target_count; n++)
		boot_times_free(&times[n]);
	free(times);
	inquiry_free_all(all, o->target_count);
	return written > status ? written : status;
}

int verb_boot(const struct options *o)
{
	static const struct question question = { .kind = REQUEST_BOOT_TIMELINE };
	static const struct view view = { .size = sizeof(struct boot_times),
		.decode = decode,
		.members = members,
		.print = print,
		.release = release };

	return o->svg != NULL ? draw(o, &question) : view_run(o, &question, o->timeout_ms, &view);
}
