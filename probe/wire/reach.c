/* SPDX-License-Identifier: MIT */
#include "probe/wire/reach.h"

#include "base/agent_address.h"
#include "probe/verbs/output.h"

#include <stdlib.h>
#include <string.h>

#define HELLO_MAX     256
#define HELLO_VERSION 1 /* the only version of the protocol so far */

static void exchange_over(struct exchange *x)
{
	*(bool *)x->owner = true;
}

bool reach_run(struct exchange *x)
{
	bool over = false;
	struct loop loop;
	int err = loop_init(&loop);

	x->loop = &loop;
	x->done = exchange_over;
	x->owner = &over;
	if (err == 0)
		exchange_start(x);
	while (err == 0 && !over)
		err = loop_run_once(&loop);
	if (err != 0) {
		failure_set(&x->failure, FAILURE_SYSTEM, "epoll: %s", problem_errno_text(-err));
		exchange_free(x);
	}
	loop_close(&loop);
	x->loop = NULL;
	x->owner = NULL;
	return x->failure.kind == FAILURE_NONE;
}

void reach_prepare(
	const struct reach *r, struct exchange *x, struct loop *loop, const char *request)
{
	*x = (struct exchange){ .loop = loop,
		.target = &r->target,
		.hello = r->hello,
		.request = request,
		.request_len = strlen(request),
		.timeout_ms = r->timeout_ms };
}

void reach_prepare_raw(const struct reach *r, struct exchange *x, struct loop *loop,
	struct target *to, uint32_t port)
{
	*to = r->target;
	to->port = port;
	*x = (struct exchange){ .loop = loop, .target = to, .timeout_ms = r->timeout_ms };
}

/* ---- finding --------------------------------------------------------------------------------- */

static const char *make_hello(const char *capability)
{
	static char text[HELLO_MAX];
	char *names[] = { (char *)capability };
	struct protocol_hello hello = { .host_protocol_version = HELLO_VERSION,
		.min_supported_version = HELLO_VERSION,
		.host_version = PROGRAM_VERSION,
		.requested_capabilities = { .items = names, .count = capability != NULL } };
	struct buf b = BUF_OVER(text);

	buf_clear(&b);
	message_encode(&b, REQUEST_PROTOCOL_HELLO, &hello);
	return text;
}

/* True if the agent has acknowledged the capability. */
static bool is_offered(const json_t *ack, const char *capability)
{
	const json_t *names = json_object_get(ack, "capabilities");
	bool offered = capability == NULL;

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		offered = offered || (name != NULL && strcmp(name, capability) == 0);
	}
	return offered;
}

/* Send the hello to one port. True if the agent accepts it; otherwise `f` says why not. */
static bool say_hello(struct reach *r, const char *capability, struct failure *f)
{
	const char *hello = make_hello(capability);
	const json_t *ack = NULL;
	json_t *root = NULL;
	struct exchange x;

	r->hello = NULL;
	reach_prepare(r, &x, NULL, hello);
	*f = (struct failure){ 0 };
	if (reach_run(&x))
		root = answer_open(
			x.body, x.body_len, message_name(ANSWER_PROTOCOL_HELLO_ACK), &ack, f);
	else
		*f = x.failure;
	exchange_free(&x);
	if (root == NULL)
		return false;
	r->hello = hello;
	r->offers = is_offered(ack, capability);
	json_decref(root);
	return true;
}

bool reach_find(struct reach *r, const struct target *t, const char *capability,
	uint64_t timeout_ms, struct failure *f)
{
	bool is_given = t->port != PROTOCOL_AGENT_PORT;

	*r = (struct reach){ .target = *t, .offers = true, .timeout_ms = timeout_ms };
	if (!is_given)
		r->target.port = PROTOCOL_AGENT_PORT1;
	if (say_hello(r, capability, f))
		return true;
	/* An agent that does not know the hello: mvm v1. One that refuses the hello says so. */
	if (f->kind == FAILURE_CLOSED || f->kind == FAILURE_ERROR_ANSWER)
		return true;
	if (is_given || f->kind != FAILURE_NO_LISTENER)
		return false;
	r->target.port = PROTOCOL_AGENT_PORT;
	return say_hello(r, capability, f) || f->kind == FAILURE_CLOSED ||
	       f->kind == FAILURE_ERROR_ANSWER;
}

json_t *reach_ask(const struct reach *r, enum message_kind kind, const void *body_in,
	const json_t **body, struct failure *f)
{
	char *request = output_request(kind, body_in);
	struct exchange x;
	json_t *root = NULL;

	reach_prepare(r, &x, NULL, request);
	*f = (struct failure){ 0 };
	if (reach_run(&x))
		root = answer_open(
			x.body, x.body_len, message_name(messages[kind].answers[0]), body, f);
	else
		*f = x.failure;
	exchange_free(&x);
	free(request);
	return root;
}
