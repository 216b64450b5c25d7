/* SPDX-License-Identifier: MIT */
/* cat, ls and cp: files of a guest. */
#include "base/agent_address.h"
#include "base/buf.h"
#include "base/file.h"
#include "probe/memory.h"
#include "probe/show/table.h"
#include "probe/verbs/guest_files.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_COLUMN 120

static bool begin(struct guest_files *g, const struct target *t, const struct options *o)
{
	*g = (struct guest_files){ .target = *t, .timeout_ms = o->timeout_ms };
	if (g->target.port == PROTOCOL_AGENT_PORT)
		g->target.port = PROTOCOL_AGENT_PORT1; /* the port that serves these requests */
	return loop_init(&g->loop) == 0;
}

/* End a verb: print the failure if there is one, and return the exit status. */
static int end(struct guest_files *g)
{
	loop_close(&g->loop);
	if (g->failure.kind == FAILURE_NONE)
		return EXIT_HEALTHY;
	output_error(&g->target, &g->failure);
	return (int)failure_exit(g->failure.kind);
}

/* ---- cat, ls --------------------------------------------------------------------------------- */

static bool print_page(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	output_raw(STDOUT_FILENO, (struct text){ bytes, len });
	return true;
}

int verb_cat(const struct options *o)
{
	struct guest_files g;

	if (!begin(&g, &o->targets[0], o))
		return EXIT_NO_ANSWER;
	(void)guest_read(&g, o->names[0], print_page, NULL);
	return end(&g);
}

static const char *const kinds[] = { "file", "dir", "symlink", "other" };

static void print_listing(const struct fs_listing *l)
{
	const struct fs_entry *entries = l->entries.items;
	struct table table;

	table_start(&table, NULL, 3);
	for (size_t i = 0; i < l->entries.count; i++) {
		table_printf(&table, "%s", kinds[entries[i].kind % 4]);
		table_printf(&table, "%llu", (unsigned long long)entries[i].size);
		table_text(&table, text_of(entries[i].name), NAME_COLUMN);
	}
	table_end(&table, 0, stdout);
	if (l->truncated)
		fprintf(stderr, "mvm-probe: there are more\n");
}

int verb_ls(const struct options *o)
{
	struct fs_path_request r = { .path = o->names[0], .follow_symlinks = true };
	struct guest_files g;
	struct answer a;

	if (!begin(&g, &o->targets[0], o))
		return EXIT_NO_ANSWER;
	if (guest_ask_fs(&g, REQUEST_FS_LIST, &r, &a) && a.body.fs.kind == FS_RESULT_LIST)
		print_listing(&a.body.fs.as.list);
	answer_free(&a);
	return end(&g);
}

/* ---- cp -------------------------------------------------------------------------------------- */

static bool failed(struct guest_files *g, const char *path, int error)
{
	failure_set(&g->failure, FAILURE_SYSTEM, "%s: %s", path, problem_errno_text(error));
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool write_page(void *arg, const char *bytes, size_t len)
{
	int *fd = arg;

	if (len == 0 || file_write_all(*fd, bytes, len) == 0)
		return true;
	close(*fd);
	*fd = -1;
	return false;
}

/* Copy to a temporary file in the same directory, then rename it once complete. */
static bool copy_here(struct guest_files *g, char *from, const char *to)
{
	struct fs_path_request look = { .path = from, .follow_symlinks = true };
	char path[PATH_MAX], temporary[PATH_MAX];
	struct stat st;
	struct answer a;
	uint64_t size = 0;
	mode_t mode = 0644;
	int fd;

	bool is_good = guest_ask_fs(g, REQUEST_FS_STAT, &look, &a);

	if (is_good && a.body.fs.kind == FS_RESULT_STAT) {
		size = a.body.fs.as.stat.size;
		mode = (mode_t)a.body.fs.as.stat.mode & 0777;
	}
	answer_free(&a);
	if (!is_good)
		return false;
	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode))
		buf_format(path, sizeof(path), "%s/%s", to, base_name(from));
	else
		buf_format(path, sizeof(path), "%s", to);
	if (buf_format(temporary, sizeof(temporary), "%s.new%x", path, (unsigned int)getpid()) >=
		sizeof(temporary))
		return failed(g, to, ENAMETOOLONG);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(g, temporary, errno);
	is_good = guest_read(g, from, write_page, &fd);
	if (fd < 0)
		is_good = failed(g, temporary, ENOSPC);
	else if (is_good && (fstat(fd, &st) != 0 || (size > 0 && (uint64_t)st.st_size != size)))
		is_good = failed(g, from, ESTALE); /* the file changed meanwhile */
	if (is_good && (fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(temporary, path) != 0))
		is_good = failed(g, path, errno);
	if (fd >= 0)
		close(fd);
	if (!is_good)
		unlink(temporary);
	return is_good;
}

/* True if the destination is a directory of the guest. The file then keeps its name. */
static bool is_guest_directory(struct guest_files *g, char *path)
{
	struct fs_path_request look = { .path = path, .follow_symlinks = true };
	struct answer a;
	bool is_directory = guest_ask_fs(g, REQUEST_FS_STAT, &look, &a) &&
			    a.body.fs.kind == FS_RESULT_STAT &&
			    a.body.fs.as.stat.kind == FS_KIND_DIR;

	answer_free(&a);
	if (g->failure.kind == FAILURE_ERROR_ANSWER && g->error == FS_NOT_FOUND)
		g->failure = (struct failure){ 0 };
	return is_directory;
}

/* Read a whole file. Returns 0 or -errno. */
static int read_local(const char *path, char **bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t room = 0;
	ssize_t n = 1;

	*bytes = NULL;
	*len = 0;
	if (fd < 0)
		return -errno;
	while (n > 0) {
		if (*len == room) {
			room = room == 0 ? 65536 : room * 2;
			*bytes = memory_resize(*bytes, room, 1);
		}
		n = read(fd, *bytes + *len, room - *len);
		*len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool copy_there(struct guest_files *g, const char *from, char *to)
{
	char path[PATH_MAX];
	struct stat st;
	size_t len;
	char *bytes;
	bool is_good;
	int err;

	if (stat(from, &st) != 0)
		return failed(g, from, errno);
	if (!S_ISREG(st.st_mode))
		return failed(g, from, EISDIR);
	if (is_guest_directory(g, to))
		buf_format(path, sizeof(path), "%s/%s", to, base_name(from));
	else
		buf_format(path, sizeof(path), "%s", to);
	if (g->failure.kind != FAILURE_NONE)
		return false;
	err = read_local(from, &bytes, &len);
	is_good = err == 0 ? guest_write(g, path, bytes, len, st.st_mode & 07777)
			   : failed(g, from, -err);
	free(bytes);
	return is_good;
}

/* Split "TARGET:/PATH"; NULL for a file of this machine. `word` becomes the target. */
static char *split(char *word)
{
	char *at = text_find(word, strlen(word), ":/");

	if (at == NULL)
		return NULL;
	*at = '\0';
	return at + 1;
}

int verb_cp(const struct options *o)
{
	char *from = memory_copy(o->target_words[0], strlen(o->target_words[0]));
	char *to = memory_copy(o->target_words[1], strlen(o->target_words[1]));
	char *guest_from = split(from), *guest_to = split(to);
	struct guest_files g;
	struct target t = { 0 };
	struct problem p;
	int status = EXIT_USAGE;

	if ((guest_from == NULL) == (guest_to == NULL))
		fprintf(stderr, "mvm-probe: cp needs one TARGET:/PATH\n");
	else if (target_parse(&t, guest_from != NULL ? from : to, o->port, &p) != 0)
		fprintf(stderr, "mvm-probe: %s\n", p.text);
	else if (!begin(&g, &t, o))
		status = EXIT_NO_ANSWER;
	else {
		(void)(guest_from != NULL ? copy_here(&g, guest_from, to)
					  : copy_there(&g, from, guest_to));
		status = end(&g);
	}
	target_free(&t);
	free(from);
	free(to);
	return status;
}
