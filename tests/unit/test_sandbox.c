/* SPDX-License-Identifier: MIT */
/* Mount namespaces of services. They need privilege; without it the tests are skipped. */
#include "spawn_rig.h"
#include "supervisor/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static struct sandbox sandbox;
static char dir[64];

/* Every test has its own mounts: a tmpfs in a tmpfs, with a file in each. */
static void set_up(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0)
		cr_skip_test("no privilege to mount");
	strcpy(dir, "/mnt");
	cr_assert_eq(mount("tmpfs", dir, "tmpfs", MS_NOSUID, "mode=755"), 0, "%s", strerror(errno));
	cr_assert_eq(mkdir("/mnt/plain", 0755), 0);
	cr_assert_eq(mkdir("/mnt/plain/below", 0755), 0);
	cr_assert_eq(mount("tmpfs", "/mnt/plain/below", "tmpfs", MS_NODEV | MS_NOEXEC, NULL), 0);
	cr_assert_eq(mkdir("/mnt/plainer", 0755), 0);
	cr_assert_eq(symlink("plain", "/mnt/link"), 0);
	sandbox = (struct sandbox){ 0 };
}

TestSuite(sandbox, .init = set_up, .timeout = 60);

static void add(const char *path)
{
	cr_assert_eq(strings_add(&sandbox.read_only, path, strlen(path)), 0);
}

/* Runs a shell command in the sandbox. Returns its output. */
static const char *run(const char *command)
{
	static struct rig_result got;
	struct spawn_request r = rig_request("/bin/sh", "-c", command, NULL);

	r.prepare = sandbox_enter;
	r.prepare_arg = &sandbox;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 0, "%s: %s", sandbox_part(&sandbox, got.failure.part),
		strerror(got.failure.error));
	return got.output;
}

/* True if a file can be made there, in the sandbox. */
static bool writable(const char *directory)
{
	char command[256];

	snprintf(command, sizeof(command), "if : >%s/probe; then echo yes; else echo no; fi 2>&1",
		directory);
	return strcmp(run(command), "yes\n") == 0;
}

static struct spawn_failure failure_of(void)
{
	struct spawn_request r = rig_request("/bin/true", NULL);
	struct rig_result got;

	r.prepare = sandbox_enter;
	r.prepare_arg = &sandbox;
	rig_run(&r, "", &got);
	cr_assert_eq(got.report, 1);
	cr_assert_eq(got.failure.stage, SPAWN_PREPARE);
	return got.failure;
}

/* From here on mount_setattr(2) is missing, as before Linux 5.12. */
static void break_mount_setattr(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount_setattr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0), 0);
}

Test(sandbox, nothing_needs_no_namespace)
{
	cr_expect_not(sandbox_is_needed(&sandbox));
	sandbox.private_tmp = true;
	cr_expect(sandbox_is_needed(&sandbox));
	sandbox.private_tmp = false;
	add("-/absent");
	cr_expect(sandbox_is_needed(&sandbox));
}

Test(sandbox, private_tmp_is_empty_and_stays_inside)
{
	char name[] = "/tmp/outside-XXXXXX";
	int fd = mkstemp(name);

	cr_assert_geq(fd, 0);
	sandbox.private_tmp = true;
	cr_expect_str_eq(run("ls -A /tmp /var/tmp; stat -c '%a %u' /tmp /var/tmp"),
		"/tmp:\n\n/var/tmp:\n1777 0\n1777 0\n");
	cr_expect_str_eq(run("echo x >/tmp/inside-of-the-test && ls /tmp"), "inside-of-the-test\n");
	cr_expect_str_eq(run("ls /tmp"), "", "another process has another one");
	cr_expect_eq(access("/tmp/inside-of-the-test", F_OK), -1);
	/* The machine's own /tmp may be one, too, below it. */
	cr_expect_str_eq(run("sed -n 's:.* /tmp \\(rw[^ ]*\\) .* tmpfs tmpfs .*:\\1:p' "
			     "/proc/self/mountinfo | tail -n 1"),
		"rw,nosuid,nodev,relatime\n");
	close(fd);
	unlink(name);
}

static void check_read_only(const char *path)
{
	add(path);
	cr_expect_not(writable("/mnt/plain"));
	cr_expect_not(writable("/mnt/plain/below"), "what is mounted below");
	cr_expect(writable("/mnt"), "what is above");
	cr_expect(writable("/mnt/plainer"), "what begins with the same letters");
	cr_expect_str_eq(run("sed -n 's:.* /mnt/plain/below \\(r[^ ]*\\) .*:\\1:p' "
			     "/proc/self/mountinfo | tail -n 1"),
		"ro,nodev,noexec,relatime\n", "other attributes stay");
}

Test(sandbox, a_directory)
{
	check_read_only("/mnt/plain");
}

Test(sandbox, a_directory_by_a_symbolic_link)
{
	check_read_only("/mnt/link");
}

Test(sandbox, a_directory_on_an_old_kernel)
{
	break_mount_setattr();
	check_read_only("/mnt/plain");
}

Test(sandbox, a_symbolic_link_on_an_old_kernel)
{
	break_mount_setattr();
	check_read_only("/mnt/link");
}

static void check_mount_point(void)
{
	add("/mnt");
	cr_expect_not(writable("/mnt"));
	cr_expect_not(writable("/mnt/plain"));
	cr_expect_not(writable("/mnt/plain/below"));
	cr_expect_str_eq(run("grep -c ' /mnt ' /proc/self/mountinfo"), "1\n",
		"a mount needs no other one on top");
	cr_assert_eq(access("/mnt/outside", F_OK), -1);
	cr_expect_geq(creat("/mnt/outside", 0600), 0, "the guest's mount is as it was");
}

Test(sandbox, a_mount_point)
{
	check_mount_point();
}

Test(sandbox, a_mount_point_on_an_old_kernel)
{
	break_mount_setattr();
	check_mount_point();
}

static void check_everything(void)
{
	sandbox.private_tmp = true;
	add("/");
	cr_expect_not(writable("/mnt"));
	cr_expect_not(writable("/mnt/plain/below"));
	cr_expect_not(writable("/dev/shm"));
	cr_expect(writable("/tmp"), "private_tmp comes last");
}

Test(sandbox, everything)
{
	check_everything();
}

Test(sandbox, everything_on_an_old_kernel)
{
	break_mount_setattr();
	check_everything();
}

Test(sandbox, a_file)
{
	int fd = creat("/mnt/plain/file", 0666);

	cr_assert_geq(fd, 0);
	close(fd);
	add("/mnt/plain/file");
	cr_expect_str_eq(run("echo x 2>/dev/null >/mnt/plain/file; wc -c </mnt/plain/file"), "0\n");
	cr_expect(writable("/mnt/plain"));
}

Test(sandbox, what_is_not_there_is_named)
{
	struct spawn_failure f;

	add("/mnt");
	add("/mnt/absent/x");
	f = failure_of();
	cr_expect_eq(f.error, ENOENT);
	cr_expect_str_eq(sandbox_part(&sandbox, f.part), "/mnt/absent/x");
}

Test(sandbox, what_may_be_absent)
{
	add("-/mnt/absent");
	add("-/mnt/plain");
	cr_expect_not(writable("/mnt/plain"));
	cr_expect_str_eq(sandbox_part(&sandbox, 2), "/mnt/plain");
}

/* A mount point whose name mountinfo writes differently must not stay writable. */
Test(sandbox, odd_names)
{
	cr_assert_eq(mkdir("/mnt/plain/a b", 0755), 0);
	cr_assert_eq(mount("tmpfs", "/mnt/plain/a b", "tmpfs", 0, NULL), 0);
	add("/mnt/plain");
	cr_expect_not(writable("'/mnt/plain/a b'"));
	break_mount_setattr();
	cr_expect_not(writable("'/mnt/plain/a b'"), "on a kernel before Linux 5.12");
	cr_expect_not(writable("/mnt/plain"));
}

Test(sandbox, parts)
{
	add("/a");
	add("-/b");
	sandbox.private_tmp = true;
	cr_expect_null(sandbox_part(&sandbox, 0));
	cr_expect_str_eq(sandbox_part(&sandbox, 1), "/a");
	cr_expect_str_eq(sandbox_part(&sandbox, 2), "/b");
	cr_expect_str_eq(sandbox_part(&sandbox, 3), "/tmp");
	cr_expect_str_eq(sandbox_part(&sandbox, 4), "/var/tmp");
	cr_expect_null(sandbox_part(&sandbox, 5));
	cr_expect_null(sandbox_part(&sandbox, ~0u));
}

/* Later mounts of a guest with shared mounts appear inside; mounts inside stay there. */
Test(sandbox, later_mounts_appear_inside_only)
{
	struct spawn_request r = rig_request("/bin/sh", "-c",
		"mount -t tmpfs tmpfs /mnt/plain && echo ready && read -r line <&3 && "
		"ls /mnt/plainer && grep -c ' /mnt/plain/below ' /proc/self/mountinfo",
		NULL);
	struct rig_result got;
	char ready[6] = "";
	int in[2];

	cr_assert_eq(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL), 0);
	sandbox.private_tmp = true;
	r.prepare = sandbox_enter;
	r.prepare_arg = &sandbox;
	cr_assert_eq(pipe(in), 0);
	r.fds = &in[0];
	r.fd_count = 1;
	rig_start(&r, "", &got);
	cr_assert_eq(got.error, 0);
	cr_assert_eq(read(got.output_fd, ready, 6), 6);
	cr_expect_eq(access("/mnt/plain/below", F_OK), 0, "its own mounts stay inside");
	cr_assert_eq(mount("tmpfs", "/mnt/plainer", "tmpfs", 0, NULL), 0);
	cr_assert_eq(mkdir("/mnt/plainer/later", 0755), 0);
	cr_assert_eq(write(in[1], "\n", 1), 1);
	rig_finish(&got);
	cr_expect_str_eq(got.output, "later\n1\n");
	close(in[0]);
	close(in[1]);
}
