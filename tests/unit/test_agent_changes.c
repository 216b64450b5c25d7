/* SPDX-License-Identifier: MIT */
/* FsDiff, and the status of integrations without a check: what PID 1 says becomes an answer. */
#include "agent_process.h"
#include "agent_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(agent_changes, .init = process_start, .fini = process_stop, .timeout = 120);

static const char *const no_services[] = { NULL };

/* PID 1's list, NUL behind each entry, in messages as PID 1 cuts them. */
static void expect_diff(int fd, const char *list, size_t len, const char *want)
{
	send_text(fd, "\"FsDiff\"");
	expect_verb(CONTROL_CHANGES);
	for (size_t at = 0; at < len; at += 7) {
		struct control_message item = { .length = (uint16_t)(len - at < 7 ? len - at : 7) };

		memcpy(item.data, list + at, item.length);
		answer_item(&item);
	}
	answer_done(0, "");
	expect_reply(fd, want);
}

#define DIFF(list, want) expect_diff(fd, list, sizeof(list), want)

Test(agent_changes, the_diff_is_sorted)
{
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent_with_init(NULL, no_services);
	fd = connect_client();
	DIFF("m 12 /var/x y\0c 3 /etc/a\0d 0 /etc/b\xff\0. 0 ",
		"{\"FsDiffResult\":{\"changes\":["
		"{\"path\":\"/etc/a\",\"kind\":\"created\",\"size\":3},"
		"{\"path\":\"/etc/b\xef\xbf\xbd\",\"kind\":\"deleted\",\"size\":0},"
		"{\"path\":\"/var/x y\",\"kind\":\"modified\",\"size\":12}]}}");
	DIFF(". 0 ", "{\"FsDiffResult\":{\"changes\":[]}}");
	DIFF("c 3 /etc/a\0! 0 /var/b: Input/output error",
		"{\"Error\":{\"message\":\"FsDiff: the list ends after 1 changes: /var/b: "
		"Input/output error\"}}");
	DIFF("c 3 /etc/a", "{\"Error\":{\"message\":\"FsDiff: the list ends after 1 changes\"}}");
	send_text(fd, "\"FsDiff\"");
	expect_verb(CONTROL_CHANGES);
	answer_done(ENOENT, "this guest has no overlay: its root is writable");
	expect_reply(fd, "{\"Error\":{\"message\":\"FsDiff: this guest has no overlay: its root is "
			 "writable\"}}");
	close(fd);
}

/* Entries that do not fit a frame are counted: all of them. */
Test(agent_changes, a_diff_that_is_too_long_says_how_long)
{
	struct control_message item = { .length = 900 };
	int fd;

	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true}}");
	start_agent_with_init(NULL, no_services);
	for (unsigned int messages = 200; messages <= 400; messages += 200) {
		fd = connect_client();
		send_text(fd, "\"FsDiff\"");
		expect_verb(CONTROL_CHANGES);
		for (unsigned int i = 0; i < messages; i++) {
			for (unsigned int n = 0; n < 90; n++)
				memcpy(item.data + 10 * n, "c 0 /etc/x", 10);
			for (unsigned int n = 0; n < 90; n++)
				item.data[10 * n + 9] = '\0';
			answer_item(&item);
		}
		item = (struct control_message){ .length = 5, .data = ". 0 " };
		answer_item(&item);
		answer_done(0, "");
		expect_reply(fd, messages == 200 ? "{\"Error\":{\"message\":\"FsDiff: 18000 "
						   "changes are more than fit an "
						   "answer\"}}"
						 : "{\"Error\":{\"message\":\"FsDiff: 36000 "
						   "changes are more than fit an "
						   "answer\"}}");
		close(fd);
		item.length = 900;
	}
}

Test(agent_changes, the_diff_needs_leave)
{
	start_agent_with_init(NULL, no_services);
	expect("\"FsDiff\"",
		"{\"Error\":{\"message\":\"FsDiff rejected: access.debug_exec not enabled in "
		"security policy\"}}");
	expect_no_verb();
}

/* ---- integrations without a check ------------------------------------------------------------ */

static void expect_status(int fd, const char *state, const char *want)
{
	struct control_message item = { .service = { .name = "web" } };
	char *reply;

	snprintf(item.service.state, sizeof(item.service.state), "%s", state);
	send_text(fd, "\"IntegrationStatus\"");
	expect_verb(CONTROL_SERVICES);
	answer_item(&item);
	answer_done(0, "");
	reply = rig_receive(fd);
	cr_expect_not_null(strstr(reply, want), "%s: %s", state, reply);
	free(reply);
}

Test(agent_changes, an_integration_without_a_check_is_active_while_its_service_runs)
{
	int fd;

	rig_file("integrations.d/1.json", "{\"name\":\"web\"}");
	start_agent_with_init(NULL, no_services);
	fd = connect_client();
	expect_status(fd, "running", "\"name\":\"web\",\"status\":\"active\"");
	expect_status(fd, "exited", "\"status\":\"active\"");
	expect_status(fd, "auto-restart", "\"status\":\"pending\"");
	expect_status(fd, "start", "\"status\":\"pending\"");
	expect_status(fd, "running",
		"\"status\":\"active\",\"last_checkpoint_at\":null,"
		"\"state_size_bytes\":0,\"health\":null");
	close(fd);
}
