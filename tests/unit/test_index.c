/* SPDX-License-Identifier: MIT */
/* The index gives the same answers as a walk over all services, and visits few. */
#include "supervisor/index.h"
#include "supervisor/supervisor.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT     1000
#define FIRST_PID 300
#define CHAIN_MAX 20 /* services in one bucket; 4 on average */

static struct supervisor supervisor;
static struct service *services[COUNT];

static void set_up(void)
{
	char text[32];

	/* Each starts after the one before, and after one of the first ten. */
	for (int i = COUNT - 1; i >= 0; i--) {
		struct service *v = calloc(1, sizeof(*v));

		cr_assert_not_null(v);
		snprintf(v->name, sizeof(v->name), "s%04d", i);
		v->owner = &supervisor;
		v->pid = FIRST_PID + i;
		v->built_in = i % 100 == 0;
		v->next = supervisor.services;
		supervisor.services = services[i] = v;
		if (i > 0) {
			snprintf(text, sizeof(text), "s%04d", i - 1);
			cr_assert_eq(strings_add(&v->config.after, text, strlen(text)), 0);
			snprintf(text, sizeof(text), "s%04d", i % 10);
			cr_assert_eq(strings_add(&v->config.requires, text, strlen(text)), 0);
		}
		index_add(v);
		index_add_pid(v);
	}
	index_order(&supervisor);
}

static void tear_down(void)
{
	for (int i = 0; i < COUNT; i++) {
		index_remove(services[i]);
		strings_free(&services[i]->config.after);
		strings_free(&services[i]->config.requires);
		free(services[i]);
	}
}

TestSuite(index, .init = set_up, .fini = tear_down);

Test(index, finds_each_by_name_and_pid)
{
	for (int i = 0; i < COUNT; i++) {
		cr_assert_eq(supervisor_find(&supervisor, services[i]->name), services[i]);
		cr_assert_eq(index_find_pid(&supervisor, FIRST_PID + i), services[i]);
	}
	cr_expect_null(supervisor_find(&supervisor, "s1000"));
	cr_expect_null(supervisor_find(&supervisor, ""));
	cr_expect_null(index_find_pid(&supervisor, FIRST_PID - 1));
	cr_expect_null(index_find_pid(&supervisor, FIRST_PID + COUNT));
	for (int i = 0; i < COUNT; i += 2) {
		index_remove_pid(services[i]);
		services[i]->pid = 0;
	}
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(index_find_pid(&supervisor, FIRST_PID + i),
			i % 2 == 0 ? NULL : services[i]);
}

/* The most services that a look-up among a thousand visits. */
Test(index, looks_at_few)
{
	for (size_t b = 0; b < INDEX_BUCKETS; b++) {
		unsigned int names = 0, pids = 0;

		for (const struct service *v = supervisor.index.by_name[b]; v != NULL;
			v = v->index.next_of_name)
			names++;
		for (const struct service *v = supervisor.index.by_pid[b]; v != NULL;
			v = v->index.next_of_pid)
			pids++;
		cr_expect_leq(names, CHAIN_MAX);
		cr_expect_leq(pids, CHAIN_MAX);
	}
}

static bool names_it(const struct service *u, const char *name)
{
	return strcmp(u->config.after.list[0], name) == 0 ||
	       strcmp(u->config.requires.list[0], name) == 0;
}

/* Compare the dependents with the names in the files. */
static void expect_dependents(int removed)
{
	for (int i = 0; i < COUNT; i++) {
		const struct index_entry *e = &services[i]->index;
		size_t expected = 0;

		for (int j = 1; j < COUNT && i != removed; j++)
			expected += j != removed &&
				    (strcmp(services[j]->config.after.list[0], services[i]->name) ==
					    0) +
					    (strcmp(services[j]->config.requires.list[0],
						     services[i]->name) == 0);
		if (i != removed)
			cr_assert_eq(e->dependent_count, expected, "%s has %zu, not %zu",
				services[i]->name, e->dependent_count, expected);
		for (size_t n = 0; n < e->dependent_count; n++) {
			cr_assert_neq(e->dependents[n], services[removed]);
			cr_assert(names_it(e->dependents[n], services[i]->name));
		}
	}
}

Test(index, knows_who_starts_behind_whom)
{
	cr_expect_eq(
		services[5]->index.dependent_count, 1 + COUNT / 10, "the next one, and each tenth");
	index_remove(services[555]);
	cr_expect_null(supervisor_find(&supervisor, "s0555"));
	expect_dependents(555);
}

/* Compare the counts with a walk over all services. */
static void expect_counts(void)
{
	size_t on_their_way = 0, active[2] = { 0 };

	for (int i = 0; i < COUNT; i++) {
		const struct service *v = services[i];
		bool is_active = machine_is_active(&v->machine);

		active[v->built_in] += is_active;
		on_their_way += v->problem == NULL && !v->built_in && v->machine.wanted &&
				(v->machine.state == MACHINE_WAITING ||
					(is_active && !machine_is_up(&v->machine)));
	}
	cr_assert_eq(supervisor.index.on_their_way, on_their_way);
	cr_assert_eq(supervisor_has_settled(&supervisor), on_their_way == 0);
	cr_assert_eq(supervisor_is_active(&supervisor, false), active[0] > 0);
	cr_assert_eq(supervisor_is_active(&supervisor, true), active[0] + active[1] > 0);
}

Test(index, counts_as_a_look_at_all_does)
{
	static char problem[] = "it cannot";
	uint32_t random = 1;

	for (int turn = 0; turn < 3000; turn++) {
		struct service *v = services[(random >> 8) % COUNT];

		random = random * 1664525 + 1013904223;
		v->machine.state = (enum machine_state)((random >> 16) % MACHINE_STATES);
		v->machine.wanted = (random >> 24) & 1;
		v->problem = (random >> 25) % 8 == 0 ? problem : NULL;
		index_count(v);
		expect_counts();
	}
	for (int i = 0; i < COUNT; i++) {
		services[i]->machine.state = MACHINE_EXITED;
		index_count(services[i]);
	}
	expect_counts();
	cr_expect(supervisor_has_settled(&supervisor));
}
