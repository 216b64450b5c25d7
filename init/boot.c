/* SPDX-License-Identifier: MIT */
#include "init/boot.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "init/agent.h"
#include "init/console.h"
#include "init/guest_drives.h"
#include "init/guest_environment.h"
#include "init/machine_id.h"
#include "init/names.h"
#include "init/network.h"
#include "init/reload.h"
#include "init/resolver.h"
#include "init/share.h"
#include "init/shutdown.h"
#include "init/signals.h"
#include "init/sysctl.h"
#include "init/verbs.h"
#include "mounts/api_filesystems.h"
#include "mounts/overlay.h"
#include "supervisor/collector_service.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_PART_MS    2
#define SECOND_PART_TRIES 10     /* without another service reaching its program */
#define SECOND_PART_LOOKS 5000   /* at all: services may fail again and again */
#define OOM_SCORE         "-900" /* -1000 would mean never */
#define FILES_MAX         65536  /* descriptors of PID 1: three for each service, and some more */

static void check(int err, const char *what)
{
	struct problem p;

	if (err < 0) {
		problem_set(&p, -err, "%s", what);
		log_problem(&p);
	}
}

/* In a container PID 1 may not raise the hard limit. Then services have that limit, too. */
static void raise_file_limit(struct supervisor *s)
{
	struct rlimit limit = { FILES_MAX, SUPERVISOR_FILES_MAX };
	rlim_t raised;

	if (prlimit(0, RLIMIT_NOFILE, &limit, NULL) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	s->files_max = limit.rlim_max;
	raised = file_raise_limit(FILES_MAX);
	if (raised < FILES_MAX)
		log_line("descriptor limit is %llu (wanted %d)", (unsigned long long)raised,
			FILES_MAX);
}

static void set_up_names(struct guest *g)
{
	network_config_from_cmdline(&g->cmdline, &g->network.config, &log_problems);
	names_set_host(g->network.config.hostname[0] != '\0' ? g->network.config.hostname
							     : g->settings.hostname,
		&log_problems);
	resolver_set(&g->network.config, &g->settings.nameservers, &log_problems);
}

/* Make /home and /root writable if a service's user has its home there. */
static void make_homes_writable(struct guest *g)
{
	for (const struct service *v = g->supervisor.services; v != NULL; v = v->next) {
		struct problem p;

		if (v->account != NULL && overlay_mount_home(v->account->home, &p) != 0)
			log_problem(&p);
	}
}

/* Set the random seed and machine ID, which guests of one image must not share. */
static void make_unique(struct guest *g)
{
	int seeded = guest_drives_use_seed(g);

	check(seeded, "cannot use random-seed of the config drive");
	if (seeded <= 0)
		machine_id_renew(&log_problems);
}

/*
 * The directory as it is in the image. An overlay has the same files until a program writes, but
 * reading them there would allocate an inode for each file.
 */
static int open_services(void)
{
	int fd = open(SERVICES_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void load_services(struct guest *g, int fd)
{
	int bad = fd == -ENOENT ? 0 : fd;

	if (fd >= 0) {
		bad = supervisor_load_from(&g->supervisor, fd, SERVICES_DIR);
		close(fd);
	}

	check(bad, "cannot read " SERVICES_DIR);
	if (bad > 0)
		log_line("%d service%s cannot run", bad, bad == 1 ? "" : "s");
	g->supervisor.start_limit_hit = shutdown_start_limit_hit;
}

static void read_accounts(struct guest *g)
{
	struct supervisor *s = &g->supervisor;

	reload_accounts(g);
	accounts_check(&s->accounts, "/etc/passwd", "/etc/group", &log_problems);
	memcpy(s->default_user, g->settings.service_group, sizeof(s->default_user));
}

/* Log the results of the boot, after the services have started. */
static void log_summary(const struct guest *g)
{
	for (int r = 0; r < DRIVE_ROLES; r++)
		if (g->drives.mounted[r])
			log_line("mounted %s drive (%s)", drive_role_name((enum drive_role)r),
				g->drives.found.device[r] + sizeof("/dev/") - 1);
	log_line("%s", g->network.summary);
	log_line("mvm-init " PROGRAM_VERSION ": %zu of %zu services started",
		supervisor_count(&g->supervisor, true), supervisor_count(&g->supervisor, false));
}

/*
 * Make the kernel end a service first when memory runs out: the agent and the collector inherit
 * this oom_score_adj (proc(5)). PID 1 itself is never chosen. This runs after the services have
 * started, so they need not reset the value; PID 1 resets it for a service that has not reached its
 * program. A container may not allow it.
 */
static void spare_guest(struct guest *g)
{
	g->supervisor.is_spared =
		file_write("/proc/self/oom_score_adj", OOM_SCORE, sizeof(OOM_SCORE) - 1) == 0;
}

/*
 * True if services are still reaching their programs, one after another. The last ones get a moment
 * more, for the first steps of their programs.
 */
static bool has_patience(struct guest *g)
{
	size_t pending = launcher_pending(&g->supervisor.launcher);
	bool has_changed = pending != g->boot.pending;

	if (has_changed)
		g->boot.tries = 0;
	g->boot.pending = pending;
	return g->boot.looks++ < SECOND_PART_LOOKS &&
	       (has_changed || (pending > 0 && g->boot.tries++ < SECOND_PART_TRIES));
}

/*
 * The second part of the boot: steps that no service waits for. They run when every service has
 * reached its program, except those that are stuck.
 */
static void boot_second_part(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, boot.second_part);

	if (g->shutdown.begun)
		return;
	if (has_patience(g)) {
		loop_timer_set(&g->loop, timer, clock_ms() + SECOND_PART_MS);
		return;
	}
	spare_guest(g);
	log_summary(g);
	share_out_rest(g);
	check(collector_add(&g->supervisor), "no log collector");
	agent_add(g);
	supervisor_start_all(&g->supervisor, true);
	guest_mark_stage(g, "agent-start");
}

void boot_wait_for_loop(int err)
{
	static const struct timespec second = { .tv_sec = 1 };

	log_line("no event loop: %s, trying again", problem_errno_text(-err));
	nanosleep(&second, NULL);
}

static void open_loop(struct guest *g)
{
	int err;

	for (;;) {
		err = loop_init(&g->loop);
		if (err == 0) {
			err = signals_open(g);
			if (err == 0)
				return;
			loop_close(&g->loop);
		}
		boot_wait_for_loop(err);
	}
}

void boot(struct guest *g)
{
	struct problem p;
	bool read_only;
	int services;

	guest_mark_stage(g, "kernel");
	api_filesystems_mount(&console_early_problems);
	console_open("[init] ");
	check(power_take_over_keys(), "cannot take over Ctrl-Alt-Del");
	open_loop(g);
	control_init(&g->control, &g->loop, &verbs_operations, &g->events);
	sync_init(&g->sync, &g->loop);
	changes_init(&g->changes, &g->loop);
	check(supervisor_init(&g->supervisor, &g->loop), "cannot open /dev/null");
	raise_file_limit(&g->supervisor);
	g->supervisor.events = &g->events;
	if (cmdline_read(&g->cmdline, &p) != 0)
		log_problem(&p);
	guest_mark_stage(g, "api-filesystems");
	services = open_services();
	read_only = overlay_root_is_read_only();
	if (read_only)
		overlay_mount_all(&log_problems);
	guest_mark_stage(g, "overlays");
	settings_read(SETTINGS_FILE, &g->settings, &log_problems);
	if (sysctl_kernel_is_ours())
		sysctl_apply("/proc/sys", &g->settings.sysctl, g->settings.user_namespaces,
			&log_problems);
	read_accounts(g);
	set_up_names(g);
	guest_mark_stage(g, "names");
	guest_drives_mount(g);
	make_unique(g);
	guest_environment_read(g);
	guest_mark_stage(g, "drives");
	network_configure(
		&g->network.config, g->network.summary, sizeof(g->network.summary), &log_problems);
	guest_mark_stage(g, "network");
	load_services(g, services);
	if (read_only)
		make_homes_writable(g);
	guest_drives_mount_shares(g);
	guest_mark_stage(g, "service-files");
	share_out(g);
	agent_bind(g);
	supervisor_start_all(&g->supervisor, false);
	guest_mark_stage(g, "start");
	g->boot.second_part.expire = boot_second_part;
	loop_timer_set(&g->loop, &g->boot.second_part, clock_ms() + SECOND_PART_MS);
}
