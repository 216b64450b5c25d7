/* SPDX-License-Identifier: MIT */
/* mvm-probe(1): asks the agents of one or many guests. */
#include "probe/commit.h"
#include "probe/show/out.h"
#include "probe/verbs/options.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verb_table.h"
#include "probe/wire/failure.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_help(void)
{
	out_printf(stdout, "usage: mvm-probe [OPTION]... VERB TARGET...\n\nVerbs:\n");
	for (size_t i = 0; i < verb_count; i++) {
		size_t width = out_printf(
			stdout, "  %s %s", verb_table[i].name, verb_table[i].operands_text);

		out_pad(stdout, width < 29 ? 29 - width : 1);
		out_printf(stdout, "%s\n", verb_table[i].summary);
	}
	out_printf(stdout,
		"\n"
		"A target is the path of a VM's vsock socket (or of the directory with its "
		"v.sock),\n"
		"a directory of VMs, a glob such as '/run/vms/*', or vsock:CID[:PORT].\n"
		"\n"
		"Options:\n");
	options_print(NULL, stdout);
	out_printf(stdout,
		"\n"
		"Exit status: 0 healthy or done, 1 unhealthy or refused, 2 usage, 3 no answer.\n"
		"mvm-probe VERB --help and mvm-probe(1) have more.\n");
}

static void print_verb_help(const struct verb *v)
{
	out_printf(stdout, "usage: mvm-probe %s [OPTION]... %s\n\n%s\n\nOptions:\n", v->name,
		v->operands_text, v->summary);
	options_print(v, stdout);
	if (v->timeout_ms > 0)
		out_printf(stdout, "\nDefault of --timeout: %llu s.\n",
			(unsigned long long)(v->timeout_ms / 1000));
	out_printf(stdout, "\nExample:\n  mvm-probe %s\n", v->example);
}

int main(int argc, char **argv)
{
	struct problem p = { 0 };
	struct options o;
	int status = EXIT_HEALTHY;

	signal(SIGPIPE, SIG_IGN);
	if (options_parse(&o, argc, argv, verb_table, verb_count, &p) != 0) {
		out_printf(stderr, "mvm-probe: %s\n", p.text);
		status = EXIT_USAGE;
	} else if (o.help && o.verb != NULL) {
		print_verb_help(o.verb);
	} else if (o.help) {
		print_help();
	} else if (o.version) {
		puts("mvm-probe " PROGRAM_VERSION " (commit " PROGRAM_COMMIT ")");
	} else {
		status = o.verb->run(&o);
	}
	if (!output_flush() && status == EXIT_HEALTHY)
		status = EXIT_NO_ANSWER;
	options_free(&o);
	return status;
}
