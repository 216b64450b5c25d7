/* SPDX-License-Identifier: MIT */
/* Numbers from text, strictly: the whole text, in range, no sign, no white space. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

/*
 * Read the decimal number that is all of `text`, from 0 to `max`.
 * Returns 0, -EINVAL when text is no such number, or -ERANGE when it is above max.
 */
int number_parse(const char *text, uint64_t max, uint64_t *value);

/*
 * Read a size in bytes with an optional suffix K, M, G or T (powers of 1024).
 * Returns as number_parse().
 */
int number_parse_size(const char *text, uint64_t max, uint64_t *bytes);

/*
 * Read a time span in milliseconds: "500ms", "10s", "2min", "1h", or a bare number of seconds; a
 * decimal fraction is allowed ("0.5s"), as systemd.time(7) has it. Returns as number_parse().
 */
int number_parse_span(const char *text, uint64_t max_ms, uint64_t *ms);

/* Read octal digits, such as a umask "027", from 0 to `max`. Returns as number_parse(). */
int number_parse_octal(const char *text, uint64_t max, uint64_t *value);

#endif
