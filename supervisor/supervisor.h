/* SPDX-License-Identifier: MIT */
/*
 * Services, supervised: what the files say (service_config.h), what the state machine decides
 * (machine.h), carried out with real processes. One struct supervisor in PID 1; everything happens
 * in its event loop.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "base/account.h"
#include "base/loop.h"
#include "base/spawn.h"
#include "supervisor/collector_link.h"
#include "supervisor/events.h"
#include "supervisor/index.h"
#include "supervisor/machine.h"
#include "supervisor/service_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUPERVISOR_FILES_MAX 524288 /* where nothing speaks against it */

struct supervisor;

struct service {
	struct supervisor *owner;
	struct service *next; /* in the order of the names */
	struct index_entry index;
	char name[SERVICE_NAME_MAX];
	struct service_config config;
	struct machine machine;
	struct service_config
		*next_config; /* of its changed file, until the old process has gone */
	bool in_directory, is_new, removed; /* while the files are read again; to be freed */
	bool reloaded;                      /* the latest reload has started or stopped it */
	const struct account *account;      /* who it runs as; owned by the supervisor */
	struct strings file_environment;    /* of environment_file */
	char *problem;                      /* why it cannot run, or NULL */
	unsigned int unhealthy;             /* failed health checks in a row while it runs */
	unsigned int mark;                  /* for order_check() */
	const int *fds; /* descriptors that it gets as 3, 4, ...; set by the owner of the service */
	size_t fd_count;
	/* For its owner: called before and after each start of the command; may be NULL. */
	void (*starting)(struct service *v);
	void (*started)(struct service *v);
	bool built_in;     /* not from a file: the agent */
	pid_t pid;         /* of pre_start or the command; 0: no process */
	pid_t ended_pid;   /* of the latest process that has ended */
	int start_error;   /* errno value of the latest process that could not be made */
	bool in_pre_start; /* the latest process is or was pre_start */
	struct loop_io
		report; /* the pipe on which the child says why it could not run its program */
	struct loop_timer timer;
	struct loop_timer schedule; /* on_boot_delay and on_interval */
	struct output output;
	int cgroup_fd; /* directory of its cgroup; -1: none, its process group has to do */
	struct loop_io cgroup_events; /* while something of it is waited for to vanish */
	bool cgroup_killed;           /* by cgroup_kill(), or of an older file: to be made anew
				       * before the next start */
	uint64_t cpu_before_us;       /* of the groups that were made anew */
	uint64_t oom_kills_before;    /* likewise */
	uint64_t oom_kills;           /* all of them at the latest end */
	bool out_of_memory;           /* the latest end was one of these */
	struct spawn_failure failure; /* of the latest start, when `failed_to_run` */
	bool failed_to_run;
	const char *start_problem; /* while the machine is told that no process was made: why */
	int last_status;           /* wait(2) status of the latest end, when `has_ended` */
	bool has_ended;
	uint64_t ran_ms; /* how long the latest process ran, when `has_ended` */
};

/* What the latest supervisor_reload() has found. */
struct reload {
	unsigned int number;                           /* of reloads since boot */
	size_t started, stopped, restarted, unchanged; /* services */
	struct strings bad;                            /* what is wrong with files, a text each */
};

struct supervisor {
	struct loop *loop;
	struct events *events; /* where changes of state are kept; NULL: nowhere */
	struct reload reload;
	bool to_sweep; /* a service's file has gone: supervisor_sweep() has work */
	struct accounts accounts;
	struct account_entry *known_accounts; /* those that services use */
	struct strings base_environment;      /* PATH, SSL_CERT_FILE, init.ini's [env] */
	struct strings override_environment;  /* /mnt/config/mvm-env.env */
	char default_user[ACCOUNT_NAME_MAX];  /* the service group's user */
	int null_fd;                          /* /dev/null, for standard input */
	rlim_t files_max;                     /* the services' hard limit of open files */
	bool controllers;                     /* of the cgroups are on */
	int cgroups_fd; /* directory of the services' cgroups; -1: there are none */
	struct collector_link collector;
	struct loop_io notify; /* where services say that they are ready */
	bool held;             /* nothing but built-in services starts: supervisor_hold() */
	bool stop_built_in;    /* the built-in ones, too */
	struct loop_timer stop_timer;
	uint64_t stop_by_ms; /* everything is stopping and has to be down by then; 0: not so */
	struct service *services;
	struct service *newest; /* which was put into that list last; or NULL */
	struct index index;
	/* Told after every change of state; may be NULL. */
	void (*changed)(struct supervisor *s, struct service *service);
	/* A service has hit its start limit, and its start_limit_action is not "none". */
	void (*start_limit_hit)(struct supervisor *s, struct service *service);
};

/*
 * Prepare an empty supervisor on `loop`; base_environment, override_environment and default_user
 * are the caller's to fill. Returns 0 or -errno.
 */
int supervisor_init(struct supervisor *s, struct loop *loop);

/*
 * Read every NAME.ini in `directory`, in the order of the names. A file with errors makes a failed
 * service with its reason, and the others go on; each error is logged. A directory that is not
 * there has no services. Returns the number of services that cannot run, or -errno.
 */
int supervisor_load(struct supervisor *s, const char *directory);

/*
 * Read the files again: new services start, those whose file has gone stop, those whose file has
 * changed restart, and the others are not touched. A file that has become bad is logged, and its
 * service goes on as it is. s->reload says what was found. Returns as supervisor_load().
 */
int supervisor_reload(struct supervisor *s, const char *directory);

/* Is none of the services that the latest reload has started or stopped on its way any more? */
bool supervisor_has_reloaded(const struct supervisor *s);

/* Free the services whose file has gone and of which nothing is left. Not to be called while an
 * event is handled. */
void supervisor_sweep(struct supervisor *s);

/*
 * Add a service that no file describes. `config` is taken over. Returns it, or NULL when there is
 * no memory or the user is unknown (logged).
 */
struct service *supervisor_add(
	struct supervisor *s, const char *name, struct service_config *config);

/* The service of that name, or NULL. */
struct service *supervisor_find(struct supervisor *s, const char *name);

/*
 * Note that a service is to run, unless it has a schedule. Before the first of several begins, all
 * of them are noted: what comes after another must know that it will come.
 */
void supervisor_want(struct service *v);

/* Start one service, or arm its schedule. */
void supervisor_begin(struct service *v);

/* How many services have files; with `runnable`, only those whose files have no errors. */
size_t supervisor_count(const struct supervisor *s, bool runnable);

/* Start every service that can run: those of files, or the built-in ones. */
void supervisor_start_all(struct supervisor *s, bool built_in);

/*
 * Stop every service, the built-in ones only with `built_in`: in parallel, but what starts behind
 * another stops before it. Whatever is still there `timeout_ms` from now gets its KILL. Nothing
 * starts any more.
 */
void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms);

/* Stop a service when everything is stopping and nothing active starts behind it any more. */
void supervisor_stop_next(struct service *v);

/* See whether a service that waits for others, or for supervisor_release(), may start now. */
void supervisor_reconsider(struct service *v);

/*
 * Stop all services but the built-in ones, each with at most `timeout_ms` from TERM to KILL, and
 * hold them, and whatever else would start, until supervisor_release(). What had ended for good
 * before stays so.
 */
void supervisor_hold(struct supervisor *s, uint64_t timeout_ms);
void supervisor_release(struct supervisor *s);

/* Is no service on its way up or down any more? */
bool supervisor_has_settled(const struct supervisor *s);

/* Freeze or thaw the processes of all services but the built-in ones. Returns 0 or the first
 * -errno. */
int supervisor_freeze(struct supervisor *s, bool frozen);

/*
 * The health check of a service has passed or failed: the first one that passes makes a service
 * with ready = healthy ready, and unhealthy_restart_after failures in a row restart it.
 */
void supervisor_health(struct service *v, bool healthy);

/* Is any service's process there? With `built_in` false, built-in ones do not count. */
bool supervisor_is_active(const struct supervisor *s, bool built_in);

/* Let an event happen to one service, and do what follows from it. */
void supervisor_event(
	struct service *service, enum machine_event event, const struct machine_exit *exit);

/* Reap every child that has ended. The only place in PID 1 that waits for children. */
void supervisor_reap(struct supervisor *s);

#endif
