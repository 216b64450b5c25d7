/* SPDX-License-Identifier: MIT */
/* The guest's memory as QEMU shares it: file descriptors with address ranges, mapped here. */
#ifndef HVSOCK_GUEST_MEMORY_H
#define HVSOCK_GUEST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_MEMORY_MAX_REGIONS 8

/* One entry of vhost-user's SET_MEM_TABLE, in its wire format. */
struct guest_memory_region {
	uint64_t gpa;    /* guest-physical address */
	uint64_t size;   /* bytes */
	uint64_t uaddr;  /* the same byte's address in QEMU */
	uint64_t offset; /* and its place in the file */
} __attribute__((packed));

/* Forgets every region. */
void guest_memory_unmap(void);

/*
 * Maps n regions (at most GUEST_MEMORY_MAX_REGIONS), region i from fds[i], in place of those mapped
 * before. False, with what had been mapped left for guest_memory_unmap(), when one is unusable.
 * The descriptors stay the caller's.
 */
bool guest_memory_map(const struct guest_memory_region *region, const int *fds, uint32_t n);

/* Address of guest-physical gpa; *avail: bytes that follow it in one piece. NULL if there is none.
 */
uint8_t *guest_memory_at(uint64_t gpa, uint64_t *avail);

/*
 * Address of len bytes at QEMU's address uaddr; NULL when they are not all there, or not aligned
 * to `align` (a power of two).
 */
void *guest_memory_at_uaddr(uint64_t uaddr, uint64_t len, uint64_t align);

#endif
