/* SPDX-License-Identifier: MIT */
#include "supervisor/syscall_filter.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "system call numbers of this architecture are not known"
#endif

/*
 * The last system call of Linux 6.1. Newer ones are refused with ENOSYS, because this table does
 * not know them; the C libraries then do without. On x86-64 that also refuses x32, whose numbers
 * have bit 30 set.
 */
#define LAST_NUMBER 450

#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

/* The last instructions of a decision: the offset in endings[] below. */
enum verdict {
	NO_NAMESPACES = 0, /* the flags in the first argument make no namespace */
	ONLY_THREADS = 2,  /* and they make a thread */
	ONLY_LOCAL = 5,    /* the first argument, a family, is AF_UNIX */
	REFUSE = 8,
	UNKNOWN = 9,
	ALLOW = 10,
};

/* Classic BPF jumps forward only. */
#define ARGUMENT    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]))
#define RETURN(v)   BPF_STMT(BPF_RET | BPF_K, (v))
#define TO(here, v) ((uint8_t)((v) - (here)-1))

static const struct sock_filter endings[] = {
	[NO_NAMESPACES] = ARGUMENT,
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, TO(1, REFUSE), TO(1, ALLOW)),
	[ONLY_THREADS] = ARGUMENT,
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, TO(3, REFUSE), 0),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, TO(4, ALLOW), TO(4, REFUSE)),
	[ONLY_LOCAL] = ARGUMENT,
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, TO(6, ALLOW), 0),
	RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	[REFUSE] = RETURN(SECCOMP_RET_ERRNO | EPERM),
	[UNKNOWN] = RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	[ALLOW] = RETURN(SECCOMP_RET_ALLOW),
};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

/* Tiers below `from` give the system call this verdict. A later row overrides an earlier one. */
struct rule {
	uint16_t number;
	uint8_t from;    /* enum syscall_tier */
	uint8_t verdict; /* enum verdict */
};

#define ONLY_UNRESTRICTED(name)                                                                    \
	{                                                                                          \
		__NR_##name, SYSCALL_TIER_UNRESTRICTED, REFUSE                                     \
	}
#define FROM_STANDARD(name)                                                                        \
	{                                                                                          \
		__NR_##name, SYSCALL_TIER_STANDARD, REFUSE                                         \
	}
#define FROM_MINIMAL(name)                                                                         \
	{                                                                                          \
		__NR_##name, SYSCALL_TIER_MINIMAL, REFUSE                                          \
	}

/* One group is one paragraph here. */
/* clang-format off */
static const struct rule rules[] = {
	/* the kernel, its clock and its names */
	ONLY_UNRESTRICTED(init_module), ONLY_UNRESTRICTED(finit_module),
	ONLY_UNRESTRICTED(delete_module), ONLY_UNRESTRICTED(kexec_load),
	ONLY_UNRESTRICTED(kexec_file_load), ONLY_UNRESTRICTED(reboot),
	ONLY_UNRESTRICTED(swapon), ONLY_UNRESTRICTED(swapoff), ONLY_UNRESTRICTED(acct),
	ONLY_UNRESTRICTED(quotactl), ONLY_UNRESTRICTED(quotactl_fd), ONLY_UNRESTRICTED(syslog),
	ONLY_UNRESTRICTED(settimeofday), ONLY_UNRESTRICTED(clock_settime),
	ONLY_UNRESTRICTED(sethostname), ONLY_UNRESTRICTED(setdomainname),
	ONLY_UNRESTRICTED(vhangup),
#ifdef __x86_64__
	ONLY_UNRESTRICTED(iopl), ONLY_UNRESTRICTED(ioperm), ONLY_UNRESTRICTED(modify_ldt),
#endif

	/* mounts and namespaces; no filter can see the flags of clone3(2) */
	ONLY_UNRESTRICTED(mount), ONLY_UNRESTRICTED(umount2), ONLY_UNRESTRICTED(pivot_root),
	ONLY_UNRESTRICTED(open_tree), ONLY_UNRESTRICTED(move_mount), ONLY_UNRESTRICTED(fsopen),
	ONLY_UNRESTRICTED(fsconfig), ONLY_UNRESTRICTED(fsmount), ONLY_UNRESTRICTED(fspick),
	ONLY_UNRESTRICTED(mount_setattr), ONLY_UNRESTRICTED(open_by_handle_at),
	ONLY_UNRESTRICTED(setns),
	{ __NR_unshare, SYSCALL_TIER_UNRESTRICTED, NO_NAMESPACES },
	{ __NR_clone, SYSCALL_TIER_UNRESTRICTED, NO_NAMESPACES },
	{ __NR_clone3, SYSCALL_TIER_UNRESTRICTED, UNKNOWN },

	/* other processes, and calls that reach much of the kernel */
	ONLY_UNRESTRICTED(ptrace), ONLY_UNRESTRICTED(process_vm_readv),
	ONLY_UNRESTRICTED(process_vm_writev), ONLY_UNRESTRICTED(kcmp),
	ONLY_UNRESTRICTED(pidfd_getfd), ONLY_UNRESTRICTED(bpf),
	ONLY_UNRESTRICTED(perf_event_open), ONLY_UNRESTRICTED(userfaultfd),
	ONLY_UNRESTRICTED(io_uring_setup), ONLY_UNRESTRICTED(io_uring_enter),
	ONLY_UNRESTRICTED(io_uring_register), ONLY_UNRESTRICTED(add_key),
	ONLY_UNRESTRICTED(request_key), ONLY_UNRESTRICTED(keyctl),

	{ __NR_socket, SYSCALL_TIER_NETWORK, ONLY_LOCAL },

	/* identity, owners, devices, priorities */
	FROM_STANDARD(setuid), FROM_STANDARD(setgid), FROM_STANDARD(setreuid),
	FROM_STANDARD(setregid), FROM_STANDARD(setresuid), FROM_STANDARD(setresgid),
	FROM_STANDARD(setfsuid), FROM_STANDARD(setfsgid), FROM_STANDARD(setgroups),
	FROM_STANDARD(capset), FROM_STANDARD(chroot), FROM_STANDARD(personality),
	FROM_STANDARD(fchown), FROM_STANDARD(fchownat), FROM_STANDARD(mknodat),
	FROM_STANDARD(setpriority), FROM_STANDARD(sched_setparam),
	FROM_STANDARD(sched_setscheduler), FROM_STANDARD(sched_setattr),
	FROM_STANDARD(ioprio_set),
#ifdef __x86_64__
	FROM_STANDARD(chown), FROM_STANDARD(lchown), FROM_STANDARD(mknod),
#endif

	/* other processes and ways to talk to them */
	{ __NR_clone, SYSCALL_TIER_MINIMAL, ONLY_THREADS },
	FROM_MINIMAL(socket), FROM_MINIMAL(socketpair),
	FROM_MINIMAL(shmget), FROM_MINIMAL(shmat), FROM_MINIMAL(shmctl),
	FROM_MINIMAL(semget), FROM_MINIMAL(semop), FROM_MINIMAL(semtimedop), FROM_MINIMAL(semctl),
	FROM_MINIMAL(msgget), FROM_MINIMAL(msgsnd), FROM_MINIMAL(msgrcv), FROM_MINIMAL(msgctl),
	FROM_MINIMAL(mq_open), FROM_MINIMAL(mq_unlink),
#ifdef __x86_64__
	FROM_MINIMAL(fork), FROM_MINIMAL(vfork),
#endif
};
/* clang-format on */

#define RULES (sizeof(rules) / sizeof(rules[0]))

/* Numbers from here to the next run have the same verdict. */
struct run {
	uint16_t start;
	uint8_t verdict;
};

#define HEAD         4 /* instructions before the search */
#define RUNS_MAX     224
#define PROGRAM_MAX  (HEAD + RUNS_MAX - 1 + ENDINGS)
#define ENDING(r, v) (HEAD + (r)-1 + (v))

_Static_assert(2 * RULES + 2 <= RUNS_MAX, "each rule may split a run in two");
_Static_assert(PROGRAM_MAX - HEAD < 256, "a jump's distance is a byte");

/* Fill `runs`. Returns their number. */
static size_t find_runs(enum syscall_tier tier, struct run *runs)
{
	uint8_t verdicts[LAST_NUMBER + 2];
	size_t count = 0;

	for (size_t i = 0; i <= LAST_NUMBER; i++)
		verdicts[i] = ALLOW;
	verdicts[LAST_NUMBER + 1] = UNKNOWN;
	for (size_t i = 0; i < RULES; i++)
		if (tier < rules[i].from)
			verdicts[rules[i].number] = rules[i].verdict;
	for (size_t i = 0; i <= LAST_NUMBER + 1; i++)
		if (i == 0 || verdicts[i] != verdicts[i - 1])
			runs[count++] = (struct run){ (uint16_t)i, verdicts[i] };
	return count;
}

struct search {
	const struct run *runs;
	size_t count;
	struct sock_filter *code;
};

/* Index where the search among runs `first` to `end` begins. A single run needs no search. */
static size_t entry_of(const struct search *s, size_t first, size_t end, size_t at)
{
	return end - first > 1 ? at : ENDING(s->count, s->runs[first].verdict);
}

/*
 * Divide so that half of the numbers, not half of the runs, are on each side. When a filter is set,
 * the kernel runs it for every number, to remember those that are always allowed: the mean number
 * of steps counts.
 */
static size_t middle_of(const struct search *s, size_t first, size_t end)
{
	size_t last = end < s->count ? s->runs[end].start : LAST_NUMBER + 1;
	size_t half = (s->runs[first].start + last) / 2, middle = first + 1;

	while (middle + 1 < end && s->runs[middle].start < half)
		middle++;
	return middle;
}

/*
 * Write a binary search: n runs take n - 1 comparisons. After each come those of its lower half,
 * then those of its upper half.
 */
static void put_search(const struct search *s, size_t first, size_t end, size_t at)
{
	size_t middle, lower = at + 1, upper;

	if (end - first < 2)
		return;
	middle = middle_of(s, first, end);
	upper = at + (middle - first);
	s->code[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, s->runs[middle].start,
		(uint8_t)(entry_of(s, middle, end, upper) - at - 1),
		(uint8_t)(entry_of(s, first, middle, lower) - at - 1));
	put_search(s, first, middle, lower);
	put_search(s, middle, end, upper);
}

static void build(enum syscall_tier tier, struct sock_filter *code, struct sock_fprog *out)
{
	static const struct sock_filter head[HEAD] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct run runs[RUNS_MAX];
	size_t count = find_runs(tier, runs);
	struct search s = { runs, count, code };

	for (size_t i = 0; i < HEAD; i++)
		code[i] = head[i];
	put_search(&s, 0, count, HEAD);
	for (size_t i = 0; i < ENDINGS; i++)
		code[ENDING(count, i)] = endings[i];
	*out = (struct sock_fprog){ (unsigned short)ENDING(count, ENDINGS), code };
}

const struct sock_fprog *syscall_filter(enum syscall_tier tier)
{
	static struct sock_filter code[SYSCALL_TIER_UNRESTRICTED][PROGRAM_MAX];
	static struct sock_fprog programs[SYSCALL_TIER_UNRESTRICTED];

	if (tier >= SYSCALL_TIER_UNRESTRICTED)
		return NULL;
	if (programs[tier].len == 0)
		build(tier, code[tier], &programs[tier]);
	return &programs[tier];
}
