/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include "agent/agent_options.h"
#include "agent/checks/definition.h"
#include "protocol/messages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct problem p;

/* ---- the vectors of the JSON rules ----------------------------------------------------------- */

static int decode_request(const char *text)
{
	struct request r;
	int err = request_decode(text, strlen(text), &r, &p);

	request_free(&r);
	return err;
}

static int decode_integration(const char *text)
{
	struct definition d;
	int err = definition_parse(DEFINITION_INTEGRATION, text, strlen(text), &d, &p);

	definition_free(&d);
	return err;
}

static int decode_config(const char *text)
{
	struct options o = { .config = rig_file("agent.json", text) };

	return options_read_config(&o, &p);
}

static int decode_kind(const char *kind, const char *text)
{
	if (strcmp(kind, "request") == 0)
		return decode_request(text);
	if (strcmp(kind, "integration") == 0)
		return decode_integration(text);
	cr_assert_str_eq(kind, "agent-config");
	return decode_config(text);
}

Test(agent_messages, vectors, .init = rig_start, .fini = rig_stop)
{
	json_error_t error;
	json_t *vectors = json_load_file(VECTORS "/json-rules.json", 0, &error), *vector;
	size_t i;

	cr_assert_not_null(vectors, "%s:%d: %s", error.source, error.line, error.text);
	cr_assert_geq(json_array_size(vectors), 27);
	json_array_foreach(vectors, i, vector)
	{
		const char *kind = json_string_value(json_object_get(vector, "kind"));
		const char *text = json_string_value(json_object_get(vector, "text"));
		bool accept = json_is_true(json_object_get(vector, "accept"));

		p.text[0] = '\0';
		cr_expect_eq(decode_kind(kind, text), accept ? 0 : -EINVAL, "%s '%s': %s", kind,
			text, p.text);
	}
	json_decref(vectors);
}

/* ---- requests -------------------------------------------------------------------------------- */

Test(agent_messages, all_requests_without_fields)
{
	static const char *const names[] = { "Ping", "WorkerStatus", "IntegrationStatus",
		"ProbeStatus", "Wake", "PostRestore" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[64];
		struct request r;

		snprintf(text, sizeof(text), "\"%s\"", names[i]);
		cr_assert_eq(request_decode(text, strlen(text), &r, &p), 0, "%s", p.text);
		cr_expect_str_eq(message_name(r.kind), names[i]);
		snprintf(text, sizeof(text), "{ \"%s\" : null }", names[i]);
		cr_assert_eq(request_decode(text, strlen(text), &r, &p), 0, "%s", p.text);
		cr_expect_str_eq(message_name(r.kind), names[i]);
	}
}

static struct request good_request(const char *text)
{
	struct request r;

	cr_assert_eq(request_decode(text, strlen(text), &r, &p), 0, "%s: %s", text, p.text);
	return r;
}

Test(agent_messages, requests_with_fields)
{
	struct request r = good_request("{\"SleepPrep\":{\"drain_timeout_secs\":"
					"18446744073709551615}}");

	cr_expect_eq(r.kind, REQUEST_SLEEP_PREP);
	cr_expect_eq(r.body.sleep_prep.drain_timeout_secs, UINT64_MAX);
	request_free(&r);
	r = good_request("{\"CheckpointIntegrations\":{\"integrations\":[\"db\",\"m\\u0061il\"]}}");
	cr_expect_eq(r.kind, REQUEST_CHECKPOINT_INTEGRATIONS);
	cr_expect_eq(r.body.checkpoint.integrations.count, 2);
	cr_expect_str_eq(((char **)r.body.checkpoint.integrations.items)[1], "mail");
	request_free(&r);
	r = good_request(
		"{\"Exec\":{\"command\":\"uptime\",\"stdin\":\"a\\u0000\",\"timeout_secs\":"
		"0,\"new\":[]}}");
	cr_expect_eq(r.kind, REQUEST_EXEC);
	cr_expect_str_eq(r.body.exec.command, "uptime");
	cr_expect_eq(r.body.exec.stdin_bytes.len, 2);
	cr_expect(r.body.exec.has_timeout);
	request_free(&r);
	r = good_request("{\"Exec\":{\"command\":\"\",\"stdin\":null,\"timeout_secs\":null}}");
	cr_expect_null(r.body.exec.stdin_bytes.data);
	cr_expect_not(r.body.exec.has_timeout);
	request_free(&r);
	r = good_request("{\"Shutdown\":{\"power_off\":true}}");
	cr_expect(r.body.shutdown.power_off);
	r = good_request("{\"Shutdown\":{\"power_off\":null}}");
	cr_expect_not(r.body.shutdown.power_off);
}

Test(agent_messages, what_is_no_request_is_described)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "3", "line 1, column 1: a message is a string or an object" },
		{ "[\"Ping\"]", "line 1, column 1: a message is a string or an object" },
		{ "{}", "line 1, column 1: the message has no name" },
		{ "{\"Ping\":null,\n\"Ping\":null}",
			"line 2, column 1: a message has only one name" },
		{ "\"Pong\"", "line 1, column 1: unknown message \"Pong\"" },
		{ "{\"ping\":null}", "line 1, column 2: unknown message \"ping\"" },
		{ "\"SleepPrep\"", "line 1, column 1: SleepPrep needs its fields" },
		{ "{\"SleepPrep\":null}", "line 1, column 14: expected an object" },
		{ "{\"SleepPrep\":[30]}", "line 1, column 14: expected an object" },
		{ "{\"Ping\":{}}", "line 1, column 9: Ping has no fields" },
		{ "{\"SleepPrep\":{\"drain_timeout_secs\":-1}}",
			"line 1, column 36: 'drain_timeout_secs' must be a whole number" },
		{ "{\"SleepPrep\":{\"drain_timeout_secs\":18446744073709551616}}",
			"line 1, column 36: 'drain_timeout_secs' is above 18446744073709551615" },
		{ "\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
		  "\xa4"
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		  "\xc3\xa4\xc3\xa4\"",
			"line 1, column 1: unknown message "
			"\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			"\xc3"
			"\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
			"\xa4"
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4..." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(decode_request(rows[i].text), -EINVAL, "%s", rows[i].text);
		cr_expect_str_eq(p.text, rows[i].problem, "%s: %s", rows[i].text, p.text);
	}
}

/* A frame's body is not NUL-terminated: what stands behind it must not be looked at. */
Test(agent_messages, the_length_is_respected)
{
	static const char text[] = "\"Ping\"";

	for (size_t len = 0; len <= strlen(text); len++) {
		char *exact = malloc(len + 1);
		struct request r;

		cr_assert_not_null(exact);
		memcpy(exact + 1, text, len);
		cr_expect_eq(
			request_decode(exact + 1, len, &r, &p), len == strlen(text) ? 0 : -EINVAL);
		request_free(&r);
		free(exact);
	}
}
