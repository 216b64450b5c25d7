/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"
#include "agent/agent_options.h"
#include "agent/checks/state_size.h"
#include "agent/files/file_request.h"
#include "agent/link/host_client.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_UNREACHABLE 3 /* as in mvm-probe(1) */

/*
 * A pipe leads to a supervisor, which adds the agent's name to each line itself. The pipe becomes
 * non-blocking so that a slow reader cannot stop the agent. Any other file keeps its mode, because
 * other processes share it.
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
	return file_write_all(fd, text, strlen(text)) != 0;
}

static int print_state_size(const struct options *o)
{
	char text[32];
	uint64_t bytes = 0;

	for (int i = 0; i < o->operand_count; i++)
		if (state_size(o->operands[i], &bytes) == 0)
			break;
	buf_format(text, sizeof(text), "%" PRIu64, bytes);
	return print(STDOUT_FILENO, text);
}

static int ask_host(const struct options *o, enum message_kind request)
{
	const struct host_instance instance = { .tenant_id = o->operands[0],
		.pool_id = o->operands[1],
		.instance_id = o->operands[2] };
	char text[1024];
	struct buf b = BUF_OVER(text);
	enum host_outcome outcome;
	struct problem p;
	int fd = host_connect(&p);

	buf_clear(&b);
	if (fd < 0) {
		log_line("%s", p.text);
		return EXIT_UNREACHABLE;
	}
	outcome = host_ask(fd, request, &instance, &b);
	close(fd);
	if (outcome != HOST_YES) {
		log_line("%s", b.data);
		return outcome == HOST_NO ? 1 : EXIT_UNREACHABLE;
	}
	return print(STDOUT_FILENO, b.data) || print(STDOUT_FILENO, "\n");
}

static int run_agent(const struct options *o)
{
	static struct agent agent;
	struct problem p;

	if (agent_start(&agent, o, &agent_default_paths, &p) == 0 && agent_run(&agent, &p) == 0)
		return 0;
	log_line("%s", p.text);
	return 1;
}

int main(int argc, char **argv)
{
	struct options o;
	struct problem p;

	open_log();
	if (options_parse(argc, argv, &o, &p) != 0) {
		log_line("%s; --help shows the options", p.text);
		return 1;
	}
	switch (o.action) {
	case OPTIONS_HELP:
		return print(STDERR_FILENO, options_usage);
	case OPTIONS_VERSION:
		return print(STDOUT_FILENO, "mvm-guest-agent " PROGRAM_VERSION "\n");
	case OPTIONS_STATE_SIZE:
		return print_state_size(&o);
	case OPTIONS_FILE_REQUEST:
		return file_request_main();
	case OPTIONS_WAKE_INSTANCE:
		return ask_host(&o, HOST_REQUEST_WAKE_INSTANCE);
	case OPTIONS_QUERY_INSTANCE:
		return ask_host(&o, HOST_REQUEST_QUERY_INSTANCE_STATUS);
	case OPTIONS_RUN:
		break;
	}
	return run_agent(&o);
}
