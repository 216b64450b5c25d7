/* SPDX-License-Identifier: MIT */
#include "supervisor/service_config.h"

#include <signal.h>
#include <stdlib.h>

void service_config_init(struct service_config *c)
{
	*c = (struct service_config){
		.no_new_privs = true,
		.tier = SYSCALL_TIER_UNRESTRICTED,
		.rules = {
			.restart = MACHINE_RESTART_ALWAYS,
			.pre_start_timeout = 60000,
			.start_timeout = 30000,
			.stop_timeout = 1000,
			.restart_delay = 100,
			.restart_delay_max = 30000,
			.restart_reset = 10000,
			.start_limit_interval = 10000,
		},
		.start_limit_exit_code = 1,
		.log_keep = 3,
	};
	cgroup_limits_init(&c->cgroup);
}

int service_config_signal(int choice)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGABRT,
		SIGKILL, SIGWINCH, SIGPWR };

	return signals[(size_t)choice % (sizeof(signals) / sizeof(signals[0]))];
}

void service_config_free(struct service_config *c)
{
	free(c->command);
	free(c->pre_start);
	free(c->reload_command);
	free(c->user);
	free(c->log_file);
	free(c->working_directory);
	free(c->environment_file);
	strings_free(&c->supplementary_groups);
	strings_free(&c->after);
	strings_free(&c->requires);
	strings_free(&c->env);
	strings_free(&c->sandbox.read_only);
	free(c->limits);
	*c = (struct service_config){ 0 };
}
