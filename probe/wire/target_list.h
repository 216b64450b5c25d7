/* SPDX-License-Identifier: MIT */
/* Many targets from few words: globs, directories of VMs, a search path, a file. */
#ifndef PROBE_WIRE_TARGET_LIST_H
#define PROBE_WIRE_TARGET_LIST_H

#include "base/problem.h"
#include "probe/wire/target.h"

#include <stddef.h>
#include <stdint.h>

#define TARGET_LIST_MAX      65536
#define TARGET_LIST_FILE_MAX (8u << 20) /* bytes of a targets file */

/* Where --all looks when neither --search-path nor MVM_PROBE_PATH says otherwise. */
#define TARGET_LIST_PATH "/run/vms/*:/var/lib/mvm/vms/*:/var/lib/mvm/instances/*:~/.mvm/vms/*"

struct target_list {
	struct target *items;
	size_t count;
	uint32_t port;     /* the agent's, where a target does not name one */
	bool may_be_empty; /* the caller sets it: a glob that matches nothing is no error */
	bool is_expanded;  /* a glob, a directory, a file or a search path gave targets */
};

/* Add exactly the target `text`, which is kept by reference. Returns 0 or -EINVAL with `p`. */
int target_list_add(struct target_list *l, const char *text, struct problem *p);

/*
 * Add the targets that `text` stands for: a glob (glob(7)) stands for the VMs and sockets that
 * match, a directory of VMs for those in it, in the order of strcmp(3); everything else for itself.
 * Returns 0 or -EINVAL with `p`: a glob that matches no VM is an error.
 */
int target_list_expand(struct target_list *l, const char *text, struct problem *p);

/*
 * Add the targets in a file, one a line, "-" for standard input. Empty lines and those that begin
 * with # are skipped; each line is expanded as an argument is. Returns 0 or -errno with `p`.
 */
int target_list_add_file(struct target_list *l, const char *path, struct problem *p);

/*
 * Add all VMs on a search path: globs or directories, separated by colons; ~ is the home
 * directory. A glob that matches nothing is no error. Returns 0 or -errno with `p`.
 */
int target_list_search(struct target_list *l, const char *search_path, struct problem *p);

/* Drop targets that lead to the same socket as one before. */
void target_list_unique(struct target_list *l);

void target_list_free(struct target_list *l);

#endif
