/* Settings: one table (conf.def), read from a file (INI, no sections), then GUICHET_* variables, then flags, in rising
 * order. A loaded struct conf never changes; a reload makes a new one in which only reloadable rows may differ. */
#pragma once

#include "base/fail.h"
#include "base/log.h"
#include "base/net.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct conf {
#define CONF_TEXT                                          const char *
#define CONF_INT                                           int64_t
#define CONF_SIZE                                          int64_t
#define CONF_TIME                                          int64_t
#define CONF_BOOL                                          bool
#define CONF_CIDRS                                         const struct cidr_list *
#define CONF_LEVEL                                         enum log_level
#define CONF(name, type, default_, min, max, reload, help) CONF_##type name;
#include "conf/conf.def"
#undef CONF
};

/* A flag given on the command line: name as in the table, value as text. */
struct conf_flag {
  const char *name;
  const char *value;
};

/* Reads defaults, file (NULL: none), environment and flags. Child of ctx. On failure returns NULL and writes one
 * sentence that names the setting and its source into err. Unknown keys in the file and unknown GUICHET_* variables
 * are errors, except GUICHET_TEST_*. */
const struct conf *conf_load(void *ctx, const char *file, const struct conf_flag *flags, int flag_count,
                             char err[static 256]) MUST_CHECK;

/* Copies `next` but keeps the rows of `now` that are not reloadable; names of rows that differ and were kept go to the
 * log. */
const struct conf *conf_reload(void *ctx, const struct conf *now, const struct conf *next);

bool conf_is_name(const char *name); /* is there such a row? dashes count as underscores */
void conf_print(const struct conf *c,
                FILE *out); /* as a settings file, with help as comments and the sources of values */
void conf_print_json(const struct conf *c, FILE *out);
void conf_print_doc(FILE *out); /* doc/SETTINGS.md */
