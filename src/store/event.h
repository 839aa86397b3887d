/* The event log: every change appends a row in its own commit. seq = instance << 40 | number. */
#pragma once

#include "core/event.h"
#include "store/db.h"

#define EVENT_NUMBER_BITS 40

struct event {
  int64_t number; /* within the instance, from 1, without gaps */
  int64_t at;
  enum event_kind kind;
  int64_t interaction_id, ref_id, agent_id;
  const char *data; /* JSON object or NULL */
};
enum db_result event_append(struct db *tx, int64_t instance_id, const struct event *e); /* number is set by it */
/* The row itself, under a number that tx.h has given. For the store's transaction only. */
enum db_result event_write(struct db *tx, int64_t instance_id, int64_t number, const struct event *e);
/* Events above `after`, oldest first; texts are children of ctx. */
int event_after(struct db *db, void *ctx, int64_t instance_id, int64_t after, struct event *out, int max);
int event_of_interaction(struct db *db, void *ctx, int64_t instance_id, int64_t interaction_id, int64_t after,
                         struct event *out, int max);
/* Changes of the setup below `before`, newest first. */
int event_audit(struct db *db, void *ctx, int64_t instance_id, int64_t before, struct event *out, int max);
int64_t event_last(struct db *db, int64_t instance_id); /* 0 when none */
