/* What commands on one connector or one custom channel have in common: both are rows of the channels. */
#pragma once

#include "cli/cli.h"

typedef const struct channel *find_channel_fn(const struct cli_store *s, const char *word);
typedef int channel_fn(const struct cli_args *args, const struct cli_store *s, const struct channel *c);

/* Opens the store, finds what the first word names, does it, closes. CLI_NOT_FOUND after `find` said why. */
int with_channel(const struct cli_args *args, find_channel_fn *find, channel_fn *fn);
/* `enable` and `disable` of both: which, and the word for people, are the command's own row. */
channel_fn channel_set_enabled;
