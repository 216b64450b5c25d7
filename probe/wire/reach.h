/* SPDX-License-Identifier: MIT */
/*
 * Reaches the agent for requests that mvm has since 0.9. mvm's agents differ in their port, and
 * some require a hello first: mvm-protocol(7), "Hosts". The first call finds out; later requests
 * use the result.
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
	struct target target; /* a view of the caller's target, with the agent's port */
	const char *hello;    /* see struct exchange; or NULL */
	bool offers;          /* false: the agent does not offer the capability */
	uint64_t timeout_ms;  /* for each request */
};

/*
 * Find the port and the need for a hello. The hello asks for `capability` (NULL: none). A target
 * with another port than the protocol's uses that port. False with `f` if no agent answers. The
 * target must outlive the reach.
 */
bool reach_find(struct reach *r, const struct target *t, const char *capability,
	uint64_t timeout_ms, struct failure *f);

/*
 * Ask and wait for the answer. Returns the document, which the caller passes to json_decref(), with
 * its body in `body`; or NULL with `f`. `body_in` is the request's struct of protocol/bodies.h.
 */
json_t *reach_ask(const struct reach *r, enum message_kind kind, const void *body_in,
	const json_t **body, struct failure *f);

/* Prepare an exchange: sets everything but `done` and `owner`. */
void reach_prepare(
	const struct reach *r, struct exchange *x, struct loop *loop, const char *request);

/* The same for a connection of plain bytes to another vsock port. `to` holds its target. */
void reach_prepare_raw(const struct reach *r, struct exchange *x, struct loop *loop,
	struct target *to, uint32_t port);

/* Run a prepared exchange on its own loop. False with its failure set. */
bool reach_run(struct exchange *x);

#endif
