/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include "agent/checks/definition.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct problem p;

TestSuite(agent_definition, .init = rig_start, .fini = rig_stop);

static int parse(enum definition_kind kind, const char *text, struct definition *d)
{
	return definition_parse(kind, text, strlen(text), d, &p);
}

Test(agent_definition, an_integration_and_its_defaults)
{
	struct definition d;

	cr_assert_eq(parse(DEFINITION_INTEGRATION, "{\"name\":\"web\"}", &d), 0, "%s", p.text);
	cr_expect_str_eq(d.name, "web");
	cr_expect_null(d.command);
	cr_expect_null(d.user);
	cr_expect_eq(d.interval_secs, 30);
	cr_expect_eq(d.timeout_secs, 10);
	cr_expect_eq(d.grace_secs, 0);
	cr_expect_not(d.critical);
	definition_free(&d);
	cr_assert_eq(
		parse(DEFINITION_INTEGRATION,
			"{\"name\":\"db\",\"health_cmd\":\"pg_isready\",\"health_interval_secs\":5,"
			"\"health_timeout_secs\":3,\"startup_grace_secs\":60,\"critical\":true,"
			"\"checkpoint_cmd\":\"a\",\"restore_cmd\":\"b\",\"user\":\"postgres\"}",
			&d),
		0, "%s", p.text);
	cr_expect_str_eq(d.command, "pg_isready");
	cr_expect_str_eq(d.checkpoint_cmd, "a");
	cr_expect_str_eq(d.restore_cmd, "b");
	cr_expect_str_eq(d.user, "postgres");
	cr_expect_eq(d.interval_secs, 5);
	cr_expect_eq(d.timeout_secs, 3);
	cr_expect_eq(d.grace_secs, 60);
	cr_expect(d.critical);
	definition_free(&d);
}

Test(agent_definition, a_probe_has_its_command_under_either_name)
{
	struct definition d;

	cr_assert_eq(parse(DEFINITION_PROBE, "{\"name\":\"disk\",\"cmd\":\"df\"}", &d), 0);
	cr_expect_str_eq(d.command, "df");
	cr_expect_eq(d.output, DEFINITION_OUTPUT_EXIT_CODE);
	definition_free(&d);
	cr_assert_eq(parse(DEFINITION_PROBE,
			     "{\"name\":\"disk\",\"command\":\"df\",\"output_format\":\"json\","
			     "\"description\":\"\",\"interval_secs\":1,\"timeout_secs\":2}",
			     &d),
		0, "%s", p.text);
	cr_expect_str_eq(d.command, "df");
	cr_expect_eq(d.output, DEFINITION_OUTPUT_JSON);
	cr_expect_eq(d.interval_secs, 1);
	cr_expect_eq(d.timeout_secs, 2);
	definition_free(&d);
	cr_expect_eq(
		parse(DEFINITION_PROBE, "{\"name\":\"x\",\"cmd\":\"a\",\"command\":\"b\"}", &d),
		-EINVAL);
	cr_expect_not_null(strstr(p.text, "'cmd' is given twice"), "%s", p.text);
	definition_free(&d);
	cr_expect_eq(parse(DEFINITION_PROBE, "{\"name\":\"x\"}", &d), -EINVAL);
	cr_expect_not_null(strstr(p.text, "'cmd' is missing"), "%s", p.text);
	definition_free(&d);
	cr_expect_eq(parse(DEFINITION_PROBE,
			     "{\"name\":\"x\",\"cmd\":\"a\",\"output_format\":\"JSON\"}", &d),
		-EINVAL);
	definition_free(&d);
}

Test(agent_definition, a_name_has_a_length)
{
	char text[256];
	struct definition d;

	snprintf(text, sizeof(text), "{\"name\":\"%0128d\"}", 0);
	cr_expect_eq(parse(DEFINITION_INTEGRATION, text, &d), 0, "%s", p.text);
	definition_free(&d);
	snprintf(text, sizeof(text), "{\"name\":\"%0129d\"}", 0);
	cr_expect_eq(parse(DEFINITION_INTEGRATION, text, &d), -EINVAL);
	cr_expect_not_null(strstr(p.text, "128"), "%s", p.text);
	definition_free(&d);
}

/* ---- directories ----------------------------------------------------------------------------- */

Test(agent_definition, files_are_taken_in_the_order_of_their_names)
{
	struct definitions list;

	rig_file("b.json", "{\"name\":\"second\"}");
	rig_file("a.json", "{\"name\":\"first\"}");
	rig_file("c.json", "{\"name\":\"third\"}");
	rig_file("d.JSON", "{\"name\":\"other case\"}");
	rig_file(".json", "{\"name\":\"no name\"}");
	rig_file("e.json~", "{\"name\":\"backup\"}");
	cr_assert_eq(symlink("c.json", rig_path("0.json.link")), 0);
	rig_log_start();
	definitions_load(DEFINITION_INTEGRATION, rig.directory, &list);
	cr_assert_eq(list.count, 3);
	cr_expect_str_eq(list.items[0].name, "first");
	cr_expect_str_eq(list.items[1].name, "second");
	cr_expect_str_eq(list.items[2].name, "third");
	cr_expect_str_eq(rig_log(), "");
	definitions_free(&list);
}

Test(agent_definition, a_bad_file_has_one_line_and_the_others_load)
{
	struct definitions list;
	char *big;

	rig_file("1.json", "{\"name\":\"good\"}");
	rig_file("2.json", "{\"name\":\n  \"x\",}");
	rig_file("3.json", "{\"name\":\"x\",\"critical\":1}");
	rig_file("4.json", "");
	cr_assert_eq(mkdir(rig_path("5.json"), 0755), 0);
	cr_assert_eq(symlink("nowhere", rig_path("6.json")), 0);
	rig_file("7.json", "{\"name\":\"good\"}");
	big = calloc(1, DEFINITION_FILE_MAX + 2);
	memset(big, ' ', DEFINITION_FILE_MAX + 1);
	rig_file("8.json", big);
	free(big);
	rig_file("9.json", "{\"name\":\"also good\"}");
	rig_log_start();
	definitions_load(DEFINITION_INTEGRATION, rig.directory, &list);
	cr_assert_eq(list.count, 2, "%s", rig_log());
	cr_expect_str_eq(list.items[0].name, "good");
	cr_expect_str_eq(list.items[1].name, "also good");
	cr_expect_eq(rig_count(rig_log(), "\n"), 7, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "/2.json: line 2, column 7: "), "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "/3.json: line 1, column 24: 'critical' must be true "
					     "or false\n"));
	cr_expect_not_null(strstr(rig_log(), "/4.json: no JSON value\n"));
	cr_expect_not_null(strstr(rig_log(), "/5.json: Is a directory\n"));
	cr_expect_not_null(strstr(rig_log(), "/6.json: No such file or directory\n"));
	cr_expect_not_null(strstr(
		rig_log(), "/7.json: ignored, because an earlier file has the name 'good'\n"));
	cr_expect_not_null(strstr(rig_log(), "/8.json: File too large\n"));
	definitions_free(&list);
}

Test(agent_definition, an_absent_directory_is_empty)
{
	struct definitions list;

	rig_log_start();
	definitions_load(DEFINITION_PROBE, rig_path("absent"), &list);
	cr_expect_eq(list.count, 0);
	cr_expect_str_eq(rig_log(), "");
	definitions_free(&list);
	rig_file("file", "");
	definitions_load(DEFINITION_PROBE, rig_path("file"), &list);
	cr_expect_eq(list.count, 0);
	cr_expect_not_null(strstr(rig_log(), "/file: Not a directory; keep"));
}

Test(agent_definition, too_many_files_are_said_and_cut)
{
	struct definitions list;
	char name[32], text[64];

	for (int i = 0; i < DEFINITIONS_MAX + 2; i++) {
		snprintf(name, sizeof(name), "%03d.json", i);
		snprintf(text, sizeof(text), "{\"name\":\"n%d\"}", i);
		rig_file(name, text);
	}
	rig_log_start();
	definitions_load(DEFINITION_INTEGRATION, rig.directory, &list);
	cr_expect_eq(list.count, DEFINITIONS_MAX);
	cr_expect_str_eq(list.items[DEFINITIONS_MAX - 1].name, "n255");
	cr_expect_not_null(strstr(rig_log(), ": only the first 256 of 258 files are used\n"));
	definitions_free(&list);
}
