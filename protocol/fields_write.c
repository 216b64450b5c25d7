/* SPDX-License-Identifier: MIT */
/* The half of fields.h that encodes and frees. */
#include "protocol/fields.h"

#include "protocol/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

void json_put_lossy(struct buf *b, const char *bytes, size_t len)
{
	size_t before = b->len, bad;

	buf_put(b, "\"", 1);
	while (len > 0) {
		size_t good = utf8_span(bytes, len, &bad);

		json_put_escaped(b, bytes, good);
		if (bad > 0)
			buf_puts(b, UTF8_REPLACEMENT);
		bytes += good + bad;
		len -= good + bad;
	}
	buf_put(b, "\"", 1);
	if (b->cut)
		b->data[b->len = before] = '\0';
}

size_t json_lossy_size(const char *text)
{
	size_t size = json_string_size(text, strlen(text));

	for (; *text != '\0'; text++)
		size += *text & 0x80 ? strlen(UTF8_REPLACEMENT) - 1 : 0;
	return size;
}

void json_put_numbers(struct buf *b, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t before = b->len;

	buf_puts(b, "[");
	for (size_t i = 0; i < len && !b->cut;) {
		char digits[512];
		size_t n = 0;

		for (; i < len && n + 4 <= sizeof(digits); i++) {
			unsigned int v = from[i];

			if (i > 0)
				digits[n++] = ',';
			if (v >= 100)
				digits[n++] = (char)('0' + v / 100);
			if (v >= 10)
				digits[n++] = (char)('0' + v / 10 % 10);
			digits[n++] = (char)('0' + v % 10);
		}
		buf_put(b, digits, n);
	}
	buf_puts(b, "]");
	if (b->cut)
		b->data[b->len = before] = '\0';
}

static const void *list_item(const struct field_list *list, size_t size, size_t index)
{
	if (list->at != NULL)
		return list->at(list->items, index);
	return (const char *)list->items + size * index;
}

static void put_strings(struct buf *b, const struct field_list *list)
{
	buf_puts(b, "[");
	for (size_t i = 0; i < list->count; i++) {
		const char *text = *(char *const *)list_item(list, sizeof(char *), i);

		buf_puts(b, i > 0 ? "," : "");
		json_put_lossy(b, text, strlen(text));
	}
	buf_puts(b, "]");
}

static void put_objects(struct buf *b, const struct fields *f, const struct field_list *list)
{
	buf_puts(b, "[");
	for (size_t i = 0; i < list->count; i++) {
		buf_puts(b, i > 0 ? "," : "");
		fields_encode(f, b, list_item(list, f->size, i));
	}
	buf_puts(b, "]");
}

static void put_ports(struct buf *b, const struct field_list *list)
{
	buf_puts(b, "[");
	for (size_t i = 0; i < list->count; i++)
		buf_printf(b, "%s%u", i > 0 ? "," : "", ((const uint16_t *)list->items)[i]);
	buf_puts(b, "]");
}

static void put_map(struct buf *b, const struct field_list *list)
{
	const struct field_pair *pairs = list->items;

	buf_puts(b, "{");
	for (size_t i = 0; i < list->count; i++) {
		buf_puts(b, i > 0 ? "," : "");
		json_put_lossy(b, pairs[i].name, strlen(pairs[i].name));
		buf_puts(b, ":");
		json_put_lossy(b, pairs[i].value, strlen(pairs[i].value));
	}
	buf_puts(b, "}");
}

/* True if the row has a value. Otherwise null is written, or nothing. */
static bool is_given(const struct field *row, const void *object)
{
	const void *value = (const char *)object + row->offset;

	if (!(row->flags & (FIELD_NULLABLE | FIELD_OMIT)))
		return !(row->type == FIELD_JSON && *(char *const *)value == NULL);
	if (row->given_offset != 0)
		return *(const bool *)((const char *)object + row->given_offset);
	switch ((enum field_type)row->type) {
	case FIELD_STRING:
	case FIELD_JSON:
		return *(char *const *)value != NULL;
	case FIELD_BYTES:
	case FIELD_NUMBERS:
		return ((const struct field_bytes *)value)->data != NULL;
	case FIELD_WHOLE:
		return !(row->flags & FIELD_KNOWN) || *(const uint64_t *)value != FIELD_UNKNOWN;
	case FIELD_BOOL:
	case FIELD_SIGNED:
	case FIELD_REAL:
	case FIELD_CHOICE:
	case FIELD_STRINGS:
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
	case FIELD_PORTS:
	case FIELD_MAP:
	case FIELD_TAGGED:
		break;
	}
	return true;
}

static void put_text_or_empty(struct buf *b, const char *text)
{
	json_put_lossy(b, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void encode_row(const struct field *row, struct buf *b, const void *object)
{
	const void *value = (const char *)object + row->offset;
	const struct field_bytes *bytes = value;

	switch ((enum field_type)row->type) {
	case FIELD_STRING:
		put_text_or_empty(b, *(char *const *)value);
		break;
	case FIELD_BYTES:
		json_put_lossy(b, bytes->data != NULL ? bytes->data : "", bytes->len);
		break;
	case FIELD_BOOL:
		buf_puts(b, *(const bool *)value ? "true" : "false");
		break;
	case FIELD_WHOLE:
		buf_printf(b, "%" PRIu64, *(const uint64_t *)value);
		break;
	case FIELD_SIGNED:
		buf_printf(b, "%" PRId64, *(const int64_t *)value);
		break;
	case FIELD_REAL:
		buf_printf(b, "%" PRId64, (int64_t) * (const double *)value);
		break;
	case FIELD_CHOICE:
		json_put_text(b, row->choices[*(const unsigned int *)value]);
		break;
	case FIELD_STRINGS:
		put_strings(b, value);
		break;
	case FIELD_OBJECT:
		fields_encode(row->object, b, value);
		break;
	case FIELD_OBJECTS:
		put_objects(b, row->object, value);
		break;
	case FIELD_JSON:
		buf_puts(b, *(char *const *)value);
		break;
	case FIELD_NUMBERS:
		json_put_numbers(b, bytes->data, bytes->len);
		break;
	case FIELD_PORTS:
		put_ports(b, value);
		break;
	case FIELD_MAP:
		put_map(b, value);
		break;
	case FIELD_TAGGED:
		variant_encode(&row->variants[*(const unsigned int *)value], b,
			(const char *)object + row->content_offset);
		break;
	}
}

void fields_encode(const struct fields *f, struct buf *b, const void *object)
{
	const char *separator = "";

	buf_puts(b, "{");
	for (size_t i = 0; i < f->count; i++) {
		const struct field *row = &f->rows[i];
		bool given = is_given(row, object);

		if (!given && (row->flags & FIELD_OMIT))
			continue;
		buf_printf(b, "%s\"%s\":", separator, row->name);
		if (given)
			encode_row(row, b, object);
		else
			buf_puts(b, "null");
		separator = ",";
	}
	buf_puts(b, "}");
}

void variant_encode(const struct variant *v, struct buf *b, const void *content)
{
	bool has_content = v->fields != NULL || v->value != NULL;

	buf_puts(b, has_content ? "{\"" : "\"");
	buf_puts(b, v->name);
	buf_puts(b, has_content ? "\":" : "\"");
	if (!has_content)
		return;
	if (v->fields != NULL)
		fields_encode(v->fields, b, content);
	else if (is_given(v->value, content))
		encode_row(v->value, b, content);
	else
		buf_puts(b, "null");
	buf_puts(b, "}");
}

/* ---- freeing --------------------------------------------------------------------------------- */

void field_strings_free(struct field_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(((char **)list->items)[i]);
	free(list->items);
	*list = (struct field_list){ 0 };
}

static void objects_free(const struct fields *f, struct field_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		fields_free(f, (char *)list->items + f->size * i);
	free(list->items);
	*list = (struct field_list){ 0 };
}

static void map_free(struct field_list *list)
{
	struct field_pair *pairs = list->items;

	for (size_t i = 0; i < list->count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
	*list = (struct field_list){ 0 };
}

static void row_free(const struct field *row, void *object)
{
	void *target = (char *)object + row->offset;
	struct field_bytes *bytes = target;

	switch ((enum field_type)row->type) {
	case FIELD_STRING:
	case FIELD_JSON:
		free(*(char **)target);
		*(char **)target = NULL;
		break;
	case FIELD_BYTES:
	case FIELD_NUMBERS:
		free(bytes->data);
		*bytes = (struct field_bytes){ 0 };
		break;
	case FIELD_STRINGS:
		field_strings_free(target);
		break;
	case FIELD_OBJECTS:
		objects_free(row->object, target);
		break;
	case FIELD_OBJECT:
		fields_free(row->object, target);
		break;
	case FIELD_PORTS:
		free(((struct field_list *)target)->items);
		*(struct field_list *)target = (struct field_list){ 0 };
		break;
	case FIELD_MAP:
		map_free(target);
		break;
	case FIELD_TAGGED:
		variant_free(&row->variants[*(unsigned int *)target],
			(char *)object + row->content_offset);
		break;
	case FIELD_BOOL:
	case FIELD_WHOLE:
	case FIELD_SIGNED:
	case FIELD_REAL:
	case FIELD_CHOICE:
		break;
	}
}

void fields_free(const struct fields *f, void *object)
{
	for (size_t i = 0; i < f->count; i++)
		row_free(&f->rows[i], object);
}

void variant_free(const struct variant *v, void *content)
{
	if (v->fields != NULL)
		fields_free(v->fields, content);
	else if (v->value != NULL)
		row_free(v->value, content);
}
