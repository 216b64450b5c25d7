/* SPDX-License-Identifier: MIT */
#include "agent/checks/job_group.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

int job_group_open_parent(void)
{
	char text[512], path[sizeof(ROOT) + sizeof(text)], *line, *end;
	struct statfs fs;
	int fd, err = file_read("/proc/self/cgroup", text, sizeof(text), NULL);

	if (err != 0)
		return err;
	/* cgroup-v2's line is "0::PATH". */
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	line = line != NULL ? strchr(line, '/') : NULL;
	end = line != NULL ? strchr(line, '\n') : NULL;
	if (end == NULL)
		return -ENOENT;
	*end = '\0';
	buf_format(path, sizeof(path), ROOT "%s", line);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* cgroup version 1 may have a directory of this path, too. */
	if (fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	close(fd);
	return -ENOENT;
}

int job_group_open(struct job_group *g, int parent, const char *kind, uint32_t id)
{
	*g = (struct job_group){ .fd = -1, .parent = parent };
	if (parent < 0)
		return -ENOENT;
	buf_format(g->name, sizeof(g->name), "%s-%u", kind, id);
	/* The group of an earlier agent is empty: its jobs ended with that agent. */
	if (mkdirat(parent, g->name, 0755) != 0 &&
		(errno != EEXIST || unlinkat(parent, g->name, AT_REMOVEDIR) != 0 ||
			mkdirat(parent, g->name, 0755) != 0))
		return -errno;
	g->fd = openat(parent, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return g->fd < 0 ? -errno : 0;
}

static bool write_kill(int group)
{
	int fd = openat(group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

void job_group_kill(const struct job_group *g, const struct starter *starter, pid_t session)
{
	if (g->fd < 0)
		starter_kill_session(starter, session);
	else if (!write_kill(g->fd))
		starter_kill_listed(starter, g->fd); /* before Linux 5.14 */
}

void job_group_close(struct job_group *g)
{
	if (g->events_fd > 0)
		close(g->events_fd);
	close(g->fd);
	*g = (struct job_group){ .fd = -1 };
}

/*
 * cgroup-v2.rst: "populated" counts the processes below it, too. A job that ran as root or as the
 * agent's user may have left it frozen, or groups below it (kernfs counts them as links).
 */
bool job_group_is_empty(struct job_group *g)
{
	struct stat status;
	char text[128];
	ssize_t n;

	if (g->fd >= 0 && g->events_fd == 0) {
		g->events_fd = openat(g->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
		if (g->events_fd < 0)
			g->events_fd = 0;
	}
	if (g->fd < 0 || g->events_fd == 0)
		return false;
	n = pread(g->events_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "populated 0") != NULL && strstr(text, "frozen 1") == NULL &&
	       fstat(g->fd, &status) == 0 && status.st_nlink <= 2;
}

bool job_group_remove(struct job_group *g)
{
	if (g->fd < 0)
		return true;
	if (unlinkat(g->parent, g->name, AT_REMOVEDIR) != 0 && errno == EBUSY)
		return false;
	job_group_close(g);
	return true;
}
