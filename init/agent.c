/* SPDX-License-Identifier: MIT */
#include "init/agent.h"

#include "base/agent_address.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/vsock.h"
#include "init/agent_watch.h"
#include "supervisor/environment.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG       128
#define AGENT_USER    "mvm-agent"
#define AGENT_UID     "901" /* when the passwd file does not have the user */
#define STATE_DIR     "/run/mvm-guest-agent"
#define CAPABILITY(n) ((uint64_t)1 << (n))

/* Returns a listening socket or -errno. */
static int listen_on_vsock(unsigned int port)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The program: the one that init.ini names, or the first that exists. */
static const char *find_program(const struct settings *s)
{
	static const char *const places[] = { "/usr/bin/" AGENT_NAME, "/bin/" AGENT_NAME,
		"/usr/sbin/" AGENT_NAME, "/sbin/" AGENT_NAME };

	if (s->agent[0] != '\0')
		return s->agent;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
			return places[i]; /* starting it reports the error */
	return NULL;
}

/*
 * The agent starts checks as other users, kills them, and empties their bounding set. It keeps only
 * the capabilities for that. Where the security policy names root, what it starts for a host is
 * root with all capabilities, so neither its bounding set nor no_new_privs may prevent that.
 */
static int configure(
	const struct guest *g, const char *program, struct service_config *c, struct problem *p)
{
	char text[SETTINGS_PATH_MAX + DRIVE_DEVICE_MAX + 160];
	const struct drives *found = &g->drives.found;
	/* One that cannot be read may be the one with the security policy. */
	const char *drive = found->device[DRIVE_CONFIG][0] != '\0' ? found->device[DRIVE_CONFIG]
								   : found->unreadable;
	size_t len;
	struct account ignored;
	bool known = accounts_find_user(&g->supervisor.accounts, AGENT_USER, &ignored, p) == 0;

	service_config_init(c);
	len = buf_format(text, sizeof(text),
		"'%s' --listen-fd 3 --control-fd 4 --later-listen-fd 5 --check-user '%s'", program,
		g->supervisor.default_user);
	if (drive[0] != '\0')
		buf_format(text + len, sizeof(text) - len, " --config-drive '%s'", drive);
	c->user = strdup(known ? AGENT_USER : AGENT_UID);
	c->ambient = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_KILL) |
		     CAPABILITY(CAP_SETPCAP);
	c->capabilities_set = true;
	c->keeps_bounding = true;
	c->no_new_privs = false;
	return c->user == NULL ? problem_set(p, ENOMEM, AGENT_NAME)
			       : command_parse(text, &c->command, p);
}

/* Make the directory for state that must outlive the agent. */
static void make_state_directory(const struct service *agent)
{
	const struct account *a = agent->account;

	if ((mkdir(STATE_DIR, 0700) != 0 && errno != EEXIST) ||
		(a != NULL && chown(STATE_DIR, a->uid, a->gid) != 0))
		log_line("cannot make " STATE_DIR ": %s", problem_errno_text(errno));
}

/* Each run of the agent gets a new control channel, without messages of the run before. */
static void agent_starting(struct service *v)
{
	struct guest *g = LOOP_OWNER(v->owner, struct guest, supervisor);
	int err = control_open(&g->control);

	g->agent.is_asked = false; /* the question for a sign of life went to the run before */
	if (err != 0)
		log_line("cannot open a control channel for the guest agent: %s",
			problem_errno_text(-err));
	g->agent.fds[AGENT_CONTROL] = err == 0 ? g->control.agent_fd : v->owner->null_fd;
}

/*
 * Let the agent make cgroups below its own, for the commands that it runs for a host: the kernel's
 * cgroup-v2.rst, "Delegation". The files of limits stay root's.
 */
static void delegate_cgroup(const struct service *v)
{
	const struct account *a = v->account;
	int group = v->cgroup.fd;

	if (group >= 0 && a != NULL &&
		(fchown(group, a->uid, a->gid) != 0 ||
			fchownat(group, "cgroup.procs", a->uid, a->gid, 0) != 0))
		log_line("cannot give the guest agent its cgroup: %s", problem_errno_text(errno));
}

static void agent_started(struct service *v)
{
	delegate_cgroup(v);
	control_agent_started(&LOOP_OWNER(v->owner, struct guest, supervisor)->control);
}

void agent_bind(struct guest *g)
{
	bool wanted = find_program(&g->settings) != NULL;

	g->agent.fds[AGENT_LISTEN] = wanted ? listen_on_vsock(PROTOCOL_AGENT_PORT) : -ENOENT;
	g->agent.fds[AGENT_LISTEN_LATER] = wanted ? listen_on_vsock(PROTOCOL_AGENT_PORT1) : -ENOENT;
}

/* True if port 52 could be bound. A port that could not is logged. */
static bool has_listeners(struct guest *g)
{
	int *fds = g->agent.fds;

	if (fds[AGENT_LISTEN_LATER] < 0) {
		if (fds[AGENT_LISTEN] >= 0)
			log_line("guest agent: vsock port %d: %s", PROTOCOL_AGENT_PORT1,
				problem_errno_text(-fds[AGENT_LISTEN_LATER]));
		fds[AGENT_LISTEN_LATER] = g->supervisor.null_fd;
	}
	if (fds[AGENT_LISTEN] < 0)
		log_line("no guest agent: vsock port %d: %s", PROTOCOL_AGENT_PORT,
			problem_errno_text(-fds[AGENT_LISTEN]));
	return fds[AGENT_LISTEN] >= 0;
}

void agent_add(struct guest *g)
{
	const char *program = find_program(&g->settings);
	struct service_config config;
	struct service *v;
	struct problem p;

	if (program == NULL) {
		log_line("no guest agent: the image has no " AGENT_NAME);
		return;
	}
	if (!has_listeners(g))
		return;
	if (configure(g, program, &config, &p) != 0) {
		log_problem(&p);
		return;
	}
	v = supervisor_add(&g->supervisor, AGENT_NAME, &config);
	g->agent.service = v;
	if (v == NULL)
		return;
	v->hooks.fds = g->agent.fds;
	v->hooks.fd_count = AGENT_FDS;
	v->hooks.starting = agent_starting;
	v->hooks.started = agent_started;
	make_state_directory(v);
	agent_watch_begin(g);
	/* Services have started earlier. */
	for (struct service *u = g->supervisor.services; u != NULL; u = u->next)
		if (machine_is_active(&u->machine))
			environment_publish(u);
}
