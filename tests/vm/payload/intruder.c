/* SPDX-License-Identifier: MIT */
/*
 * A service that tries what it must not be able to do: static, for images without a shell.
 *
 *   intruder NAME...    "all": every one of the table
 *
 * says "intruder: NAME: done" or "intruder: NAME: ERROR" for each.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/perf_event.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINGER_S 3600

/* 0 or an errno value */
static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- doors of the kernel ----------------------------------------------------------------------
 */

static int try_socket(int family, int type, int protocol)
{
	return result(socket(family, type | SOCK_CLOEXEC, protocol));
}

static int try_af_alg(void)
{
	return try_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int try_af_packet(void)
{
	return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_raw_socket(void)
{
	return try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int try_low_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return result(bind(fd, (struct sockaddr *)&a, sizeof a));
}

static int try_forced_buffer(void)
{
	int size = 1 << 28, fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return errno;
	return result(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size));
}

static int try_fanotify(void)
{
	return result(syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY));
}

static int try_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof a };

	return result(syscall(SYS_perf_event_open, &a, -1, 0, -1, 0)); /* the whole processor */
}

static int try_bpf(void)
{
	return result(
		syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, "\1\0\0\0\4\0\0\0\4\0\0\0\1\0\0", 16));
}

static int try_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int try_keyring(void)
{
	return result(syscall(SYS_keyctl, 0, -3, 1)); /* the session's keyring */
}

static int try_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? errno : result(ioctl(fd, TIOCSTI, "x"));
}

static int try_kernel_log(void)
{
	return result(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
}

static int try_drive(void)
{
	return result(open("/dev/vda", O_RDONLY | O_CLOEXEC));
}

static int try_device_node(void)
{
	return result(mknod("/tmp/vda", S_IFBLK | 0600, makedev(254, 0)));
}

static int try_sysrq(void)
{
	return result(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC));
}

static int try_real_time(void)
{
	struct sched_param p = { .sched_priority = 1 };

	return result(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p));
}

static int try_nice(void)
{
	return result(setpriority(PRIO_PROCESS, 0, -5));
}

static int try_real_time_io(void)
{
	return result(syscall(SYS_ioprio_set, 1, 0, 1 << 13)); /* class "real time" */
}

static int try_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : result(write(fd, "-500", 4));
}

static int try_clock(void)
{
	struct timespec t = { .tv_sec = 1 };

	return result(clock_settime(CLOCK_REALTIME, &t));
}

/* ---- PID 1 and the agent ----------------------------------------------------------------------
 */

static int try_signal_init(void)
{
	return result(kill(1, SIGTERM));
}

static int try_queue_to_init(void)
{
	return result(sigqueue(1, SIGCHLD, (union sigval){ 0 }));
}

static int try_memory_of_init(void)
{
	return result(open("/proc/1/mem", O_RDONLY | O_CLOEXEC));
}

static int try_read_memory_of_init(void)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)0x400000, 1 };

	return result(process_vm_readv(1, &to, 1, &from, 1, 0));
}

static int try_descriptors_of_init(void)
{
	return result(open("/proc/1/fd", O_RDONLY | O_CLOEXEC));
}

static int try_pidfd_of_init(void)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	return fd < 0 ? errno : result(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int try_cgroup(void)
{
	return result(open("/sys/fs/cgroup/services/memory.max", O_WRONLY | O_CLOEXEC));
}

/* Into the guest's group, where no limit holds. */
static int try_leave_cgroup(void)
{
	int fd = open("/sys/fs/cgroup/guest/cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : result(write(fd, "0", 1));
}

static int try_hard_link(void)
{
	return result(link("/etc/shadow", "/etc/open/shadow"));
}

static int try_run(void)
{
	return result(symlink("/etc/passwd", "/run/intruder"));
}

static int try_control(void)
{
	return result(open("/run/mvm", O_RDONLY | O_CLOEXEC));
}

static int bind_vsock(unsigned int cid, unsigned int port)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return errno;
	return result(listen(fd, 1));
}

static int try_agent_port(void)
{
	return bind_vsock(VMADDR_CID_ANY, 52);
}

static int try_data_port(void)
{
	return bind_vsock(VMADDR_CID_ANY, 5252);
}

static int try_data_port_by_number(void)
{
	return bind_vsock(VMADDR_CID_LOCAL, 5252);
}

/* Is answered by the end of the connection. */
static int try_ask_agent(void)
{
	static const char ping[] = "\0\0\0\6\"Ping\"";
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = 1, .svm_port = 5252 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[16];

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return errno;
	(void)!send(fd, ping, sizeof ping - 1, MSG_NOSIGNAL);
	return recv(fd, answer, sizeof answer, 0) > 0 ? 0 : ECONNRESET;
}

/* ---- what only shows elsewhere -----------------------------------------------------------------
 */

/* A TCP connection with bytes that nobody takes: its last close(2) waits until they are taken. */
static int slow_to_close(void)
{
	static char block[4096];
	struct linger linger = { 1, LINGER_S };
	int size = 4096;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 1) != 0 ||
		getsockname(listener, (struct sockaddr *)&a, &len) != 0 ||
		connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0)
		return -1;
	while (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return fd;
}

/* Send `fd` with `text` through `to`, and give up our own copy. */
static int pass(int to, const struct sockaddr_un *address, const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec data = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_name = (void *)address,
		.msg_namelen = address != NULL ? sizeof *address : 0,
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int error;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	error = result(sendmsg(to, &m, 0));
	close(fd);
	return error;
}

static int notify(const char *text, int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (path == NULL)
		return ENOENT;
	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	return pass(to, &a, text, fd);
}

/* PID 1 is left with the last copy of a descriptor whose close(2) takes an hour. */
static int try_slow_descriptor(void)
{
	int fd = slow_to_close();

	return fd < 0 ? errno : notify("READY=1\nSTATUS=slow", fd);
}

/* The same inside a socket that closes at once. */
static int try_nested_descriptor(void)
{
	int fds[2], fd = slow_to_close(), error;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) != 0)
		return errno;
	error = pass(fds[0], NULL, "x", fd);
	close(fds[0]);
	return error != 0 ? error : notify("STATUS=nested", fds[1]);
}

/* More than PID 1 has read when the service ends. */
static int try_many_descriptors(void)
{
	int error = 0;

	for (int i = 0; i < 30 && error == 0; i++)
		error = try_slow_descriptor();
	_exit(error);
}

static const struct {
	const char *name;
	int (*run)(void);
} tries[] = {
	{ "af-alg", try_af_alg },
	{ "af-packet", try_af_packet },
	{ "agent-port", try_agent_port },
	{ "ask-agent", try_ask_agent },
	{ "bpf", try_bpf },
	{ "cgroup", try_cgroup },
	{ "clock", try_clock },
	{ "console", try_console },
	{ "control", try_control },
	{ "data-port", try_data_port },
	{ "data-port-by-number", try_data_port_by_number },
	{ "descriptors-of-init", try_descriptors_of_init },
	{ "device-node", try_device_node },
	{ "drive", try_drive },
	{ "fanotify", try_fanotify },
	{ "forced-buffer", try_forced_buffer },
	{ "hard-link", try_hard_link },
	{ "kernel-log", try_kernel_log },
	{ "keyring", try_keyring },
	{ "leave-cgroup", try_leave_cgroup },
	{ "low-port", try_low_port },
	{ "memory-of-init", try_memory_of_init },
	{ "nice", try_nice },
	{ "oom-score", try_oom_score },
	{ "perf", try_perf },
	{ "pidfd-of-init", try_pidfd_of_init },
	{ "queue-to-init", try_queue_to_init },
	{ "raw-socket", try_raw_socket },
	{ "read-memory-of-init", try_read_memory_of_init },
	{ "real-time", try_real_time },
	{ "real-time-io", try_real_time_io },
	{ "run", try_run },
	{ "signal-init", try_signal_init },
	{ "sysrq", try_sysrq },
	{ "userfaultfd", try_userfaultfd },
	/* Not in "all": they are for a service with a notify socket. */
	{ "slow-descriptor", try_slow_descriptor },
	{ "nested-descriptor", try_nested_descriptor },
	{ "many-descriptors", try_many_descriptors },
};

#define ALONE 3 /* the last of the table */

int main(int argc, char **argv)
{
	size_t count = sizeof tries / sizeof *tries;

	signal(SIGPIPE, SIG_IGN);
	for (int a = 1; a < argc; a++)
		for (size_t i = 0; i < count; i++) {
			bool is_all = strcmp(argv[a], "all") == 0 && i < count - ALONE;
			int error;

			if (!is_all && strcmp(argv[a], tries[i].name) != 0)
				continue;
			error = tries[i].run();
			printf("intruder: %s: %s\n", tries[i].name,
				error == 0 ? "done" : strerror(error));
			fflush(stdout);
		}
	puts("intruder: over");
	fflush(stdout);
	for (;;)
		pause();
}
