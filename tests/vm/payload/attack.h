/* SPDX-License-Identifier: MIT */
/* What the parts of attack share. */
#ifndef ATTACK_H
#define ATTACK_H

struct attack {
	const char *name;
	int (*take)(void);   /* takes one more; 0 or an errno value */
	void (*fresh)(void); /* before the first one, in each process */
};

/* For attacks that have nothing to prepare. */
void attack_nothing(void);

/* Tables; a NULL name ends each. */
extern const struct attack attacks_memory[], attacks_descriptors[], attacks_sockets[],
	attacks_kernel[];

#endif
