/* From argv to checked arguments, by the row of the command. */
#pragma once

#include "cli/cli.h"

struct given {
  const struct cli_flag *flag;
  const char *value; /* NULL for a switch */
  int64_t number;
  double real;
};

struct cli_args {
  void *ctx;
  const struct cli_command *command;
  struct given *given;
  int given_count;
  const char **words;
  int word_count;
  bool help; /* --help was there: nothing else was checked */
};

/* The flags of a command, own ones first, then those of its groups; NULL behind the last. */
const struct cli_flag *args_flag(const struct cli_command *command, int index);
/* The same without settings, which all stand in doc/SETTINGS.md. */
const struct cli_flag *args_flag_plain(const struct cli_command *command, int index);

/* argv: what stands behind the command's words. CLI_OK, or CLI_USAGE after saying what is wrong. */
int args_parse(struct cli_args *args, int argc, char **argv) MUST_CHECK;

/* The word of the list that `word` was probably meant to be, or NULL. Words may be NULL or come twice. */
const char *args_nearest(const char *word, const char *const *words, size_t count);

/* Before conf reads the environment: keeps GUICHET_DATA, which is no setting. */
void args_take_environment(void *ctx);
