/* SPDX-License-Identifier: MIT */
/* The variables that every service gets. */
#ifndef INIT_GUEST_ENVIRONMENT_H
#define INIT_GUEST_ENVIRONMENT_H

#include "init/guest.h"

/*
 * Set the base environment: PATH, SSL_CERT_FILE if the image has the certificates, [env] of
 * init.ini. Then read /mnt/config/mvm-env.env. Failures are logged.
 */
void guest_environment_read(struct guest *g);

/* Read /mnt/config/mvm-env.env again, and drop the variables that it gave before. */
void guest_environment_read_override(struct guest *g, const struct reporter *report);

#endif
