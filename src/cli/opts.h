/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options in the style of Go's flag package, which engines speak: --x v, --x=v, -x v, -x=v;
 * booleans --x or
 * --x=false; "--" ends them. Short booleans may be joined (-it). A command's table lies beside its
 * code and is also its help.
 */
#ifndef NACRE_CLI_OPTS_H
#define NACRE_CLI_OPTS_H

#include "oci/spec.h"

enum opt_kind {
	OPT_BOOL,     /* bool * */
	OPT_STRING,   /* const char **; points into argv */
	OPT_INT,      /* int *, 0..INT_MAX */
	OPT_LIST,     /* struct str_list *; may be repeated */
	OPT_OPTIONAL, /* const char **: --x is "", --x=v is v */
	OPT_IGNORED,  /* accepted with a value and without effect; value NULL */
	OPT_IGNORED_BOOL,
};
struct opt {
	const char *name;
	char letter; /* 0 none */
	enum opt_kind kind;
	void *value;
	const char *arg; /* name of the value in the help */
	const char *help;
};
struct command;

#define OPTS_HELP 1
/*
 * Reads options and moves *argv past them; argv[0] is the command's name. permute: options may also
 * follow the other arguments (which are gathered in front, in order); else the first other argument
 * ends them. 0; OPTS_HELP after --help was printed; -EINVAL after a message. opts ends with a NULL
 * name.
 */
int opts_parse(const struct command *cmd, const struct opt *opts, bool permute, int *argc,
	       char ***argv) __must_check;
/* The lines of a help text about options. */
void opts_print(const struct opt *opts);

#endif
