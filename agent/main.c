/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"
#include "agent/options.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A pipe leads to a supervisor, which puts the name in front itself, and must not stop the agent by
 * reading slowly. Other files stay as they are: their mode is shared with others.
 */
static void open_log(void)
{
	struct stat st;
	bool pipe = fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);

	if (pipe)
		fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	log_open(STDERR_FILENO, pipe ? "" : "mvm-guest-agent: ");
}

static int print(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0;
}

int main(int argc, char **argv)
{
	static struct agent agent;
	struct options options;
	struct problem p;

	open_log();
	if (options_parse(argc, argv, &options, &p) != 0) {
		log_line("%s; --help shows the options", p.text);
		return 1;
	}
	if (options.action == OPTIONS_HELP)
		return print(STDERR_FILENO, options_usage);
	if (options.action == OPTIONS_VERSION)
		return print(STDOUT_FILENO, "mvm-guest-agent " PROGRAM_VERSION "\n");
	if (agent_start(&agent, &options, &agent_default_paths, &p) != 0 ||
		agent_run(&agent, &p) != 0) {
		log_line("%s", p.text);
		return 1;
	}
	return 0;
}
