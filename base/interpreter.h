/* SPDX-License-Identifier: MIT */
/*
 * Interpreters of programs. When an interpreter is missing, execve(2) gives the same ENOENT as for
 * a missing program; this finds the file that is really missing.
 */
#ifndef BASE_INTERPRETER_H
#define BASE_INTERPRETER_H

#include <stddef.h>

/*
 * Find the interpreter that kept `program` from running with `error` (ENOENT or EACCES), and put
 * its name into `out`, a carriage return as "\r". A program is looked for along `path` as execvp(3)
 * does; its interpreter is the one of its #! line, or the loader that an ELF file asks for
 * (elf(5)). Returns 0, or -ENOENT when no interpreter is to blame, or none is found.
 */
int interpreter_find_culprit(
	const char *program, const char *path, int error, char *out, size_t size);

#endif
