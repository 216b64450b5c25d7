/* SPDX-License-Identifier: MIT */
/* The verbs. A new one is a row here, a function, and its place in mvm-probe(1). */
#ifndef PROBE_VERBS_VERB_TABLE_H
#define PROBE_VERBS_VERB_TABLE_H

#include "probe/verbs/options.h"

extern const struct verb verb_table[];
extern const size_t verb_count;

#endif
