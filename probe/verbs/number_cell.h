/* SPDX-License-Identifier: MIT */
/* A table's cell for a number that a guest may not have told. */
#ifndef PROBE_VERBS_NUMBER_CELL_H
#define PROBE_VERBS_NUMBER_CELL_H

#include "base/buf.h"
#include "probe/report/service.h"
#include "probe/show/table.h"

#include <stdint.h>

/*
 * Add the next cell: the number as `format` appends it, or in decimal if `format` is NULL; "-" if
 * it is unknown. The table sorts the line by the number, and unknown ones below zero.
 */
void number_cell(struct table *t, const struct maybe *m, void (*format)(struct buf *b, uint64_t n));

#endif
