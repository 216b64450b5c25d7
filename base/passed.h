/* SPDX-License-Identifier: MIT */
/*
 * Reading a Unix socket whose senders may pass descriptors that nobody asked for (unix(7),
 * SCM_RIGHTS). When a reader has no room for them the kernel closes them in the reader's name, and
 * so it does with those of messages that are still unread when the socket is closed. A last close
 * can wait for as long as the sender likes: SO_LINGER of a TCP or vsock connection (socket(7)).
 * PID 1 must not wait. So passed descriptors are received, and a copy of the process has the last
 * of each, whose exit does not linger.
 */
#ifndef BASE_PASSED_H
#define BASE_PASSED_H

#include <sys/types.h>

/*
 * As recv(2) with MSG_DONTWAIT and MSG_TRUNC, on a socket of messages. `sender`, unless NULL, is
 * set to the pid of SO_PASSCRED's credentials, or 0. Returns the length of the message, 0 at the
 * end of a connection, or -errno of recvmsg(2).
 */
ssize_t passed_receive(int fd, void *data, size_t size, pid_t *sender);

/* Let nobody send more: shutdown(2). What was sent can still be read. */
void passed_stop(int fd);

/* Read what is left after passed_stop(), so that close(2) finds nothing. */
void passed_discard(int fd);

#endif
