/* SPDX-License-Identifier: MIT */
#include "base/protocol.h"

void protocol_header_encode(uint32_t len, unsigned char header[PROTOCOL_HEADER_BYTES])
{
	header[0] = (unsigned char)(len >> 24);
	header[1] = (unsigned char)(len >> 16);
	header[2] = (unsigned char)(len >> 8);
	header[3] = (unsigned char)len;
}

uint32_t protocol_header_decode(const unsigned char header[PROTOCOL_HEADER_BYTES])
{
	return (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 |
	       header[3];
}
