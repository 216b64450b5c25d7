/* SPDX-License-Identifier: MIT */
/* machine-id(5): the unique ID of this guest. */
#ifndef INIT_MACHINE_ID_H
#define INIT_MACHINE_ID_H

#include "base/problem.h"

/*
 * Write a new random machine ID to /run/machine-id, and make /etc/machine-id a link to it. Called
 * at each boot, and in each clone of a snapshot. If /etc/machine-id of the image is a regular file
 * with an ID, that ID stays. A failure is told to `report`.
 */
void machine_id_renew(const struct reporter *report);

#endif
