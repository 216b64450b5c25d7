/* SPDX-License-Identifier: MIT */
/* Formatted output. */
#ifndef PROBE_SHOW_OUT_H
#define PROBE_SHOW_OUT_H

#include <stdio.h>

/*
 * Write formatted text of any length, by the rules of buf_printf(). The C library's fprintf(3)
 * would add floating point to the program, a twentieth of its size. Returns the length. Errors stay
 * in the stream (ferror(3)).
 */
size_t out_printf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write `count` spaces. */
void out_pad(FILE *out, size_t count);

#endif
