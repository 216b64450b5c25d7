/* SPDX-License-Identifier: MIT */
/*
 * The least that can be PID 1: the bare system calls that a guest's start needs, without
 * configuration, checks or supervision. The benchmark compares init with it, and the rig's own
 * tests boot it.
 *
 *   init=/init ... -- COUNT UID PROGRAM [ARGUMENT...]
 *
 * mounts /proc, /sys, /dev, /run and /tmp, gives eth0 its address and route, starts COUNT copies of
 * PROGRAM as UID, and reaps. Ctrl-Alt-Del syncs and restarts the machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#define ADDRESS    "172.16.0.2"
#define PREFIX_LEN 24
#define GATEWAY    "172.16.0.1"

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
	if (argc > 3)
		for (int i = 0; i < atoi(argv[1]); i++)
			start(atoi(argv[2]), argv + 3, &before);
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
