/* SPDX-License-Identifier: MIT */
#include "base/launcher_slot.h"

#include <linux/futex.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_SIZE 16384u
#define ALIGNMENT  16u

/* A chunk holds copies of requests, one after another, and is freed with the last of them. */
struct launcher_chunk {
	size_t size, used, slots;
};

static size_t round_up(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void release_chunk(struct launcher *l, struct launcher_chunk *c)
{
	if (c->slots > 0)
		return;
	if (c == l->chunk && c->size == CHUNK_SIZE) {
		c->used = round_up(sizeof(*c));
		return;
	}
	if (c == l->chunk)
		l->chunk = NULL;
	munmap(c, c->size);
}

static struct launcher_chunk *chunk_with(struct launcher *l, size_t size)
{
	struct launcher_chunk *old = l->chunk, *c;
	size_t whole = round_up(sizeof(*c)) + size;

	if (old != NULL && old->size - old->used >= size)
		return old;
	whole = whole > CHUNK_SIZE ? whole : CHUNK_SIZE;
	c = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	c->size = whole;
	c->used = round_up(sizeof(*c));
	l->chunk = c;
	if (old != NULL)
		release_chunk(l, old);
	return c;
}

/* ---- copying --------------------------------------------------------------------------------- */

/* Bytes of a list of strings and its pointers. */
static size_t size_of_list(char *const *list, size_t *count)
{
	size_t size = 0, n = 0;

	for (; list[n] != NULL; n++)
		size += strlen(list[n]) + 1;
	*count = n;
	return round_up((n + 1) * sizeof(char *)) + round_up(size);
}

static void *take(char **at, size_t size)
{
	char *p = *at;

	*at += round_up(size);
	return p;
}

static void *copy(char **at, const void *from, size_t size)
{
	return size > 0 ? memcpy(take(at, size), from, size) : NULL;
}

static char **copy_list(char **at, char *const *list, size_t count)
{
	char **pointers = take(at, (count + 1) * sizeof(char *)), *text = *at;

	for (size_t i = 0; i < count; i++) {
		pointers[i] = text;
		text = stpcpy(text, list[i]) + 1;
	}
	pointers[count] = NULL;
	*at += round_up((size_t)(text - *at));
	return pointers;
}

/* Only the numbers of an account are used. */
static struct account *copy_account(char **at, const struct account *from)
{
	struct account *a = take(at, sizeof(*a));

	a->uid = from->uid;
	a->gid = from->gid;
	a->group_count = from->group_count;
	memcpy(a->groups, from->groups, from->group_count * sizeof(from->groups[0]));
	return a;
}

/* Room for a start, and `more` bytes behind it. */
static struct launcher_slot *take_slot(
	struct launcher *l, const struct spawn_request *r, size_t more, char **rest)
{
	size_t size = round_up(sizeof(struct launcher_slot)) + more;
	struct launcher_chunk *c = chunk_with(l, size);
	struct launcher_slot *slot;

	if (c == NULL)
		return NULL;
	*rest = (char *)c + c->used;
	slot = take(rest, sizeof(*slot));
	*slot = (struct launcher_slot){ .launcher = l, .chunk = c, .request = *r };
	slot->report.fd = -1;
	c->used += size;
	c->slots++;
	return slot;
}

struct launcher_slot *launcher_slot_new(
	struct launcher *l, const struct spawn_request *r, bool is_kept)
{
	size_t directory = r->directory != NULL ? strlen(r->directory) + 1 : 0;
	size_t fds = r->fd_count * sizeof(r->fds[0]), argc, envc;
	size_t limits = r->limit_count * sizeof(r->limits[0]);
	size_t size = 0;
	struct launcher_slot *slot;
	char *at;

	if (is_kept)
		size = size_of_list(r->argv, &argc) + size_of_list(r->envp, &envc) +
		       round_up(directory) + round_up(fds) + round_up(limits) +
		       (r->user != NULL ? round_up(sizeof(struct account)) : 0);
	slot = take_slot(l, r, size, &at);
	if (slot == NULL || !is_kept)
		return slot;
	slot->request.argv = copy_list(&at, r->argv, argc);
	slot->request.envp = copy_list(&at, r->envp, envc);
	slot->request.directory = copy(&at, r->directory, directory);
	slot->request.fds = copy(&at, r->fds, fds);
	slot->request.limits = copy(&at, r->limits, limits);
	if (r->user != NULL)
		slot->request.user = copy_account(&at, r->user);
	return slot;
}

void launcher_slot_free(struct launcher *l, struct launcher_slot *slot)
{
	struct launcher_chunk *c = slot->chunk;

	c->slots--;
	release_chunk(l, c);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void launcher_wait(atomic_int *word, int value, int ms)
{
	const struct timespec deadline = { .tv_nsec = ms * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ms < 0 ? NULL : &deadline, NULL, 0);
}

void launcher_wake(atomic_int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void launcher_lock(struct launcher *l)
{
	int free = 0;

	if (atomic_compare_exchange_strong(&l->lock, &free, 1))
		return;
	while (atomic_exchange(&l->lock, 2) != 0)
		launcher_wait(&l->lock, 2, -1);
}

void launcher_unlock(struct launcher *l)
{
	if (atomic_exchange(&l->lock, 0) == 2)
		launcher_wake(&l->lock);
}
