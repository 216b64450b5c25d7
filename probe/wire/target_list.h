/* SPDX-License-Identifier: MIT */
/* Lists of targets from globs, directories of VMs, a search path, or a file. */
#ifndef PROBE_WIRE_TARGET_LIST_H
#define PROBE_WIRE_TARGET_LIST_H

#include "base/problem.h"
#include "probe/wire/target.h"

#include <stddef.h>
#include <stdint.h>

#define TARGET_LIST_MAX      65536
#define TARGET_LIST_FILE_MAX (8u << 20) /* bytes of a targets file */

/* Search path of --all without --search-path and MVM_PROBE_PATH. */
#define TARGET_LIST_PATH "/run/vms/*:/var/lib/mvm/vms/*:/var/lib/mvm/instances/*:~/.mvm/vms/*"

struct target_list {
	struct target *items;
	size_t count;
	uint32_t port;     /* the agent's port, for targets without one */
	bool may_be_empty; /* set by the caller: a glob without matches is not an error */
	bool is_expanded;  /* targets came from a glob, a directory, a file or a search path */
};

/* Add the target `text` as it is; kept by reference. Returns 0 or -EINVAL with `p`. */
int target_list_add(struct target_list *l, const char *text, struct problem *p);

/*
 * Add the targets that `text` stands for: a glob (glob(7)) for the VMs and sockets that match, a
 * directory of VMs for the VMs in it, in the order of strcmp(3), any other text for itself. Returns
 * 0 or -EINVAL with `p`; a glob that matches no VM is an error.
 */
int target_list_expand(struct target_list *l, const char *text, struct problem *p);

/*
 * Add the targets in a file, one on each line; "-" is standard input. Empty lines and lines that
 * begin with # are skipped. Each line is expanded like an argument. Returns 0 or -errno with `p`.
 */
int target_list_add_file(struct target_list *l, const char *path, struct problem *p);

/*
 * Add all VMs on a search path: globs or directories, separated by colons; ~ is the home directory.
 * A glob without matches is not an error. Returns 0 or -errno with `p`.
 */
int target_list_search(struct target_list *l, const char *search_path, struct problem *p);

/* Drop targets with the same socket as an earlier one. */
void target_list_unique(struct target_list *l);

void target_list_free(struct target_list *l);

#endif
