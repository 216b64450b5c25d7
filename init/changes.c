/* SPDX-License-Identifier: MIT */
#include "init/changes.h"

#include "init/helper.h"
#include "mounts/overlay.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

void changes_init(struct changes_work *c, struct loop *loop)
{
	*c = (struct changes_work){ .loop = loop, .io.fd = -1, .fd = -1 };
}

/* Who reads it is woken by this, and asks for more when there is room. */
static void on_more(struct loop_io *io, uint32_t events)
{
	struct changes_work *c = LOOP_OWNER(io, struct changes_work, io);

	(void)events;
	loop_remove(c->loop, io);
}

int changes_begin(struct changes_work *c)
{
	int err;

	if (access(OVERLAY_CHANGES, F_OK) != 0)
		return -errno;
	err = helper_start(c->loop, &c->io, on_more, overlay_write_changes);
	c->fd = err == 0 ? c->io.fd : -1;
	return err;
}

ssize_t changes_read(struct changes_work *c, char *data, size_t size)
{
	ssize_t n = read(c->fd, data, size);

	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN &&
		(c->io.fd >= 0 || loop_add(c->loop, &c->io, c->fd, EPOLLIN, on_more) == 0))
		return -EAGAIN;
	changes_close(c);
	return 0;
}

void changes_close(struct changes_work *c)
{
	loop_remove(c->loop, &c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
