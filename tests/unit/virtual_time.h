/* SPDX-License-Identifier: MIT */
/*
 * Time that passes only when a loop sleeps, and then at once. Linked in place of base/clock.c: a
 * test with hours of timeouts takes no time and always the same.
 */
#ifndef TESTS_UNIT_VIRTUAL_TIME_H
#define TESTS_UNIT_VIRTUAL_TIME_H

#include <stdint.h>

/* From here on, time is virtual for the loop whose epoll descriptor is `epoll_fd`. */
void virtual_time_start(int epoll_fd);

/* Milliseconds that have passed since then. */
uint64_t virtual_time_ms(void);

#endif
