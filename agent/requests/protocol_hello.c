/* SPDX-License-Identifier: MIT */
#include "agent/requests/protocol_hello.h"

#include "agent/requests/guest_policy.h"

#include <string.h>

/* True if the capability exists and all of its requests are served and allowed. */
static bool is_offered(const struct agent *a, const struct policy *policy, const char *capability)
{
	bool known = false;

	for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++) {
		const struct message *m = &messages[kind];

		if (m->capability == NULL || strcmp(m->capability, capability) != 0)
			continue;
		known = true;
		if (!a->serves[kind] || !policy_allows(policy, m->access))
			return false;
	}
	return known;
}

static void write_ack(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PROTOCOL_HELLO_ACK, arg);
}

static void write_mismatch(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PROTOCOL_MISMATCH, arg);
}

static void mismatch(struct connection *c, const struct protocol_hello *hello)
{
	bool host_is_old = hello->host_protocol_version < PROTOCOL_VERSION;
	struct protocol_mismatch m = { .host_protocol_version = hello->host_protocol_version,
		.agent_protocol_version = PROTOCOL_VERSION,
		.required_action = host_is_old ? HELLO_UPGRADE_HOST : HELLO_REBUILD_GUEST,
		.message = host_is_old ? "the host's protocol is older than this guest's"
				       : "the host needs a later protocol than this guest's" };

	connection_reply(c, write_mismatch, &m);
}

void protocol_hello(struct agent *a, struct connection *c, struct request *r)
{
	const struct protocol_hello *hello = &r->body.protocol_hello;
	char *offered[FIELDS_LIST_MAX];
	struct protocol_hello_ack ack = { .agent_protocol_version = PROTOCOL_VERSION,
		.min_supported_version = PROTOCOL_VERSION,
		.agent_version = PROGRAM_VERSION,
		.capabilities.items = offered };
	struct policy policy;

	c->has_hello = hello->host_protocol_version >= PROTOCOL_VERSION &&
		       hello->min_supported_version <= PROTOCOL_VERSION;
	if (!c->has_hello) {
		mismatch(c, hello);
		return;
	}
	guest_policy_read(a, &policy);
	for (size_t i = 0; i < hello->requested_capabilities.count; i++) {
		char *name = ((char **)hello->requested_capabilities.items)[i];

		if (is_offered(a, &policy, name))
			offered[ack.capabilities.count++] = name;
	}
	connection_reply(c, write_ack, &ack);
}
