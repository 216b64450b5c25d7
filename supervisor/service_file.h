/* SPDX-License-Identifier: MIT */
/* Reading a service file (mvm-service(5)) into a struct service_config. */
#ifndef SUPERVISOR_SERVICE_FILE_H
#define SUPERVISOR_SERVICE_FILE_H

#include "supervisor/service_config.h"

#include <stdio.h>

/*
 * Set one key of one section ("service" or "env"). `seen` has a bit for each key of
 * service_keys.c that was set before. Returns 0, or -errno with `p`: unknown section or key, bad
 * value, key set twice.
 */
int service_config_set(struct service_config *c, uint64_t *seen, const char *section,
	const char *key, const char *value, struct problem *p);

/*
 * Read a service file, `directory` as for ini_file_read(). Every bad line is told to `report`, and
 * the first of them is in `p`, too. Returns 0 or -errno; then `c` is not to be used, but must be
 * freed.
 */
int service_config_read(int directory, const char *path, struct service_config *c,
	const struct reporter *report, struct problem *p);

/* Print the names of the keys of [service], a line each. */
void service_keys_print_names(FILE *out);

#endif
