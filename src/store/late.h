/* Two indexes whose rows would be all over the place, and dirty a page for each message, are filled late and in bulk:
 * the timeline (interaction → events) and the retry keys (partner's id → message). Up to a mark, an event's number for
 * each instance, their tables hold all there is; rows above it may be there or not. What the newest events would add is
 * kept in memory by the writer, and when it is much it is sorted and inserted a little with each commit; the mark rises
 * in the commit of the last of it. Nothing in memory is needed to be right: who finds it missing reads the log above
 * the mark, where other processes' events are found too. What is learnt in a transaction counts from its commit on;
 * late_begin forgets what was not committed. */
#pragma once

#include "store/db.h"
#include "store/ring.h"

struct late;

/* Sweeps begin at so many entries; 0: the default. A small number is for tests. */
struct late *late_new(void *ctx, uint32_t sweep_at);

/* One instance's events in one transaction. */
struct late_part {
  int64_t instance_id;
  int64_t before; /* number of the newest event when it began */
  int64_t last;   /* the same, this transaction's included */
  bool followed;  /* all up to it is known to `late` */
  bool all_moved; /* and is in the tables already */
};

/* ---- on the writer ---- */
void late_begin(struct late *l);
/* Takes note of the events up to p->last that it does not know: of other processes, or of a time before it. */
void late_follow(struct late *l, struct db *tx, struct late_part *p);
void late_event(struct late *l, int64_t seq, int64_t interaction_id);
void late_key(struct late *l, int64_t hash, int64_t created_at, int64_t message_id);
/* Remembered keys with that hash: order is created_at, ref the message's id. */
struct ring_walk late_keys(const struct late *l, int64_t hash);
int64_t late_keys_top(struct late *l, struct db *tx); /* no key in the table has a higher created_at */
/* To come back to when a job is undone. */
struct late_place {
  int events;
  uint64_t keys;
};
struct late_place late_place(const struct late *l);
void late_undo(struct late *l, const struct late_place *to);
/* Last in a transaction: moves some rows into the tables when it is time. False: it had nothing to move. */
bool late_move(struct late *l, struct db *tx);
void late_commit(struct late *l, const struct late_part *parts, int count);
/* Moves up to some hundred thousand rows straight from the log, in a transaction of its own. True: there is more. */
bool late_catch_up(struct late *l, struct db *tx);

/* ---- on any thread ---- */
/* Events of the interaction above `after`, oldest first, at most max into seqs; *ret_upto: so far that is complete, at
 * least `after`. mark: the timeline's as the caller's snapshot has it. */
int late_find(struct late *l, int64_t interaction_id, int64_t after, int64_t mark, int64_t *seqs, int max,
              int64_t *ret_upto);
/* The timeline's mark: a seq. */
int64_t late_mark(struct db *db, int64_t instance_id);
