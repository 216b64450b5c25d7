/* SPDX-License-Identifier: MIT */
#include "base/account.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   (1024 * 1024)
#define ID_MAX     4294967294u /* (uid_t)-1 means "leave as is" to the kernel */
#define FIELDS_MAX 7
#define SPOILT     '\x1a'

/* One line, cut at its colons. The fields are not NUL-terminated. */
struct line {
	const char *field[FIELDS_MAX];
	size_t len[FIELDS_MAX];
	size_t count;
};

/* NUL bytes are replaced, so that one spoils its own line and not the lines after it. */
static int read_table(const char *path, char **text)
{
	size_t len;
	int err = file_read_alloc(path, FILE_MAX, text, &len);

	for (size_t i = 0; err == 0 && i < len; i++)
		if ((*text)[i] == '\0')
			(*text)[i] = SPOILT;
	return err;
}

int accounts_load(
	struct accounts *a, const char *passwd_path, const char *group_path, struct problem *p)
{
	int first = 0, err;

	*a = (struct accounts){ 0 };
	err = read_table(passwd_path, &a->passwd);
	if (err != 0)
		first = problem_set(p, -err, "%s", passwd_path);
	err = read_table(group_path, &a->group);
	if (err != 0 && first == 0)
		first = problem_set(p, -err, "%s", group_path);
	return first;
}

void accounts_free(struct accounts *a)
{
	free(a->passwd);
	free(a->group);
	*a = (struct accounts){ 0 };
}

/* Cut the line at *text and move *text to the next one. Returns false at the end of the text. */
static bool next_line(const char **text, struct line *l)
{
	const char *at = *text;

	if (at == NULL || *at == '\0')
		return false;
	l->count = 0;
	while (l->count < FIELDS_MAX) {
		size_t n = 0;

		while (at[n] != '\0' && at[n] != ':' && at[n] != '\n')
			n++;

		l->field[l->count] = at;
		l->len[l->count++] = n;
		at += n;
		if (*at != ':')
			break;
		at++;
	}
	/* A file that was written elsewhere may end its lines in CR LF. */
	if (l->len[l->count - 1] > 0 && at[0] != ':' && at[-1] == '\r')
		l->len[l->count - 1]--;
	at += strcspn(at, "\n");
	*text = *at == '\n' ? at + 1 : at;
	return true;
}

static bool field_is(const struct line *l, size_t i, const char *text)
{
	return i < l->count && l->len[i] == strlen(text) &&
	       memcmp(l->field[i], text, l->len[i]) == 0;
}

static int field_copy(const struct line *l, size_t i, char *out, size_t size)
{
	if (i >= l->count || l->len[i] >= size)
		return -EINVAL;
	memcpy(out, l->field[i], l->len[i]);
	out[l->len[i]] = '\0';
	return 0;
}

static int field_id(const struct line *l, size_t i, unsigned int *id)
{
	char text[16];
	uint64_t n;

	if (field_copy(l, i, text, sizeof(text)) != 0 || number_parse(text, ID_MAX, &n) != 0)
		return -EINVAL;
	*id = (unsigned int)n;
	return 0;
}

/* True if `name` is one of the comma-separated members in field i. */
static bool field_lists(const struct line *l, size_t i, const char *name)
{
	size_t len = strlen(name);

	if (i >= l->count)
		return false;
	for (const char *at = l->field[i], *end = at + l->len[i]; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t n = comma == NULL ? (size_t)(end - at) : (size_t)(comma - at);

		if (n == len && memcmp(at, name, len) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

static int add_group(struct account *out, gid_t gid)
{
	for (size_t i = 0; i < out->group_count; i++)
		if (out->groups[i] == gid)
			return 0;
	if (out->group_count == ACCOUNT_GROUPS_MAX)
		return -E2BIG;
	out->groups[out->group_count++] = gid;
	return 0;
}

/* A line with a bad gid is skipped here; accounts_check() reports it. */
static int add_groups(const struct accounts *a, struct account *out, struct problem *p)
{
	const char *text = a->group;
	struct line l;

	out->group_count = 0;
	add_group(out, out->gid);
	while (next_line(&text, &l)) {
		gid_t gid;

		if (!field_lists(&l, 3, out->name) || field_id(&l, 2, &gid) != 0)
			continue;
		if (add_group(out, gid) != 0)
			return problem_set_text(p, E2BIG, "user '%s' is in more than %d groups",
				out->name, ACCOUNT_GROUPS_MAX);
	}
	return 0;
}

static int take_passwd_line(const struct line *l, struct account *out, struct problem *p)
{
	if (field_copy(l, 0, out->name, sizeof(out->name)) != 0 || field_id(l, 2, &out->uid) != 0 ||
		field_id(l, 3, &out->gid) != 0 ||
		field_copy(l, 5, out->home, sizeof(out->home)) != 0 ||
		(l->count > 6 && field_copy(l, 6, out->shell, sizeof(out->shell)) != 0))
		return problem_set_text(p, EINVAL, "passwd file: cannot use the line of '%.*s'",
			(int)l->len[0], l->field[0]);
	return 0;
}

int accounts_find_user(
	const struct accounts *a, const char *name, struct account *out, struct problem *p)
{
	const char *text = a->passwd;
	bool numeric;
	struct line l;
	uint64_t n;
	int err;

	*out = (struct account){ 0 };
	while (next_line(&text, &l)) {
		if (!field_is(&l, 0, name))
			continue;
		err = take_passwd_line(&l, out, p);
		return err != 0 ? err : add_groups(a, out, p);
	}
	numeric = number_parse(name, ID_MAX, &n) == 0;
	for (text = a->passwd; numeric && next_line(&text, &l);) {
		if (field_id(&l, 2, &out->uid) != 0 || out->uid != n)
			continue;
		err = take_passwd_line(&l, out, p);
		return err != 0 ? err : add_groups(a, out, p);
	}
	if (!numeric)
		return problem_set_text(p, ENOENT, "no user '%s' in the passwd file", name);
	*out = (struct account){
		.uid = (uid_t)n, .gid = (gid_t)n, .home = "/", .shell = "/bin/sh"
	};
	buf_format(out->name, sizeof(out->name), "%u", out->uid); /* `name` may begin with zeros */
	return add_groups(a, out, p);
}

int accounts_find_group(const struct accounts *a, const char *name, gid_t *gid, struct problem *p)
{
	const char *text = a->group;
	struct line l;
	uint64_t n;

	while (next_line(&text, &l)) {
		if (!field_is(&l, 0, name))
			continue;
		if (field_id(&l, 2, gid) != 0)
			return problem_set_text(
				p, EINVAL, "group file: bad gid in the line of '%s'", name);
		return 0;
	}
	if (number_parse(name, ID_MAX, &n) != 0)
		return problem_set_text(p, ENOENT, "no group '%s' in the group file", name);
	*gid = (gid_t)n;
	return 0;
}

const char *account_home(const struct account *a)
{
	return a->home[0] != '\0' ? a->home : "/";
}

const char *account_shell(const struct account *a)
{
	return a->shell[0] != '\0' ? a->shell : "/bin/sh";
}

/* True if the line is empty, a comment, or a + or - line for NIS (nsswitch.conf(5)). */
static bool is_no_entry(const struct line *l)
{
	return (l->count == 1 && l->len[0] == 0) || strchr("#+-", l->field[0][0]) != NULL;
}

static const char *passwd_fault(const struct line *l)
{
	unsigned int id;

	if (l->len[0] == 0 || l->len[0] >= ACCOUNT_NAME_MAX)
		return "no user name, or one that is too long";
	if (field_id(l, 2, &id) != 0)
		return "bad uid";
	if (field_id(l, 3, &id) != 0)
		return "bad gid";
	if (l->count <= 5 || l->len[5] >= ACCOUNT_PATH_MAX)
		return "no home directory, or one that is too long";
	if (l->count > 6 && l->len[6] >= ACCOUNT_PATH_MAX)
		return "a shell that is too long";
	return NULL;
}

static const char *group_fault(const struct line *l)
{
	unsigned int id;

	if (l->len[0] == 0)
		return "no group name";
	return field_id(l, 2, &id) != 0 ? "bad gid" : NULL;
}

static void check_table(const char *path, const char *text,
	const char *(*fault_of)(const struct line *l), const struct reporter *report)
{
	struct line l;

	for (unsigned int number = 1; next_line(&text, &l); number++) {
		const char *fault = is_no_entry(&l) ? NULL : fault_of(&l);
		struct problem p;

		if (fault == NULL)
			continue;
		problem_set_text(&p, EINVAL, "%s:%u: %s, line ignored", path, number, fault);
		problem_report(report, &p);
	}
}

void accounts_check(const struct accounts *a, const char *passwd_path, const char *group_path,
	const struct reporter *report)
{
	check_table(passwd_path, a->passwd, passwd_fault, report);
	check_table(group_path, a->group, group_fault, report);
}
