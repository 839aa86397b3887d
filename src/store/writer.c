/* A writer: takes all jobs that wait, runs them in one transaction, commits, and only then tells each.
 * Jobs run without savepoints first; when one must be undone alone, the batch is run again with savepoints. Owns its
 * connection and queue; SQLite has one writer, PostgreSQL a few. This is the one place where anything is run again:
 * after a deadlock or the like each job has a transaction of its own. Never tries a failed fsync again; when PostgreSQL
 * is away the jobs hear STORE_DOWN, and the next ones are tried on a new connection. */
#include "store/store_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "store/engine.h"
#include "store/keeper.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MAX 1024
#define BATCH_WEIGHT_MAX                                                                                               \
  262144 /* bytes: while one commit is written the next is parsed, instead of all waiting for one large commit */
#define AGAIN_MAX      20
#define AGAIN_PAUSE_US 20000
#define SHARED_WAIT_MS 100 /* for others' rows, while many jobs wait with us */

struct batch {
  struct store_job *jobs[BATCH_MAX];
  enum store_result results[BATCH_MAX];
  int count;
};

static bool wrote(struct writer *w, int64_t changes_before, int kept_before) {
  return db_changes(w->db) != changes_before || w->tx.kept_count != kept_before;
}

/* All jobs without savepoints. False when one of them must be undone alone, or the engine failed. */
static bool run_plain(struct writer *w, struct batch *b) {
  for (int i = 0; i < b->count; i++) {
    int64_t before = db_changes(w->db);
    int kept = w->tx.kept_count;
    enum job_result r = b->jobs[i]->run(w->db, b->jobs[i]->arg);
    if (db_failed(w->db)) return false;
    if (r == JOB_REJECT && wrote(w, before, kept)) return false;
    b->results[i] = r == JOB_COMMIT ? STORE_OK : STORE_REJECT;
  }
  return true;
}

static void run_apart(struct writer *w, struct batch *b) {
  for (int i = 0; i < b->count && !db_failed(w->db); i++) {
    struct tx_place place = tx_place(&w->tx);
    if (!db_savepoint(w->db)) return;
    enum job_result r = b->jobs[i]->run(w->db, b->jobs[i]->arg);
    b->results[i] = r == JOB_COMMIT ? STORE_OK : STORE_REJECT;
    if (db_trouble(w->db) == TROUBLE_JOB) {
      log_at(LOG_ERROR, "store.statement", log_t("error", db_error(w->db)));
      db_failed_clear(w->db);
      b->results[i] = STORE_DOWN;
    }
    if (db_failed(w->db)) return;
    db_savepoint_end(w->db, b->results[i] == STORE_OK);
    if (b->results[i] != STORE_OK) tx_undo(&w->tx, &place);
  }
}

/* Undone and begun anew, whatever it was. */
static bool begin_again(struct writer *w) {
  db_rollback(w->db);
  db_failed_clear(w->db);
  tx_begin(&w->tx);
  return db_begin(w->db);
}

/* *ret_moved: rows of the late indexes went with it. */
static enum engine_trouble try_once(struct writer *w, struct batch *b, bool may_move, bool *ret_moved) {
  *ret_moved = false;
  db_failed_clear(w->db);
  db_set_lock_wait(w->db, b->count > 1 ? SHARED_WAIT_MS : 0);
  tx_begin(&w->tx);
  if (!db_begin(w->db)) return db_trouble(w->db);
  bool plain = run_plain(w, b);
  enum engine_trouble trouble = db_trouble(w->db);
  if (!plain && (trouble == TROUBLE_NONE || trouble == TROUBLE_APART || trouble == TROUBLE_JOB) && begin_again(w)) {
    db_set_careful(w->db, true);
    run_apart(w, b);
    db_set_careful(w->db, false);
  }
  tx_finish(&w->tx);
  if (may_move && w->tx.late && !db_failed(w->db)) *ret_moved = late_move(w->tx.late, w->db);
  trouble = db_commit(w->db);
  if (trouble == TROUBLE_NONE) tx_commit(&w->tx);
  return trouble;
}

static void pause_a_little(int tries) {
  uint32_t random;
  random_bytes(&random, sizeof random);
  nanosleep(&(struct timespec){.tv_nsec = 1000L * (random % (AGAIN_PAUSE_US * (uint32_t)(tries + 1)))}, NULL);
}

/* A batch that met another transaction is taken apart by the caller; a job alone is tried until it gets through. */
static enum engine_trouble try_batch(struct writer *w, struct batch *b) {
  bool moved;
  enum engine_trouble trouble = try_once(w, b, true, &moved);
  if (trouble == TROUBLE_FULL && moved) trouble = try_once(w, b, false, &moved); /* the jobs alone may find room */
  for (int i = 0; trouble == TROUBLE_AGAIN && b->count == 1 && i < AGAIN_MAX; i++) {
    pause_a_little(i);
    trouble = try_once(w, b, true, &moved);
  }
  return trouble;
}

static void fill_results(struct batch *b, enum store_result result) {
  for (int i = 0; i < b->count; i++) b->results[i] = result;
}

static void note_commit(struct writer *w, const struct batch *b, enum engine_trouble trouble, int64_t us) {
  struct store *s = w->store;
  pthread_mutex_lock(&s->lock);
  struct store_stats *st = &s->stats;
  st->jobs += (uint64_t)b->count;
  for (int i = 0; i < b->count; i++) {
    st->rejected += b->results[i] == STORE_REJECT;
    st->full += b->results[i] == STORE_FULL;
  }
  st->full_now = trouble == TROUBLE_FULL || trouble == TROUBLE_BUSY;
  s->full_at_us = clock_mono_us();
  if (!store_is_remote(s)) st->wal_bytes = (int64_t)sqlite_wal_pages(w->db) * PAGE_BYTES;
  if (trouble == TROUBLE_NONE) {
    st->commits++;
    st->commit_us_total += (uint64_t)us;
    if ((uint64_t)us > st->commit_us_max) st->commit_us_max = (uint64_t)us;
    if ((uint64_t)b->count > st->jobs_in_commit_max) st->jobs_in_commit_max = (uint64_t)b->count;
  } else if (!st->down && trouble != TROUBLE_LOST) {
    snprintf(st->why, sizeof st->why, "%s", db_error(w->db));
  }
  pthread_mutex_unlock(&s->lock);
}

/* One large job may be what found no room: let the small ones through. And two batches may want the same conversations
 * in different order; one conversation at a time cannot stand in anybody's way for long. Not when the lock of the whole
 * store was not to be had: each would wait for it again. */
static bool is_worth_parting(const struct batch *b, enum engine_trouble trouble) {
  return b->count > 1 && (trouble == TROUBLE_FULL || trouble == TROUBLE_AGAIN || trouble == TROUBLE_JOB);
}

static void tell_nodes(const struct writer *w) {
  struct store *s = w->store;
  for (int i = 0; i < w->tx.count; i++) {
    news_events(&s->news, w->tx.parts[i].instance_id, w->tx.parts[i].last);
    (void)news_is_new(&s->news, w->tx.parts[i].instance_id, w->tx.parts[i].last);
  }
  if (w->tx.delivery) news_delivery(&s->news);
  if (w->tx.count || w->tx.delivery) keeper_poke(s);
}

/* Conversations in one order everywhere, so that two transactions seldom wait for each other. Stable: jobs of one key
 * keep theirs. */
static int compare_jobs(const void *a, const void *b) {
  const struct store_job *x = *(struct store_job *const *)a, *y = *(struct store_job *const *)b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

static void order_jobs(struct batch *b) {
  for (int i = 0; i < b->count; i++) b->jobs[i]->number = i;
  qsort(b->jobs, (size_t)b->count, sizeof(void *), compare_jobs);
}

/* Runs the batch to its end; results are filled. */
static void commit_batch(struct writer *w, struct batch *b) {
  struct store *s = w->store;
  fill_results(b, STORE_DOWN);
  if (atomic_load(&s->down)) return;
  if (w->db->engine->concurrent) order_jobs(b);
  if (db_trouble(w->db) == TROUBLE_LOST && !keeper_renew(s, w->db)) return;
  int64_t start = clock_mono_us();
  enum engine_trouble trouble = try_batch(w, b);
  if (trouble == TROUBLE_FATAL || trouble == TROUBLE_LOST) {
    fill_results(b, STORE_DOWN);
    if (trouble == TROUBLE_FATAL)
      store_go_down(s, db_error(w->db));
    else
      keeper_lost(s, db_error(w->db));
  } else if (is_worth_parting(b, trouble)) {
    for (int i = 0; i < b->count; i++) {
      struct batch one = {.jobs = {b->jobs[i]}, .count = 1};
      commit_batch(w, &one);
      b->results[i] = one.results[0];
    }
    return;
  } else if (trouble == TROUBLE_JOB) {
    fill_results(b, STORE_DOWN);
    log_at(LOG_ERROR, "store.statement", log_t("error", db_error(w->db)));
  } else if (trouble != TROUBLE_NONE) {
    fill_results(b, STORE_FULL);
    log_at(LOG_WARN, "store.no_room", log_t("error", db_error(w->db)));
  }
  note_commit(w, b, trouble, clock_mono_us() - start);
  if (trouble != TROUBLE_NONE) return;
  if (s->keeper) tell_nodes(w);
  tx_tell(&w->tx, &s->hooks);
}

static void take_batch(struct writer *w, struct batch *b) {
  size_t weight = 0;
  b->count = 0;
  while (w->first && b->count < BATCH_MAX) {
    struct store_job *job = w->first;
    if (b->count > 0 && weight + job->weight > BATCH_WEIGHT_MAX) break;
    weight += job->weight;
    w->first = job->next;
    if (!w->first) w->last = &w->first;
    w->store->queue_len--;
    b->jobs[b->count++] = job;
  }
}

/* What a crash, another process or our own end has left above the late indexes' marks, some at a time. When there is no
 * room for it now it stays where it is, in the log. */
static void catch_up(struct writer *w) {
  bool more = w->tx.late != NULL;
  while (more && !atomic_load(&w->store->down)) {
    db_failed_clear(w->db);
    more = db_begin(w->db) && late_catch_up(w->tx.late, w->db);
    if (db_commit(w->db) == TROUBLE_FATAL) store_go_down(w->store, db_error(w->db));
  }
}

void *writer_main(void *arg) {
  struct writer *w = arg;
  struct store *s = w->store;
  struct batch *b = mem_new(NULL, struct batch);
  pthread_setname_np(pthread_self(), "writer");
  catch_up(w);
  for (;;) {
    pthread_mutex_lock(&s->lock);
    while (!w->first && !s->stopping) pthread_cond_wait(&w->work, &s->lock);
    take_batch(w, b);
    pthread_mutex_unlock(&s->lock);
    if (b->count == 0) break;
    commit_batch(w, b);
    for (int i = 0; i < b->count; i++) b->jobs[i]->done(b->jobs[i]->arg, b->results[i]);
    if (!store_is_remote(s)) checkpoint_want(s, w->db);
  }
  catch_up(w);
  mem_free(b);
  return NULL;
}

enum store_result writer_run_one(struct writer *w, struct store_job *job) {
  struct batch *b = mem_new(NULL, struct batch);
  b->jobs[0] = job;
  b->count = 1;
  commit_batch(w, b);
  enum store_result result = b->results[0];
  mem_free(b);
  return result;
}
