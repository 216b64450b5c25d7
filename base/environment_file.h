/* SPDX-License-Identifier: MIT */
/*
 * The environment of a service for its health check. PID 1 writes it to the file NAME, which only
 * the agent can read: the service's uid in digits, its directory and its variables, each followed
 * by a NUL byte.
 */
#ifndef BASE_ENVIRONMENT_FILE_H
#define BASE_ENVIRONMENT_FILE_H

#define ENVIRONMENT_DIRECTORY "/run/mvm-environment"
#define HEALTH_CHECKS         "/etc/mvm/integrations.d" /* has the checks, NAME.json */

#endif
