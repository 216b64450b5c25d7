/* SPDX-License-Identifier: MIT */
/* What PID 1 does for the agent: one function a verb of base/control.h. */
#ifndef INIT_VERBS_H
#define INIT_VERBS_H

#include "init/control.h"

/* For the control channel of a struct guest. */
extern const struct control_operations verbs_operations;

#endif
