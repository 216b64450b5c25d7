/* SPDX-License-Identifier: MIT */
/*
 * The life of one service as a pure state machine: machine_step() takes an event and the time,
 * changes the state and returns what to do. It makes no system call, so that tests reach every path
 * with a made-up clock. The table of [state][event] in machine.c is the specification.
 */
#ifndef SUPERVISOR_MACHINE_H
#define SUPERVISOR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The names are those of systemd's sub-states. */
enum machine_state {
	MACHINE_INACTIVE, /* not started, or stopped on request */
	MACHINE_WAITING,  /* waits for the services of `after` and `requires` */
	MACHINE_PRE,      /* pre_start runs */
	MACHINE_START,    /* the process runs, but is not ready yet */
	MACHINE_RUNNING,  /* ready */
	MACHINE_RELOAD,   /* up, and reads its configuration again */
	MACHINE_STOP,     /* TERM was sent; processes are left */
	MACHINE_KILL,     /* KILL was sent; processes may be left */
	MACHINE_BACKOFF,  /* waits for the next automatic start */
	MACHINE_EXITED,   /* ended by itself, successfully, and stays down */
	MACHINE_FAILED,   /* ended or could not start, and stays down */
	MACHINE_STATES,
};

enum machine_event {
	MACHINE_EV_START,        /* start on request */
	MACHINE_EV_STOP,         /* stop on request */
	MACHINE_EV_RESTART,      /* stop, then start, regardless of the restart policy */
	MACHINE_EV_CLEARED,      /* the services of `after` and `requires` let it start */
	MACHINE_EV_BLOCKED,      /* a service of `requires` has failed for good */
	MACHINE_EV_SPAWN_FAILED, /* no process could be made */
	MACHINE_EV_EXEC,         /* the process runs its program */
	MACHINE_EV_READY,        /* the service, or its health check, says that it is ready */
	MACHINE_EV_EXITED,       /* the process (of pre_start or the command) has ended */
	MACHINE_EV_STOPPING,     /* the service says that it is about to end */
	MACHINE_EV_RELOAD,       /* somebody wants it to read its configuration again */
	MACHINE_EV_RELOADING,    /* it says that it does */
	MACHINE_EV_RELOADED,     /* reload_command has ended, or its signal could not be sent */
	MACHINE_EV_GONE,         /* all its processes have ended */
	MACHINE_EV_TIMEOUT,      /* the timer for due_ms has expired */
	MACHINE_EVENTS,
};

/* Actions that machine_step() asks for; a set of bits. */
enum {
	MACHINE_DO_CHECK = 1 << 0,  /* check the order: EV_CLEARED, EV_BLOCKED, or nothing yet */
	MACHINE_DO_PRE = 1 << 1,    /* start pre_start */
	MACHINE_DO_MAIN = 1 << 2,   /* start the command */
	MACHINE_DO_TERM = 1 << 3,   /* send TERM to all processes */
	MACHINE_DO_KILL = 1 << 4,   /* send KILL to all processes */
	MACHINE_DO_LIMIT = 1 << 5,  /* the start limit was hit: do its action */
	MACHINE_DO_ABORT = 1 << 6,  /* send ABRT to all processes: the watchdog has expired */
	MACHINE_DO_RELOAD = 1 << 7, /* send reload_signal, or start reload_command */
	MACHINE_DO_END_RELOAD = 1 << 8, /* kill reload_command */
};

enum machine_restart { MACHINE_RESTART_ALWAYS, MACHINE_RESTART_ON_FAILURE, MACHINE_RESTART_NEVER };
enum machine_type { MACHINE_SIMPLE, MACHINE_ONESHOT, MACHINE_FORKING };
enum machine_ready { MACHINE_READY_STARTED, MACHINE_READY_NOTIFY, MACHINE_READY_HEALTHY };
enum machine_reload_by {
	MACHINE_RELOAD_BY_NOTHING,
	MACHINE_RELOAD_BY_SIGNAL,
	MACHINE_RELOAD_BY_COMMAND
};

#define MACHINE_STARTS_MAX 16 /* largest start_limit that is counted */

/* The rules of the service file. Times in milliseconds. */
struct machine_rules {
	enum machine_restart restart;
	enum machine_type type;
	enum machine_ready ready;
	enum machine_reload_by reload;
	bool has_pre_start;
	uint64_t pre_start_timeout; /* pre_start is killed after this */
	uint64_t start_timeout;     /* readiness must come within this, and a reload end; 0: no
				     * limit */
	uint64_t stop_timeout;      /* from TERM to KILL */
	uint64_t watchdog;          /* longest time between two WATCHDOG=1 when up; 0: none */
	uint64_t restart_delay;     /* before the first automatic start; doubles */
	uint64_t restart_delay_max; /* and doubles no further than this */
	uint64_t restart_reset;   /* failures are cleared after being ready this long (or twice the
				     delay) */
	unsigned int start_limit; /* automatic starts within start_limit_interval; 0: no limit */
	uint64_t start_limit_interval;
};

/* How the process ended, with MACHINE_EV_EXITED. */
struct machine_exit {
	bool success;   /* see machine_exit_is_success() */
	bool permanent; /* trying again cannot help: the program does not exist, ... */
};

/*
 * A reload, in systemd.service(5)'s words of ExecReload= and Type=notify-reload. It is over when
 * the command has ended, and when a service that has said that it reloads has said that it is ready
 * again. A signal to a service with ready = notify has to be followed by both.
 */
struct machine_reload {
	bool runs;      /* reload_command has not ended */
	bool awaits;    /* READY=1 has to come, */
	bool is_told;   /* which counts once RELOADING=1 has come */
	bool failed;    /* reload_command did, or the signal could not be sent */
	bool late;      /* it took longer than start_timeout */
	uint64_t by_ms; /* it has to be over by then; 0: no limit */
};

struct machine {
	const struct machine_rules *rules; /* of the configuration, which outlives the machine */
	bool has_stop_cap;
	uint64_t stop_cap; /* ms; shortens rules->stop_timeout, with `has_stop_cap` */
	enum machine_state state;
	bool wanted;                  /* is to run */
	bool again;                   /* start again after the present stop */
	bool leaving;                 /* the service ends by itself (in STOP and KILL) */
	bool ended;                   /* the process has ended (in STOP and KILL) */
	struct machine_exit exit;     /* how, once `ended` */
	unsigned int failures;        /* automatic starts since it last ran for long */
	unsigned int restarts;        /* automatic starts since boot */
	uint64_t delay;               /* of the latest back-off, ms, before jitter */
	uint64_t entered_ms;          /* when the state was entered */
	uint64_t started_ms;          /* when the process was started */
	uint64_t ready_ms;            /* when it became ready; 0: not in this run */
	uint64_t due_ms;              /* the timer; 0: none */
	uint64_t alive_by_ms;         /* up: the next WATCHDOG=1; 0: never */
	struct machine_reload reload; /* the latest one */
	uint64_t start_times[MACHINE_STARTS_MAX]; /* of the latest automatic starts, a ring */
	unsigned int start_count;
	uint32_t random; /* state of the jitter; any value but 0 */
};

/* Make a machine at rest that points to `rules`. `seed` makes the jitter differ between machines.
 */
void machine_init(struct machine *m, const struct machine_rules *rules, uint32_t seed);

/*
 * Let `event` happen at `now_ms`. Only MACHINE_EV_EXITED and MACHINE_EV_RELOADED use `exit`.
 * Returns the MACHINE_DO_... bits to carry out now. The caller then arms its timer for m->due_ms,
 * or disarms it when that is 0.
 */
unsigned int machine_step(struct machine *m, enum machine_event event,
	const struct machine_exit *exit, uint64_t now_ms);

/* Time from TERM to KILL, in ms: rules->stop_timeout, or less while there is a cap. */
uint64_t machine_stop_timeout(const struct machine *m);

/* Let no stop take longer than `ms`, until has_stop_cap is cleared. */
void machine_cap_stop(struct machine *m, uint64_t ms);

/* WATCHDOG=1 came: the watchdog has its full time again. The caller arms its timer. */
void machine_keep_alive(struct machine *m, uint64_t now_ms);

/*
 * The service was frozen until now, and could neither show that it lives nor end its reload: both
 * have their full time again. The caller arms its timer.
 */
void machine_was_frozen(struct machine *m, uint64_t now_ms);

/*
 * The service asks for `ms` more from `now_ms` on, to start, to reload or to stop. A shutdown's
 * deadline stays. The caller arms its timer.
 */
void machine_extend(struct machine *m, uint64_t ms, uint64_t now_ms);

/* Delay number n (from 1): min(first * 2^(n-1), max), all in ms. */
uint64_t machine_backoff(uint64_t first, uint64_t max, unsigned int n);

/* True if processes of the service exist, starting and stopping ones included. */
bool machine_is_active(const struct machine *m);

/* True if the service is up and has processes: it runs, or reloads. */
bool machine_is_ready(const struct machine *m);

/* True if the service is ready, or is a oneshot that has succeeded: services after it may start. */
bool machine_is_up(const struct machine *m);

/*
 * True if a process with this wait(2) status has succeeded: exit code 0, or one of the signals HUP,
 * INT, TERM and PIPE, as in systemd.service(5).
 */
bool machine_exit_is_success(int wait_status);

/* The state in systemd's words: "running", "auto-restart", ... */
const char *machine_state_name(enum machine_state state);

/* The event in the words of doc/supervision.md: "start", "spawn failed", ... */
const char *machine_event_name(enum machine_event event);

/* Print the table of [state][event] as Markdown. */
void machine_print_table(FILE *out);

#endif
