/* Several servers on one PostgreSQL: each has a number for its ids, and delivers for the channels that it holds.
 * Numbers and channels are leased for NODE_LEASE_MS and renewed every NODE_TICK_MS; those of a node that dies run out
 * and others take them. Kept by the keeper; asked by anybody. On SQLite there is one node and it holds everything. */
#pragma once

#include "store/db.h"

#include <pthread.h>

#define NODE_LEASE_MS  10000
#define NODE_MARGIN_MS 2000 /* so long before the lease ends we stop to rely on it */
#define NODE_TICK_MS   1000
#define NODE_MAX       32
#define NODE_OWNER_LEN 33

struct nodes {
  pthread_rwlock_t lock;
  int64_t *held; /* channels, sorted */
  int count, room;
  int64_t until_us; /* monotonic: the leases are ours until then */
  int number;
  bool joined;
  char owner[NODE_OWNER_LEN];
  int64_t free_ticks; /* for channels that are another's to take */
};

void nodes_init(struct nodes *n);
void nodes_done(struct nodes *n);
/* Takes a number; ids are made with it from now on. */
bool nodes_join(struct nodes *n, struct db *db, char err[static 256]) MUST_CHECK;
/* Renews, claims what is free. *ret_changed: other channels are held than before. False: the store did not answer. */
bool nodes_tick(struct nodes *n, struct db *db, bool *ret_changed) MUST_CHECK;
/* Gives everything back, so that others need not wait for it to run out. */
void nodes_leave(struct nodes *n, struct db *db);
bool nodes_hold(struct nodes *n, int64_t channel_id);

/* Which of the living should have a channel: each node comes to the same answer by itself. alive is not empty. */
int nodes_preferred(int64_t channel_id, const int *alive, int count);
