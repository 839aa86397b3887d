/* The transaction's context. On its writer's thread only. Event numbers are read from the log once per transaction and
 * instance, under a lock that lasts until the commit, so nobody else can give out the same or a lower one later. */
#include "store/tx.h"

#include "base/mem.h"
#include "store/engine.h"

#include <stdlib.h>
#include <string.h>

void tx_init(struct tx_context *tx, struct db *db) {
  *tx = (struct tx_context){.db = db};
  db->owner = tx;
}

void tx_begin(struct tx_context *tx) {
  tx->count = 0;
  tx->delivery = false;
  tx->kept_count = 0;
  if (tx->pool) mem_free(tx->pool);
  tx->pool = NULL;
  if (tx->late) late_begin(tx->late);
}

void tx_commit(struct tx_context *tx) {
  if (tx->late) late_commit(tx->late, tx->parts, tx->count);
}

struct tx_place tx_place(const struct tx_context *tx) {
  struct tx_place place = {.count = tx->count, .kept = tx->kept_count};
  if (tx->late) place.late = late_place(tx->late);
  return place;
}

void tx_undo(struct tx_context *tx, const struct tx_place *to) {
  tx->count = to->count;
  tx->kept_count = to->kept;
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

bool tx_keep_event(struct db *db, int64_t instance_id, const struct event *e) {
  struct tx_context *tx = db->owner;
  if (!db->engine->concurrent) return false;
  if (tx->kept_count == tx->kept_room) {
    tx->kept_room = tx->kept_room ? 2 * tx->kept_room : 64;
    tx->kept = talloc_realloc(db, tx->kept, struct kept_event, (unsigned)tx->kept_room);
    if (!tx->kept) panic("out of memory for events");
  }
  if (!tx->pool) tx->pool = mem_pool(db, 4096);
  struct kept_event *k = &tx->kept[tx->kept_count++];
  *k = (struct kept_event){.instance_id = instance_id, .e = *e};
  k->e.number = tx->kept_count; /* their order, until they get their own */
  if (e->data) k->e.data = mem_strdup(tx->pool, e->data);
  return true;
}

/* Instances in one order everywhere, so that no two transactions wait for each other. */
static int compare(const void *a, const void *b) {
  const struct kept_event *x = a, *y = b;
  if (x->instance_id != y->instance_id) return x->instance_id < y->instance_id ? -1 : 1;
  return x->e.number < y->e.number ? -1 : 1;
}

void tx_finish(struct tx_context *tx) {
  if (!tx->kept_count || db_failed(tx->db)) return;
  int64_t locked = 0;
  qsort(tx->kept, (size_t)tx->kept_count, sizeof *tx->kept, compare);
  db_set_gathering(tx->db, true);
  for (int i = 0; i < tx->kept_count; i++) {
    const struct kept_event *k = &tx->kept[i];
    if (k->instance_id != locked) (void)db_exec(tx->db, Q_EVENT_LOCK, v_int(k->instance_id));
    locked = k->instance_id;
    if (event_write(tx->db, k->instance_id, tx_next_event(tx->db, k->instance_id), &k->e) != DB_OK) break;
  }
  db_set_gathering(tx->db, false);
}

void store_note_delivery(struct db *tx) {
  ((struct tx_context *)tx->owner)->delivery = true;
}

void tx_tell(struct tx_context *tx, const struct store_hooks *hooks) {
  for (int i = 0; i < tx->count && hooks->events; i++)
    if (tx->parts[i].last > tx->parts[i].before) hooks->events(hooks->arg, tx->parts[i].instance_id, tx->parts[i].last);
  if (tx->delivery && hooks->delivery) hooks->delivery(hooks->arg);
}
