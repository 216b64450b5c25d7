/* SPDX-License-Identifier: MIT */
/* What the fuzz programs share. */
#ifndef FUZZ_RIG_H
#define FUZZ_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls this with each input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* End the program, which keeps the input, unless `condition` holds. */
void require(bool condition, const char *what);

/* A NUL-terminated copy for free(), without a byte behind it. Bytes that are NUL become '\n'. */
char *rig_text(const uint8_t *data, size_t size);

/* Put the bytes into a file in memory, the same one each time. Returns its path. */
const char *rig_file(const uint8_t *data, size_t size);

#endif
