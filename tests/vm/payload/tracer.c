/* SPDX-License-Identifier: MIT */
/*
 * Looks at processes of ours, and makes them call the kernel, by ptrace(2); run as root.
 *
 *   tracer status COMM...            prints "COMM FIELD VALUE" of /proc/PID/status, of each process
 *   tracer call COMM CALL...         has the process make calls that it would not make by itself
 *
 * CALL is one of the table's; what comes of it is printed as "COMM CALL: ERRNO", "ok", or "refused"
 * when a filter sends SIGSYS. x86-64 only.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_BYTES 2 /* the instruction's length */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* The processes whose name in /proc/PID/comm this is. Returns how many. */
static size_t find(const char *comm, pid_t *pids, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (proc != NULL && count < max && (entry = readdir(proc)) != NULL) {
		char path[300], name[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fgets(name, sizeof(name), f) != NULL)
			name[strcspn(name, "\n")] = '\0';
		fclose(f);
		if (strcmp(name, comm) == 0)
			pids[count++] = atoi(entry->d_name);
	}
	if (proc != NULL)
		closedir(proc);
	return count;
}

/* ---- status ---------------------------------------------------------------------------------- */

static void print_status(const char *comm, pid_t pid)
{
	static const char *const fields[] = { "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd",
		"CapAmb", "NoNewPrivs", "Seccomp" };
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			size_t n = strlen(fields[i]);

			if (strncmp(line, fields[i], n) == 0 && line[n] == ':')
				printf("%s %s %s", comm, fields[i], line + n + 2);
		}
	if (f != NULL)
		fclose(f);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const struct call {
	const char *name;
	long number, args[6];
} calls[] = {
	{ "getpid", SYS_getpid, { 0 } },
	{ "socket-vsock", SYS_socket, { AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC } },
	{ "socket-unix", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "socket-netlink", SYS_socket, { AF_NETLINK, SOCK_RAW } },
	{ "socket-packet", SYS_socket, { AF_PACKET, SOCK_RAW } },
	{ "map-data", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "map-code", SYS_mmap,
		{ 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "execve", SYS_execve, { 0 } },
	{ "fork", SYS_fork, { 0 } },
	{ "clone", SYS_clone, { SIGCHLD } },
	{ "clone3", SYS_clone3, { 0 } },
	{ "kill", SYS_kill, { 1, 0 } },
	{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, 1 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
	{ "pidfd_open", SYS_pidfd_open, { 1 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "setgroups", SYS_setgroups, { 0 } },
	{ "capset", SYS_capset, { 0 } },
	{ "mount", SYS_mount, { 0 } },
	{ "unshare", SYS_unshare, { 0 } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0 } },
	{ "reboot", SYS_reboot, { 0 } },
	{ "ioctl-type", SYS_ioctl, { 0, 0x5412 /* TIOCSTI */ } },
	{ "symlink", SYS_symlink, { 0 } },
	{ "x32-getpid", SYS_getpid | 0x40000000, { 0 } },
};

static int wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		fail("waitpid");
	return WSTOPSIG(status);
}

/* True if a signal of a step, or of a filter, is still to come: proc_pid_status(5), SigPnd. */
static int is_pending(pid_t pid)
{
	const unsigned long synchronous = 1UL << (SIGSYS - 1) | 1UL << (SIGTRAP - 1);
	unsigned long set = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "SigPnd:", 7) == 0)
			set = strtoul(line + 7, NULL, 16);
	if (f != NULL)
		fclose(f);
	return (set & synchronous) != 0;
}

/* The process waits in epoll_wait(2), which a stop ends with EINTR. */
static void make_call(const char *comm, pid_t pid, const struct call *c)
{
	struct user_regs_struct before, r;
	int refused;
	long result;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0)
		fail("PTRACE_ATTACH");
	wait_stop(pid);
	if (ptrace(PTRACE_GETREGS, pid, 0, &before) != 0)
		fail("PTRACE_GETREGS");
	r = before;
	r.rip -= SYSCALL_BYTES;
	r.rax = (unsigned long)c->number;
	r.orig_rax = (unsigned long)-1;
	r.rdi = (unsigned long)c->args[0];
	r.rsi = (unsigned long)c->args[1];
	r.rdx = (unsigned long)c->args[2];
	r.r10 = (unsigned long)c->args[3];
	r.r8 = (unsigned long)c->args[4];
	r.r9 = (unsigned long)c->args[5];
	ptrace(PTRACE_SETREGS, pid, 0, &r);
	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	refused = wait_stop(pid) == SIGSYS;
	ptrace(PTRACE_GETREGS, pid, 0, &r);
	result = (long)r.rax;
	ptrace(PTRACE_SETREGS, pid, 0, &before);
	while (is_pending(pid)) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		refused |= wait_stop(pid) == SIGSYS;
		ptrace(PTRACE_SETREGS, pid, 0, &before);
	}
	if (refused)
		printf("%s %s: refused\n", comm, c->name);
	else if (result < 0 && result > -4096)
		printf("%s %s: %s\n", comm, c->name, strerror((int)-result));
	else
		printf("%s %s: ok\n", comm, c->name);
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void call_by_name(const char *comm, pid_t pid, const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(name, "all") == 0 || strcmp(calls[i].name, name) == 0)
			make_call(comm, pid, &calls[i]);
}

int main(int argc, char **argv)
{
	pid_t pids[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && strcmp(argv[1], "status") == 0)
		for (int i = 2; i < argc; i++) {
			size_t n = find(argv[i], pids, 16);

			printf("%s processes %zu\n", argv[i], n);
			while (n > 0)
				print_status(argv[i], pids[--n]);
		}
	else if (argc > 3 && strcmp(argv[1], "call") == 0 && find(argv[2], pids, 16) == 1)
		for (int i = 3; i < argc; i++)
			call_by_name(argv[2], pids[0], argv[i]);
	else
		return 2;
	printf("tracer: done\n");
	return 0;
}
