/* The store: opens what the data folder names (a SQLite file in it, or a PostgreSQL elsewhere), its writers, readers
 * and the thread beside them; hands jobs to the writers. Owns the data folder (lock, key, epoch). Never lets anybody
 * wait for a store that is down: what is submitted then is refused. A SQLite whose disk fails is down for good and the
 * process is to end; a PostgreSQL that is away comes back. */
#include "store/store.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/folder.h"
#include "store/keeper.h"
#include "store/postgres.h"
#include "store/remote.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/store_impl.h"

#include <stdio.h>
#include <string.h>

#define FULL_SEEN_US 30000000 /* so long our health tells of a full disk */

bool store_is_remote(const struct store *s) {
  return s->folder.url != NULL;
}

struct db *store_connect(struct store *s, void *ctx, bool writer, char err[static 256]) {
  if (s->folder.url) return postgres_open(ctx, s->folder.url, writer ? POSTGRES_WRITER : POSTGRES_READER, err);
  struct db *db = sqlite_open(ctx, s->folder.db_file, writer ? SQLITE_WRITER : SQLITE_READER, err);
  if (db && !writer) db->late = s->late;
  return db;
}

void store_go_down(struct store *s, const char *why) {
  pthread_mutex_lock(&s->lock);
  bool news = !s->stats.down;
  s->stats.down = true;
  snprintf(s->stats.why, sizeof s->stats.why, "%s", why);
  pthread_mutex_unlock(&s->lock);
  atomic_store(&s->down, true);
  if (!news) return;
  log_at(LOG_ERROR, "store.down", log_t("why", why),
         log_t("do", "check the disk; the next start recovers from the log"));
  if (s->hooks.down) s->hooks.down(s->hooks.arg);
}

bool store_submit(struct store *s, struct store_job *job) {
  struct writer *w = &s->writers[job->key % (uint64_t)s->writer_count];
  job->next = NULL;
  pthread_mutex_lock(&s->lock);
  bool room = s->has_threads && !s->stopping && s->queue_len < s->queue_max && !atomic_load(&s->down) &&
              !atomic_load(&s->unreachable);
  if (room) {
    bool idle = !w->first;
    *w->last = job;
    w->last = &job->next;
    s->queue_len++;
    if (idle) pthread_cond_signal(&w->work);
  }
  pthread_mutex_unlock(&s->lock);
  return room;
}

/* ---- one job, waited for ---- */

struct waited {
  enum job_result (*run)(struct db *tx, void *arg);
  void *arg;
  pthread_mutex_t lock;
  pthread_cond_t done;
  bool is_done;
  enum store_result result;
};

static enum job_result waited_run(struct db *tx, void *arg) {
  struct waited *w = arg;
  return w->run(tx, w->arg);
}

static void waited_done(void *arg, enum store_result result) {
  struct waited *w = arg;
  pthread_mutex_lock(&w->lock);
  w->result = result;
  w->is_done = true;
  pthread_cond_signal(&w->done);
  pthread_mutex_unlock(&w->lock);
}

enum store_result store_run_now(struct store *s, enum job_result (*run)(struct db *tx, void *arg), void *arg) {
  if (!s->has_threads) {
    struct store_job job = {.run = run, .arg = arg};
    return writer_run_one(&s->writers[0], &job);
  }
  struct waited w = {.run = run, .arg = arg};
  pthread_mutex_init(&w.lock, NULL);
  pthread_cond_init(&w.done, NULL);
  struct store_job job = {.run = waited_run, .done = waited_done, .arg = &w};
  enum store_result result = STORE_DOWN;
  if (store_submit(s, &job)) {
    pthread_mutex_lock(&w.lock);
    while (!w.is_done) pthread_cond_wait(&w.done, &w.lock);
    pthread_mutex_unlock(&w.lock);
    result = w.result;
  }
  pthread_mutex_destroy(&w.lock);
  pthread_cond_destroy(&w.done);
  return result;
}

/* ---- opening and closing ---- */

static void start_threads(struct store *s) {
  s->has_threads = true;
  for (int i = 0; i < s->writer_count; i++)
    if (pthread_create(&s->writers[i].thread, NULL, writer_main, &s->writers[i]) != 0)
      fatal("cannot start the writer's thread");
  if (!store_is_remote(s) && pthread_create(&s->side_thread, NULL, checkpoint_main, s) != 0)
    fatal("cannot start the checkpointer's thread");
}

static bool open_writer(struct store *s, char err[static 256]) {
  struct writer *w = &s->writers[s->writer_count];
  w->store = s;
  w->last = &w->first;
  pthread_cond_init(&w->work, NULL);
  w->db = store_connect(s, s, true, err);
  if (!w->db) return false;
  tx_init(&w->tx, w->db);
  s->writer_count++;
  return true;
}

/* The schema is ours and the key fits. */
static bool check(struct store *s, char err[static 256]) {
  struct db *db = s->writers[0].db;
  bool current = store_is_remote(s) ? remote_migrate(db, err) : folder_migrate(&s->folder, db, err);
  if (!current || !schema_check_key(db, &s->folder.key, s->folder.key_file, err)) return false;
  id_init(0, db_int(db, Q_ID_FLOOR, 0));
  if (db_failed(db)) snprintf(err, 256, "the store cannot be read: %.200s", db_error(db));
  return !db_failed(db);
}

static int writers_for(const struct store *s, const struct store_options *options) {
  if (!store_is_remote(s)) return 1;
  int64_t wanted = options->writers > 0 ? options->writers : 2;
  return wanted < WRITERS_MAX ? (int)wanted : WRITERS_MAX;
}

struct store *store_open(void *ctx, const struct store_options *options, char err[static 256]) {
  struct store *s = mem_new(ctx, struct store);
  s->queue_max = options->queue_max > 0 ? options->queue_max : 4096;
  s->wal_max_pages = (options->wal_max_bytes > 0 ? options->wal_max_bytes : 1 << 30) / PAGE_BYTES;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->side_due, NULL);
  pthread_cond_init(&s->moved, NULL);
  nodes_init(&s->nodes);
  news_init(&s->news);
  pthread_mutex_init(&s->read_lock, NULL);
  pthread_cond_init(&s->read_free, NULL);
  bool lock = options->mode == STORE_SERVE;
  if (!folder_open(s, &s->folder, options->dir, options->url, lock, err)) goto fail;
  if (!open_writer(s, err) || !check(s, err)) goto fail;
  if (!store_is_remote(s)) {
    s->late = late_new(s, options->sweep_at);
    s->writers[0].tx.late = s->late;
    s->writers[0].tx.follows = options->mode == STORE_SERVE;
  }
  s->readers[0] = store_connect(s, NULL, false, err);
  if (!s->readers[0]) goto fail;
  if (options->mode == STORE_TOOL) return s;
  for (int more = writers_for(s, options) - 1, i = 0; i < more; i++)
    if (!open_writer(s, err)) goto fail;
  if (store_is_remote(s) && !keeper_start(s, err)) goto fail;
  start_threads(s);
  return s;
fail:
  readers_close(s);
  folder_close(&s->folder);
  mem_free(s);
  return NULL;
}

void store_close(struct store *s) {
  if (!s) return;
  if (s->has_threads) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    if (!s->keeper) atomic_store(&s->side_stop, true);
    for (int i = 0; i < s->writer_count; i++) pthread_cond_signal(&s->writers[i].work);
    pthread_cond_signal(&s->side_due);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->writer_count; i++) pthread_join(s->writers[i].thread, NULL);
    if (s->keeper) {
      keeper_stop(s);
    } else {
      pthread_join(s->side_thread, NULL);
      if (!atomic_load(&s->down)) sqlite_checkpoint(s->writers[0].db);
    }
  }
  readers_close(s);
  nodes_done(&s->nodes);
  folder_close(&s->folder);
  mem_free(s);
}

bool store_schema(const char *dir, const char *url, int *ret_version, char err[static 256]) {
  void *pool = mem_pool(NULL, 4096);
  if (!url) url = store_url(pool, dir);
  struct db *db = url ? postgres_open(pool, url, POSTGRES_READER, err)
                      : sqlite_open(pool, mem_printf(pool, "%s/guichet.db", dir), SQLITE_READER, err);
  if (db) *ret_version = !url || db_int(db, Q_SCHEMA_THERE, 0) ? schema_version(db) : -1;
  bool ok = db && !db_failed(db);
  if (db && !ok) snprintf(err, 256, "the store cannot be read: %.200s", db_error(db));
  mem_free(pool);
  return ok;
}

const char *store_dir(const struct store *s) {
  return s->folder.dir;
}
const struct master_key *store_key(const struct store *s) {
  return &s->folder.key;
}
uint64_t store_epoch(const struct store *s) {
  return folder_epoch(&s->folder);
}
void store_epoch_raise(struct store *s) {
  folder_epoch_raise(&s->folder);
  if (!store_is_remote(s)) return;
  news_setup(&s->news);
  keeper_poke(s);
}

bool store_holds(struct store *s, int64_t channel_id) {
  return !s->keeper || nodes_hold(&s->nodes, channel_id);
}
bool store_is_shared(const struct store *s) {
  return s->keeper != NULL;
}

void store_set_hooks(struct store *s, const struct store_hooks *hooks) {
  pthread_mutex_lock(&s->lock); /* the keeper runs already */
  s->hooks = *hooks;
  pthread_mutex_unlock(&s->lock);
}

void store_stats(struct store *s, struct store_stats *ret) {
  pthread_mutex_lock(&s->lock);
  *ret = s->stats;
  ret->queue_len = s->queue_len;
  ret->full_now = s->stats.full_now && clock_mono_us() - s->full_at_us < FULL_SEEN_US;
  s->stats.commit_us_max = 0;
  s->stats.jobs_in_commit_max = 0;
  pthread_mutex_unlock(&s->lock);
  ret->unreachable = atomic_load(&s->unreachable);
  ret->db_bytes = store_is_remote(s) ? 0 : folder_db_bytes(&s->folder);
}

bool store_backup(struct store *s, const char *file, void (*progress)(void *arg, int64_t done, int64_t total),
                  void *arg, char err[static 256]) {
  if (store_is_remote(s)) {
    snprintf(err, 256, "this store is in PostgreSQL: copy it with PostgreSQL's means (pg_dump, pg_basebackup)");
    return false;
  }
  struct db *db = store_read_begin(s);
  (void)db_int(db, Q_META_GET, 0, v_text("schema_version")); /* the snapshot begins with the first read */
  bool ok = sqlite_backup(db, file, progress, arg, err);
  store_read_end(s, db);
  return ok;
}

bool store_check(struct store *s, char err[static 256]) {
  struct db *db = store_read_begin(s);
  bool ok = true;
  if (!store_is_remote(s)) {
    ok = sqlite_check(db, err);
  } else if (schema_version(db) != schema_known()) {
    snprintf(err, 256, "the store cannot be read: %.200s", db_error(db));
    ok = false;
  }
  store_read_end(s, db);
  return ok;
}

bool store_prepare_all(struct store *s, char err[static 256]) {
  return db_prepare_all(s->writers[0].db, err);
}
