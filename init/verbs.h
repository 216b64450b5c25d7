/* SPDX-License-Identifier: MIT */
/* PID 1's actions for the agent: one function for each verb of base/control.h. */
#ifndef INIT_VERBS_H
#define INIT_VERBS_H

#include "init/control.h"

/* For the control channel of a struct guest. */
extern const struct control_operations verbs_operations;

#endif
