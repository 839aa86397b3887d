/* What one transaction knows besides its rows: the event numbers given out, and what to tell after the commit.
 * Belongs to the writer; filled inside run(), told by the store. */
#pragma once

#include "store/store.h"

#define TX_INSTANCES_MAX 1024 /* as many as a transaction has jobs */

struct tx_context {
  struct db *db;
  int count;
  struct {
    int64_t instance_id;
    int64_t last_number; /* of the event log, this transaction's included */
  } instances[TX_INSTANCES_MAX];
  bool delivery;
};

void tx_begin(struct tx_context *tx);
void tx_forget_counters(struct tx_context *tx); /* after a job was undone: numbers are read anew */
/* The next event number of the instance. */
int64_t tx_next_event(struct db *db, int64_t instance_id);
void tx_tell(struct tx_context *tx, const struct store_hooks *hooks);
