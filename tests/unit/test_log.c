/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fds[2];

/* While another process writes to a terminal, a write fails with EAGAIN, even if there is room. */
static int refusals;

ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t size);

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fd != fds[1] || refusals == 0)
		return __real_write(fd, bytes, size);
	refusals--;
	errno = EAGAIN;
	return -1;
}

static void set_up(void)
{
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	log_open(fds[1], "[t] ");
}

TestSuite(log, .init = set_up, .timeout = 20);

static const char *written(void)
{
	static char text[1 << 17];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

Test(log, a_line_has_prefix_and_newline)
{
	cr_assert_eq(log_fd(), fds[1]);
	log_line("%s: %d", "web", 7);
	cr_assert_str_eq(written(), "[t] web: 7\n");
	log_line("%s", "");
	cr_assert_str_eq(written(), "[t] \n");
}

Test(log, control_characters_cannot_forge_a_line)
{
	log_line("a\nb\rc\033[2Jd\te\x7f");
	cr_assert_str_eq(written(), "[t] a?b c?[2Jd\te?\n");
}

/* ESC [ has a one-character form, U+009B, which some terminals act upon. */
Test(log, control_characters_in_utf_8)
{
	log_line("a\xc2\x9b"
		 "2Jb caf\xc3\xa9 \xc2\xa0.");
	cr_assert_str_eq(written(), "[t] a??2Jb caf\xc3\xa9 \xc2\xa0.\n");
}

Test(log, long_lines_are_cut_to_the_limit)
{
	char text[2 * LOG_LINE_MAX];
	const char *got;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_line("%s", text);
	got = written();
	cr_assert_eq(strlen(got), LOG_LINE_MAX);
	cr_assert_eq(got[LOG_LINE_MAX - 1], '\n');
	cr_assert_eq(got[LOG_LINE_MAX - 2], 'a');
}

Test(log, raw_lines_pass_as_they_are)
{
	log_raw("web: \033[1m\n", 10);
	cr_assert_str_eq(written(), "web: \033[1m\n");
}

/* Fill the pipe to the last byte, so that not even a part of a line fits. */
static size_t fill(void)
{
	char text[4096];
	size_t total = 0;
	ssize_t n;

	memset(text, 'f', sizeof(text));
	for (size_t step = sizeof(text); step > 0; step /= 2)
		while ((n = write(fds[1], text, step)) > 0)
			total += (size_t)n;
	return total;
}

Test(log, a_full_console_drops_lines_and_says_how_many)
{
	size_t filled = fill();
	const char *got;

	log_line("lost");
	log_line("lost");
	log_raw("lost\n", 5);
	got = written();
	cr_assert_eq(strlen(got), filled, "nothing of a dropped line is written");
	cr_assert_null(strchr(got, 'l'));
	log_line("kept");
	cr_assert_str_eq(
		written(), "[t] 3 console lines dropped: the console is too slow\n[t] kept\n");
	log_line("next");
	cr_assert_str_eq(written(), "[t] next\n", "the count is said once");
}

Test(log, a_console_that_somebody_else_writes_to_is_tried_again)
{
	refusals = 20;
	log_line("here");
	cr_assert_str_eq(written(), "[t] here\n");
}

Test(log, but_not_for_ever)
{
	refusals = 1000;
	log_line("dropped");
	cr_assert_geq(refusals, 900);
	refusals = 0;
	log_line("here");
	cr_assert_str_eq(
		written(), "[t] 1 console lines dropped: the console is too slow\n[t] here\n");
}

Test(log, a_closed_console_does_no_harm)
{
	close(fds[0]);
	close(fds[1]);
	log_line("nobody hears this");
	log_raw("nor this\n", 9);
}
