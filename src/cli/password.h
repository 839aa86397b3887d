/* People's passwords on the command line: made by us, or read from standard input, never a flag. */
#pragma once

#include "cli/cli.h"

#define PASSWORD_MAX      1000
#define PASSWORD_MADE_LEN 24

/* Four groups of five letters and digits, none that look alike: 100 bits. */
void password_make(char out[static PASSWORD_MADE_LEN]);
/* The first line of standard input, without its end; not echoed on a terminal. CLI_OK, or CLI_USAGE after saying why.
 */
int password_read(char out[static PASSWORD_MAX + 1]) MUST_CHECK;
