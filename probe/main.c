/* SPDX-License-Identifier: MIT */
/* mvm-probe(1): asks the agents of any number of guests. */
#include "probe/verbs/options.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/failure.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct verb verbs[] = {
	{ "ping", "TARGET...", "does the agent answer?", OPERANDS_TARGETS, 0, 10000, verb_ping },
	{ "status", "TARGET...", "is the guest healthy, and what is not?", OPERANDS_TARGETS, 0,
		10000, verb_status },
	{ "wait", "TARGET...", "come back when every check is healthy", OPERANDS_TARGETS, 0, 60000,
		verb_wait },
	{ "services", "TARGET...", "the services, their state and what they use", OPERANDS_TARGETS,
		0, 10000, verb_services },
	{ "logs", "TARGET SERVICE", "what a service has written", OPERANDS_NAME,
		OPTION_FOLLOW | OPTION_LINES, 10000, verb_logs },
	{ "events", "TARGET [SERVICE]", "the services' changes of state", OPERANDS_MAYBE,
		OPTION_FOLLOW, 10000, verb_events },
	{ "boot", "TARGET...", "the stages of the boot and their times", OPERANDS_TARGETS, 0, 10000,
		verb_boot },
	{ "metrics", "TARGET...", "all numbers, as OpenMetrics text", OPERANDS_TARGETS, 0, 10000,
		verb_metrics },
	{ "hello", "TARGET...", "versions, and the requests that the agent knows", OPERANDS_TARGETS,
		0, 10000, verb_hello },
	{ "restart", "TARGET SERVICE", "restart a service", OPERANDS_NAME, 0, 30000, verb_restart },
	{ "reload", "TARGET...", "read the service files again", OPERANDS_TARGETS, 0, 35000,
		verb_reload },
	{ "shutdown", "TARGET...", "end the guest", OPERANDS_TARGETS, OPTION_ENDING, 10000,
		verb_shutdown },
	{ "exec", "TARGET -- COMMAND...", "run a command in the guest", OPERANDS_COMMAND,
		OPTION_NO_STDIN | OPTION_COMMAND, 30000, verb_exec },
	{ "checkpoint", "TARGET NAME...", "have integrations save their state", OPERANDS_NAMES, 0,
		35000, verb_checkpoint },
	{ "sleep-prep", "TARGET...", "make ready for a snapshot", OPERANDS_TARGETS, OPTION_DRAIN, 0,
		verb_sleep_prep },
	{ "wake", "TARGET...", "go on after a snapshot", OPERANDS_TARGETS, 0, 10000, verb_wake },
	{ "post-restore", "TARGET...", "take new drives and addresses after a restore",
		OPERANDS_TARGETS, 0, 10000, verb_post_restore },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(void)
{
	printf("usage: mvm-probe [OPTION]... VERB TARGET...\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		int width = printf("  %s %s", verbs[i].name, verbs[i].operands_text);

		printf("%*s%s\n", width < 29 ? 29 - width : 1, "", verbs[i].summary);
	}
	printf("\n"
	       "A target is the path of a VM's vsock socket (or of the directory with its "
	       "v.sock),\n"
	       "or vsock:CID[:PORT].\n"
	       "\n"
	       "Options:\n"
	       "  -j, --json              machine-readable output\n"
	       "  -t, --timeout TIME      for all that is asked of one target: 500ms, 10s, 2min\n"
	       "  -p, --port PORT         the agent's port in the guest (52)\n"
	       "  -d, --drain-timeout N   sleep-prep: seconds that the guest may take (30)\n"
	       "  -c, --command TEXT      exec: text for the guest's shell, in place of words\n"
	       "  -N, --no-stdin          exec: do not pass standard input on\n"
	       "  -f, --follow            logs, events: go on with what comes\n"
	       "  -n, --lines N           logs: the last N lines (100); 0: all that the guest "
	       "keeps\n"
	       "  -P, --power-off         shutdown: power off instead of a reset\n"
	       "  -w, --wait              shutdown: come back when the VM has ended\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           the version\n"
	       "\n"
	       "Exit status: 0 healthy or done, 1 unhealthy or refused, 2 usage, 3 no answer.\n"
	       "mvm-probe(1) has more.\n");
}

int main(int argc, char **argv)
{
	struct problem p = { 0 };
	struct options o;
	int status = EXIT_HEALTHY;

	signal(SIGPIPE, SIG_IGN);
	if (options_parse(&o, argc, argv, verbs, VERB_COUNT, &p) != 0) {
		fprintf(stderr, "mvm-probe: %s\n", p.text);
		status = EXIT_USAGE;
	} else if (o.help) {
		print_help();
	} else if (o.version) {
		puts("mvm-probe " PROGRAM_VERSION);
	} else {
		status = o.verb->run(&o);
	}
	if (!output_flush() && status == EXIT_HEALTHY)
		status = EXIT_NO_ANSWER;
	options_free(&o);
	return status;
}
