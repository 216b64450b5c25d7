/* SPDX-License-Identifier: MIT */
/*
 * The security policy: what the host may do in this guest. The policy file on the config drive
 * decides; without one, the image does (agent.json, "dev"). mvm-protocol(7) has the rules.
 */
#ifndef AGENT_REQUESTS_POLICY_H
#define AGENT_REQUESTS_POLICY_H

#include "base/problem.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

#define POLICY_PORTS_MAX 64 /* most ports that a policy names */
#define POLICY_USER_MAX  64 /* bytes of a user's name */

struct policy {
	bool allows_exec, allows_console, allows_dev; /* by enum message_access */
	bool is_sealed;                               /* the file says profile sealed-prod */
	enum guest_profile profile;                   /* the profile that hosts are told */
	char user[POLICY_USER_MAX];                   /* "": the default user of checks */
	bool names_ports; /* only the ports in `ports` may be forwarded */
	uint16_t ports[POLICY_PORTS_MAX];
	size_t port_count;
	struct problem reason; /* why a request is not allowed */
};

/* The image's settings for guests without a policy file. */
struct policy_defaults {
	bool dev;
	bool has_drive;   /* the file's directory has a drive, whose file it is */
	const char *user; /* NULL: the default user of checks */
};

/*
 * Read the policy; done for each request that needs it. Without a file, the image's defaults apply.
 * A file that is unreadable, or invalid in any part, allows nothing. Nor does one whose drive is
 * not mounted, because it failed or is being exchanged.
 */
void policy_read(const char *path, const struct policy_defaults *image, struct policy *policy);

/* True if the policy allows this kind of request; otherwise `reason` says why not. */
bool policy_allows(const struct policy *policy, enum message_access access);

/* Check that the file alone allows Exec. Returns 0, or -errno with `p`. */
int policy_allow_exec(const char *path, struct problem *p);

/* True if connections may be forwarded to this TCP port of the guest. */
bool policy_allows_port(const struct policy *policy, uint16_t port);

#endif
