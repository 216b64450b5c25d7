/* SPDX-License-Identifier: MIT */
/*
 * serve PORT: an HTTP server on 127.0.0.1 whose backlog holds hundreds of connections, and whose
 * answer to everything is 5000 times "x".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE 5000

static void answer(int fd)
{
	char request[4096] = "", page[PAGE + 128];
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && strstr(request, "\r\n\r\n") == NULL && len < sizeof(request) - 1) {
		n = read(fd, request + len, sizeof(request) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		request[len] = '\0';
	}
	len = (size_t)snprintf(page, sizeof(page), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	memset(page + len, 'x', PAGE);
	for (size_t at = 0; at < len + PAGE; at += (size_t)n) {
		n = write(fd, page + at, len + PAGE - at);
		if (n <= 0)
			break;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 8080)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGPIPE, SIG_IGN);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 512) != 0) {
		perror("serve");
		return 1;
	}
	puts("serving");
	fflush(stdout);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client >= 0)
			answer(client);
	}
}
