/* SPDX-License-Identifier: MIT */
/*
 * The facts about one guest: health, services and numbers from its agent. If its policy allows
 * commands and it has a shell, also its clock, drives, addresses and kernel.
 */
#ifndef PROBE_REPORT_GUEST_FACTS_H
#define PROBE_REPORT_GUEST_FACTS_H

#include "probe/report/health.h"
#include "probe/report/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTS_DRIVES    16
#define FACTS_WORD      64
#define FACTS_ADDRESSES 200

struct guest_drive {
	char mount_point[FACTS_WORD];
	unsigned int used_percent;
	uint64_t free_kib;
};

/* Facts from the guest's shell. */
struct shell_facts {
	bool is_known;     /* the shell answered; the rest is set */
	char why_not[200]; /* otherwise: why not; safe to show */
	int64_t ahead_s;   /* the guest's clock minus the host's */
	bool has_clock;
	char kernel[FACTS_WORD];
	struct guest_drive drives[FACTS_DRIVES];
	size_t drive_count;
	bool has_config, has_secrets, has_data; /* the drive is mounted */
	bool has_link, has_route;               /* a network device beside lo; a route */
	char addresses[FACTS_ADDRESSES];
	char pressure[FACTS_WORD]; /* of memory: "some avg10=..." */
};

struct guest_facts {
	const struct inquiry
		*inquiry; /* answers to facts_questions; if it failed, nothing is known */
	struct report report;
	struct services services;
	struct maybe uptime_ms, memory_bytes, available_bytes, connections, commands;
	struct shell_facts shell;
};

/* The questions to the agent, and the script for the guest's shell. */
extern const struct question facts_questions[4];
extern const char facts_script[];

/* Read the decoded answers to facts_questions. facts_free() is needed in every case. */
void facts_read(struct guest_facts *f, struct inquiry *i);

/* Read the decoded answer to the Exec of facts_script. It may have failed. */
void facts_read_shell(struct guest_facts *f, struct inquiry *i);

void facts_free(struct guest_facts *f);

/* ---- findings -------------------------------------------------------------------------------- */

enum finding_weight {
	FINDING_NOTE,
	FINDING_WARNING,
	FINDING_CRITICAL,
};

struct finding {
	enum finding_weight weight;
	const char *kind; /* "crash-loop" ...: stable, for programs */
	char text[400];   /* what is wrong; safe to show */
	char action[300]; /* what to do */
};

#define FINDINGS_MAX 64

struct findings {
	struct finding items[FINDINGS_MAX]; /* the worst first */
	size_t count;
};

/* Find what is wrong with a guest. */
void findings_make(struct findings *all, const struct guest_facts *f);

const char *finding_word(enum finding_weight weight);

#endif
