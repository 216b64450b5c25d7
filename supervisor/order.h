/* SPDX-License-Identifier: MIT */
/* `after` and `requires`: who starts behind whom. */
#ifndef SUPERVISOR_ORDER_H
#define SUPERVISOR_ORDER_H

#include "supervisor/supervisor.h"

enum order_answer { ORDER_WAIT, ORDER_CLEAR, ORDER_BLOCKED };

/*
 * Look at the names of the services whose files were just loaded (is_new). A name that no service
 * has is logged; it is left out of `after`, and what requires it cannot run. Services that come
 * after themselves, however far around, cannot run either; what is outside the cycle is not
 * touched.
 */
void order_check(struct supervisor *s);

/*
 * May `v` start? It waits until each service of `after` is up, or has failed, or is not to run; and
 * until each service of `requires` is up. It is blocked when one that it requires has failed for
 * good, or is not to run; `blocker` is set to that one's name.
 */
enum order_answer order_ask(const struct service *v, const char **blocker);

/* Is a service active that starts behind `v`, so that `v` is to stop later? */
bool order_is_needed(const struct service *v);

#endif
