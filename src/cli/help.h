/* What --help, `guichet help` and doc/COMMANDS.md say, out of the table of commands. */
#pragma once

#include "cli/cli.h"

#include <stdio.h>

void help_overview(FILE *out);
void help_group(FILE *out, const char *name); /* commands that share a first word */
void help_command(FILE *out, const struct cli_command *command);
