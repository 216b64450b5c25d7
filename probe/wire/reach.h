/* SPDX-License-Identifier: MIT */
/*
 * The way to the agent for requests that mvm has had since 0.9. Its agents differ in their port
 * and in whether they want a hello first: mvm-protocol(7), "Hosts". This finds out once, and asks
 * along the same way from there on.
 */
#ifndef PROBE_WIRE_REACH_H
#define PROBE_WIRE_REACH_H

#include "probe/wire/answer.h"
#include "probe/wire/exchange.h"
#include "protocol/messages.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct reach {
	struct target target; /* a view of another, with the agent's port */
	const char *hello;    /* to be sent first, or NULL: struct exchange */
	bool offers;          /* false: the agent says that it does not offer the capability */
	uint64_t timeout_ms;  /* for each request */
};

/*
 * Find the way. `capability` is what the hello asks for (NULL: nothing). The target's own port
 * counts when it is not the protocol's. False with `f` when no agent answers. The target must
 * outlive the reach.
 */
bool reach_find(struct reach *r, const struct target *t, const char *capability,
	uint64_t timeout_ms, struct failure *f);

/*
 * Ask, and come back with the answer, which is the caller's to json_decref(); its body is in
 * `body`. NULL with `f`. `body_in` is the request's struct of protocol/bodies.h.
 */
json_t *reach_ask(const struct reach *r, enum message_kind kind, const void *body_in,
	const json_t **body, struct failure *f);

/* Prepare an exchange along this way: all that its caller sets but `done` and `owner`. */
void reach_prepare(
	const struct reach *r, struct exchange *x, struct loop *loop, const char *request);

/* The same for a connection of plain bytes to another vsock port; `to` is for its target. */
void reach_prepare_raw(const struct reach *r, struct exchange *x, struct loop *loop,
	struct target *to, uint32_t port);

/* Run an exchange that is prepared on a loop of its own. False with its failure set. */
bool reach_run(struct exchange *x);

#endif
