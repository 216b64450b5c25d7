/* SPDX-License-Identifier: MIT */
#include "init/signals.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "init/refresh.h"
#include "init/reload.h"
#include "init/shutdown.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SENDER_NAME_MAX 32

static void on_child(struct guest *g)
{
	supervisor_reap(&g->supervisor);
}

static void on_restart(struct guest *g)
{
	shutdown_begin(g, POWER_RESTART);
}

static void on_power_off(struct guest *g)
{
	shutdown_begin(g, POWER_OFF);
}

static void on_halt(struct guest *g)
{
	shutdown_begin(g, POWER_HALT);
}

static void on_reload(struct guest *g)
{
	reload_services(g);
}

static void on_post_restore(struct guest *g)
{
	if (control_send_event(&g->control, CONTROL_EV_POST_RESTORE) != 0)
		refresh_alone(g);
}

/* By enum power_action. */
static void (*const ends[POWER_ACTIONS])(struct guest *g) = { on_restart, on_power_off, on_halt };

/*
 * mvm's own guests take USR1 for "restored from a snapshot", but busybox's halt sends it, too. The
 * name of the sender decides; of one that has ended, what is likely.
 */
static const struct meaning {
	int signal;
	const char *name;
	void (*act)(struct guest *g);
	const char *what; /* for the log; NULL: the action logs itself */
} meanings[] = {
	{ SIGCHLD, "SIGCHLD", on_child, NULL },
	{ SIGINT, "SIGINT", on_restart, "restarting" }, /* Ctrl-Alt-Del */
	{ SIGTERM, "SIGTERM", on_restart, "restarting" },
	{ SIGPWR, "SIGPWR", on_power_off, "powering off" },
	{ SIGHUP, "SIGHUP", on_reload, NULL },
	{ SIGUSR1, "SIGUSR1", on_post_restore, "post-restore" },
	{ SIGUSR2, "SIGUSR2", on_power_off, "powering off" },
};

static void keep_base_name(const char *path, char name[SENDER_NAME_MAX])
{
	const char *slash = strrchr(path, '/');

	buf_format(name, SENDER_NAME_MAX, "%s", slash != NULL ? slash + 1 : path);
	name[strcspn(name, "\n")] = '\0';
}

/*
 * Find the name of a signal's sender: its argument 0, or the applet's name for busybox. A process
 * that has ended has only the name in /proc/PID/comm; one that was reaped has none ("").
 */
static void name_sender(uint32_t pid, char name[SENDER_NAME_MAX])
{
	char path[32], text[256];
	size_t len = 0;

	name[0] = '\0';
	buf_format(path, sizeof(path), "/proc/%u/cmdline", pid);
	if (file_read(path, text, sizeof(text), &len) == 0 && len > 0) {
		keep_base_name(text, name);
		if (strcmp(name, "busybox") == 0 && strlen(text) + 1 < len)
			keep_base_name(text + strlen(text) + 1, name);
		return;
	}
	buf_format(path, sizeof(path), "/proc/%u/comm", pid);
	if (file_read(path, text, sizeof(text), NULL) == 0)
		keep_base_name(text, name);
}

/* Act on a signal. Log it if a process of the guest sent it, not the keyboard or the host (pid 0).
 */
static void take_signal(struct guest *g, const struct meaning *m, uint32_t pid)
{
	const char *what = m->what;
	void (*act)(struct guest * g) = m->act;
	char name[SENDER_NAME_MAX];
	int action;

	if (what != NULL && pid != 0) {
		name_sender(pid, name);
		action = name[0] != '\0' ? power_action_of(name)
					 : power_action_likely(m->signal, g->was_prepared);
		if (action >= 0) {
			what = power_commands[action].what;
			act = ends[action];
		}
		log_line("%s from process %u (%s): %s", m->name, pid,
			name[0] != '\0' ? name : "it has ended", what);
	}
	act(g);
}

static void on_signal(struct loop_io *io, uint32_t events)
{
	struct guest *g = LOOP_OWNER(io, struct guest, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
			if ((uint32_t)meanings[i].signal == info.ssi_signo)
				take_signal(g, &meanings[i], info.ssi_pid);
}

int signals_open(struct guest *g)
{
	sigset_t all, wanted;

	sigfillset(&all);
	sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		sigaddset(&wanted, meanings[i].signal);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return -errno;
	return loop_add_signals(&g->loop, &g->signals, &wanted, on_signal);
}
