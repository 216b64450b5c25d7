/* SPDX-License-Identifier: MIT */
#ifndef JANSSON_PRIVATE_CONFIG_H
#define JANSSON_PRIVATE_CONFIG_H

#define HAVE_ENDIAN_H           1
#define HAVE_FCNTL_H            1
#define HAVE_SCHED_H            1
#define HAVE_UNISTD_H           1
#define HAVE_SYS_PARAM_H        1
#define HAVE_SYS_STAT_H         1
#define HAVE_SYS_TIME_H         1
#define HAVE_SYS_TYPES_H        1
#define HAVE_STDINT_H           1
#define HAVE_CLOSE              1
#define HAVE_GETPID             1
#define HAVE_GETTIMEOFDAY       1
#define HAVE_OPEN               1
#define HAVE_READ               1
#define HAVE_SCHED_YIELD        1
#define HAVE_ATOMIC_BUILTINS    1
#define USE_URANDOM             1
#define INITIAL_HASHTABLE_ORDER 3

/* The C library's would bring its floating point and stdio, a twentieth of mvm-probe's size. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
int jansson_snprintf(char *out, size_t size, const char *format, ...);
int jansson_vsnprintf(char *out, size_t size, const char *format, va_list args);
#define snprintf  jansson_snprintf
#define vsnprintf jansson_vsnprintf

#endif
