/* SPDX-License-Identifier: MIT */
#include "base/interpreter.h"

#include "base/buf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX   256 /* bytes of a #! line that the kernel reads (BINPRM_BUF_SIZE) */
#define LEVELS_MAX 5   /* scripts run by scripts; the same limit as the kernel's */

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
#endif

/* Copy the name between "#!" and the next white space; a carriage return is part of the name. */
static bool read_script(const char *head, size_t len, char *out)
{
	size_t at = 2, n = 0;

	while (at < len && (head[at] == ' ' || head[at] == '\t'))
		at++;
	while (at < len && strchr(" \t\n", head[at]) == NULL)
		out[n++] = head[at++];
	out[n] = '\0';
	return n > 0;
}

static bool read_elf(int fd, const char *head, size_t len, char *out)
{
	elf_header h;
	elf_segment s;

	if (len < sizeof(h))
		return false;
	memcpy(&h, head, sizeof(h));
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		off_t at = (off_t)(h.e_phoff + (uint64_t)i * sizeof(s));

		if (pread(fd, &s, sizeof(s), at) != (ssize_t)sizeof(s))
			return false;
		if (s.p_type != PT_INTERP)
			continue;
		if (s.p_filesz == 0 || s.p_filesz >= PATH_MAX ||
			pread(fd, out, s.p_filesz, (off_t)s.p_offset) != (ssize_t)s.p_filesz)
			return false;
		out[s.p_filesz] = '\0';
		return out[0] != '\0';
	}
	return false;
}

/* Returns false when the file names no interpreter. `out` has room for PATH_MAX bytes. */
static bool read_interpreter(const char *file, char *out)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[HEAD_MAX];
	ssize_t n;
	bool found = false;

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	if (n > 2 && head[0] == '#' && head[1] == '!')
		found = read_script(head, (size_t)n, out);
	else if (n > SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		found = read_elf(fd, head, (size_t)n, out);
	close(fd);
	return found;
}

/* True if this interpreter makes execve(2) fail with `error`. */
static bool is_culprit(const char *name, int error)
{
	struct stat st;

	if (stat(name, &st) != 0)
		return error == errno;
	return error == EACCES && (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0);
}

static int find_in(const char *file, int error, char *out, size_t size)
{
	char names[2][PATH_MAX];
	const char *at = file;

	for (int level = 0; level < LEVELS_MAX; level++) {
		char *name = names[level % 2];
		size_t len;

		if (!read_interpreter(at, name))
			return -ENOENT;
		if (is_culprit(name, error)) {
			len = strlen(name);
			if (name[len - 1] == '\r')
				name[len - 1] = '\0';
			buf_format(out, size, "%s%s", name,
				strlen(name) < len ? "\\r (its line ends in CR LF)" : "");
			return 0;
		}
		at = name;
	}
	return -ENOENT;
}

int interpreter_find_culprit(
	const char *program, const char *path, int error, char *out, size_t size)
{
	char file[PATH_MAX];

	if (strchr(program, '/') != NULL)
		return find_in(program, error, out, size);
	for (;; path++) {
		size_t n = strcspn(path, ":");

		if (n > 0 &&
			buf_format(file, sizeof(file), "%.*s/%s", (int)n, path, program) <
				sizeof(file) &&
			find_in(file, error, out, size) == 0)
			return 0;
		path += n;
		if (*path == '\0')
			return -ENOENT;
	}
}
