/* SPDX-License-Identifier: MIT */
/* cat, ls and diff: files of a guest. cp is in copy.c. */
#include "base/buf.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/guest_files.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_COLUMN 120

static bool print_page(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	output_raw(STDOUT_FILENO, (struct text){ bytes, len });
	return true;
}

int verb_cat(const struct options *o)
{
	struct guest_files g;

	if (guest_files_begin(&g, &o->targets[0], o, "filesystem_rpc"))
		(void)guest_read(&g, o->names[0], print_page, NULL);
	return guest_files_end(&g);
}

static const char *const kinds[] = { "file", "dir", "symlink", "other" };

static void print_listing(const struct fs_listing *l)
{
	const struct fs_entry *entries = l->entries.items;
	struct table table;

	table_start(&table, NULL, 3);
	for (size_t i = 0; i < l->entries.count; i++) {
		table_printf(&table, "%s", kinds[entries[i].kind % 4]);
		table_printf(&table, "%llu", (unsigned long long)entries[i].size);
		table_text(&table, text_of(entries[i].name), NAME_COLUMN);
	}
	table_end(&table, 0, stdout);
	if (l->truncated)
		out_printf(stderr, "mvm-probe: there are more\n");
}

int verb_ls(const struct options *o)
{
	struct fs_path_request r = { .path = o->names[0], .follow_symlinks = true };
	struct guest_files g;
	struct answer a = { .kind = MESSAGE_KINDS };

	if (guest_files_begin(&g, &o->targets[0], o, "filesystem_rpc") &&
		guest_ask_fs(&g, REQUEST_FS_LIST, &r, FS_RESULT_LIST, &a))
		print_listing(&a.body.fs.as.list);
	answer_free(&a);
	return guest_files_end(&g);
}

static void print_changes(const struct options *o, const struct field_list *list)
{
	static const char *const names[] = { "created", "modified", "deleted" };
	const struct fs_change *changes = list->items;
	json_t *object = NULL, *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct fs_change *c = &changes[i];
		json_t *entry;

		if (!o->json) {
			char storage[4096 * 4];
			struct buf b = BUF_OVER(storage);

			buf_clear(&b);
			text_put_visible(&b, text_of(c->path), sizeof(storage) / 4);
			out_printf(stdout, "%c %s\n", "+~-"[c->kind % 3], b.data);
			continue;
		}
		entry = json_object();
		output_set(entry, "path", output_string(text_of(c->path)));
		output_set(entry, "kind", json_string(names[c->kind % 3]));
		output_set(entry, "size", json_integer((json_int_t)c->size));
		json_array_append_new(array, entry);
	}
	if (o->json) {
		object = output_target(&o->targets[0]);
		output_set(object, "changes", array);
		output_json(object);
	} else {
		json_decref(array);
	}
}

int verb_diff(const struct options *o)
{
	struct guest_files g;
	struct answer a = { .kind = MESSAGE_KINDS };

	if (guest_files_begin(&g, &o->targets[0], o, NULL) &&
		guest_ask(&g, REQUEST_FS_DIFF, NULL, ANSWER_FS_DIFF, &a))
		print_changes(o, &a.body.list.items);
	answer_free(&a);
	if (!output_flush() && g.failure.kind == FAILURE_NONE)
		return EXIT_NO_ANSWER;
	return guest_files_end(&g);
}
