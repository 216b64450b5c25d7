/* SPDX-License-Identifier: MIT */
#include "probe/report/health.h"

#include "probe/memory.h"

#include <stdlib.h>
#include <string.h>

const struct question health_questions[3] = {
	{ .kind = REQUEST_INTEGRATION_STATUS },
	{ .kind = REQUEST_PROBE_STATUS },
	{ .kind = REQUEST_WORKER_STATUS },
};

static bool text_is(struct text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.bytes, word, text.len) == 0;
}

/*
 * An integration without a health object has no check; this project's agent sends one for all
 * others. Older agents leave it out until the first check has ended, but their status is
 * "starting" until then.
 */
static enum verdict judge(const struct check *c, bool healthy)
{
	if (c->has_health)
		return healthy ? VERDICT_HEALTHY : VERDICT_UNHEALTHY;
	return text_is(answer_text(c->status), "starting") ? VERDICT_PENDING : VERDICT_NONE;
}

static void read_integration(struct shape *s, struct check *c)
{
	struct text checkpoint;
	struct shape health;
	bool healthy = false;

	shape_text(s, "name", SHAPE_REQUIRED, &c->name);
	c->status = json_object_get(s->object, "status");
	if (c->status == NULL || json_is_null(c->status))
		failure_set(s->failure, FAILURE_UNDECODABLE,
			"the answer cannot be understood: %s.status: is missing", s->where);
	if (shape_text(s, "last_checkpoint_at", SHAPE_OPTIONAL, &checkpoint))
		c->last_checkpoint_at = json_object_get(s->object, "last_checkpoint_at");
	shape_number(s, "state_size_bytes", SHAPE_OPTIONAL, &c->state_size_bytes);
	if (shape_object(s, "health", SHAPE_OPTIONAL, &health)) {
		c->has_health = true;
		shape_bool(&health, "healthy", SHAPE_REQUIRED, &healthy);
		shape_text(&health, "detail", SHAPE_REQUIRED, &c->detail);
		shape_text(&health, "checked_at", SHAPE_REQUIRED, &c->checked_at);
	}
	c->verdict = judge(c, healthy);
}

static void read_probe(struct shape *s, struct check *c)
{
	bool healthy = false;

	c->is_probe = true;
	c->has_health = true;
	shape_text(s, "name", SHAPE_REQUIRED, &c->name);
	shape_bool(s, "healthy", SHAPE_REQUIRED, &healthy);
	shape_text(s, "detail", SHAPE_REQUIRED, &c->detail);
	shape_text(s, "checked_at", SHAPE_REQUIRED, &c->checked_at);
	c->output = json_object_get(s->object, "output");
	c->verdict = healthy ? VERDICT_HEALTHY : VERDICT_UNHEALTHY;
}

static void count(struct report *r, const struct check *c)
{
	if (c->verdict == VERDICT_NONE)
		return;
	r->total++;
	r->healthy += c->verdict == VERDICT_HEALTHY;
}

/* Append the checks in the array `key` of an answer. */
static void read_checks(struct report *r, const json_t *body, const char *key,
	void (*read)(struct shape *s, struct check *c), struct failure *f)
{
	struct shape answer, s = { .failure = f };
	size_t n;

	if (!shape_open(&answer, body, key, f) || !shape_array(&answer, key, SHAPE_REQUIRED, &n))
		return;
	r->checks = memory_resize(r->checks, r->count + n, sizeof(*r->checks));
	for (size_t i = 0; i < n && shape_element(&s, &answer, key, i); i++) {
		struct check *c = &r->checks[r->count++];

		*c = (struct check){ 0 };
		read(&s, c);
		count(r, c);
	}
}

static void read_worker(struct report *r, const json_t *body, struct failure *f)
{
	struct shape s;

	if (!shape_open(&s, body, question_answer(&health_questions[2]), f))
		return;
	shape_text(&s, "status", SHAPE_REQUIRED, &r->worker_status);
	shape_text(&s, "last_busy_at", SHAPE_OPTIONAL, &r->last_busy_at);
}

bool health_report(struct inquiry *i, struct report *r)
{
	*r = (struct report){ .worker_status = text_of(""), .last_busy_at = text_of("") };
	if (i->failure.kind != FAILURE_NONE)
		return false;
	read_checks(r, i->bodies[0], "integrations", read_integration, &i->failure);
	if (i->failure.kind == FAILURE_NONE)
		read_checks(r, i->bodies[1], "probes", read_probe, &i->failure);
	if (i->failure.kind == FAILURE_NONE && i->count > HEALTH_CHECKS)
		read_worker(r, i->bodies[2], &i->failure);
	return i->failure.kind == FAILURE_NONE;
}

void health_free(struct report *r)
{
	free(r->checks);
	r->checks = NULL;
	r->count = 0;
}

bool health_is_good(const struct report *r)
{
	return r->healthy == r->total;
}

const char *health_word(enum verdict v)
{
	static const char *const words[] = { [VERDICT_HEALTHY] = "healthy",
		[VERDICT_UNHEALTHY] = "unhealthy",
		[VERDICT_PENDING] = "pending",
		[VERDICT_NONE] = "-" };

	return words[v];
}

void health_summary(const struct report *r, struct buf *out, size_t max)
{
	char storage[512];
	struct buf names = BUF_OVER(storage);
	const char *before = ": ";

	if (r->total == 0) {
		buf_puts(out, "no checks");
		return;
	}
	buf_clear(&names);
	buf_printf(&names, "%zu/%zu healthy", r->healthy, r->total);
	for (size_t i = 0; i < r->count && names.len < max; i++) {
		const struct check *c = &r->checks[i];

		if (c->verdict != VERDICT_UNHEALTHY && c->verdict != VERDICT_PENDING)
			continue;
		buf_puts(&names, before);
		text_put_visible(&names, c->name, 40);
		before = ", ";
	}
	text_put_visible(out, (struct text){ names.data, names.len }, max);
}
