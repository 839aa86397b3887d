/* The readers' connections: opened as they are needed, at most READERS_MAX, each a snapshot for one thread at a time.
 * Any thread. When all are taken the next one waits. When the store cannot be read a reader is handed out all the same:
 * it finds nothing and db_failed says so. */
#include "store/store_impl.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"

/* Under the lock. A free place, one with an open reader if there is any; -1 when all are taken. */
static int reader_find(const struct store *s) {
  int place = -1;
  for (int i = READERS_MAX - 1; i >= 0; i--)
    if (!s->reader_taken[i] && (s->readers[i] || place < 0 || !s->readers[place])) place = i;
  return place;
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
    db = store_connect(s, NULL, false, err);
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
  if (db_trouble(db) == TROUBLE_LOST && !keeper_renew(s, db)) return db;
  db_failed_clear(db);
  if (!db_begin(db)) log_at(LOG_ERROR, "store.read", log_t("error", db_error(db)));
  return db;
}

/* What failed once might fail for ever: the next one gets a new connection, if one can be had. */
static struct db *reader_renew(struct store *s, struct db *db) {
  char err[256];
  log_at(LOG_ERROR, "store.read", log_t("error", db_error(db)));
  struct db *fresh = store_connect(s, NULL, false, err);
  return fresh ? fresh : db;
}

void store_read_end(struct store *s, struct db *db) {
  db_rollback(db);
  enum engine_trouble trouble = db_trouble(db);
  struct db *next = trouble == TROUBLE_FATAL ? reader_renew(s, db) : db;
  if (trouble == TROUBLE_LOST)
    keeper_lost(s, db_error(db));
  else if (trouble != TROUBLE_NONE && trouble != TROUBLE_FATAL)
    log_at(LOG_ERROR, "store.read", log_t("error", db_error(db)));
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

void readers_close(struct store *s) {
  for (int i = 0; i < READERS_MAX; i++) mem_free(s->readers[i]);
}
