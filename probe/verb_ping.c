/* SPDX-License-Identifier: MIT */
#include "probe/inquiry.h"
#include "probe/output.h"
#include "probe/verbs.h"

#include <stdio.h>

static json_t *as_json(const struct inquiry *i)
{
	json_t *object = output_target(i->target);
	bool alive = i->failure.kind == FAILURE_NONE;

	output_set(object, "alive", json_boolean(alive));
	output_set(object, "elapsed_us",
		alive ? json_integer((json_int_t)i->elapsed_us) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

static void print(const struct inquiry *i)
{
	if (i->failure.kind != FAILURE_NONE) {
		output_error(i->target, &i->failure);
		return;
	}
	printf("%s: alive, answered in %llu.%03llu ms\n", i->target->shown,
		(unsigned long long)(i->elapsed_us / 1000),
		(unsigned long long)(i->elapsed_us % 1000));
}

int verb_ping(const struct options *o)
{
	static const struct question ping = { "\"Ping\"", "Pong" };
	struct inquiry *all = inquiry_all(o->targets, o->target_count, &ping, 1, o->timeout_ms);
	json_t *array = json_array();
	int status = EXIT_HEALTHY;

	for (size_t n = 0; n < o->target_count; n++) {
		int one = (int)failure_exit(all[n].failure.kind);

		status = one > status ? one : status;
		if (o->json)
			json_array_append_new(array, as_json(&all[n]));
		else
			print(&all[n]);
	}
	if (o->json)
		output_json(output_one_or_all(array));
	else
		json_decref(array);
	inquiry_free_all(all, o->target_count);
	return status;
}
