/* SPDX-License-Identifier: MIT */
#include "supervisor/log_open.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_checked(const char *path, gid_t group)
{
	int fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		0640);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		err = -EINVAL;
	else if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		err = -EMLINK; /* the other name may be that of a file that only root may write to
				*/
	if (err != 0) {
		close(fd);
		return err;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0 && st.st_gid != group)
		(void)!fchown(fd, (uid_t)-1, group);
	fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

int log_open_file(const char *path, gid_t group, struct problem *p)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	int fd = open_checked(path, group);

	if (fd == -ENOENT && len > 0 && len < sizeof(directory)) {
		memcpy(directory, path, len);
		directory[len] = '\0';
		if (file_make_directories(directory) == 0)
			fd = open_checked(path, group);
	}
	return fd < 0 ? problem_set(p, -fd, "log_file %s", path) : fd;
}
