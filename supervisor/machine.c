/* SPDX-License-Identifier: MIT */
#include "supervisor/machine.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define KILL_AGAIN_MS 1000 /* KILL again: a process in uninterruptible sleep dies later */

/* Up: whichever comes first of the next WATCHDOG=1 and the end of a reload. */
static void set_due(struct machine *m)
{
	uint64_t by = m->state == MACHINE_RELOAD ? m->reload.by_ms : 0;

	m->due_ms = by != 0 && (m->alive_by_ms == 0 || by < m->alive_by_ms) ? by : m->alive_by_ms;
}

bool machine_is_ready(const struct machine *m)
{
	return m->state == MACHINE_RUNNING || m->state == MACHINE_RELOAD;
}

void machine_keep_alive(struct machine *m, uint64_t now_ms)
{
	if (!machine_is_ready(m) || m->rules->watchdog == 0)
		return;
	m->alive_by_ms = now_ms + m->rules->watchdog;
	set_due(m);
}

static uint64_t end_of_reload(const struct machine *m, uint64_t now)
{
	return m->rules->start_timeout > 0 ? now + m->rules->start_timeout : 0;
}

void machine_was_frozen(struct machine *m, uint64_t now_ms)
{
	m->reload.by_ms = end_of_reload(m, now_ms);
	machine_keep_alive(m, now_ms);
	if (machine_is_ready(m))
		set_due(m);
}

void machine_extend(struct machine *m, uint64_t ms, uint64_t now_ms)
{
	bool may = m->state == MACHINE_START || (m->state == MACHINE_STOP && !m->has_stop_cap);

	if (m->state == MACHINE_RELOAD && m->reload.by_ms != 0 && now_ms + ms > m->reload.by_ms) {
		m->reload.by_ms = now_ms + ms;
		set_due(m);
	}
	if (may && m->due_ms != 0 && now_ms + ms > m->due_ms)
		m->due_ms = now_ms + ms;
}

static unsigned int enter(struct machine *m, enum machine_state state, uint64_t now)
{
	m->state = state;
	m->entered_ms = now;
	m->due_ms = 0;
	return 0;
}

uint64_t machine_stop_timeout(const struct machine *m)
{
	return m->has_stop_cap && m->stop_cap < m->rules->stop_timeout ? m->stop_cap
								       : m->rules->stop_timeout;
}

void machine_cap_stop(struct machine *m, uint64_t ms)
{
	if (!m->has_stop_cap || ms < m->stop_cap)
		m->stop_cap = ms;
	m->has_stop_cap = true;
}

uint64_t machine_backoff(uint64_t first, uint64_t max, unsigned int n)
{
	uint64_t delay = first;

	while (n-- > 1 && delay < max)
		delay *= 2;
	return delay < max ? delay : max;
}

/* xorshift32 is good enough for jitter. */
static uint64_t jitter(struct machine *m, uint64_t delay)
{
	uint64_t tenth = delay / 10;

	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return delay - tenth + (tenth > 0 ? m->random % (2 * tenth + 1) : 0);
}

/* Count an automatic start at `now`. Returns true when the start limit allows no more. */
static bool over_start_limit(struct machine *m, uint64_t now)
{
	unsigned int limit = m->rules->start_limit;
	uint64_t oldest;

	if (limit > MACHINE_STARTS_MAX)
		limit = MACHINE_STARTS_MAX;
	if (limit == 0)
		return false;
	oldest = m->start_times[m->start_count % limit];
	if (m->start_count >= limit && now - oldest < m->rules->start_limit_interval)
		return true;
	m->start_times[m->start_count++ % limit] = now;
	return false;
}

/* ---- handlers, in the order of a service's life -------------------------------------------
 */

static unsigned int do_ignore(struct machine *m, uint64_t now)
{
	(void)m;
	(void)now;
	return 0;
}

static unsigned int do_wait(struct machine *m, uint64_t now)
{
	m->wanted = true;
	enter(m, MACHINE_WAITING, now);
	return MACHINE_DO_CHECK;
}

/* A start on request clears earlier failures. */
static unsigned int do_start(struct machine *m, uint64_t now)
{
	m->failures = 0;
	m->start_count = 0;
	return do_wait(m, now);
}

static unsigned int do_main(struct machine *m, uint64_t now)
{
	bool limited = m->rules->ready != MACHINE_READY_STARTED || m->rules->type != MACHINE_SIMPLE;

	enter(m, MACHINE_START, now);
	m->started_ms = now;
	if (limited && m->rules->start_timeout > 0)
		m->due_ms = now + m->rules->start_timeout;
	return MACHINE_DO_MAIN;
}

static unsigned int do_launch(struct machine *m, uint64_t now)
{
	m->ended = m->leaving = false;
	m->ready_ms = 0;
	m->exit = (struct machine_exit){ 0 };
	if (!m->rules->has_pre_start)
		return do_main(m, now);
	enter(m, MACHINE_PRE, now);
	m->due_ms = now + m->rules->pre_start_timeout;
	return MACHINE_DO_PRE;
}

static unsigned int do_ready(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_RUNNING, now);
	m->ready_ms = now;
	m->alive_by_ms = 0;
	machine_keep_alive(m, now);
	return 0;
}

static unsigned int do_exec(struct machine *m, uint64_t now)
{
	if (m->rules->ready == MACHINE_READY_STARTED && m->rules->type == MACHINE_SIMPLE)
		return do_ready(m, now);
	return 0;
}

static unsigned int back_off(struct machine *m, uint64_t now)
{
	uint64_t reset =
		m->rules->restart_reset > 2 * m->delay ? m->rules->restart_reset : 2 * m->delay;

	if (m->ready_ms != 0 && m->entered_ms - m->ready_ms >= reset)
		m->failures = 0;
	if (over_start_limit(m, now)) {
		enter(m, MACHINE_FAILED, now);
		return MACHINE_DO_LIMIT;
	}
	m->failures++;
	m->delay = m->exit.permanent ? m->rules->restart_delay_max
				     : machine_backoff(m->rules->restart_delay,
					       m->rules->restart_delay_max, m->failures);
	enter(m, MACHINE_BACKOFF, now);
	m->due_ms = now + jitter(m, m->delay);
	return 0;
}

/* All processes have ended: choose the next state. */
static unsigned int do_settle(struct machine *m, uint64_t now)
{
	bool restart = m->rules->restart == MACHINE_RESTART_ALWAYS ||
		       (m->rules->restart == MACHINE_RESTART_ON_FAILURE && !m->exit.success);
	bool done = m->rules->type == MACHINE_ONESHOT && m->exit.success;

	if (m->again) {
		m->again = false;
		return do_start(m, now);
	}
	if (!m->wanted)
		return enter(m, MACHINE_INACTIVE, now);
	if (restart && !done)
		return back_off(m, now);
	return enter(m, m->exit.success ? MACHINE_EXITED : MACHINE_FAILED, now);
}

static unsigned int do_kill(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_KILL, now);
	m->due_ms = now + KILL_AGAIN_MS;
	return MACHINE_DO_KILL;
}

/* pre_start has ended: start the command, or kill the processes that it left. */
static unsigned int do_prepared(struct machine *m, uint64_t now)
{
	return m->exit.success ? do_main(m, now) : do_kill(m, now);
}

/* The process has ended by itself: kill all that it has started. */
static unsigned int do_ended(struct machine *m, uint64_t now)
{
	return do_kill(m, now);
}

/* No process was made: only pre_start may have left some. */
static unsigned int do_unmade(struct machine *m, uint64_t now)
{
	bool is_prepared = m->state == MACHINE_START && m->rules->has_pre_start;

	m->exit = (struct machine_exit){ 0 };
	m->ended = true;
	return is_prepared ? do_kill(m, now) : do_settle(m, now);
}

static unsigned int do_term(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_STOP, now);
	m->due_ms = now + machine_stop_timeout(m);
	return MACHINE_DO_TERM;
}

static unsigned int do_stop(struct machine *m, uint64_t now)
{
	m->wanted = m->again = false;
	return do_term(m, now);
}

static unsigned int do_restart(struct machine *m, uint64_t now)
{
	m->wanted = m->again = true;
	return do_term(m, now);
}

/* Nothing runs: just cancel the next start. */
static unsigned int do_rest(struct machine *m, uint64_t now)
{
	m->wanted = m->again = false;
	return enter(m, MACHINE_INACTIVE, now);
}

/* While the service stops, only the plan for afterwards changes. */
static unsigned int do_plan_stop(struct machine *m, uint64_t now)
{
	(void)now;
	m->wanted = m->again = false;
	return 0;
}

static unsigned int do_plan_start(struct machine *m, uint64_t now)
{
	(void)now;
	m->wanted = m->again = true;
	return 0;
}

/* Not ready in time: a failure, but the processes get TERM first. */
static unsigned int do_too_late(struct machine *m, uint64_t now)
{
	m->exit = (struct machine_exit){ 0 };
	return do_term(m, now);
}

/* The watchdog expired: a failure. ABRT leaves a core file if limit_core allows one. */
static unsigned int do_hung(struct machine *m, uint64_t now)
{
	if (m->alive_by_ms == 0 || now < m->alive_by_ms)
		return 0;
	m->exit = (struct machine_exit){ 0 };
	do_term(m, now);
	return MACHINE_DO_ABORT;
}

static unsigned int enter_reload(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_RELOAD, now);
	m->reload.by_ms = end_of_reload(m, now);
	set_due(m);
	return 0;
}

/* A signal that nothing answers is all that there is to the reload. */
static unsigned int do_reload(struct machine *m, uint64_t now)
{
	m->reload = (struct machine_reload){ .runs = m->rules->reload == MACHINE_RELOAD_BY_COMMAND,
		.awaits = m->rules->reload == MACHINE_RELOAD_BY_SIGNAL &&
			  m->rules->ready == MACHINE_READY_NOTIFY };
	if (m->reload.runs || m->reload.awaits)
		enter_reload(m, now);
	return MACHINE_DO_RELOAD;
}

/* It may also reload without having been asked to. */
static unsigned int do_reloading(struct machine *m, uint64_t now)
{
	if (m->state != MACHINE_RELOAD) {
		m->reload = (struct machine_reload){ 0 };
		enter_reload(m, now);
	}
	m->reload.awaits = m->reload.is_told = true;
	return 0;
}

static unsigned int back_to_running(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_RUNNING, now);
	set_due(m);
	return 0;
}

/* READY=1 that came before RELOADING=1 is of an earlier time. */
static unsigned int do_ready_again(struct machine *m, uint64_t now)
{
	if (!m->reload.is_told)
		return 0;
	m->reload.awaits = m->reload.is_told = false;
	return m->reload.runs ? 0 : back_to_running(m, now);
}

/* A failed reload is no failure of the service: it goes on as it is. */
static unsigned int do_reloaded(struct machine *m, uint64_t now)
{
	m->reload.runs = false;
	if (m->reload.failed && !m->reload.is_told)
		m->reload.awaits = false;
	return m->reload.awaits ? 0 : back_to_running(m, now);
}

static unsigned int do_up_timeout(struct machine *m, uint64_t now)
{
	bool runs = m->reload.runs;

	if (m->alive_by_ms != 0 && now >= m->alive_by_ms)
		return do_hung(m, now);
	if (m->reload.by_ms == 0 || now < m->reload.by_ms)
		return 0;
	m->reload.late = true;
	m->reload.runs = false;
	back_to_running(m, now);
	return runs ? MACHINE_DO_END_RELOAD : 0;
}

/* The service ends by itself and has as much time as one that is told to stop. */
static unsigned int do_leave(struct machine *m, uint64_t now)
{
	m->leaving = true;
	do_term(m, now);
	return 0;
}

static unsigned int do_blocked(struct machine *m, uint64_t now)
{
	return enter(m, MACHINE_FAILED, now);
}

static unsigned int do_retry(struct machine *m, uint64_t now)
{
	m->restarts++;
	enter(m, MACHINE_WAITING, now);
	return MACHINE_DO_CHECK;
}

/* ---- the table --------------------------------------------------------------------------------
 */

struct handler {
	unsigned int (*run)(struct machine *m, uint64_t now);
	const char *name;
};

#define H(verb)                                                                                    \
	{                                                                                          \
		do_##verb, #verb                                                                   \
	}
#define NONE                                                                                       \
	{                                                                                          \
		do_ignore, "-"                                                                     \
	}

/* clang-format off */
static const struct handler table[MACHINE_STATES][MACHINE_EVENTS] = {
/*                     START          STOP          RESTART        CLEARED    BLOCKED     SPAWN_FAILED EXEC      READY           EXITED       STOPPING   RELOAD     RELOADING     RELOADED     GONE       TIMEOUT */
[MACHINE_INACTIVE] = { H(start),      NONE,         H(start),      NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        NONE,      NONE },
[MACHINE_WAITING]  = { NONE,          H(rest),      NONE,          H(launch), H(blocked), NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        NONE,      NONE },
[MACHINE_PRE]      = { NONE,          H(stop),      H(restart),    NONE,      NONE,       H(unmade),   NONE,     NONE,           H(prepared), NONE,      NONE,      NONE,         NONE,        NONE,      H(kill) },
[MACHINE_START]    = { NONE,          H(stop),      H(restart),    NONE,      NONE,       H(unmade),   H(exec),  H(ready),       H(ended),    H(leave),  NONE,      NONE,         NONE,        NONE,      H(too_late) },
[MACHINE_RUNNING]  = { NONE,          H(stop),      H(restart),    NONE,      NONE,       NONE,        NONE,     NONE,           H(ended),    H(leave),  H(reload), H(reloading), NONE,        NONE,      H(hung) },
[MACHINE_RELOAD]   = { NONE,          H(stop),      H(restart),    NONE,      NONE,       NONE,        NONE,     H(ready_again), H(ended),    H(leave),  NONE,      H(reloading), H(reloaded), NONE,      H(up_timeout) },
[MACHINE_STOP]     = { H(plan_start), H(plan_stop), H(plan_start), NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        H(settle), H(kill) },
[MACHINE_KILL]     = { H(plan_start), H(plan_stop), H(plan_start), NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        H(settle), H(kill) },
[MACHINE_BACKOFF]  = { H(start),      H(rest),      H(start),      NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        NONE,      H(retry) },
[MACHINE_EXITED]   = { H(start),      H(rest),      H(start),      NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        NONE,      NONE },
[MACHINE_FAILED]   = { H(start),      H(rest),      H(start),      NONE,      NONE,       NONE,        NONE,     NONE,           NONE,        NONE,      NONE,      NONE,         NONE,        NONE,      NONE },
};
/* clang-format on */

void machine_init(struct machine *m, const struct machine_rules *rules, uint32_t seed)
{
	*m = (struct machine){ .rules = rules, .random = seed != 0 ? seed : 1 };
}

unsigned int machine_step(struct machine *m, enum machine_event event,
	const struct machine_exit *exit, uint64_t now_ms)
{
	/* The exit of a process counts unless it was told to stop (and had not said STOPPING=1). */
	if (event == MACHINE_EV_EXITED && !m->ended) {
		m->ended = m->state != MACHINE_PRE || !exit->success;
		if (m->leaving || (m->state != MACHINE_STOP && m->state != MACHINE_KILL))
			m->exit = *exit;
	}
	if (event == MACHINE_EV_RELOADED)
		m->reload.failed = !exit->success;
	return table[m->state][event].run(m, now_ms);
}

bool machine_is_active(const struct machine *m)
{
	switch (m->state) {
	case MACHINE_PRE:
	case MACHINE_START:
	case MACHINE_RUNNING:
	case MACHINE_RELOAD:
	case MACHINE_STOP:
	case MACHINE_KILL:
		return true;
	case MACHINE_INACTIVE:
	case MACHINE_WAITING:
	case MACHINE_BACKOFF:
	case MACHINE_EXITED:
	case MACHINE_FAILED:
	case MACHINE_STATES:
		break;
	}
	return false;
}

bool machine_is_up(const struct machine *m)
{
	return machine_is_ready(m) ||
	       (m->state == MACHINE_EXITED && m->rules->type == MACHINE_ONESHOT);
}

bool machine_exit_is_success(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status) == 0;
	return WTERMSIG(wait_status) == SIGHUP || WTERMSIG(wait_status) == SIGINT ||
	       WTERMSIG(wait_status) == SIGTERM || WTERMSIG(wait_status) == SIGPIPE;
}

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = { "inactive", "waiting", "start-pre", "start", "running",
		"reload", "stop-sigterm", "stop-sigkill", "auto-restart", "exited", "failed" };
	_Static_assert(
		sizeof(names) / sizeof(names[0]) == MACHINE_STATES, "every state has a name");

	return (unsigned int)state < MACHINE_STATES ? names[state] : "unknown";
}

const char *machine_event_name(enum machine_event event)
{
	static const char *const names[] = { "start", "stop", "restart", "cleared", "blocked",
		"spawn failed", "exec", "ready", "exited", "stopping", "reload", "reloading",
		"reloaded", "gone", "timeout" };
	_Static_assert(
		sizeof(names) / sizeof(names[0]) == MACHINE_EVENTS, "every event has a name");

	return (unsigned int)event < MACHINE_EVENTS ? names[event] : "unknown";
}

void machine_print_table(FILE *out)
{
	fprintf(out, "| state |");
	for (int e = 0; e < MACHINE_EVENTS; e++)
		fprintf(out, " %s |", machine_event_name((enum machine_event)e));
	fprintf(out, "\n|---|");
	for (int e = 0; e < MACHINE_EVENTS; e++)
		fprintf(out, "---|");
	for (int s = 0; s < MACHINE_STATES; s++) {
		fprintf(out, "\n| %s |", machine_state_name((enum machine_state)s));
		for (int e = 0; e < MACHINE_EVENTS; e++)
			fprintf(out, " %s |", table[s][e].name);
	}
	fprintf(out, "\n");
}
