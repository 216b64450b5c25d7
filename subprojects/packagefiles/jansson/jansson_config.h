/* SPDX-License-Identifier: MIT */
/* What jansson.h wants to know about the compiler and the C library: Linux, gcc or clang. */
#ifndef JANSSON_CONFIG_H
#define JANSSON_CONFIG_H

#include <stdint.h>

#define JSON_INLINE               inline
#define JSON_INTEGER_IS_LONG_LONG 1
#define json_int_t                long long
#define json_strtoint             strtoll
#define JSON_INTEGER_FORMAT       "lld"
#define JSON_HAVE_LOCALECONV      0
#define JSON_HAVE_ATOMIC_BUILTINS 1
#define JSON_HAVE_SYNC_BUILTINS   0

/* A value inside 127 arrays or objects is still read; one level more is an error. */
#define JSON_PARSER_MAX_DEPTH 128

#endif
