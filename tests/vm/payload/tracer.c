/* SPDX-License-Identifier: MIT */
/*
 * Looks at processes of ours, and makes them call the kernel, by ptrace(2); run as root.
 *
 *   tracer status COMM...            prints "COMM FIELD VALUE" of /proc/PID/status, of each process
 *   tracer call COMM CALL...         has the process make calls that it would not make by itself
 *   tracer open COMM PATH...         has the process open files to read them, and "+PATH" to write
 *                                    a file that is made for it
 *   tracer fail EVERY COMM           each EVERYth of its calls fails, and those of the next of that
 *                                    name when it has ended
 *   tracer boot EVERY FIRST PROGRAM  becomes PROGRAM, whose calls fail so from the FIRSTth on
 *
 * CALL is one of the table's; what comes of it is printed as "COMM CALL: ERRNO", "ok", or "refused"
 * when a filter sends SIGSYS. Calls fail with each plausible errno of a second table once, and
 * never twice with the same; what was tried is printed at the end, or on SIGTERM.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- registers ------------------------------------------------------------------------------- */

/* CALL_CODE is the instruction that calls the kernel, CALL_BYTES its length. OLD(name): the number
 * of a call that newer architectures do without. */
#if defined(__x86_64__)
#define CALL_BYTES 2
#define CALL_CODE  0x050f
#define CALL_MASK  0xffff
#define OLD(name)  SYS_##name

#define AT(r)     ((r)->rip)
#define STACK(r)  ((r)->rsp)
#define RESULT(r) ((r)->rax)

static unsigned long number_of(const struct user_regs_struct *r)
{
	return r->orig_rax;
}

static void prepare_call(struct user_regs_struct *r, long number, const long *args)
{
	r->rax = (unsigned long)number;
	r->orig_rax = (unsigned long)-1;
	r->rdi = (unsigned long)args[0];
	r->rsi = (unsigned long)args[1];
	r->rdx = (unsigned long)args[2];
	r->r10 = (unsigned long)args[3];
	r->r8 = (unsigned long)args[4];
	r->r9 = (unsigned long)args[5];
}
#elif defined(__aarch64__)
#define CALL_BYTES 4
#define CALL_CODE  0xd4000001
#define CALL_MASK  0xffffffff
#define OLD(name)  (-1)

#define AT(r)     ((r)->pc)
#define STACK(r)  ((r)->sp)
#define RESULT(r) ((r)->regs[0])

static unsigned long number_of(const struct user_regs_struct *r)
{
	return r->regs[8];
}

static void prepare_call(struct user_regs_struct *r, long number, const long *args)
{
	r->regs[8] = (unsigned long)number;
	for (int i = 0; i < 6; i++)
		r->regs[i] = (unsigned long)args[i];
}
#endif

static int get_registers(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	return (int)ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v);
}

static void set_registers(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v);
}

/* At its entry: have another system call done. */
static void replace_call(pid_t pid, struct user_regs_struct *r, int number)
{
#ifdef __aarch64__
	struct iovec v = { &number, sizeof(number) };

	(void)r;
	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &v);
#else
	r->orig_rax = (unsigned long)number;
	set_registers(pid, r);
#endif
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
#ifdef SYS_fork
	{ "fork", SYS_fork, { 0 } },
#endif
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
	{ "symlinkat", SYS_symlinkat, { 0 } },
#ifdef __x86_64__
	{ "symlink", SYS_symlink, { 0 } },
	{ "x32-getpid", SYS_getpid | 0x40000000, { 0 } },
#endif
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

#define PATH_ROOM 256

/* Put a text below what the process uses of its stack. Returns its address there. */
static unsigned long put_text(pid_t pid, unsigned long stack, const char *text)
{
	unsigned long at = (stack - 4 * PATH_ROOM) & ~15UL;
	long words[PATH_ROOM / sizeof(long)] = { 0 };

	strncpy((char *)words, text, sizeof(words) - 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (ptrace(PTRACE_POKEDATA, pid, at + i * sizeof(long), words[i]) != 0)
			fail("PTRACE_POKEDATA");
	return at;
}

static int is_call(pid_t pid, unsigned long at)
{
	return (ptrace(PTRACE_PEEKTEXT, pid, at, 0) & CALL_MASK) == CALL_CODE;
}

/*
 * Stop the process in a system call, where it waits most of the time. Returns the address of the
 * instruction: the process is behind it or, when the kernel will begin the call again, before it.
 */
static unsigned long stop_in_call(pid_t pid, struct user_regs_struct *at)
{
	for (;;) {
		if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0)
			fail("PTRACE_ATTACH");
		wait_stop(pid);
		if (get_registers(pid, at) != 0)
			fail("PTRACE_GETREGSET");
		if (is_call(pid, AT(at) - CALL_BYTES))
			return AT(at) - CALL_BYTES;
		if (is_call(pid, AT(at)))
			return AT(at);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		usleep(1000);
	}
}

/* The process waits in epoll_wait(2), which a stop ends with EINTR. `path`: the second argument. */
static void make_call(const char *comm, pid_t pid, const struct call *c, const char *path)
{
	struct user_regs_struct before, r;
	unsigned long instruction = stop_in_call(pid, &before);
	long args[6], result;
	int refused;

	r = before;
	memcpy(args, c->args, sizeof(args));
	if (path != NULL)
		args[1] = (long)put_text(pid, STACK(&before), path);
	AT(&r) = instruction;
	prepare_call(&r, c->number, args);
	set_registers(pid, &r);
	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	refused = wait_stop(pid) == SIGSYS;
	get_registers(pid, &r);
	result = (long)RESULT(&r);
	set_registers(pid, &before);
	while (is_pending(pid)) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		refused |= wait_stop(pid) == SIGSYS;
		set_registers(pid, &before);
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
			make_call(comm, pid, &calls[i], NULL);
}

static void open_file(const char *comm, pid_t pid, const char *path)
{
	struct call c = { path, SYS_openat, { AT_FDCWD, 0, O_RDONLY | O_CLOEXEC } };

	if (*path == '+')
		c.args[2] = O_WRONLY | O_CREAT | O_CLOEXEC;
	make_call(comm, pid, &c, path + (*path == '+'));
}

/* ---- faults ---------------------------------------------------------------------------------- */

#define NUMBERS    512
#define ERRORS_MAX 5

/* What may go wrong by the manual pages, section 2. */
static const struct fault {
	long numbers[16];
	int errors[ERRORS_MAX];
} faults[] = {
	{ { OLD(open), SYS_openat, 437 /* openat2 */ }, { EMFILE, ENFILE, ENOMEM, EACCES, EIO } },
	{ { SYS_socket, SYS_socketpair, SYS_pipe2, SYS_epoll_create1, SYS_eventfd2, SYS_signalfd4,
		  SYS_timerfd_create, SYS_dup, OLD(dup2), SYS_dup3, SYS_memfd_create, 434 },
		{ EMFILE, ENFILE, ENOMEM } },
	{ { SYS_accept, SYS_accept4 }, { EMFILE, ENFILE, ENOMEM, ECONNABORTED, EINTR } },
	{ { SYS_read, SYS_readv, SYS_pread64 }, { EINTR, EIO, ENOMEM } },
	{ { SYS_getdents64 }, { EIO, ENOMEM } },
	{ { SYS_write, SYS_writev, SYS_pwrite64 }, { EINTR, EIO, ENOSPC, EPIPE, EAGAIN } },
	{ { SYS_recvfrom, SYS_recvmsg }, { EINTR, ENOMEM, ECONNRESET, EAGAIN } },
	{ { SYS_sendto, SYS_sendmsg }, { EINTR, ENOBUFS, EPIPE, ECONNRESET, EAGAIN } },
	{ { SYS_clone, OLD(fork), OLD(vfork), SYS_clone3 }, { EAGAIN, ENOMEM } },
	{ { SYS_mmap, SYS_mremap, SYS_mprotect, SYS_brk, SYS_madvise }, { ENOMEM } },
	/* Not wait4(2) and waitid(2): with WNOHANG, and of children only, they cannot fail. */
	{ { OLD(epoll_wait), SYS_epoll_pwait, OLD(poll), SYS_ppoll }, { EINTR } },
	{ { SYS_epoll_ctl }, { ENOMEM, ENOSPC } },
	{ { OLD(mkdir), SYS_mkdirat, OLD(rename), SYS_renameat, SYS_renameat2, OLD(unlink),
		  SYS_unlinkat, OLD(rmdir), OLD(symlink), SYS_symlinkat, OLD(mknod), SYS_mknodat,
		  OLD(chmod), SYS_fchmod, SYS_fchmodat },
		{ EROFS, ENOSPC, EIO, EACCES, EBUSY } },
	{ { OLD(chown), SYS_fchown, SYS_fchownat, OLD(lchown), SYS_ftruncate, SYS_fallocate,
		  SYS_utimensat },
		{ EROFS, EIO, EPERM, ENOSPC } },
	{ { SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot },
		{ EBUSY, EIO, ENOMEM, EINVAL, EPERM } },
	{ { OLD(stat), OLD(lstat), SYS_fstat, SYS_newfstatat, OLD(access), SYS_faccessat,
		  OLD(readlink), SYS_readlinkat, SYS_statfs, SYS_fstatfs, SYS_statx },
		{ EACCES, EIO, ENOMEM } },
	{ { SYS_fsync, SYS_fdatasync, SYS_syncfs }, { EIO, ENOSPC } },
	{ { SYS_bind, SYS_listen, SYS_connect, SYS_getsockopt, SYS_setsockopt, SYS_getsockname },
		{ ENOMEM, EADDRINUSE, EINTR, ENOBUFS } },
	{ { SYS_ioctl, SYS_fcntl }, { EIO, EINTR, ENOMEM } },
	{ { SYS_kill, SYS_prctl, SYS_prlimit64, SYS_setpriority, SYS_sethostname, SYS_settimeofday,
		  SYS_clock_settime },
		{ EPERM, EINVAL } },
	{ { SYS_getrandom, SYS_sysinfo, SYS_getrusage }, { EINTR, EAGAIN } },
};

static struct {
	unsigned char done[NUMBERS]; /* bits of its faults' errors */
	unsigned int calls[NUMBERS];
	unsigned int every, since, first, total, injected;
	int refused; /* the errno that the call under way gets at its end */
} plan;

static const int *errors_of(unsigned long number)
{
	for (size_t i = 0; number < NUMBERS && i < sizeof(faults) / sizeof(faults[0]); i++)
		for (size_t k = 0; k < 16 && faults[i].numbers[k] + faults[i].errors[0] > 0; k++)
			if ((unsigned long)faults[i].numbers[k] == number &&
				(k == 0 || number != SYS_read))
				return faults[i].errors;
	return NULL;
}

/* The errno for this call, or 0. */
static int choose(unsigned long number)
{
	const int *errors = errors_of(number);

	plan.total++;
	if (number < NUMBERS)
		plan.calls[number]++;
	if (errors == NULL || plan.total < plan.first ||
		(plan.injected > 0 && ++plan.since < plan.every))
		return 0;
	/* With one fault for a run, its place decides which of them it is. */
	if (plan.every > plan.first && plan.first > 0 && errors[plan.first % 2] != 0)
		plan.done[number] |= (unsigned char)(plan.first % 2);
	for (int i = 0; i < ERRORS_MAX && errors[i] != 0; i++)
		if ((plan.done[number] & 1 << i) == 0) {
			plan.done[number] |= (unsigned char)(1 << i);
			plan.since = 0;
			plan.injected++;
			return errors[i];
		}
	return 0;
}

static void at_entry(pid_t pid)
{
	struct user_regs_struct r;

	if (get_registers(pid, &r) != 0)
		return;
	plan.refused = choose(number_of(&r));
	/* close(2) and munmap(2) are not in the table: they would leave something behind. */
	if (plan.refused != 0) {
		fprintf(stderr, "tracer: call %lu fails: %s\n", number_of(&r),
			strerror(plan.refused));
		/* One that does nothing, and that filters allow. */
		replace_call(pid, &r, SYS_getpid);
	}
}

static void at_exit(pid_t pid)
{
	struct user_regs_struct r;

	if (plan.refused == 0 || get_registers(pid, &r) != 0)
		return;
	RESULT(&r) = (unsigned long)-plan.refused;
	set_registers(pid, &r);
	plan.refused = 0;
}

static void report(void)
{
	unsigned int seen = 0, possible = 0;

	for (unsigned long n = 0; n < NUMBERS; n++) {
		const int *errors = plan.calls[n] > 0 ? errors_of(n) : NULL;

		seen += plan.calls[n] > 0;
		for (int i = 0; errors != NULL && i < ERRORS_MAX && errors[i] != 0; i++)
			possible++;
	}
	printf("tracer: %u of %u faults in %u calls of %u kinds\n", plan.injected, possible,
		plan.total, seen);
}

static void on_term(int signal)
{
	(void)signal;
	report();
	printf("tracer: done\n");
	_exit(0);
}

/* Until the process ends. Its signals are its own. */
static void follow(pid_t pid)
{
	int is_entry = 1, status;

	signal(SIGTERM, on_term);
	printf("tracer: follows\n");
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		int stop = WSTOPSIG(status), pass = 0;

		if (stop == (SIGTRAP | 0x80)) {
			if (is_entry)
				at_entry(pid);
			else
				at_exit(pid);
			is_entry = !is_entry;
		} else if (status >> 16 == 0) {
			pass = stop;
		} else if (status >> 16 == PTRACE_EVENT_STOP && stop != SIGTRAP) {
			ptrace(PTRACE_LISTEN, pid, 0, 0);
			continue;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, pass);
	}
	report();
}

static void seize(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) != 0 ||
		ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0)
		perror("PTRACE_SEIZE"); /* it has ended: there is nothing to follow */
}

/* The tracer is the child: what it follows keeps its number, which is 1. */
static void boot(char **program)
{
	pid_t parent = getpid(), pid;
	int ready[2];
	char byte;

	if (pipe(ready) != 0 || (pid = fork()) < 0)
		fail("fork");
	if (pid == 0) {
		close(ready[0]);
		setsid();
		seize(parent);
		close(ready[1]);
		follow(parent);
		_exit(0);
	}
	close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	close(ready[0]);
	execv(program[0], program);
	fail(program[0]);
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
	else if (argc > 3 && strcmp(argv[1], "open") == 0 && find(argv[2], pids, 16) == 1)
		for (int i = 3; i < argc; i++)
			open_file(argv[2], pids[0], argv[i]);
	else if (argc == 4 && strcmp(argv[1], "fail") == 0 && find(argv[3], pids, 16) == 1) {
		plan.every = (unsigned int)atoi(argv[2]);
		for (;;)
			if (find(argv[3], pids, 16) == 1) {
				seize(pids[0]);
				follow(pids[0]);
			} else {
				usleep(10000);
			}
	} else if (argc > 4 && strcmp(argv[1], "boot") == 0) {
		plan.every = (unsigned int)atoi(argv[2]);
		plan.first = (unsigned int)atoi(argv[3]);
		boot(argv + 4);
	} else
		return 2;
	printf("tracer: done\n");
	return 0;
}
