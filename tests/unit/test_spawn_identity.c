/* SPDX-License-Identifier: MIT */
/* Users, capabilities, limits and cgroups of spawn(). Most tests need root. */
#include "spawn_rig.h"

#include "base/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (1ull << (cap))

TestSuite(spawn_identity, .timeout = 60);

static const struct account web = {
	.name = "web", .uid = 4900, .gid = 4901, .groups = { 4901, 4044, 4050 }, .group_count = 3
};

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
}

static struct spawn_request status_request(const struct account *user)
{
	struct spawn_request r = rig_request("/bin/cat", "/proc/self/status", NULL);

	r.user = user;
	return r;
}

/* ---- users and capabilities ------------------------------------------------------------------ */

Test(spawn_identity, a_user_gets_its_ids_and_groups_and_no_privilege)
{
	struct spawn_request r = status_request(&web);
	struct rig_result got;

	need_root();
	r.no_new_privs = true;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_str_eq(rig_status_line(&got, "Uid"), "4900\t4900\t4900\t4900");
	cr_assert_str_eq(rig_status_line(&got, "Gid"), "4901\t4901\t4901\t4901");
	cr_assert_str_eq(rig_status_line(&got, "Groups"), "4044 4050 4901");
	cr_assert_str_eq(rig_status_line(&got, "NoNewPrivs"), "1");
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapPrm"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapEff"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapInh"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapAmb"), 0);
}

Test(spawn_identity, without_a_user_nothing_changes)
{
	struct spawn_request r = status_request(NULL);
	struct rig_result got, own;

	rig_run(&r, "", &got);
	r = rig_request("/bin/cat", "/proc/self/status", NULL);
	cr_assert_str_eq(rig_status_line(&got, "NoNewPrivs"), "0");
	rig_run(&r, "", &own);
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), rig_status_hex(&own, "CapBnd"));
	cr_assert_eq(atoi(rig_status_line(&got, "Uid")), (int)getuid());
}

Test(spawn_identity, ambient_capabilities_reach_the_program)
{
	const uint64_t caps = BIT(CAP_KILL) | BIT(CAP_SETUID);
	struct spawn_request r = status_request(&web);
	struct rig_result got;

	need_root();
	r.bounding = caps | BIT(CAP_CHOWN);
	r.ambient = caps;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_eq(rig_status_hex(&got, "CapAmb"), caps);
	cr_assert_eq(rig_status_hex(&got, "CapEff"), caps);
	cr_assert_eq(rig_status_hex(&got, "CapPrm"), caps);
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), caps | BIT(CAP_CHOWN));
	cr_assert_eq(atoi(rig_status_line(&got, "Uid")), 4900);
	r.bounding = BIT(CAP_CHOWN);
	rig_expect_failure(&r, SPAWN_AMBIENT, EPERM);
}

Test(spawn_identity, root_keeps_the_bounding_set_that_is_asked_for)
{
	static const struct account root = { .name = "root", .groups = { 0 }, .group_count = 1 };
	struct spawn_request r = status_request(&root);
	struct rig_result got;

	need_root();
	r.bounding = BIT(CAP_CHOWN) | BIT(CAP_NET_ADMIN);
	r.ambient = BIT(CAP_CHOWN);
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), r.bounding);
	cr_assert_eq(rig_status_hex(&got, "CapEff"), r.bounding);
}

/* setresuid(2) does not change an id of -1: the program would run as root. */
Test(spawn_identity, the_id_minus_one_is_refused)
{
	struct account bad = web;
	struct spawn_request r = rig_request("/bin/true", NULL);

	need_root();
	r.user = &bad;
	bad.uid = (uid_t)-1;
	rig_expect_failure(&r, SPAWN_UID, EINVAL);
	bad = web;
	bad.gid = (gid_t)-1;
	rig_expect_failure(&r, SPAWN_GID, EINVAL);
	bad = web;
	bad.groups[1] = (gid_t)-1;
	rig_expect_failure(&r, SPAWN_GROUPS, EINVAL);
}

Test(spawn_identity, the_working_directory_is_entered_as_the_user)
{
	char directory[] = "/tmp/test-identity-XXXXXX";
	struct spawn_request r = rig_request("/bin/true", NULL);

	need_root();
	cr_assert_not_null(mkdtemp(directory)); /* mode 0700, root's */
	r.user = &web;
	r.directory = directory;
	rig_expect_failure(&r, SPAWN_DIRECTORY, EACCES);
	rmdir(directory);
}

/* ---- callers that are not root --------------------------------------------------------------- */

/* From here on this process is uid 4800 with exactly `caps`, with `ambient` also as ambient ones.
 */
static void become_caller_with(uint64_t caps, bool ambient)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted = (uint32_t)(caps >> (32 * i));
		data[i].inheritable = ambient ? data[i].permitted : 0;
	}
	cr_assert_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
	cr_assert_eq(syscall(SYS_setgroups, 0, NULL), 0);
	cr_assert_eq(syscall(SYS_setresgid, 4800, 4800, 4800), 0);
	cr_assert_eq(syscall(SYS_setresuid, 4800, 4800, 4800), 0);
	cr_assert_eq(syscall(SYS_capset, &header, data), 0);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (ambient && (caps >> cap & 1))
			cr_assert_eq(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0); /* for the leak checker */
}

static void expect_denied(uint64_t caps, uint32_t stage)
{
	struct spawn_request r = rig_request("/bin/true", NULL);

	need_root();
	become_caller_with(caps, true);
	r.user = &web;
	rig_expect_failure(&r, stage, EPERM);
}

Test(spawn_identity, without_setgid_the_groups_fail)
{
	expect_denied(0, SPAWN_GROUPS);
}

Test(spawn_identity, without_setpcap_the_bounding_set_fails)
{
	expect_denied(BIT(CAP_SETGID) | BIT(CAP_SETUID), SPAWN_BOUNDING);
}

Test(spawn_identity, without_setuid_the_uid_fails)
{
	expect_denied(BIT(CAP_SETGID) | BIT(CAP_SETPCAP), SPAWN_UID);
}

Test(spawn_identity, a_bounding_set_that_is_empty_already_needs_no_setpcap)
{
	struct spawn_request r = status_request(&web);
	struct rig_result got;

	need_root();
	for (unsigned int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	become_caller_with(BIT(CAP_SETGID) | BIT(CAP_SETUID), false);
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), 0);
}

Test(spawn_identity, priorities_need_privilege)
{
	struct spawn_request r = rig_request("/bin/true", NULL);

	need_root();
	become_caller_with(0, true);
	r.set_nice = true;
	r.nice = -5;
	rig_expect_failure(&r, SPAWN_NICE, EACCES);
	r.set_nice = false;
	r.set_oom_score = true;
	r.oom_score = -500;
	rig_expect_failure(&r, SPAWN_OOM_SCORE, EACCES);
}

/*
 * The agent is such a caller: not root, with ambient capabilities. A change between two uids other
 * than 0 clears no capabilities, but a check command must not get the agent's.
 */
Test(spawn_identity, a_privileged_callers_capabilities_do_not_pass_on)
{
	struct spawn_request r = status_request(&web);
	struct rig_result got;

	need_root();
	become_caller_with(
		BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL) | BIT(CAP_SETPCAP), true);
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0, "%s: %s", spawn_stage_name(got.failure.stage),
		strerror(got.failure.error));
	cr_assert_eq(atoi(rig_status_line(&got, "Uid")), 4900);
	cr_assert_eq(rig_status_hex(&got, "CapAmb"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapPrm"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapEff"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapInh"), 0);
	cr_assert_eq(rig_status_hex(&got, "CapBnd"), 0);
}

/* setresuid(2) leaves inheritable capabilities. */
Test(spawn_identity, roots_inheritable_capabilities_do_not_pass_on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	struct spawn_request r = status_request(&web);
	struct rig_result got;

	need_root();
	cr_assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].inheritable = BIT(CAP_KILL);
	cr_assert_eq(syscall(SYS_capset, &header, data), 0);
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_expect_eq(rig_status_hex(&got, "CapInh"), 0);
}

/* ---- limits ---------------------------------------------------------------------------------- */

Test(spawn_identity, limits_nice_oom_score_and_umask)
{
	static const struct spawn_limit limits[] = { { RLIMIT_NOFILE, { 64, 128 } },
		{ RLIMIT_CORE, { 0, 0 } } };
	struct spawn_request r = rig_request("/bin/sh", "-c",
		"ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; umask; nice",
		NULL);
	struct rig_result got;

	r.limits = limits;
	r.limit_count = 2;
	r.set_nice = r.set_oom_score = r.set_umask = true;
	r.nice = 5;
	r.oom_score = 321;
	r.umask = 027;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_str_eq(got.output, "64\n128\n0\n321\n0027\n5\n");
}

Test(spawn_identity, limits_that_the_kernel_refuses)
{
	static const struct spawn_limit upside_down = { RLIMIT_NOFILE, { 128, 64 } };
	static const struct spawn_limit unknown = { 99, { 1, 1 } };
	struct spawn_request r = rig_request("/bin/true", NULL);

	r.limit_count = 1;
	r.limits = &upside_down;
	rig_expect_failure(&r, SPAWN_LIMITS, EINVAL);
	r.limits = &unknown;
	rig_expect_failure(&r, SPAWN_LIMITS, EINVAL);
	r.limit_count = 0;
	r.set_oom_score = true;
	r.oom_score = 5000;
	rig_expect_failure(&r, SPAWN_OOM_SCORE, EINVAL);
}

Test(spawn_identity, seccomp_filter)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog good = { 1, allow }, bad = { 0, allow };
	struct spawn_request r = status_request(NULL);
	struct rig_result got;

	r.no_new_privs = true;
	r.seccomp = &good;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_str_eq(rig_status_line(&got, "Seccomp"), "2");
	r.seccomp = &bad;
	rig_expect_failure(&r, SPAWN_SECCOMP, EINVAL);
}

/* ---- cgroups --------------------------------------------------------------------------------- */

static char cgroup[256];

static void remove_cgroup(void)
{
	if (cgroup[0] != '\0')
		rmdir(cgroup);
}

TestSuite(spawn_cgroup, .fini = remove_cgroup, .timeout = 60);

/* Make a group in the first cgroup2 mount that allows it. Skips the test if none does. */
static int make_cgroup(void)
{
	FILE *mounts = fopen("/proc/self/mounts", "r");
	char where[128], type[32];

	while (fscanf(mounts, "%*s %127s %31s %*[^\n]", where, type) == 2) {
		if (strcmp(type, "cgroup2") != 0)
			continue;
		snprintf(cgroup, sizeof(cgroup), "%s/test-spawn-%d", where, getpid());
		if (mkdir(cgroup, 0755) == 0) {
			fclose(mounts);
			return open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
	}
	fclose(mounts);
	cgroup[0] = '\0';
	cr_skip_test("no cgroup2 that may be written to");
	return -1;
}

/* From here on clone3(2) fails with `error`, as on an old kernel or under a container's filter. */
static void break_clone3(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0), 0);
}

static void check_membership(int cgroup_fd)
{
	struct spawn_request r = rig_request("/bin/cat", "/proc/self/cgroup", NULL);
	struct rig_result got;
	char want[64];

	r.cgroup_fd = cgroup_fd;
	rig_run(&r, "", &got);
	snprintf(want, sizeof(want), "test-spawn-%d\n", getpid());
	cr_assert_not_null(strstr(got.output, want), "%s", got.output);
}

static int in_cgroup_already(const void *arg, uint32_t *part)
{
	char text[4096];
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	(void)arg;
	(void)part;
	text[n < 0 ? 0 : n] = '\0';
	return strstr(text, "test-spawn-") != NULL ? 0 : -ESRCH;
}

Test(spawn_cgroup, the_child_starts_inside_its_cgroup)
{
	int fd = make_cgroup();
	struct spawn_request r = rig_request("/bin/true", NULL);
	struct rig_result got;

	check_membership(fd);
	r.cgroup_fd = fd;
	r.prepare = in_cgroup_already;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	close(fd);
}

static void check_fallback(int error)
{
	int fd = make_cgroup();

	break_clone3(error);
	check_membership(fd);
	close(fd);
}

Test(spawn_cgroup, without_clone3_the_child_joins_by_itself)
{
	check_fallback(ENOSYS);
}

Test(spawn_cgroup, where_clone3_is_forbidden_the_child_joins_by_itself)
{
	check_fallback(EPERM);
}

Test(spawn_cgroup, where_clone3_is_too_old_the_child_joins_by_itself)
{
	check_fallback(EINVAL);
}

/* The cgroup's descriptor may have a number that the program's descriptors need. */
Test(spawn_cgroup, its_descriptor_may_be_overwritten)
{
	int fd = make_cgroup(), passed[16], low = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct spawn_request r = rig_request("/bin/cat", "/proc/self/cgroup", NULL);
	struct rig_result got;

	cr_assert_lt(low, 3 + 16);
	for (int i = 0; i < 16; i++)
		passed[i] = 0;
	break_clone3(ENOSYS);
	r.cgroup_fd = low;
	r.fds = passed;
	r.fd_count = 16;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0);
	cr_assert_not_null(strstr(got.output, "test-spawn-"));
	close(fd);
}

Test(spawn_cgroup, a_descriptor_that_is_no_cgroup)
{
	struct spawn_request r = rig_request("/bin/true", NULL);
	struct rig_result got;

	r.cgroup_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(spawn(&r, &got.pid, &got.report_fd), -EBADF);
	break_clone3(ENOSYS);
	rig_expect_failure(&r, SPAWN_CGROUP, ENOENT);
	close(r.cgroup_fd);
}

Test(spawn_cgroup, other_errors_of_clone3_come_back)
{
	struct spawn_request r = rig_request("/bin/true", NULL);
	struct rig_result got;

	r.cgroup_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	break_clone3(EAGAIN);
	cr_assert_eq(spawn(&r, &got.pid, &got.report_fd), -EAGAIN);
	close(r.cgroup_fd);
}
