/* SPDX-License-Identifier: MIT */
/*
 * Contents of the messages as C structs. The rows of requests.c, answers.c and answers_ours.c
 * decode into them and encode from them. A nullable string is NULL for null. An enumeration is an
 * index into its words, in the order of the enum. A tagged value is `kind` with a union.
 */
#ifndef PROTOCOL_BODIES_H
#define PROTOCOL_BODIES_H

#include "protocol/answer_bodies.h"
#include "protocol/request_bodies.h"

#endif
