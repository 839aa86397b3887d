/* The node's own part in the cluster: its number, the channels it holds. Changed on the keeper's thread, read by any.
 * Never steals: a lease ends by its time or by its owner. When the database is away what is held runs out here a little
 * before it does there, so that two nodes never rely on one channel at one time. */
#include "store/nodes.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_TICKS 3 /* so long a free channel is left to the node that should have it */

void nodes_init(struct nodes *n) {
  *n = (struct nodes){.number = 0};
  pthread_rwlock_init(&n->lock, NULL);
}

void nodes_done(struct nodes *n) {
  free(n->held);
  n->held = NULL;
  pthread_rwlock_destroy(&n->lock);
}

bool nodes_join(struct nodes *n, struct db *db, char err[static 256]) {
  id_random_hex((NODE_OWNER_LEN - 1) / 2, n->owner);
  int64_t number = -1;
  db_failed_clear(db);
  /* Somebody else may have taken the number that was the lowest free one: look again. */
  for (int i = 0; i < NODE_MAX && number < 0 && !db_failed(db); i++)
    number = db_int(db, Q_NODE_CLAIM, -1, v_text(n->owner), v_int(NODE_LEASE_MS));
  int64_t floor = db_int(db, Q_ID_FLOOR, 0);
  if (number < 0 || db_failed(db)) {
    snprintf(err, 256, "cannot join the nodes of this store: %.180s",
             db_failed(db) ? db_error(db) : "all 32 numbers are taken");
    return false;
  }
  n->number = (int)number;
  n->joined = true;
  id_init(n->number, floor);
  log_at(LOG_INFO, "node.joined", log_i("number", number));
  return true;
}

/* Rendezvous hashing: a node that comes or goes moves its own share and nobody else's. */
int nodes_preferred(int64_t channel_id, const int *alive, int count) {
  int best = alive[0];
  uint64_t highest = 0;
  for (int i = 0; i < count; i++) {
    uint64_t h = (uint64_t)channel_id * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)(alive[i] + 1);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    h ^= h >> 31;
    if (i > 0 && h <= highest) continue;
    highest = h;
    best = alive[i];
  }
  return best;
}

static int read_alive(struct db *db, int out[static NODE_MAX]) {
  struct db_rows rows;
  int count = 0;
  db_open(db, &rows, Q_NODE_ALIVE);
  while (count < NODE_MAX && db_next(&rows)) out[count++] = (int)col_int(&rows, 0);
  db_close(&rows);
  return count;
}

/* Channels to renew or to claim. */
struct wanted {
  int64_t *ids;
  int count, room, free_count;
};

static void want(struct wanted *w, void *pool, int64_t id) {
  if (w->count == w->room) {
    w->room = w->room ? 2 * w->room : 64;
    w->ids = talloc_realloc(pool, w->ids, int64_t, (unsigned)w->room);
    if (!w->ids) panic("out of memory for channels");
  }
  w->ids[w->count++] = id;
}

static struct wanted choose(const struct nodes *n, struct db *db, void *pool) {
  struct wanted w = {.count = 0};
  struct db_rows rows;
  int alive[NODE_MAX], count = read_alive(db, alive);
  db_open(db, &rows, Q_LEASE_ALL);
  while (count && db_next(&rows)) {
    int64_t id = col_int(&rows, 0), holder = col_int(&rows, 1);
    bool ours = nodes_preferred(id, alive, count) == n->number;
    w.free_count += holder < 0 && !ours;
    if (holder == n->number || (holder < 0 && (ours || n->free_ticks >= PATIENCE_TICKS))) want(&w, pool, id);
  }
  db_close(&rows);
  return w;
}

static bool publish(struct nodes *n, struct db *db, int64_t until_us, bool *ret_changed) {
  struct db_rows rows;
  int count = 0;
  pthread_rwlock_wrlock(&n->lock);
  *ret_changed = false;
  db_open(db, &rows, Q_LEASE_MINE, v_int(n->number));
  while (db_next(&rows)) {
    int64_t id = col_int(&rows, 0);
    if (count == n->room) {
      n->room = n->room ? 2 * n->room : 64;
      n->held = realloc(n->held, (size_t)n->room * sizeof *n->held);
      if (!n->held) panic("out of memory for channels");
    }
    *ret_changed = *ret_changed || count >= n->count || n->held[count] != id;
    n->held[count++] = id;
  }
  db_close(&rows);
  *ret_changed = *ret_changed || count != n->count;
  n->count = db_failed(db) ? 0 : count;
  n->until_us = until_us;
  pthread_rwlock_unlock(&n->lock);
  return !db_failed(db);
}

bool nodes_tick(struct nodes *n, struct db *db, bool *ret_changed) {
  char err[256];
  int64_t until_us = clock_mono_us() + (NODE_LEASE_MS - NODE_MARGIN_MS) * INT64_C(1000);
  db_failed_clear(db);
  enum db_result r = db_exec(db, Q_NODE_RENEW, v_int(n->number), v_text(n->owner), v_int(NODE_LEASE_MS));
  if (r == DB_FAILED) return false;
  /* We were away for too long, and somebody else may have our number. */
  if (r == DB_NONE && !nodes_join(n, db, err)) {
    log_at(LOG_ERROR, "node.join", log_t("error", err));
    return false;
  }
  void *pool = mem_pool(NULL, 4096);
  struct wanted w = choose(n, db, pool);
  n->free_ticks = w.free_count ? n->free_ticks + 1 : 0;
  db_set_gathering(db, true);
  for (int i = 0; i < w.count && !db_failed(db); i++)
    (void)db_exec(db, Q_LEASE_CLAIM, v_int(w.ids[i]), v_int(n->number), v_int(NODE_LEASE_MS));
  db_set_gathering(db, false);
  mem_free(pool);
  return publish(n, db, until_us, ret_changed);
}

void nodes_leave(struct nodes *n, struct db *db) {
  if (!n->joined || !db) return;
  db_failed_clear(db);
  (void)db_exec(db, Q_LEASE_LEAVE, v_int(n->number));
  (void)db_exec(db, Q_NODE_LEAVE, v_int(n->number), v_text(n->owner));
  n->joined = false;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

bool nodes_hold(struct nodes *n, int64_t channel_id) {
  pthread_rwlock_rdlock(&n->lock);
  bool held = n->count && clock_mono_us() < n->until_us &&
              bsearch(&channel_id, n->held, (size_t)n->count, sizeof *n->held, compare);
  pthread_rwlock_unlock(&n->lock);
  return held;
}
