/* SPDX-License-Identifier: MIT */
/*
 * vsock packets: those the guest sends are taken from the tx queue and handled, those for the guest
 * are built into buffers of the rx queue.
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 5.10.
 */
#ifndef HVSOCK_PACKET_H
#define HVSOCK_PACKET_H

#include <stdbool.h>

#define PACKET_STREAM 1 /* the one socket type served */

/* Handles the packets in the tx queue, up to a budget. True: it ran out, call again soon. */
bool packet_take(void);

/*
 * Builds packets for the guest while there is something to say and a buffer for it, up to a budget.
 * True: it ran out, call again soon.
 */
bool packet_give(void);

#endif
