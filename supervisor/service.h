/* SPDX-License-Identifier: MIT */
/*
 * A service and the supervisor that owns it: the structs alone. Who changes what is in the header
 * of each module; supervisor.h has the operations that others call.
 */
#ifndef SUPERVISOR_SERVICE_H
#define SUPERVISOR_SERVICE_H

#include "base/account.h"
#include "base/launcher.h"
#include "base/loop.h"
#include "base/reserve.h"
#include "base/spawn.h"
#include "supervisor/machine.h"
#include "supervisor/outcome.h"
#include "supervisor/service_config.h"
#include "supervisor/service_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUPERVISOR_FILES_MAX 524288 /* the default hard limit of open files */
#define INDEX_BUCKETS        256

struct events;
struct service;
struct supervisor;

/* A service's places in the index (index.h). */
struct index_entry {
	struct service *next_of_name, *next_of_pid; /* in the same bucket */
	struct service **dependents;                /* those with it in `after` or `requires` */
	size_t dependent_count;
	bool on_its_way, active; /* as it was counted last */
};

struct index {
	struct service *by_name[INDEX_BUCKETS], *by_pid[INDEX_BUCKETS];
	size_t on_their_way; /* services of files that are to run, and neither do nor have ended */
	size_t active[2];    /* services with processes: those of files, the built-in ones */
};

/* PID 1's side of the log collector (collector_link.h). */
struct collector_link {
	struct loop_io io;       /* our end; fd -1: no collector */
	int fds[2];              /* what the collector gets: its end, and the memfd */
	int rings;               /* the memfd; -1: none yet */
	uint32_t slots;          /* rings in it */
	struct service *service; /* the collector as a service */
};

/* What a service writes to. The pipe outlives both the service's processes and the collector. */
struct output {
	int read_fd, write_fd; /* -1: not open yet */
	uint32_t slot;         /* number of its ring */
	bool is_announced;     /* the collector knows of it */
	bool is_ended;         /* the service has ended since */
};

/* What the latest reading of the service files found of one file. */
enum file_finding {
	FILE_SAME,     /* also for built-in services, which have no file */
	FILE_MISSING,  /* not found yet; only while the files are read */
	FILE_ADDED,    /* the service did not exist before */
	FILE_CHANGED,  /* `next` had a new configuration for the service */
	FILE_RETURNED, /* found again before the service had stopped for its removal */
	FILE_REMOVED,  /* the service stops, and is freed then */
};

struct file_change {
	enum file_finding finding;
	struct service_config *next; /* of a changed file, until the old process has ended */
};

/* The latest process: who it was and how it ended. */
struct last_process {
	struct outcome outcome;
	bool has_ended;
	pid_t pid;                 /* of the latest that has ended */
	int start_error;           /* errno value of the latest that could not be made */
	uint32_t part;             /* of SPAWN_PREPARE, with outcome.failed_to_run */
	uint64_t ran_ms;           /* how long it ran, with `has_ended` */
	const char *start_problem; /* while the machine is told that none was made: why */
};

/* The service's cgroup. */
struct service_cgroup {
	int fd;                     /* its directory; -1: none, the process group has to do */
	struct loop_io events;      /* while something of it is waited for to vanish */
	struct loop_io fork_events; /* pids.events (pressure.h) */
	bool is_capped;             /* it had most of the tasks of all services */
	bool fork_was_refused;      /* for its tasks_max, in this run, and said */
	uint64_t held_bytes;    /* it was killed because it held so many of the services' memory,
				 * which was used up; 0: not so */
	int daemon_status;      /* wait(2) status of its latest orphan that has ended */
	bool is_spent;          /* by cgroup_kill(), or of an older file: a new one is made before
				 * the next start */
	uint64_t cpu_before_us; /* of the groups before this one */
	uint64_t oom_kills_before; /* likewise */
	uint64_t oom_kills;        /* all of them at the latest end */
};

/* What the owner of a built-in service adds to it. */
struct service_hooks {
	const int *fds; /* descriptors that it gets as 3, 4, ... */
	size_t fd_count;
	/* Called before and after each start of the command; may be NULL. */
	void (*starting)(struct service *v);
	void (*started)(struct service *v);
};

/* The socket that NOTIFY_SOCKET names, one for each run of the command (notify.h). */
struct notify {
	struct loop_io io; /* fd -1: none */
	bool is_refusing;  /* a message was refused in this run, and that was said */
	pid_t main_pid;    /* of MAINPID=: the main process once the present one has ended; or 0 */
	char status[128];  /* of STATUS=, in this run */
};

struct service {
	struct supervisor *owner;
	struct service *next; /* in the order of the names */
	struct index_entry index;
	char name[SERVICE_NAME_MAX];
	bool built_in; /* not from a file: the agent, the log collector */
	struct service_config config;
	struct file_change file;
	const struct account *account;   /* who it runs as; owned by the supervisor */
	struct strings file_environment; /* of environment_file */
	char *problem;                   /* why it cannot run, or NULL */
	struct machine machine;
	unsigned int unhealthy; /* failed health checks in a row while it runs */
	unsigned int mark;      /* for order_check() */
	bool has_hinted;        /* the hint at type = forking was given */
	pid_t pid;              /* of pre_start or the command; 0: no process */
	struct launch launch;   /* of that process, until it runs its program */
	struct loop_timer timer;
	struct loop_timer schedule; /* on_boot_delay and on_interval */
	struct last_process last;
	struct service_cgroup cgroup;
	struct output output;
	struct notify notify;
	struct service_hooks hooks;
};

/* What the latest supervisor_reload() has found. */
struct reload {
	unsigned int number;                           /* of reloads since boot */
	size_t started, stopped, restarted, unchanged; /* services */
	struct strings bad;                            /* what is wrong with files, a text each */
};

/* What every service's environment begins and ends with. */
struct shared_environment {
	struct strings base;      /* PATH, SSL_CERT_FILE, init.ini's [env] */
	struct strings overrides; /* /mnt/config/mvm-env.env */
};

/* The directory of the services' cgroups. */
struct service_cgroups {
	int fd;               /* -1: there are none */
	int guest_fd;         /* likewise, for the built-in services; -1: in the other one */
	bool has_controllers; /* those below `fd` */
};

/* What all services may have together, and the watch over it (pressure.h). */
struct pressure {
	struct reserve reserve;  /* memory_max 0: no limits */
	struct loop_io events;   /* memory.events of the services' group */
	struct loop_timer timer; /* it is looked at again then */
	uint64_t pause_ms;       /* until then, the latest time */
	uint64_t looked_ms;      /* when it was looked at */
	struct service *dying;   /* it was killed, and its memory comes back; or NULL */
	uint64_t dying_until_ms; /* if it has not by then, another one is looked for */
};

/* Everything is going down. */
struct stopping {
	uint64_t by_ms; /* and has to be down by then; 0: it is not */
	bool includes_built_in;
	struct loop_timer timer;
};

struct supervisor {
	struct loop *loop;
	struct launcher launcher;
	struct events *events; /* where changes of state are kept; NULL: nowhere */
	struct reload reload;
	bool to_sweep; /* supervisor_sweep() has work */
	struct accounts accounts;
	struct account_entry *known_accounts; /* those that services use */
	char default_user[ACCOUNT_NAME_MAX];  /* the service group's user */
	struct shared_environment environment;
	struct service_cgroups cgroups;
	struct pressure pressure;
	struct stopping stopping;
	struct collector_link collector;
	int null_fd;      /* /dev/null */
	int own_fds;      /* directory /proc/self/fd of PID 1; -1: not there */
	rlim_t files_max; /* the services' hard limit of open files */
	bool spared;      /* PID 1 has an oom_score_adj that services must not inherit */
	bool is_frozen;   /* the services' processes do nothing: supervisor_freeze() */
	bool has_daemons; /* a service has type = forking, and its command has ended */
	bool held;        /* nothing but built-in services starts: supervisor_hold() */
	struct service *services;
	struct service *newest; /* which was put into that list last; or NULL */
	struct index index;
	/* What modules below report; supervisor_init() sets it. */
	void (*happened)(
		struct service *v, enum machine_event event, const struct machine_exit *exit);
	void (*not_started)(struct service *v, int error); /* no process was made: errno value */
	/* Told after every change of state; may be NULL. */
	void (*changed)(struct supervisor *s, struct service *service);
	/* A service has hit its start limit, and its start_limit_action is not "none". */
	void (*start_limit_hit)(struct supervisor *s, struct service *service);
};

#endif
