/* The transaction's context. On the writer thread only. Event numbers are read from the log once per transaction and
 * instance, under the write lock, so no other process can give out the same. */
#include "store/tx.h"

#include "store/engine.h"
#include "store/event.h"

void tx_begin(struct tx_context *tx) {
  tx->count = 0;
  tx->delivery = false;
}

void tx_forget_counters(struct tx_context *tx) {
  for (int i = 0; i < tx->count; i++) tx->instances[i].last_number = event_last(tx->db, tx->instances[i].instance_id);
}

int64_t tx_next_event(struct db *db, int64_t instance_id) {
  struct tx_context *tx = db->owner;
  for (int i = 0; i < tx->count; i++)
    if (tx->instances[i].instance_id == instance_id) return ++tx->instances[i].last_number;
  int64_t number = event_last(db, instance_id) + 1;
  if (tx->count < TX_INSTANCES_MAX) {
    tx->instances[tx->count].instance_id = instance_id;
    tx->instances[tx->count++].last_number = number;
  }
  return number;
}

void store_note_delivery(struct db *tx) {
  ((struct tx_context *)tx->owner)->delivery = true;
}

void tx_tell(struct tx_context *tx, const struct store_hooks *hooks) {
  for (int i = 0; i < tx->count && hooks->events; i++)
    hooks->events(hooks->arg, tx->instances[i].instance_id, tx->instances[i].last_number);
  if (tx->delivery && hooks->delivery) hooks->delivery(hooks->arg);
}
