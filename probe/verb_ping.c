/* SPDX-License-Identifier: MIT */
#include "probe/output.h"
#include "probe/verbs.h"
#include "probe/view.h"

#include <stdio.h>

static int decode(struct inquiry *i, void *decoded)
{
	(void)i;
	(void)decoded;
	return EXIT_HEALTHY; /* that there is a Pong says it all */
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	bool alive = i->failure.kind == FAILURE_NONE;

	(void)decoded;
	output_set(object, "alive", json_boolean(alive));
	output_set(object, "elapsed_us",
		alive ? json_integer((json_int_t)i->elapsed_us) : json_null());
}

static void print(const struct inquiry *i, const void *decoded, bool many)
{
	(void)decoded;
	(void)many;
	printf("%s: alive, answered in %llu.%03llu ms\n", i->target->shown,
		(unsigned long long)(i->elapsed_us / 1000),
		(unsigned long long)(i->elapsed_us % 1000));
}

int verb_ping(const struct options *o)
{
	static const struct view view = { .decode = decode, .members = members, .print = print };

	return view_run(o, &(struct question){ "\"Ping\"", "Pong" }, o->timeout_ms, &view);
}
