/* SPDX-License-Identifier: MIT */
/*
 * The control channel between the agent and PID 1: a SOCK_SEQPACKET pair, a new one for each start
 * of the agent. The agent's end is its descriptor 4; 3 and 5 are the listening sockets of vsock
 * ports 52 and 5252. Every packet is one struct control_message of CONTROL_VERSION. The agent sends
 * requests. PID 1 answers each with any number of CONTROL_ITEM and CONTROL_STEP messages and one
 * CONTROL_DONE, all with the request's id. Answers to different requests may be mixed.
 * CONTROL_EVENT messages come unasked, with id 0.
 *
 * PID 1 checks every packet. One with another size or version, an unknown verb, or a name without a
 * terminator changes nothing and gets CONTROL_DONE with an error; one without an id is dropped.
 */
#ifndef BASE_CONTROL_H
#define BASE_CONTROL_H

#include <stdint.h>

#define CONTROL_VERSION  1
#define CONTROL_NAME_MAX 64  /* a service's name, terminator included */
#define CONTROL_TEXT_MAX 256 /* text for people, terminator included */
#define CONTROL_DATA_MAX 960 /* bytes of a log in one message */

enum control_kind {
	CONTROL_REQUEST = 1, /* agent to PID 1 */
	CONTROL_ITEM,        /* one of the requested things */
	CONTROL_STEP,        /* one step of a longer request is done: `step` */
	CONTROL_DONE,  /* the last message for this id: `error`, and `text` when it is not 0 */
	CONTROL_EVENT, /* PID 1 to agent, unasked: `verb` has a CONTROL_EV_... value */
};

/* Numbers are never reused for another verb. */
enum control_verb {
	CONTROL_HELLO = 1, /* ITEM: `text` is PID 1's version */
	CONTROL_SERVICES,  /* one ITEM a service: `service`. With `name`: that service only */
	CONTROL_RESTART,   /* restart service `name`; DONE when it runs again or has failed
			      (ECANCELED) */
	CONTROL_SYNC,      /* sync(2), then, with `value` 0, drop the page cache; a STEP for each */
	CONTROL_FREEZE,    /* stop the services' processes (cgroup.freeze); the agent's go on */
	CONTROL_THAW,      /* undo CONTROL_FREEZE */
	CONTROL_CLOCK,   /* set the wall clock to `value` seconds since 1970 and `position` ns; with
			    `value` 0: from /dev/ptp0; ENOENT: no such device, clock not changed */
	CONTROL_RESEED,  /* reseed the kernel's random pool; ENOENT: the clock was the only source
			  */
	CONTROL_REFRESH, /* stop the services, mount the config and secrets drives again, read
			    mvm-env.env again; a STEP for each. The services stay down until
			    CONTROL_RESUME */
	CONTROL_ADDRESS, /* replace the IPv4 address of eth0 by the one in `text` */
	CONTROL_RESUME, /* start what CONTROL_REFRESH has stopped; DONE when each runs or has failed
			 */
	CONTROL_SHUTDOWN, /* `value` 0: restart (ends mvm's VMM), 1: power off. DONE comes before
			     the shutdown begins */
	CONTROL_LOGS, /* ITEM: `data` of service `name`, oldest first, its last `value` lines (0:
			 all lines kept); `position` is where the next byte will be. With
			 `position` not 0 in the request: only the bytes after it. `value` is
			 when its first byte came (milliseconds since 1970; 0: not known) */
	CONTROL_TIMELINE, /* one ITEM a stage of the boot: `step` with its name and times */
	CONTROL_HEALTH, /* report that the check of service `name` passed (`value` 1) or failed (0).
			   `position` is when it began (CLOCK_MONOTONIC, ms). Only DONE; ESTALE: it
			   began before the service's process, and says nothing of that */
	CONTROL_EVENTS, /* ITEM up to CONTROL_TRANSITIONS_MAX of the services' changes of state
			   (`value` of them in `transitions`), or of service `name` only, from
			   number `position` on (0: all that are kept). DONE has the next
			   `position`, and in `value` how many changes were lost before it. Never
			   waits: CONTROL_EV_TRANSITION says when there are new ones */
	CONTROL_RELOAD, /* read the service files again, as SIGHUP does. ITEM: `reload`, at once;
			   ITEM with `value` 1: `text` says what is wrong with a file; DONE when
			   each started service runs or has failed, and each stopped one is gone */
	CONTROL_RELOAD_SERVICE, /* have service `name` read its configuration again; DONE when it
				   has, or why it has not */
	CONTROL_CHANGES, /* ITEM: `data`, a part of a list of what differs in the overlays from the
			   image: "c 3 /etc/a", NUL, and so on, by CONTROL_CHANGE_... Ends with
			   CONTROL_CHANGE_END; ENOENT: there is no overlay */
};

/* How an entry of CONTROL_CHANGES begins; the size is that of a regular file, or 0. */
enum control_change {
	CONTROL_CHANGE_CREATED = 'c',
	CONTROL_CHANGE_MODIFIED = 'm',
	CONTROL_CHANGE_DELETED = 'd',
	CONTROL_CHANGE_FAILED = '!', /* the list is not whole: the words for why, and the end */
	CONTROL_CHANGE_END = '.',    /* the list is whole */
};

enum control_event {
	CONTROL_EV_POST_RESTORE = 1, /* SIGUSR1: act as on the host's PostRestore */
	CONTROL_EV_RELOAD,           /* SIGHUP: read integrations.d and probes.d again */
	CONTROL_EV_TRANSITION,       /* there are changes of state after the latest answer of
					CONTROL_EVENTS. Sent once for each such answer */
	CONTROL_EV_SIGN_OF_LIFE,     /* the agent sends it back at once */
};

/* A service as PID 1 sees it. Absent numbers are UINT64_MAX. */
struct control_service {
	char name[CONTROL_NAME_MAX];
	char state[16];                /* "running", "auto-restart" ...: machine_state_name() */
	char reason[CONTROL_TEXT_MAX]; /* how the latest process ended, or why it cannot run; "" */
	int32_t pid;                   /* 0: none */
	uint32_t uid, gid;             /* who it runs as */
	uint64_t state_ms;             /* time in this state so far */
	uint64_t restarts;             /* automatic ones since boot */
	uint64_t failures;             /* in a row */
	uint64_t next_start_ms;        /* time until the next automatic start */
	int32_t exit_code; /* of the latest process: code, 128 + signal, or -1: none has ended yet
			    */
	uint32_t built_in; /* 1: the agent itself */
	uint64_t memory_bytes, cpu_us, tasks; /* of its cgroup */
	uint64_t oom_kills;
};

/* A step of a longer request, or a stage of the boot. */
struct control_step {
	char name[CONTROL_NAME_MAX];
	char text[CONTROL_TEXT_MAX]; /* result in words; "" when there is nothing to say */
	int32_t error;               /* 0, or an errno value */
	uint64_t start_us;           /* CLOCK_MONOTONIC */
	uint64_t duration_us;
};

/* A change of state of a service. */
struct control_transition {
	uint64_t number; /* from 1 since boot */
	uint64_t at_ms;  /* CLOCK_MONOTONIC */
	char name[CONTROL_NAME_MAX];
	char before[16], after[16]; /* machine_state_name() */
	char cause[16];             /* events_cause() */
	char reason[96];            /* how its process ended, or why it has none; "" */
	int32_t pid;                /* the running process, or the one that has ended; 0: none */
	int32_t exit_code;          /* of the ended process, as in struct control_service */
};

#define CONTROL_TRANSITIONS_MAX 4 /* in one message */

/* How many services CONTROL_RELOAD has started, stopped and so on. */
struct control_reload {
	uint32_t started, stopped, restarted, unchanged;
};

struct control_message {
	uint16_t version; /* CONTROL_VERSION */
	uint16_t kind;    /* enum control_kind */
	uint16_t verb;    /* enum control_verb, or enum control_event */
	uint16_t length;  /* bytes used of `data` */
	uint32_t id;      /* chosen by the agent, not 0 */
	int32_t error;    /* CONTROL_DONE: 0, or an errno value */
	uint64_t value;
	uint64_t position;
	union {
		struct {
			char name[CONTROL_NAME_MAX];
			char text[CONTROL_TEXT_MAX];
		};
		struct control_service service;
		struct control_step step;
		struct control_transition transitions[CONTROL_TRANSITIONS_MAX];
		struct control_reload reload;
		char data[CONTROL_DATA_MAX];
	};
};

#endif
