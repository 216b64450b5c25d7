/* SPDX-License-Identifier: MIT */
#include "init/sysctl.h"

#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO */

#define USER_NAMESPACES 0 /* row of user.max_user_namespaces */

/* Reasons are only for the manual. */
#ifdef SERVICE_KEY_WORDS
#define WHY(text) (text)
#else
#define WHY(text) NULL
#endif

const struct sysctl_default sysctl_defaults[] = {
	{ "user.max_user_namespaces", "0",
		WHY("root of a user namespace reaches mounts, raw sockets and packet filters") },
	{ "kernel.kptr_restrict", "2", WHY("kernel addresses help an attack on the kernel") },
	{ "kernel.dmesg_restrict", "1", WHY("the kernel log shows such addresses") },
	{ "kernel.unprivileged_bpf_disabled", "1",
		WHY("only root loads programs into the kernel") },
	{ "kernel.kexec_load_disabled", "1", WHY("the host chooses the guest's kernel") },
	{ "vm.unprivileged_userfaultfd", "0",
		WHY("it can stop the kernel in the middle of a copy") },
	{ "dev.tty.ldisc_autoload", "0", WHY("old line disciplines have faults and no users") },
	{ "fs.protected_hardlinks", "1", WHY("no hard links to files of other users") },
	{ "fs.protected_symlinks", "1",
		WHY("other users' symbolic links in /tmp are not followed") },
	{ "fs.protected_fifos", "2", WHY("O_CREAT does not open other users' FIFOs in /tmp") },
	{ "fs.protected_regular", "2", WHY("O_CREAT does not open other users' files in /tmp") },
	{ "kernel.shm_rmid_forced", "1",
		WHY("shared memory is freed with the last process that uses it") },
	{ "kernel.msgmni", "128", WHY("message queues outlive their service: 2 MiB at most") },
	{ "kernel.sem", "250 32000 32 128",
		WHY("semaphores outlive their service, too: 2 MiB at most") },
	{ "fs.file-max", "9223372036854775807",
		WHY("open files count as their service's memory; a full table would stop every "
		    "service") },
	{ "fs.inotify.max_user_instances", "2147483647",
		WHY("they count as their service's memory; a user's limit would be shared by all "
		    "services of the user") },
	{ "fs.inotify.max_user_watches", "2147483647", WHY("the same") },
	{ "fs.pipe-user-pages-soft", "0",
		WHY("the same: beyond the user's limit, pipes of all its services are small") },
};
const size_t sysctl_default_count = sizeof(sysctl_defaults) / sizeof(sysctl_defaults[0]);

bool sysctl_kernel_is_ours(void)
{
	struct stat st;

	/* A kernel without PID namespaces has no such file and no containers. */
	return stat("/proc/self/ns/pid", &st) != 0 || st.st_ino == INITIAL_PID_NAMESPACE;
}

bool sysctl_name_is_valid(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if ((!isalnum((unsigned char)*c) && strchr("_-./", *c) == NULL) ||
			(c[0] == '.' && c[1] == '.'))
			return false;
	return isalnum((unsigned char)name[0]);
}

/*
 * Dots separate the parts of a name unless it has a slash, as in sysctl(8): with slashes, a part
 * may have a dot, such as the name of a network device.
 */
static int set(int root, const char *name, size_t len, const char *value)
{
	bool slashes = memchr(name, '/', len) != NULL;
	char path[256];

	if (root < 0 || len >= sizeof(path))
		return root < 0 ? root : -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		path[i] = !slashes && name[i] == '.' ? '/' : name[i];
	path[len] = '\0';
	return file_write_at(root, path, value, strlen(value));
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

/* Settings that this kernel does not have are skipped silently. */
static void set_defaults(int root, const struct strings *own, bool user_namespaces)
{
	for (size_t i = user_namespaces ? USER_NAMESPACES + 1 : 0; i < sysctl_default_count; i++) {
		const char *name = sysctl_defaults[i].name;

		if (!is_replaced(name, own))
			(void)!set(root, name, strlen(name), sysctl_defaults[i].value);
	}
}

unsigned int sysctl_apply(const char *root, const struct strings *own, bool user_namespaces,
	const struct reporter *report)
{
	int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int failures = 0;

	if (directory < 0)
		directory = -errno;
	set_defaults(directory, own, user_namespaces);
	for (size_t i = 0; i < own->count; i++) {
		const char *entry = own->list[i];
		size_t len = strcspn(entry, "=");
		int err = set(directory, entry, len, entry + len + 1);
		struct problem p;

		if (err == 0)
			continue;
		problem_set(&p, -err, "[sysctl]: cannot set %.*s to '%s'", (int)len, entry,
			entry + len + 1);
		problem_report(report, &p);
		failures++;
	}
	if (directory >= 0)
		close(directory);
	return failures;
}
