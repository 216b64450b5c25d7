/* SPDX-License-Identifier: MIT */
#include "probe/memory.h"
#include "probe/report/health.h"
#include "probe/wire/answer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(probe_answer, .timeout = 60);

/* ---- messages -------------------------------------------------------------------------------- */

struct message_case {
	const char *text;
	const char *failure; /* part of the message; NULL: it is a Pong */
	enum failure_kind kind;
};

static void check_message(const struct message_case *c, size_t len)
{
	struct failure f = { 0 };
	const json_t *body;
	json_t *root = answer_open(c->text, len, "Pong", &body, &f);

	if (c->failure == NULL) {
		cr_expect_not_null(root, "%s: %s", c->text, f.text);
	} else {
		cr_expect_null(root, "'%s' is accepted", c->text);
		cr_expect_eq(f.kind, c->kind, "%s: %s", c->text, failure_name(f.kind));
		cr_expect_not_null(strstr(f.text, c->failure), "%s: %s", c->text, f.text);
	}
	json_decref(root);
}

Test(probe_answer, messages)
{
	static const struct message_case cases[] = {
		{ "\"Pong\"", NULL, 0 },
		{ " \"Pong\" \n", NULL, 0 },
		{ "{\"Pong\":null}", NULL, 0 },
		{ "{\"Pong\":{\"newer\":[1]}}", NULL, 0 },
		{ "", "not JSON", FAILURE_UNDECODABLE },
		{ "   ", "not JSON", FAILURE_UNDECODABLE },
		{ "null", "not a message", FAILURE_UNDECODABLE },
		{ "{}", "not a message", FAILURE_UNDECODABLE },
		{ "[\"Pong\"]", "not a message", FAILURE_UNDECODABLE },
		{ "7", "not a message", FAILURE_UNDECODABLE },
		{ "{\"Pong\":null,\"Error\":null}", "not a message", FAILURE_UNDECODABLE },
		{ "{\"Pong\":null,\"Pong\":null}", "duplicate", FAILURE_UNDECODABLE },
		{ "\"Pong\" x", "end of file expected", FAILURE_UNDECODABLE },
		{ "\"Pong\"\"Pong\"", "end of file expected", FAILURE_UNDECODABLE },
		{ "Pong", "not JSON", FAILURE_UNDECODABLE },
		{ "\"pong\"", "answered 'pong' where 'Pong'", FAILURE_UNDECODABLE },
		{ "\"Pong\\u0000\"", "answered 'Pong\\x00' where", FAILURE_UNDECODABLE },
		{ "\"\\u001b[2J\\n\"", "answered '\\x1b[2J\\n' where", FAILURE_UNDECODABLE },
		{ "{\"WakeAck\":{\"success\":true}}", "answered 'WakeAck'", FAILURE_UNDECODABLE },
		{ "\"\xff\"", "decode byte 0xff", FAILURE_UNDECODABLE },
		{ "\"\\ud83d\"", "invalid Unicode", FAILURE_UNDECODABLE },
		{ "\"\033[2J\"", "not JSON", FAILURE_UNDECODABLE },
		{ "{\"Error\":{\"message\":\"no such thing\"}}",
			"the agent answered: no such thing", FAILURE_ERROR_ANSWER },
		{ "{\"Error\":{\"message\":\"a\\n\\u001b[31m\\u0000\"}}", "a\\n\\x1b[31m\\x00",
			FAILURE_ERROR_ANSWER },
		{ "{\"Error\":{\"message\":7}}", "without a message", FAILURE_UNDECODABLE },
		{ "{\"Error\":null}", "without a message", FAILURE_UNDECODABLE },
		{ "\"Error\"", "without a message", FAILURE_UNDECODABLE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_message(&cases[i], strlen(cases[i].text));
	check_message(&(struct message_case){ "\"Po\0ng\"", "not JSON", FAILURE_UNDECODABLE }, 7);
	check_message(
		&(struct message_case){ "\"Pong\"\0", "end of file", FAILURE_UNDECODABLE }, 7);
}

/* What jansson says about bad input quotes it; that must not reach a terminal either. */
Test(probe_answer, the_parser_quotes_safely)
{
	struct failure f = { 0 };
	const json_t *body;

	cr_assert_null(answer_open("\"\xc2\x9b"
				   "2J\\q\"",
		8, "Pong", &body, &f));
	cr_assert_not_null(strstr(f.text, "\\u{9b}2J\\q"), "%s", f.text);
	for (const char *c = f.text; *c != '\0'; c++)
		cr_assert((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7f, "%s", f.text);
}

static json_t *open_nested(size_t depth, struct failure *f)
{
	char *text = malloc(2 * depth + 64);
	const json_t *body;
	json_t *root;

	strcpy(text, "{\"Pong\":");
	memset(text + 8, '[', depth);
	memset(text + 8 + depth, ']', depth);
	strcpy(text + 8 + 2 * depth, "}");
	root = answer_open(text, strlen(text), "Pong", &body, f);
	free(text);
	return root;
}

Test(probe_answer, nesting_is_limited)
{
	struct failure f = { 0 };
	json_t *root = open_nested(126, &f);

	cr_assert_not_null(root, "%s", f.text);
	json_decref(root);
	cr_assert_null(open_nested(200, &f));
	cr_assert_eq(f.kind, FAILURE_UNDECODABLE);
	cr_assert_not_null(strstr(f.text, "depth"), "%s", f.text);
	f.kind = FAILURE_NONE;
	cr_assert_null(open_nested(100000, &f));
}

/* A whole number of a probe's output may have any size: it becomes a real. */
Test(probe_answer, large_whole_numbers)
{
	static const struct {
		const char *number, *printed;
	} cases[] = {
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "9223372036854775808", "9.2233720368547758e18" },
		{ "-9223372036854775809", "-9.2233720368547758e18" },
		{ "18446744073709551615", "1.8446744073709552e19" },
		{ "100000000000000000000000000000000000000000000000", "1e47" },
		{ "18446744073709551615.5", "1.8446744073709552e19" },
		{ "18446744073709551615e2", "1.8446744073709552e21" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char string[] = "a \"b\" \\\\ 99999999999999999999";
		char text[256], *printed;
		struct failure f = { 0 };
		const json_t *body;
		json_t *root, *numbers;

		sprintf(text, "{\"P\":[%s,\"a \\\"b\\\" \\\\\\\\ 99999999999999999999\",%s , 7]}",
			cases[i].number, cases[i].number);
		root = answer_open(text, strlen(text), "P", &body, &f);
		cr_assert_not_null(root, "%s: %s", text, f.text);
		numbers = json_object_get(root, "P");
		for (size_t n = 0; n < 3; n += 2) {
			printed = json_dumps(json_array_get(numbers, n), JSON_ENCODE_ANY);
			cr_expect_str_eq(printed, cases[i].printed);
			free(printed);
		}
		cr_expect_str_eq(json_string_value(json_array_get(numbers, 1)), string);
		cr_expect_eq(json_integer_value(json_array_get(numbers, 3)), 7);
		json_decref(root);
	}
}

/* ---- reports --------------------------------------------------------------------------------- */

/* A report of the two or three answers' bodies; `f` tells of a failure. */
struct made {
	struct inquiry inquiry;
	struct report report;
};

static bool make(struct made *m, const char *integrations, const char *probes, const char *worker)
{
	const char *texts[3] = { integrations, probes, worker };

	*m = (struct made){ 0 };
	m->inquiry.questions = health_questions;
	m->inquiry.count = worker != NULL ? HEALTH_DETAILS : HEALTH_CHECKS;
	for (size_t i = 0; i < m->inquiry.count; i++) {
		m->inquiry.roots[i] = answer_open(texts[i], strlen(texts[i]),
			question_answer(&health_questions[i]), &m->inquiry.bodies[i],
			&m->inquiry.failure);
		cr_assert_not_null(m->inquiry.roots[i], "%s", m->inquiry.failure.text);
	}
	return health_report(&m->inquiry, &m->report);
}

static void unmake(struct made *m)
{
	health_free(&m->report);
	inquiry_free(&m->inquiry);
}

static const char no_probes[] = "{\"ProbeStatusReport\":{\"probes\":[]}}";
static const char idle[] = "{\"WorkerStatus\":{\"status\":\"idle\"}}";

#define INTEGRATIONS(list) "{\"IntegrationStatusReport\":{\"integrations\":[" list "]}}"
#define HEALTH(healthy)                                                                            \
	"{\"healthy\":" healthy ",\"detail\":\"d\",\"checked_at\":\"2026-03-21T10:15:00Z\"}"

Test(probe_answer, verdicts)
{
	static const struct {
		const char *entry;
		enum verdict verdict;
		const char *summary;
	} cases[] = {
		{ "\"status\":\"active\",\"health\":" HEALTH("true"), VERDICT_HEALTHY,
			"1/1 healthy" },
		{ "\"status\":{\"error\":\"x\"},\"health\":" HEALTH("false"), VERDICT_UNHEALTHY,
			"0/1 healthy: a" },
		{ "\"status\":\"active\",\"health\":" HEALTH("false"), VERDICT_UNHEALTHY,
			"0/1 healthy: a" },
		{ "\"status\":\"starting\",\"health\":" HEALTH("true"), VERDICT_HEALTHY,
			"1/1 healthy" },
		{ "\"status\":\"starting\",\"health\":null", VERDICT_PENDING, "0/1 healthy: a" },
		{ "\"status\":\"starting\"", VERDICT_PENDING, "0/1 healthy: a" },
		{ "\"status\":\"pending\",\"health\":null", VERDICT_NONE, "no checks" },
		{ "\"status\":\"active\"", VERDICT_NONE, "no checks" },
		{ "\"status\":\"a-newer-word\",\"health\":" HEALTH("true"), VERDICT_HEALTHY,
			"1/1 healthy" },
		{ "\"status\":{\"newer\":[1]}", VERDICT_NONE, "no checks" },
		{ "\"status\":7", VERDICT_NONE, "no checks" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], storage[100];
		struct buf summary = BUF_OVER(storage);
		struct made m;

		snprintf(text, sizeof(text), INTEGRATIONS("{\"name\":\"a\",%s}"), cases[i].entry);
		cr_assert(make(&m, text, no_probes, idle), "%s", m.inquiry.failure.text);
		cr_assert_eq(m.report.count, 1);
		cr_expect_eq(m.report.checks[0].verdict, cases[i].verdict, "%s", cases[i].entry);
		cr_expect_eq(health_is_good(&m.report),
			cases[i].verdict == VERDICT_HEALTHY || cases[i].verdict == VERDICT_NONE);
		buf_clear(&summary);
		health_summary(&m.report, &summary, 60);
		cr_expect_str_eq(summary.data, cases[i].summary);
		unmake(&m);
	}
}

Test(probe_answer, all_fields_of_a_report)
{
	static const char integrations[] = INTEGRATIONS(
		"{\"name\":\"web\",\"status\":\"active\",\"last_checkpoint_at\":\"T1\","
		"\"state_size_bytes\":9007199254740993,\"health\":" HEALTH(
			"true") ",\"new\":{}},"
				"{\"name\":\"db\",\"status\":\"paused\",\"last_checkpoint_at\":"
				"null}");
	static const char probes[] =
		"{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":false,"
		"\"detail\":\"full\",\"output\":{\"pct\":99},\"checked_at\":\"T2\"},"
		"{\"name\":\"p\\u0000q\",\"healthy\":true,\"detail\":\"\",\"checked_at\":\"\"}]}}";
	static const char worker[] =
		"{\"WorkerStatus\":{\"status\":\"busy\",\"last_busy_at\":\"T3\"}}";
	struct made m;
	const struct check *c;

	cr_assert(make(&m, integrations, probes, worker), "%s", m.inquiry.failure.text);
	c = m.report.checks;
	cr_assert_eq(m.report.count, 4);
	cr_assert_eq(m.report.total, 3);
	cr_assert_eq(m.report.healthy, 2);
	cr_assert_not(health_is_good(&m.report));
	cr_assert_eq(c[0].state_size_bytes, 9007199254740993ull);
	cr_assert_str_eq(json_string_value(c[0].last_checkpoint_at), "T1");
	cr_assert_not(c[0].is_probe);
	cr_assert_null(c[1].last_checkpoint_at);
	cr_assert_not(c[1].has_health);
	cr_assert(c[2].is_probe);
	cr_assert_eq(c[2].verdict, VERDICT_UNHEALTHY);
	cr_assert_eq(json_integer_value(json_object_get(c[2].output, "pct")), 99);
	cr_assert_eq(c[3].name.len, 3, "U+0000 is a character like others");
	cr_assert_null(c[3].output);
	cr_assert_str_eq(m.report.last_busy_at.bytes, "T3");
	unmake(&m);
}

static void expect_undecodable(
	const char *integrations, const char *probes, const char *worker, const char *part)
{
	struct made m;

	cr_expect_not(make(&m, integrations, probes, worker), "accepted: %s %s %s", integrations,
		probes, worker);
	cr_expect_eq(m.inquiry.failure.kind, FAILURE_UNDECODABLE);
	cr_expect_not_null(strstr(m.inquiry.failure.text, part), "'%s' instead of '%s'",
		m.inquiry.failure.text, part);
	unmake(&m);
}

/* The protocol's numbers go up to 2^64 - 1. */
Test(probe_answer, a_state_beyond_all_bounds)
{
	struct made m;

	cr_assert(make(&m,
			  INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\","
				       "\"state_size_bytes\":18446744073709551615}"),
			  no_probes, idle),
		"%s", m.inquiry.failure.text);
	cr_expect_eq(m.report.checks[0].state_size_bytes, INT64_MAX);
	unmake(&m);
	expect_undecodable(INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\","
					"\"state_size_bytes\":36893488147419103233}"),
		no_probes, idle, "state_size_bytes: is not a whole number");
}

Test(probe_answer, integrations_of_the_wrong_shape)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "\"IntegrationStatusReport\"", "integrations: not an object" },
		{ "{\"IntegrationStatusReport\":[]}", "not an object" },
		{ "{\"IntegrationStatusReport\":{}}", "integrations: is missing" },
		{ "{\"IntegrationStatusReport\":{\"integrations\":null}}", "is not an array" },
		{ "{\"IntegrationStatusReport\":{\"integrations\":{}}}", "is not an array" },
		{ INTEGRATIONS("7"), "integrations[0]: not an object" },
		{ INTEGRATIONS("{}"), "integrations[0].name: is missing" },
		{ INTEGRATIONS("{\"name\":null,\"status\":\"active\"}"), "name: is not a string" },
		{ INTEGRATIONS("{\"name\":7,\"status\":\"active\"}"), "name: is not a string" },
		{ INTEGRATIONS("{\"name\":\"a\"}"), "status: is missing" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":null}"), "status: is missing" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"state_size_bytes\":-1}"),
			"state_size_bytes: is negative" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"state_size_bytes\":1.0}"),
			"is not a whole number" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"last_checkpoint_at\":5}"),
			"last_checkpoint_at: is not a string" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"health\":true}"),
			"integrations[0].health: not an object" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\"},{\"name\":\"b\",\"status\":\"x\","
			       "\"health\":{}}"),
			"integrations[1].health.healthy: is missing" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"health\":{\"healthy\":1,"
			       "\"detail\":\"\",\"checked_at\":\"\"}}"),
			"healthy: is not true or false" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"health\":{\"healthy\":true,"
			       "\"detail\":null,\"checked_at\":\"\"}}"),
			"detail: is not a string" },
		{ INTEGRATIONS("{\"name\":\"a\",\"status\":\"x\",\"health\":{\"healthy\":true,"
			       "\"detail\":\"\"}}"),
			"checked_at: is missing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_undecodable(cases[i].text, no_probes, idle, cases[i].part);
}

Test(probe_answer, other_answers_of_the_wrong_shape)
{
	static const char none[] = INTEGRATIONS("");
	static const char probe[] =
		"{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"a\",\"healthy\":%s}]}}";
	char text[200];

	expect_undecodable(none, "{\"ProbeStatusReport\":{}}", idle, "probes: is missing");
	snprintf(text, sizeof(text), probe, "null");
	expect_undecodable(none, text, idle, "probes[0].healthy: is not true or false");
	snprintf(text, sizeof(text), probe, "true");
	expect_undecodable(none, text, idle, "probes[0].detail: is missing");
	expect_undecodable(
		none, no_probes, "{\"WorkerStatus\":{}}", "WorkerStatus.status: is missing");
	expect_undecodable(none, no_probes,
		"{\"WorkerStatus\":{\"status\":\"idle\","
		"\"last_busy_at\":0}}",
		"last_busy_at: is not a string");
	expect_undecodable(none, no_probes, "\"WorkerStatus\"", "not an object");
}

Test(probe_answer, thousands_of_checks)
{
	char *text = malloc(300000);
	size_t len = (size_t)sprintf(text, "{\"IntegrationStatusReport\":{\"integrations\":[");
	char storage[64];
	struct buf summary = BUF_OVER(storage);
	struct made m;

	for (int i = 0; i < 9000; i++)
		len += (size_t)sprintf(
			text + len, "%s{\"name\":\"\",\"status\":\"\"}", i > 0 ? "," : "");
	len += (size_t)sprintf(
		text + len, ",{\"name\":\"\\u001b%0100d\",\"status\":\"starting\"}", 0);
	strcpy(text + len, "]}}");
	cr_assert(make(&m, text, no_probes, NULL), "%s", m.inquiry.failure.text);
	cr_assert_eq(m.report.count, 9001);
	cr_assert_eq(m.report.total, 1);
	buf_clear(&summary);
	health_summary(&m.report, &summary, 30);
	cr_assert_str_eq(summary.data, "0/1 healthy: \\x1b0000000000...");
	unmake(&m);
	free(text);
}
