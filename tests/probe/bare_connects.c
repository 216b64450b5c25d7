/* SPDX-License-Identifier: MIT */
/*
 * What asking costs at least: for each socket and question, connect, the hybrid socket's handshake,
 * one frame there and one back, all at once on one epoll, and nothing is read out of the answers.
 *
 * bare_connects REQUESTS PATH...: REQUESTS is a number of WorkerStatus requests to each.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO   "CONNECT 52\n"
#define REQUEST "\0\0\0\016\"WorkerStatus\""

struct bare {
	int fd;
	int step; /* 0: connecting, 1: the line, 2: the answer */
	size_t got, want;
	char bytes[8192];
};

static void begin(struct bare *b, int epoll_fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = b };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->fd < 0)
		abort();
	while (connect(b->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		if (errno != EAGAIN)
			abort();
		else
			usleep(1000);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, b->fd, &event) != 0)
		abort();
}

/* One step; true when the answer is there. */
static int go_on(struct bare *b, int epoll_fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = b };
	uint32_t size;
	ssize_t n;

	if (b->step == 0) {
		if (send(b->fd, HELLO, sizeof(HELLO) - 1, 0) < 0)
			abort();
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, b->fd, &event);
		b->step = 1;
		return 0;
	}
	n = recv(b->fd, b->bytes + b->got, sizeof(b->bytes) - b->got, 0);
	if (n <= 0)
		abort();
	b->got += (size_t)n;
	if (b->step == 1) {
		if (b->bytes[b->got - 1] != '\n')
			return 0;
		if (send(b->fd, REQUEST, sizeof(REQUEST) - 1, 0) < 0)
			abort();
		b->got = 0;
		b->step = 2;
		return 0;
	}
	memcpy(&size, b->bytes, sizeof(size));
	return b->got >= 4 && b->got >= 4 + (size_t)__builtin_bswap32(size);
}

int main(int argc, char **argv)
{
	size_t each = argc > 2 ? (size_t)atoi(argv[1]) : 0, paths = (size_t)argc - 2;
	size_t count = each * paths, left = count;
	struct bare *all = calloc(count, sizeof(*all));
	struct rlimit limit;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (count == 0 || all == NULL)
		return 2;
	for (size_t i = 0; i < count; i++)
		begin(&all[i], epoll_fd, argv[2 + i / each]);
	while (left > 0) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++) {
			struct bare *b = events[i].data.ptr;

			if (go_on(b, epoll_fd)) {
				close(b->fd);
				left--;
			}
		}
	}
	return 0;
}
