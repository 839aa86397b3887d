/* JSON on standard output, complete or not at all; and the ids in it. */
#pragma once

#include "base/id.h"
#include "cli/cli.h"

struct output {
  struct buf text;
  struct jw w;
};
void output_begin(struct output *o, void *ctx);
int output_end(struct output *o); /* prints it and a newline; CLI_OK, or CLI_FAILED after saying that it is too large */

/* Rows of the setup have plain numbers as ids, rows of conversations 24 hex digits. */
const char *output_number(void *ctx, int64_t id);
void output_id(struct output *o, const char *key, int64_t instance, int64_t id);
const char *output_hex(void *ctx, int64_t instance, int64_t id); /* the id as people see it */
/* {"id":…,"enabled":…} and the like end with one line for people instead of JSON. */
int output_done(const struct cli_args *args, int64_t id, const char *sentence);
