/* SPDX-License-Identifier: MIT */
#include "probe/verbs/output.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/show/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_escape(FILE *out, uint32_t code)
{
	if (code < 0x10000) {
		out_printf(out, "\\u%04x", code);
		return;
	}
	code -= 0x10000;
	out_printf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

/* Outside of strings, the only control characters are the line ends of the indentation. */
static void put_escaped(FILE *out, const char *dump, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t code;
		size_t n = text_decode(dump + at, len - at, &code);

		if (n > 0 && code != '\n' && text_is_unsafe(code))
			put_escape(out, code);
		else
			fwrite(dump + at, 1, n > 0 ? n : 1, out);
		at += n > 0 ? n : 1;
	}
}

static void put_json(FILE *out, json_t *value, size_t flags)
{
	char *dump = memory_must(json_dumps(value, flags | JSON_ENCODE_ANY));

	put_escaped(out, dump, strlen(dump));
	fputc('\n', out);
	free(dump);
	json_decref(value);
}

void output_json(json_t *value)
{
	put_json(stdout, value, JSON_INDENT(2));
}

void output_json_line(json_t *value)
{
	put_json(stdout, value, 0);
}

void output_json_to(FILE *out, json_t *value)
{
	put_json(out, value, 0);
}

void output_text(FILE *out, struct text text, bool is_terminal)
{
	struct buf b;

	if (!is_terminal) {
		fwrite(text.bytes, 1, text.len, out);
		return;
	}
	b.size = 8 * text.len + 1;
	b.data = memory_must(malloc(b.size));
	buf_clear(&b);
	text_put_visible(&b, text, SIZE_MAX);
	fputs(b.data, out);
	free(b.data);
}

char *output_request(enum message_kind kind, const void *body)
{
	size_t size = 512;
	struct buf b = { .cut = true };

	for (; b.cut; size *= 2) {
		b.data = memory_resize(b.data, size, 1);
		buf_init(&b, b.data, size);
		message_encode(&b, kind, body);
	}
	return b.data;
}

json_t *output_string(struct text text)
{
	char *copy;
	struct buf b;
	json_t *string;

	if (text_is_utf8(text.bytes, text.len))
		return memory_must(json_stringn(text.bytes, text.len));
	copy = memory_must(malloc(4 * text.len + 1));
	buf_init(&b, copy, 4 * text.len + 1);
	text_put_visible(&b, text, SIZE_MAX);
	string = memory_must(json_stringn(b.data, b.len));
	free(copy);
	return string;
}

json_t *output_string_or_null(struct text text)
{
	return text.len == 0 ? json_null() : output_string(text);
}

void output_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, memory_must(value)) != 0)
		memory_must(NULL);
}

json_t *output_failure(const struct failure *f)
{
	json_t *object;

	if (f->kind == FAILURE_NONE)
		return json_null();
	object = memory_must(json_object());
	output_set(object, "kind", json_string(failure_name(f->kind)));
	output_set(object, "message", output_string(text_of(f->text)));
	return object;
}

json_t *output_target(const struct target *t)
{
	json_t *object = memory_must(json_object());

	output_set(object, "name", output_string(text_of(t->name)));
	output_set(object, "target", output_string(text_of(t->text)));
	return object;
}

void output_list_add(struct output_list *l, json_t *object)
{
	json_t *array;
	char *dump;

	if (!l->is_array) {
		output_json(object);
		return;
	}
	array = memory_must(json_array());
	if (json_array_append_new(array, object) != 0)
		memory_must(NULL);
	dump = memory_must(json_dumps(array, JSON_INDENT(2)));
	json_decref(array);
	/* The list's brackets are printed here and in output_list_end(): "[\n" and "\n]". */
	fputs(l->count++ == 0 ? "[\n" : ",\n", stdout);
	put_escaped(stdout, dump + 2, strlen(dump) - 4);
	free(dump);
}

void output_list_end(struct output_list *l)
{
	if (l->is_array)
		fputs(l->count > 0 ? "\n]\n" : "[]\n", stdout);
}

/* ---- text ------------------------------------------------------------------------------------ */

void output_error(const struct target *t, const struct failure *f)
{
	fflush(stdout);
	out_printf(stderr, "mvm-probe: %s: %s\n", t->shown, f->text);
}

static int write_error; /* first errno value of writes that bypass stdio */

static void write_bytes(int stream, const char *bytes, size_t len)
{
	int err = file_write_all(stream, bytes, len);

	if (err != 0 && write_error == 0)
		write_error = -err;
}

static void write_visible(int stream, struct text text)
{
	char storage[512];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	while (text.len > 0) {
		uint32_t code;
		size_t n = text_decode(text.bytes, text.len, &code);
		struct text one = { text.bytes, n > 0 ? n : 1 };

		if (n > 0 && (code == '\n' || code == '\t'))
			buf_put(&b, text.bytes, 1);
		else
			text_put_visible(&b, one, 16);
		text.bytes += one.len;
		text.len -= one.len;
		if (b.len + 32 > b.size || text.len == 0) {
			write_bytes(stream, b.data, b.len);
			buf_clear(&b);
		}
	}
}

void output_raw(int stream, struct text text)
{
	fflush(stdout);
	if (isatty(stream))
		write_visible(stream, text);
	else
		write_bytes(stream, text.bytes, text.len);
}

bool output_flush(void)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && write_error == 0)
		write_error = errno;
	if (write_error == 0)
		return true;
	out_printf(stderr, "mvm-probe: cannot write the output: %s\n",
		problem_errno_text(write_error));
	return false;
}
