/* SPDX-License-Identifier: MIT */
/* Names of services, and limits of a service file that other modules share. */
#ifndef SUPERVISOR_SERVICE_NAME_H
#define SUPERVISOR_SERVICE_NAME_H

#define SERVICE_NAME_MAX   64 /* bytes, terminator included */
#define COLLECTOR_NAME     "log-collector"
#define COLLECTOR_PATH_MAX 256 /* bytes of a log file's path, terminator included */

/*
 * Get the service's name from its file's name: the name without ".ini", if that is
 * [A-Za-z0-9_.-]{1,63} and does not begin with a dot. Returns 0; -ENOENT for files that are not
 * service files; -EINVAL for a name that no service can have.
 */
int service_name_of_file(const char *file, char name[SERVICE_NAME_MAX]);

#endif
