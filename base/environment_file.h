/* SPDX-License-Identifier: MIT */
/*
 * Where PID 1 leaves the environment of a service that has a health check of its name, for the
 * agent alone to read: the file NAME with the service's uid in digits, its directory, and then its
 * variables, each with a NUL byte at its end.
 */
#ifndef BASE_ENVIRONMENT_FILE_H
#define BASE_ENVIRONMENT_FILE_H

#define ENVIRONMENT_DIRECTORY "/run/mvm-environment"
#define HEALTH_CHECKS         "/etc/mvm/integrations.d" /* where a check NAME.json is looked for */

#endif
