/* SPDX-License-Identifier: MIT */
/*
 * Remove a directory tree. All entries are counted before the first is removed. No symbolic link is
 * followed and no mount point is entered.
 */
#include "agent/files/file_answer.h"
#include "agent/files/file_path.h"
#include "agent/files/file_request.h"
#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	int fd; /* the directory of this level */
	int depth;
	bool removes; /* false: only counts */
	uint64_t count;
	struct problem *p;
};

static int walk(struct tree *up, const char *name);

static int failed(const struct tree *t, const char *name, int err)
{
	if (err == -EXDEV || err == -EBUSY) {
		problem_set_text(t->p, EPERM, "%s: a mount point cannot be removed", name);
		return -FILE_PATH_DENIED;
	}
	return problem_set(t->p, -err, "%s", name);
}

static int each(void *arg, const char *name)
{
	struct tree *t = arg;
	struct stat st;
	int err = 0;

	if (fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : failed(t, name, -errno);
	if (S_ISDIR(st.st_mode))
		err = walk(t, name);
	if (err != 0)
		return err;
	if (t->removes && unlinkat(t->fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0)
		return failed(t, name, -errno);
	if (++t->count <= FILE_REMOVE_MAX)
		return 0;
	problem_set_text(t->p, E2BIG, "more than %d entries; nothing was removed", FILE_REMOVE_MAX);
	return -FILE_TOO_MANY;
}

/* Count or remove everything in the directory `name`. */
static int walk(struct tree *up, const char *name)
{
	struct tree t = *up;
	int err;

	if (++t.depth > FILE_DEPTH_MAX) {
		problem_set_text(
			t.p, E2BIG, "%s: nested deeper than %d directories", name, FILE_DEPTH_MAX);
		return -FILE_TOO_MANY;
	}
	t.fd = file_path_openat(up->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (t.fd < 0)
		return failed(up, name, t.fd);
	err = directory_each(t.fd, each, &t);
	close(t.fd);
	up->count = t.count;
	return err;
}

int file_remove_tree(int parent, const char *name, uint64_t *removed, struct problem *p)
{
	struct tree t = { .fd = parent, .p = p };
	int err = walk(&t, name);

	if (err != 0)
		return err;
	t = (struct tree){ .fd = parent, .p = p, .removes = true };
	err = walk(&t, name);
	if (err == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0)
		err = failed(&t, name, -errno);
	*removed = t.count;
	return err;
}
