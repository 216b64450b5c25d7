/* SPDX-License-Identifier: MIT */
/*
 * exporter: serves metrics to Prometheus. It lists the targets for each scrape, because VMs come
 * and go, and asks them on the loop that also serves HTTP. A client that asks during a scrape of
 * the same targets gets its result. A page is served again for CACHE_MS.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "probe/memory.h"
#include "probe/report/metrics.h"
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/http_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTEN_DEFAULT   "127.0.0.1:9477"
#define CACHE_MS         1000
#define SCRAPE_MARGIN_MS 500 /* of Prometheus' timeout, kept for the page to arrive */
#define TARGET_BYTES     1024
#define PAGE_TYPE        "text/html; charset=utf-8"

static const char index_page[] =
	"<!doctype html><title>mvm</title><a href=\"/metrics\">/metrics</a> "
	"<a href=\"/sd\">/sd</a>\n";

struct exporter;

/* A round of questions, for all clients that wait for its page. */
struct scrape {
	struct exporter *exporter;
	enum metrics_format format;
	char key[TARGET_BYTES]; /* the single target, or "" for all */
	struct target_list targets;
	struct crowd crowd;
	uint64_t started_us;
	struct http_request *waiting[HTTP_CONNECTIONS];
	size_t waiting_count;
	bool is_over;
	struct scrape *next;
};

struct exporter {
	const struct options *options;
	struct loop loop;
	struct loop_io signals;
	struct http_server server;
	struct scrape *scrapes;
	struct http_body *pages[2]; /* of all VMs, by format; or NULL */
	uint64_t page_ms[2];
	uint64_t scrape_count;
	bool is_over;
};

/* ---- the page -------------------------------------------------------------------------------- */

static void put_own(
	const struct scrape *s, const struct metrics_page *page, size_t cut_short, FILE *out)
{
	uint64_t us = clock_us() - s->started_us;

	metrics_head(page->format, "mvm_exporter_targets", "gauge", NULL,
		"VMs that were asked for this page.", out);
	out_printf(out, "mvm_exporter_targets %zu\n", s->targets.count);
	metrics_head(page->format, "mvm_exporter_scrape_seconds", "gauge", "seconds",
		"Time that asking all of them took.", out);
	out_printf(out, "mvm_exporter_scrape_seconds %llu.%06llu\n",
		(unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
	metrics_head(page->format, "mvm_exporter_scrapes", "counter", NULL,
		"Rounds of questions since the exporter started.", out);
	out_printf(out, "mvm_exporter_scrapes_total %llu\n",
		(unsigned long long)s->exporter->scrape_count);
	metrics_head(page->format, "mvm_exporter_cut_short", "gauge", NULL,
		"VMs whose services this page leaves out, because it would be too large.", out);
	out_printf(out, "mvm_exporter_cut_short %zu\n", cut_short);
}

/* Make the page from the answers, in order, and free them. */
static char *make_page(struct scrape *s, size_t *len)
{
	struct metrics_page page;
	char *text = NULL;
	FILE *out = memory_must(open_memstream(&text, len));

	metrics_start(&page, s->format);
	for (size_t n = 0; n < s->crowd.count; n++) {
		inquiry_decode(&s->crowd.all[n]);
		metrics_add(&page, &s->crowd.all[n]);
		inquiry_free(&s->crowd.all[n]);
	}
	put_own(s, &page, page.cut_short, out);
	metrics_end(&page, out);
	if (s->format == METRICS_OPENMETRICS)
		fputs("# EOF\n", out);
	fclose(out);
	return text;
}

/* ---- scrapes --------------------------------------------------------------------------------- */

static const char *const page_types[] = {
	[METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	[METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
};

static void scrape_free(struct scrape *s)
{
	crowd_free(&s->crowd);
	target_list_free(&s->targets);
	free(s);
}

/* Free ended scrapes. Runs from the loop, outside of their callbacks. */
static void sweep(struct exporter *e)
{
	struct scrape **at = &e->scrapes;

	while (*at != NULL) {
		struct scrape *s = *at;

		if (!s->is_over) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		scrape_free(s);
	}
}

static void scrape_done(struct crowd *c)
{
	struct scrape *s = LOOP_OWNER(c, struct scrape, crowd);
	struct exporter *e = s->exporter;
	struct http_body *body;
	size_t len;
	char *text = make_page(s, &len);

	body = http_body_new(text, len);
	body->uses++;
	s->is_over = true;
	for (size_t i = 0; i < s->waiting_count; i++)
		http_answer(s->waiting[i], 200, page_types[s->format], body);
	s->waiting_count = 0;
	if (s->key[0] == '\0') {
		http_body_drop(e->pages[s->format]);
		e->pages[s->format] = body;
		e->page_ms[s->format] = clock_ms();
	} else {
		http_body_drop(body);
	}
}

/* List the VMs that exist now; without targets on the command line, as --all. */
static int list_targets(const struct options *o, struct target_list *l, struct problem *p)
{
	struct options all = *o;

	if (o->target_word_count == 0 && o->targets_file == NULL)
		all.all = true;
	return options_list_targets(&all, l, p);
}

/* Reduce the list to the target with this text. False if the list does not have it. */
static bool keep_only(struct target_list *l, const char *text)
{
	for (size_t i = 0; i < l->count; i++) {
		struct target one = l->items[i];

		if (strcmp(one.text, text) != 0)
			continue;
		l->items[i] = l->items[0];
		l->items[0] = one;
		while (l->count > 1)
			target_free(&l->items[--l->count]);
		return true;
	}
	return false;
}

/* A glob without matches means that no VM runs now. Returns NULL for a bad target. */
static struct scrape *scrape_new(
	struct exporter *e, enum metrics_format format, const char *key, struct problem *p)
{
	struct scrape *s = memory_must(calloc(1, sizeof(*s)));

	s->exporter = e;
	s->format = format;
	s->started_us = clock_us();
	buf_format(s->key, sizeof(s->key), "%s", key);
	if (list_targets(e->options, &s->targets, p) != 0)
		out_printf(stderr, "mvm-probe: exporter: %s\n", p->text);
	if (key[0] != '\0' && !keep_only(&s->targets, key)) {
		scrape_free(s);
		return NULL;
	}
	return s;
}

static void scrape_start(struct scrape *s, uint64_t timeout_ms)
{
	struct exporter *e = s->exporter;

	e->scrape_count++;
	s->next = e->scrapes;
	e->scrapes = s;
	s->crowd.done = scrape_done;
	crowd_start(&s->crowd, &e->loop, s->targets.items, s->targets.count, &metrics_question, 1,
		timeout_ms, e->options->parallel);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Prometheus' timeout minus a margin, at most --timeout. */
static uint64_t timeout_of(const struct exporter *e, const struct http_request *r)
{
	const char *text = http_field(r, "X-Prometheus-Scrape-Timeout-Seconds");
	double seconds = text != NULL ? strtod(text, NULL) : 0;
	uint64_t ms = e->options->timeout_ms, asked;

	if (!(seconds > 0) || seconds > 3600)
		return ms;
	asked = (uint64_t)(seconds * 1000);
	asked = asked > 2 * SCRAPE_MARGIN_MS ? asked - SCRAPE_MARGIN_MS : asked / 2 + 1;
	return asked < ms ? asked : ms;
}

static void answer_metrics(struct exporter *e, struct http_request *r)
{
	const char *accept = http_field(r, "Accept");
	enum metrics_format format =
		accept != NULL && text_find(accept, strlen(accept),
					  "application/openmetrics-text") != NULL
			? METRICS_OPENMETRICS
			: METRICS_PROMETHEUS;
	char key[TARGET_BYTES] = "";
	struct problem p = { 0 };
	struct scrape *s = e->scrapes;

	if (strncmp(r->query, "target=", 7) == 0 &&
		!http_parameter(r, "target", key, sizeof(key))) {
		http_answer(r, 400, NULL, NULL);
		return;
	}
	if (key[0] == '\0' && e->pages[format] != NULL &&
		clock_ms() - e->page_ms[format] < CACHE_MS) {
		http_answer(r, 200, page_types[format], e->pages[format]);
		return;
	}
	while (s != NULL && (s->is_over || s->format != format || strcmp(s->key, key) != 0))
		s = s->next;
	if (s == NULL) {
		s = scrape_new(e, format, key, &p);
		if (s == NULL) {
			http_answer(r, 404, NULL, NULL);
			return;
		}
		scrape_start(s, timeout_of(e, r));
	}
	s->waiting[s->waiting_count++] = r;
}

/* For Prometheus' http_sd_configs: each VM is this exporter with a parameter. */
static void answer_sd(struct exporter *e, struct http_request *r)
{
	const char *host = http_field(r, "Host");
	json_t *array = memory_must(json_array());
	struct target_list l = { 0 };
	struct problem p = { 0 };
	char *text;

	list_targets(e->options, &l, &p);
	for (size_t i = 0; i < l.count; i++) {
		json_t *group = memory_must(json_object());
		json_t *labels = memory_must(json_object());
		json_t *targets = memory_must(json_array());

		json_array_append_new(
			targets, output_string(text_of(host != NULL ? host : LISTEN_DEFAULT)));
		output_set(labels, "__param_target", output_string(text_of(l.items[i].text)));
		output_set(labels, "__meta_mvm_name", output_string(text_of(l.items[i].name)));
		output_set(labels, "__meta_mvm_target", output_string(text_of(l.items[i].text)));
		output_set(group, "targets", targets);
		output_set(group, "labels", labels);
		json_array_append_new(array, group);
	}
	target_list_free(&l);
	text = memory_must(json_dumps(array, JSON_INDENT(2)));
	json_decref(array);
	http_answer(r, 200, "application/json", http_body_new(text, strlen(text)));
}

static void handle(struct http_request *r)
{
	struct exporter *e = r->server->owner;

	if (strcmp(r->path, "/metrics") == 0) {
		answer_metrics(e, r);
	} else if (strcmp(r->path, "/sd") == 0) {
		answer_sd(e, r);
	} else if (strcmp(r->path, "/") == 0) {
		char *text = memory_copy(index_page, strlen(index_page));

		http_answer(r, 200, PAGE_TYPE, http_body_new(text, strlen(text)));
	} else {
		http_answer(r, 404, NULL, NULL);
	}
}

static void gone(struct http_request *r)
{
	struct exporter *e = r->server->owner;

	for (struct scrape *s = e->scrapes; s != NULL; s = s->next)
		for (size_t i = 0; i < s->waiting_count; i++)
			if (s->waiting[i] == r)
				s->waiting[i--] = s->waiting[--s->waiting_count];
}

/* ---- the verb -------------------------------------------------------------------------------- */

static void end_by_signal(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct exporter, signals)->is_over = true;
}

static int serve(struct exporter *e)
{
	const struct options *o = e->options;
	struct problem p = { 0 };
	sigset_t set;
	int err = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	e->server = (struct http_server){ .handle = handle, .gone = gone, .owner = e };
	if (http_server_start(&e->server, &e->loop, o->listen != NULL ? o->listen : LISTEN_DEFAULT,
		    &p) != 0) {
		out_printf(stderr, "mvm-probe: %s\n", p.text);
		return EXIT_USAGE;
	}
	loop_add_signals(&e->loop, &e->signals, &set, end_by_signal);
	out_printf(stdout, "mvm-probe: listening on port %u\n", http_server_port(&e->server));
	fflush(stdout);
	while (err == 0 && !e->is_over) {
		err = loop_run_once(&e->loop);
		sweep(e);
	}
	return err == 0 ? EXIT_HEALTHY : EXIT_NO_ANSWER;
}

static int write_textfile(struct exporter *e)
{
	struct problem p = { 0 };
	struct scrape *s = scrape_new(e, METRICS_PROMETHEUS, "", &p);
	const char *path = e->options->textfile;
	int err = 0;

	scrape_start(s, e->options->timeout_ms);
	while (err == 0 && !s->is_over)
		err = loop_run_once(&e->loop);
	if (err == 0)
		err = file_replace(path, e->pages[METRICS_PROMETHEUS]->bytes,
			e->pages[METRICS_PROMETHEUS]->len, 0644);
	if (err == 0)
		return EXIT_HEALTHY;
	out_printf(stderr, "mvm-probe: %s: %s\n", path, problem_errno_text(-err));
	return EXIT_NO_ANSWER;
}

int verb_exporter(const struct options *o)
{
	struct exporter e = { .options = o, .signals = { .fd = -1 } };
	struct target_list l = { 0 };
	struct problem p = { 0 };
	int status;

	if (loop_init(&e.loop) != 0)
		return EXIT_NO_ANSWER;
	list_targets(o, &l, &p); /* report errors now; the targets may become valid later */
	if (p.text[0] != '\0')
		out_printf(stderr, "mvm-probe: exporter: %s\n", p.text);
	target_list_free(&l);
	status = o->textfile != NULL ? write_textfile(&e) : serve(&e);
	http_server_stop(&e.server);
	while (e.scrapes != NULL) {
		struct scrape *s = e.scrapes;

		e.scrapes = s->next;
		scrape_free(s);
	}
	for (size_t i = 0; i < 2; i++)
		http_body_drop(e.pages[i]);
	loop_close(&e.loop);
	return status;
}
