/* SPDX-License-Identifier: MIT */
#include "probe/report/guest_facts.h"

#include "base/buf.h"
#include "base/number.h"
#include "probe/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct question facts_questions[4] = {
	{ .kind = REQUEST_INTEGRATION_STATUS },
	{ .kind = REQUEST_PROBE_STATUS },
	{ .kind = REQUEST_WORKER_STATUS },
	{ .kind = REQUEST_METRICS },
};

/* Needs only a POSIX shell. Without one of the other programs, its facts stay unknown. */
const char facts_script[] =
	"date '+clock %s' 2>/dev/null; "
	"read -r k </proc/sys/kernel/osrelease && echo \"kernel $k\"; "
	"df -kP 2>/dev/null | while read -r a b c d e f; do echo \"drive $f ${e%\\%} $d\"; done; "
	"while read -r a b c; do echo \"mount $b\"; done </proc/mounts; "
	"for i in /sys/class/net/*; do echo \"link ${i##*/}\"; done; "
	"while read -r i d g r; do echo \"route $i\"; done </proc/net/route 2>/dev/null; "
	"ip -o addr 2>/dev/null | while read -r n i f a r; do echo \"address $i $a\"; done; "
	"[ -r /proc/pressure/memory ] && read -r p </proc/pressure/memory && echo \"pressure $p\"; "
	"true";

/* ---- the agent's answers --------------------------------------------------------------------- */

static void number(struct shape *s, const char *part, const char *key, struct maybe *m)
{
	struct shape inner = { 0 };

	m->known = shape_object(s, part, SHAPE_OPTIONAL, &inner) &&
		   shape_number(&inner, key, SHAPE_OPTIONAL, &m->value);
}

void facts_read(struct guest_facts *f, struct inquiry *i)
{
	struct shape s = { 0 };

	*f = (struct guest_facts){ .inquiry = i };
	if (!health_report(i, &f->report) ||
		!shape_open(&s, i->bodies[3], question_answer(&facts_questions[3]), &i->failure))
		return;
	number(&s, "guest", "uptime_ms", &f->uptime_ms);
	number(&s, "guest", "memory_bytes", &f->memory_bytes);
	number(&s, "guest", "memory_available_bytes", &f->available_bytes);
	number(&s, "agent", "connections", &f->connections);
	number(&s, "agent", "commands", &f->commands);
	services_read(&f->services, &s, SHAPE_OPTIONAL);
}

void facts_free(struct guest_facts *f)
{
	health_free(&f->report);
	services_free(&f->services);
}

/* ---- the shell's answer ---------------------------------------------------------------------- */

static void take_clock(struct shell_facts *s, const char *value)
{
	uint64_t seconds;

	if (number_parse(value, INT64_MAX, &seconds) != 0)
		return;
	s->has_clock = true;
	s->ahead_s = (int64_t)seconds - (int64_t)time(NULL);
}

static void take_kernel(struct shell_facts *s, const char *value)
{
	struct buf b = BUF_OVER(s->kernel);

	buf_clear(&b);
	text_put_visible(&b, text_of(value), 40);
}

/* "MOUNT-POINT PERCENT FREE-KIB" */
static void take_drive(struct shell_facts *s, const char *value)
{
	struct guest_drive *d = &s->drives[s->drive_count];
	size_t name = strcspn(value, " "), digits;
	char percent[8] = "", shown[4 * FACTS_WORD];
	uint64_t used;
	struct buf b = BUF_OVER(shown);

	digits = value[name] == ' ' ? strcspn(value + name + 1, " ") : 0;
	if (s->drive_count == FACTS_DRIVES || name == 0 || digits == 0 ||
		digits >= sizeof(percent) || value[name + 1 + digits] != ' ')
		return;
	memcpy(percent, value + name + 1, digits);
	if (number_parse(percent, 100, &used) != 0 ||
		number_parse(value + name + digits + 2, INT64_MAX / 1024, &d->free_kib) != 0)
		return;
	buf_clear(&b);
	text_put_visible(&b, (struct text){ value, name }, 40);
	buf_format(d->mount_point, sizeof(d->mount_point), "%.60s", shown);
	d->used_percent = (unsigned int)used;
	s->drive_count++;
}

static void take_mount(struct shell_facts *s, const char *value)
{
	s->has_config |= strcmp(value, "/mnt/config") == 0;
	s->has_secrets |= strcmp(value, "/mnt/secrets") == 0;
	s->has_data |= strcmp(value, "/mnt/data") == 0;
}

static void take_link(struct shell_facts *s, const char *value)
{
	s->has_link |= strncmp(value, "eth", 3) == 0 || strncmp(value, "en", 2) == 0;
}

static void take_route(struct shell_facts *s, const char *value)
{
	s->has_route |= strcmp(value, "Iface") != 0 && strcmp(value, "lo") != 0;
}

static void take_address(struct shell_facts *s, const char *value)
{
	size_t len = strlen(s->addresses);
	struct buf b;

	if (strncmp(value, "lo ", 3) == 0 || len + 100 > sizeof(s->addresses))
		return;
	buf_init(&b, s->addresses + len, sizeof(s->addresses) - len);
	buf_puts(&b, len > 0 ? ", " : "");
	text_put_visible(&b, text_of(value), 20);
}

static void take_pressure(struct shell_facts *s, const char *value)
{
	struct buf b = BUF_OVER(s->pressure);

	buf_clear(&b);
	text_put_visible(&b, text_of(value), 60);
}

static const struct fact_line {
	const char *word;
	void (*take)(struct shell_facts *s, const char *value);
} fact_lines[] = {
	{ "clock ", take_clock },
	{ "kernel ", take_kernel },
	{ "drive ", take_drive },
	{ "mount ", take_mount },
	{ "link ", take_link },
	{ "route ", take_route },
	{ "address ", take_address },
	{ "pressure ", take_pressure },
};

static void take_line(struct shell_facts *s, const char *line)
{
	for (size_t i = 0; i < sizeof(fact_lines) / sizeof(fact_lines[0]); i++) {
		size_t len = strlen(fact_lines[i].word);

		if (strncmp(line, fact_lines[i].word, len) == 0)
			fact_lines[i].take(s, line + len);
	}
}

void facts_read_shell(struct guest_facts *f, struct inquiry *i)
{
	struct shell_facts *s = &f->shell;
	struct shape body = { 0 };
	struct text out = text_of("");
	char *text;

	if (i->failure.kind == FAILURE_NONE &&
		shape_open(&body, i->bodies[0], question_answer(i->questions), &i->failure))
		shape_text(&body, "stdout", SHAPE_REQUIRED, &out);
	if (i->failure.kind == FAILURE_NONE && out.len == 0)
		failure_set(
			&i->failure, FAILURE_ERROR_ANSWER, "the guest has no shell that answers");
	if (i->failure.kind != FAILURE_NONE) {
		buf_format(s->why_not, sizeof(s->why_not), "%.190s", i->failure.text);
		return;
	}
	s->is_known = true;
	text = memory_copy(out.bytes, out.len);
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save))
		take_line(s, line);
	free(text);
}
