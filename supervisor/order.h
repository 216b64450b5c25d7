/* SPDX-License-Identifier: MIT */
/* `after` and `requires`: the order in which services start. */
#ifndef SUPERVISOR_ORDER_H
#define SUPERVISOR_ORDER_H

#include "supervisor/service.h"

enum order_answer { ORDER_WAIT, ORDER_CLEAR, ORDER_BLOCKED };

#define ORDER_REASON_MAX (SERVICE_NAME_MAX + 64)

/*
 * True if `v`, whose file was just loaded, can ever start. An unknown name is logged; in `after` it
 * is ignored, but a service that requires it cannot run. Nor can a service that comes after itself,
 * directly or through others. Then `reason` says why, and is logged. Call index_order() before.
 * `mark` is a number that no call has used since each service's mark was 0.
 */
bool order_is_possible(struct service *v, unsigned int mark, char *reason, size_t size);

/*
 * Ask whether `v` may start. It waits until each service of `after` is up, has failed or is not to
 * run, and until each service of `requires` is up. It is blocked when a service that it requires
 * has failed for good or is not to run; `blocker` is then that service's name.
 */
enum order_answer order_ask(const struct service *v, const char **blocker);

/* True if a service that starts after `v` is active: `v` must stop after that service. */
bool order_is_needed(const struct service *v);

#endif
