/* SPDX-License-Identifier: MIT */
/* machine-id(5): which guest this is. */
#ifndef INIT_MACHINE_ID_H
#define INIT_MACHINE_ID_H

#include "base/problem.h"

/*
 * Make a new machine ID from the kernel's random numbers, in /run/machine-id, and let
 * /etc/machine-id be a link to it: at each boot, and in each clone of a snapshot. An image whose
 * /etc/machine-id is a regular file with an ID keeps that. A failure is told to `report`.
 */
void machine_id_renew(const struct reporter *report);

#endif
