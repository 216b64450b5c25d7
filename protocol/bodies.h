/* SPDX-License-Identifier: MIT */
/*
 * The contents of the messages, as C structs: what the rows of bodies.c fill in and write. Strings
 * are NULL where null is allowed and given. Enumerations are indexes, in the order of their names
 * here; a tagged value is `kind` and a union.
 */
#ifndef PROTOCOL_BODIES_H
#define PROTOCOL_BODIES_H

#include "protocol/answer_bodies.h"
#include "protocol/request_bodies.h"

#endif
