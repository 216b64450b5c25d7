/* SPDX-License-Identifier: MIT */
#include "base/syscall_cage.h"

#include "base/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define RESULT(u)    ((u)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define RESULT(u)    ((u)->uc_mcontext.regs[0])
#else
#error "which numbers do system calls have here?"
#endif

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of SIGSYS */
#endif

#define NUMBERS_MAX 512 /* system calls that the log tells apart */

static const char *program;

/* ---- what is refused ------------------------------------------------------------------------- */

/* True if this number was not seen before. */
static bool is_new(unsigned int number)
{
	static uint8_t seen[NUMBERS_MAX / 8];
	unsigned int n = number < NUMBERS_MAX ? number : NUMBERS_MAX - 1;
	uint8_t bit = (uint8_t)(1 << n % 8);
	bool is = (seen[n / 8] & bit) == 0;

	seen[n / 8] |= bit;
	return is;
}

/* The refused call itself raises the signal, and gets -EPERM. The handler keeps errno. */
static void on_refused(int signal, siginfo_t *info, void *context)
{
	int error = errno;

	(void)signal;
	if (info->si_code == SYS_SECCOMP) {
		RESULT((ucontext_t *)context) = -EPERM;
		if (is_new((unsigned int)info->si_syscall))
			log_line("%s: system call %d is not on its list, and was refused", program,
				info->si_syscall);
	}
	errno = error;
}

/* ---- the filter ------------------------------------------------------------------------------ */

#define HEAD      4 /* instructions before the rules */
#define LOAD(at)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define EQ        (BPF_JMP | BPF_JEQ | BPF_K)
#define BITS      (BPF_JMP | BPF_JSET | BPF_K)
#define ARG(n)    offsetof(struct seccomp_data, args[n]) /* its lower half: little-endian */
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))

/* Where a rule leads: offsets in endings[]. Jumps go forward only. */
static const uint8_t entries[] = {
	[SYSCALL_CAGE_NOT_RUNNABLE] = 0,
	[SYSCALL_CAGE_WINDOW] = 2,
	[SYSCALL_CAGE_SOCKET] = 5,
	[SYSCALL_CAGE_ANY] = 10,
};

static const struct sock_filter endings[] = {
	/* 0 */ LOAD(ARG(2)),
	/* 1 */ BPF_JUMP(BITS, PROT_EXEC, 7, 8),
	/* 2 */ LOAD(ARG(1)),
	/* 3 */ BPF_JUMP(EQ, TIOCSWINSZ, 6, 0),
	/* 4 */ BPF_JUMP(EQ, TIOCGWINSZ, 5, 4),
	/* 5 */ LOAD(ARG(0)),
	/* 6 */ BPF_JUMP(EQ, AF_VSOCK, 3, 0),
	/* 7 */ BPF_JUMP(EQ, AF_INET, 2, 0),
	/* 8 */ BPF_JUMP(EQ, AF_INET6, 1, 0),
	/* 9 */ RETURN(SECCOMP_RET_TRAP),
	/* 10 */ RETURN(SECCOMP_RET_ALLOW),
};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))
#define REFUSED 9

_Static_assert(SYSCALL_CAGE_MAX + ENDINGS < 256, "a jump's distance is a byte");

/* Since Linux 5.11 the kernel remembers calls that are allowed with any arguments, so that it runs
 * the filter only for the others. */
static size_t build(const struct syscall_cage_rule *rules, size_t count, struct sock_filter *code)
{
	static const struct sock_filter head[HEAD] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		BPF_JUMP(EQ, ARCHITECTURE, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(offsetof(struct seccomp_data, nr)),
	};
	size_t n = 0;

	for (; n < HEAD; n++)
		code[n] = head[n];
	for (size_t i = 0; i < count; i++, n++)
		code[n] = (struct sock_filter)BPF_JUMP(
			EQ, rules[i].number, (uint8_t)(count - i + entries[rules[i].kind]), 0);
	code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, REFUSED, 0, 0);
	n++;
	for (size_t i = 0; i < ENDINGS; i++, n++)
		code[n] = endings[i];
	return n;
}

int syscall_cage_enter(const char *who, const struct syscall_cage_rule *rules, size_t count)
{
	struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
	struct sock_filter code[HEAD + SYSCALL_CAGE_MAX + 1 + ENDINGS];
	struct sock_fprog filter = { .filter = code };

	if (count > SYSCALL_CAGE_MAX)
		return -E2BIG;
	program = who;
	filter.len = (unsigned short)build(rules, count, code);
	if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0)
		return -errno;
	return 0;
}
