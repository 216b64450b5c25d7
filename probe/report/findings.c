/* SPDX-License-Identifier: MIT */
/* Derives from a guest's facts what is wrong with it and what to do. */
#include "base/buf.h"
#include "probe/report/guest_facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_WARNING_S  2
#define CLOCK_CRITICAL_S 60
#define DRIVE_WARNING    90 /* per cent */
#define DRIVE_CRITICAL   97
#define LOOP_FAILURES    2 /* in a row */
#define NAME_COLUMNS     40
#define TEXT_COLUMNS     150

/* Add a finding about `subject`: "SUBJECT: TEXT". NULL if there is no room. */
static struct finding *add(struct findings *all, enum finding_weight weight, const char *kind,
	struct text subject, struct buf *text)
{
	struct finding *f;

	if (all->count == FINDINGS_MAX)
		return NULL;
	f = &all->items[all->count++];
	*f = (struct finding){ .weight = weight, .kind = kind };
	buf_init(text, f->text, sizeof(f->text));
	if (subject.len > 0) {
		text_put_visible(text, subject, NAME_COLUMNS);
		buf_puts(text, ": ");
	}
	return f;
}

/* "mvm-probe VERB TARGET SUBJECT" */
static void advise(struct finding *f, const struct guest_facts *g, const char *before,
	const char *verb, struct text subject)
{
	struct buf b;

	buf_init(&b, f->action, sizeof(f->action));
	buf_printf(&b, "%smvm-probe %s %s", before, verb, g->inquiry->target->shown);
	if (subject.len > 0) {
		buf_puts(&b, " ");
		text_put_visible(&b, subject, NAME_COLUMNS);
	}
}

/* ---- checks and services --------------------------------------------------------------------- */

static void find_checks(struct findings *all, const struct guest_facts *g)
{
	for (size_t i = 0; i < g->report.count; i++) {
		const struct check *c = &g->report.checks[i];
		struct finding *f;
		struct buf b;

		if (c->verdict != VERDICT_UNHEALTHY && c->verdict != VERDICT_PENDING)
			continue;
		f = add(all, c->verdict == VERDICT_UNHEALTHY ? FINDING_CRITICAL : FINDING_WARNING,
			"failing-check", c->name, &b);
		if (f == NULL)
			return;
		buf_puts(&b, c->verdict == VERDICT_UNHEALTHY ? "the health check fails: "
							     : "the health check is pending");
		text_put_visible(&b, c->detail, TEXT_COLUMNS);
		advise(f, g, "see what it checks and what the service says: ", "inspect",
			text_of(""));
	}
}

static bool says(struct text reason, const char *words)
{
	return text_find(reason.bytes, reason.len, words) != NULL;
}

/* Texts in a service's reason that point to a cause and a remedy. */
static const struct cause {
	const char *words, *kind, *action;
} causes[] = {
	{ "no user '", "unknown-user",
		"add the user to the image's /etc/passwd, or correct user= in the service's file" },
	{ "no group '", "unknown-user",
		"add the group to the image's /etc/group, or correct group= in the service's "
		"file" },
	{ "interpreter", "missing-interpreter",
		"put the interpreter or dynamic loader that it names into the image" },
	{ "No such file or directory", "missing-program",
		"put the program into the image, or correct command= in the service's file" },
	{ "Permission denied", "no-permission",
		"make the program executable for the service's user" },
};

static void put_reason(struct buf *b, const struct service *s)
{
	if (s->reason.len > 0) {
		buf_puts(b, ": ");
		text_put_visible(b, s->reason, TEXT_COLUMNS);
	}
}

/* True if the service's reason points to a known cause, which becomes a finding. */
static bool find_cause(struct findings *all, const struct guest_facts *g, const struct service *s)
{
	(void)g;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct finding *f;
		struct buf b;

		if (service_is_up(s) || !says(s->reason, causes[i].words))
			continue;
		f = add(all, FINDING_CRITICAL, causes[i].kind, s->name, &b);
		if (f == NULL)
			return true;
		buf_puts(&b, "cannot run");
		put_reason(&b, s);
		buf_init(&b, f->action, sizeof(f->action));
		buf_puts(&b, causes[i].action);
		return true;
	}
	return false;
}

static void find_service(struct findings *all, const struct guest_facts *g, const struct service *s)
{
	bool loops = s->failures.known && s->failures.value >= LOOP_FAILURES;
	struct finding *f;
	struct buf b;

	if (find_cause(all, g, s) || s->built_in || (service_is_well(s) && !loops))
		return;
	f = add(all, FINDING_CRITICAL, loops ? "crash-loop" : "failed-service", s->name, &b);
	if (f == NULL)
		return;
	if (loops)
		buf_printf(&b,
			"fails again and again (%" PRIu64 " times in a row, %" PRIu64 " restarts)",
			s->failures.value, s->restarts.value);
	else
		buf_puts(&b, "does not run");
	put_reason(&b, s);
	advise(f, g, "read its last output: ", "logs", s->name);
}

static void find_services(struct findings *all, const struct guest_facts *g)
{
	for (size_t i = 0; i < g->services.count; i++)
		find_service(all, g, &g->services.items[i]);
}

static void find_oom(struct findings *all, const struct guest_facts *g)
{
	for (size_t i = 0; i < g->services.count; i++) {
		const struct service *s = &g->services.items[i];
		struct finding *f;
		struct buf b;

		if (!s->oom_kills.known || s->oom_kills.value == 0)
			continue;
		f = add(all, FINDING_CRITICAL, "out-of-memory", s->name, &b);
		if (f == NULL)
			return;
		buf_printf(&b,
			"the kernel killed %" PRIu64 " of its processes because memory ran out",
			s->oom_kills.value);
		buf_init(&b, f->action, sizeof(f->action));
		buf_puts(&b, "raise memory_max in its file, or give the guest more memory");
	}
}

static void find_agent(struct findings *all, const struct guest_facts *g)
{
	for (size_t i = 0; i < g->services.count; i++) {
		const struct service *s = &g->services.items[i];
		struct finding *f;
		struct buf b;

		if (!s->built_in || !s->restarts.known || s->restarts.value == 0)
			continue;
		f = add(all, FINDING_WARNING, "agent-restarting", s->name, &b);
		if (f == NULL)
			return;
		buf_printf(&b, "the agent was restarted %" PRIu64 " times", s->restarts.value);
		put_reason(&b, s);
		advise(f, g, "see when and why: ", "events", s->name);
	}
}

/* ---- the guest ------------------------------------------------------------------------------- */

static void find_memory(struct findings *all, const struct guest_facts *g)
{
	struct finding *f;
	struct buf b;

	if (!g->memory_bytes.known || !g->available_bytes.known ||
		g->available_bytes.value >= g->memory_bytes.value / 20)
		return;
	f = add(all, FINDING_WARNING, "memory-low", text_of(""), &b);
	if (f == NULL)
		return;
	buf_printf(&b, "only %" PRIu64 " of %" PRIu64 " MiB of memory are left",
		g->available_bytes.value >> 20, g->memory_bytes.value >> 20);
	advise(f, g, "see who uses it: ", "services", text_of(""));
}

static void find_clock(struct findings *all, const struct guest_facts *g)
{
	int64_t ahead = g->shell.ahead_s, off = ahead < 0 ? -ahead : ahead;
	struct finding *f;
	struct buf b;

	if (!g->shell.has_clock || off <= CLOCK_WARNING_S)
		return;
	f = add(all, off > CLOCK_CRITICAL_S ? FINDING_CRITICAL : FINDING_WARNING, "wrong-clock",
		text_of(""), &b);
	if (f == NULL)
		return;
	buf_printf(&b, "the clock is %" PRId64 " s %s the host's", off,
		ahead < 0 ? "behind" : "ahead of");
	advise(f, g, "after a restore the host has to say so: ", "wake", text_of(""));
}

static void find_drives(struct findings *all, const struct guest_facts *g)
{
	for (size_t i = 0; i < g->shell.drive_count; i++) {
		const struct guest_drive *d = &g->shell.drives[i];
		struct finding *f;
		struct buf b;

		/* Read-only images are always full. Only the data drive can run full. */
		if (d->used_percent < DRIVE_WARNING || strncmp(d->mount_point, "/mnt/data", 9) != 0)
			continue;
		f = add(all, d->used_percent >= DRIVE_CRITICAL ? FINDING_CRITICAL : FINDING_WARNING,
			"drive-full", text_of(d->mount_point), &b);
		if (f == NULL)
			return;
		buf_printf(&b, "the drive is %u%% full, %" PRIu64 " KiB are free", d->used_percent,
			d->free_kib);
		buf_init(&b, f->action, sizeof(f->action));
		buf_puts(&b, "delete files, or enlarge the drive's image and restart the guest");
	}
}

/* A guest may have no data drive by design, so this counts only if a service does not run. */
static void find_missing_drive(struct findings *all, const struct guest_facts *g)
{
	bool is_unwell = !health_is_good(&g->report);
	struct finding *f;
	struct buf b;

	for (size_t i = 0; i < g->services.count; i++)
		is_unwell |= !service_is_well(&g->services.items[i]);
	if (!g->shell.is_known || g->shell.has_data)
		return;
	f = add(all, is_unwell ? FINDING_WARNING : FINDING_NOTE, "drive-missing", text_of(""), &b);
	if (f == NULL)
		return;
	buf_puts(&b, "no data drive is mounted at /mnt/data");
	buf_init(&b, f->action, sizeof(f->action));
	buf_puts(&b, "if the guest should have one, attach a drive with the label mvm-data");
}

static void find_network(struct findings *all, const struct guest_facts *g)
{
	const struct shell_facts *s = &g->shell;
	struct finding *f;
	struct buf b;

	if (!s->is_known || (s->has_link && (s->has_route || s->addresses[0] != '\0')))
		return;
	f = add(all, FINDING_WARNING, "no-network", text_of(""), &b);
	if (f == NULL)
		return;
	buf_puts(&b, s->has_link ? "the network device has no address"
				 : "there is no network device except lo");
	buf_init(&b, f->action, sizeof(f->action));
	buf_puts(&b, s->has_link ? "give the guest an address: mvm.ip= on its kernel's command line"
				 : "attach a network device to the VM");
}

/* ---- all ------------------------------------------------------------------------------------- */

static void (*const finders[])(struct findings *all, const struct guest_facts *g) = {
	find_oom,
	find_services,
	find_checks,
	find_agent,
	find_clock,
	find_drives,
	find_missing_drive,
	find_network,
	find_memory,
};

/* Sort the worst first. Equals keep the order of the finders, which puts causes before effects. */
static void rank(struct findings *all)
{
	for (size_t i = 1; i < all->count; i++) {
		struct finding f = all->items[i];
		size_t at = i;

		for (; at > 0 && all->items[at - 1].weight < f.weight; at--)
			all->items[at] = all->items[at - 1];
		all->items[at] = f;
	}
}

void findings_make(struct findings *all, const struct guest_facts *f)
{
	all->count = 0;
	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++)
		finders[i](all, f);
	rank(all);
}

const char *finding_word(enum finding_weight weight)
{
	static const char *const words[] = { [FINDING_NOTE] = "note",
		[FINDING_WARNING] = "warning",
		[FINDING_CRITICAL] = "critical" };

	return words[weight];
}
