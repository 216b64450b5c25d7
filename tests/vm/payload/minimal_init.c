/* SPDX-License-Identifier: MIT */
/*
 * The least that can be PID 1: the bare system calls that a guest's start needs, without
 * configuration, checks or supervision. The benchmark compares init with it, and the rig's own
 * tests boot it.
 *
 *   init=/init ... -- [floor] COUNT UID PROGRAM [ARGUMENT...]
 *
 * mounts /proc, /sys, /dev, /run and /tmp, gives eth0 its address and route, starts COUNT copies of
 * PROGRAM as UID with vfork(2), and reaps. Ctrl-Alt-Del syncs and restarts the machine.
 *
 * That is less than init promises for each service, so "floor" adds what the promises cost at
 * least: a cgroup that the child is born in, a session, a pipe for its output, a capability
 * bounding set that is empty, no_new_privs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <linux/sched.h>

#define ADDRESS    "172.16.0.2"
#define PREFIX_LEN 24
#define GATEWAY    "172.16.0.1"

#define GROUP        "/sys/fs/cgroup/services"
#define SERVICES_MAX 4096

static void say(const char *text)
{
	dprintf(STDOUT_FILENO, "[minimal] %s\n", text);
}

static void say_errno(const char *what)
{
	dprintf(STDOUT_FILENO, "[minimal] %s: %s\n", what, strerror(errno));
}

static void mount_all(void)
{
	static const struct {
		const char *type, *path, *options;
		unsigned long flags;
	} mounts[] = {
		{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "devtmpfs", "/dev", NULL, MS_NOSUID },
		{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV },
		{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV },
	};

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++)
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
			    mounts[i].options) != 0 &&
			errno != EBUSY)
			say_errno(mounts[i].path);
}

/* A netlink message being put together; each part starts at a multiple of 4. */
struct request {
	struct nlmsghdr header;
	char body[128];
};

static void *append(struct request *r, const void *data, size_t size)
{
	char *at = (char *)r + NLMSG_ALIGN(r->header.nlmsg_len);

	memcpy(at, data, size);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + size;
	return at;
}

static void append_address(struct request *r, unsigned short type, const char *address)
{
	struct rtattr attribute = { .rta_type = type, .rta_len = RTA_LENGTH(4) };
	struct in_addr a;

	inet_aton(address, &a);
	append(r, &attribute, sizeof attribute);
	append(r, &a, sizeof a);
}

static struct request new_request(int type, int flags, const void *body, size_t size)
{
	struct request r = { .header = { .nlmsg_len = NLMSG_HDRLEN,
				     .nlmsg_type = type,
				     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags } };

	append(&r, body, size);
	return r;
}

static void do_request(int fd, struct request *r, const char *what)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer = { 0 };

	if (send(fd, r, r->header.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0) {
		say_errno(what);
	} else if (answer.error.error) {
		errno = -answer.error.error;
		say_errno(what);
	}
}

static void set_up_network(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int index = if_nametoindex("eth0");

	if (fd < 0 || !index) {
		say_errno("eth0");
		return;
	}
	struct ifinfomsg up = {
		.ifi_index = if_nametoindex("lo"), .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};
	struct request r = new_request(RTM_NEWLINK, 0, &up, sizeof up);
	do_request(fd, &r, "lo up");

	struct ifaddrmsg address = {
		.ifa_family = AF_INET, .ifa_prefixlen = PREFIX_LEN, .ifa_index = index
	};
	r = new_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &address, sizeof address);
	append_address(&r, IFA_LOCAL, ADDRESS);
	append_address(&r, IFA_ADDRESS, ADDRESS);
	do_request(fd, &r, "eth0 address");

	up.ifi_index = index;
	r = new_request(RTM_NEWLINK, 0, &up, sizeof up);
	do_request(fd, &r, "eth0 up");

	struct rtmsg route = { .rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST };
	r = new_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof route);
	append_address(&r, RTA_GATEWAY, GATEWAY);
	do_request(fd, &r, "default route");
	close(fd);
}

static void start(uid_t uid, char **argv, const sigset_t *signals)
{
	pid_t pid = vfork();

	if (pid < 0)
		say_errno("vfork");
	if (pid != 0)
		return;
	sigprocmask(SIG_SETMASK, signals, NULL);
	if (uid && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0))
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

/* ---- the floor ------------------------------------------------------------------------------- */

static int outputs[SERVICES_MAX]; /* read ends of the services' pipes */

static void prepare_floor(void)
{
	struct rlimit limit = { 2 * SERVICES_MAX, 2 * SERVICES_MAX };

	setrlimit(RLIMIT_NOFILE, &limit);
	if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) !=
			0 ||
		mkdir(GROUP, 0755) != 0)
		say_errno(GROUP);
	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
}

/* clone3(2) without errno. Inlined: a frame that the child has returned from would be lost to its
 * parent. */
static inline __attribute__((always_inline)) long raw_clone3(struct clone_args *args, size_t size)
{
#ifdef __aarch64__
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = (long)size;
	register long x8 __asm__("x8") = SYS_clone3;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x8) : "memory");
	return x0;
#else
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(args), "S"(size)
			 : "rcx", "r11", "memory");
	return result;
#endif
}

/* As vfork(2). */
static inline __attribute__((always_inline)) long vfork_into(int group)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = group };

	return raw_clone3(&args, sizeof args);
}

__attribute__((noinline, noreturn)) static void become(
	uid_t uid, char **argv, const sigset_t *signals, int null, int output)
{
	setsid();
	sigprocmask(SIG_SETMASK, signals, NULL);
	if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
		setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

static void start_on_floor(int i, uid_t uid, char **argv, const sigset_t *signals)
{
	static int null = -1;
	char path[64];
	int pipes[2], group;
	long pid;

	if (null < 0)
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof path, GROUP "/%d", i);
	if (mkdir(path, 0755) != 0 || (group = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
		pipe2(pipes, O_CLOEXEC) != 0) {
		say_errno(path);
		return;
	}
	pid = vfork_into(group);
	if (pid == 0)
		become(uid, argv, signals, null, pipes[1]);
	if (pid < 0)
		say("clone3 failed");
	close(group);
	close(pipes[1]);
	outputs[i] = pipes[0];
}

/* What each of them says first. */
static void show_outputs(int count)
{
	char text[4096];

	for (int i = 0; i < count; i++) {
		ssize_t n = read(outputs[i], text, sizeof text);

		if (n > 0 && write(STDOUT_FILENO, text, n) != n)
			say_errno("output");
	}
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void start_all(int argc, char **argv, const sigset_t *signals)
{
	bool is_floor = argc > 1 && strcmp(argv[1], "floor") == 0;
	int count;

	argc -= is_floor;
	argv += is_floor;
	if (argc <= 3)
		return;
	count = atoi(argv[1]);
	if (is_floor && count <= SERVICES_MAX) {
		prepare_floor();
		for (int i = 0; i < count; i++)
			start_on_floor(i, atoi(argv[2]), argv + 3, signals);
		show_outputs(count);
		return;
	}
	for (int i = 0; i < count; i++)
		start(atoi(argv[2]), argv + 3, signals);
}

int main(int argc, char **argv)
{
	sigset_t waited, before;

	mount_all();
	reboot(RB_DISABLE_CAD);
	sethostname("minimal", 7);
	set_up_network();
	sigemptyset(&waited);
	sigaddset(&waited, SIGCHLD);
	sigaddset(&waited, SIGINT);
	sigprocmask(SIG_BLOCK, &waited, &before);
	start_all(argc, argv, &before);
	say("started");
	for (;;) {
		if (sigwaitinfo(&waited, NULL) != SIGINT) {
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			continue;
		}
		say("ctrl-alt-del");
		sync();
		reboot(RB_AUTOBOOT);
	}
}
