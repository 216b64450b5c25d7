/* SPDX-License-Identifier: MIT */
/* Runs mvm-probe against fake agents in a directory of its own. */
#ifndef TESTS_UNIT_PROBE_RIG_H
#define TESTS_UNIT_PROBE_RIG_H

#include "fake_agent.h"
#include "program_rig.h"

/* Services as an agent sends them: one with everything, and one with little and something newer. */
#define PROBE_RIG_WEB                                                                              \
	"{\"name\":\"web\",\"state\":\"running\",\"reason\":null,\"pid\":101,\"uid\":900,"         \
	"\"gid\":900,\"state_ms\":12345,\"restarts\":0,\"failures\":0,\"next_start_ms\":null,"     \
	"\"exit_code\":null,\"built_in\":false,\"memory_bytes\":1572864,\"cpu_us\":61234567,"      \
	"\"tasks\":3,\"oom_kills\":0}"
#define PROBE_RIG_DB                                                                               \
	"{\"name\":\"d\\u001bb\",\"state\":\"auto-restart\",\"reason\":\"exec: ENOENT\\n\","       \
	"\"pid\":null,\"uid\":901,\"state_ms\":200,\"restarts\":7,\"failures\":8,"                 \
	"\"next_start_ms\":25600,\"exit_code\":127,\"newer\":[1]}"

/* Make a directory and work in it; stop all agents and remove it. For a suite's .init and .fini. */
void probe_rig_set_up(void);
void probe_rig_clean_up(void);

/* Start agents at these paths; those that run are stopped first. */
void probe_rig_start(const char *const *paths, const struct fake_script *scripts, size_t count);

/* Start one at v.sock with this script. */
void probe_rig_start_one(const struct fake_script *script);

/* Start one at v.sock that gives this answer to everything, and at w.sock one that gives none. */
void probe_rig_say(const char *answer);

/* Start one at v.sock whose answers come from a function (fake_process_respond()). */
void probe_rig_respond(const char *(*respond)(struct fake_agent *a, const char *request));

/* Run argv with `input` and expect exactly this status and output. */
void probe_rig_expect(
	int status, const char *out, const char *err, const char *input, const char *const *argv);

/* Run mvm-probe with these arguments and no input, and expect exactly this. */
#define EXPECT(status, out, err, ...)                                                              \
	probe_rig_expect(                                                                          \
		status, out, err, NULL, (const char *const[]){ PROGRAM, __VA_ARGS__, NULL })

#endif
