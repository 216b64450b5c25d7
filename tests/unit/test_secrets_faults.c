/* SPDX-License-Identifier: MIT */
/*
 * The copy of the secrets drive when system calls fail: the failed secret is named, and the others
 * are copied. Functions of the C library are replaced at link time, under the names that they have
 * with 64-bit file sizes.
 */
#include "base/file.h"
#include "mounts/secrets.h"
#include "told.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64], from[80], to[80];
static const char *faulty; /* the function that fails, */
static const char *victim; /* for this name; NULL: for any name */
static int error, times;   /* so many times */

static void fail_once(const char *function, const char *name, int code)
{
	faulty = function;
	victim = name;
	error = code;
	times = 1;
	told[0] = '\0';
}

static bool fails(const char *function, const char *name)
{
	if (faulty == NULL || strcmp(function, faulty) != 0 || times == 0 ||
		(victim != NULL && (name == NULL || strcmp(name, victim) != 0)))
		return false;
	times--;
	errno = error;
	return true;
}

ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t size);
int __wrap_openat64(int at, const char *name, int flags, ...);
int __real_openat64(int at, const char *name, int flags, ...);
int __wrap_fchown(int fd, uid_t uid, gid_t gid);
int __wrap_renameat(int from_at, const char *old, int to_at, const char *new);
int __real_renameat(int from_at, const char *old, int to_at, const char *new);
int __wrap_symlinkat(const char *target, int at, const char *name);
int __real_symlinkat(const char *target, int at, const char *name);
ssize_t __wrap_readlinkat(int at, const char *name, char *target, size_t size);
ssize_t __real_readlinkat(int at, const char *name, char *target, size_t size);
int __wrap_mkdirat(int at, const char *name, mode_t mode);
int __real_mkdirat(int at, const char *name, mode_t mode);
int __wrap_fstatat64(int at, const char *name, void *st, int flags);
int __real_fstatat64(int at, const char *name, void *st, int flags);

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	return fails("read", NULL) ? -1 : __real_read(fd, bytes, size);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	return fails("write", NULL) ? -1 : __real_write(fd, bytes, size);
}

int __wrap_openat64(int at, const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("openat", name) ? -1 : __real_openat64(at, name, flags, mode);
}

/* The test need not be root. */
int __wrap_fchown(int fd, uid_t uid, gid_t gid)
{
	(void)fd;
	(void)uid;
	(void)gid;
	return fails("fchown", NULL) ? -1 : 0;
}

int __wrap_renameat(int from_at, const char *old, int to_at, const char *new)
{
	return fails("renameat", new) ? -1 : __real_renameat(from_at, old, to_at, new);
}

int __wrap_symlinkat(const char *target, int at, const char *name)
{
	return fails("symlinkat", NULL) ? -1 : __real_symlinkat(target, at, name);
}

ssize_t __wrap_readlinkat(int at, const char *name, char *target, size_t size)
{
	return fails("readlinkat", name) ? -1 : __real_readlinkat(at, name, target, size);
}

int __wrap_mkdirat(int at, const char *name, mode_t mode)
{
	return fails("mkdirat", name) ? -1 : __real_mkdirat(at, name, mode);
}

int __wrap_fstatat64(int at, const char *name, void *st, int flags)
{
	return fails("fstatat", name) ? -1 : __real_fstatat64(at, name, st, flags);
}

static void put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", from, name);
	cr_assert(file_create(path, text, strlen(text), 0400) == 0);
}

static void set_up(void)
{
	char path[256];

	strcpy(top, "/tmp/secrets-faults-XXXXXX");
	cr_assert(mkdtemp(top) != NULL);
	snprintf(from, sizeof(from), "%s/from", top);
	snprintf(to, sizeof(to), "%s/to", top);
	snprintf(path, sizeof(path), "%s/from/tls", top);
	cr_assert(mkdir(from, 0700) == 0 && mkdir(to, 0700) == 0 && mkdir(path, 0700) == 0);
	put("a", "one");
	put("tls/key", "three");
	snprintf(path, sizeof(path), "%s/link", from);
	cr_assert(symlink("a", path) == 0);
}

static void tear_down(void)
{
	char command[256];

	faulty = NULL;
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", top, top);
	cr_assert(system(command) == 0);
}

TestSuite(secrets_faults, .init = set_up, .fini = tear_down);

static bool is_there(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", to, name);
	return lstat(path, &st) == 0;
}

/* Each failure leaves out one of the names, and the one line names it. */
Test(secrets_faults, each_failed_call_costs_one_secret)
{
	static const char *const all[] = { "a", "link", "tls/key" };
	static const struct {
		const char *function, *name;
		int error;
		const char *line, *missing;
	} rows[] = {
		{ "openat", "a", EIO, "secret a cannot be read: Input/output error\n", "a" },
		{ "fstatat", "a", EIO, "secret a cannot be read: Input/output error\n", "a" },
		{ "readlinkat", "link", EIO, "secret link cannot be read: Input/output error\n",
			"link" },
		{ "symlinkat", NULL, ENOSPC,
			"secret link cannot be copied: No space left on device\n", "link" },
		{ "renameat", "a", ENOSPC, "secret a cannot be copied: No space left on device\n",
			"a" },
		{ "renameat", "link", EIO, "secret link cannot be copied: Input/output error\n",
			"link" },
		{ "mkdirat", "tls", ENOSPC,
			"secret tls cannot be copied: No space left on device\n", "tls/key" },
		{ "openat", "tls", EIO, "secret tls cannot be copied: Input/output error\n",
			"tls/key" },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const char *function = rows[r].function;

		tear_down();
		set_up();
		fail_once(function, rows[r].name, rows[r].error);
		cr_expect(secrets_copy(from, to, getgid(), &tell) == 1, "%s: %s", function, told);
		cr_expect(times == 0, "%s was never called", function);
		cr_expect_str_eq(told, rows[r].line);
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			cr_expect(is_there(all[i]) == (strcmp(all[i], rows[r].missing) != 0),
				"%s: %s: %s", function, rows[r].missing, all[i]);
		cr_expect(!is_there(".mvm-new"));
	}
}

/* One of the two fails: the first in the order of its directory. */
static void expect_one_of_two(const char *function, int code)
{
	fail_once(function, NULL, code);
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 1, "%s", told);
	cr_expect(is_there("a") != is_there("tls/key"), "%s", told);
	cr_expect(strstr(told, strerror(code)) != NULL, "%s", told);
	cr_expect(strchr(told, '\n') == told + strlen(told) - 1, "one line: %s", told);
	cr_expect(!is_there(".mvm-new"));
}

Test(secrets_faults, bytes_that_cannot_be_read)
{
	expect_one_of_two("read", EIO);
}

Test(secrets_faults, bytes_that_cannot_be_written)
{
	expect_one_of_two("write", ENOSPC);
}

Test(secrets_faults, an_owner_that_cannot_be_set)
{
	expect_one_of_two("fchown", EPERM);
}

Test(secrets_faults, an_interrupted_read_is_taken_up_again)
{
	fail_once("read", NULL, EINTR);
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);
	cr_assert(is_there("a") && is_there("tls/key"));
}

/* On a refresh the old secret stays. */
Test(secrets_faults, what_was_there_before_stays)
{
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 0, "%s", told);
	put("a", "another");
	fail_once("renameat", "a", EIO);
	cr_assert(secrets_copy(from, to, getgid(), &tell) == 1);
	cr_assert(is_there("a"));
}

Test(secrets_faults, a_drive_or_copy_that_is_not_there)
{
	char nowhere[128];

	snprintf(nowhere, sizeof(nowhere), "%s/nowhere", top);
	cr_assert(secrets_copy(nowhere, to, getgid(), &tell) == 1);
	cr_assert(secrets_copy(from, nowhere, getgid(), &tell) == 1);
	cr_assert_str_eq(told, "secret . cannot be opened: No such file or directory\n"
			       "secret . cannot be opened: No such file or directory\n");
}
