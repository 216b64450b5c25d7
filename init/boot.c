/* SPDX-License-Identifier: MIT */
#include "init/boot.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "init/agent.h"
#include "init/console.h"
#include "init/names.h"
#include "init/network.h"
#include "init/refresh.h"
#include "init/shutdown.h"
#include "init/signals.h"
#include "init/sysctl.h"
#include "mounts/api_filesystems.h"
#include "mounts/overlay.h"
#include "mounts/secrets.h"
#include "supervisor/env_file.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ENV_FILE       "/mnt/config/mvm-env.env"
#define SERVICES_DIR   "/etc/mvm/services.d"
#define CA_BUNDLE      "/etc/ssl/certs/ca-bundle.crt"
#define SECOND_PART_MS 2
#define FILES_MAX      65536 /* descriptors of PID 1: three a service, and some */

static void check(int err, const char *what)
{
	struct problem p;

	if (err < 0) {
		problem_set(&p, -err, "%s", what);
		log_problem(&p);
	}
}

/* In a container the hard limit may be out of reach: then it is what there is, for services, too.
 */
static void raise_file_limit(struct supervisor *s)
{
	struct rlimit limit = { FILES_MAX, SUPERVISOR_FILES_MAX };
	rlim_t raised;

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	s->files_max = limit.rlim_max;
	raised = file_raise_limit(FILES_MAX);
	if (raised < FILES_MAX)
		log_line("descriptor limit is %llu (wanted %d)", (unsigned long long)raised,
			FILES_MAX);
}

static void set_up_names(struct guest *g)
{
	network_config_from_cmdline(&g->cmdline, &g->network, &log_problems);
	names_set_host(g->settings.hostname, &log_problems);
	names_set_resolver(&g->network, &g->settings.nameservers, &log_problems);
}

static void mount_plain_drive(struct guest *g, enum drive_role role)
{
	const char *device = g->drives.device[role];
	struct problem p;

	if (device[0] == '\0')
		return;
	g->mounted[role] =
		drive_mount(device, drive_mount_point(role), role == DRIVE_DATA, &p) == 0;
	if (!g->mounted[role])
		log_problem(&p);
}

int mount_secrets(struct guest *g, const struct reporter *report)
{
	const char *device = g->drives.device[DRIVE_SECRETS];
	struct problem p;
	gid_t group = 0;
	int err;

	if (device[0] == '\0')
		return 0;
	if (accounts_find_group(&g->supervisor.accounts, g->settings.service_group, &group, &p) !=
		0)
		log_line("secrets: %s: only root can read them", p.text);
	err = secrets_mount(device, group, report, &p);
	if (err != 0)
		problem_report(report, &p);
	return err;
}

static void mount_drives(struct guest *g)
{
	drives_find(g->settings.drives, &g->drives, &log_problems);
	mount_plain_drive(g, DRIVE_CONFIG);
	g->mounted[DRIVE_SECRETS] =
		mount_secrets(g, &log_problems) == 0 && g->drives.device[DRIVE_SECRETS][0] != '\0';
	mount_plain_drive(g, DRIVE_DATA);
}

void read_override_environment(struct guest *g, const struct reporter *report)
{
	strings_free(&g->supervisor.override_environment);
	env_file_read(ENV_FILE, &g->supervisor.override_environment, report);
}

static void read_environment(struct guest *g)
{
	struct strings *base = &g->supervisor.base_environment;

	check(strings_set(base, "PATH", SPAWN_DEFAULT_PATH), "environment");
	if (access(CA_BUNDLE, R_OK) == 0)
		check(strings_set(base, "SSL_CERT_FILE", CA_BUNDLE), "environment");
	for (size_t i = 0; i < g->settings.env.count; i++)
		check(strings_set_variable(base, g->settings.env.list[i]), "environment");
	read_override_environment(g, &log_problems);
}

/* Homes are written to only where a service's user lives in one. */
static void make_homes_writable(struct guest *g)
{
	for (const struct service *v = g->supervisor.services; v != NULL; v = v->next) {
		struct problem p;

		if (v->account != NULL && overlay_mount_home(v->account->home, &p) != 0)
			log_problem(&p);
	}
}

/* "services-up" ends when every service that starts at boot has been up, or has ended, once. */
static void service_changed(struct supervisor *s, struct service *service)
{
	struct guest *g = LOOP_OWNER(s, struct guest, supervisor);

	(void)service;
	if (!g->all_up && g->timeline.count > 0 && supervisor_has_settled(s)) {
		g->all_up = true;
		timeline_mark(&g->timeline, "services-up");
	}
	if (g->ending)
		shutdown_go_on(g);
	else if (g->refresh.alone)
		refresh_alone(g);
	control_go_on(g);
}

static void load_services(struct guest *g)
{
	int bad = supervisor_load(&g->supervisor, SERVICES_DIR);

	check(bad, "cannot read " SERVICES_DIR);
	if (bad > 0)
		log_line("%d service%s cannot run", bad, bad == 1 ? "" : "s");
	g->supervisor.changed = service_changed;
	g->supervisor.start_limit_hit = shutdown_start_limit_hit;
}

static void open_cgroups(struct guest *g)
{
	struct supervisor *s = &g->supervisor;
	struct problem p;

	s->cgroups_fd = cgroups_open(&p);
	if (s->cgroups_fd < 0) {
		log_problem(&p);
	} else if (g->settings.accounting) {
		s->controllers = true;
		cgroups_enable_controllers(s->cgroups_fd, &log_problems);
	}
}

static void read_accounts(struct guest *g)
{
	struct supervisor *s = &g->supervisor;
	struct problem p;

	if (accounts_load(&s->accounts, "/etc/passwd", "/etc/group", &p) != 0)
		log_problem(&p);
	memcpy(s->default_user, g->settings.service_group, sizeof(s->default_user));
}

int boot_reload_services(struct guest *g)
{
	const struct reload *r = &g->supervisor.reload;
	int bad;

	if (g->ending)
		return -ESHUTDOWN;
	bad = supervisor_reload(&g->supervisor, SERVICES_DIR);
	check(bad, "cannot read " SERVICES_DIR);
	if (bad >= 0)
		log_line("read " SERVICES_DIR " again: %zu started, %zu stopped, %zu restarted, "
			 "%zu unchanged, %zu bad",
			r->started, r->stopped, r->restarted, r->unchanged, r->bad.count);
	control_send_event(g, CONTROL_EV_RELOAD);
	control_go_on(g);
	return bad < 0 ? bad : 0;
}

/* What the boot has found, said when it no longer keeps a service waiting. */
static void log_summary(const struct guest *g)
{
	for (int r = 0; r < DRIVE_ROLES; r++)
		if (g->mounted[r])
			log_line("mounted %s drive (%s)", drive_role_name((enum drive_role)r),
				g->drives.device[r] + sizeof("/dev/") - 1);
	log_line("%s", g->network_summary);
	log_line("mvm-init " PROGRAM_VERSION ": %zu of %zu services started",
		supervisor_count(&g->supervisor, true), supervisor_count(&g->supervisor, false));
}

/*
 * The second part of the boot: what no service waits for. It runs a moment later, so that the
 * kernel gives the services their first turn before it.
 */
static void boot_second_part(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, second_part);

	if (g->ending)
		return;
	log_summary(g);
	check(collector_add(&g->supervisor), "no log collector");
	agent_add(g);
	supervisor_start_all(&g->supervisor, true);
	timeline_mark(&g->timeline, "agent-start");
}

int boot(struct guest *g)
{
	struct problem p;
	bool read_only;
	int err;

	timeline_mark(&g->timeline, "kernel");
	api_filesystems_mount(&console_early_problems);
	console_open("[init] ");
	check(power_take_over_keys(), "cannot take over Ctrl-Alt-Del");
	err = loop_init(&g->loop);
	if (err == 0)
		err = signals_open(g);
	if (err != 0)
		return err;
	check(supervisor_init(&g->supervisor, &g->loop), "cannot open /dev/null");
	raise_file_limit(&g->supervisor);
	g->supervisor.events = &g->events;
	if (cmdline_read(&g->cmdline, &p) != 0)
		log_problem(&p);
	timeline_mark(&g->timeline, "api-filesystems");
	read_only = overlay_root_is_read_only();
	if (read_only)
		overlay_mount_all(&log_problems);
	timeline_mark(&g->timeline, "overlays");
	settings_read(SETTINGS_FILE, &g->settings, &log_problems);
	if (sysctl_kernel_is_ours())
		sysctl_apply("/proc/sys", &g->settings.sysctl, g->settings.user_namespaces,
			&log_problems);
	read_accounts(g);
	set_up_names(g);
	timeline_mark(&g->timeline, "names");
	mount_drives(g);
	read_environment(g);
	timeline_mark(&g->timeline, "drives");
	network_configure(
		&g->network, g->network_summary, sizeof(g->network_summary), &log_problems);
	timeline_mark(&g->timeline, "network");
	load_services(g);
	if (read_only)
		make_homes_writable(g);
	timeline_mark(&g->timeline, "service-files");
	open_cgroups(g);
	supervisor_start_all(&g->supervisor, false);
	timeline_mark(&g->timeline, "start");
	g->second_part.expire = boot_second_part;
	loop_timer_set(&g->loop, &g->second_part, clock_ms() + SECOND_PART_MS);
	return 0;
}
