/* The command line: every command is one row of one table (commands.c). From it come the parsing of flags, --help, the
 * overview, the errors about unknown words, the completion and doc/COMMANDS.md. A command is a function that is given
 * checked arguments and returns an exit code. One thread; everything is freed when the command ends. */
#pragma once

#include "base/fail.h"
#include "base/json_write.h"
#include "conf/conf.h"
#include "store/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_exit {
  CLI_OK = 0,
  CLI_FAILED = 1,    /* it did not work */
  CLI_USAGE = 2,     /* called wrongly */
  CLI_NOT_FOUND = 3, /* no such thing */
  CLI_REFUSED = 4    /* refused: a conflict, a bad value, no right */
};

enum cli_flag_kind {
  CLI_TEXT,
  CLI_SWITCH, /* takes no value */
  CLI_INT,    /* min to max */
  CLI_REAL,   /* 0 to 1 */
  CLI_TIME,   /* "250ms" "15s"; read as ms; min to max */
  CLI_BOOL    /* true or false; read as 1 or 0 */
};

struct cli_flag {
  const char *name;  /* without the dashes; NULL ends a table */
  const char *value; /* its name in the help, e.g. "FILE"; NULL for a switch */
  const char *help;
  enum cli_flag_kind kind;
  bool required;
  bool many; /* may be given several times */
  int64_t min, max;
};

/* Groups of flags that many commands have in common. */
enum {
  CLI_USES_DATA = 1,     /* --data */
  CLI_USES_INSTANCE = 2, /* --instance */
  CLI_USES_JSON = 4,     /* --json */
  CLI_USES_CONF = 8,     /* --config and every setting */
  CLI_USES_API = 16      /* --url and --token */
};

struct cli_args;

struct cli_command {
  const char *name;    /* "connector" */
  const char *sub;     /* "create", or NULL */
  const char *summary; /* one line */
  const char *words;   /* what stands besides the flags, e.g. "CONNECTOR" or "ID [TEXT]"; NULL: nothing */
  int words_min, words_max;
  unsigned uses;                /* CLI_USES_… */
  const struct cli_flag *flags; /* NULL: none of its own */
  int (*run)(const struct cli_args *args);
  const char *detail; /* further paragraphs of its --help; NULL: none */
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* The whole program behind main(). */
int cli_main(int argc, char **argv);

#define CLI_DEFAULT_URL "http://127.0.0.1:8080"

/* ---- what a command was given ---- */
void *cli_ctx(const struct cli_args *args);                              /* lives until the command ends */
const struct cli_command *cli_args_command(const struct cli_args *args); /* its row */
bool cli_has(const struct cli_args *args, const char *flag);
const char *cli_text(const struct cli_args *args, const char *flag, const char *otherwise); /* the last one given */
int64_t cli_int(const struct cli_args *args, const char *flag, int64_t otherwise); /* of CLI_INT, CLI_TIME, CLI_BOOL */
double cli_real(const struct cli_args *args, const char *flag, double otherwise);
int cli_count(const struct cli_args *args, const char *flag);
const char *cli_text_at(const struct cli_args *args, const char *flag, int index);
const char *cli_word(const struct cli_args *args, int index); /* words besides the flags; NULL beyond the last */
bool cli_json(const struct cli_args *args);                   /* --json: stdout is then only JSON */

/* ---- errors: one sentence on stderr; returns code, for `return cli_fail(…)` ---- */
int cli_fail(enum cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the settings: file, environment, flags. NULL after saying why; then return CLI_USAGE ---- */
const struct conf *cli_conf(const struct cli_args *args) MUST_CHECK;

/* ---- the data folder: --data or GUICHET_DATA. NULL after saying so; then return CLI_USAGE ---- */
const char *cli_data(const struct cli_args *args) MUST_CHECK;

/* The PostgreSQL that holds the store: --store where the command has it, or GUICHET_STORE; NULL: what the folder says.
 */
const char *cli_store_url(const struct cli_args *args);

/* ---- the store beside a server that may be running ---- */
struct cli_store {
  struct store *store;
  const struct registry *registry;
  const struct instance *instance; /* --instance, or the first */
};
/* CLI_OK, or another code after saying why. */
int cli_store_begin(const struct cli_args *args, struct cli_store *ret) MUST_CHECK;
void cli_store_end(struct cli_store *s);
/* Opens the store, does it, closes; returns the exit code. */
int cli_with_store(const struct cli_args *args, int (*fn)(const struct cli_args *args, const struct cli_store *s));
/* Of a command that exists as "enable" and "disable": which is it? */
bool cli_enables(const struct cli_args *args);
