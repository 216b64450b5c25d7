/* SPDX-License-Identifier: MIT */
/* What the parts of facts share. */
#ifndef FACTS_H
#define FACTS_H

/* The error's name: messages differ between C libraries. */
const char *error_name(int error);

/* A number in text; 0 for NULL. */
int number(const char *text);

/* Modes, described in facts_calls.c and facts_net.c; the arguments end with NULL. */
void mode_calls(char **args);
void mode_net(char **args);
void mode_vsock_connect(char **args);
void mode_vsock_answer(char **args);
void mode_vsock_latency(char **args);
void mode_vsock_echo(char **args);
void mode_vsock_pong(char **args);
void mode_tcp_echo(char **args);

#endif
