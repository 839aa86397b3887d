/* SQLite's log: a thread moves its pages into the database file, so that the writer need not. Owns a connection of its
 * own. When the disk fails under it the store goes down. */
#include "store/store_impl.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite.h"

#define CHECKPOINT_PAGES 32000 /* 128 MiB of log: worth moving; pages written again meanwhile are moved once */
#define LOG_TIMES_MAX    4     /* of wal_max: beyond it the writer moves pages itself, and everybody waits */
#define FINISH_PAGES     200   /* so little may be left that the writer moves it itself, in some milliseconds */

/* The checkpointer moves pages while we append, so it never sees the log's end and the log grows. When it is long, the
 * checkpointer goes over it until next to nothing is left; that rest the writer moves between two commits, and the log
 * begins anew. */
void checkpoint_want(struct store *s, struct db *writer) {
  int pages = sqlite_wal_pages(writer);
  pthread_mutex_lock(&s->lock);
  bool too_long = pages > LOG_TIMES_MAX * s->wal_max_pages, finish = s->finish || too_long;
  s->finish = false;
  if (pages < s->log_pages) s->moved_pages = 0;
  s->log_pages = pages;
  if (!s->checkpoint_wanted && pages - s->moved_pages >= CHECKPOINT_PAGES) {
    s->checkpoint_wanted = true;
    s->moved_pages = pages;
    pthread_cond_signal(&s->side_due);
  }
  while (too_long && s->moving) pthread_cond_wait(&s->moved, &s->lock);
  pthread_mutex_unlock(&s->lock);
  if (finish) sqlite_checkpoint(writer);
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
  if (db_trouble(db) == TROUBLE_FATAL) store_go_down(s, db_error(db));
}

void *checkpoint_main(void *arg) {
  struct store *s = arg;
  char err[256];
  pthread_setname_np(pthread_self(), "checkpoint");
  struct db *db = NULL;
  pthread_mutex_lock(&s->lock);
  while (!s->side_stop) {
    if (!s->checkpoint_wanted) {
      pthread_cond_wait(&s->side_due, &s->lock);
      continue;
    }
    pthread_mutex_unlock(&s->lock);
    if (!db) db = store_connect(s, NULL, true, err);
    if (!db) log_at(LOG_WARN, "store.checkpoint", log_t("error", err));
    if (db) checkpoint_round(s, db);
    pthread_mutex_lock(&s->lock);
    s->checkpoint_wanted = false;
  }
  pthread_mutex_unlock(&s->lock);
  mem_free(db);
  return NULL;
}
