/* SPDX-License-Identifier: MIT */
#include "probe/show/format.h"

void format_span(struct buf *b, uint64_t ms)
{
	static const struct {
		uint64_t large_s, small_s;
		const char *text;
	} units[] = { { 86400, 3600, "%llud %lluh" }, { 3600, 60, "%lluh %llum" },
		{ 60, 1, "%llum %llus" } };
	unsigned long long s = ms / 1000;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (s < units[i].large_s)
			continue;
		buf_printf(b, units[i].text, (unsigned long long)(s / units[i].large_s),
			(unsigned long long)(s % units[i].large_s / units[i].small_s));
		return;
	}
	if (s < 10)
		buf_printf(b, "%llu.%03llu s", s, (unsigned long long)(ms % 1000));
	else
		buf_printf(b, "%llu.%llu s", s, (unsigned long long)(ms % 1000 / 100));
}

void format_bytes(struct buf *b, uint64_t bytes)
{
	static const char suffixes[] = "KMGTPE";
	unsigned int i = 0;

	if (bytes < 1024) {
		buf_printf(b, "%llu", (unsigned long long)bytes);
		return;
	}
	for (; bytes >= 1024 * 1024; bytes /= 1024)
		i++;
	buf_printf(b, "%llu.%llu%c", (unsigned long long)(bytes / 1024),
		(unsigned long long)(bytes % 1024 * 10 / 1024), suffixes[i]);
}
