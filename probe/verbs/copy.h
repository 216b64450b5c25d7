/* SPDX-License-Identifier: MIT */
/* One file between this machine and a guest: the parts of cp that move bytes. */
#ifndef PROBE_VERBS_COPY_H
#define PROBE_VERBS_COPY_H

#include "probe/verbs/guest_files.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPY_SUFFIX ".mvm-copy" /* of the file that is not whole yet, beside the destination */

struct copy {
	struct guest_files guest;
	bool is_up;           /* to the guest */
	bool knows_hash;      /* the agent is ours: it has pages and hashes */
	bool shows_progress;  /* standard error is a terminal */
	bool has_failed_part; /* something of a directory was left out, and told */
	int percent;          /* that was shown last */
};

/* What is to be copied. `size` 0 of a file of the guest: so much as there is. */
struct copy_file {
	const char *local, *guest; /* paths; of the destination it is the final one */
	uint64_t size;
	unsigned int mode;
	int64_t modified_secs;
};

/*
 * Copy a regular file. The destination is the old file or the whole new one at any time. A copy
 * that was broken off goes on where it was, when what is there is equal. False with the guest's
 * failure set.
 */
bool copy_up(struct copy *c, const struct copy_file *f);
bool copy_down(struct copy *c, const struct copy_file *f);

/* Set the failure to an error of this machine. Returns false. */
bool copy_failed(struct copy *c, const char *path, int error);

/* Ask about a file of the guest. True when it is there; false without a failure: it is not. */
bool copy_stat(struct copy *c, const char *path, bool follow, struct answer *a);

/* Set mode and time of a file or directory of the guest, where the agent can. */
bool copy_set_attributes(
	struct copy *c, const char *path, unsigned int mode, int64_t modified_secs);

/* Show how much of a file is done. */
void copy_show(struct copy *c, const struct copy_file *f, uint64_t done);

/*
 * The way to agents that know neither pages nor hashes (copy_upstream.c): `size` bytes of `fd` to
 * the guest's file `path`, read back and compared.
 */
bool copy_up_whole(struct copy *c, int fd, const char *path, uint64_t size, unsigned int mode);

#endif
