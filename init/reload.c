/* SPDX-License-Identifier: MIT */
#include "init/reload.h"

#include "base/log.h"
#include "supervisor/account_cache.h"

#include <errno.h>

void reload_accounts(struct guest *g)
{
	struct accounts *a = &g->supervisor.accounts;
	struct problem p;
	int err;

	accounts_free(a);
	account_cache_forget(g->supervisor.known_accounts);
	err = accounts_load(a, "/etc/passwd", "/etc/group", &p);
	if (err != 0)
		log_problem(&p);
	g->accounts_are_unread = err != 0;
}

int reload_services(struct guest *g)
{
	const struct reload *r = &g->supervisor.reload;
	int bad;

	if (g->shutdown.begun)
		return -ESHUTDOWN;
	if (g->accounts_are_unread)
		reload_accounts(g);
	bad = supervisor_reload(&g->supervisor, SERVICES_DIR);
	if (bad < 0)
		log_line("cannot read " SERVICES_DIR ": %s", problem_errno_text(-bad));
	else
		log_line("read " SERVICES_DIR " again: %zu started, %zu stopped, %zu restarted, "
			 "%zu unchanged, %zu bad",
			r->started, r->stopped, r->restarted, r->unchanged, r->bad.count);
	control_send_event(&g->control, CONTROL_EV_RELOAD);
	return bad < 0 ? bad : 0;
}
