/* SPDX-License-Identifier: MIT */
#include "probe/wire/target.h"

#include "base/buf.h"
#include "base/number.h"
#include "base/vsock.h"
#include "probe/memory.h"
#include "probe/show/text.h"
#include "protocol/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define VSOCK_PREFIX "vsock:"
#define NAME_COLUMNS 40
#define PATH_COLUMNS 160

static char *visible(struct text text, size_t columns)
{
	char storage[4 * PATH_COLUMNS + 1];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, columns);
	return memory_copy(b.data, b.len);
}

/* ---- what a target is called ----------------------------------------------------------------- */

/* The last component of a path of `len` bytes. `before` becomes the length of the rest. */
static struct text last_component(const char *path, size_t len, size_t *before)
{
	size_t start;

	while (len > 0 && path[len - 1] == '/')
		len--;
	start = len;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*before = start;
	return (struct text){ path + start, len - start };
}

static bool text_equals(struct text a, const char *b)
{
	return a.len == strlen(b) && memcmp(a.bytes, b, a.len) == 0;
}

/* .../web/v.sock and .../web/runtime/v.sock both belong to the VM "web". */
static struct text name_of(const char *path)
{
	size_t end = strlen(path);
	struct text name;

	last_component(path, end, &end);
	name = last_component(path, end, &end);
	if (text_equals(name, "runtime"))
		name = last_component(path, end, &end);
	if (name.len == 0 || text_equals(name, ".") || text_equals(name, ".."))
		name = text_of(path);
	return name;
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* Read a number up to the next colon or the end. */
static int take_number(const char **at, uint32_t *value)
{
	char digits[16];
	size_t n = strcspn(*at, ":");
	uint64_t number;

	if (n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, *at, n);
	digits[n] = '\0';
	if (number_parse(digits, UINT32_MAX - 1, &number) != 0)
		return -EINVAL;
	*value = (uint32_t)number;
	*at += n;
	return 0;
}

static int parse_vsock(struct target *t, struct problem *p)
{
	const char *at = t->text + strlen(VSOCK_PREFIX);

	if (take_number(&at, &t->cid) != 0)
		return problem_set_text(p, EINVAL,
			"%s: after 'vsock:' the guest's CID is expected, such as vsock:3",
			t->shown);
	if (t->cid == VMADDR_CID_HYPERVISOR || t->cid == VMADDR_CID_HOST)
		return problem_set_text(p, EINVAL,
			"%s: CID %u is not a guest's: guests have 3 and more", t->shown, t->cid);
	if (*at == ':') {
		at++;
		if (take_number(&at, &t->port) != 0 || *at != '\0' || t->port == 0)
			return problem_set_text(p, EINVAL,
				"%s: after the CID a port is expected, such as vsock:3:52",
				t->shown);
	}
	return 0;
}

static char *join(const char *directory, const char *file)
{
	size_t size = strlen(directory) + strlen(file) + 2;
	char *path = memory_must(malloc(size));

	buf_format(path, size, "%s/%s", directory, file);
	return path;
}

/* For an absent .../v.sock, try .../runtime/v.sock, where some hosts put it. */
static char *find_moved(const char *text)
{
	size_t before, end = strlen(text);
	struct stat st;
	char *directory, *path;

	if (!text_equals(last_component(text, end, &before), "v.sock") || before == 0 ||
		text[end - 1] == '/')
		return memory_copy(text, end);
	directory = memory_copy(text, before);
	path = join(directory, "runtime/v.sock");
	free(directory);
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return path;
	free(path);
	return memory_copy(text, end);
}

/* The path of the socket in a VM's directory; the socket may not exist yet. */
static char *find_socket(const char *text)
{
	struct stat st;
	char *path;

	if (stat(text, &st) != 0)
		return find_moved(text);
	if (!S_ISDIR(st.st_mode))
		return memory_copy(text, strlen(text));
	path = join(text, "v.sock");
	if (stat(path, &st) != 0) {
		char *deeper = join(text, "runtime/v.sock");

		if (stat(deeper, &st) == 0) {
			free(path);
			return deeper;
		}
		free(deeper);
	}
	return path;
}

int target_parse(struct target *t, const char *text, uint32_t port, struct problem *p)
{
	*t = (struct target){ .text = text, .port = port };
	t->shown = visible(text_of(text), PATH_COLUMNS);
	if (text[0] == '\0')
		return problem_set_text(p, EINVAL, "a target is empty");
	if (strncmp(text, VSOCK_PREFIX, strlen(VSOCK_PREFIX)) == 0) {
		t->name = visible(text_of(text), NAME_COLUMNS);
		return parse_vsock(t, p);
	}
	t->path = find_socket(text);
	t->name = visible(name_of(t->path), NAME_COLUMNS);
	return 0;
}

void target_free(struct target *t)
{
	free(t->name);
	free(t->shown);
	free(t->path);
	free(t->owned);
	*t = (struct target){ 0 };
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int connect_or_close(int fd, const void *address, socklen_t size, int *out)
{
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, size) != 0)
		err = -errno;
	if (err != 0 && err != -EINPROGRESS) {
		close(fd);
		return err;
	}
	*out = fd;
	return err;
}

static int new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A unix(7) address has at most 107 bytes. Reach a longer path through its directory's descriptor.
 */
static int connect_long_path(const char *path, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t before, end = strlen(path);
	struct text file = last_component(path, end, &before);
	char *directory = before > 0 ? memory_copy(path, before) : memory_copy(".", 1);
	int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = -errno;
	size_t n;

	free(directory);
	if (dir_fd < 0)
		return err;
	n = buf_format(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%.*s", dir_fd,
		(int)file.len, file.bytes);
	if (n >= sizeof(address.sun_path))
		err = -ENAMETOOLONG;
	else
		err = connect_or_close(new_socket(AF_UNIX), &address, sizeof(address), fd);
	close(dir_fd);
	return err;
}

int target_connect(const struct target *t, int *fd)
{
	struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
	struct sockaddr_vm vsock_address = {
		.svm_family = AF_VSOCK, .svm_cid = t->cid, .svm_port = t->port
	};

	if (t->path == NULL)
		return connect_or_close(
			new_socket(AF_VSOCK), &vsock_address, sizeof(vsock_address), fd);
	if (strlen(t->path) >= sizeof(unix_address.sun_path))
		return connect_long_path(t->path, fd);
	memcpy(unix_address.sun_path, t->path, strlen(t->path));
	return connect_or_close(new_socket(AF_UNIX), &unix_address, sizeof(unix_address), fd);
}

/* ---- explaining ------------------------------------------------------------------------------ */

static void explain_denied(const struct target *t, struct failure *f)
{
	struct stat st;

	if (t->path != NULL && stat(t->path, &st) == 0)
		failure_set(f, FAILURE_DENIED,
			"permission denied: the socket belongs to uid %u, gid %u, mode %04o; run "
			"as "
			"that user",
			st.st_uid, st.st_gid, (unsigned int)(st.st_mode & 07777));
	else
		failure_set(f, FAILURE_DENIED,
			"permission denied: a directory above it may not be searched by this user");
}

static void explain_unix(const struct target *t, int error, struct failure *f)
{
	struct stat st;

	if (error == ENOENT || error == ENOTDIR) {
		failure_set(f, FAILURE_NO_SOCKET, "no such socket: is the VM running?");
		return;
	}
	if (error == ECONNREFUSED && stat(t->path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		failure_set(f, FAILURE_NOT_SOCKET,
			"not a socket: expected the uds_path of the VM's vsock device");
		return;
	}
	if (error == ECONNREFUSED) {
		failure_set(f, FAILURE_REFUSED,
			"connection refused: no VMM listens on this socket; the VM has ended and "
			"left it behind?");
		return;
	}
	if (error == EPROTOTYPE) {
		failure_set(f, FAILURE_NOT_SOCKET,
			"not a stream socket: expected the uds_path of the VM's vsock device");
		return;
	}
	failure_set(f, FAILURE_SYSTEM, "connect: %s", problem_errno_text(error));
}

static void explain_vsock(const struct target *t, int error, struct failure *f)
{
	switch (error) {
	case ECONNRESET:
	case ECONNREFUSED:
		failure_set(f, FAILURE_NO_LISTENER,
			"connection refused: nothing listens on port %u in the guest; does its "
			"agent "
			"run?",
			t->port);
		break;
	case ENODEV:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		failure_set(f, FAILURE_REFUSED,
			"%s: no guest with CID %u; is the VM running, with a vsock device?",
			problem_errno_text(error), t->cid);
		break;
	case EAFNOSUPPORT:
		failure_set(f, FAILURE_SYSTEM,
			"this machine has no vsock (load the module vhost_vsock); for Firecracker "
			"give the path of its socket");
		break;
	default:
		failure_set(f, FAILURE_SYSTEM, "connect: %s", problem_errno_text(error));
		break;
	}
}

void target_explain(const struct target *t, int error, struct failure *f)
{
	if (error == EACCES || error == EPERM)
		explain_denied(t, f);
	else if (t->path != NULL)
		explain_unix(t, error, f);
	else
		explain_vsock(t, error, f);
}
