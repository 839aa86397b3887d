/* What one transaction knows besides its rows: the event numbers given out, and what to tell after the commit.
 * Belongs to a writer; filled inside run(), told by the store.
 * Where only one transaction writes at a time an event gets its number and its row at once. On a concurrent engine its
 * events are kept until the end: then the instance's lock is taken, which lasts until the commit is visible, numbers go
 * on from the highest stored, and the rows follow. So whoever sees a number sees all lower ones. */
#pragma once

#include "store/event.h"
#include "store/late.h"
#include "store/store.h"

struct kept_event {
  int64_t instance_id;
  struct event e;
};

struct tx_context {
  struct db *db;
  struct late *late;       /* NULL where the engine's own indexes serve */
  bool follows;            /* events are taken note of from the first on; else only when retry keys are asked for */
  struct late_part *parts; /* one for each instance that the transaction's jobs belong to */
  int count, room;
  bool delivery;
  void *pool; /* of the kept events */
  struct kept_event *kept;
  int kept_count, kept_room;
};

void tx_init(struct tx_context *tx, struct db *db);
void tx_begin(struct tx_context *tx);
void tx_commit(struct tx_context *tx); /* after it */
/* To come back to when a job is undone. */
struct tx_place {
  int count, kept;
  struct late_place late;
};
struct tx_place tx_place(const struct tx_context *tx);
void tx_undo(struct tx_context *tx, const struct tx_place *to); /* numbers are read anew */
/* Writes what was kept. Before the commit; db_failed says whether it went well. */
void tx_finish(struct tx_context *tx);
/* Keeps a copy until tx_finish; false where events are written at once. */
bool tx_keep_event(struct db *db, int64_t instance_id, const struct event *e);
/* The next event number of the instance. */
int64_t tx_next_event(struct db *db, int64_t instance_id);
/* The event with that number has been inserted. */
void tx_note_event(struct db *db, int64_t seq, int64_t interaction_id);
/* What knows the instance's newest retry keys, those of other processes' messages too; NULL where an index serves. */
struct late *tx_follow(struct db *db, int64_t instance_id);
struct late *tx_late(struct db *db);
void tx_tell(struct tx_context *tx, const struct store_hooks *hooks);
