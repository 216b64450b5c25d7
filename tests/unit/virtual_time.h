/* SPDX-License-Identifier: MIT */
/*
 * Virtual time: it passes only when a loop sleeps, and then at once. Linked in place of
 * base/clock.c, so that a test with hours of timeouts is fast and always the same.
 */
#ifndef TESTS_UNIT_VIRTUAL_TIME_H
#define TESTS_UNIT_VIRTUAL_TIME_H

#include <stdint.h>

/* From here on, time is virtual for the loop whose epoll descriptor is `epoll_fd`. */
void virtual_time_start(int epoll_fd);

/* Virtual milliseconds since virtual_time_start(). */
uint64_t virtual_time_ms(void);

#endif
