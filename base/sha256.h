/* SPDX-License-Identifier: MIT */
/* The hash SHA-256, FIPS 180-4: whether a copy is equal. No secret goes through it. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_MAX 65 /* 64 digits, NUL-terminated */

struct sha256 {
	uint32_t state[8];
	uint64_t len; /* bytes so far */
	unsigned char block[64];
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);

/* Put the hash of all bytes as lower-case digits into `hex`. The state is used up. */
void sha256_end(struct sha256 *s, char hex[SHA256_HEX_MAX]);

#endif
