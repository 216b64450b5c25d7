/* SPDX-License-Identifier: MIT */
#include "probe/verbs/view.h"

#include "probe/memory.h"
#include "probe/verbs/output.h"

#include <stdlib.h>

static json_t *as_json(const struct inquiry *i, const void *decoded, const struct view *v)
{
	json_t *object = output_target(i->target);

	v->members(object, i, decoded);
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

/* Decode an answer, and print it or add it to the JSON list. Returns the exit status. */
static int show(
	struct inquiry *i, const struct options *o, const struct view *v, struct output_list *list)
{
	void *decoded = memory_must(calloc(1, v->size > 0 ? v->size : 1));
	int status;

	inquiry_decode(i);
	status = i->failure.kind == FAILURE_NONE ? v->decode(i, decoded) : 0;

	if (i->failure.kind != FAILURE_NONE)
		status = v->status_without != 0 ? v->status_without
						: (int)failure_exit(i->failure.kind);
	if (o->json)
		output_list_add(list, as_json(i, decoded, v));
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	else
		v->print(i, decoded, o->is_many);
	if (v->release != NULL)
		v->release(decoded);
	free(decoded);
	return status;
}

int view_run(const struct options *o, const struct question *question, uint64_t timeout_ms,
	const struct view *v)
{
	struct inquiry *all =
		inquiry_all(o->targets, o->target_count, question, 1, timeout_ms, o->parallel);
	struct output_list list = { .is_array = o->is_many };
	int status = EXIT_HEALTHY;

	for (size_t n = 0; n < o->target_count; n++) {
		int one = show(&all[n], o, v, &list);

		status = one > status ? one : status;
		inquiry_free(&all[n]);
	}
	if (o->json)
		output_list_end(&list);
	inquiry_free_all(all, o->target_count);
	return status;
}
