/* SPDX-License-Identifier: MIT */
/* Real numbers in decimal, without the C library's printf(3): an eighth of a small program. */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#include <stddef.h>

/*
 * Write a finite number (IEEE 754 binary64) with `precision` significant digits, at least 1, as
 * printf(3) does with "%.*g": correctly rounded, without zeros at the end. Returns the length, or
 * `size` when the text was cut.
 */
size_t real_format(char *storage, size_t size, unsigned int precision, double value);

#endif
