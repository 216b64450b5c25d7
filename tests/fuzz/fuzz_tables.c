/* SPDX-License-Identifier: MIT */
/*
 * Tables that others have written: passwd(5) and group(5), which are the same text here, the
 * kernel's table of mounts, and a file system's superblock.
 */
#include "base/account.h"
#include "base/mountinfo.h"
#include "mounts/ext4.h"
#include "tests/fuzz/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUPS_MAX 8 /* names of an input that are looked up */

/* ---- accounts ---------------------------------------------------------------------------------
 */

static void check_account(const struct account *a)
{
	require(memchr(a->name, '\0', sizeof(a->name)) != NULL &&
			memchr(a->home, '\0', sizeof(a->home)) != NULL &&
			memchr(a->shell, '\0', sizeof(a->shell)) != NULL,
		"a text without its end");
	require(strpbrk(a->name, ":\n") == NULL && strpbrk(a->home, ":\n") == NULL,
		"a text of two fields");
	require(a->uid != (uid_t)-1 && a->gid != (gid_t)-1, "an id that means none");
	require(a->group_count >= 1 && a->group_count <= ACCOUNT_GROUPS_MAX, "too many groups");
	require(a->groups[0] == a->gid, "the first group is not the first");
	for (size_t i = 0; i < a->group_count; i++) {
		require(a->groups[i] != (gid_t)-1, "a group that means none");
		for (size_t k = 0; k < i; k++)
			require(a->groups[k] != a->groups[i], "a group twice");
	}
}

/* Is a line of `text` that begins with `name` and a colon the first of that name? Its uid, as
 * digits, stands in it. */
static bool has_line(const char *text, const char *name, unsigned int id)
{
	size_t len = strlen(name);

	for (; *text != '\0'; text += *text == '\n') {
		size_t end = strcspn(text, "\n");

		if (strncmp(text, name, len) == 0 && text[len] == ':') {
			const char *field = text + len + 1;

			field += strcspn(field, ":\n");
			return *field == ':' && strtoul(field + 1, NULL, 10) == id;
		}
		text += end;
	}
	return false;
}

static void look_up(const struct accounts *a, const char *name)
{
	struct problem p = { 0 };
	struct account user;
	gid_t gid = 0;

	if (accounts_find_user(a, name, &user, &p) == 0) {
		check_account(&user);
		require(strcmp(user.name, name) == 0
				? has_line(a->passwd, name, user.uid) ||
					  strspn(name, "0123456789") == strlen(name)
				: strtoull(name, NULL, 10) == user.uid,
			"another user");
	} else {
		require(p.text[0] != '\0', "an error without words");
	}
	p.text[0] = '\0';
	if (accounts_find_group(a, name, &gid, &p) == 0)
		require(gid != (gid_t)-1 &&
				(has_line(a->group, name, gid) || strtoull(name, NULL, 10) == gid),
			"another group");
	else
		require(p.text[0] != '\0', "an error without words");
}

/* Everything that stands between two separators is looked up, too. */
static void check_accounts(char *text)
{
	struct accounts a = { .passwd = text, .group = text };
	unsigned int count = 0;

	look_up(&a, "root");
	look_up(&a, "0");
	for (const char *at = text; *at != '\0' && count < LOOKUPS_MAX; count++) {
		size_t len = strcspn(at, ":,\n");
		char *name = strndup(at, len);

		require(name != NULL, "no memory");
		look_up(&a, name);
		free(name);
		at += len + (at[len] != '\0');
	}
}

/* ---- mounts -----------------------------------------------------------------------------------
 */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static const char *mounts;

int __wrap_open(const char *path, int flags, ...)
{
	return __real_open(strcmp(path, "/proc/self/mountinfo") == 0 ? mounts : path, flags);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

static unsigned int points;
static const char *wanted; /* NULL: any */

static void on_mount(void *arg, const char *point, const char *source)
{
	require(strlen(point) + strlen(source) < *(const size_t *)arg, "more than the table has");
	require(wanted == NULL || (point[0] == '/' && strcmp(point + 1, wanted) == 0),
		"another mount point");
	require(wanted == NULL || strcmp(source, wanted) == 0, "another source");
	points++;
}

/* As the kernel writes it, seq_path() in fs/seq_file.c. */
static void escape(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fprintf(out, strchr(" \t\n\\", *text) != NULL ? "\\%03o" : "%c",
			(unsigned char)*text);
}

/* A mount point and a source of these bytes, in two lines as the kernel has them. */
static void check_escapes(const char *text)
{
	char *line = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&line, &len);

	require(out != NULL, "no memory");
	for (int i = 0; i < 2; i++) {
		fputs("36 35 98:0 / /", out);
		escape(out, text);
		fputs(" rw,noatime shared:1 - ext4 ", out);
		escape(out, text);
		fputs(" rw\n", out);
	}
	require(fclose(out) == 0, "no memory");
	mounts = rig_file((const uint8_t *)line, len);
	wanted = text;
	points = 0;
	require(mountinfo_each(on_mount, &len) == 0, "cannot be read");
	require(points == 2, "a mount is missing");
	free(line);
}

static void check_mounts(const uint8_t *data, size_t size, const char *text)
{
	unsigned int lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	mounts = rig_file(data, size);
	wanted = NULL;
	points = 0;
	require(mountinfo_each(on_mount, &size) == 0, "cannot be read");
	require(points <= lines, "more mounts than lines");
	if (size <= 512)
		check_escapes(text);
}

/* ---- labels -----------------------------------------------------------------------------------
 */

static void check_label(const uint8_t *data, size_t size)
{
	unsigned char device[EXT4_SUPERBLOCK_END] = { [1024 + 0x38] = 0x53, [1024 + 0x39] = 0xEF };
	struct ext4_superblock l;
	size_t len;

	ext4_parse(data, size, &l);
	require(l.ext4 || l.label[0] == '\0', "a label of nothing");
	memcpy(device + 1024 + 0x78, data, size < 16 ? size : 16);
	ext4_parse(device, sizeof(device), &l);
	require(l.ext4 && memchr(l.label, '\0', sizeof(l.label)) != NULL, "a label without end");
	len = strlen(l.label);
	require(len <= size && memcmp(l.label, data, len) == 0, "another label");
	for (size_t i = 0; i < len; i++)
		require(l.label[i] > ' ' && l.label[i] <= '~', "a label that does not print");
	require(len == 16 || len == size || data[len] <= ' ' || data[len] > '~', "a label is cut");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = rig_text(data, size);

	check_accounts(text);
	check_mounts(data, size, text);
	check_label(data, size);
	free(text);
	return 0;
}
