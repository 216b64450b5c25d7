/* SPDX-License-Identifier: MIT */
#include "protocol/fields.h"

#include "protocol/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN_MAX 64 /* bytes of an unknown name that an error quotes */

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

static int decode_signed(const struct place *at, int64_t *out)
{
	struct json digits = at->value;
	bool negative = json_kind(digits) == JSON_KIND_NUMBER && digits.at[0] == '-';
	uint64_t n, max = negative ? at->row->max + 1 : at->row->max;

	digits.at += negative;
	digits.len -= negative;
	if (json_kind(at->value) != JSON_KIND_NUMBER || json_whole_number(digits, max, &n) != 0 ||
		(negative && n == 0))
		return wrong(at, "a whole number in range");
	*out = negative ? (int64_t)-n : (int64_t)n;
	return 0;
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

/* Allocate zeroed room for the elements of an array. */
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

/* json_check() has accepted the document, so each element takes a digit and a comma at least. */
static int decode_numbers(const struct place *at, struct field_bytes *out)
{
	struct json_walk w;
	int got;

	if (json_kind(at->value) != JSON_KIND_ARRAY)
		return wrong(at, "an array of bytes");
	out->data = malloc(at->value.len / 2 + 1);
	if (out->data == NULL)
		return out_of_memory(at->p);
	w = json_enter(at->value);
	while ((got = json_byte(&w, (unsigned char *)out->data + out->len)) == 1)
		out->len++;
	if (got < 0)
		return wrong(at, "an array of numbers from 0 to 255");
	if (out->len > at->row->max)
		return json_problem(at->p, at->document, at->value, "'%s' has more than %llu bytes",
			at->row->name, (unsigned long long)at->row->max);
	return 0;
}

static int decode_ports(const struct place *at, struct field_list *out)
{
	struct json element;
	struct json_walk w;
	uint64_t n;
	int err = make_list(at, sizeof(uint16_t), out);

	if (err != 0)
		return err;
	for (w = json_enter(at->value); json_element(&w, &element);) {
		if (out->count == at->row->max || json_kind(element) != JSON_KIND_NUMBER ||
			json_whole_number(element, UINT16_MAX, &n) != 0)
			return wrong(at, "an array of ports, not too long");
		((uint16_t *)out->items)[out->count++] = (uint16_t)n;
	}
	return 0;
}

static int decode_map(const struct place *at, struct field_list *out)
{
	struct place member = *at;
	struct json_walk w;
	struct json key;
	size_t n = 0;
	int err = 0;

	if (json_kind(at->value) != JSON_KIND_OBJECT)
		return wrong(at, "an object of strings");
	for (w = json_enter(at->value); json_member(&w, &key, &member.value);)
		n++;
	if (n > FIELDS_LIST_MAX)
		return json_problem(at->p, at->document, at->value, "'%s' has more than %d members",
			at->row->name, FIELDS_LIST_MAX);
	out->items = calloc(n + 1, sizeof(struct field_pair));
	if (out->items == NULL)
		return out_of_memory(at->p);
	for (w = json_enter(at->value); err == 0 && json_member(&w, &key, &member.value);) {
		struct field_pair *pair = (struct field_pair *)out->items + out->count++;
		struct place name = member;

		name.value = key;
		err = decode_string(&name, &pair->name);
		if (err == 0)
			err = decode_string(&member, &pair->value);
	}
	return err;
}

static int decode_row(const struct place *at, void *out)
{
	void *target = (char *)out + at->row->offset;

	switch ((enum field_type)at->row->type) {
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
	case FIELD_SIGNED:
		return decode_signed(at, target);
	case FIELD_NUMBERS:
		return decode_numbers(at, target);
	case FIELD_PORTS:
		return decode_ports(at, target);
	case FIELD_MAP:
		return decode_map(at, target);
	case FIELD_TAGGED:
		return variant_decode(
			&(struct variants){ at->row->variants, sizeof(struct variant), SIZE_MAX },
			at->document, at->value, target, (char *)out + at->row->content_offset,
			at->p);
	}
	return -EINVAL;
}

static const struct field *find_row(const struct fields *f, struct json key)
{
	for (size_t i = 0; i < f->count; i++)
		if (json_string_is(key, f->rows[i].name) ||
			((f->rows[i].flags & FIELD_ALIAS) != 0 &&
				json_string_is(key, f->rows[i].name + strlen(f->rows[i].name) + 1)))
			return &f->rows[i];
	return NULL;
}

static int unknown_name(const char *document, struct json name, const char *what, struct problem *p)
{
	size_t shown = utf8_cut(name.at, name.len, NAME_SHOWN_MAX);

	return json_problem(p, document, name, "unknown %s %.*s%s", what, (int)shown, name.at,
		shown < name.len ? "..." : "");
}

static int decode_member(
	const struct fields *f, struct place *at, struct json key, void *out, uint32_t *seen)
{
	uint32_t bit;
	int err;

	at->row = find_row(f, key);
	if (at->row == NULL)
		return f->strict ? unknown_name(at->document, key, "field", at->p) : 0;
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

static void set_default(const struct field *row, void *target)
{
	if (row->flags & FIELD_TRUE)
		*(bool *)target = true;
	if (row->flags & FIELD_KNOWN)
		*(uint64_t *)target = FIELD_UNKNOWN;
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
		return json_problem(p, document, value, "expected an object");
	for (size_t i = 0; i < f->count; i++)
		set_default(&f->rows[i], (char *)out + f->rows[i].offset);
	for (w = json_enter(value); err == 0 && json_member(&w, &key, &at.value);)
		err = decode_member(f, &at, key, out, &seen);
	for (size_t i = 0; err == 0 && i < f->count; i++)
		if ((f->rows[i].flags & FIELD_REQUIRED) && !(seen & (uint32_t)1 << i))
			err = json_problem(p, document, value, "'%s' is missing", f->rows[i].name);
	return err;
}

/* ---- variants -------------------------------------------------------------------------------- */

/* Split a variant into its tag and the value that follows; that one is empty if there is none. */
static int open_variant(const char *document, struct json value, struct json *tag,
	struct json *content, struct problem *p)
{
	struct json_walk w;
	struct json more[2];

	*content = (struct json){ 0 };
	*tag = value;
	if (json_kind(value) == JSON_KIND_STRING)
		return 0;
	if (json_kind(value) != JSON_KIND_OBJECT)
		return json_problem(p, document, value, "a message is a string or an object");
	w = json_enter(value);
	if (!json_member(&w, tag, content))
		return json_problem(p, document, value, "the message has no name");
	if (json_member(&w, &more[0], &more[1]))
		return json_problem(p, document, more[0], "a message has only one name");
	return 0;
}

static int decode_content(const struct variant *v, const char *document, struct json content,
	void *out, struct problem *p)
{
	struct place at = { .document = document, .p = p, .row = v->value, .value = content };

	if (v->fields != NULL)
		return fields_decode(v->fields, document, content, out, p);
	if (json_kind(content) == JSON_KIND_NULL && !(v->value->flags & FIELD_NULLABLE))
		return json_problem(p, document, content, "%s must not be null", v->name);
	return decode_row(&at, out);
}

/* The variant with this index, or NULL behind the last one. */
static const struct variant *variant_at(const struct variants *all, size_t index)
{
	const void *at = (const char *)all->first + index * all->step;
	const struct variant *v = at;

	return index < all->count && v->name != NULL ? v : NULL;
}

int variant_decode(const struct variants *all, const char *document, struct json value,
	unsigned int *index, void *content, struct problem *p)
{
	const struct variant *v;
	struct json tag, inner;
	int err = open_variant(document, value, &tag, &inner, p);

	for (*index = 0; (v = variant_at(all, *index)) != NULL; (*index)++)
		if (err == 0 && json_string_is(tag, v->name))
			break;
	if (err != 0)
		return err;
	if (v == NULL)
		return unknown_name(document, tag, "message", p);
	if (v->fields != NULL || v->value != NULL)
		return inner.at != NULL
			       ? decode_content(v, document, inner, content, p)
			       : json_problem(p, document, tag, "%s needs its fields", v->name);
	if (inner.at != NULL && json_kind(inner) != JSON_KIND_NULL)
		return json_problem(p, document, inner, "%s has no fields", v->name);
	return 0;
}
