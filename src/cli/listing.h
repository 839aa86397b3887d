/* Lists of the setup: a table for people, {"items":[…]} for programs. */
#pragma once

#include "cli/output.h"
#include "cli/term.h"

struct listing {
  const struct cli_args *args;
  const struct cli_store *store;
  struct output out;        /* each row adds one object … */
  struct term_table *table; /* … and one line */
};
struct listing_kind {
  const char *headings[8]; /* NULL ends */
  void (*rows)(struct listing *l);
  const char *none; /* what people read when there is no row */
};
/* Opens the store, lists, closes; returns the exit code. */
int listing_run(const struct cli_args *args, const struct listing_kind *kind);
