/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test-file-XXXXXX";
static char path[128];

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/f", directory);
	umask(077);
}

static void clean_up(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(file, .init = set_up, .fini = clean_up, .timeout = 20);

static int entries(void)
{
	DIR *d = opendir(directory);
	int count = -2; /* . and .. */

	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

static mode_t mode_of(const char *file)
{
	struct stat st;

	cr_assert_eq(stat(file, &st), 0);
	return st.st_mode & 07777;
}

Test(file, read_what_was_created)
{
	char text[8];
	size_t len = 0;

	cr_assert_eq(file_create(path, "abc\0def", 7, 0640), 0);
	cr_assert_eq(mode_of(path), 0640, "whatever the umask is");
	cr_assert_eq(file_read(path, text, sizeof(text), &len), 0);
	cr_assert_eq(len, 7);
	cr_assert_arr_eq(text, "abc\0def", 8);
	cr_assert_eq(file_read(path, text, 7, &len), -EFBIG, "the terminator needs room");
	cr_assert_str_empty(text);
	cr_assert_eq(file_create(path, "x", 1, 0600), 0);
	cr_assert_eq(file_read(path, text, 2, NULL), 0);
	cr_assert_str_eq(text, "x", "creation replaces the contents");
	cr_assert_eq(mode_of(path), 0600);
}

Test(file, a_byte_order_mark_is_left_out)
{
	char text[8];
	size_t len = 0;

	cr_assert_eq(file_create(path,
			     "\xef\xbb\xbf"
			     "ab",
			     5, 0600),
		0);
	cr_assert_eq(file_read(path, text, sizeof(text), &len), 0);
	cr_assert_eq(len, 2);
	cr_assert_str_eq(text, "ab");
	cr_assert_eq(file_create(path,
			     "\xef\xbb"
			     "a",
			     3, 0600),
		0);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), 0);
	cr_assert_str_eq(text,
		"\xef\xbb"
		"a",
		"a part of one is text");
}

Test(file, read_errors)
{
	char text[8] = "before";

	cr_assert_eq(file_read(path, text, sizeof(text), NULL), -ENOENT);
	cr_assert_str_empty(text);
	cr_assert_eq(file_read(directory, text, sizeof(text), NULL), -EISDIR);
	cr_assert_eq(symlink("f", path), 0);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), -ELOOP);
}

/* A directory of configuration files may hold anything; none of it may stop a program. */
Test(file, reading_a_fifo_does_not_wait)
{
	char text[8];

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), -EINVAL, "it is no file");
	cr_assert_str_empty(text);
}

Test(file, read_alloc_grows_up_to_its_limit)
{
	enum { size = 100000 };
	char *bytes = malloc(size), *text = NULL;
	size_t len = 0;

	for (int i = 0; i < size; i++)
		bytes[i] = (char)('a' + i % 26);
	cr_assert_eq(file_create(path, bytes, size, 0600), 0);
	cr_assert_eq(file_read_alloc(path, size - 1, &text, &len), -EFBIG);
	cr_assert_eq(file_read_alloc(path, size, &text, &len), 0);
	cr_assert_eq(len, size);
	cr_assert_eq(memcmp(text, bytes, size), 0);
	cr_assert_eq(text[size], '\0');
	free(text);
	cr_assert_eq(file_create(path, "", 0, 0600), 0);
	cr_assert_eq(file_read_alloc(path, 0, &text, &len), 0);
	cr_assert_eq(len, 0);
	cr_assert_str_empty(text);
	free(text);
	free(bytes);
	cr_assert_eq(file_read_alloc("/nonexistent", 10, &text, &len), -ENOENT);
}

Test(file, read_alloc_takes_files_without_a_size)
{
	char *text;
	size_t len;

	cr_assert_eq(file_read_alloc("/proc/self/status", 1 << 20, &text, &len), 0);
	cr_assert_not_null(strstr(text, "Pid:"));
	cr_assert_eq(len, strlen(text));
	free(text);
}

Test(file, write_wants_an_existing_file)
{
	char text[8];

	cr_assert_eq(file_write(path, "a", 1), -ENOENT);
	cr_assert_eq(file_create(path, "old!", 4, 0600), 0);
	cr_assert_eq(file_write(path, "new", 3), 0);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), 0);
	cr_assert_str_eq(text, "new!");
	cr_assert_eq(file_write("/dev/full", "a", 1), -ENOSPC);
}

Test(file, replace_is_whole_and_leaves_nothing_behind)
{
	char text[16];
	int reader;

	cr_assert_eq(file_replace(path, "one", 3, 0644), 0);
	cr_assert_eq(mode_of(path), 0644);
	reader = open(path, O_RDONLY);
	cr_assert_eq(file_replace(path, "three", 5, 0600), 0);
	cr_assert_eq(read(reader, text, sizeof(text)), 3, "an open reader keeps the old file");
	close(reader);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), 0);
	cr_assert_str_eq(text, "three");
	cr_assert_eq(mode_of(path), 0600);
	cr_assert_eq(entries(), 1);
}

Test(file, a_failed_replace_keeps_the_old_file)
{
	struct rlimit limit = { 4, 4 };
	char text[16], other[160];

	cr_assert_eq(file_create(path, "old", 3, 0600), 0);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(file_replace(path, "longer", 6, 0600), -EFBIG);
	cr_assert_eq(file_read(path, text, sizeof(text), NULL), 0);
	cr_assert_str_eq(text, "old");
	cr_assert_eq(entries(), 1);
	snprintf(other, sizeof(other), "%s/d", directory);
	cr_assert_eq(mkdir(other, 0700), 0);
	cr_assert_eq(file_replace(other, "x", 1, 0600), -EISDIR);
	cr_assert_eq(entries(), 2, "the temporary file is gone");
}

Test(file, replace_does_not_follow_a_planted_link)
{
	char temporary[160], victim[160], text[16];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	snprintf(victim, sizeof(victim), "%s/victim", directory);
	cr_assert_eq(file_create(victim, "safe", 4, 0600), 0);
	cr_assert_eq(symlink(victim, temporary), 0);
	cr_assert_eq(file_replace(path, "x", 1, 0600), -ELOOP);
	cr_assert_eq(file_read(victim, text, sizeof(text), NULL), 0);
	cr_assert_str_eq(text, "safe");
}

Test(file, names_that_are_too_long)
{
	char name[5000];

	memset(name, 'a', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	cr_assert_eq(file_replace(name, "x", 1, 0600), -ENAMETOOLONG);
	cr_assert_eq(file_make_directories(name), -ENAMETOOLONG);
	cr_assert_eq(file_create(name, "x", 1, 0600), -ENAMETOOLONG);
}

Test(file, make_directories)
{
	char deep[200], below[210];
	struct stat st;

	umask(0);
	snprintf(deep, sizeof(deep), "%s/a//b/c", directory);
	cr_assert_eq(file_make_directories(deep), 0);
	cr_assert_eq(stat(deep, &st), 0);
	cr_assert(S_ISDIR(st.st_mode));
	cr_assert_eq(mode_of(deep), 0755);
	cr_assert_eq(file_make_directories(deep), 0, "existing ones are fine");
	snprintf(deep, sizeof(deep), "%s/d/", directory);
	cr_assert_eq(file_make_directories(deep), 0);
	cr_assert_eq(file_create(path, "", 0, 0600), 0);
	snprintf(below, sizeof(below), "%s/x", path);
	cr_assert_eq(file_make_directories(below), -ENOTDIR);
	cr_assert_eq(file_make_directories(path), -ENOTDIR, "a file is not a directory");
}

Test(file, write_all)
{
	int fds[2];

	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	cr_assert_eq(file_write_all(fds[1], "abc", 3), 0);
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(file_write_all(fds[1], "abc", 3), -EPIPE);
	close(fds[1]);
	cr_assert_eq(file_write_all(fds[1], "abc", 3), -EBADF);
	cr_assert_eq(file_write_all(fds[1], "", 0), 0);
}

Test(file, paths_below_a_directory)
{
	static const struct {
		const char *path;
		bool is_below;
	} cases[] = { { "/a/b", true }, { "/a/b/", true }, { "/a/b/c", true }, { "/a/bc", false },
		{ "/a", false }, { "/", false }, { "", false }, { "/x/a/b", false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(file_is_below(cases[i].path, "/a/b"), cases[i].is_below, "%s",
			cases[i].path);
}

Test(file, reads_a_range_or_on_from_where_it_stands)
{
	char bytes[8];
	int fd;

	cr_assert_eq(file_create(path, "0123456789", 10, 0600), 0);
	fd = open(path, O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_expect_eq(file_read_up_to(fd, bytes, 4, FILE_HERE), 4);
	cr_expect_arr_eq(bytes, "0123", 4);
	cr_expect_eq(file_read_up_to(fd, bytes, 4, 1), 4);
	cr_expect_arr_eq(bytes, "1234", 4);
	cr_expect_eq(file_read_up_to(fd, bytes, 8, FILE_HERE), 6, "a range moves no position");
	cr_expect_eq(file_read_up_to(fd, bytes, 8, 9), 1);
	cr_expect_eq(file_read_up_to(fd, bytes, 8, 10), 0);
	cr_expect_eq(file_read_up_to(-1, bytes, 8, FILE_HERE), -EBADF);
	close(fd);
}
