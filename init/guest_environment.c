/* SPDX-License-Identifier: MIT */
#include "init/guest_environment.h"

#include "base/log.h"
#include "base/spawn.h"
#include "supervisor/env_file.h"

#include <errno.h>
#include <unistd.h>

#define ENV_FILE  "/mnt/config/mvm-env.env"
#define CA_BUNDLE "/etc/ssl/certs/ca-bundle.crt"

void guest_environment_read_override(struct guest *g, const struct reporter *report)
{
	struct problem p;
	int err;

	strings_free(&g->supervisor.environment.overrides);
	err = env_file_read(ENV_FILE, &g->supervisor.environment.overrides, report);
	if (err == 0 || err == -ENOENT)
		return;
	problem_set(&p, -err, "cannot read " ENV_FILE);
	problem_report(report, &p);
}

void guest_environment_read(struct guest *g)
{
	struct strings *base = &g->supervisor.environment.base;
	int err = strings_set(base, "PATH", SPAWN_DEFAULT_PATH);

	if (err == 0 && access(CA_BUNDLE, R_OK) == 0)
		err = strings_set(base, "SSL_CERT_FILE", CA_BUNDLE);
	for (size_t i = 0; err == 0 && i < g->settings.env.count; i++)
		err = strings_set_variable(base, g->settings.env.list[i]);
	if (err != 0)
		log_line("environment: %s", problem_errno_text(-err));
	guest_environment_read_override(g, &log_problems);
}
