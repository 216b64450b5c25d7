/* SPDX-License-Identifier: MIT */
/*
 * hvsock: a vhost-user vsock device for QEMU whose host side is Firecracker's hybrid Unix socket.
 *
 *   QEMU   -object memory-backend-memfd,id=mem,size=256M,share=on -machine ...,memory-backend=mem
 *          -chardev socket,id=vs,path=VHOST_SOCK -device vhost-user-vsock-device,chardev=vs
 *   host   connects to V_SOCK, writes "CONNECT <port>\n", reads "OK <host port>\n"; then the
 *          stream is the guest's AF_VSOCK stream. If nobody listens there, the socket is closed.
 *   guest  connect(AF_VSOCK, CID 2, port P) arrives at the Unix socket V_SOCK_P, or is reset.
 *
 * Differences from Firecracker, on purpose: half-close is carried both ways (--fc-quirks has it as
 * Firecracker does); a CONNECT line may arrive in pieces; a guest's call to a listener with a full
 * backlog is tried again for a while; the guest has 10 s to answer a request, not 2.
 *
 * One thread, one epoll loop: handle what happened, take the guest's packets, give it ours.
 */
#include "client.h"
#include "connection.h"
#include "options.h"
#include "packet.h"
#include "vhost_user.h"
#include "virtqueue.h"
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_EVENTS 128

static const char *bound[2]; /* socket files to remove at the end */
static int signals = -1, clients = -1;
static struct watch signal_watch = { WATCH_SIGNAL }, client_watch = { WATCH_CLIENT_LISTENER };
static bool quit;

static void remove_sockets(void)
{
	for (int i = 0; i < 2; i++)
		if (bound[i])
			unlink(bound[i]);
}

/* Whether path is a socket that nobody listens on. */
static bool is_leftover(const char *path, const struct sockaddr_un *a)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool leftover = fd >= 0 && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
			connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 &&
			errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return leftover;
}

static int listen_on(const char *path)
{
	struct sockaddr_un a;

	if (!client_address(&a, path)) {
		errno = ENAMETOOLONG;
		log_die(path);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		log_die("socket");
	if (is_leftover(path, &a))
		unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
		log_die(path);
	bound[bound[0] != NULL] = path;
	if (listen(fd, 1024) != 0)
		log_die(path);
	return fd;
}

static void print_counters(void)
{
	const struct hvsock_counters *n = &counters;
	uint32_t registered, waiting;

	conn_counts(&registered, &waiting);
	fprintf(stderr, "hvsock stats: conns=%u cmd=%u opened=%" PRIu64, registered, waiting,
		n->opened);
	fprintf(stderr, " refused=%" PRIu64 " closed=%" PRIu64, n->refused, n->closed);
	fprintf(stderr, " rx_pkts=%" PRIu64 " tx_pkts=%" PRIu64, n->rx_packets, n->tx_packets);
	fprintf(stderr, " rx_bytes=%" PRIu64 " tx_bytes=%" PRIu64, n->rx_bytes, n->tx_bytes);
	fprintf(stderr, " kicks=%" PRIu64 " irqs=%" PRIu64, n->kicks, n->irqs);
	fprintf(stderr, " bad_chain=%" PRIu64 " bad_pkt=%" PRIu64, n->bad_chain, n->bad_packet);
	fprintf(stderr, " bad_ring=%" PRIu64 " credit_overrun=%" PRIu64, n->bad_ring,
		n->credit_overrun);
	fprintf(stderr, " rst_dropped=%" PRIu64 "\n", n->rst_dropped);
}

static void init_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals < 0 || !watch_add(signals, &signal_watch, EPOLLIN))
		log_die("signalfd");
}

static void take_signals(void)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGUSR1)
			print_counters();
		else
			quit = true;
	}
}

/* Every descriptor that the limit allows: a connection needs one. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void take_kick(struct virtqueue *q)
{
	uint64_t n;

	if (q->kick >= 0 && read(q->kick, &n, sizeof n) == sizeof n)
		counters.kicks++;
}

static void dispatch(const struct epoll_event *event)
{
	struct watch *w = event->data.ptr;

	switch (w->kind) {
	case WATCH_SIGNAL:
		take_signals();
		break;
	case WATCH_VHOST_LISTENER:
		vhost_user_accept();
		break;
	case WATCH_VHOST:
		/* QEMU may be about to end: what the guest has sent before arrives. */
		packet_take();
		if (!vhost_user_message() && options.once)
			quit = true;
		break;
	case WATCH_KICK:
		take_kick((struct virtqueue *)w);
		break;
	case WATCH_CLIENT_LISTENER:
		client_accept(clients);
		break;
	case WATCH_CONN:
		client_event((struct conn *)w, event->events);
		break;
	}
}

static int wait_timeout_ms(bool work_left)
{
	uint64_t deadline_ms = conn_next_deadline(), now_ms = clock_now_ms();

	if (work_left)
		return 0;
	if (!deadline_ms)
		return -1;
	return deadline_ms <= now_ms ? 0 : (int)(deadline_ms - now_ms);
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAX_EVENTS];
	bool work_left = false;

	options_parse(argc, argv);
	raise_descriptor_limit();
	watch_init();
	init_signals();
	atexit(remove_sockets);
	vhost_user_init(listen_on(options.vhost_path));
	clients = listen_on(options.uds_path);
	if (!watch_add(clients, &client_watch, EPOLLIN))
		log_die("epoll");
	printf("READY\n");
	fflush(stdout);

	while (!quit) {
		int n = watch_wait(events, MAX_EVENTS, wait_timeout_ms(work_left));
		for (int i = 0; i < n && !quit; i++)
			dispatch(&events[i]);
		conn_run_timers(client_expired);
		work_left = packet_take();
		work_left |= packet_give();
		conn_free_dead();
	}
	if (options.verbose)
		print_counters();
	return 0;
}
