/* SPDX-License-Identifier: MIT */
#include "agent/starter/start_thread.h"

#include "base/clone_sharing.h"
#include "base/launcher_slot.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum start_thread_state { IDLE, ORDERED };

/* ---- orders ---------------------------------------------------------------------------------- */

/* Most programs need no memory: musl would map and unmap it each time. */
int start_order_room(struct start_order *order, size_t text_len, size_t word_count)
{
	order->text = order->small_text;
	order->words = order->small_words;
	if (text_len > sizeof(order->small_text))
		order->text = malloc(text_len);
	if (word_count > START_SMALL_WORDS)
		order->words = malloc(word_count * sizeof(*order->words));
	return order->text != NULL && order->words != NULL ? 0 : -ENOMEM;
}

void start_order_clear(struct start_order *order)
{
	if (order->text != order->small_text)
		free(order->text);
	if (order->words != order->small_words)
		free(order->words);
	order->text = NULL;
	order->words = NULL;
	for (size_t i = 0; i < order->fd_count; i++)
		close(order->fds[i]);
	order->fd_count = 0;
}

int start_order_copy(int fd, const struct start_defaults *d, struct start_order *order)
{
	int report_fd = -1, err;
	pid_t pid = 0;

	err = start_program(d, &order->request, &pid, &report_fd);
	start_order_clear(order);
	return starter_answer(fd, order->call_id, err, pid, &report_fd, 1);
}

/* ---- the child ------------------------------------------------------------------------------- */

/* Data for a child, in the stack frame of the thread, whose memory it uses. */
struct birth {
	int fd, report[2];
	uint32_t call_id;
	bool is_answered;
	struct spawn_request request;
	struct spawn_child child;
};

static int send_answer(struct birth *b, pid_t pid)
{
	const struct starter_answer answer = { .id = b->call_id, .pid = pid };

	return starter_send(b->fd, &answer, sizeof(answer), NULL, 0, b->report, 1);
}

static void child_main(void *arg)
{
	struct birth *b = arg;
	/* The report pipe must not have a number that the program's descriptors need. */
	int report = fcntl(b->report[1], F_DUPFD_CLOEXEC, 3 + (int)b->request.fd_count);
	int report_error = errno;

	if (send_answer(b, getpid()) != 0)
		spawn_end_child();
	b->is_answered = true;
	if (report < 0)
		*b->child.failure = (struct spawn_failure){ SPAWN_STDIO, report_error, 0 };
	else
		spawn_become(&b->request, &b->child);
	(void)!write(
		report < 0 ? b->report[1] : report, b->child.failure, sizeof(*b->child.failure));
	spawn_end_child();
}

/* ---- the thread ------------------------------------------------------------------------------ */

static long make_child(struct birth *b, char *stack)
{
	/* clone(2): with CLONE_PARENT the signal is the starter's own, and none is given. */
	struct clone_args args = { .flags = CLONE_PARENT };

	b->child.in_cgroup = b->request.cgroup_fd >= 0;
	return clone_sharing(&args, stack, b->request.cgroup_fd, child_main, b);
}

/*
 * Returns when the program runs, or the child has ended: 0, or -errno if the agent cannot be
 * answered.
 */
static int run_order(struct start_thread *t, char *stack, bool bounding_dropped)
{
	struct start_order *order = t->order;
	struct spawn_limit limits[START_LIMITS];
	struct spawn_failure failure;
	struct birth b = { .fd = t->fd, .call_id = order->call_id, .child = t->child };
	long pid;
	int err;

	b.child.bounding_dropped = bounding_dropped;
	b.child.failure = &failure;
	start_describe(t->defaults, &order->request, limits, &b.request);
	if (pipe2(b.report, O_CLOEXEC | O_NONBLOCK) != 0) {
		err = starter_answer(t->fd, order->call_id, -errno, 0, NULL, 0);
		start_order_clear(order);
		return err;
	}
	pid = make_child(&b, stack);
	/*
	 * A child that was killed may not have answered, and the agent must not wait for ever. Or
	 * it has just answered, and the agent itself has killed it: then this is a second answer.
	 */
	err = pid > 0 && !b.is_answered ? send_answer(&b, (pid_t)pid) : 0;
	close(b.report[0]);
	close(b.report[1]);
	if (pid > 0) {
		start_order_clear(order);
		return err;
	}
	if (pid == -ENOSYS || pid == -EINVAL || pid == -E2BIG || pid == -EPERM)
		t->is_useless = true; /* a kernel, or a filter, that will never do it */
	return start_order_copy(t->fd, t->defaults, order);
}

static void *thread_main(void *arg)
{
	_Alignas(64) char stack[CLONE_SHARING_STACK];
	struct start_thread *t = arg;
	bool bounding_dropped = spawn_drop_bounding(0) == 0;

	for (;;) {
		while (atomic_load(&t->state) == IDLE)
			launcher_wait(&t->state, IDLE, -1);
		if (run_order(t, stack, bounding_dropped) != 0)
			shutdown(t->fd, SHUT_RDWR);
		atomic_store(&t->state, IDLE);
		if (atomic_load(&t->is_awaited))
			launcher_wake(&t->state);
	}
	return NULL;
}

/* ---- the starter ----------------------------------------------------------------------------- */

void start_thread_init(struct start_thread *t, int fd, const struct start_defaults *d)
{
	*t = (struct start_thread){ .fd = fd, .defaults = d };
}

static void begin(struct start_thread *t)
{
	pthread_attr_t attributes;
	pthread_t thread;

	t->has_begun = true;
	spawn_look_at_caller(&t->child);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, CLONE_SHARING_THREAD_STACK);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
		pthread_create(&thread, &attributes, thread_main, t) != 0)
		t->is_useless = true;
	pthread_attr_destroy(&attributes);
}

/* True if it is idle, or soon was. Does not wait again for one that has kept it waiting. */
static bool wait_idle(struct start_thread *t)
{
	if (atomic_load(&t->state) != IDLE && !t->is_stuck) {
		atomic_store(&t->is_awaited, true);
		launcher_wait(&t->state, ORDERED, START_PATIENCE_MS);
		atomic_store(&t->is_awaited, false);
	}
	t->is_stuck = atomic_load(&t->state) != IDLE;
	return !t->is_stuck;
}

bool start_thread_take(struct start_thread *t, struct start_order *order)
{
	const struct account *user = order->request.user;

	/* Without CAP_SETPCAP and CAP_SETUID, children could not do what the thread relies on. */
	if (user == NULL || user->uid == 0 || t->defaults->bounding != 0)
		return false;
	if (!t->has_begun)
		begin(t);
	if (t->is_useless || !wait_idle(t))
		return false;
	t->order = order;
	atomic_store(&t->state, ORDERED);
	launcher_wake(&t->state);
	return true;
}
