/* SPDX-License-Identifier: MIT */
/*
 * Services, supervised: what the files say (service_config.h), what the state machine decides
 * (machine.h), carried out with real processes. One struct supervisor in PID 1; everything happens
 * in its event loop.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/index.h"
#include "supervisor/service.h"

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

/* True once every service that the last reload touched has settled. */
bool supervisor_has_reloaded(const struct supervisor *s);

/*
 * Free the services that are removed and down, and give those that are down their changed files.
 * Call this after each pass of the loop, never while an event is handled.
 */
void supervisor_sweep(struct supervisor *s);

/*
 * Add a service that no file describes. `config` is taken over. Returns it, or NULL when there is
 * no memory or the user is unknown (logged).
 */
struct service *supervisor_add(
	struct supervisor *s, const char *name, struct service_config *config);

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
