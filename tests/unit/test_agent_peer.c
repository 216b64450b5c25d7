/* SPDX-License-Identifier: MIT */
#include "agent/wire/peer.h"
#include "base/vsock.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/un.h>

static bool allowed(unsigned int cid)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = 1024 };

	return peer_is_allowed((struct sockaddr *)&vm, sizeof(vm));
}

Test(agent_peer, the_host_and_nobody_else)
{
	cr_expect(allowed(VMADDR_CID_HOST));
	cr_expect_not(allowed(VMADDR_CID_HYPERVISOR));
	cr_expect_not(allowed(VMADDR_CID_LOCAL));
	cr_expect_not(allowed(VMADDR_CID_ANY));
	cr_expect_not(allowed(3));
	cr_expect_not(allowed(0x102));
}

Test(agent_peer, other_families_and_short_addresses)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST };

	/* The same bytes where a vsock address has its CID. */
	memcpy((char *)&un + offsetof(struct sockaddr_vm, svm_cid), &vm.svm_cid,
		sizeof(vm.svm_cid));
	cr_expect_not(peer_is_allowed((struct sockaddr *)&un, sizeof(un)));
	cr_expect_not(peer_is_allowed((struct sockaddr *)&vm, sizeof(vm.svm_family)));
	cr_expect_not(peer_is_allowed((struct sockaddr *)&vm, 0));
}
