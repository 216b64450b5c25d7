/* SPDX-License-Identifier: MIT */
/*
 * What services get of the guest's memory, tasks and processor time, and what the guest keeps:
 * base/reserve.h has the formula, supervisor/pressure.h the watch.
 */
#ifndef INIT_SHARE_H
#define INIT_SHARE_H

#include "init/guest.h"

/*
 * Make the services' cgroup, and limit its memory unless the kernel is somebody else's (in a
 * container) or memory_reserve is 0. To be called when the services are known, and none runs.
 */
void share_out(struct guest *g);

/*
 * A moment later, before the guest's own programs start: what services need not wait for.
 */
void share_out_rest(struct guest *g);

/*
 * The services are up: count each by itself from a moment later on. To do so at their start would
 * keep them waiting. Where one of them does not come up, it is done without this call.
 */
void share_count_soon(struct guest *g);

#endif
