/* SPDX-License-Identifier: MIT */
/* What a guest answers, as mvm-probe reads it: whatever it is, nothing of it harms a terminal. */
#include "probe/report/health.h"
#include "probe/show/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_probe_answer: %s\n", what);
	abort();
}

static void require_harmless(const char *text, size_t len)
{
	while (len > 0) {
		uint32_t code;
		size_t n = text_decode(text, len, &code);

		require(n > 0, "shown text is no UTF-8");
		require(!text_is_unsafe(code), "shown text is not harmless");
		text += n;
		len -= n;
	}
}

/* Answer one of the questions about health with the input, and the others as they should be. */
static void check_report(size_t which, const char *text, size_t len)
{
	static const char *const good[] = { "{\"IntegrationStatusReport\":{\"integrations\":[]}}",
		"{\"ProbeStatusReport\":{\"probes\":[]}}",
		"{\"WorkerStatus\":{\"status\":\"idle\"}}" };
	struct inquiry i = { .questions = health_questions, .count = HEALTH_DETAILS };
	char storage[256];
	struct buf summary = BUF_OVER(storage);
	struct report r;

	for (size_t q = 0; q < HEALTH_DETAILS; q++)
		i.roots[q] =
			answer_open(q == which ? text : good[q], q == which ? len : strlen(good[q]),
				question_answer(&health_questions[q]), &i.bodies[q], &i.failure);
	buf_clear(&summary);
	if (health_report(&i, &r)) {
		require(r.healthy <= r.total && r.total <= r.count, "counts do not add up");
		health_summary(&r, &summary, 60);
		require(!summary.cut, "the summary does not fit");
		require_harmless(summary.data, summary.len);
	} else {
		require(i.failure.text[0] != '\0', "a failure without words");
		require_harmless(i.failure.text, strlen(i.failure.text));
	}
	health_free(&r);
	inquiry_free(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	require(text != NULL, "no memory");
	memcpy(text, data + 1, size - 1);
	check_report(data[0] % HEALTH_DETAILS, text, size - 1);
	free(text);
	return 0;
}
