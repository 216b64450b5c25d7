/* SPDX-License-Identifier: MIT */
#include "init/signals.h"

#include "init/refresh.h"
#include "init/reload.h"
#include "init/shutdown.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

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

static void on_reload(struct guest *g)
{
	reload_services(g);
}

static void on_post_restore(struct guest *g)
{
	if (control_send_event(&g->control, CONTROL_EV_POST_RESTORE) != 0)
		refresh_alone(g);
}

static const struct {
	int signal;
	void (*act)(struct guest *g);
} meanings[] = {
	{ SIGCHLD, on_child },
	{ SIGINT, on_restart }, /* Ctrl-Alt-Del */
	{ SIGTERM, on_restart },
	{ SIGPWR, on_power_off },
	{ SIGHUP, on_reload },
	{ SIGUSR1, on_post_restore },
	{ SIGUSR2, on_power_off },
};

static void on_signal(struct loop_io *io, uint32_t events)
{
	struct guest *g = LOOP_OWNER(io, struct guest, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
			if ((uint32_t)meanings[i].signal == info.ssi_signo)
				meanings[i].act(g);
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
