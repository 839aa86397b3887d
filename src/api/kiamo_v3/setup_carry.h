/* A whole instance's setup as one JSON object, {"skills":[…],"services":[…],…}, and back: to keep it, to copy it to
 * another instance, to make a demo of. Connectors and tokens are not in it, since their secrets cannot be; agents come
 * without passwords. */
#pragma once

#include "api/kiamo_v3/setup_json.h"

void setup_export(const struct setup_view *v, struct jw *w);

struct setup_carried {
  int added, changed;
};
/* Inside a transaction. Rows are known by their names: one that is there is changed, the others are added, nothing is
 * removed. Ids mean what they mean in the object. False with problems in d, or with none when the store failed: then
 * the transaction must be undone. An agent who is new cannot log in before a password is set. */
bool setup_import(struct db *tx, struct decoder *d, int64_t instance_id, const struct jval *all,
                  const struct setup_author *by, struct setup_carried *ret);
