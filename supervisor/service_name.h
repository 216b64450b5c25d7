/* SPDX-License-Identifier: MIT */
/* Names of services, and the limits of what a service file may say that others must hold, too. */
#ifndef SUPERVISOR_SERVICE_NAME_H
#define SUPERVISOR_SERVICE_NAME_H

#define SERVICE_NAME_MAX   64 /* bytes, terminator included */
#define COLLECTOR_NAME     "log-collector"
#define COLLECTOR_PATH_MAX 256 /* bytes of a log file's path, terminator included */

/*
 * The name of the service that a file of this name describes: the file name without ".ini", if that
 * is [A-Za-z0-9_.-]{1,63} and does not begin with a dot. Returns 0; -ENOENT for other files, which
 * are none of ours; -EINVAL for a name that no service can have.
 */
int service_name_of_file(const char *file, char name[SERVICE_NAME_MAX]);

#endif
