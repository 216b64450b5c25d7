/* SPDX-License-Identifier: MIT */
/* The copy of the secrets drive, on real directories; ownership only where the test runs as root.
 */
#include "base/file.h"
#include "mounts/secrets.h"
#include "told.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64], from[80], to[80];

static void put(const char *directory, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	cr_assert(file_create(path, text, strlen(text), 0400) == 0, "%s", path);
}

static bool has(const char *name, const char *text, mode_t mode)
{
	char path[256], now[8192];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", to, name);
	return stat(path, &st) == 0 && (st.st_mode & 07777) == mode &&
	       (S_ISDIR(st.st_mode) ||
		       (file_read(path, now, sizeof(now), NULL) == 0 && strcmp(now, text) == 0));
}

static bool exists(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", to, name);
	return lstat(path, &st) == 0;
}

static void make_directory(const char *parent, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	cr_assert(mkdir(path, 0700) == 0);
}

static void run(const char *format, const char *argument)
{
	char command[256];

	snprintf(command, sizeof(command), format, argument);
	cr_assert(system(command) == 0);
}

static void set_up(void)
{
	strcpy(top, "/tmp/secrets-XXXXXX");
	cr_assert(mkdtemp(top) != NULL);
	snprintf(from, sizeof(from), "%s/from", top);
	snprintf(to, sizeof(to), "%s/to", top);
	cr_assert(mkdir(from, 0700) == 0 && mkdir(to, 0700) == 0);
	told[0] = '\0';
}

static void tear_down(void)
{
	run("chmod -R u+rwx %s", top);
	run("rm -rf %s", top);
}

TestSuite(secrets_copy, .init = set_up, .fini = tear_down);

Test(secrets_copy, files_dotfiles_and_directories)
{
	put(from, "a", "one");
	put(from, ".env", "two");
	make_directory(from, "tls");
	put(from, "tls/key", "three");
	make_directory(from, "lost+found");
	run("ln -s a %s/link", from);
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);
	cr_expect(has("a", "one", 0440));
	cr_expect(has(".env", "two", 0440));
	cr_expect(has("tls", "", 0550));
	cr_expect(has("tls/key", "three", 0440));
	cr_expect(has("link", "one", 0440));
	cr_expect(!(exists("lost+found")));
	cr_expect(!(exists(".mvm-new")));
}

Test(secrets_copy, refresh_replaces_adds_and_removes)
{
	put(from, "stays", "1");
	put(from, "changes", "1");
	put(from, "goes", "1");
	make_directory(from, "old");
	put(from, "old/x", "1");
	put(from, "file-then-directory", "1");
	make_directory(from, "directory-then-file");
	put(from, "directory-then-file/x", "1");
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);

	put(from, "changes", "2");
	put(from, "new", "2");
	run("cd %s && rm -rf goes old file-then-directory directory-then-file", from);
	make_directory(from, "file-then-directory");
	put(from, "file-then-directory/y", "2");
	put(from, "directory-then-file", "2");
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);
	cr_expect(has("stays", "1", 0440));
	cr_expect(has("changes", "2", 0440));
	cr_expect(has("new", "2", 0440));
	cr_expect(has("file-then-directory/y", "2", 0440));
	cr_expect(has("directory-then-file", "2", 0440));
	cr_expect(!(exists("goes")));
	cr_expect(!(exists("old")));
}

/* A secret may have any name, even that of a file being written, or lost+found. */
Test(secrets_copy, secrets_with_names_of_ours)
{
	put(from, ".mvm-new", "one");
	put(from, "lost+found", "two");
	make_directory(from, ".mvm-new1");
	put(from, ".mvm-new1/.mvm-new", "three");
	put(from, "z", "four");
	for (int i = 0; i < 2; i++) {
		cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);
		cr_expect(has(".mvm-new", "one", 0440) && has("lost+found", "two", 0440));
		cr_expect(has(".mvm-new1/.mvm-new", "three", 0440) && has("z", "four", 0440));
		cr_expect(!(exists(".mvm-new2")));
	}
}

Test(secrets_copy, a_bad_entry_is_named_and_loses_nothing_else)
{
	put(from, "a", "one");
	run("mkfifo %s/pipe", from);
	put(from, "z", "two");
	cr_expect(secrets_copy(from, to, getgid(), &tell) == 1);
	cr_expect(strstr(told, "secret pipe is not a file, directory or link") != NULL, "%s", told);
	cr_expect(has("a", "one", 0440) && has("z", "two", 0440));
}

Test(secrets_copy, absent_source_is_said)
{
	cr_expect(secrets_copy("/nonexistent", to, getgid(), &tell) == 1);
	cr_expect(strstr(told, "No such file") != NULL, "%s", told);
}

static atomic_bool stop;
static char large[2][4096];

/* A service reads all the time: it must never find the file missing, short or mixed. */
static void *reader(void *arg)
{
	char path[256], now[8192];
	long *reads = arg;

	snprintf(path, sizeof(path), "%s/secret", to);
	while (!atomic_load(&stop)) {
		size_t len;

		if (file_read(path, now, sizeof(now), &len) != 0 ||
			(strcmp(now, large[0]) != 0 && strcmp(now, large[1]) != 0))
			return "a reader saw something else than the old or the new secret";
		++*reads;
	}
	return NULL;
}

Test(secrets_copy, a_reader_never_sees_a_part)
{
	pthread_t thread;
	long reads = 0;
	void *complaint;

	memset(large[0], 'a', sizeof(large[0]) - 1);
	memset(large[1], 'b', sizeof(large[1]) - 1);
	put(from, "secret", large[0]);
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0);
	cr_assert(pthread_create(&thread, NULL, reader, &reads) == 0);
	for (int i = 0; i < 300; i++) {
		put(from, "secret", large[i & 1]);
		cr_assert(secrets_copy(from, to, getgid(), &tell) == 0);
	}
	atomic_store(&stop, true);
	pthread_join(thread, &complaint);
	cr_expect(complaint == NULL, "%s", (char *)complaint);
	cr_expect(reads > 0);
}
