/* SPDX-License-Identifier: MIT */
#include "init/sysctl.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define USER_NAMESPACES "user.max_user_namespaces"

static const struct {
	const char *name, *value, *why;
} defaults[] = {
	{ USER_NAMESPACES, "0",
		"root of a user namespace reaches mounts, raw sockets and packet filters" },
	{ "kernel.kptr_restrict", "2", "addresses of the kernel help an attack on it" },
	{ "kernel.dmesg_restrict", "1", "so does its log" },
	{ "kernel.unprivileged_bpf_disabled", "1", "programs inside the kernel are root's" },
	{ "kernel.perf_event_paranoid", "2", "measuring the kernel is root's" },
	{ "kernel.kexec_load_disabled", "1", "a guest's kernel is the host's choice" },
	{ "kernel.yama.ptrace_scope", "1", "a process is traced by its parent alone" },
	{ "vm.unprivileged_userfaultfd", "0", "it holds the kernel in the middle of a copy" },
	{ "dev.tty.ldisc_autoload", "0", "old line disciplines have no users, and faults" },
	{ "fs.protected_hardlinks", "1", "no hard link to a file of somebody else" },
	{ "fs.protected_symlinks", "1", "no symbolic link of somebody else followed in /tmp" },
	{ "fs.protected_fifos", "2", "no FIFO of somebody else opened in /tmp to create it" },
	{ "fs.protected_regular", "2", "likewise for files" },
	{ "kernel.shm_rmid_forced", "1", "shared memory goes with the last process that has it" },
	{ "kernel.msgmni", "128", "message queues outlive their service: 2 MiB at most" },
	{ "kernel.sem", "250 32000 32 128", "so do semaphores: 2 MiB at most" },
	{ "fs.file-max", "9223372036854775807",
		"open files count as their service's memory; a full table would stop all" },
};

bool sysctl_name_is_valid(const char *name)
{
	static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "_-./";

	return name[0] != '\0' && name[0] != '.' && name[0] != '/' &&
	       name[strspn(name, legal)] == '\0' && strstr(name, "..") == NULL &&
	       strlen(name) < 200;
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
	void (*report)(const struct problem *p))
{
	unsigned int failures = 0;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		const char *name = defaults[i].name;

		if ((user_namespaces && strcmp(name, USER_NAMESPACES) == 0) ||
			is_replaced(name, own))
			continue;
		(void)!set(root, name, strlen(name), defaults[i].value);
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
		report(&p);
		failures++;
	}
	return failures;
}

void sysctl_print_table(FILE *out)
{
	fprintf(out, "| setting | value | why |\n|---|---|---|\n");
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		fprintf(out, "| `%s` | %s | %s |\n", defaults[i].name, defaults[i].value,
			defaults[i].why);
}
