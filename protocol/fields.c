/* SPDX-License-Identifier: MIT */
#include "protocol/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
	const char *document;
	struct problem *p;
	const struct field *row;
	struct json value;
};

static int wrong(const struct place *at, const char *expected)
{
	return json_problem(
		at->p, at->document, at->value, "'%s' must be %s", at->row->name, expected);
}

static int out_of_memory(struct problem *p)
{
	return problem_set(p, ENOMEM, "JSON");
}

static int decode_string(const struct place *at, char **out)
{
	size_t len;

	if (json_kind(at->value) != JSON_KIND_STRING)
		return wrong(at, "a string");
	if (json_decode_string(at->value, out, &len) != 0)
		return out_of_memory(at->p);
	if (strlen(*out) != len)
		return wrong(at, "a string without \\u0000");
	return 0;
}

static int decode_bytes(const struct place *at, struct field_bytes *out)
{
	if (json_kind(at->value) != JSON_KIND_STRING)
		return wrong(at, "a string");
	if (json_decode_string(at->value, &out->data, &out->len) != 0)
		return out_of_memory(at->p);
	return 0;
}

static int decode_whole(const struct place *at, uint64_t *out)
{
	int err = -EINVAL;

	if (json_kind(at->value) == JSON_KIND_NUMBER)
		err = json_whole_number(at->value, at->row->max, out);
	if (err == -ERANGE)
		return json_problem(at->p, at->document, at->value, "'%s' is above %llu",
			at->row->name, (unsigned long long)at->row->max);
	return err != 0 ? wrong(at, "a whole number") : 0;
}

static int decode_real(const struct place *at, double *out)
{
	char digits[64];

	if (json_kind(at->value) != JSON_KIND_NUMBER)
		return wrong(at, "a number");
	if (at->value.len >= sizeof(digits))
		return wrong(at, "a shorter number");
	memcpy(digits, at->value.at, at->value.len);
	digits[at->value.len] = '\0';
	*out = strtod(digits, NULL);
	return 0;
}

static int decode_choice(const struct place *at, unsigned int *out)
{
	char text[256];
	struct buf b = BUF_OVER(text);

	for (unsigned int i = 0; at->row->choices[i] != NULL; i++) {
		if (json_kind(at->value) == JSON_KIND_STRING &&
			json_string_is(at->value, at->row->choices[i])) {
			*out = i;
			return 0;
		}
		buf_printf(&b, "%s\"%s\"", i == 0 ? "" : " or ", at->row->choices[i]);
	}
	return wrong(at, text);
}

/* Room for the elements of an array, all zero. */
static int make_list(const struct place *at, size_t item_size, struct field_list *out)
{
	struct json_walk w;
	struct json element;
	size_t n = 0;

	if (json_kind(at->value) != JSON_KIND_ARRAY)
		return wrong(at, "an array");
	for (w = json_enter(at->value); json_element(&w, &element);)
		n++;
	if (n > FIELDS_LIST_MAX)
		return json_problem(at->p, at->document, at->value,
			"'%s' has more than %d elements", at->row->name, FIELDS_LIST_MAX);
	out->items = calloc(n + 1, item_size);
	return out->items != NULL ? 0 : out_of_memory(at->p);
}

static int decode_strings(const struct place *at, struct field_list *out)
{
	struct place element = *at;
	struct json_walk w;
	int err = make_list(at, sizeof(char *), out);

	if (err != 0)
		return err;
	for (w = json_enter(at->value); err == 0 && json_element(&w, &element.value);) {
		if (json_kind(element.value) != JSON_KIND_STRING)
			return wrong(&element, "an array of strings");
		err = decode_string(&element, (char **)out->items + out->count++);
	}
	return err;
}

static int decode_objects(const struct place *at, struct field_list *out)
{
	const struct fields *f = at->row->object;
	struct json element;
	struct json_walk w;
	int err = make_list(at, f->size, out);

	if (err != 0)
		return err;
	for (w = json_enter(at->value); err == 0 && json_element(&w, &element);)
		err = fields_decode(f, at->document, element,
			(char *)out->items + f->size * out->count++, at->p);
	return err;
}

static int decode_json(const struct place *at, char **out)
{
	struct buf b;

	*out = malloc(at->value.len + 1);
	if (*out == NULL)
		return out_of_memory(at->p);
	buf_init(&b, *out, at->value.len + 1);
	json_put_compact(&b, at->value);
	return 0;
}

static int decode_row(const struct place *at, void *out)
{
	void *target = (char *)out + at->row->offset;

	switch (at->row->type) {
	case FIELD_STRING:
		return decode_string(at, target);
	case FIELD_BYTES:
		return decode_bytes(at, target);
	case FIELD_BOOL:
		if (json_kind(at->value) != JSON_KIND_BOOL)
			return wrong(at, "true or false");
		*(bool *)target = at->value.at[0] == 't';
		return 0;
	case FIELD_WHOLE:
		return decode_whole(at, target);
	case FIELD_REAL:
		return decode_real(at, target);
	case FIELD_CHOICE:
		return decode_choice(at, target);
	case FIELD_STRINGS:
		return decode_strings(at, target);
	case FIELD_OBJECT:
		return fields_decode(at->row->object, at->document, at->value, target, at->p);
	case FIELD_OBJECTS:
		return decode_objects(at, target);
	case FIELD_JSON:
		return decode_json(at, target);
	}
	return -EINVAL;
}

static const struct field *find_row(const struct fields *f, struct json key)
{
	for (size_t i = 0; i < f->count; i++)
		if (json_string_is(key, f->rows[i].name) ||
			(f->rows[i].alias != NULL && json_string_is(key, f->rows[i].alias)))
			return &f->rows[i];
	return NULL;
}

static int decode_member(
	const struct fields *f, struct place *at, struct json key, void *out, uint32_t *seen)
{
	uint32_t bit;
	int err;

	at->row = find_row(f, key);
	if (at->row == NULL)
		return 0;
	bit = (uint32_t)1 << (at->row - f->rows);
	if (*seen & bit)
		return json_problem(at->p, at->document, key, "'%s' is given twice", at->row->name);
	*seen |= bit;
	if (json_kind(at->value) == JSON_KIND_NULL && at->row->type != FIELD_JSON) {
		if (at->row->flags & FIELD_NULLABLE)
			return 0;
		return json_problem(
			at->p, at->document, at->value, "'%s' must not be null", at->row->name);
	}
	err = decode_row(at, out);
	if (err == 0 && at->row->given_offset != 0)
		*(bool *)((char *)out + at->row->given_offset) = true;
	return err;
}

int fields_decode(const struct fields *f, const char *document, struct json value, void *out,
	struct problem *p)
{
	struct place at = { .document = document, .p = p };
	struct json_walk w;
	struct json key;
	uint32_t seen = 0;
	int err = 0;

	if (json_kind(value) != JSON_KIND_OBJECT)
		return json_problem(p, document, value, "an object is expected here");
	for (w = json_enter(value); err == 0 && json_member(&w, &key, &at.value);)
		err = decode_member(f, &at, key, out, &seen);
	for (size_t i = 0; err == 0 && i < f->count; i++)
		if ((f->rows[i].flags & FIELD_REQUIRED) && !(seen & (uint32_t)1 << i))
			err = json_problem(p, document, value, "'%s' is missing", f->rows[i].name);
	return err;
}

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

void fields_free(const struct fields *f, void *object)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct field *row = &f->rows[i];
		void *target = (char *)object + row->offset;

		switch (row->type) {
		case FIELD_STRING:
		case FIELD_JSON:
			free(*(char **)target);
			*(char **)target = NULL;
			break;
		case FIELD_BYTES:
			free(((struct field_bytes *)target)->data);
			*(struct field_bytes *)target = (struct field_bytes){ 0 };
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
		case FIELD_BOOL:
		case FIELD_WHOLE:
		case FIELD_REAL:
		case FIELD_CHOICE:
			break;
		}
	}
}
