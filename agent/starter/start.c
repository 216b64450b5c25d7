/* SPDX-License-Identifier: MIT */
#include "agent/starter/start.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Only CAP_SETPCAP lets capabilities be taken out of the bounding set (capabilities(7)). */
static bool may_drop_bounding(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[0].effective & (1U << CAP_SETPCAP)) != 0;
}

void start_defaults_read(struct start_defaults *d)
{
	char score[16];

	*d = (struct start_defaults){ .bounding = may_drop_bounding() ? 0 : UINT64_MAX };
	getrlimit(RLIMIT_NOFILE, &d->files);
	d->spared = file_read("/proc/self/oom_score_adj", score, sizeof(score), NULL) == 0 &&
		    score[0] == '-';
}

void start_describe(const struct start_defaults *d, const struct start_request *q,
	struct spawn_limit limits[START_LIMITS], struct spawn_request *r)
{
	bool is_root = q->user != NULL && q->user->uid == 0;

	limits[0] = (struct spawn_limit){ RLIMIT_NOFILE, d->files };
	limits[1] = (struct spawn_limit){ RLIMIT_CORE, { 0, 0 } };
	*r = (struct spawn_request){
		.argv = q->argv,
		.envp = q->envp,
		.stdio = { q->stdio[0], q->stdio[1], q->stdio[2] },
		.fds = &q->control_fd,
		.fd_count = q->control_fd > 0,
		.takes_terminal = q->takes_terminal,
		.user = q->user,
		.bounding = is_root ? UINT64_MAX : d->bounding,
		.no_new_privs = !is_root,
		.as_sibling = d->as_sibling,
		.cgroup_fd = q->cgroup_fd,
		.limits = limits,
		.limit_count = q->dumps_no_core ? 2 : 1,
		.directory = q->directory,
		.set_oom_score = d->spared,
	};
}

int start_program(
	const struct start_defaults *d, const struct start_request *q, pid_t *pid, int *report_fd)
{
	struct spawn_limit limits[START_LIMITS];
	struct spawn_request r;

	start_describe(d, q, limits, &r);
	return spawn(&r, pid, report_fd);
}

/* ---- signals --------------------------------------------------------------------------------- */

/* SIGKILL goes to both: the first process may not yet be in the group. */
int start_signal(pid_t pid, int signal)
{
	bool reached = kill(-pid, signal) == 0;

	if (!reached || signal == SIGKILL)
		reached |= kill(pid, signal) == 0;
	return reached ? 0 : -errno;
}

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

pid_t start_stat_number(int proc, const char *pid, int which)
{
	char file[32], text[512], *at;

	buf_format(file, sizeof(file), "%s/stat", pid);
	if (read_small(proc, file, text, sizeof(text)) <= 0)
		return -1;
	at = strrchr(text, ')');
	for (int i = 0; i <= which && at != NULL; i++)
		at = strchr(at + 1, ' ');
	return at != NULL ? (pid_t)strtol(at, NULL, 10) : -1;
}

void start_kill_session(pid_t session)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		uint64_t pid;

		if (number_parse(entry->d_name, INT32_MAX, &pid) == 0 && pid > 1 &&
			start_stat_number(dirfd(proc), entry->d_name, 3) == session)
			kill((pid_t)pid, SIGKILL);
	}
	if (proc != NULL)
		closedir(proc);
}

void start_kill_listed(int cgroup_fd)
{
	char text[4096];
	ssize_t n = read_small(cgroup_fd, "cgroup.procs", text, sizeof(text));

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
