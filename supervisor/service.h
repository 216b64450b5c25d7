/* SPDX-License-Identifier: MIT */
/*
 * A service and the supervisor that owns it: only the structs. Each module's header says which of
 * them it changes; supervisor.h has the operations for callers outside.
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
	struct service **dependents; /* services with this one in `after` or `requires` */
	size_t dependent_count;
	bool on_its_way, active; /* as counted last */
};

struct index {
	struct service *by_name[INDEX_BUCKETS], *by_pid[INDEX_BUCKETS];
	size_t on_their_way; /* services of files that are starting or stopping */
	size_t active[2];    /* services with processes: of files, built-in */
};

/* PID 1's side of the log collector (collector_link.h). */
struct collector_link {
	struct loop_io io;       /* our end; fd -1: no collector */
	int fds[2];              /* the collector's: its end, and the memfd */
	int rings;               /* the memfd; -1: none yet */
	uint32_t slots, room;    /* rings in it; and how many it is large enough for */
	bool is_full;            /* the link takes no more for now */
	struct service *service; /* the collector as a service */
};

/* A service's output pipe, which outlives both its processes and the collector. */
struct output {
	int read_fd, write_fd; /* -1: not open yet */
	uint32_t slot;         /* number of its ring */
	bool is_announced;     /* the collector was told of the pipe */
	bool is_ended;         /* the process has ended, and the collector was not told yet */
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
	pid_t pid;                 /* of the latest process that has ended */
	int start_error;           /* errno value when no process could be made */
	uint32_t part;             /* of SPAWN_PREPARE, with outcome.failed_to_run */
	uint64_t ran_ms;           /* how long it ran, with `has_ended` */
	const char *start_problem; /* why no process was made; set while the machine is told */
};

/* The service's cgroup. */
struct service_cgroup {
	int fd;                     /* its directory; -1: no cgroup, only a process group */
	struct loop_io events;      /* watched while processes in it are ending */
	struct loop_io fork_events; /* pids.events (pressure.h) */
	bool is_capped;             /* it may have no more tasks (pressure.h) */
	bool fork_was_refused;      /* at its tasks_max, in this run, and that was logged */
	uint64_t held_bytes; /* not 0: it was killed when the services' memory was used up, and it
			      * held so many bytes */
	int daemon_status;   /* wait(2) status of the daemon's process that ended last */
	bool is_spent;       /* by cgroup_kill() or by a changed file: the next start makes a new
			      * cgroup */
	uint64_t cpu_before_us;    /* CPU time of the cgroups before this one */
	uint64_t oom_kills_before; /* kills in the cgroups before this one */
	uint64_t oom_kills;        /* all kills up to the latest end */
};

/* Additions of the owner of a built-in service. */
struct service_hooks {
	const int *fds; /* passed as descriptors 3, 4, ... */
	size_t fd_count;
	/* Called before and after each start of the command; may be NULL. */
	void (*starting)(struct service *v);
	void (*started)(struct service *v);
};

/* The latest reload that was asked for (service_reload.h). */
struct service_reload {
	struct launch launch; /* of reload_command; `pid` 0 and no `slot`: it does not run */
	uint64_t number;      /* of such reloads in this boot */
	uint64_t ended;       /* the number of the one that has ended last, */
	int error;            /* how: 0, or an errno value, */
	char text[128];       /* and why */
	uint64_t begun_us;    /* CLOCK_MONOTONIC */
};

/* The socket that NOTIFY_SOCKET names, one for each run of the command (notify.h). */
struct notify {
	struct loop_io io; /* fd -1: none */
	bool is_refusing;  /* a message was refused in this run, and that was logged */
	pid_t main_pid;    /* of MAINPID=: becomes the main process after the present one; or 0 */
	char status[128];  /* of STATUS=, in this run */
	uint64_t sent_us;  /* MONOTONIC_USEC= of the message that is being read; 0: none */
};

/* Between a program's execve(2) and what it is worth (settling.h). */
struct settling {
	struct loop_timer timer;
	unsigned int pause_ms; /* 0: it does not settle now */
};

struct service {
	struct supervisor *owner;
	struct service *next; /* in the order of the names */
	struct index_entry index;
	char name[SERVICE_NAME_MAX];
	bool built_in; /* has no file: the agent, the log collector */
	struct service_config config;
	struct file_change file;
	const struct account *account;   /* the user it runs as; owned by the supervisor */
	struct strings file_environment; /* of environment_file */
	char *problem;                   /* why it cannot run, or NULL */
	struct machine machine;
	unsigned int unhealthy; /* failed health checks in a row while it runs */
	unsigned int mark;      /* for order_is_possible() */
	bool has_hinted;        /* the hint at type = forking was logged */
	pid_t pid;              /* of pre_start or the command; 0: no process */
	struct launch launch;   /* of that process, until it runs its program */
	bool needs_oom_score;   /* that process was started before PID 1 was spared */
	struct loop_timer timer;
	struct loop_timer schedule; /* on_boot_delay and on_interval */
	struct settling settling;
	struct last_process last;
	struct service_cgroup cgroup;
	struct output output;
	struct notify notify;
	struct service_reload reload;
	struct service_hooks hooks;
};

/* The result of the latest supervisor_reload(). */
struct reload {
	unsigned int number;                           /* of reloads since boot */
	size_t started, stopped, restarted, unchanged; /* services */
	struct strings bad;                            /* a text for each error in a file */
};

/* Variables of every service: `base` comes first, `overrides` last. */
struct shared_environment {
	struct strings base;      /* PATH, SSL_CERT_FILE, init.ini's [env] */
	struct strings overrides; /* /mnt/config/mvm-env.env */
};

/* The directory of the services' cgroups. */
struct service_cgroups {
	int fd;               /* -1: there are none */
	int guest_fd;         /* of the built-in services; -1: they are in `fd`, too */
	bool has_controllers; /* for the groups below `fd` */
};

/* The limits on all services together, and the watch over them (pressure.h). */
struct pressure {
	struct reserve reserve;  /* memory_max 0: no limits */
	struct loop_io events;   /* memory.events of the services' group */
	struct loop_timer timer; /* for the next look */
	uint64_t pause_ms;       /* length of the latest pause */
	uint64_t looked_ms;      /* time of the latest look */
	struct service *dying;   /* was killed, and its memory is being freed; or NULL */
	uint64_t dying_bytes;    /* what it held */
	uint64_t dying_until_ms; /* then another service is chosen */
	bool has_held_back;      /* a service waits for that memory: pressure_holds_back() */
};

/* A stop of all services. */
struct stopping {
	uint64_t by_ms; /* deadline; 0: not stopping */
	bool includes_built_in;
	struct loop_timer timer;
};

struct supervisor {
	struct loop *loop;
	struct launcher launcher;
	struct events *events; /* keeps changes of state; or NULL */
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
	int null_fd;            /* /dev/null */
	int own_fds;            /* directory /proc/self/fd of PID 1; -1: not there */
	int again_fd;           /* number for what is opened again through it; -1: none */
	rlim_t files_max;       /* the services' hard limit of open files */
	bool is_spared;         /* PID 1 has an oom_score_adj that services must not inherit */
	bool is_frozen;         /* services are frozen: supervisor_freeze() */
	size_t reload_commands; /* how many run */
	bool has_daemons;       /* a service has type = forking, and its command has ended */
	bool blocks_sigchld;    /* so that one which nobody has read can be seen */
	bool held;              /* only built-in services start: supervisor_hold() */
	struct service *services;
	struct service *newest; /* added to that list last; or NULL */
	struct index index;
	/* Called by lower modules; supervisor_init() sets them. */
	void (*happened)(
		struct service *v, enum machine_event event, const struct machine_exit *exit);
	void (*not_started)(struct service *v, int error); /* no process was made: errno value */
	void (*reap)(struct supervisor *s);                /* take the processes that have ended */
	void (*reconsider)(struct service *v);             /* start it, if it waits and can */
	/* Called after every change of state; may be NULL. */
	void (*changed)(struct supervisor *s, struct service *service);
	/* A service has hit its start limit, and its start_limit_action is not "none". */
	void (*start_limit_hit)(struct supervisor *s, struct service *service);
};

#endif
