/* What a word on the command line means: an id as printed, or a name. Each says what is wrong and returns NULL when
 * there is no such thing in the instance; then return CLI_NOT_FOUND. */
#pragma once

#include "cli/cli.h"

const struct channel *find_connector(const struct cli_store *s, const char *word);      /* also by client_id */
const struct channel *find_custom_channel(const struct cli_store *s, const char *word); /* also by UUID */
const struct channel *find_channel(const struct cli_store *s, const char *word);        /* of either kind */
const struct account_token *find_account_token(const struct cli_store *s, const char *word);
const struct service *find_service(const struct cli_store *s, const char *word);
const struct agent *find_agent(const struct cli_store *s, const char *word);     /* or login */
const struct api_token *find_token(const struct cli_store *s, const char *word); /* or label, when only one has it */

/* A change was refused; err begins with the field: says so, naming the flag. The code depends on whose fault it was. */
int setup_refused(const struct cli_args *args, const struct cli_store *s, const char *err);
