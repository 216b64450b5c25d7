/* SPDX-License-Identifier: MIT */
/* The table of verbs. A new verb needs a row, a function, and a section in mvm-probe(1). */
#ifndef PROBE_VERBS_VERB_TABLE_H
#define PROBE_VERBS_VERB_TABLE_H

#include "probe/verbs/options.h"

extern const struct verb verb_table[];
extern const size_t verb_count;

#endif
