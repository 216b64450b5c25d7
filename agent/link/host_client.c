/* SPDX-License-Identifier: MIT */
#include "agent/link/host_client.h"

#include "base/vsock.h"
#include "protocol/frame.h"
#include "protocol/json.h"
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

struct wake_result {
	bool success;
	char *detail;
};

struct instance_status {
	char *status, *guest_ip;
};

struct host_error {
	char *message;
};

static const struct field wake_rows[] = {
	{ .name = "success",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct wake_result, success) },
	{ .name = "detail",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct wake_result, detail) },
};
static const struct fields wake_fields = FIELDS_OF(wake_rows, struct wake_result);

static const struct field status_rows[] = {
	{ .name = "status",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct instance_status, status) },
	{ .name = "guest_ip",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct instance_status, guest_ip) },
};
static const struct fields status_fields = FIELDS_OF(status_rows, struct instance_status);

static const struct field error_rows[] = {
	{ .name = "message",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct host_error, message) },
};
static const struct fields error_fields = FIELDS_OF(error_rows, struct host_error);

enum { ANSWER_WAKE, ANSWER_STATUS, ANSWER_ERROR, ANSWERS };

static const struct message_type answer_types[ANSWERS] = {
	[ANSWER_WAKE] = { "WakeResult", &wake_fields },
	[ANSWER_STATUS] = { "InstanceStatus", &status_fields },
	[ANSWER_ERROR] = { "Error", &error_fields },
};

union answer {
	struct wake_result wake;
	struct instance_status status;
	struct host_error error;
};

void host_write_request(struct buf *b, enum host_request request, const struct host_instance *i)
{
	buf_printf(b, "{\"%s\":{\"tenant_id\":",
		request == HOST_WAKE_INSTANCE ? "WakeInstance" : "QueryInstanceStatus");
	json_put_text(b, i->tenant_id);
	buf_puts(b, ",\"pool_id\":");
	json_put_text(b, i->pool_id);
	buf_puts(b, ",\"instance_id\":");
	json_put_text(b, i->instance_id);
	buf_puts(b, "}}");
}

static enum host_outcome describe(
	enum host_request request, size_t kind, const union answer *a, struct buf *text)
{
	switch (kind) {
	case ANSWER_WAKE:
		if (request != HOST_WAKE_INSTANCE)
			break;
		buf_puts(text, a->wake.detail != NULL ? a->wake.detail
						      : (a->wake.success ? "woken" : "not woken"));
		return a->wake.success ? HOST_YES : HOST_NO;
	case ANSWER_STATUS:
		if (request != HOST_QUERY_INSTANCE_STATUS)
			break;
		buf_printf(text, "%s%s%s", a->status.status, a->status.guest_ip != NULL ? " " : "",
			a->status.guest_ip != NULL ? a->status.guest_ip : "");
		return HOST_YES;
	default:
		buf_puts(text, a->error.message);
		return HOST_NO;
	}
	buf_puts(text, "the host has answered something else");
	return HOST_NO;
}

static enum host_outcome read_answer(
	enum host_request request, const char *body, size_t len, struct buf *text)
{
	union answer a = { 0 };
	enum host_outcome outcome = HOST_NO;
	struct problem p;
	size_t kind;

	if (message_decode(answer_types, ANSWERS, body, len, &kind, &a, &p) == 0)
		outcome = describe(request, kind, &a, text);
	else
		buf_printf(text, "the host's answer cannot be read: %s", p.text);
	if (kind < ANSWERS)
		fields_free(answer_types[kind].fields, &a);
	return outcome;
}

/* ---- the connection -------------------------------------------------------------------------- */

int host_connect(struct problem *p)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PROTOCOL_HOST_PORT
	};
	const struct timeval limit = { .tv_sec = TIMEOUT_SECS };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return problem_set(p, errno, "vsock");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == ECONNRESET || err == ETIMEDOUT)
		return problem_set(p, err,
			"nobody listens on the host's vsock port %d (with Firecracker: on the Unix "
			"socket of the vsock device, with _%d behind its name)",
			PROTOCOL_HOST_PORT, PROTOCOL_HOST_PORT);
	return problem_set(
		p, err, "cannot connect to the host's vsock port %d", PROTOCOL_HOST_PORT);
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int receive_all(int fd, char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, bytes, len, 0);

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

static int send_request(int fd, enum host_request request, const struct host_instance *i)
{
	char frame[REQUEST_MAX];
	struct buf b = BUF_OVER(frame);

	buf_clear(&b);
	buf_put(&b, "\0\0\0", PROTOCOL_HEADER_BYTES);
	host_write_request(&b, request, i);
	if (b.cut)
		return -E2BIG;
	protocol_header_encode((uint32_t)(b.len - PROTOCOL_HEADER_BYTES), (unsigned char *)frame);
	return send_all(fd, b.data, b.len);
}

/* The answer's body, from malloc(). */
static int receive_answer(int fd, char **body, size_t *len)
{
	unsigned char header[PROTOCOL_HEADER_BYTES];
	int err = receive_all(fd, (char *)header, sizeof(header));

	if (err != 0)
		return err;
	*len = protocol_header_decode(header);
	if (*len > PROTOCOL_BODY_MAX)
		return -EMSGSIZE;
	*body = malloc(*len + 1);
	if (*body == NULL)
		return -ENOMEM;
	err = receive_all(fd, *body, *len);
	if (err != 0)
		free(*body);
	return err;
}

enum host_outcome host_ask(
	int fd, enum host_request request, const struct host_instance *i, struct buf *text)
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
