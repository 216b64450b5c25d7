/* SPDX-License-Identifier: MIT */
/* `after` and `requires`: who starts behind whom. */
#ifndef SUPERVISOR_ORDER_H
#define SUPERVISOR_ORDER_H

#include "supervisor/service.h"

enum order_answer { ORDER_WAIT, ORDER_CLEAR, ORDER_BLOCKED };

#define ORDER_REASON_MAX (SERVICE_NAME_MAX + 64)

/*
 * True if `v`, whose file was just loaded, can ever start. A name that no service has is logged; it
 * is left out of `after`, and what requires it cannot run. A service that comes after itself,
 * however far around, cannot run either. Then `reason` says why, and it is logged. index_order()
 * must have run, and `mark` be a number that no call has had since each service's mark was 0.
 */
bool order_is_possible(struct service *v, unsigned int mark, char *reason, size_t size);

/*
 * May `v` start? It waits until each service of `after` is up, or has failed, or is not to run; and
 * until each service of `requires` is up. It is blocked when one that it requires has failed for
 * good, or is not to run; `blocker` is set to that one's name.
 */
enum order_answer order_ask(const struct service *v, const char **blocker);

/* True if a service is active that starts behind `v`, so that `v` is to stop later. */
bool order_is_needed(const struct service *v);

#endif
