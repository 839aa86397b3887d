/* The transaction's context. On the writer thread only. Event numbers are read from the log once per transaction and
 * instance, under the write lock, so no other process can give out the same. */
#include "store/tx.h"

#include "base/mem.h"
#include "store/engine.h"
#include "store/event.h"

#include <string.h>

void tx_begin(struct tx_context *tx) {
  tx->count = 0;
  tx->delivery = false;
  if (tx->late) late_begin(tx->late);
}

void tx_commit(struct tx_context *tx) {
  if (tx->late) late_commit(tx->late, tx->parts, tx->count);
}

struct tx_place tx_place(const struct tx_context *tx) {
  struct tx_place place = {.count = tx->count};
  if (tx->late) place.late = late_place(tx->late);
  return place;
}

void tx_undo(struct tx_context *tx, const struct tx_place *to) {
  tx->count = to->count;
  for (int i = 0; i < tx->count; i++) tx->parts[i].last = event_last(tx->db, tx->parts[i].instance_id);
  if (tx->late) late_undo(tx->late, &to->late);
}

static void make_room(struct tx_context *tx) {
  tx->room = tx->room ? 2 * tx->room : 16;
  struct late_part *more = mem_array(tx->db, struct late_part, (size_t)tx->room);
  if (tx->count) memcpy(more, tx->parts, (size_t)tx->count * sizeof *more);
  mem_free(tx->parts);
  tx->parts = more;
}

static struct late_part *part_of(struct tx_context *tx, int64_t instance_id) {
  for (int i = 0; i < tx->count; i++)
    if (tx->parts[i].instance_id == instance_id) return &tx->parts[i];
  if (tx->count == tx->room) make_room(tx);
  int64_t last = event_last(tx->db, instance_id);
  struct late_part *p = &tx->parts[tx->count++];
  *p = (struct late_part){.instance_id = instance_id, .before = last, .last = last};
  if (tx->follows) late_follow(tx->late, tx->db, p);
  return p;
}

int64_t tx_next_event(struct db *db, int64_t instance_id) {
  return ++part_of(db->owner, instance_id)->last;
}

void tx_note_event(struct db *db, int64_t seq, int64_t interaction_id) {
  struct tx_context *tx = db->owner;
  if (tx->late && part_of(tx, seq >> EVENT_NUMBER_BITS)->followed) late_event(tx->late, seq, interaction_id);
}

struct late *tx_follow(struct db *db, int64_t instance_id) {
  struct tx_context *tx = db->owner;
  if (!tx->late) return NULL;
  struct late_part *p = part_of(tx, instance_id);
  if (!p->followed) late_follow(tx->late, db, p);
  return tx->late;
}

struct late *tx_late(struct db *db) {
  return ((struct tx_context *)db->owner)->late;
}

void store_note_delivery(struct db *tx) {
  ((struct tx_context *)tx->owner)->delivery = true;
}

void tx_tell(struct tx_context *tx, const struct store_hooks *hooks) {
  for (int i = 0; i < tx->count && hooks->events; i++)
    if (tx->parts[i].last > tx->parts[i].before) hooks->events(hooks->arg, tx->parts[i].instance_id, tx->parts[i].last);
  if (tx->delivery && hooks->delivery) hooks->delivery(hooks->arg);
}
