/* SPDX-License-Identifier: MIT */
/* Records of an entrypoint's control descriptor. */
#include "agent/requests/control_record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct control_records records;
static struct entrypoint_control event;
static char *header;

static int take(void)
{
	free(header);
	header = NULL;
	return control_records_take(&records, &event, &header);
}

static void add(const char *bytes, size_t len)
{
	cr_assert_eq(control_records_add(&records, bytes, len), 0);
}

static void stop(void)
{
	free(header);
	control_records_free(&records);
}

TestSuite(agent_control_record, .fini = stop);

Test(agent_control_record, a_record_in_single_bytes_and_the_next)
{
	static const char bytes[] = "\7\0\0\0{\"a\":1}\3\0\0\0x\0\xff\2\0\0\0[]\0\0\0\0";

	for (size_t i = 0; i < 18; i++) {
		cr_assert_eq(take(), 0);
		add(bytes + i, 1);
	}
	cr_assert_eq(take(), 1);
	cr_expect_str_eq(event.header_json, "{\"a\":1}");
	cr_expect_eq(event.payload.len, 3);
	cr_expect_arr_eq(event.payload.data, "x\0\xff", 3);
	add(bytes + 18, sizeof(bytes) - 1 - 18);
	cr_assert_eq(take(), 1);
	cr_expect_str_eq(event.header_json, "[]");
	cr_expect_eq(event.payload.len, 0);
	cr_expect_eq(take(), 0);
}

Test(agent_control_record, a_header_that_is_no_json)
{
	add("\2\0\0\0{x\0\0\0\0", 10);
	cr_expect_eq(take(), -EBADMSG);
	control_records_free(&records);
	add("\0\0\0\0\0\0\0\0", 8);
	cr_expect_eq(take(), -EBADMSG);
}

/* Lengths are refused before anything of that length has come. */
Test(agent_control_record, lengths_that_no_frame_can_hold)
{
	add("\1\0\1\0", 4);
	cr_expect_eq(take(), -EMSGSIZE);
	control_records_free(&records);
	add("\2\0\0\0{}\x61\xea\0\0", 10);
	cr_expect_eq(take(), -EMSGSIZE);
	control_records_free(&records);
	add("\xff\xff\xff\xff", 4);
	cr_expect_eq(take(), -EMSGSIZE);
}

/* Both are within their limits, and together they are too long. */
Test(agent_control_record, parts_that_do_not_fit_together)
{
	char *bytes = calloc(1, 65536 + 60000 + 8);

	memcpy(bytes, "\0\0\1\0", 4);
	memset(bytes + 4, ' ', 65536);
	bytes[4] = '1';
	memcpy(bytes + 4 + 65536, "\x60\xea\0\0", 4);
	add(bytes, 65536 + 60000 + 8);
	free(bytes);
	cr_expect_eq(take(), -EMSGSIZE);
}
