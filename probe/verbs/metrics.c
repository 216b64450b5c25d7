/* SPDX-License-Identifier: MIT */
#include "probe/report/metrics.h"

#include "probe/memory.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stdio.h>

static json_t *as_json(const struct inquiry *i, bool is_up)
{
	json_t *object = output_target(i->target);

	output_set(object, "metrics", is_up ? json_deep_copy(i->bodies[0]) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

int verb_metrics(const struct options *o)
{
	struct inquiry *all = inquiry_all(
		o->targets, o->target_count, &metrics_question, 1, o->timeout_ms, o->parallel);
	struct output_list list = { .is_array = o->is_many };
	struct metrics_page page;
	int status = EXIT_HEALTHY;

	metrics_start(&page, METRICS_OPENMETRICS);
	for (size_t n = 0; n < o->target_count; n++) {
		bool is_up;
		int one;

		inquiry_decode(&all[n]);
		is_up = metrics_add(&page, &all[n]);
		one = (int)failure_exit(all[n].failure.kind);
		status = one > status ? one : status;
		if (o->json)
			output_list_add(&list, as_json(&all[n], is_up));
		else if (!is_up)
			output_error(all[n].target, &all[n].failure);
		inquiry_free(&all[n]);
	}
	if (o->json) {
		output_list_end(&list);
		metrics_drop(&page);
	} else {
		metrics_end(&page, stdout);
		puts("# EOF");
	}
	inquiry_free_all(all, o->target_count);
	return status;
}
