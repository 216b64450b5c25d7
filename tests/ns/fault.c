/* SPDX-License-Identifier: MIT */
/*
 * Makes system calls fail: starts a program under a seccomp filter, which it and all that it
 * starts keep.
 *
 *   fault CALL[:N=VALUE]...=ERROR... /PROGRAM [ARGUMENT...]
 *
 * CALL and ERROR are names of the tables below; ERROR "OK" makes the call do nothing and succeed.
 * With :N=VALUE only calls whose argument N (from 0) has VALUE in its lower 32 bits fail. The first
 * rule that fits decides. It needs CAP_SYS_ADMIN, so that the program keeps its privileges.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTER_MAX 256

struct name {
	const char *name;
	int number;
};

static const struct name calls[] = {
	{ "clone", SYS_clone },
	{ "clone3", SYS_clone3 },
	{ "close_range", 436 },
	{ "epoll_create1", SYS_epoll_create1 },
	{ "epoll_ctl", SYS_epoll_ctl },
	{ "fchown", SYS_fchown },
	{ "fcntl", SYS_fcntl },
	{ "ftruncate", SYS_ftruncate },
	{ "memfd_create", SYS_memfd_create },
	{ "mkdirat", SYS_mkdirat },
	{ "mmap", SYS_mmap },
	{ "mount", SYS_mount },
	{ "pidfd_getfd", 438 },
	{ "pidfd_open", 434 },
	{ "pipe2", SYS_pipe2 },
	{ "prlimit64", SYS_prlimit64 },
	{ "recvmsg", SYS_recvmsg },
#ifdef SYS_rename
	{ "rename", SYS_rename },
#endif
	{ "renameat", SYS_renameat },
	{ "sendmsg", SYS_sendmsg },
	{ "setgroups", SYS_setgroups },
	{ "sethostname", SYS_sethostname },
	{ "setresuid", SYS_setresuid },
	{ "setsid", SYS_setsid },
	{ "signalfd4", SYS_signalfd4 },
	{ "socket", SYS_socket },
	{ "socketpair", SYS_socketpair },
	{ "sync", SYS_sync },
	{ "umount2", SYS_umount2 },
};

static const struct name errors[] = {
	{ "OK", 0 },
	{ "EACCES", EACCES },
	{ "EAGAIN", EAGAIN },
	{ "EBUSY", EBUSY },
	{ "EINVAL", EINVAL },
	{ "EIO", EIO },
	{ "EMFILE", EMFILE },
	{ "ENFILE", ENFILE },
	{ "ENODEV", ENODEV },
	{ "ENOENT", ENOENT },
	{ "ENOMEM", ENOMEM },
	{ "ENOSPC", ENOSPC },
	{ "ENOSYS", ENOSYS },
	{ "EPERM", EPERM },
	{ "EROFS", EROFS },
};

static struct sock_filter filter[FILTER_MAX];
static unsigned short length;

static void fail(const char *what, const char *which)
{
	fprintf(stderr, "fault: %s %s: %s\n", what, which, errno ? strerror(errno) : "unknown");
	exit(2);
}

static int look_up(const struct name *table, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return table[i].number;
	errno = 0;
	fail("no such name in", name);
	return -1;
}

static void add(struct sock_filter instruction)
{
	if (length == FILTER_MAX)
		fail("too many rules", "");
	filter[length++] = instruction;
}

static void load(uint32_t offset)
{
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

/* Continue if the loaded word is `value`; else jump to the end of the rule, set by end_rule(). */
static void require(uint32_t value)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
}

static void end_rule(unsigned short first, int error)
{
	add((struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)));
	for (unsigned short i = first; i < length; i++)
		if (filter[i].code == (BPF_JMP | BPF_JEQ | BPF_K))
			filter[i].jf = (uint8_t)(length - i - 1);
}

static void add_rule(char *text)
{
	unsigned short first = length;
	char *error = strrchr(text, '=');
	size_t name_len = strcspn(text, ":=");
	char *at = text + name_len;

	load(offsetof(struct seccomp_data, nr));
	require((uint32_t)look_up(calls, sizeof calls / sizeof *calls, text, name_len));
	while (*at == ':' && at < error) {
		unsigned long n = strtoul(at + 1, &at, 0);

		if (*at != '=' || n > 5)
			fail("not :N=VALUE:", text);
		load(offsetof(struct seccomp_data, args) + (uint32_t)n * sizeof(uint64_t));
		require((uint32_t)strtoul(at + 1, &at, 0));
	}
	if (at != error)
		fail("not CALL[:N=VALUE]=ERROR:", text);
	end_rule(first,
		look_up(errors, sizeof errors / sizeof *errors, error + 1, strlen(error + 1)));
}

int main(int argc, char **argv)
{
	int i = 1;
	struct sock_fprog program = { .filter = filter };

	for (; i < argc && argv[i][0] != '/'; i++)
		add_rule(argv[i]);
	if (i == argc)
		fail("no program", "");
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = length;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		fail("filter", "");
	execv(argv[i], argv + i);
	fail("exec", argv[i]);
	return 2;
}
