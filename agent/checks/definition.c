/* SPDX-License-Identifier: MIT */
#include "agent/checks/definition.h"

#include "base/directory.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/fields.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct field integration_rows[] = {
	{ .name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct definition, name) },
	{ .name = "health_cmd",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, command) },
	{ .name = "health_interval_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct definition, interval_secs) },
	{ .name = "health_timeout_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct definition, timeout_secs) },
	{ .name = "startup_grace_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct definition, grace_secs) },
	{ .name = "checkpoint_cmd",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, checkpoint_cmd) },
	{ .name = "restore_cmd",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, restore_cmd) },
	{ .name = "critical", .type = FIELD_BOOL, .offset = offsetof(struct definition, critical) },
	{ .name = "user",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, user) },
};

static const char *const outputs[] = {
	[DEFINITION_OUTPUT_EXIT_CODE] = "exit_code",
	[DEFINITION_OUTPUT_JSON] = "json",
	NULL,
};

static const struct field probe_rows[] = {
	{ .name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct definition, name) },
	{ .name = "cmd\0command",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_ALIAS,
		.offset = offsetof(struct definition, command) },
	{ .name = "description",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, description) },
	{ .name = "interval_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct definition, interval_secs) },
	{ .name = "timeout_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct definition, timeout_secs) },
	{ .name = "output_format",
		.type = FIELD_CHOICE,
		.choices = outputs,
		.offset = offsetof(struct definition, output) },
	{ .name = "user",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct definition, user) },
};

static const struct fields kinds[] = {
	[DEFINITION_INTEGRATION] = FIELDS_OF(integration_rows, struct definition),
	[DEFINITION_PROBE] = FIELDS_OF(probe_rows, struct definition),
};

int definition_parse(enum definition_kind kind, const char *text, size_t len, struct definition *d,
	struct problem *p)
{
	struct json value;
	int err;

	*d = (struct definition){ .interval_secs = DEFINITION_INTERVAL_DEF,
		.timeout_secs = DEFINITION_TIMEOUT_DEF };
	err = json_check(text, len, &value, p);
	if (err == 0)
		err = fields_decode(&kinds[kind], text, value, d, p);
	if (err != 0)
		return err;
	if (strlen(d->name) > DEFINITION_NAME_MAX)
		return json_problem(
			p, text, value, "'name' is longer than %d bytes", DEFINITION_NAME_MAX);
	d->text = strdup(text);
	return d->text != NULL ? 0 : problem_set(p, ENOMEM, "definition");
}

void definition_free(struct definition *d)
{
	free(d->text);
	d->text = NULL;
	/* Both tables describe the same struct. fields_free() sets NULL, so freeing twice is safe.
	 */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fields_free(&kinds[i], d);
}

/* ---- directories ----------------------------------------------------------------------------- */

struct names {
	char **items;
	size_t count, size;
};

/* True if `name` ends with ".json" and has more; mvm's tools ignore a file ".json", too. */
static bool is_json_name(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static int add_name(void *arg, const char *name)
{
	struct names *n = arg;

	if (!is_json_name(name))
		return 0;
	if (n->count == n->size) {
		size_t size = n->size == 0 ? 16 : 2 * n->size;
		char **items = realloc(n->items, size * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		n->items = items;
		n->size = size;
	}
	n->items[n->count] = strdup(name);
	return n->items[n->count] != NULL ? (n->count++, 0) : -ENOMEM;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* List the names of a directory's files, sorted. */
static int list_names(const char *directory, struct names *n)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = directory_each(fd, add_name, n);
	close(fd);
	if (n->count > 0)
		qsort(n->items, n->count, sizeof(*n->items), by_bytes);
	return err;
}

static const struct definition *find_name(const struct definitions *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

/* Read one file and append it to the list, or log why not. */
static void load_file(
	enum definition_kind kind, const char *directory, const char *name, struct definitions *out)
{
	struct definition *d = &out->items[out->count];
	char path[PATH_MAX];
	struct problem p;
	size_t len;
	char *text;
	int err;

	buf_format(path, sizeof(path), "%s/%s", directory, name);
	err = file_read_alloc(path, DEFINITION_FILE_MAX, &text, &len);
	if (err != 0) {
		log_line("%s: %s", path, problem_errno_text(-err));
		return;
	}
	err = definition_parse(kind, text, len, d, &p);
	free(text);
	if (err != 0)
		log_line("%s: %s", path, p.text);
	else if (find_name(out, d->name) != NULL)
		log_line("%s: ignored, because an earlier file has the name '%s'", path, d->name);
	else
		out->count++;
	if (d == &out->items[out->count])
		definition_free(d);
}

int definitions_load(enum definition_kind kind, const char *directory, struct definitions *out)
{
	struct names n = { 0 };
	int err = list_names(directory, &n);
	size_t count = n.count < DEFINITIONS_MAX ? n.count : DEFINITIONS_MAX;

	*out = (struct definitions){ 0 };
	if (err == -ENOENT)
		err = 0;
	if (n.count > DEFINITIONS_MAX)
		log_line("%s: only the first %d of %zu files are used", directory, DEFINITIONS_MAX,
			n.count);
	/* One more than needed: a file is read into its place before it is checked. */
	out->items = err == 0 ? calloc(count + 1, sizeof(*out->items)) : NULL;
	if (err == 0 && out->items == NULL)
		err = -ENOMEM;
	if (err != 0)
		log_line("%s: %s; keeping the previous definitions", directory,
			problem_errno_text(-err));
	for (size_t i = 0; out->items != NULL && i < count; i++)
		load_file(kind, directory, n.items[i], out);
	for (size_t i = 0; i < n.count; i++)
		free(n.items[i]);
	free(n.items);
	return err;
}

void definitions_free(struct definitions *list)
{
	for (size_t i = 0; i < list->count; i++)
		definition_free(&list->items[i]);
	free(list->items);
	*list = (struct definitions){ 0 };
}
