/* SPDX-License-Identifier: MIT */
#include "agent/sessions/session_shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The user's home if the user can enter it, else "/". */
static const char *directory_of(const struct account *a)
{
	struct stat st;

	if (a->home[0] != '/' || stat(a->home, &st) != 0 || !S_ISDIR(st.st_mode))
		return "/";
	return st.st_uid == a->uid || (st.st_mode & S_IXOTH) ? a->home : "/";
}

int session_shell_start(
	struct job *job, const struct identity *id, int slave, int cgroup_fd, struct problem *p)
{
	static char shell[] = SESSION_SHELL, interactive[] = "-i", term[] = "TERM=xterm-256color";
	char *const argv[] = { shell, interactive, NULL };
	struct job_session session = { .terminal_fd = slave, .cgroup_fd = cgroup_fd };
	struct job_spec spec = { .session = &session,
		.argv = argv,
		.user = id->user,
		.directory = directory_of(&id->account) };
	size_t count = 0, n = 0;
	char **env;
	int err;

	while (id->environment[count] != NULL)
		count++;
	env = malloc((count + 2) * sizeof(*env));
	if (env == NULL)
		return problem_set(p, ENOMEM, "environment");
	for (size_t i = 0; i < count; i++)
		if (strncmp(id->environment[i], "TERM=", 5) != 0)
			env[n++] = id->environment[i];
	env[n++] = term;
	env[n] = NULL;
	spec.envp = env;
	err = job_start(job, &spec);
	free(env);
	return err != 0 ? problem_set(p, -err, "cannot start a process") : 0;
}
