/* SPDX-License-Identifier: MIT */
#include "init/sync.h"

#include "base/clock.h"
#include "base/file.h"
#include "init/helper.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#define DROP_CACHES "/proc/sys/vm/drop_caches"

static void run(int report, bool drops_caches)
{
	struct sync_part parts[SYNC_PARTS] = { { .start_us = clock_us() } };

	sync();
	parts[0].end_us = parts[1].start_us = clock_us();
	if (drops_caches)
		parts[1].error = -file_write(DROP_CACHES, "3", 1);
	parts[1].end_us = clock_us();
	(void)!write(report, parts, sizeof(parts));
}

static void run_whole(int report)
{
	run(report, true);
}

static void run_first(int report)
{
	run(report, false);
}

/* The results, or end of file if the process was killed. */
static void on_report(struct loop_io *io, uint32_t events)
{
	struct sync_work *s = LOOP_OWNER(io, struct sync_work, io);
	int fd = io->fd;

	(void)events;
	if (read(fd, s->parts, sizeof(s->parts)) != (ssize_t)sizeof(s->parts))
		s->parts[0].error = s->parts[1].error = ECANCELED;
	loop_remove(s->loop, io);
	close(fd);
}

void sync_init(struct sync_work *s, struct loop *loop)
{
	*s = (struct sync_work){ .loop = loop, .io.fd = -1 };
}

int sync_begin(struct sync_work *s, bool drops_caches)
{
	s->parts[0].start_us = s->parts[0].end_us = clock_us();
	s->parts[0].error = 0;
	s->parts[1] = s->parts[0];
	return helper_start(s->loop, &s->io, on_report, drops_caches ? run_whole : run_first);
}
