/* SPDX-License-Identifier: MIT */
/*
 * Dividing the guest's memory, tasks and processor time between the services and the guest itself.
 * base/reserve.h has the formula, supervisor/pressure.h enforces it.
 */
#ifndef INIT_SHARE_H
#define INIT_SHARE_H

#include "init/guest.h"

/*
 * Make the services' cgroup and limit its memory, unless PID 1 runs in a container or
 * memory_reserve is 0. Call this when the services are loaded and none runs.
 */
void share_out(struct guest *g);

/* Set the remaining limits, which no service waits for, before the guest's own programs start. */
void share_out_rest(struct guest *g);

/*
 * The services are up: count each service separately from a moment later on. Counting from the
 * start would delay them. If a service does not come up, counting begins without this call.
 */
void share_count_soon(struct guest *g);

#endif
