/* SPDX-License-Identifier: MIT */
/* Numbers in a form for people. */
#ifndef PROBE_SHOW_FORMAT_H
#define PROBE_SHOW_FORMAT_H

#include "base/buf.h"

#include <stdint.h>

/* Append milliseconds: "0.123 s", "59.9 s", "2m 3s", "3h 4m", "5d 6h". */
void format_span(struct buf *b, uint64_t ms);

/* Append bytes with a suffix for powers of 1024: "512", "1.5K", "20.0M". */
void format_bytes(struct buf *b, uint64_t bytes);

#endif
