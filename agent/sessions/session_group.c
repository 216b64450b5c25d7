/* SPDX-License-Identifier: MIT */
#include "agent/sessions/session_group.h"

#include "base/buf.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

/* Read a small file, NUL-terminated. Returns its length or -errno. */
static ssize_t read_small(int directory, const char *file, char *text, size_t size)
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	int err = -errno;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? err : n;
}

/* The agent's own cgroup, from the line "0::PATH" of /proc/self/cgroup (cgroups(7)). */
static int own_path(char *path, size_t size)
{
	char text[512], *line, *end;
	ssize_t n = read_small(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));

	if (n < 0)
		return (int)n;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (line == NULL)
		return -ENOENT;
	line = strchr(line, '/');
	end = line != NULL ? strchr(line, '\n') : NULL;
	if (end == NULL)
		return -ENOENT;
	*end = '\0';
	return buf_format(path, size, ROOT "%s", line) < size - 32 ? 0 : -ENAMETOOLONG;
}

int session_group_open(struct session_group *g, const char *kind, uint32_t id, struct problem *p)
{
	char own[sizeof(g->path)];
	int err = own_path(own, sizeof(own));

	g->fd = -1;
	if (err != 0)
		return problem_set(p, -err, "the agent's cgroup");
	buf_format(g->path, sizeof(g->path), "%s/%s-%u", own, kind, id);
	/* A cgroup left by an earlier agent is empty, because its sessions ended with it. */
	if (rmdir(g->path) != 0 && errno != ENOENT)
		return problem_set(p, errno, "%s", g->path);
	if (mkdir(g->path, 0755) != 0)
		return problem_set(p, errno, "%s", g->path);
	g->fd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return g->fd < 0 ? problem_set(p, errno, "%s", g->path) : 0;
}

/* ---- killing --------------------------------------------------------------------------------- */

/* For kernels before 5.14, which have no cgroup.kill. */
static void kill_listed(int group)
{
	char text[4096];
	ssize_t n = read_small(group, "cgroup.procs", text, sizeof(text));

	for (char *line = text; n > 0 && *line != '\0';) {
		size_t len = strcspn(line, "\n");
		char *next = line + len + (line[len] == '\n');
		uint64_t pid;

		line[len] = '\0';
		if (number_parse(line, INT32_MAX, &pid) == 0 && pid > 1)
			kill((pid_t)pid, SIGKILL);
		line = next;
	}
}

static bool write_kill(int group)
{
	int fd = openat(group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* The session of a process: the fourth field after the name in proc_pid_stat(5). */
static pid_t session_of(int proc, const char *pid)
{
	char file[32], text[512], *at;

	buf_format(file, sizeof(file), "%s/stat", pid);
	if (read_small(proc, file, text, sizeof(text)) <= 0)
		return -1;
	at = strrchr(text, ')');
	for (int i = 0; i < 4 && at != NULL; i++)
		at = strchr(at + 1, ' ');
	return at != NULL ? (pid_t)strtol(at, NULL, 10) : -1;
}

static void kill_session(pid_t session)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		uint64_t pid;

		if (number_parse(entry->d_name, INT32_MAX, &pid) == 0 && pid > 1 &&
			session_of(dirfd(proc), entry->d_name) == session)
			kill((pid_t)pid, SIGKILL);
	}
	if (proc != NULL)
		closedir(proc);
}

void session_group_kill(const struct session_group *g, pid_t session)
{
	if (g->fd < 0)
		kill_session(session);
	else if (!write_kill(g->fd))
		kill_listed(g->fd);
}

bool session_group_remove(struct session_group *g)
{
	if (g->fd < 0)
		return true;
	if (rmdir(g->path) != 0 && errno == EBUSY)
		return false;
	close(g->fd);
	g->fd = -1;
	return true;
}
