/* SPDX-License-Identifier: MIT */
#include "init/guest_drives.h"

#include "base/buf.h"
#include "base/directory.h"
#include "base/log.h"
#include "init/machine_id.h"
#include "init/random_pool.h"
#include "mounts/ext4.h"
#include "mounts/secrets.h"
#include "mounts/virtiofs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_FILE "/mnt/config/random-seed"
#define SEED_NOTE "/var/lib/mvm/random-seed.used"

static void mount_plain_drive(struct guest *g, enum drive_role role)
{
	const char *device = g->drives.found.device[role];
	struct problem p;

	if (device[0] == '\0')
		return;
	g->drives.mounted[role] =
		drive_mount(device, drive_mount_point(role), role == DRIVE_DATA, &p) == 0;
	if (!g->drives.mounted[role])
		log_problem(&p);
}

int guest_drives_copy_secrets(struct guest *g, const struct reporter *report)
{
	const char *device = g->drives.found.device[DRIVE_SECRETS];
	struct problem p;
	gid_t group = 0;
	int err;

	if (device[0] == '\0')
		return 0;
	if (accounts_find_group(&g->supervisor.accounts, g->settings.service_group, &group, &p) !=
		0)
		log_line("secrets: %s: only root can read them", p.text);
	err = secrets_mount(device, group, report, &p);
	if (err != 0)
		problem_report(report, &p);
	return err;
}

/*
 * The kernel's cache has the old contents. It can be dropped only while the file system is not
 * mounted anywhere.
 */
int guest_drives_remount_config(struct guest *g, struct problem *p)
{
	const char *device = g->drives.found.device[DRIVE_CONFIG];
	const char *target = drive_mount_point(DRIVE_CONFIG);

	if (device[0] == '\0')
		return 0;
	if (umount2(target, 0) != 0 && errno != EINVAL)
		return problem_set(p, errno, "cannot unmount %s", target);
	drive_forget_cache(device);
	return drive_mount(device, target, false, p);
}

static int count_entry(void *arg, const char *name)
{
	unsigned int *entries = arg;

	*entries += strcmp(name, "lost+found") != 0;
	return 0;
}

/* True if the file system is as mkfs(8) made it. */
static bool is_new(int fd, const struct stat *top)
{
	unsigned int entries = 0;

	return top->st_uid == 0 && top->st_gid == 0 &&
	       directory_each(fd, count_entry, &entries) == 0 && entries == 0;
}

/* USER or USER:GROUP as numbers. Returns 0 or -errno with `p`. */
static int find_owner(struct guest *g, const char *text, uid_t *uid, gid_t *gid, struct problem *p)
{
	size_t len = strcspn(text, ":");
	char user[2 * ACCOUNT_NAME_MAX];
	struct account a;
	int err;

	buf_format(user, sizeof(user), "%.*s", (int)len, text);
	err = accounts_find_user(&g->supervisor.accounts, user, &a, p);
	if (err != 0)
		return err;
	*uid = a.uid;
	*gid = a.gid;
	return text[len] == '\0'
		       ? 0
		       : accounts_find_group(&g->supervisor.accounts, text + len + 1, gid, p);
}

/*
 * mkfs(8) makes a top directory that belongs to root. At every boot the owner of init.ini gets it;
 * without data_owner, a new file system goes to the default user of services.
 */
static void give_data_to_owner(struct guest *g)
{
	const char *wanted = g->settings.data_owner;
	int fd = open(drive_mount_point(DRIVE_DATA), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct problem p = { 0 };
	struct stat top;
	uid_t uid;
	gid_t gid;

	if (fd < 0 || fstat(fd, &top) != 0)
		problem_set(&p, errno, "data_owner: %s", drive_mount_point(DRIVE_DATA));
	else if (wanted[0] == '\0' && !is_new(fd, &top))
		;
	else if (find_owner(g, wanted[0] != '\0' ? wanted : g->settings.service_group, &uid, &gid,
			 &p) != 0)
		p.code = wanted[0] != '\0' ? p.code : 0;
	else if ((top.st_uid != uid || top.st_gid != gid) && fchown(fd, uid, gid) != 0)
		problem_set(&p, errno, "data_owner: %s", drive_mount_point(DRIVE_DATA));
	if (p.code != 0)
		log_problem(&p);
	if (fd >= 0)
		close(fd);
}

static void grow_data(struct guest *g)
{
	struct problem p;
	int64_t bytes =
		ext4_grow(g->drives.found.device[DRIVE_DATA], drive_mount_point(DRIVE_DATA), &p);

	if (bytes < 0)
		log_problem(&p);
	else if (bytes > 0)
		log_line("data drive has grown to %llu MiB", (unsigned long long)bytes >> 20);
}

void guest_drives_mount_shares(const struct guest *g)
{
	static const char *const words[] = { "mvm.workdir", "mvm.datadir" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *path = cmdline_value(&g->cmdline, words[i]);
		struct problem p;

		if (path == NULL)
			continue;
		if (!virtiofs_path_is_allowed(path))
			log_line("kernel command line: %s: '%s' is not allowed for a share",
				words[i], path);
		else if (virtiofs_mount(words[i] + sizeof("mvm.") - 1, path, &p) != 0)
			log_problem(&p);
	}
}

int guest_drives_use_seed(struct guest *g)
{
	enum random_seed seed;
	int err;

	if (!g->drives.mounted[DRIVE_CONFIG])
		return 0;
	seed = random_pool_use_seed(SEED_FILE, SEED_NOTE, &err);
	if (seed == RANDOM_SEED_OLD)
		log_line("random-seed of the config drive was used by an earlier boot: mixed in, "
			 "but not counted");
	if (seed != RANDOM_SEED_NONE)
		machine_id_renew(&log_problems);
	return err != 0 ? err : seed != RANDOM_SEED_NONE;
}

void guest_drives_mount(struct guest *g)
{
	drives_find(g->settings.drives, &g->drives.found, &log_problems);
	mount_plain_drive(g, DRIVE_CONFIG);
	g->drives.mounted[DRIVE_SECRETS] = guest_drives_copy_secrets(g, &log_problems) == 0 &&
					   g->drives.found.device[DRIVE_SECRETS][0] != '\0';
	mount_plain_drive(g, DRIVE_DATA);
	if (g->drives.mounted[DRIVE_DATA]) {
		grow_data(g);
		give_data_to_owner(g);
	}
}
