/* SPDX-License-Identifier: MIT */
#include "tests/tools/print_messages.h"

#include "protocol/messages.h"

#include <stdio.h>

static const char *const types[] = {
	[FIELD_STRING] = "string",
	[FIELD_BYTES] = "string",
	[FIELD_BOOL] = "true or false",
	[FIELD_WHOLE] = "number",
	[FIELD_SIGNED] = "number",
	[FIELD_REAL] = "number",
	[FIELD_CHOICE] = "one of",
	[FIELD_STRINGS] = "array of strings",
	[FIELD_OBJECT] = "object of",
	[FIELD_OBJECTS] = "array of objects of",
	[FIELD_JSON] = "any JSON",
	[FIELD_NUMBERS] = "bytes",
	[FIELD_PORTS] = "array of ports",
	[FIELD_MAP] = "object of strings",
	[FIELD_TAGGED] = "one of",
};

static const struct {
	enum message_direction direction;
	const char *heading;
} parts[] = {
	{ MESSAGE_REQUEST, "Requests to the guest" },
	{ MESSAGE_ANSWER, "Answers of the guest" },
	{ MESSAGE_HOST_REQUEST, "Requests of the guest" },
	{ MESSAGE_HOST_ANSWER, "Answers of the host" },
};

static void print_fields(const struct fields *f);

static void print_variants(const struct variant *v)
{
	for (const struct variant *first = v; v->name != NULL; v++) {
		printf("%s%s", v > first ? ", " : " ", v->name);
		if (v->fields != NULL || v->value != NULL)
			printf(" (");
		if (v->fields != NULL)
			print_fields(v->fields);
		else if (v->value != NULL)
			printf("%s", types[v->value->type]);
		if (v->fields != NULL || v->value != NULL)
			printf(")");
	}
}

static void print_type(const struct field *row)
{
	printf("%s", types[row->type]);
	if ((row->type == FIELD_WHOLE || row->type == FIELD_SIGNED) && row->max < UINT32_MAX)
		printf(" up to %llu", (unsigned long long)row->max);
	for (int i = 0; row->type == FIELD_CHOICE && row->choices[i] != NULL; i++)
		printf("%s %s", i > 0 ? "," : "", row->choices[i]);
	if (row->type == FIELD_OBJECT || row->type == FIELD_OBJECTS) {
		printf(" ");
		print_fields(row->object);
	}
	if (row->type == FIELD_TAGGED)
		print_variants(row->variants);
}

static void print_fields(const struct fields *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct field *row = &f->rows[i];

		printf("%s%s: ", i > 0 ? "; " : "", row->name);
		if (row->flags & FIELD_NULLABLE)
			printf("maybe ");
		else if (row->flags & FIELD_TRUE)
			printf("default true, ");
		else if (!(row->flags & FIELD_REQUIRED))
			printf("default, ");
		print_type(row);
	}
}

static void print_dialects(unsigned int dialects)
{
	printf("%s", dialects & DIALECT_V7     ? "mvm 0.7 and later"
		     : dialects & DIALECT_V13  ? "mvm 0.8 and later"
		     : dialects & DIALECT_V1   ? "mvm after 0.13"
		     : dialects & DIALECT_HEAD ? "the latest mvm"
					       : "mvm-probe only");
	printf(".\n");
}

static void print_message(const struct message *m)
{
	printf(".It Ic %s\n", m->body.name);
	print_dialects(m->dialects);
	if (m->access != ACCESS_FREE)
		printf("Subject to the security policy.\n");
	if (m->direction == MESSAGE_REQUEST || m->direction == MESSAGE_HOST_REQUEST)
		printf("Answer%s:\n.Ic %s .\n", m->stream ? "s, until the last" : "",
			messages[m->answers[0]].body.name);
	if (m->body.fields != NULL || m->body.value != NULL)
		printf(".br\n");
	if (m->body.fields != NULL)
		print_fields(m->body.fields);
	else if (m->body.value != NULL)
		print_type(m->body.value);
	if (m->body.fields != NULL || m->body.value != NULL)
		printf(".\n");
}

void print_messages(void)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		printf(".Ss %s\n.Bl -tag -width Ds\n", parts[i].heading);
		for (int kind = 0; kind < MESSAGE_KINDS; kind++)
			if (messages[kind].direction == parts[i].direction)
				print_message(&messages[kind]);
		printf(".El\n");
	}
}

static void print_words(const struct fields *f);

static void print_word(const char *word, const char *end)
{
	printf("\"\\\"%s\\\"%s\"\n", word, end);
}

static void print_variant_words(const struct variant *v)
{
	for (; v->name != NULL; v++) {
		print_word(v->name, "");
		if (v->fields != NULL)
			print_words(v->fields);
	}
}

static void print_words(const struct fields *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct field *row = &f->rows[i];

		print_word(row->name, ":");
		for (int n = 0; row->type == FIELD_CHOICE && row->choices[n] != NULL; n++)
			print_word(row->choices[n], "");
		if (row->type == FIELD_OBJECT || row->type == FIELD_OBJECTS)
			print_words(row->object);
		if (row->type == FIELD_TAGGED)
			print_variant_words(row->variants);
	}
}

void print_dictionary(void)
{
	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		const struct variant *v = &messages[kind].body;

		print_word(v->name, "");
		if (v->fields != NULL)
			print_words(v->fields);
		if (v->value != NULL && v->value->type == FIELD_TAGGED)
			print_variant_words(v->value->variants);
	}
}
