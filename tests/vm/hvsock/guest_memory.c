/* SPDX-License-Identifier: MIT */
#include "guest_memory.h"

#include "options.h"

#include <inttypes.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct mapping {
	uint64_t gpa, size, uaddr;
	uint8_t *host; /* the byte at gpa */
	void *map;     /* what munmap() wants */
	size_t map_len;
};

static struct mapping mappings[GUEST_MEMORY_MAX_REGIONS];
static int mapped;

void guest_memory_unmap(void)
{
	for (int i = 0; i < mapped; i++)
		munmap(mappings[i].map, mappings[i].map_len);
	mapped = 0;
}

static bool map_one(const struct guest_memory_region *r, int fd)
{
	struct stat st;
	uint64_t end;

	if (!r->size || __builtin_add_overflow(r->offset, r->size, &end) ||
		r->gpa + r->size < r->gpa || r->uaddr + r->size < r->uaddr || fstat(fd, &st) != 0 ||
		(uint64_t)st.st_size < end)
		return false;
	void *p = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return false;
	mappings[mapped++] = (struct mapping){
		.gpa = r->gpa,
		.size = r->size,
		.uaddr = r->uaddr,
		.host = (uint8_t *)p + r->offset,
		.map = p,
		.map_len = end,
	};
	log_say(1, "memory: gpa %#" PRIx64 " size %#" PRIx64, r->gpa, r->size);
	return true;
}

bool guest_memory_map(const struct guest_memory_region *region, const int *fds, uint32_t n)
{
	guest_memory_unmap();
	if (n > GUEST_MEMORY_MAX_REGIONS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct guest_memory_region r = region[i]; /* the table is packed: use a copy */
		if (!map_one(&r, fds[i]))
			return false;
	}
	return true;
}

uint8_t *guest_memory_at(uint64_t gpa, uint64_t *avail)
{
	for (int i = 0; i < mapped; i++) {
		const struct mapping *m = &mappings[i];
		if (gpa >= m->gpa && gpa - m->gpa < m->size) {
			*avail = m->size - (gpa - m->gpa);
			return m->host + (gpa - m->gpa);
		}
	}
	return NULL;
}

void *guest_memory_at_uaddr(uint64_t uaddr, uint64_t len, uint64_t align)
{
	for (int i = 0; i < mapped; i++) {
		const struct mapping *m = &mappings[i];
		if (uaddr < m->uaddr || uaddr - m->uaddr >= m->size)
			continue;
		uint64_t offset = uaddr - m->uaddr;
		if (m->size - offset < len || ((uintptr_t)(m->host + offset) & (align - 1)))
			return NULL;
		return m->host + offset;
	}
	return NULL;
}
