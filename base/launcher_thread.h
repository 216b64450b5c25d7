/* SPDX-License-Identifier: MIT */
/* The threads that start programs. */
#ifndef BASE_LAUNCHER_THREAD_H
#define BASE_LAUNCHER_THREAD_H

#include "base/launcher_pool.h"

/*
 * Add a launcher to the pool. Returns 0, -errno of pthread_create(3), or -ENOSYS when it cannot
 * have its own table of descriptors.
 */
int launcher_thread_add(struct launcher_pool *pool);

#endif
