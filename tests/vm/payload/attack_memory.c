/* SPDX-License-Identifier: MIT */
/* Memory, and what stays of it when its owner is gone. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#define STEP (1 << 20)

void attack_nothing(void)
{
}

static int take_mapping(int flags)
{
	char *p = mmap(
		NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	memset(p, 1, STEP);
	return 0;
}

static int take_anonymous(void)
{
	return take_mapping(0);
}

static int take_locked(void)
{
	return take_mapping(MAP_LOCKED);
}

static int take_huge(void)
{
	char *p = mmap(NULL, STEP * 2, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

/* A page each 2 MiB: each needs a page of the table, too. */
static int take_page_table(void)
{
	char *p = mmap(NULL, 2 * STEP, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	*p = 1;
	return 0;
}

static int take_sysv_shm(void)
{
	int id = shmget(IPC_PRIVATE, STEP, IPC_CREAT | 0600);
	void *p = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	if (p == (void *)-1)
		return errno;
	memset(p, 1, STEP);
	return 0;
}

static int take_sysv_msg(void)
{
	static struct {
		long type;
		char text[8000];
	} m = { .type = 1 };
	static int id = -1;

	if (id >= 0 && msgsnd(id, &m, sizeof m.text, IPC_NOWAIT) == 0)
		return 0;
	id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	return id < 0 ? errno : 0;
}

static int take_sysv_sem(void)
{
	return semget(IPC_PRIVATE, 250, IPC_CREAT | 0600) < 0 ? errno : 0;
}

static int take_posix_mq(void)
{
	static int number;
	char name[32];

	snprintf(name, sizeof name, "/attack-%d", number++);
	return mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL) < 0 ? errno : 0;
}

static int fill(int fd)
{
	static char block[65536];

	memset(block, 1, sizeof block);
	return write(fd, block, sizeof block) < 0 ? errno : 0;
}

static int take_file_in(const char *directory)
{
	static int fd = -1;
	static int number;
	char path[64];

	if (fd < 0) {
		snprintf(path, sizeof path, "%s/attack-%d", directory, number++);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	}
	return fd < 0 ? errno : fill(fd);
}

static int take_posix_shm(void)
{
	return take_file_in("/dev/shm");
}

static int take_tmp(void)
{
	return take_file_in("/tmp");
}

static int take_memfd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("attack", MFD_CLOEXEC);
	return fd < 0 ? errno : fill(fd);
}

static int take_inode(void)
{
	static int number;
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/tmp/inode-%d", number++);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

const struct attack attacks_memory[] = {
	{ "anonymous", take_anonymous, attack_nothing },
	{ "hugetlb", take_huge, attack_nothing },
	{ "inodes", take_inode, attack_nothing },
	{ "memfd", take_memfd, attack_nothing },
	{ "mlock", take_locked, attack_nothing },
	{ "page-tables", take_page_table, attack_nothing },
	{ "posix-mq", take_posix_mq, attack_nothing },
	{ "posix-shm", take_posix_shm, attack_nothing },
	{ "sysv-msg", take_sysv_msg, attack_nothing },
	{ "sysv-sem", take_sysv_sem, attack_nothing },
	{ "sysv-shm", take_sysv_shm, attack_nothing },
	{ "tmp", take_tmp, attack_nothing },
	{ 0 },
};
