/* SPDX-License-Identifier: MIT */
/*
 * The boot benchmark's start: notes the time stamp counter and becomes the init that is measured.
 *
 *   init=/preload ... -- warm|cold /init [ARGUMENT...]
 *
 * "warm" first brings every file of the root file system into the page cache. The counter goes to
 * /dev/start, a page of memory shared with first_instruction.c: noting it costs one store.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_FILE "/dev/start"

static void read_file(const char *path)
{
	static char data[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, data, sizeof data) > 0)
		;
	if (fd >= 0)
		close(fd);
}

/* Reads all files below the directory that are on its device. */
static void read_tree(const char *directory, dev_t device)
{
	char path[512];
	DIR *d = opendir(directory[0] ? directory : "/");

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
		if (lstat(path, &st) != 0 || st.st_dev != device)
			continue;
		if (S_ISDIR(st.st_mode))
			read_tree(path, device);
		else if (S_ISREG(st.st_mode))
			read_file(path);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3 || stat("/", &st) != 0)
		return 1;
	if (strcmp(argv[1], "warm") == 0)
		read_tree("", st.st_dev);
	int fd = open(START_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, 4096) != 0) {
		perror(START_FILE);
		return 1;
	}
	volatile uint64_t *start = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED) {
		perror(START_FILE);
		return 1;
	}
	*start = 0; /* the page is there now */
	*start = __builtin_ia32_rdtsc();
	__asm__ volatile("nopl 0x4d564d01(%rax)"); /* a mark for tests/bench/profile.c */
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
