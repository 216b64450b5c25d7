/* SPDX-License-Identifier: MIT */
#include "agent/requests/entrypoint.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Read the single path that the marker file contains. */
static int read_marker(const char *marker, char path[PATH_MAX], struct problem *p)
{
	size_t len = 0;
	int err = file_read(marker, path, PATH_MAX, &len);

	if (err != 0)
		return problem_set(p, -err, "%s", marker);
	while (len > 0 && strchr(" \t\r\n", path[len - 1]) != NULL)
		path[--len] = '\0';
	if (path[0] != '/' || strlen(path) < len || strpbrk(path, " \t\r\n") != NULL)
		return problem_set_text(p, EINVAL, "%s does not hold one absolute path", marker);
	return 0;
}

static int check_program(const char *path, struct problem *p)
{
	struct stat st, usr;

	if (strncmp(path, ENTRYPOINT_DIRECTORY, strlen(ENTRYPOINT_DIRECTORY)) != 0)
		return problem_set_text(p, EACCES, "%s is not below " ENTRYPOINT_DIRECTORY, path);
	if (stat(path, &st) != 0 || stat("/usr", &usr) != 0)
		return problem_set(p, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_gid != 0 ||
		(st.st_mode & 07777) != 0755 || st.st_dev != usr.st_dev)
		return problem_set_text(p, EACCES,
			"%s must be a regular file owned by root, of mode 0755, on the file system "
			"of /usr",
			path);
	return 0;
}

void entrypoint_find(const char *marker, struct entrypoint *e)
{
	char path[PATH_MAX];

	*e = (struct entrypoint){ 0 };
	if (read_marker(marker, path, &e->reason) != 0)
		return;
	e->exists = true;
	if (realpath(path, e->path) == NULL)
		problem_set(&e->reason, errno, "%s", path);
	else
		e->is_valid = check_program(e->path, &e->reason) == 0;
}

static void write_status(struct buf *b, const void *arg)
{
	const struct entrypoint *e = arg;
	struct entrypoint_status s = { .ok = e->is_valid,
		.path = e->path[0] != '\0' ? (char *)e->path : NULL,
		.detail = e->is_valid ? NULL : (char *)e->reason.text };

	message_encode(b, ANSWER_ENTRYPOINT_STATUS, &s);
}

void entrypoint_status(struct agent *a, struct connection *c, struct request *r)
{
	struct entrypoint e;

	(void)r;
	entrypoint_find(a->paths.entrypoint, &e);
	connection_reply(c, write_status, &e);
}
