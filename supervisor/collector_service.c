/* SPDX-License-Identifier: MIT */
#include "supervisor/collector_service.h"

#include "supervisor/collector_link.h"
#include "supervisor/collector_protocol.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#define CAPABILITY(n) ((uint64_t)1 << (n))

/* The collector opens log files in any directory and for any owner. It keeps only the capabilities
 * for that. */
int collector_add(struct supervisor *s)
{
	struct service_config config;
	struct problem p;
	struct service *v;
	int err = collector_link_init(s);

	if (err != 0)
		return err;
	service_config_init(&config);
	config.ambient =
		CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_FOWNER);
	config.capabilities_set = true;
	/* While there is no collector, services with full pipes stand still. */
	config.rules.restart_delay_max = 1000;
	config.user = strdup("0");
	if (config.user == NULL ||
		command_parse("/proc/self/exe " COLLECTOR_OPTION, &config.command, &p) != 0)
		return -ENOMEM;
	v = supervisor_add(s, COLLECTOR_NAME, &config);
	if (v == NULL)
		return -ENOMEM;
	s->collector.service = v;
	s->collector.fds[0] = s->null_fd;
	s->collector.fds[1] = s->collector.rings;
	v->hooks.fds = s->collector.fds;
	v->hooks.fd_count = 2;
	v->hooks.starting = collector_link_open;
	v->hooks.started = collector_link_opened;
	return 0;
}
