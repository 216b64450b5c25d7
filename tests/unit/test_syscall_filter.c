/* SPDX-License-Identifier: MIT */
/* The decision of each tier on every system call: interpreted, and by the kernel. */
#include "spawn_rig.h"
#include "supervisor/syscall_filter.h"

#include <asm/unistd.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST  450
#define ALLOW SECCOMP_RET_ALLOW
#define NO(e) (SECCOMP_RET_ERRNO | (e))

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static const enum syscall_tier tiers[] = { SYSCALL_TIER_ESSENTIAL, SYSCALL_TIER_MINIMAL,
	SYSCALL_TIER_STANDARD, SYSCALL_TIER_NETWORK };

#define TIERS (sizeof(tiers) / sizeof(tiers[0]))

/* Runs a filter by the rules of bpf(4); it must not jump outside and must end. `steps` counts. */
static uint32_t interpret(
	const struct sock_fprog *program, const struct seccomp_data *data, unsigned int *steps)
{
	uint32_t a = 0;

	*steps = 0;
	for (size_t at = 0; at < program->len; at++) {
		const struct sock_filter *f = &program->filter[at];
		bool yes = false;

		++*steps;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert(f->k % 4 == 0 && f->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & f->k) != 0;
			break;
		default:
			cr_assert_fail("instruction %#x at %zu", f->code, at);
		}
		at += yes ? f->jt : f->jf;
	}
	cr_assert_fail("the filter has no end");
	return 0;
}

static uint32_t decide(enum syscall_tier tier, int number, uint64_t argument)
{
	struct seccomp_data data = { .nr = number, .arch = NATIVE, .args = { argument } };
	unsigned int steps;

	return interpret(syscall_filter(tier), &data, &steps);
}

/* The strictest tier that allows a system call, with arguments of zeros. */
struct expectation {
	int number;
	enum syscall_tier from;
};

#define ROW(name, tier)                                                                            \
	{                                                                                          \
		__NR_##name, SYSCALL_TIER_##tier                                                   \
	}

static const struct expectation expectations[] = {
	ROW(mount, UNRESTRICTED),
	ROW(umount2, UNRESTRICTED),
	ROW(pivot_root, UNRESTRICTED),
	ROW(open_tree, UNRESTRICTED),
	ROW(move_mount, UNRESTRICTED),
	ROW(fsopen, UNRESTRICTED),
	ROW(fsconfig, UNRESTRICTED),
	ROW(fsmount, UNRESTRICTED),
	ROW(fspick, UNRESTRICTED),
	ROW(mount_setattr, UNRESTRICTED),
	ROW(open_by_handle_at, UNRESTRICTED),
	ROW(setns, UNRESTRICTED),
	ROW(init_module, UNRESTRICTED),
	ROW(finit_module, UNRESTRICTED),
	ROW(delete_module, UNRESTRICTED),
	ROW(kexec_load, UNRESTRICTED),
	ROW(kexec_file_load, UNRESTRICTED),
	ROW(reboot, UNRESTRICTED),
	ROW(swapon, UNRESTRICTED),
	ROW(swapoff, UNRESTRICTED),
	ROW(acct, UNRESTRICTED),
	ROW(quotactl, UNRESTRICTED),
	ROW(quotactl_fd, UNRESTRICTED),
	ROW(syslog, UNRESTRICTED),
	ROW(settimeofday, UNRESTRICTED),
	ROW(clock_settime, UNRESTRICTED),
	ROW(sethostname, UNRESTRICTED),
	ROW(setdomainname, UNRESTRICTED),
	ROW(vhangup, UNRESTRICTED),
	ROW(ptrace, UNRESTRICTED),
	ROW(process_vm_readv, UNRESTRICTED),
	ROW(process_vm_writev, UNRESTRICTED),
	ROW(kcmp, UNRESTRICTED),
	ROW(pidfd_getfd, UNRESTRICTED),
	ROW(bpf, UNRESTRICTED),
	ROW(perf_event_open, UNRESTRICTED),
	ROW(userfaultfd, UNRESTRICTED),
	ROW(io_uring_setup, UNRESTRICTED),
	ROW(io_uring_enter, UNRESTRICTED),
	ROW(io_uring_register, UNRESTRICTED),
	ROW(add_key, UNRESTRICTED),
	ROW(request_key, UNRESTRICTED),
	ROW(keyctl, UNRESTRICTED),
	ROW(setuid, STANDARD),
	ROW(setgid, STANDARD),
	ROW(setreuid, STANDARD),
	ROW(setregid, STANDARD),
	ROW(setresuid, STANDARD),
	ROW(setresgid, STANDARD),
	ROW(setfsuid, STANDARD),
	ROW(setfsgid, STANDARD),
	ROW(setgroups, STANDARD),
	ROW(capset, STANDARD),
	ROW(chroot, STANDARD),
	ROW(personality, STANDARD),
	ROW(fchown, STANDARD),
	ROW(fchownat, STANDARD),
	ROW(mknodat, STANDARD),
	ROW(setpriority, STANDARD),
	ROW(sched_setparam, STANDARD),
	ROW(sched_setscheduler, STANDARD),
	ROW(sched_setattr, STANDARD),
	ROW(ioprio_set, STANDARD),
	ROW(socketpair, MINIMAL),
	ROW(shmget, MINIMAL),
	ROW(shmat, MINIMAL),
	ROW(shmctl, MINIMAL),
	ROW(semget, MINIMAL),
	ROW(semop, MINIMAL),
	ROW(semtimedop, MINIMAL),
	ROW(semctl, MINIMAL),
	ROW(msgget, MINIMAL),
	ROW(msgsnd, MINIMAL),
	ROW(msgrcv, MINIMAL),
	ROW(msgctl, MINIMAL),
	ROW(mq_open, MINIMAL),
	ROW(mq_unlink, MINIMAL),
#ifdef __x86_64__
	ROW(iopl, UNRESTRICTED),
	ROW(ioperm, UNRESTRICTED),
	ROW(modify_ldt, UNRESTRICTED),
	ROW(chown, STANDARD),
	ROW(lchown, STANDARD),
	ROW(mknod, STANDARD),
	ROW(fork, MINIMAL),
	ROW(vfork, MINIMAL),
#endif
};

/* True for calls whose argument decides, or that fail with another error. */
static bool is_special(int number)
{
	return number == __NR_clone || number == __NR_clone3 || number == __NR_unshare ||
	       number == __NR_socket;
}

static enum syscall_tier allowed_from(int number)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
		if (expectations[i].number == number)
			return expectations[i].from;
	return SYSCALL_TIER_ESSENTIAL;
}

Test(syscall_filter, every_number_in_every_tier)
{
	for (size_t i = 0; i < TIERS; i++) {
		for (int number = 0; number <= LAST; number++) {
			uint32_t want =
				tiers[i] >= allowed_from(number) ? (uint32_t)ALLOW : NO(EPERM);

			if (!is_special(number))
				cr_expect_eq(decide(tiers[i], number, 0), want,
					"tier %d, number %d", tiers[i], number);
		}
	}
}

/* Newer than Linux 6.1, x32 (bit 30), and numbers that no kernel has. */
Test(syscall_filter, other_numbers_are_unknown)
{
	static const int numbers[] = { LAST + 1, LAST + 2, 462, 1000, 65535, 65536, 0x40000000,
		0x40000000 + __NR_mount, 0x40000000 + __NR_read, 0x7fffffff, -1 };

	for (size_t i = 0; i < TIERS; i++)
		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			cr_expect_eq(decide(tiers[i], numbers[j], 0), NO(ENOSYS),
				"tier %d, number %#x", tiers[i], (unsigned int)numbers[j]);
}

Test(syscall_filter, another_architecture_ends_the_process)
{
	static const uint32_t others[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, 0 };
	unsigned int steps;

	for (size_t i = 0; i < TIERS; i++) {
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
			struct seccomp_data data = { .nr = __NR_read, .arch = others[j] };

			cr_expect_eq(interpret(syscall_filter(tiers[i]), &data, &steps),
				SECCOMP_RET_KILL_PROCESS);
		}
	}
}

Test(syscall_filter, namespaces)
{
	static const uint64_t flags[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, 0x80 /* CLONE_NEWTIME */ };
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
				CLONE_CHILD_CLEARTID;

	for (size_t i = 0; i < TIERS; i++) {
		bool processes = tiers[i] > SYSCALL_TIER_ESSENTIAL;

		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++) {
			cr_expect_eq(decide(tiers[i], __NR_clone, flags[j] | SIGCHLD), NO(EPERM));
			cr_expect_eq(decide(tiers[i], __NR_clone, flags[j] | thread), NO(EPERM));
			cr_expect_eq(
				decide(tiers[i], __NR_unshare, flags[j] | CLONE_FS), NO(EPERM));
			cr_expect_eq(decide(tiers[i], __NR_unshare, flags[j]), NO(EPERM));
		}
		cr_expect_eq(decide(tiers[i], __NR_clone, thread), ALLOW);
		cr_expect_eq(decide(tiers[i], __NR_clone, SIGCHLD),
			processes ? (uint32_t)ALLOW : NO(EPERM), "a fork");
		cr_expect_eq(decide(tiers[i], __NR_clone, CLONE_VM | CLONE_VFORK | SIGCHLD),
			processes ? (uint32_t)ALLOW : NO(EPERM), "posix_spawn");
		cr_expect_eq(decide(tiers[i], __NR_unshare, CLONE_FS | CLONE_FILES), ALLOW);
		cr_expect_eq(decide(tiers[i], __NR_clone3, 0), NO(ENOSYS));
	}
}

Test(syscall_filter, sockets)
{
	static const int families[] = { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG,
		AF_UNSPEC, 45, -1 };

	for (size_t j = 0; j < sizeof(families) / sizeof(families[0]); j++) {
		uint64_t family = (uint64_t)families[j];

		cr_expect_eq(decide(SYSCALL_TIER_NETWORK, __NR_socket, family), ALLOW);
		cr_expect_eq(decide(SYSCALL_TIER_STANDARD, __NR_socket, family), NO(EAFNOSUPPORT));
		cr_expect_eq(decide(SYSCALL_TIER_MINIMAL, __NR_socket, family), NO(EAFNOSUPPORT));
		cr_expect_eq(decide(SYSCALL_TIER_ESSENTIAL, __NR_socket, family), NO(EPERM));
	}
	cr_expect_eq(decide(SYSCALL_TIER_STANDARD, __NR_socket, AF_UNIX), ALLOW);
	cr_expect_eq(decide(SYSCALL_TIER_MINIMAL, __NR_socket, AF_UNIX), ALLOW);
	cr_expect_eq(decide(SYSCALL_TIER_ESSENTIAL, __NR_socket, AF_UNIX), NO(EPERM));
	/* The kernel looks at 32 bits of a family: so must the filter. */
	cr_expect_eq(
		decide(SYSCALL_TIER_STANDARD, __NR_socket, 1ull << 32 | AF_INET), NO(EAFNOSUPPORT));
}

Test(syscall_filter, no_number_takes_many_steps)
{
	for (size_t i = 0; i < TIERS; i++) {
		for (int number = 0; number <= LAST; number++) {
			struct seccomp_data data = { .nr = number, .arch = NATIVE };
			unsigned int steps;

			interpret(syscall_filter(tiers[i]), &data, &steps);
			cr_expect_leq(steps, 15, "tier %d, number %d", tiers[i], number);
		}
	}
}

Test(syscall_filter, unrestricted_is_no_filter)
{
	cr_expect_null(syscall_filter(SYSCALL_TIER_UNRESTRICTED));
	for (size_t i = 0; i < TIERS; i++)
		cr_expect_eq(syscall_filter(tiers[i]), syscall_filter(tiers[i]));
}

/* The errors of the kernel under a filter, in a child. */
static int try_under(enum syscall_tier tier, long number, long argument)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		errno = 0;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, syscall_filter(tier), 0, 0) != 0)
			syscall(__NR_exit_group, 255);
		syscall(__NR_exit_group, syscall(number, argument, 0, 0, 0, 0) < 0 ? errno : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "status %#x", (unsigned int)status);
	cr_assert_neq(WEXITSTATUS(status), 255, "the kernel takes no filter");
	return WEXITSTATUS(status);
}

Test(syscall_filter, the_kernel_decides_likewise)
{
	cr_expect_eq(try_under(SYSCALL_TIER_NETWORK, __NR_umount2, 0), EPERM);
	cr_expect_eq(try_under(SYSCALL_TIER_NETWORK, __NR_unshare, CLONE_NEWUSER), EPERM);
	cr_expect_eq(try_under(SYSCALL_TIER_NETWORK, __NR_clone3, 0), ENOSYS);
	cr_expect_eq(try_under(SYSCALL_TIER_NETWORK, __NR_setuid, (long)getuid()), 0);
	cr_expect_eq(try_under(SYSCALL_TIER_STANDARD, __NR_setuid, (long)getuid()), 0);
	cr_expect_eq(try_under(SYSCALL_TIER_MINIMAL, __NR_setuid, (long)getuid()), EPERM);
	cr_expect_eq(try_under(SYSCALL_TIER_STANDARD, __NR_socket, AF_INET), EAFNOSUPPORT);
	cr_expect_eq(try_under(SYSCALL_TIER_ESSENTIAL, __NR_socket, AF_UNIX), EPERM);
	cr_expect_eq(try_under(SYSCALL_TIER_ESSENTIAL, __NR_clone, SIGCHLD), EPERM);
	cr_expect_eq(try_under(SYSCALL_TIER_ESSENTIAL, __NR_getpid, 0), 0);
	cr_expect_eq(try_under(SYSCALL_TIER_ESSENTIAL, LAST + 1, 0), ENOSYS);
}

/* A program starts under every tier, and a missing program is reported. */
Test(syscall_filter, programs_start)
{
	for (size_t i = 0; i < TIERS; i++) {
		struct spawn_request r = rig_request("/bin/cat", "/proc/self/status", NULL);
		struct rig_result got;

		r.no_new_privs = true;
		r.seccomp = syscall_filter(tiers[i]);
		rig_run(&r, "", &got);
		cr_assert_eq(got.report, 0, "tier %d", tiers[i]);
		cr_assert_eq(spawn_exit_code(got.status), 0, "tier %d", tiers[i]);
		cr_assert_str_eq(rig_status_line(&got, "Seccomp"), "2");
		r = rig_request("/bin/absent", NULL);
		r.no_new_privs = true;
		r.seccomp = syscall_filter(tiers[i]);
		rig_expect_failure(&r, SPAWN_EXEC, ENOENT);
	}
}

/* A shell forks, makes pipes and redirects. */
Test(syscall_filter, shells_run)
{
	for (size_t i = 1; i < TIERS; i++) {
		struct spawn_request r = rig_request(
			"/bin/sh", "-c", "echo a b | tr a-z A-Z; (exit 3) || echo $?", NULL);
		struct rig_result got;

		r.no_new_privs = true;
		r.seccomp = syscall_filter(tiers[i]);
		rig_run(&r, "", &got);
		cr_expect_str_eq(got.output, "A B\n3\n", "tier %d", tiers[i]);
	}
}
