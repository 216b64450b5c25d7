/* SPDX-License-Identifier: MIT */
#include "supervisor/order.h"

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/index.h"

#include <string.h>

/* The i-th service that `v` starts after: first those of `after`, then those of `requires`. */
static struct service *behind(const struct service *v, size_t i, bool *required)
{
	const struct strings *after = &v->config.after, *requires = &v->config.requires;

	*required = i >= after->count;
	return supervisor_find(
		v->owner, *required ? requires->list[i - after->count] : after->list[i]);
}

static size_t count_behind(const struct service *v)
{
	return v->config.after.count + v->config.requires.count;
}

/* Log unknown names in `after` and `requires`. True, with `reason`, if `requires` has one. */
static bool requires_unknown(struct service *v, char *reason, size_t size)
{
	const struct strings *lists[] = { &v->config.after, &v->config.requires };
	bool is_missing = false;

	for (int r = 0; r < 2; r++) {
		for (size_t i = 0; i < lists[r]->count; i++) {
			const char *name = lists[r]->list[i];

			if (supervisor_find(v->owner, name) != NULL)
				continue;
			buf_format(reason, size, "%s names no service: '%s'",
				r == 0 ? "after" : "requires", name);
			log_line("%s: %s", v->name, reason);
			is_missing |= r == 1;
		}
	}
	return is_missing;
}

/* True if `v` starts after `goal`, directly or through others. `mark` is new for each question, so
 * that no service is visited twice. */
static bool reaches(struct service *v, const struct service *goal, unsigned int mark)
{
	for (size_t i = 0; i < count_behind(v); i++) {
		bool required;
		struct service *u = behind(v, i, &required);

		if (u == goal)
			return true;
		if (u == NULL || u->mark == mark)
			continue;
		u->mark = mark;
		if (reaches(u, goal, mark))
			return true;
	}
	return false;
}

bool order_is_possible(struct service *v, unsigned int mark, char *reason, size_t size)
{
	if (count_behind(v) == 0)
		return true;
	if (requires_unknown(v, reason, size))
		return false;
	if (!reaches(v, v, mark))
		return true;
	buf_format(reason, size, "it comes after itself: after and requires form a cycle");
	log_line("%s: %s", v->name, reason);
	return false;
}

/* True if `after` need not wait for the service: it is up, has failed, or is not to run. */
static bool is_settled(const struct service *u)
{
	return u->problem != NULL || machine_is_up(&u->machine) || !u->machine.wanted ||
	       u->machine.failures > 0 || u->machine.state == MACHINE_FAILED ||
	       u->machine.state == MACHINE_EXITED;
}

static bool will_never_be_up(const struct service *u)
{
	return u->problem != NULL || !u->machine.wanted || u->machine.state == MACHINE_FAILED ||
	       (u->machine.state == MACHINE_EXITED && !machine_is_up(&u->machine));
}

enum order_answer order_ask(const struct service *v, const char **blocker)
{
	enum order_answer answer = ORDER_CLEAR;

	for (size_t i = 0; i < count_behind(v); i++) {
		bool required;
		const struct service *u = behind(v, i, &required);

		if (u == NULL)
			continue;
		if (required && will_never_be_up(u)) {
			*blocker = u->name;
			return ORDER_BLOCKED;
		}
		if (required ? !machine_is_up(&u->machine) : !is_settled(u))
			answer = ORDER_WAIT;
	}
	return answer;
}

bool order_is_needed(const struct service *v)
{
	for (size_t i = 0; i < v->index.dependent_count; i++) {
		const struct service *u = v->index.dependents[i];

		if (u != v && machine_is_active(&u->machine))
			return true;
	}
	return false;
}
