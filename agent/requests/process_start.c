/* SPDX-License-Identifier: MIT */
#include "agent/requests/guest_policy.h"
#include "agent/requests/processes.h"

#include <stdlib.h>
#include <string.h>

/* ---- ProcStart ------------------------------------------------------------------------------- */

static void starting_gone(struct pending *w)
{
	struct process *v = LOOP_OWNER(w, struct process, starting);

	/* The client went away without the token, so nobody could use the process. */
	job_kill(&v->job);
}

static void starting_abandoned(struct pending *w)
{
	(void)w; /* processes_close() */
}

/* The environment for execve(2), in one piece of memory; NULL with `why`. */
static char **make_environment(const struct field_list *env, const char **why)
{
	const struct field_pair *pairs = env->items;
	size_t text = 0;
	char **list, *at, *end;

	*why = "out of memory";
	for (size_t i = 0; i < env->count; i++) {
		if (pairs[i].name[0] == '\0' || strchr(pairs[i].name, '=') != NULL) {
			*why = "env has a name that is empty or contains '='";
			return NULL;
		}
		text += strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
	}
	list = malloc((env->count + 1) * sizeof(*list) + text + 1);
	if (list == NULL)
		return NULL;
	at = (char *)(list + env->count + 1);
	end = at + text + 1;
	for (size_t i = 0; i < env->count; i++) {
		list[i] = at;
		at += buf_format(at, (size_t)(end - at), "%s=%s", pairs[i].name, pairs[i].value) +
		      1;
	}
	list[env->count] = NULL;
	return list;
}

static char **make_argv(const struct field_list *argv)
{
	char **list = malloc((argv->count + 1) * sizeof(*list));

	if (list == NULL)
		return NULL;
	memcpy(list, argv->items, argv->count * sizeof(*list));
	list[argv->count] = NULL;
	return list;
}

/* Start the process as the policy's user. Returns 0, or -errno with `p`. */
static int run(struct process *v, const struct proc_start_request *r, char *const *argv,
	char *const *envp, struct problem *p)
{
	struct agent *a = v->agent;
	struct job_spec spec = { .argv = argv,
		.envp = envp,
		.directory = r->cwd,
		.is_streamed = true,
		.has_group = true,
		.kill_rest = true,
		.timeout_ms = !r->has_timeout ? 0
			      : r->timeout_secs < PROCESS_TIMEOUT_MAX_S
				      ? r->timeout_secs * 1000
				      : PROCESS_TIMEOUT_MAX_S * 1000 };
	struct identity id;
	int err = guest_policy_identity(a, r->user, &id, p);

	if (err != 0)
		return err;
	spec.user = id.user;
	err = job_start(&v->job, &spec);
	identity_free(&id);
	return err != 0 ? problem_set(p, -err, "cannot start a process") : 0;
}

static size_t count_running(const struct agent *a)
{
	size_t n = 0;

	for (const struct process *v = a->processes; v != NULL; v = v->next)
		n += !v->has_ended;
	return n;
}

/* Make room for one more by dropping the process that ended first. */
static bool make_room(struct agent *a)
{
	struct process *oldest = NULL;

	if (count_running(a) >= PROCESSES_MAX)
		return false;
	for (struct process *v = a->processes; v != NULL; v = v->next)
		if (v->has_ended && v->waits == NULL)
			oldest = v; /* the list starts with the newest */
	if (a->process_count >= PROCESSES_KEPT_MAX && oldest != NULL)
		process_forget(oldest);
	return a->process_count < PROCESSES_KEPT_MAX;
}

static void start(struct agent *a, struct connection *c, struct proc_start_request *r,
	char *const *argv, char *const *envp)
{
	struct process *v = make_room(a) ? process_new(a, argv[0]) : NULL;
	struct problem p;

	if (v == NULL) {
		process_reply_error(c, PROC_CAP_EXCEEDED, "too many processes are running (32)");
		return;
	}
	if (run(v, r, argv, envp, &p) != 0) {
		process_forget(v);
		process_reply_error(c, PROC_SPAWN_FAILED, p.text);
		return;
	}
	v->input = r->stdin_bytes.data;
	v->input_len = r->stdin_bytes.len;
	r->stdin_bytes = (struct field_bytes){ 0 };
	v->is_starting = true;
	v->starting.gone = starting_gone;
	v->starting.abandon = starting_abandoned;
	pending_begin(&v->starting, a, c);
	process_feed(v);
}

void proc_start(struct agent *a, struct connection *c, struct request *r)
{
	struct proc_start_request *s = &r->body.proc_start;
	const char *why = NULL;
	char **argv, **envp;

	if (s->argv.count == 0 || ((char **)s->argv.items)[0][0] != '/') {
		process_reply_error(c, PROC_INVALID_ARGV, "argv[0] must be an absolute path");
		return;
	}
	if (s->cwd != NULL && s->cwd[0] != '/') {
		process_reply_error(c, PROC_BAD_CWD, "cwd must be an absolute path");
		return;
	}
	argv = make_argv(&s->argv);
	envp = make_environment(&s->env, &why);
	if (argv == NULL)
		process_reply_error(c, PROC_OTHER, "out of memory");
	else if (envp == NULL)
		process_reply_error(c, PROC_INVALID_ENV, why);
	else
		start(a, c, s, argv, envp);
	free(argv);
	free(envp);
}
