/* The store: a writer thread takes all jobs that wait, runs them in one transaction, commits, and only then tells each.
 * Owns the data folder (lock, key, epoch), the writer's and readers' connections, the checkpointer's thread.
 * Jobs run without savepoints first; when one must be undone alone, the batch is run again with savepoints.
 * Never tries a failed fsync again: the store goes down, every waiting job hears STORE_DOWN, the process is to end. */
#include "store/store.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/folder.h"
#include "store/sqlite.h"
#include "store/tx.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define READERS_MAX 16
#define BATCH_MAX   1024
#define BATCH_WEIGHT_MAX                                                                                               \
  262144 /* bytes: while one commit is written the next is parsed, instead of all waiting for one large commit */
#define CHECKPOINT_PAGES 32000 /* 128 MiB of log: worth moving; pages written again meanwhile are moved once */
#define PAGE_BYTES       4096
#define FULL_SEEN_US     30000000 /* so long our health tells of a full disk */
#define LOG_TIMES_MAX    4        /* of wal_max: beyond it the writer moves pages itself, and everybody waits */
#define FINISH_PAGES     200      /* so little may be left that the writer moves it itself, in some milliseconds */

struct store {
  struct folder folder;
  struct db *writer;
  struct tx_context tx;
  struct late *late;
  struct store_hooks hooks;
  int64_t wal_max_pages;

  pthread_mutex_t lock; /* guards the queue, stats and flags below */
  pthread_cond_t work;
  struct store_job *first, **last;
  int64_t queue_len, queue_max;
  bool stopping, has_writer_thread;
  pthread_t writer_thread, checkpoint_thread;
  struct store_stats stats;
  int64_t full_at_us;
  atomic_bool down;

  pthread_cond_t checkpoint_due;
  bool checkpoint_wanted, checkpoint_stop;
  int log_pages;   /* after the last commit */
  int moved_pages; /* of these, what a checkpoint has been asked for */
  bool finish;     /* the log is long and all but moved: the writer may finish, and the log begins anew */
  bool moving;     /* the checkpointer is at it: nobody else can be */
  pthread_cond_t moved;

  pthread_mutex_t read_lock;
  pthread_cond_t read_free;
  struct db *readers[READERS_MAX];
  bool reader_taken[READERS_MAX];
};

/* ---- readers ---- */

/* Under the lock. A free place, one with an open reader if there is any; -1 when all are taken. */
static int reader_find(const struct store *s) {
  int place = -1;
  for (int i = READERS_MAX - 1; i >= 0; i--)
    if (!s->reader_taken[i] && (s->readers[i] || place < 0 || !s->readers[place])) place = i;
  return place;
}

static struct db *open_reader(struct store *s, char err[static 256]) {
  struct db *db = sqlite_open(NULL, s->folder.db_file, SQLITE_READER, err);
  if (db) db->late = s->late;
  return db;
}

static struct db *reader_take(struct store *s) {
  bool may_open = true;
  struct db *db = NULL;
  pthread_mutex_lock(&s->read_lock);
  while (!db) {
    int i = reader_find(s);
    if (i < 0 || (!s->readers[i] && !may_open)) {
      pthread_cond_wait(&s->read_free, &s->read_lock);
      continue;
    }
    s->reader_taken[i] = true;
    db = s->readers[i];
    if (db) break;
    pthread_mutex_unlock(&s->read_lock);
    char err[256];
    db = open_reader(s, err);
    pthread_mutex_lock(&s->read_lock);
    s->readers[i] = db;
    if (db) break;
    /* No file descriptor left, perhaps. The first reader is always there: wait for one. */
    log_at(LOG_WARN, "store.reader", log_t("error", err));
    may_open = false;
    s->reader_taken[i] = false;
  }
  pthread_mutex_unlock(&s->read_lock);
  return db;
}

struct db *store_read_begin(struct store *s) {
  struct db *db = reader_take(s);
  db_failed_clear(db);
  if (!db_begin(db)) log_at(LOG_ERROR, "store.read", log_t("error", db_error(db)));
  return db;
}

/* What failed once might fail for ever: the next one gets a new connection, if one can be had. */
static struct db *reader_renew(struct store *s, struct db *db) {
  char err[256];
  log_at(LOG_ERROR, "store.read", log_t("error", db_error(db)));
  struct db *fresh = open_reader(s, err);
  return fresh ? fresh : db;
}

void store_read_end(struct store *s, struct db *db) {
  db_rollback(db);
  struct db *next = db_trouble(db) == TROUBLE_FATAL ? reader_renew(s, db) : db;
  pthread_mutex_lock(&s->read_lock);
  for (int i = 0; i < READERS_MAX; i++) {
    if (s->readers[i] != db) continue;
    s->readers[i] = next;
    s->reader_taken[i] = false;
  }
  pthread_cond_signal(&s->read_free);
  pthread_mutex_unlock(&s->read_lock);
  /* Not before: another thread's new reader might get its address, and our place be two. */
  if (next != db) mem_free(db);
}

/* ---- writing ---- */

struct batch {
  struct store_job *jobs[BATCH_MAX];
  enum store_result results[BATCH_MAX];
  int count;
};

/* All jobs without savepoints. False when one of them must be undone alone, or the engine failed. */
static bool run_plain(struct store *s, struct batch *b) {
  for (int i = 0; i < b->count; i++) {
    int64_t before = db_changes(s->writer);
    enum job_result r = b->jobs[i]->run(s->writer, b->jobs[i]->arg);
    if (db_failed(s->writer)) return false;
    if (r == JOB_REJECT && db_changes(s->writer) != before) return false;
    b->results[i] = r == JOB_COMMIT ? STORE_OK : STORE_REJECT;
  }
  return true;
}

static void run_apart(struct store *s, struct batch *b) {
  for (int i = 0; i < b->count && !db_failed(s->writer); i++) {
    struct tx_place place = tx_place(&s->tx);
    if (!db_savepoint(s->writer)) return;
    enum job_result r = b->jobs[i]->run(s->writer, b->jobs[i]->arg);
    if (db_failed(s->writer)) return;
    db_savepoint_end(s->writer, r == JOB_COMMIT);
    if (r == JOB_REJECT) tx_undo(&s->tx, &place);
    b->results[i] = r == JOB_COMMIT ? STORE_OK : STORE_REJECT;
  }
}

/* *ret_moved: rows of the late indexes went with it. */
static enum engine_trouble try_batch(struct store *s, struct batch *b, bool may_move, bool *ret_moved) {
  *ret_moved = false;
  db_failed_clear(s->writer);
  tx_begin(&s->tx);
  if (!db_begin(s->writer)) return db_trouble(s->writer);
  if (!run_plain(s, b) && !db_failed(s->writer)) {
    db_rollback(s->writer);
    tx_begin(&s->tx);
    if (db_begin(s->writer)) run_apart(s, b);
  }
  if (may_move && !db_failed(s->writer)) *ret_moved = late_move(s->late, s->writer);
  enum engine_trouble trouble = db_commit(s->writer);
  if (trouble == TROUBLE_NONE) tx_commit(&s->tx);
  return trouble;
}

static void go_down(struct store *s, const char *why) {
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

static void fill_results(struct batch *b, enum store_result result) {
  for (int i = 0; i < b->count; i++) b->results[i] = result;
}

static void note_commit(struct store *s, const struct batch *b, enum engine_trouble trouble, int64_t us) {
  pthread_mutex_lock(&s->lock);
  struct store_stats *st = &s->stats;
  st->jobs += (uint64_t)b->count;
  for (int i = 0; i < b->count; i++) {
    st->rejected += b->results[i] == STORE_REJECT;
    st->full += b->results[i] == STORE_FULL;
  }
  st->full_now = trouble == TROUBLE_FULL || trouble == TROUBLE_BUSY;
  s->full_at_us = clock_mono_us();
  st->wal_bytes = (int64_t)sqlite_wal_pages(s->writer) * PAGE_BYTES;
  if (trouble == TROUBLE_NONE) {
    st->commits++;
    st->commit_us_total += (uint64_t)us;
    if ((uint64_t)us > st->commit_us_max) st->commit_us_max = (uint64_t)us;
    if ((uint64_t)b->count > st->jobs_in_commit_max) st->jobs_in_commit_max = (uint64_t)b->count;
  } else if (!st->down) {
    snprintf(st->why, sizeof st->why, "%s", db_error(s->writer));
  }
  pthread_mutex_unlock(&s->lock);
}

/* Runs the batch to its end; results are filled. */
static void commit_batch(struct store *s, struct batch *b) {
  if (atomic_load(&s->down)) {
    fill_results(b, STORE_DOWN);
    return;
  }
  int64_t start = clock_mono_us();
  bool moved;
  enum engine_trouble trouble = try_batch(s, b, true, &moved);
  if (trouble == TROUBLE_FULL && moved) trouble = try_batch(s, b, false, &moved); /* the jobs alone may find room */
  if (trouble == TROUBLE_FATAL) {
    fill_results(b, STORE_DOWN);
    go_down(s, db_error(s->writer));
  } else if (trouble == TROUBLE_FULL && b->count > 1) {
    /* One large job may be what found no room: let the small ones through. Not when the lock was not to be had: each
     * would wait for it again. */
    for (int i = 0; i < b->count; i++) {
      struct batch one = {.jobs = {b->jobs[i]}, .count = 1};
      commit_batch(s, &one);
      b->results[i] = one.results[0];
    }
    return;
  } else if (trouble != TROUBLE_NONE) {
    fill_results(b, STORE_FULL);
    log_at(LOG_WARN, "store.no_room", log_t("error", db_error(s->writer)));
  }
  note_commit(s, b, trouble, clock_mono_us() - start);
  if (trouble == TROUBLE_NONE) tx_tell(&s->tx, &s->hooks);
}

/* The checkpointer moves pages while we append, so it never sees the log's end and the log grows. When it is long, the
 * checkpointer goes over it until next to nothing is left; that rest the writer moves between two commits, and the log
 * begins anew. */
static void want_checkpoint(struct store *s) {
  int pages = sqlite_wal_pages(s->writer);
  pthread_mutex_lock(&s->lock);
  bool too_long = pages > LOG_TIMES_MAX * s->wal_max_pages, finish = s->finish || too_long;
  s->finish = false;
  if (pages < s->log_pages) s->moved_pages = 0;
  s->log_pages = pages;
  if (!s->checkpoint_wanted && pages - s->moved_pages >= CHECKPOINT_PAGES) {
    s->checkpoint_wanted = true;
    s->moved_pages = pages;
    pthread_cond_signal(&s->checkpoint_due);
  }
  while (too_long && s->moving) pthread_cond_wait(&s->moved, &s->lock);
  pthread_mutex_unlock(&s->lock);
  if (finish) sqlite_checkpoint(s->writer);
}

static void take_batch(struct store *s, struct batch *b) {
  size_t weight = 0;
  b->count = 0;
  while (s->first && b->count < BATCH_MAX) {
    struct store_job *job = s->first;
    if (b->count > 0 && weight + job->weight > BATCH_WEIGHT_MAX) break;
    weight += job->weight;
    s->first = job->next;
    if (!s->first) s->last = &s->first;
    s->queue_len--;
    b->jobs[b->count++] = job;
  }
}

/* What a crash, another process or our own end has left above the late indexes' marks, some at a time. When there is no
 * room for it now it stays where it is, in the log. */
static void catch_up(struct store *s) {
  bool more = true;
  while (more && !atomic_load(&s->down)) {
    db_failed_clear(s->writer);
    more = db_begin(s->writer) && late_catch_up(s->late, s->writer);
    if (db_commit(s->writer) == TROUBLE_FATAL) go_down(s, db_error(s->writer));
  }
}

static void *writer_main(void *arg) {
  struct store *s = arg;
  struct batch *b = mem_new(NULL, struct batch);
  pthread_setname_np(pthread_self(), "writer");
  catch_up(s);
  for (;;) {
    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->stopping) pthread_cond_wait(&s->work, &s->lock);
    take_batch(s, b);
    pthread_mutex_unlock(&s->lock);
    if (b->count == 0) break;
    commit_batch(s, b);
    for (int i = 0; i < b->count; i++) b->jobs[i]->done(b->jobs[i]->arg, b->results[i]);
    want_checkpoint(s);
  }
  catch_up(s);
  mem_free(b);
  return NULL;
}

/* One round of the checkpointer: over the log, and again while it is long and grew by much meanwhile. */
static void checkpoint_round(struct store *s, struct db *db) {
  bool again = true;
  for (int i = 0; again && i < 8 && !atomic_load(&s->down); i++) {
    pthread_mutex_lock(&s->lock);
    int before = s->log_pages;
    s->moving = true;
    pthread_mutex_unlock(&s->lock);
    sqlite_checkpoint(db);
    pthread_mutex_lock(&s->lock);
    s->moving = false;
    pthread_cond_signal(&s->moved);
    s->moved_pages = s->log_pages < before ? 0 : before; /* it may have begun anew */
    again = s->log_pages > s->wal_max_pages;
    if (again && s->log_pages - before < FINISH_PAGES) {
      s->finish = true;
      again = false;
    }
    pthread_mutex_unlock(&s->lock);
  }
  if (db_trouble(db) == TROUBLE_FATAL) go_down(s, db_error(db));
}

static void *checkpoint_main(void *arg) {
  struct store *s = arg;
  char err[256];
  pthread_setname_np(pthread_self(), "checkpoint");
  struct db *db = NULL;
  pthread_mutex_lock(&s->lock);
  while (!s->checkpoint_stop) {
    if (!s->checkpoint_wanted) {
      pthread_cond_wait(&s->checkpoint_due, &s->lock);
      continue;
    }
    pthread_mutex_unlock(&s->lock);
    if (!db) db = sqlite_open(NULL, s->folder.db_file, SQLITE_WRITER, err);
    if (!db) log_at(LOG_WARN, "store.checkpoint", log_t("error", err));
    if (db) checkpoint_round(s, db);
    pthread_mutex_lock(&s->lock);
    s->checkpoint_wanted = false;
  }
  pthread_mutex_unlock(&s->lock);
  mem_free(db);
  return NULL;
}

bool store_submit(struct store *s, struct store_job *job) {
  job->next = NULL;
  pthread_mutex_lock(&s->lock);
  bool room = s->has_writer_thread && !s->stopping && s->queue_len < s->queue_max && !atomic_load(&s->down);
  if (room) {
    bool idle = !s->first;
    *s->last = job;
    s->last = &job->next;
    s->queue_len++;
    if (idle) pthread_cond_signal(&s->work);
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
  if (!s->has_writer_thread) {
    struct store_job job = {.run = run, .arg = arg};
    struct batch *b = mem_new(NULL, struct batch);
    b->jobs[0] = &job;
    b->count = 1;
    commit_batch(s, b);
    enum store_result result = b->results[0];
    mem_free(b);
    return result;
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
  s->has_writer_thread = true;
  if (pthread_create(&s->writer_thread, NULL, writer_main, s) != 0) fatal("cannot start the writer's thread");
  if (pthread_create(&s->checkpoint_thread, NULL, checkpoint_main, s) != 0)
    fatal("cannot start the checkpointer's thread");
}

struct store *store_open(void *ctx, const struct store_options *options, char err[static 256]) {
  struct store *s = mem_new(ctx, struct store);
  s->last = &s->first;
  s->queue_max = options->queue_max > 0 ? options->queue_max : 4096;
  s->wal_max_pages = (options->wal_max_bytes > 0 ? options->wal_max_bytes : 1 << 30) / PAGE_BYTES;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->work, NULL);
  pthread_cond_init(&s->checkpoint_due, NULL);
  pthread_cond_init(&s->moved, NULL);
  pthread_mutex_init(&s->read_lock, NULL);
  pthread_cond_init(&s->read_free, NULL);
  if (!folder_open(s, &s->folder, options->dir, options->mode == STORE_SERVE, err)) goto fail;
  s->writer = sqlite_open(s, s->folder.db_file, SQLITE_WRITER, err);
  if (!s->writer) goto fail;
  if (!folder_migrate(&s->folder, s->writer, err) || !folder_check_key(&s->folder, s->writer, err)) goto fail;
  s->late = late_new(s, options->sweep_at);
  s->tx = (struct tx_context){.db = s->writer, .late = s->late, .follows = options->mode == STORE_SERVE};
  s->writer->owner = &s->tx;
  id_init(0, db_int(s->writer, Q_ID_FLOOR, 0));
  if (db_failed(s->writer)) {
    snprintf(err, 256, "the store cannot be read: %.200s", db_error(s->writer));
    goto fail;
  }
  s->readers[0] = open_reader(s, err);
  if (!s->readers[0]) goto fail;
  if (options->mode == STORE_SERVE) start_threads(s);
  return s;
fail:
  folder_close(&s->folder);
  mem_free(s);
  return NULL;
}

void store_close(struct store *s) {
  if (!s) return;
  if (s->has_writer_thread) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    s->checkpoint_stop = true;
    pthread_cond_signal(&s->work);
    pthread_cond_signal(&s->checkpoint_due);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer_thread, NULL);
    pthread_join(s->checkpoint_thread, NULL);
    if (!atomic_load(&s->down)) sqlite_checkpoint(s->writer);
  }
  for (int i = 0; i < READERS_MAX; i++) mem_free(s->readers[i]);
  folder_close(&s->folder);
  mem_free(s);
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
}

void store_set_hooks(struct store *s, const struct store_hooks *hooks) {
  s->hooks = *hooks;
}

void store_stats(struct store *s, struct store_stats *ret) {
  pthread_mutex_lock(&s->lock);
  *ret = s->stats;
  ret->queue_len = s->queue_len;
  ret->full_now = s->stats.full_now && clock_mono_us() - s->full_at_us < FULL_SEEN_US;
  s->stats.commit_us_max = 0;
  s->stats.jobs_in_commit_max = 0;
  pthread_mutex_unlock(&s->lock);
  ret->db_bytes = folder_db_bytes(&s->folder);
}

bool store_backup(struct store *s, const char *file, void (*progress)(void *arg, int64_t done, int64_t total),
                  void *arg, char err[static 256]) {
  struct db *db = store_read_begin(s);
  (void)db_int(db, Q_META_GET, 0, v_text("schema_version")); /* the snapshot begins with the first read */
  bool ok = sqlite_backup(db, file, progress, arg, err);
  store_read_end(s, db);
  return ok;
}

bool store_check(struct store *s, char err[static 256]) {
  struct db *db = store_read_begin(s);
  bool ok = sqlite_check(db, err);
  store_read_end(s, db);
  return ok;
}

bool store_prepare_all(struct store *s, char err[static 256]) {
  return db_prepare_all(s->writer, err);
}
