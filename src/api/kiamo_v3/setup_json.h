/* Rows of the setup as JSON and back, by their tables (store/setup_table.h). For the administration API and for
 * commands that carry a setup over. */
#pragma once

#include "api/decode.h"
#include "store/setup_table.h"

struct setup_view {
  struct db *db;
  void *ctx;
  int64_t instance_id;
};

/* The members of a row, without the braces: id, fields, lists, version. */
void setup_json_members(const struct setup_view *v, struct jw *w, const struct setup_family *f,
                        const struct setup_row *row);
/* Body into row: what is absent stays, null becomes the fallback, what is not known is ignored. Problems go to the
 * decoder; texts and items are children of its context. creating: what is required must be there. */
void setup_json_decode(struct decoder *d, const struct setup_family *f, const struct jval *body, bool creating,
                       struct setup_row *row);
/* What the store found wrong, as a problem of the decoder. */
void setup_json_wrong(struct decoder *d, const struct setup_wrong *w);
