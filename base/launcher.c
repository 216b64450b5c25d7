/* SPDX-License-Identifier: MIT */
#include "base/launcher.h"

#include "base/clock.h"
#include "base/launcher_slot.h"
#include "base/launcher_thread.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

void launcher_init(
	struct launcher *l, struct loop *loop, int null_fd, void (*news)(struct launcher *l))
{
	*l = (struct launcher){ .loop = loop, .null_fd = null_fd, .news = news, .told.fd = -1 };
}

/* ---- the list of starts on their way --------------------------------------------------------- */

/* True if the start is over. */
static bool is_done(const struct launcher_slot *slot)
{
	int state = atomic_load(&slot->state);

	return state == LAUNCHER_DONE || state == LAUNCHER_REFUSED;
}

static void append(struct launcher *l, struct launcher_slot *slot)
{
	l->listed++;
	if (slot->pool != NULL)
		slot->pool->listed++;
	if (is_done(slot))
		atomic_fetch_add(&l->done, 1);
	slot->previous = l->newest;
	slot->next = NULL;
	if (l->newest != NULL)
		l->newest->next = slot;
	else
		l->slots = slot;
	l->newest = slot;
}

static void unlink_slot(struct launcher *l, struct launcher_slot *slot)
{
	l->listed--;
	if (slot->pool != NULL)
		slot->pool->listed--;
	if (is_done(slot))
		atomic_fetch_sub(&l->done, 1);
	for (size_t i = 0; i < LAUNCHER_NEWS; i++)
		if (l->next_look[i] == slot)
			l->next_look[i] = slot->next;
	if (slot->previous != NULL)
		slot->previous->next = slot->next;
	else
		l->slots = slot->next;
	if (slot->next != NULL)
		slot->next->previous = slot->previous;
	else
		l->newest = slot->previous;
}

static void tell_owner(struct launch *owner)
{
	if (owner != NULL && owner->changed != NULL)
		owner->changed(owner);
}

/* The child has its own by now. */
static void close_stdio(struct launcher_slot *slot)
{
	if (slot->request.closes_stdio)
		spawn_close_stdio(slot->request.stdio);
	slot->request.closes_stdio = false;
}

/* The start is over. Returns its owner, to be told, or NULL. */
static struct launch *finish(struct launcher_slot *slot, int error)
{
	struct launch *owner = slot->owner;

	if (owner != NULL) {
		if (owner->pid == 0)
			owner->pid = atomic_load(&slot->pid);
		owner->error = error;
		owner->failed = atomic_load(&slot->failed);
		owner->failure = slot->failure;
		owner->over = true;
		owner->slot = NULL;
	}
	close_stdio(slot);
	launcher_slot_free(slot->launcher, slot);
	return owner;
}

/* ---- children that are copies ---------------------------------------------------------------- */

static void close_report(struct launcher_slot *slot)
{
	int fd = slot->report.fd;

	loop_remove(slot->launcher->loop, &slot->report);
	close(fd);
}

static void take_report(struct launcher_slot *slot)
{
	atomic_store(&slot->failed, spawn_report(slot->report.fd, &slot->failure) == 1);
	close_report(slot);
}

static void on_report(struct loop_io *io, uint32_t events)
{
	struct launcher_slot *slot = LOOP_OWNER(io, struct launcher_slot, report);

	(void)events;
	take_report(slot);
	atomic_store(&slot->state, LAUNCHER_DONE);
	append(slot->launcher, slot);
	slot->launcher->news(slot->launcher);
}

/* Start it in a copy of the caller. It is in no list. Returns 0 or -errno, and it is still there.
 */
static int start_copy(struct launcher_slot *slot)
{
	pid_t pid;
	int fd, err = spawn(&slot->request, &pid, &fd);

	close_stdio(slot);
	if (err != 0)
		return err;
	atomic_store(&slot->pid, pid);
	if (slot->owner != NULL)
		slot->owner->pid = pid;
	if (loop_add(slot->launcher->loop, &slot->report, fd, EPOLLIN, on_report) != 0)
		close(fd); /* it runs or it does not: its end will tell */
	return 0;
}

/* The same for one that no launcher could start. The owner is told, unless `quiet`. */
static void start_refused(struct launcher_slot *slot, bool quiet)
{
	struct launcher *l = slot->launcher;
	struct launch *owner = slot->owner;
	int why = slot->failure.error, err;

	/* A kernel, or a filter, that will never do it. */
	l->refused |= why == ENOSYS || why == EINVAL || why == E2BIG || why == EPERM;
	slot->failure = (struct spawn_failure){ 0 };
	unlink_slot(l, slot);
	err = start_copy(slot);
	if (err != 0 || slot->report.fd < 0)
		finish(slot, -err);
	if (!quiet)
		tell_owner(owner);
}

/* ---- launchers ------------------------------------------------------------------------------- */

static void on_told(struct loop_io *io, uint32_t events);
static void on_patience(struct loop_timer *timer);

/* Once, before the first start. */
static void begin(struct launcher *l)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	l->begun = true;
	l->patience.expire = on_patience;
	spawn_look_at_caller(&l->child);
	for (size_t i = 0; i < 2; i++) {
		struct launcher_pool *pool = &l->pools[i];

		pool->owner = l;
		pool->end = &pool->first;
		pool->bounded = i == 1;
	}
	l->refused = fd < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0;
	if (fd >= 0 && loop_add(l->loop, &l->told, fd, EPOLLIN, on_told) != 0) {
		close(fd);
		l->refused = true;
	}
}

/*
 * The launchers for a request, or NULL. Dropping the bounding set in a start costs as much as
 * making a launcher that has dropped it: the launcher pays off from the second such start on.
 */
static struct launcher_pool *pool_for(struct launcher *l, const struct spawn_request *r)
{
	bool is_bounded = r->user != NULL && r->bounding == 0 && l->unbounded++ > 0;
	struct launcher_pool *pool = &l->pools[is_bounded];

	if (!l->refused && pool->threads == 0)
		l->refused = launcher_thread_add(pool) == -ENOSYS;
	return l->refused || pool->threads == 0 ? NULL : pool;
}

static void arm_patience(struct launcher *l)
{
	for (size_t i = 0; i < 2; i++)
		l->pools[i].taken_before = l->pools[i].taken;
	loop_timer_set(l->loop, &l->patience, clock_ms() + LAUNCHER_PATIENCE_MS);
}

static void enqueue(struct launcher *l, struct launcher_slot *slot)
{
	struct launcher_pool *pool = slot->pool;
	bool must_wait;

	append(l, slot);
	launcher_lock(l);
	*pool->end = slot;
	pool->end = &slot->next_waiting;
	pool->waiting++;
	must_wait = pool->waiting > pool->idle;
	atomic_fetch_add(&pool->posts, 1);
	launcher_unlock(l);
	/* If more wait than are idle, every idle one has been woken, and takes one after another.
	 */
	if (!must_wait)
		launcher_wake(&pool->posts);
	else if (!l->patience.set)
		arm_patience(l);
}

/* False when a launcher has taken it. */
static bool take_back(struct launcher_slot *slot)
{
	struct launcher_pool *pool = slot->pool;
	struct launcher_slot **at = &pool->first;

	while (*at != NULL && *at != slot)
		at = &(*at)->next_waiting;
	if (*at == NULL)
		return false;
	*at = slot->next_waiting;
	if (*at == NULL)
		pool->end = at;
	pool->waiting--;
	return true;
}

/*
 * Where nothing was taken for so long, each launcher waits for the program of a child: as many more
 * take over. They end when there is nothing to do.
 */
static void on_patience(struct loop_timer *timer)
{
	struct launcher *l = LOOP_OWNER(timer, struct launcher, patience);
	bool waiting = false;

	l->news(l);
	for (size_t i = 0; i < 2; i++) {
		struct launcher_pool *pool = &l->pools[i];
		size_t more = 0;

		launcher_lock(l);
		waiting |= pool->waiting > 0;
		if (pool->waiting > 0 && pool->idle == 0 && pool->taken == pool->taken_before)
			more = pool->waiting < pool->threads ? pool->waiting : pool->threads;
		launcher_unlock(l);
		while (more-- > 0 && launcher_thread_add(pool) == 0)
			;
	}
	if (waiting)
		arm_patience(l);
}

/* ---- starts ---------------------------------------------------------------------------------- */

int launcher_start(struct launcher *l, const struct spawn_request *r, struct launch *launch,
	void (*changed)(struct launch *launch))
{
	struct launcher_pool *pool;
	struct launcher_slot *slot;
	int err;

	if (!l->begun)
		begin(l);
	pool = pool_for(l, r);
	slot = launcher_slot_new(l, r, pool != NULL);
	if (slot == NULL) {
		if (r->closes_stdio)
			spawn_close_stdio(r->stdio);
		return -ENOMEM;
	}
	*launch = (struct launch){ .changed = changed, .slot = slot };
	slot->owner = launch;
	slot->is_watched = changed != NULL;
	slot->pool = pool;
	if (pool != NULL) {
		enqueue(l, slot);
		return 0;
	}
	err = start_copy(slot);
	if (err != 0 || slot->report.fd < 0)
		finish(slot, -err);
	return err;
}

static bool has_new_pid(const struct launcher_slot *slot)
{
	return slot->owner != NULL && !slot->is_pid_told && atomic_load(&slot->pid) != 0;
}

static bool (*const has_news[LAUNCHER_NEWS])(const struct launcher_slot *slot) = {
	[LAUNCHER_NEWS_PID] = has_new_pid,
	[LAUNCHER_NEWS_END] = is_done,
};

/*
 * The next start with such news, or NULL. Stops when neither pool can have one further on: the
 * starts after a waiting one have not begun. The owner that is told of a start may change the list.
 */
static struct launcher_slot *next_with(struct launcher *l, enum launcher_news news)
{
	size_t in_pools = l->pools[0].listed + l->pools[1].listed;
	bool waits[2] = { l->pools[0].listed == 0, l->pools[1].listed == 0 };
	struct launcher_slot *s = l->next_look[news];

	for (; s != NULL && !(waits[0] && waits[1] && l->listed == in_pools); s = s->next) {
		if (atomic_load(&s->state) == LAUNCHER_WAITING) {
			waits[s->pool->bounded] = true;
		} else if (has_news[news](s)) {
			l->next_look[news] = s->next;
			return s;
		}
	}
	l->next_look[news] = NULL;
	return NULL;
}

void launcher_collect_pids(struct launcher *l)
{
	struct launcher_slot *slot;

	l->next_look[LAUNCHER_NEWS_PID] = l->slots;
	while ((slot = next_with(l, LAUNCHER_NEWS_PID)) != NULL) {
		slot->is_pid_told = true;
		slot->owner->pid = atomic_load(&slot->pid);
		close_stdio(slot);
		tell_owner(slot->owner);
	}
}

void launcher_collect(struct launcher *l)
{
	struct launcher_slot *slot;

	launcher_collect_pids(l);
	l->next_look[LAUNCHER_NEWS_END] = l->slots;
	while ((slot = next_with(l, LAUNCHER_NEWS_END)) != NULL) {
		if (atomic_load(&slot->state) == LAUNCHER_REFUSED) {
			start_refused(slot, false);
		} else {
			unlink_slot(l, slot);
			tell_owner(finish(slot, 0));
		}
	}
}

static void on_told(struct loop_io *io, uint32_t events)
{
	struct launcher *l = LOOP_OWNER(io, struct launcher, told);
	uint64_t count;

	(void)events;
	(void)!read(io->fd, &count, sizeof(count));
	atomic_store(&l->is_told, false);
	l->news(l);
}

size_t launcher_pending(const struct launcher *l)
{
	size_t done = atomic_load(&l->done);

	return l->listed > done ? l->listed - done : 0;
}

void launcher_settle(struct launcher *l, struct launch *launch)
{
	struct launcher_slot *slot = launch->slot;
	bool busy = false, back = false;
	int state;

	if (slot == NULL || launch->pid != 0)
		return;
	launcher_lock(l);
	if (atomic_load(&slot->state) == LAUNCHER_WAITING)
		busy = slot->pool->waiting > slot->pool->idle;
	if (busy)
		back = take_back(slot);
	launcher_unlock(l);
	if (back) {
		start_refused(slot, true);
		return;
	}
	atomic_store(&slot->is_awaited, true);
	while ((state = atomic_load(&slot->state)) == LAUNCHER_WAITING || state == LAUNCHER_TAKEN)
		launcher_wait(&slot->state, state, LAUNCHER_PATIENCE_MS); /* it may be killed */
	if (state == LAUNCHER_REFUSED)
		start_refused(slot, true);
	else
		launch->pid = atomic_load(&slot->pid);
}

void launcher_release(struct launcher *l, struct launch *launch)
{
	struct launcher_slot *slot = launch->slot;

	if (slot == NULL)
		return;
	launcher_settle(l, launch);
	slot = launch->slot;
	if (slot == NULL)
		return;
	if (slot->report.fd >= 0) {
		take_report(slot);
		finish(slot, 0);
		return;
	}
	launch->failed = atomic_load(&slot->failed);
	launch->failure = slot->failure;
	launch->over = true;
	launch->slot = NULL;
	slot->owner = NULL;
}
