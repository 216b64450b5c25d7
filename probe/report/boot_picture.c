/* SPDX-License-Identifier: MIT */
#include "probe/memory.h"
#include "probe/report/boot_timeline.h"
#include "probe/show/out.h"

#include <stdlib.h>
#include <string.h>

/* In pixels. */
#define WIDTH      960u
#define BARS_LEFT  200u
#define BARS_WIDTH 600u
#define ROW        20u
#define BAR        14u
#define TITLE_ROW  34u
#define AXIS_ROW   30u
#define TICKS_MAX  8

#define NAME_COLUMNS   30
#define DETAIL_COLUMNS 200

void boot_picture_start(struct boot_picture *p, uint64_t end_us)
{
	*p = (struct boot_picture){ .end_us = end_us > 0 ? end_us : 1 };
	p->out = memory_must(open_memstream(&p->body, &p->body_len));
}

/* Print a guest's text, escaped for XML. */
static void put_text(FILE *out, struct text text, size_t max)
{
	char storage[8 * DETAIL_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, max);
	for (const char *at = b.data; *at != '\0'; at++) {
		if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else
			fputc(*at, out);
	}
}

/* The position of a time on the axis, in hundredths of a pixel. */
static unsigned int place_of(const struct boot_picture *p, uint64_t us)
{
	if (us > p->end_us)
		us = p->end_us;
	return (unsigned int)((double)us * BARS_WIDTH * 100 / (double)p->end_us);
}

static void put_ms(FILE *out, uint64_t us)
{
	out_printf(out, "%llu.%llu ms", (unsigned long long)(us / 1000),
		(unsigned long long)(us % 1000 / 100));
}

static void put_bar(struct boot_picture *p, const struct boot_span *span)
{
	unsigned int left = place_of(p, span->start_us.value);
	uint64_t took_us = span->duration_us.known ? span->duration_us.value : 0;
	unsigned int width = place_of(p, took_us);

	if (!span->start_us.known)
		return;
	if (width < 100)
		width = 100;
	out_printf(p->out,
		"<rect class=\"%s\" x=\"%u.%02u\" y=\"%u\" width=\"%u.%02u\" height=\"%u\">",
		span->success ? "good" : "bad", BARS_LEFT + left / 100, left % 100, p->height + 3,
		width / 100, width % 100, BAR);
	fputs("<title>", p->out);
	put_text(p->out, span->detail, DETAIL_COLUMNS);
	fputs("</title></rect>\n", p->out);
	out_printf(p->out, "<text x=\"%u\" y=\"%u\">", BARS_LEFT + (left + width) / 100 + 4,
		p->height + BAR);
	if (span->duration_us.known)
		put_ms(p->out, took_us);
	fputs(span->success ? "</text>\n" : " failed</text>\n", p->out);
}

static void put_healthy(struct boot_picture *p, uint64_t us, unsigned int top)
{
	unsigned int x = BARS_LEFT + place_of(p, us) / 100;

	out_printf(p->out, "<path class=\"healthy\" d=\"M%u %uV%u\"/>\n", x, top, p->height);
	out_printf(p->out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">every check healthy at ",
		x - 4, p->height - 5);
	put_ms(p->out, us);
	fputs("</text>\n", p->out);
}

/* The distance between ticks: 1, 2 or 5 times a power of ten. */
static uint64_t tick_of(uint64_t end_us)
{
	uint64_t tick = 1;

	for (unsigned int n = 0; end_us / tick > TICKS_MAX; n++)
		tick = n % 3 == 1 ? tick / 2 * 5 : tick * 2;
	return tick;
}

static void put_axis(struct boot_picture *p)
{
	uint64_t tick = tick_of(p->end_us);

	for (uint64_t us = 0; us <= p->end_us; us += tick) {
		unsigned int x = BARS_LEFT + place_of(p, us) / 100;

		out_printf(p->out, "<path class=\"axis\" d=\"M%u %uv5\"/>", x, p->height);
		out_printf(p->out, "<text x=\"%u\" y=\"%u\" text-anchor=\"middle\">", x,
			p->height + 18);
		put_ms(p->out, us);
		fputs("</text>\n", p->out);
	}
	p->height += AXIS_ROW;
}

void boot_picture_add(struct boot_picture *p, const char *name, const struct boot_times *t)
{
	unsigned int top = p->height + TITLE_ROW;

	out_printf(p->out, "<text class=\"title\" x=\"10\" y=\"%u\">", p->height + 24);
	put_text(p->out, text_of(name), DETAIL_COLUMNS);
	fputs("</text>\n", p->out);
	p->height = top;
	for (size_t n = 0; n < t->count; n++) {
		out_printf(p->out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">", BARS_LEFT - 8,
			p->height + BAR);
		put_text(p->out, t->spans[n].name, NAME_COLUMNS);
		fputs("</text>\n", p->out);
		put_bar(p, &t->spans[n]);
		p->height += ROW;
	}
	if (t->all_healthy_us.known) {
		p->height += ROW;
		put_healthy(p, t->all_healthy_us.value, top);
	}
	put_axis(p);
}

char *boot_picture_end(struct boot_picture *p, size_t *len)
{
	char *text = NULL;
	FILE *out = memory_must(open_memstream(&text, len));

	fclose(p->out);
	out_printf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%u\" "
		"height=\"%u\" viewBox=\"0 0 %u %u\">\n"
		"<style>text{font:12px sans-serif;fill:#222}.title{font-size:16px;font-weight:bold}"
		".good{fill:#4a90d9}.bad{fill:#d0342c}.axis{stroke:#888}"
		".healthy{stroke:#2e8b57;stroke-dasharray:4 2}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, p->height, WIDTH, p->height);
	fwrite(p->body, 1, p->body_len, out);
	fputs("</svg>\n", out);
	fclose(out);
	free(p->body);
	return text;
}
