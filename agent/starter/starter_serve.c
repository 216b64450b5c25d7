/* SPDX-License-Identifier: MIT */
#include "agent/agent_options.h"
#include "agent/requests/policy.h"
#include "agent/starter/start.h"
#include "agent/starter/start_thread.h"
#include "agent/starter/starter_call.h"
#include "agent/starter/terminal.h"
#include "base/buf.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct serving {
	int fd;
	const struct options *options;
	const char *policy; /* path */
	struct start_defaults defaults;
	struct start_thread thread;
	struct accounts accounts; /* read when the first user is looked up */
	bool has_accounts;
	/* The call; its text, words and descriptors, also if it is not about a program. */
	struct starter_call call;
	struct start_order *order, orders[2]; /* the thread may have the other one */
};

/* ---- users ----------------------------------------------------------------------------------- */

static int find_user(struct serving *s, const char *name, struct account *out)
{
	struct problem ignored;

	if (!s->has_accounts)
		accounts_load(&s->accounts, "/etc/passwd", "/etc/group", &ignored);
	s->has_accounts = true;
	return accounts_find_user(&s->accounts, name, out, &ignored);
}

/* True if the security policy or the image names root as the user of a host's programs. */
static bool allows_root(struct serving *s)
{
	struct options o = *s->options;
	struct policy policy;
	struct account named;
	struct problem ignored;
	const char *name;

	if (options_read_config(&o, &ignored) != 0)
		return false;
	policy_read(s->policy,
		&(struct policy_defaults){
			.dev = o.dev, .has_drive = o.config_drive != NULL, .user = o.dev_user },
		&policy);
	name = policy.user[0] != '\0' ? policy.user : o.check_user;
	return name != NULL && find_user(s, name, &named) == 0 && named.uid == 0;
}

/* "" means the agent's own user, without the capabilities. Returns 0 or -errno. */
static int take_user(struct serving *s, const char *name, struct account *out)
{
	char number[16];
	int err;

	if (name[0] == '\0') {
		buf_format(number, sizeof(number), "%u", (unsigned int)geteuid());
		name = number;
	}
	err = find_user(s, name, out);
	if (err == 0 && out->uid == 0 && !allows_root(s))
		err = -EPERM;
	return err;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* Cut `count` words off the text. Returns the rest, or NULL if the text has fewer words. */
static char *take_words(char *at, const char *end, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (at >= end)
			return NULL;
		words[i] = at;
		at += strlen(at) + 1;
	}
	return at;
}

/* Read the call into its order. Returns 0 or -errno. */
static int read_order(struct serving *s)
{
	struct start_order *order = s->order;
	const struct starter_call *call = &s->call;
	char *end = order->text + call->text_len, *head[2];
	char **argv = order->words, **envp = order->words + call->argc + 1;
	char *at = take_words(order->text, end, head, 2);
	int err;

	at = at != NULL ? take_words(at, end, argv, call->argc) : NULL;
	at = at != NULL ? take_words(at, end, envp, call->envc) : NULL;
	if (at == NULL || at != end || call->argc == 0)
		return -EINVAL;
	argv[call->argc] = envp[call->envc] = NULL;
	order->request = (struct start_request){ .argv = argv,
		.envp = envp,
		.stdio = { order->fds[0], order->fds[1], order->fds[2] },
		.control_fd = call->has_control ? order->fds[3] : 0,
		.cgroup_fd = call->has_cgroup ? order->fds[3 + (call->has_control != 0)] : -1,
		.takes_terminal = call->takes_terminal,
		.dumps_no_core = call->dumps_no_core,
		.directory = head[1][0] != '\0' ? head[1] : NULL };
	/* An agent without capabilities starts everything as itself. */
	if (head[0][0] != '\0' || s->defaults.bounding == 0) {
		err = take_user(s, head[0], &order->user);
		if (err != 0)
			return err;
		order->request.user = &order->user;
	}
	return 0;
}

int starter_answer(int fd, uint32_t id, int error, pid_t pid, const int *fds, size_t fd_count)
{
	struct starter_answer a = { .id = id, .error = error, .pid = pid };
	int err = starter_send(fd, &a, sizeof(a), NULL, 0, fds, error == 0 ? fd_count : 0);

	for (size_t i = 0; i < fd_count && error == 0; i++)
		close(fds[i]);
	return err;
}

static int answer(const struct serving *s, int error, pid_t pid, const int *fds, size_t fd_count)
{
	return starter_answer(s->fd, s->call.id, error, pid, fds, fd_count);
}

static int serve_program(struct serving *s)
{
	size_t fds = 3 + (s->call.has_control != 0) + (s->call.has_cgroup != 0);
	size_t words = (size_t)s->call.argc + s->call.envc + 2;
	int err = s->order->fd_count < fds ? -EMFILE : words > STARTER_TEXT_MAX ? -EINVAL : 0;

	if (err == 0)
		err = read_order(s);
	if (err != 0)
		return answer(s, err, 0, NULL, 0);
	s->order->call_id = s->call.id;
	if (!start_thread_take(&s->thread, s->order))
		return start_order_copy(s->fd, &s->defaults, s->order);
	s->order = s->order == &s->orders[0] ? &s->orders[1] : &s->orders[0];
	return 0;
}

/* ---- other calls ----------------------------------------------------------------------------- */

/* True if `pid` is a child of the agent, but not this process. */
static bool is_child(pid_t pid)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char number[16];
	bool is;

	buf_format(number, sizeof(number), "%d", (int)pid);
	is = pid > 1 && pid != getpid() && start_stat_number(proc, number, 1) == getppid();
	if (proc >= 0)
		close(proc);
	return is;
}

static int serve_signal(struct serving *s)
{
	int err = is_child(s->call.pid) ? start_signal(s->call.pid, s->call.signal) : -ESRCH;

	return answer(s, err, 0, NULL, 0);
}

/* The session's first process may have ended long ago. Refuse the sessions of PID 1 and the agent.
 */
static int serve_session(struct serving *s)
{
	if (s->call.pid > 1 && s->call.pid != getsid(0))
		start_kill_session(s->call.pid);
	return 0;
}

static int serve_listed(struct serving *s)
{
	const struct start_order *order = s->order;

	if (order->fd_count == 1 && faccessat(order->fds[0], "cgroup.kill", F_OK, 0) != 0)
		start_kill_listed(order->fds[0]);
	return 0;
}

static int serve_terminal(struct serving *s)
{
	struct account user;
	struct terminal t = { .master = -1, .slave = -1 };
	struct problem ignored;
	int err = s->call.text_len > 0 ? take_user(s, s->order->text, &user) : -EINVAL;

	if (err == 0)
		err = terminal_open(&t, user.uid, s->call.cols, s->call.rows, &ignored);
	return answer(s, err, 0, (const int[]){ t.master, t.slave }, 2);
}

static int serve_reload(struct serving *s)
{
	accounts_free(&s->accounts);
	s->has_accounts = false;
	return 0;
}

static int (*const verbs[STARTER_VERBS])(struct serving *s) = {
	[STARTER_PROGRAM] = serve_program,
	[STARTER_SIGNAL] = serve_signal,
	[STARTER_SESSION] = serve_session,
	[STARTER_LISTED] = serve_listed,
	[STARTER_TERMINAL] = serve_terminal,
	[STARTER_RELOAD] = serve_reload,
};

/* ---- serving --------------------------------------------------------------------------------- */

/* The text has a NUL byte at its end. Returns 0 or -errno. */
static int take_text(struct serving *s)
{
	const struct starter_call *call = &s->call;
	size_t len = call->text_len, words = (size_t)call->argc + call->envc + 2, ignored;
	int err;

	if (len > STARTER_TEXT_MAX)
		return -EMSGSIZE;
	err = start_order_room(s->order, len, words <= STARTER_TEXT_MAX ? words : 0);
	if (err != 0 || len == 0)
		return err;
	err = starter_receive(s->fd, s->order->text, len, NULL, 0, &ignored);
	return err == 0 && s->order->text[len - 1] != '\0' ? -EINVAL : err;
}

/* Serve one call. Returns 0, or -errno if the agent has ended or the call is malformed. */
static int serve(struct serving *s)
{
	struct start_order *order = s->order;
	int err = starter_receive(
		s->fd, &s->call, sizeof(s->call), order->fds, STARTER_FDS_MAX, &order->fd_count);

	if (err != 0)
		return err;
	err = take_text(s);
	if (err == 0)
		err = s->call.verb < STARTER_VERBS ? verbs[s->call.verb](s) : -EINVAL;
	if (order == s->order) /* not the thread's */
		start_order_clear(order);
	return err;
}

/* The starter ends with the agent, and keeps none of the agent's sockets open. */
void starter_serve(
	int fd, const struct options *o, const char *policy, const struct start_defaults *d)
{
	static struct serving s;
	const int not_its[] = { o->listen_fd, o->later_listen_fd, o->control_fd };
	sigset_t all;

	s = (struct serving){ .fd = fd, .options = o, .policy = policy, .defaults = *d };
	s.defaults.as_sibling = true;
	s.order = &s.orders[0];
	start_thread_init(&s.thread, fd, &s.defaults);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "mvm-starter");
	for (size_t i = 0; i < sizeof(not_its) / sizeof(not_its[0]); i++)
		if (not_its[i] > STDERR_FILENO)
			close(not_its[i]);
	while (serve(&s) == 0)
		;
	spawn_end_child();
}
