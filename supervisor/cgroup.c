/* SPDX-License-Identifier: MIT */
#include "supervisor/cgroup.h"

#include "base/buf.h"
#include "base/directory.h"
#include "base/file.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT        "/sys/fs/cgroup"
#define GROUPS_DEEP 16 /* of groups below a service's own */

static int write_at(int directory, const char *file, const char *text)
{
	int fd = openat(directory, file, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Read a file of the group, up to `size` - 1 bytes, NUL-terminated. */
static int read_at(int directory, const char *file, char *text, size_t size)
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* Return the number after `key` and a space in a flat keyed file. */
static uint64_t keyed_number(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; *line != '\0';
		line += strcspn(line, "\n"), line += *line == '\n') {
		char digits[24];
		size_t n;
		uint64_t value;

		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		n = strspn(line + len + 1, "0123456789");
		if (n >= sizeof(digits))
			break;
		memcpy(digits, line + len + 1, n);
		digits[n] = '\0';
		if (number_parse(digits, CGROUP_MAX - 1, &value) == 0)
			return value;
	}
	return CGROUP_UNSET;
}

static uint64_t single_number(int fd, const char *file)
{
	char text[32];
	uint64_t value;

	if (read_at(fd, file, text, sizeof(text)) != 0)
		return CGROUP_UNSET;
	text[strcspn(text, "\n")] = '\0';
	return number_parse(text, CGROUP_MAX - 1, &value) == 0 ? value : CGROUP_UNSET;
}

void cgroup_limits_init(struct cgroup_limits *l)
{
	memset(l, 0xff, sizeof(*l));
}

bool cgroup_limits_any(const struct cgroup_limits *l)
{
	_Static_assert(CGROUP_UNSET == UINT64_MAX, "all of its bits are set");

	return (l->memory_max & l->memory_high & l->memory_swap_max & l->cpu_max & l->cpu_weight &
		       l->tasks_max) != CGROUP_UNSET;
}

/* One write for all controllers: each write makes the kernel rebuild every group below. */
static void enable(int fd, unsigned int controllers, const struct reporter *report)
{
	static const char *const names[] = { "+memory", "+cpu", "+pids" };
	char text[32];
	struct buf all = BUF_OVER(text);
	struct problem p;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (controllers >> i & 1)
			buf_printf(&all, "%s ", names[i]);
	if (write_at(fd, "cgroup.subtree_control", text) == 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int err =
			controllers >> i & 1 ? write_at(fd, "cgroup.subtree_control", names[i]) : 0;

		if (err == 0)
			continue;
		problem_set(&p, -err, "cgroup controller %s cannot be used", names[i] + 1);
		problem_report(report, &p);
	}
}

int cgroups_open(const char *name, struct problem *p)
{
	char path[64];
	int fd;

	buf_format(path, sizeof(path), ROOT "/%s", name);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return problem_set(p, errno, "cannot make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? problem_set(p, errno, "cannot open %s", path) : fd;
}

void cgroups_enable(int fd, unsigned int controllers, const struct reporter *report)
{
	int root = fd < 0 ? open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : fd;

	if (root < 0)
		return;
	enable(root, controllers, report);
	if (fd < 0)
		close(root);
}

int cgroup_set_limit(int fd, const char *file, uint64_t value, struct problem *p)
{
	char text[32];
	int err;

	if (value == CGROUP_UNSET)
		return 0;
	if (value == CGROUP_MAX)
		buf_format(text, sizeof(text), "max");
	else
		buf_format(text, sizeof(text), "%llu", (unsigned long long)value);
	err = write_at(fd, file, text);
	return err == 0 ? 0 : problem_set(p, -err, "cannot set %s to %s", file, text);
}

/* Take a limit away that an earlier configuration may have set. */
static void reset_limit(int fd, const char *file, const char *usual)
{
	char text[32];

	if (read_at(fd, file, text, sizeof(text)) != 0)
		return; /* the controller is off: there is no limit */
	text[strcspn(text, " \n")] = '\0';
	if (strcmp(text, usual) != 0)
		(void)write_at(fd, file, usual);
}

/* Set all limits; those that are unset become the kernel's own in a group that `was_there`. */
static int set_limits(int fd, const struct cgroup_limits *l, bool was_there, struct problem *p)
{
	const struct {
		const char *file, *usual;
		uint64_t value;
	} limits[] = {
		{ "memory.max", "max", l->memory_max },
		{ "memory.high", "max", l->memory_high },
		{ "memory.swap.max", "max", l->memory_swap_max },
		/* Otherwise the kernel may kill one process and leave the rest of the service
		 * running. */
		{ "memory.oom.group", "0", l->memory_max < CGROUP_MAX ? 1 : CGROUP_UNSET },
		{ "cpu.max", "max",
			l->cpu_max < CGROUP_MAX ? l->cpu_max * (CGROUP_PERIOD_US / 1000)
						: l->cpu_max },
		{ "cpu.weight", "100", l->cpu_weight },
		{ "pids.max", "max", l->tasks_max },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int err = cgroup_set_limit(fd, limits[i].file, limits[i].value, p);

		/* A kernel without swap has no such file and nothing to limit. */
		if (err != 0 && !(err == -ENOENT && strcmp(limits[i].file, "memory.swap.max") == 0))
			return err;
		if (was_there && limits[i].value == CGROUP_UNSET)
			reset_limit(fd, limits[i].file, limits[i].usual);
	}
	return 0;
}

int cgroup_open(
	int parent_fd, const char *name, const struct cgroup_limits *limits, struct problem *p)
{
	bool was_there = mkdirat(parent_fd, name, 0755) != 0;
	int fd, err;

	if (was_there && errno != EEXIST)
		return problem_set(p, errno, "cannot make the cgroup");
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return problem_set(p, errno, "cannot open the cgroup");
	err = set_limits(fd, limits, was_there, p);
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

int cgroup_remove(int parent_fd, const char *name)
{
	return unlinkat(parent_fd, name, AT_REMOVEDIR) != 0 ? -errno : 0;
}

bool cgroup_is_populated(int fd)
{
	char text[128];

	return read_at(fd, "cgroup.events", text, sizeof(text)) == 0 &&
	       keyed_number(text, "populated") == 1;
}

int cgroup_open_file(int fd, const char *file)
{
	int opened = openat(fd, file, O_RDONLY | O_CLOEXEC);

	return opened < 0 ? -errno : opened;
}

int cgroup_open_events(int fd)
{
	return cgroup_open_file(fd, "cgroup.events");
}

/* Call `act` for every process that is in the group itself. Returns 0 or -errno. */
static int each_process(int fd, void (*act)(pid_t pid, int *arg), int *arg)
{
	int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	size_t kept = 0;
	ssize_t n;

	if (procs < 0)
		return -errno;
	while ((n = read(procs, text + kept, sizeof(text) - kept - 1)) > 0) {
		char *line = text, *end;

		text[kept + (size_t)n] = '\0';
		while ((end = strchr(line, '\n')) != NULL) {
			uint64_t pid;

			*end = '\0';
			if (number_parse(line, INT32_MAX, &pid) == 0 && pid > 1)
				act((pid_t)pid, arg);
			line = end + 1;
		}
		kept = strlen(line);
		memmove(text, line, kept);
	}
	close(procs);
	return 0;
}

/* A walk over a group and those below it, which a service that is root's may have made. */
struct group_walk {
	int fd, depth;
	int (*act)(int fd, void *arg);
	void *arg;
};

static int walk(const struct group_walk *w);

static int walk_entry(void *arg, const char *name)
{
	struct group_walk w = *(const struct group_walk *)arg;

	w.depth++;
	w.fd = openat(w.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w.fd >= 0) {
		walk(&w);
		close(w.fd);
	}
	return 0;
}

/* The number of links of a group's directory tells whether there are any below it. Returns what
 * `act` says of the first group. */
static int walk(const struct group_walk *w)
{
	struct group_walk copy = *w;
	struct stat st;
	int err = w->act(w->fd, w->arg);

	if (w->depth < GROUPS_DEEP && fstat(w->fd, &st) == 0 && st.st_nlink > 2)
		directory_each(w->fd, walk_entry, &copy);
	return err;
}

static int each_group(int fd, int (*act)(int fd, void *arg), void *arg)
{
	return walk(&(struct group_walk){ .fd = fd, .act = act, .arg = arg });
}

static void send_signal(pid_t pid, int *signal)
{
	kill(pid, *signal);
}

static int signal_group(int fd, void *signal)
{
	return each_process(fd, send_signal, signal);
}

int cgroup_signal(int fd, int signal)
{
	return each_group(fd, signal_group, &signal);
}

static int thaw_group(int fd, void *arg)
{
	(void)arg;
	return cgroup_freeze(fd, false);
}

void cgroup_thaw_all(int fd)
{
	each_group(fd, thaw_group, NULL);
}

/* The parent's pid stands behind the name, which may have any character, and the state. */
bool cgroup_is_child_of_init(pid_t pid)
{
	char path[32], text[512];
	const char *end;

	buf_format(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, text, sizeof(text), NULL) != 0)
		return false;
	end = strrchr(text, ')');
	return end != NULL && strlen(end) > 4 && strncmp(end + 4, "1 ", 2) == 0;
}

static void keep_main_pid(pid_t pid, int *found)
{
	if (cgroup_is_child_of_init(pid))
		*found = *found == -ESRCH ? pid : -ENOTUNIQ;
}

static int find_main_pid(int fd, void *found)
{
	return each_process(fd, keep_main_pid, found);
}

int cgroup_main_pid(int fd)
{
	int found = -ESRCH;

	each_group(fd, find_main_pid, &found);
	return found;
}

/* Before Linux 5.14 there is no cgroup.kill: send KILL to all processes until none is left. */
int cgroup_kill(int fd)
{
	int err = write_at(fd, "cgroup.kill", "1");

	for (int round = 0; err == -ENOENT && round < 16 && cgroup_is_populated(fd); round++)
		if (cgroup_signal(fd, SIGKILL) != 0)
			return err;
	return err == -ENOENT ? 0 : err;
}

int cgroup_service_of(pid_t pid, char *name, size_t size)
{
	/* With cgroup v1 groups, their lines come before this one. */
	static const char prefix[] = "0::/services/";
	char path[32], text[1024], *line, *next;
	int err;

	/* Groups below the service's may make the line longer than the text: its beginning will do.
	 */
	buf_format(path, sizeof(path), "/proc/%d/cgroup", pid);
	err = read_at(AT_FDCWD, path, text, sizeof(text));
	if (err != 0)
		return err;
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
			continue;
		line += sizeof(prefix) - 1;
		line[strcspn(line, "/")] = '\0';
		buf_format(name, size, "%s", line);
		return 0;
	}
	return -ENODATA;
}

int cgroup_freeze(int fd, bool frozen)
{
	return write_at(fd, "cgroup.freeze", frozen ? "1" : "0");
}

uint64_t cgroup_oom_kills(int fd)
{
	char text[256];
	uint64_t n;

	if (read_at(fd, "memory.events", text, sizeof(text)) != 0)
		return 0;
	n = keyed_number(text, "oom_kill");
	return n == CGROUP_UNSET ? 0 : n;
}

uint64_t cgroup_unreclaimable(int fd, bool with_directories)
{
	static const char *const reclaimable[] = { "inactive_file", "active_file",
		"slab_reclaimable" };
	uint64_t held = cgroup_memory(fd);
	size_t count = with_directories ? 2 : 3;
	char text[4096];

	if (held == CGROUP_UNSET || read_at(fd, "memory.stat", text, sizeof(text)) != 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t n = keyed_number(text, reclaimable[i]);

		if (n != CGROUP_UNSET)
			held -= n < held ? n : held;
	}
	return held;
}

uint64_t cgroup_memory(int fd)
{
	return single_number(fd, "memory.current");
}

void cgroup_usage(int fd, struct cgroup_usage *out)
{
	char text[512];

	*out = (struct cgroup_usage){ CGROUP_UNSET, CGROUP_UNSET, CGROUP_UNSET };
	out->memory_bytes = cgroup_memory(fd);
	out->tasks = single_number(fd, "pids.current");
	if (read_at(fd, "cpu.stat", text, sizeof(text)) == 0)
		out->cpu_us = keyed_number(text, "usage_usec");
}
