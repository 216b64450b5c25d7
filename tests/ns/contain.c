/* SPDX-License-Identifier: MIT */
/*
 * Starts a program as PID 1 of namespaces of its own: user, pid, mount, uts, ipc, net and cgroup.
 * Its root is a tmpfs, filled from a tar archive, with what a container's runtime puts there:
 * /proc, /sys, and a /dev with harmless devices only. Being root of its user namespace alone, it
 * can do nothing to the machine.
 *
 *   contain --root DIRECTORY --uids MAP --gids MAP [OPTION...] /PROGRAM [ARGUMENT...] <ARCHIVE.tar
 *
 *   --root DIRECTORY   an empty directory, where the root is mounted while it is made
 *   --uids, --gids     "INSIDE OUTSIDE COUNT [INSIDE OUTSIDE COUNT...]"
 *   --console PATH     the device that becomes /dev/console and the standard descriptors
 *   --bind DIRECTORY   is in the root, too, under the same name
 *   --read-only yes    the root is writable only in /dev and the bound DIRECTORYs
 *   --cgroup DIRECTORY a cgroup-v2 group, which the program sees as the root group
 *
 * Prints "pid N" when the program runs, and exits like the program: with its exit code, or 128
 * plus the signal. In a pid namespace reboot(2) ends the program by a signal (SIGHUP or SIGINT).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BINDS_MAX 8
#define FLAGS                                                                                      \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)

static struct {
	const char *root, *uids, *gids, *console, *cgroup, *read_only;
	const char *binds[BINDS_MAX];
	int bind_count;
	char **command;
} options;

static void check(bool good, const char *what, const char *which)
{
	if (good)
		return;
	fprintf(stderr, "contain: %s %s: %s\n", what, which, strerror(errno));
	_exit(125);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write", path);
	close(fd);
}

static const char *in_root(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof full, "%s%s", options.root, path);
	return full;
}

static void make_directories(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof part, "%.*s", (int)i, path);
		check(mkdir(in_root(part), 0755) == 0 || errno == EEXIST, "mkdir", part);
	}
}

static void run(char *const *command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(command[0], command);
		check(false, "exec", command[0]);
	}
	check(waitpid(pid, &status, 0) == pid && status == 0, "run", command[0]);
}

/* ---- the root -------------------------------------------------------------------------------- */

static void bind_file(const char *from, const char *to)
{
	int fd = open(in_root(to), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	check(fd >= 0, "create", to);
	close(fd);
	check(mount(from, in_root(to), NULL, MS_BIND, NULL) == 0, "bind", from);
}

static void make_devices(void)
{
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom" };

	make_directories("/dev");
	check(mount("dev", in_root("/dev"), "tmpfs", MS_NOSUID, "mode=0755") == 0, "mount", "/dev");
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		bind_file(devices[i], devices[i]);
	if (options.console)
		bind_file(options.console, "/dev/console");
	make_directories("/dev/pts");
	make_directories("/dev/shm");
}

static void make_root(void)
{
	char *const unpack[] = { "tar", "-x", "-p", "--same-owner", "-C", (char *)options.root,
		"-f", "-", NULL };

	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private", "/");
	check(mount("root", options.root, "tmpfs", 0, "mode=0755") == 0, "mount", options.root);
	run(unpack);
	make_devices();
	for (int i = 0; i < options.bind_count; i++) {
		make_directories(options.binds[i]);
		check(mount(options.binds[i], in_root(options.binds[i]), NULL, MS_BIND, NULL) == 0,
			"bind", options.binds[i]);
	}
}

/* ---- PID 1 ----------------------------------------------------------------------------------- */

/* The kernel allows new mounts of /proc and /sys only while complete ones are visible. */
static void mount_kernels_own(void)
{
	const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	make_directories("/proc");
	check(mount("proc", in_root("/proc"), "proc", safe, NULL) == 0, "mount", "/proc");
	make_directories("/sys");
	check(mount("sysfs", in_root("/sys"), "sysfs", safe, NULL) == 0, "mount", "/sys");
}

static void change_root(void)
{
	check(chdir(options.root) == 0, "chdir", options.root);
	check(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root", options.root);
	check(umount2(".", MNT_DETACH) == 0, "unmount", "the old root");
	check(chdir("/") == 0, "chdir", "/");
	if (options.read_only)
		check(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0,
			"read-only", "/");
}

static void open_descriptors(void)
{
	int fd = open(options.console ? "/dev/console" : "/dev/null", O_RDWR | O_NOCTTY);

	check(fd >= 0, "open", "the console");
	for (int i = 0; i < 3; i++)
		if (options.console || i == 0)
			check(dup2(fd, i) == i, "dup", "the console");
	check(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0, "close", "descriptors");
}

static void become_pid_1(void)
{
	check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "pdeathsig", "");
	mount_kernels_own();
	change_root();
	check(setsid() > 0, "setsid", "");
	umask(022);
	open_descriptors();
	execv(options.command[0], options.command);
	check(false, "exec", options.command[0]);
}

/* ---- outside --------------------------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0) == pid, "wait", "for the program");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs in the new user namespace, as its root once the parent has written the maps. */
static int inside(int told, int tell)
{
	int running[2];
	char byte;
	pid_t pid;

	check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "pdeathsig", "");
	if (options.cgroup) {
		char path[PATH_MAX];

		snprintf(path, sizeof path, "%s/cgroup.procs", options.cgroup);
		write_file(path, "0");
	}
	check(unshare(FLAGS) == 0, "unshare", "");
	check(write(tell, "x", 1) == 1 && read(told, &byte, 1) == 1, "wait", "for the maps");
	check(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0, "become", "root");
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a change of identity clears it */
	make_root();
	check(pipe2(running, O_CLOEXEC) == 0 && unshare(CLONE_NEWPID) == 0, "unshare", "pid");
	pid = fork();
	check(pid >= 0, "fork", "");
	if (pid == 0)
		become_pid_1();
	close(running[1]);
	(void)!read(running[0], &byte, 1);
	printf("pid %d\n", pid);
	fflush(stdout);
	return wait_for(pid);
}

/* newuidmap(1) may do it for users who have ranges in /etc/subuid; root does it by itself. */
static void write_map(pid_t pid, const char *file, const char *program, const char *map)
{
	char path[64], number[16], copy[256], text[256] = "";
	char *words[32] = { (char *)program, number };
	int count = 2;

	errno = EINVAL;
	check(strlen(map) < sizeof copy / 2, "map", map);
	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	snprintf(number, sizeof number, "%d", pid);
	snprintf(copy, sizeof copy, "%s", map);
	for (char *word = strtok(copy, " "); word && count < 31; word = strtok(NULL, " ")) {
		words[count++] = word;
		strcat(strcat(text, word), count % 3 == 2 ? "\n" : " ");
	}
	if (geteuid() == 0)
		write_file(path, text);
	else
		run(words);
}

static void parse(int argc, char **argv)
{
	const struct {
		const char *name;
		const char **value;
	} names[] = { { "--root", &options.root }, { "--uids", &options.uids },
		{ "--gids", &options.gids }, { "--console", &options.console },
		{ "--cgroup", &options.cgroup }, { "--read-only", &options.read_only } };
	int i = 1;

	errno = EINVAL;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		bool known = strcmp(argv[i], "--bind") == 0 && options.bind_count < BINDS_MAX;

		if (known)
			options.binds[options.bind_count++] = argv[i + 1];
		for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
			if (strcmp(argv[i], names[n].name) != 0)
				continue;
			*names[n].value = argv[i + 1];
			known = true;
		}
		check(known, "option", argv[i]);
	}
	options.command = argv + i;
	check(i < argc && options.root && options.uids && options.gids, "options", "missing");
}

int main(int argc, char **argv)
{
	int up[2], down[2];
	char byte;
	pid_t pid;

	parse(argc, argv);
	check(pipe2(up, O_CLOEXEC) == 0 && pipe2(down, O_CLOEXEC) == 0, "pipe", "");
	pid = fork();
	check(pid >= 0, "fork", "");
	if (pid == 0)
		return inside(down[0], up[1]);
	close(up[1]);
	check(read(up[0], &byte, 1) == 1, "wait", "for namespaces");
	write_map(pid, "uid_map", "newuidmap", options.uids);
	write_map(pid, "gid_map", "newgidmap", options.gids);
	check(write(down[1], "x", 1) == 1, "tell", "the child");
	return wait_for(pid);
}
