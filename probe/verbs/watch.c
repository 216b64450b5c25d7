/* SPDX-License-Identifier: MIT */
#include "probe/verbs/watch.h"

#include "base/clock.h"
#include "probe/memory.h"
#include "probe/show/screen.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/raw_terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define INTERVAL_MS     2000
#define ROUND_FIRST_MS  2000 /* limit for a guest in a round, unless the interval is longer */
#define CTRL_C          '\3'
#define ESCAPE          '\033'
#define LINES_OF_A_PAGE 10 /* lines that Page Up and Page Down move */

/* Keys that send sequences after ESC [ (ECMA-48), as negative values. */
enum key {
	KEY_UP = -1,
	KEY_DOWN = -2,
	KEY_PAGE_UP = -3,
	KEY_PAGE_DOWN = -4,
	KEY_NONE = -5,
};

struct watching {
	struct watch *watch;
	bool has_screen, reader_gone, is_over;
	struct loop_io keys, signals, out;
	struct loop_timer next;
	struct screen screen;
	struct screen_view view;
	char escape[8]; /* an incomplete sequence */
	size_t escape_len;
	/* The current round, and the targets of the previous one. */
	struct crowd crowd;
	struct target_list asked, taken;
	uint64_t started_ms, rounds;
	bool is_asking, is_answered;
	int status;
};

/* ---- the page -------------------------------------------------------------------------------- */

static struct page page_for(const struct watching *own, FILE *out)
{
	return (struct page){ .out = out,
		.many = own->watch->options->is_many,
		.has_marks = own->has_screen,
		.sort = own->watch->sort };
}

static void put_bottom(const struct watch *w, char *line, size_t size)
{
	struct buf b;

	buf_init(&b, line, size);
	buf_printf(&b, "%c", TABLE_HEAD);
	if (w->message[0] != '\0')
		buf_puts(&b, w->message);
	else
		buf_printf(&b, "q quit  s sort (%s)%s%s",
			w->sort == TABLE_AS_IT_IS ? "as it is" : w->columns[w->sort],
			w->keys != NULL ? "  " : "", w->keys != NULL ? w->keys : "");
}

/* Keep the chosen line visible. */
static void follow_choice(struct watching *own)
{
	const struct watch *w = own->watch;
	size_t room = own->screen.rows > w->fixed + 1 ? own->screen.rows - w->fixed - 1 : 1;

	if (w->chosen == WATCH_NOTHING_CHOSEN)
		return;
	if (w->chosen < own->view.first)
		own->view.first = w->chosen;
	if (w->chosen >= own->view.first + room)
		own->view.first = w->chosen - room + 1;
}

void watch_print(struct watch *w)
{
	struct watching *own = w->own;
	char bottom[300], *text = NULL;
	struct page page;
	size_t len;

	if (!own->has_screen || own->rounds == 0)
		return;
	page = page_for(own, memory_must(open_memstream(&text, &len)));
	w->print(w, &page);
	fclose(page.out);
	follow_choice(own);
	put_bottom(w, bottom, sizeof(bottom));
	own->view.fixed = w->fixed;
	own->view.bottom = bottom;
	screen_show(&own->screen, text, &own->view);
	free(text);
}

static void print_plain(struct watching *own)
{
	struct page page = page_for(own, stdout);

	if (own->rounds > 1)
		putchar('\n');
	own->watch->print(own->watch, &page);
	if (!output_flush())
		own->is_over = true;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static uint64_t interval_of(const struct watching *own)
{
	uint64_t ms = own->watch->options->interval_ms;

	return ms > 0 ? ms : INTERVAL_MS;
}

static void round_answered(struct crowd *c)
{
	LOOP_OWNER(c, struct watching, crowd)->is_answered = true;
}

static void ask(struct watching *own)
{
	struct watch *w = own->watch;
	const struct options *o = w->options;
	uint64_t timeout_ms = interval_of(own);
	struct problem p = { 0 };

	if (timeout_ms < ROUND_FIRST_MS)
		timeout_ms = ROUND_FIRST_MS;
	if (o->timeout_given)
		timeout_ms = o->timeout_ms;
	options_list_targets(o, &own->asked, &p); /* errors were reported at the start */
	own->is_asking = true;
	own->started_ms = clock_ms();
	own->crowd = (struct crowd){ .done = round_answered };
	crowd_start(&own->crowd, &w->loop, own->asked.items, own->asked.count, w->questions,
		w->question_count, timeout_ms, o->parallel);
}

static void next_is_due(struct loop_timer *timer)
{
	ask(LOOP_OWNER(timer, struct watching, next));
}

static void ask_at(struct watching *own, uint64_t at_ms)
{
	own->next.expire = next_is_due;
	loop_timer_set(&own->watch->loop, &own->next, at_ms);
}

/* Runs from the loop, outside of the crowd's callbacks. */
static void take_round(struct watching *own)
{
	struct watch *w = own->watch;
	struct page page = page_for(own, NULL);
	struct target_list before = own->taken;

	own->status = w->take(w, own->crowd.all, own->crowd.count, &page);
	crowd_free(&own->crowd);
	own->taken = own->asked;
	own->asked = (struct target_list){ 0 };
	target_list_free(&before);
	own->is_asking = own->is_answered = false;
	own->rounds++;
	if (own->has_screen)
		watch_print(w);
	else
		print_plain(own);
	if (w->options->rounds > 0 && own->rounds >= w->options->rounds)
		own->is_over = true;
	ask_at(own, own->started_ms + interval_of(own));
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void move_by(struct watching *own, int lines)
{
	struct watch *w = own->watch;
	size_t *at = w->chosen != WATCH_NOTHING_CHOSEN ? &w->chosen : &own->view.first;
	size_t n = (size_t)(lines < 0 ? -lines : lines);

	if (lines > 0)
		*at += n;
	else
		*at -= n < *at ? n : *at;
	w->has_moved = true;
	watch_print(w);
}

static void sort_by_next(struct watching *own)
{
	struct watch *w = own->watch;

	w->sort++; /* from TABLE_AS_IT_IS: to 0 */
	if (w->columns == NULL || w->columns[w->sort] == NULL)
		w->sort = TABLE_AS_IT_IS;
	watch_print(w);
	if (!w->sorts_itself && !own->is_asking)
		ask_at(own, clock_ms());
}

static void take_key(struct watching *own, int key)
{
	struct watch *w = own->watch;

	switch (key) {
	case 'q':
	case CTRL_C:
		own->is_over = true;
		break;
	case 's':
		sort_by_next(own);
		break;
	case KEY_UP:
		move_by(own, -1);
		break;
	case KEY_DOWN:
		move_by(own, 1);
		break;
	case KEY_PAGE_UP:
		move_by(own, -LINES_OF_A_PAGE);
		break;
	case KEY_PAGE_DOWN:
		move_by(own, LINES_OF_A_PAGE);
		break;
	default:
		if (key > 0 && w->key != NULL && w->key(w, (char)key))
			watch_print(w);
		break;
	}
}

/* The key of a complete sequence. */
static int sequence_key(const char *sequence)
{
	static const struct {
		const char *sequence;
		enum key key;
	} keys[] = { { "\033[A", KEY_UP }, { "\033[B", KEY_DOWN }, { "\033OA", KEY_UP },
		{ "\033OB", KEY_DOWN }, { "\033[5~", KEY_PAGE_UP }, { "\033[6~", KEY_PAGE_DOWN } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].sequence, sequence) == 0)
			return keys[i].key;
	return KEY_NONE;
}

/* Add a byte to the current sequence, which ends with a letter or '~'. */
static void take_byte(struct watching *own, char c)
{
	if (c == ESCAPE || own->escape_len > 0) {
		bool ends = own->escape_len > 1 && (unsigned char)c >= '@';

		if (c == ESCAPE)
			own->escape_len = 0;
		own->escape[own->escape_len++] = c;
		own->escape[own->escape_len] = '\0';
		if (ends && c != ESCAPE)
			take_key(own, sequence_key(own->escape));
		if ((ends && c != ESCAPE) || own->escape_len == sizeof(own->escape) - 1 ||
			(own->escape_len == 2 && c != '[' && c != 'O'))
			own->escape_len = 0;
		return;
	}
	take_key(own, (unsigned char)c < 0x80 ? c : KEY_NONE);
}

static void keys_ready(struct loop_io *io, uint32_t events)
{
	struct watching *own = LOOP_OWNER(io, struct watching, keys);
	char bytes[64];
	ssize_t n = read(io->fd, bytes, sizeof(bytes));

	(void)events;
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		own->is_over = true; /* the terminal is gone */
	for (ssize_t i = 0; i < n && !own->is_over; i++)
		take_byte(own, bytes[i]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void signal_came(struct loop_io *io, uint32_t events)
{
	struct watching *own = LOOP_OWNER(io, struct watching, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH) {
			own->is_over = true;
			continue;
		}
		screen_resize(&own->screen);
		watch_print(own->watch);
	}
}

static void reader_gone(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct watching, out)->is_over = true;
}

static void take_terminal(struct watching *own)
{
	struct loop *loop = &own->watch->loop;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	loop_add_signals(loop, &own->signals, &set, signal_came);
	raw_terminal_enter();
	screen_open(&own->screen);
	loop_add(loop, &own->keys, STDIN_FILENO, EPOLLIN, keys_ready);
}

static void give_back_terminal(struct watching *own)
{
	loop_remove(&own->watch->loop, &own->keys);
	close(own->signals.fd);
	loop_remove(&own->watch->loop, &own->signals);
	screen_close(&own->screen);
	raw_terminal_restore();
}

int watch_run(struct watch *w)
{
	struct watching own = {
		.watch = w, .has_screen = screen_is_there(), .status = EXIT_NO_ANSWER
	};
	int err = loop_init(&w->loop);

	if (err != 0)
		return EXIT_NO_ANSWER;
	w->own = &own;
	own.keys.fd = own.signals.fd = own.out.fd = -1;
	if (own.has_screen)
		take_terminal(&own);
	else /* a plain file cannot be watched, and has no reader */
		loop_add(&w->loop, &own.out, STDOUT_FILENO, 0, reader_gone);
	ask(&own);
	while (err == 0 && !own.is_over) {
		err = loop_run_once(&w->loop);
		if (own.is_answered)
			take_round(&own);
	}
	if (own.is_asking)
		crowd_free(&own.crowd);
	loop_timer_clear(&w->loop, &own.next);
	if (own.has_screen)
		give_back_terminal(&own);
	else
		loop_remove(&w->loop, &own.out);
	target_list_free(&own.asked);
	target_list_free(&own.taken);
	loop_close(&w->loop);
	w->own = NULL;
	return err == 0 ? own.status : EXIT_NO_ANSWER;
}
