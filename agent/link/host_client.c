/* SPDX-License-Identifier: MIT */
#include "agent/link/host_client.h"

#include "base/vsock.h"
#include "protocol/frame.h"
#include "protocol/messages.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_SECS 10
#define REQUEST_MAX  8192

/* ---- messages -------------------------------------------------------------------------------- */

static enum host_outcome describe(enum message_kind request, enum message_kind kind,
	const union host_answer_body *a, struct buf *text)
{
	if (kind == HOST_ANSWER_ERROR) {
		buf_puts(text, a->error.message);
		return HOST_NO;
	}
	if (kind != messages[request].answers[0]) {
		buf_puts(text, "unexpected answer from the host");
		return HOST_NO;
	}
	if (kind == HOST_ANSWER_WAKE) {
		buf_puts(text, a->wake.detail != NULL ? a->wake.detail
						      : (a->wake.success ? "woken" : "not woken"));
		return a->wake.success ? HOST_YES : HOST_NO;
	}
	buf_printf(text, "%s%s%s", a->status.status, a->status.guest_ip != NULL ? " " : "",
		a->status.guest_ip != NULL ? a->status.guest_ip : "");
	return HOST_YES;
}

static enum host_outcome read_answer(
	enum message_kind request, const char *body, size_t len, struct buf *text)
{
	union host_answer_body a = { 0 };
	enum host_outcome outcome = HOST_NO;
	enum message_kind kind;
	struct problem p;

	if (message_decode(MESSAGE_HOST_ANSWER, body, len, &kind, &a, &p) == 0)
		outcome = describe(request, kind, &a, text);
	else
		buf_printf(text, "cannot read the host's answer: %s", p.text);
	message_free(kind, &a);
	return outcome;
}

/* ---- the connection -------------------------------------------------------------------------- */

static const struct sockaddr_vm host_address = {
	.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PROTOCOL_HOST_PORT
};

int host_connect_begin(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&host_address, sizeof(host_address)) == 0 ||
		errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int host_connect(struct problem *p)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_SECS };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return problem_set(p, errno, "vsock");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&host_address, sizeof(host_address)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == ECONNRESET || err == ETIMEDOUT)
		return problem_set(p, err,
			"nothing listens on the host's vsock port %d (with Firecracker: on the "
			"Unix "
			"socket <uds_path>_%d)",
			PROTOCOL_HOST_PORT, PROTOCOL_HOST_PORT);
	return problem_set(
		p, err, "cannot connect to the host's vsock port %d", PROTOCOL_HOST_PORT);
}

enum direction { SEND, RECEIVE };

/* Send or receive exactly `len` bytes. Returns 0 or -errno; -ETIMEDOUT after TIMEOUT_SECS. */
static int transfer_all(int fd, enum direction direction, char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = direction == SEND ? send(fd, bytes, len, MSG_NOSIGNAL)
					      : recv(fd, bytes, len, 0);

		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int send_request(int fd, enum message_kind request, const struct host_instance *i)
{
	char frame[REQUEST_MAX];
	struct buf b = BUF_OVER(frame);

	buf_clear(&b);
	buf_put(&b, "\0\0\0", PROTOCOL_HEADER_BYTES);
	message_encode(&b, request, i);
	if (b.cut)
		return -E2BIG;
	protocol_header_encode((uint32_t)(b.len - PROTOCOL_HEADER_BYTES), (unsigned char *)frame);
	return transfer_all(fd, SEND, b.data, b.len);
}

/* Receive the answer's body, which the caller frees. */
static int receive_answer(int fd, char **body, size_t *len)
{
	unsigned char header[PROTOCOL_HEADER_BYTES];
	int err = transfer_all(fd, RECEIVE, (char *)header, sizeof(header));

	if (err != 0)
		return err;
	*len = protocol_header_decode(header);
	if (*len > PROTOCOL_BODY_MAX)
		return -EMSGSIZE;
	*body = malloc(*len + 1);
	if (*body == NULL)
		return -ENOMEM;
	err = transfer_all(fd, RECEIVE, *body, *len);
	if (err != 0)
		free(*body);
	return err;
}

enum host_outcome host_ask(
	int fd, enum message_kind request, const struct host_instance *i, struct buf *text)
{
	enum host_outcome outcome;
	char *body;
	size_t len;
	int err = send_request(fd, request, i);

	if (err == 0)
		err = receive_answer(fd, &body, &len);
	if (err != 0) {
		buf_printf(text, "the host does not answer: %s", problem_errno_text(-err));
		return HOST_UNREACHABLE;
	}
	outcome = read_answer(request, body, len, text);
	free(body);
	return outcome;
}
