/* SPDX-License-Identifier: MIT */
#include "probe/verbs/number_cell.h"

void number_cell(struct table *t, const struct maybe *m, void (*format)(struct buf *b, uint64_t n))
{
	char storage[32];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	if (!m->known)
		buf_puts(&b, "-");
	else if (format != NULL)
		format(&b, m->value);
	else
		buf_printf(&b, "%llu", (unsigned long long)m->value);
	table_printf(t, "%s", b.data);
	table_key(t, m->known ? m->value + 1 : 0);
}
