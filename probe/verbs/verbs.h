/* SPDX-License-Identifier: MIT */
/* The functions of the verbs. Each asks, prints, and returns the exit status. */
#ifndef PROBE_VERBS_VERBS_H
#define PROBE_VERBS_VERBS_H

#include "probe/verbs/options.h"

int verb_ping(const struct options *o);
int verb_status(const struct options *o);
int verb_wait(const struct options *o);
int verb_sleep_prep(const struct options *o);
int verb_wake(const struct options *o);
int verb_post_restore(const struct options *o);
int verb_checkpoint(const struct options *o);
int verb_exec(const struct options *o);
int verb_cat(const struct options *o);
int verb_ls(const struct options *o);
int verb_cp(const struct options *o);
int verb_diff(const struct options *o);
int verb_run(const struct options *o);
int verb_shell(const struct options *o);
int verb_forward(const struct options *o);
int verb_hello(const struct options *o);
int verb_services(const struct options *o);
int verb_top(const struct options *o);
int verb_logs(const struct options *o);
int verb_boot(const struct options *o);
int verb_snapshot(const struct options *o);
int verb_restore(const struct options *o);
int verb_metrics(const struct options *o);
int verb_exporter(const struct options *o);
int verb_inspect(const struct options *o);
int verb_doctor(const struct options *o);
int verb_completion(const struct options *o);
int verb_events(const struct options *o);
int verb_reload(const struct options *o);
int verb_reload_service(const struct options *o); /* of one with a service */
int verb_restart(const struct options *o);
int verb_shutdown(const struct options *o);

#endif
