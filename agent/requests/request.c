/* SPDX-License-Identifier: MIT */
#include "agent/requests/request.h"

#include "agent/requests/guest_policy.h"
#include "agent/requests/handlers.h"
#include "agent/requests/refusal.h"
#include "base/log.h"

#define TEXT_MAX 192

/*
 * True if the connection's host can decode the answer. On port 52 it cannot decode messages that
 * mvm got after 0.13. Before ProtocolHello it cannot decode messages of mvm's HEAD.
 */
static bool is_understood(const struct connection *c, enum message_kind kind, char text[TEXT_MAX])
{
	unsigned int dialects = messages[kind].dialects;

	if (!c->server->is_later && !message_is_old(kind)) {
		buf_format(text, TEXT_MAX, "%s is served only on vsock port %d", message_name(kind),
			PROTOCOL_AGENT_PORT1);
		return false;
	}
	if (kind != REQUEST_PROTOCOL_HELLO && !c->has_hello && (dialects & DIALECT_HEAD) &&
		!(dialects & (DIALECT_V1 | DIALECT_V13))) {
		buf_format(text, TEXT_MAX, "%s requires %s first on the same connection",
			message_name(kind), message_name(REQUEST_PROTOCOL_HELLO));
		return false;
	}
	return true;
}

static void write_unsupported(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_UNSUPPORTED_IN_PROFILE, arg);
}

static void reject(struct connection *c, enum message_kind kind, const struct policy *policy)
{
	const struct message *m = &messages[kind];
	bool is_console = m->access == ACCESS_CONSOLE;
	const char *name = kind == REQUEST_EXEC ? "exec" : is_console ? "console" : m->body.name;
	struct unsupported_in_profile unsupported = { .profile = PROFILE_SEALED_PROD,
		.verb = (char *)m->body.name };
	char text[TEXT_MAX];

	log_line("%s rejected: %s", name, policy->reason.text);
	buf_format(text, sizeof(text), "%s rejected: access.%s not enabled in security policy",
		name, is_console ? "console" : "debug_exec");
	if (policy->is_sealed && c->has_hello && m->answers[0] != ANSWER_FS_RESULT &&
		m->answers[0] != ANSWER_PROC_RESULT && m->answers[0] != ANSWER_PROC_WAIT_EVENT)
		connection_reply(c, write_unsupported, &unsupported);
	else
		refuse(c, kind, REFUSAL_POLICY, text);
}

static void dispatch(struct agent *a, struct connection *c, struct request *r)
{
	struct policy policy;
	char text[TEXT_MAX];

	if (!is_understood(c, r->kind, text)) {
		connection_error(c, text, false);
		return;
	}
	if (messages[r->kind].access != ACCESS_FREE) {
		guest_policy_read(a, &policy);
		if (!policy_allows(&policy, messages[r->kind].access)) {
			reject(c, r->kind, &policy);
			return;
		}
	}
	if (handlers[r->kind] != NULL) {
		handlers[r->kind](a, c, r);
		return;
	}
	buf_format(text, sizeof(text), "%s is not supported by this guest's agent",
		message_name(r->kind));
	refuse(c, r->kind, REFUSAL_UNSUPPORTED, text);
}

void request_received(struct connection *c, const char *body, size_t len)
{
	struct agent *a = c->server->owner;
	struct request r;
	struct problem p;

	if (request_decode(body, len, &r, &p) == 0)
		dispatch(a, c, &r);
	else
		connection_error(c, p.text, true);
	request_free(&r);
}
