/* SPDX-License-Identifier: MIT */
/*
 * Logs of many services of many guests. Each service has its own requests, so that a slow
 * guest delays no other. With --follow VMs and services may come and go, and --state keeps the
 * positions from one call to the next.
 */
#include "base/clock.h"
#include "base/file.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/verbs/logs.h"
#include "probe/verbs/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS        5000 /* between two searches for VMs, and for a guest's services */
#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS  1000
#define WAIT_MS        50 /* for a descriptor */
#define SAVE_MS        1000
#define LARGE_BYTES    16384 /* an answer of this size may not be complete */
#define ROUNDS_MAX     8     /* for a service that writes faster than it is read */
#define STATE_MAX      (8u << 20)
#define BOOT_SLACK_MS  5000 /* clocks may differ this much between two answers */

struct stream {
	struct guest *guest;
	char *service;
	struct log_lines lines;
	struct inquiry inquiry;
	struct question question;
	char *request;
	struct loop_timer timer;
	uint64_t pause_ms;
	unsigned int rounds;
	bool is_asking;
	char *bytes; /* without --follow: its output, until all services have answered */
	size_t len;
	FILE *out;
	struct stream *next;
};

struct guest {
	struct many *many;
	struct target target;
	char *text; /* as the target was given */
	struct stream *streams;
	struct inquiry inquiry;
	struct loop_timer timer;
	uint64_t booted_at_ms; /* 0: not known */
	bool is_asking, is_listed, has_failed;
	struct guest *next;
};

struct many {
	const struct options *options;
	struct loop loop;
	struct loop_io signals, reader;
	struct loop_timer look, save;
	struct guest *guests;
	json_t *state; /* positions of an earlier call, or NULL */
	size_t open, limit;
	int status;
	bool is_over, is_terminal, has_new_positions;
};

/* ---- output ---------------------------------------------------------------------------------- */

static void put_text(const struct stream *s, const struct log_line *line)
{
	out_printf(s->out, "%s/", s->guest->target.name);
	output_text(s->out, text_of(s->service), s->guest->many->is_terminal);
	if (line->is_gap) {
		fputs(": (some lines are missing: the guest no longer has them)\n", s->out);
		return;
	}
	fputs(": ", s->out);
	output_text(s->out, line->text, s->guest->many->is_terminal);
	fputc('\n', s->out);
}

static void put_line(struct log_lines *l, const struct log_line *line)
{
	struct stream *s = LOOP_OWNER(l, struct stream, lines);

	if (s->guest->many->options->json)
		logs_put_json(s->out, &s->guest->target, s->service, line);
	else
		put_text(s, line);
}

/* Report a failure once, when it begins. */
static void say_failure(struct guest *g, const struct failure *f)
{
	if (!g->has_failed)
		output_error(&g->target, f);
	g->has_failed = true;
	if ((int)failure_exit(f->kind) > g->many->status)
		g->many->status = (int)failure_exit(f->kind);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void ask_stream(struct loop_timer *timer);
static void look_at_guest(struct loop_timer *timer);

static bool is_idle(const struct many *m)
{
	for (const struct guest *g = m->guests; g != NULL; g = g->next) {
		if (g->is_asking || g->timer.set)
			return false;
		for (const struct stream *s = g->streams; s != NULL; s = s->next)
			if (s->is_asking || s->timer.set)
				return false;
	}
	return true;
}

/* Ask again later; without --follow, this was the last request. */
static void rest(struct many *m, struct loop_timer *timer, uint64_t ms)
{
	if (m->options->follow)
		loop_timer_set(&m->loop, timer, clock_ms() + ms);
	else if (is_idle(m))
		m->is_over = true;
}

/* Wait while all descriptors are in use. */
static bool take_place(struct many *m, struct loop_timer *timer)
{
	if (m->open >= m->limit) {
		loop_timer_set(&m->loop, timer, clock_ms() + WAIT_MS);
		return false;
	}
	m->open++;
	return true;
}

static void stream_answered(struct inquiry *i)
{
	struct stream *s = LOOP_OWNER(i, struct stream, inquiry);
	struct guest *g = s->guest;
	struct many *m = g->many;
	bool came = i->failure.kind == FAILURE_NONE && log_lines_take(&s->lines, i);

	m->open--;
	s->is_asking = false;
	m->has_new_positions = m->has_new_positions || came;
	/* Not a failure: one of many guests may lack the service. */
	if (i->failure.kind != FAILURE_NONE &&
		(i->failure.kind != FAILURE_ERROR_ANSWER || !m->options->is_many)) {
		say_failure(g, &i->failure);
		s->pause_ms = LOOK_MS;
	} else if (came) {
		g->has_failed = false;
		s->pause_ms = PAUSE_FIRST_MS;
	} else {
		s->pause_ms = 2 * s->pause_ms < PAUSE_LAST_MS ? 2 * s->pause_ms : PAUSE_LAST_MS;
	}
	inquiry_free(i);
	/* One answer has room for a part of the output that a guest keeps. */
	if (!m->options->follow && s->lines.text.len >= LARGE_BYTES && s->rounds++ < ROUNDS_MAX)
		loop_timer_set(&m->loop, &s->timer, 0);
	else
		rest(m, &s->timer, s->pause_ms);
}

static void ask_stream(struct loop_timer *timer)
{
	struct stream *s = LOOP_OWNER(timer, struct stream, timer);
	struct many *m = s->guest->many;
	const struct logs_request body = { .service = s->service,
		.lines = s->lines.since_ms > 0 ? 0 : m->options->lines,
		.position = s->lines.position,
		.has_lines = !s->lines.is_asked,
		.has_position = s->lines.is_asked };

	if (!take_place(m, timer))
		return;
	free(s->request);
	s->request = output_request(REQUEST_LOGS, &body);
	s->question = (struct question){ REQUEST_LOGS, s->request };
	s->inquiry = (struct inquiry){ .loop = &m->loop,
		.target = &s->guest->target,
		.questions = &s->question,
		.count = 1,
		.timeout_ms = m->options->timeout_ms,
		.done = stream_answered };
	s->is_asking = true;
	inquiry_start(&s->inquiry);
}

/* Continue where an earlier call ended, unless the guest has restarted since. */
static void take_state(struct stream *s)
{
	const struct guest *g = s->guest;
	const json_t *old = json_object_get(g->many->state, g->text);
	uint64_t booted = (uint64_t)json_integer_value(json_object_get(old, "booted_at_ms"));
	const json_t *position = json_object_get(json_object_get(old, "services"), s->service);

	if (old == NULL)
		return;
	s->lines.since_ms = 0;
	s->lines.is_asked = true; /* from the old position, or from the start of this boot */
	if (position != NULL && booted + BOOT_SLACK_MS >= g->booted_at_ms)
		s->lines.position = (uint64_t)json_integer_value(position);
}

static void add_stream(struct guest *g, const char *service)
{
	struct stream **at = &g->streams, *s;

	for (; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->service, service) == 0)
			return;
	s = *at = memory_must(calloc(1, sizeof(*s)));
	s->guest = g;
	s->service = memory_copy(service, strlen(service));
	s->lines.since_ms = g->many->options->since_ms;
	s->lines.put = put_line;
	s->pause_ms = PAUSE_FIRST_MS;
	s->timer.expire = ask_stream;
	s->out =
		g->many->options->follow ? stdout : memory_must(open_memstream(&s->bytes, &s->len));
	take_state(s);
	loop_timer_set(&g->many->loop, &s->timer, 0);
}

static void free_stream(struct stream *s)
{
	struct many *m = s->guest->many;

	loop_timer_clear(&m->loop, &s->timer);
	if (s->is_asking) {
		inquiry_free(&s->inquiry);
		m->open--;
	}
	if (s->out != stdout) {
		fclose(s->out);
		free(s->bytes);
	}
	log_lines_free(&s->lines);
	free(s->request);
	free(s->service);
	free(s);
}

/* ---- guests ---------------------------------------------------------------------------------- */

/* After a restart, a guest counts its positions from the start again. */
static void note_boot(struct guest *g, uint64_t uptime_ms)
{
	uint64_t booted = (uint64_t)time(NULL) * 1000 - uptime_ms;
	bool is_new =
		uptime_ms > 0 && g->booted_at_ms > 0 && booted > g->booted_at_ms + BOOT_SLACK_MS;

	for (struct stream *s = g->streams; s != NULL && is_new; s = s->next) {
		log_lines_flush(&s->lines);
		s->lines.position = 0;
	}
	if (g->booted_at_ms == 0 || is_new)
		g->booted_at_ms = booted;
}

static void take_services(struct guest *g, struct inquiry *i)
{
	const struct options *o = g->many->options;
	struct shape s, guest = { 0 };
	struct services all = { 0 };
	uint64_t uptime_ms = 0;

	if (shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure) &&
		shape_object(&s, "guest", SHAPE_OPTIONAL, &guest))
		shape_number(&guest, "uptime_ms", SHAPE_OPTIONAL, &uptime_ms);
	note_boot(g, uptime_ms);
	if (o->name_count == 0)
		services_read(&all, &s, SHAPE_OPTIONAL);
	for (size_t n = 0; n < o->name_count; n++)
		add_stream(g, o->names[n]);
	for (size_t n = 0; n < all.count; n++) {
		char *name = memory_copy(all.items[n].name.bytes, all.items[n].name.len);

		if (!all.items[n].built_in)
			add_stream(g, name);
		free(name);
	}
	services_free(&all);
}

static void guest_answered(struct inquiry *i)
{
	struct guest *g = LOOP_OWNER(i, struct guest, inquiry);

	g->many->open--;
	g->is_asking = false;
	if (i->failure.kind == FAILURE_NONE)
		take_services(g, i);
	if (i->failure.kind != FAILURE_NONE)
		say_failure(g, &i->failure);
	else
		g->has_failed = false;
	inquiry_free(i);
	rest(g->many, &g->timer, LOOK_MS);
}

static void look_at_guest(struct loop_timer *timer)
{
	static const struct question metrics = { .kind = REQUEST_METRICS };
	struct guest *g = LOOP_OWNER(timer, struct guest, timer);

	if (!take_place(g->many, timer))
		return;
	g->inquiry = (struct inquiry){ .loop = &g->many->loop,
		.target = &g->target,
		.questions = &metrics,
		.count = 1,
		.timeout_ms = g->many->options->timeout_ms,
		.done = guest_answered };
	g->is_asking = true;
	inquiry_start(&g->inquiry);
}

static void free_guest(struct guest *g)
{
	loop_timer_clear(&g->many->loop, &g->timer);
	if (g->is_asking) {
		inquiry_free(&g->inquiry);
		g->many->open--;
	}
	for (struct stream *s = g->streams, *next; s != NULL; s = next) {
		next = s->next;
		free_stream(s);
	}
	target_free(&g->target);
	free(g->text);
	free(g);
}

static void list_guest(struct many *m, const struct target *t)
{
	struct guest **at = &m->guests, *g;
	struct problem p = { 0 };

	for (; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->text, t->text) == 0) {
			(*at)->is_listed = true;
			return;
		}
	g = *at = memory_must(calloc(1, sizeof(*g)));
	g->many = m;
	g->is_listed = true;
	g->text = memory_copy(t->text, strlen(t->text));
	target_parse(&g->target, g->text, t->port, &p); /* it was parsed before */
	g->timer.expire = look_at_guest;
	loop_timer_set(&m->loop, &g->timer, 0);
}

/* Drop the guests that are no longer listed. */
static void drop_unlisted(struct many *m)
{
	for (struct guest **at = &m->guests; *at != NULL;) {
		struct guest *g = *at;

		if (g->is_listed) {
			at = &g->next;
			continue;
		}
		for (struct stream *s = g->streams; s != NULL; s = s->next)
			log_lines_flush(&s->lines);
		*at = g->next;
		free_guest(g);
	}
}

static void look(struct loop_timer *timer)
{
	struct many *m = LOOP_OWNER(timer, struct many, look);
	struct target_list l;
	struct problem p = { 0 };

	if (options_list_targets(m->options, &l, &p) == 0) {
		for (struct guest *g = m->guests; g != NULL; g = g->next)
			g->is_listed = false;
		for (size_t n = 0; n < l.count; n++)
			list_guest(m, &l.items[n]);
		drop_unlisted(m);
	}
	target_list_free(&l);
	if (m->options->follow)
		loop_timer_set(&m->loop, timer, clock_ms() + LOOK_MS);
}

/* ---- positions ------------------------------------------------------------------------------- */

static json_t *positions_of(const struct guest *g)
{
	json_t *object = memory_must(json_object()), *services = memory_must(json_object());

	for (const struct stream *s = g->streams; s != NULL; s = s->next)
		if (s->lines.is_asked)
			output_set(services, s->service,
				json_integer((json_int_t)log_lines_done(&s->lines)));
	output_set(object, "booted_at_ms", json_integer((json_int_t)g->booted_at_ms));
	output_set(object, "services", services);
	return object;
}

/* Save the positions, after the lines before them are written. */
static void save(struct many *m)
{
	const char *path = m->options->state_file;
	char *text;
	int err;

	if (!output_flush())
		m->is_over = true;
	if (path == NULL || !m->has_new_positions || m->is_over)
		return;
	if (m->state == NULL)
		m->state = memory_must(json_object());
	for (const struct guest *g = m->guests; g != NULL; g = g->next)
		if (g->booted_at_ms > 0)
			output_set(m->state, g->text, positions_of(g));
	text = memory_must(json_dumps(m->state, JSON_INDENT(1)));
	err = file_replace(path, text, strlen(text), 0600);
	free(text);
	if (err != 0)
		out_printf(stderr, "mvm-probe: --state: %s: %s\n", path, problem_errno_text(-err));
	m->has_new_positions = err != 0;
}

static void save_now_and_then(struct loop_timer *timer)
{
	struct many *m = LOOP_OWNER(timer, struct many, save);

	save(m);
	loop_timer_set(&m->loop, timer, clock_ms() + SAVE_MS);
}

static bool load(struct many *m)
{
	const char *path = m->options->state_file;
	char *text = NULL;
	size_t len = 0;
	int err = path == NULL ? 0 : file_read_alloc(path, STATE_MAX, &text, &len);

	if (path == NULL || err == -ENOENT)
		return true;
	m->state = err == 0 ? json_loadb(text, len, 0, NULL) : NULL;
	free(text);
	if (json_is_object(m->state))
		return true;
	out_printf(stderr, "mvm-probe: --state: %s: %s; remove it to start from the beginning\n",
		path, err != 0 ? problem_errno_text(-err) : "not a file of positions");
	return false;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static void end_by_signal(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct many, signals)->is_over = true;
}

static void reader_gone(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct many, reader)->is_over = true;
}

/* Without --follow, print in the order of guests and services. */
static void put_all(struct many *m)
{
	for (struct guest *g = m->guests; g != NULL; g = g->next)
		for (struct stream *s = g->streams; s != NULL; s = s->next) {
			log_lines_flush(&s->lines);
			fflush(s->out);
			fwrite(s->bytes, 1, s->len, stdout);
		}
}

static int run(struct many *m)
{
	int err = 0;

	m->look.expire = look;
	look(&m->look);
	if (m->options->follow) {
		m->save.expire = save_now_and_then;
		save_now_and_then(&m->save);
	}
	m->is_over = m->is_over || m->guests == NULL;
	while (err == 0 && !m->is_over) {
		err = loop_run_once(&m->loop);
		if (m->options->follow)
			fflush(stdout);
	}
	if (!m->options->follow)
		put_all(m);
	m->is_over = false;
	save(m);
	return err != 0 ? EXIT_NO_ANSWER : m->options->follow ? EXIT_HEALTHY : m->status;
}

int logs_many(const struct options *o)
{
	struct many m = {
		.options = o, .limit = inquiry_limit(1), .is_terminal = isatty(STDOUT_FILENO)
	};
	int status = EXIT_NO_ANSWER;
	sigset_t set;

	m.signals.fd = m.reader.fd = -1;
	if (o->parallel > 0 && o->parallel < m.limit)
		m.limit = o->parallel;
	if (!load(&m) || loop_init(&m.loop) != 0) {
		json_decref(m.state);
		return EXIT_NO_ANSWER;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	loop_add_signals(&m.loop, &m.signals, &set, end_by_signal);
	/* epoll cannot watch a plain file, and a plain file has no reader that leaves. */
	loop_add(&m.loop, &m.reader, STDOUT_FILENO, 0, reader_gone);
	status = run(&m);
	for (struct guest *g = m.guests, *next; g != NULL; g = next) {
		next = g->next;
		free_guest(g);
	}
	loop_timer_clear(&m.loop, &m.look);
	loop_timer_clear(&m.loop, &m.save);
	loop_remove(&m.loop, &m.reader);
	loop_close(&m.loop);
	json_decref(m.state);
	return status;
}
