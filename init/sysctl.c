/* SPDX-License-Identifier: MIT */
#include "init/sysctl.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO */

#define USER_NAMESPACES "user.max_user_namespaces"

/* Only the manual shows why. */
#ifdef SERVICE_KEY_WORDS
#define WHY(text) (text)
#else
#define WHY(text) NULL
#endif

const struct sysctl_default sysctl_defaults[] = {
	{ USER_NAMESPACES, "0",
		WHY("root of a user namespace reaches mounts, raw sockets and packet filters") },
	{ "kernel.kptr_restrict", "2", WHY("addresses of the kernel help an attack on it") },
	{ "kernel.dmesg_restrict", "1", WHY("so does its log") },
	{ "kernel.unprivileged_bpf_disabled", "1", WHY("programs inside the kernel are root's") },
	{ "kernel.perf_event_paranoid", "2", WHY("measuring the kernel is root's") },
	{ "kernel.kexec_load_disabled", "1", WHY("a guest's kernel is the host's choice") },
	{ "kernel.yama.ptrace_scope", "1", WHY("a process is traced by its parent alone") },
	{ "vm.unprivileged_userfaultfd", "0", WHY("it holds the kernel in the middle of a copy") },
	{ "dev.tty.ldisc_autoload", "0", WHY("old line disciplines have no users, and faults") },
	{ "fs.protected_hardlinks", "1", WHY("no hard link to a file of somebody else") },
	{ "fs.protected_symlinks", "1", WHY("no symbolic link of somebody else followed in /tmp") },
	{ "fs.protected_fifos", "2", WHY("no FIFO of somebody else opened in /tmp to create it") },
	{ "fs.protected_regular", "2", WHY("likewise for files") },
	{ "kernel.shm_rmid_forced", "1",
		WHY("shared memory goes with the last process that has it") },
	{ "kernel.msgmni", "128", WHY("message queues outlive their service: 2 MiB at most") },
	{ "kernel.sem", "250 32000 32 128", WHY("so do semaphores: 2 MiB at most") },
	{ "fs.file-max", "9223372036854775807",
		WHY("open files count as their service's memory; a full table would stop all") },
};
const size_t sysctl_default_count = sizeof(sysctl_defaults) / sizeof(sysctl_defaults[0]);

bool sysctl_kernel_is_ours(void)
{
	struct stat st;

	/* A kernel without PID namespaces has no such file, and no containers. */
	return stat("/proc/self/ns/pid", &st) != 0 || st.st_ino == INITIAL_PID_NAMESPACE;
}

bool sysctl_name_is_valid(const char *name)
{
	static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "_-./";

	/* strstr(3) would be a hundredth of the program. */
	for (const char *at = name; *at != '\0'; at++)
		if (at[0] == '.' && at[1] == '.')
			return false;
	return name[0] != '\0' && name[0] != '.' && name[0] != '/' &&
	       name[strspn(name, legal)] == '\0' && strlen(name) < 200;
}

/*
 * Dots part the names unless there is a slash, as sysctl(8) has it: with slashes a name may have a
 * dot, such as that of a network device.
 */
static void put_path(struct buf *path, const char *root, const char *name, size_t len)
{
	bool slashes = memchr(name, '/', len) != NULL;

	buf_printf(path, "%s/", root);
	for (size_t i = 0; i < len; i++)
		buf_put(path, !slashes && name[i] == '.' ? "/" : name + i, 1);
}

static int set(const char *root, const char *name, size_t len, const char *value)
{
	char text[256];
	struct buf path = BUF_OVER(text);

	put_path(&path, root, name, len);
	return path.cut ? -ENAMETOOLONG : file_write(text, value, strlen(value));
}

/* True if `name`, of `len` bytes, and the table's `other` are the same setting. */
static bool is_same(const char *name, size_t len, const char *other)
{
	if (strlen(other) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] != other[i] && !(name[i] == '/' && other[i] == '.'))
			return false;
	return true;
}

static bool is_replaced(const char *name, const struct strings *own)
{
	for (size_t i = 0; i < own->count; i++)
		if (is_same(own->list[i], strcspn(own->list[i], "="), name))
			return true;
	return false;
}

unsigned int sysctl_apply(const char *root, const struct strings *own, bool user_namespaces,
	const struct reporter *report)
{
	unsigned int failures = 0;

	for (size_t i = 0; i < sysctl_default_count; i++) {
		const char *name = sysctl_defaults[i].name;

		if ((user_namespaces && strcmp(name, USER_NAMESPACES) == 0) ||
			is_replaced(name, own))
			continue;
		(void)!set(root, name, strlen(name), sysctl_defaults[i].value);
	}
	for (size_t i = 0; i < own->count; i++) {
		const char *entry = own->list[i];
		size_t len = strcspn(entry, "=");
		int err = set(root, entry, len, entry + len + 1);
		struct problem p;

		if (err == 0)
			continue;
		problem_set(&p, -err, "[sysctl]: cannot set %.*s to '%s'", (int)len, entry,
			entry + len + 1);
		problem_report(report, &p);
		failures++;
	}
	return failures;
}
