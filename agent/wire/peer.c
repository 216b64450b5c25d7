/* SPDX-License-Identifier: MIT */
#include "agent/wire/peer.h"

#include "base/vsock.h"

#include <string.h>

bool peer_is_allowed(const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_vm vm;

	if (len < sizeof(vm) || address->sa_family != AF_VSOCK)
		return false;
	memcpy(&vm, address, sizeof(vm));
	return vm.svm_cid == VMADDR_CID_HOST;
}
