/* SPDX-License-Identifier: MIT */
/* Capabilities by name, as capabilities(7) has them. */
#ifndef BASE_CAPABILITY_H
#define BASE_CAPABILITY_H

#include <stddef.h>

/* The number of the capability `name` (`len` bytes), with or without "cap_", in any case; or
 * -EINVAL. */
int capability_number(const char *name, size_t len);

#endif
