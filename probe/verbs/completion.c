/* SPDX-License-Identifier: MIT */
/* completion: shell completion, generated from the tables of verbs and options. */
#include "probe/show/out.h"
#include "probe/verbs/verb_table.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/failure.h"

#include <stdio.h>
#include <string.h>

static void put_word(const struct verb *v, const char *name, char letter, const char *help)
{
	(void)v;
	(void)letter;
	(void)help;
	out_printf(stdout, " --%s", name);
}

/* The first word that is a verb selects the options. Other words are paths. */
static void print_bash(void)
{
	out_printf(stdout, "_mvm_probe() {\n"
			   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb= options= i\n"
			   "\tlocal verbs=\"");
	for (size_t i = 0; i < verb_count; i++)
		out_printf(stdout, "%s%s", i > 0 ? " " : "", verb_table[i].name);
	out_printf(stdout, "\"\n"
			   "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			   "\t\tcase \" $verbs \" in *\" ${COMP_WORDS[i]} \"*)\n"
			   "\t\t\tverb=${COMP_WORDS[i]}; break;; esac\n"
			   "\tdone\n"
			   "\tcase $verb in\n");
	for (size_t i = 0; i < verb_count; i++) {
		out_printf(stdout, "\t%s) options=\"", verb_table[i].name);
		options_each(&verb_table[i], put_word);
		out_printf(stdout, "\";;\n");
	}
	out_printf(stdout, "\t*) options=\"--json --timeout --port --help --version\";;\n"
			   "\tesac\n"
			   "\tcase $cur in\n"
			   "\t-*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"));;\n"
			   "\t*) if [ -z \"$verb\" ]; then\n"
			   "\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
			   "\telse\n"
			   "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
			   "\tfi;;\n"
			   "\tesac\n"
			   "}\n"
			   "complete -o filenames -F _mvm_probe mvm-probe\n");
}

static void print_zsh(void)
{
	out_printf(stdout, "#compdef mvm-probe\n"
			   "autoload -U +X compinit && compinit -u\n"
			   "autoload -U +X bashcompinit && bashcompinit\n");
	print_bash();
}

/* Print text in fish's single quotes. */
static void put_quoted(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void put_fish_option(const struct verb *v, const char *name, char letter, const char *help)
{
	out_printf(stdout, "complete -c mvm-probe -n '__fish_seen_subcommand_from %s' -l %s",
		v->name, name);
	if (letter != 0)
		out_printf(stdout, " -s %c", letter);
	out_printf(stdout, " -d ");
	put_quoted(help);
	putchar('\n');
}

static void print_fish(void)
{
	for (size_t i = 0; i < verb_count; i++) {
		out_printf(stdout, "complete -c mvm-probe -n __fish_use_subcommand -f -a %s -d ",
			verb_table[i].name);
		put_quoted(verb_table[i].summary);
		putchar('\n');
		options_each(&verb_table[i], put_fish_option);
	}
}

int verb_completion(const struct options *o)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(o->targets[0].text, shells[i].name) == 0) {
			shells[i].print();
			return EXIT_HEALTHY;
		}
	out_printf(stderr, "mvm-probe: %s: no such shell; choose bash, zsh or fish\n",
		o->targets[0].shown);
	return EXIT_USAGE;
}
