/* SPDX-License-Identifier: MIT */
#include "probe_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/test-probe-XXXXXX";
static pid_t agents;

void probe_rig_set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
}

static void stop(void)
{
	if (agents > 0)
		fake_process_stop(agents);
	agents = 0;
}

void probe_rig_clean_up(void)
{
	char command[64];

	stop();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

void probe_rig_start(const char *const *paths, const struct fake_script *scripts, size_t count)
{
	stop();
	agents = fake_process_start(paths, scripts, count);
}

void probe_rig_start_one(const struct fake_script *script)
{
	const char *path = "v.sock";

	probe_rig_start(&path, script, 1);
}

void probe_rig_say(const char *answer)
{
	static const char *const paths[] = { "v.sock", "w.sock" };
	struct fake_answer answers[] = { { NULL, answer, 0 }, { 0 } };
	struct fake_script scripts[] = { { .answers = answers }, { .refuse = ~0u } };

	probe_rig_start(paths, scripts, 2);
}

void probe_rig_respond(const char *(*respond)(struct fake_agent *a, const char *request))
{
	static const struct fake_script script;

	fake_process_respond(respond);
	probe_rig_start_one(&script);
}

void probe_rig_expect(
	int status, const char *out, const char *err, const char *input, const char *const *argv)
{
	struct program_result r;

	program_run(&r, argv, input);
	cr_expect_eq(r.status, status, "exit status %d: %s", r.status, r.err);
	cr_expect_str_eq(r.out, out, "standard output is:\n%s", r.out);
	cr_expect_str_eq(r.err, err, "standard error is:\n%s", r.err);
	program_free(&r);
}
