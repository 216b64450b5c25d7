/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: takes services from their files (service_config.h) and carries out the decisions
 * of the state machine (machine.h) with real processes. PID 1 has one struct supervisor; everything
 * happens in its event loop.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/index.h"
#include "supervisor/service.h"

/*
 * Prepare an empty supervisor on `loop`. The caller then fills `environment` and `default_user`.
 * Returns 0 or -errno.
 */
int supervisor_init(struct supervisor *s, struct loop *loop);

/*
 * Read every NAME.ini in `directory`, and keep the services in the order of their names. A file
 * with errors makes a failed service with the reason, and each error is logged. A directory that
 * does not exist has no services. Returns the number of services that cannot run, or -errno.
 */
int supervisor_load(struct supervisor *s, const char *directory);

/* The same with the directory open as `fd`; `directory` is its name in messages. */
int supervisor_load_from(struct supervisor *s, int fd, const char *directory);

/*
 * Read the files again. Services with a new file start, those with a changed file restart, those
 * whose file was removed stop, and the others are not touched. A file that has become bad is
 * logged, and its service keeps the previous configuration. s->reload has the result. Returns as
 * supervisor_load().
 */
int supervisor_reload(struct supervisor *s, const char *directory);

/* True once every service that the last reload touched has settled. */
bool supervisor_has_reloaded(const struct supervisor *s);

/*
 * Free removed services that have stopped, and apply changed files to services that have stopped.
 * Call this after each pass of the loop, never while an event is handled.
 */
void supervisor_sweep(struct supervisor *s);

/*
 * Add a built-in service, which has no file. It owns `config` from then on. An unknown user is
 * logged, and the service cannot run. Returns the service, or NULL when there is no memory.
 */
struct service *supervisor_add(
	struct supervisor *s, const char *name, struct service_config *config);

/*
 * Note that a service is to run, unless it has a schedule. Do so for all services before the first
 * begins: a service that starts after another must know that the other will start.
 */
void supervisor_want(struct service *v);

/* Start one service, or arm its schedule. */
void supervisor_begin(struct service *v);

/* How many services have files; with `runnable`, only those whose files have no errors. */
size_t supervisor_count(const struct supervisor *s, bool runnable);

/* Start every service that can run: those with files, or the built-in ones. */
void supervisor_start_all(struct supervisor *s, bool built_in);

/*
 * Stop every service, the built-in ones only with `built_in`: in parallel, but a service that
 * starts after another stops before it. Processes that still run after `timeout_ms` are killed. No
 * service starts from then on.
 */
void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms);

/* During a stop of all services, stop this one once no active service starts after it. */
void supervisor_stop_next(struct service *v);

/* Start a service that waits for others, or for supervisor_release(), if it may start now. */
void supervisor_reconsider(struct service *v);

/*
 * Stop all services but the built-in ones, each with at most `timeout_ms` from TERM to KILL, and
 * let none start until supervisor_release(). Services that had ended for good before stay down.
 */
void supervisor_hold(struct supervisor *s, uint64_t timeout_ms);
void supervisor_release(struct supervisor *s);

/* True if no service is starting or stopping. */
bool supervisor_has_settled(const struct supervisor *s);

/* Freeze or thaw the processes of all services but the built-in ones. Returns 0 or the first
 * -errno. */
int supervisor_freeze(struct supervisor *s, bool frozen);

/*
 * The health check of a service has passed or failed. The first pass makes a service with ready =
 * healthy ready; unhealthy_restart_after failures in a row restart it. `begun_ms` is when the check
 * began, in clock_ms(). Returns 0, or -ESTALE when that was before the present process started: the
 * result is about an earlier one, and is ignored.
 */
int supervisor_health(struct service *v, bool healthy, uint64_t begun_ms);

/* True if any service has processes. With `built_in` false, built-in services do not count. */
bool supervisor_is_active(const struct supervisor *s, bool built_in);

/* Let an event happen to one service, and carry out the consequences. */
void supervisor_event(
	struct service *service, enum machine_event event, const struct machine_exit *exit);

/* Reap every child that has ended. The only place in PID 1 that waits for children. */
void supervisor_reap(struct supervisor *s);

#endif
