/* SPDX-License-Identifier: MIT */
/* The timeline of a guest's boot, and a picture of it. */
#ifndef PROBE_REPORT_BOOT_TIMELINE_H
#define PROBE_REPORT_BOOT_TIMELINE_H

#include "probe/report/service.h"
#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct boot_span {
	struct text name, detail;
	struct maybe start_us, duration_us; /* from the start of the kernel */
	bool success;
};

struct boot_times {
	struct boot_span *spans;
	size_t count;
	struct maybe all_healthy_us;
	uint64_t end_us; /* end of the last stage, or when all was healthy; at least 1 */
};

/*
 * Read the decoded answer to BootTimeline. False with the inquiry's failure set if it has the wrong
 * shape. boot_times_free() is needed in every case.
 */
bool boot_times_read(struct boot_times *t, struct inquiry *i);

/* True if no stage failed. */
bool boot_times_are_good(const struct boot_times *t);

void boot_times_free(struct boot_times *t);

/* ---- pictures -------------------------------------------------------------------------------- */

/* An SVG 1.1 file with the boots of several guests below each other, all to the same scale. */
struct boot_picture {
	char *body;
	size_t body_len;
	FILE *out; /* to `body` */
	uint64_t end_us;
	unsigned int height;
};

/* `end_us` is the end of the slowest boot. */
void boot_picture_start(struct boot_picture *p, uint64_t end_us);

void boot_picture_add(struct boot_picture *p, const char *name, const struct boot_times *t);

/* The whole file, which the caller frees. */
char *boot_picture_end(struct boot_picture *p, size_t *len);

#endif
