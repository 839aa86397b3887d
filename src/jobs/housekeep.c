/* The housekeeper: its own thread, once a minute a small job, and further ones while there is more that is too old.
 * Owns nothing of the store; when that is full or down, the round is skipped and the token uses are lost until the next
 * use: they are for people's eyes only. Removes so little in one job that others' commits hardly wait for it. */
#include "jobs/housekeep.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define USES_MAX 1000
#define JOBS_MAX 1000 /* of one round */

struct housekeep {
  struct store *store;
  struct token_use *uses;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  atomic_bool stopping;
  const struct conf *_Atomic conf;
  int64_t now_ms;
  struct token_used used[USES_MAX];
  int used_count;
  bool more; /* the last job found so much that there may be more */
};

/* ---- what is kept for a while ---- */

static enum db_result expire_events(struct db *tx, const struct conf *conf, int64_t now_ms) {
  return db_exec(tx, Q_INBOUND_EVENT_EXPIRE, v_int(now_ms - conf->event_id_keep), v_int(EXPIRE_EVENTS));
}

static enum db_result expire_deliveries(struct db *tx, const struct conf *conf, int64_t now_ms) {
  return db_exec(tx, Q_DELIVERY_EXPIRE, v_int(now_ms - conf->delivered_keep), v_int(EXPIRE_DELIVERIES));
}

/* One at a time: a file may be large. */
static enum db_result expire_upload(struct db *tx, const struct conf *conf, int64_t now_ms) {
  int64_t id = db_int(tx, Q_ATTACHMENT_UNCLAIMED, 0, v_int(now_ms - conf->upload_keep));
  if (db_failed(tx) || !id) return db_failed(tx) ? DB_FAILED : DB_NONE;
  if (db_exec(tx, Q_ATTACHMENT_CHUNK_DELETE, v_int(id)) == DB_FAILED) return DB_FAILED;
  return db_exec(tx, Q_ATTACHMENT_DELETE, v_int(id));
}

static enum db_result (*const expire[])(struct db *tx, const struct conf *conf,
                                        int64_t now_ms) = {expire_events, expire_deliveries, expire_upload};

static enum job_result expire_run(struct db *tx, void *arg) {
  struct housekeep *h = arg;
  h->more = false;
  for (size_t i = 0; i < ARRAY_LEN(expire); i++) {
    enum db_result r = expire[i](tx, atomic_load(&h->conf), h->now_ms);
    if (r == DB_FAILED) return JOB_REJECT;
    h->more = h->more || r == DB_OK;
  }
  return JOB_COMMIT;
}

/* ---- a round ---- */

static enum job_result round_run(struct db *tx, void *arg) {
  const struct housekeep *h = arg;
  bool ok = db_exec(tx, Q_IDEMPOTENCY_EXPIRE, v_int(h->now_ms - IDEMPOTENCY_KEEP_MS)) != DB_FAILED;
  ok = ok && db_exec(tx, Q_SESSION_EXPIRE, v_int(h->now_ms)) != DB_FAILED;
  for (int i = 0; ok && i < h->used_count; i++)
    ok = db_exec(tx, Q_TOKEN_USED, v_int(h->used[i].token_id), v_int(h->used[i].at_ms)) != DB_FAILED;
  return ok ? expire_run(tx, arg) : JOB_REJECT;
}

void housekeep_round(struct housekeep *h) {
  h->used_count = token_use_take(h->uses, h->used, USES_MAX);
  h->now_ms = clock_wall_ms();
  enum store_result r = store_run_now(h->store, round_run, h);
  for (int n = 1; r == STORE_OK && h->more && n < JOBS_MAX && !atomic_load(&h->stopping); n++)
    r = store_run_now(h->store, expire_run, h);
  if (r != STORE_OK) log_at(LOG_WARN, "housekeep.skipped", log_i("result", r));
}

static void *housekeep_main(void *arg) {
  struct housekeep *h = arg;
  pthread_setname_np(pthread_self(), "housekeep");
  pthread_mutex_lock(&h->lock);
  while (!atomic_load(&h->stopping)) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HOUSEKEEP_EVERY_MS / 1000;
    pthread_cond_timedwait(&h->wake, &h->lock, &until);
    pthread_mutex_unlock(&h->lock);
    housekeep_round(h);
    pthread_mutex_lock(&h->lock);
  }
  pthread_mutex_unlock(&h->lock);
  return NULL;
}

struct housekeep *housekeep_start(void *ctx, struct store *store, struct token_use *uses, const struct conf *conf) {
  struct housekeep *h = mem_new(ctx, struct housekeep);
  h->store = store;
  h->uses = uses;
  housekeep_set_conf(h, conf);
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->wake, NULL);
  if (pthread_create(&h->thread, NULL, housekeep_main, h) != 0) fatal("cannot start the housekeeper's thread");
  return h;
}

void housekeep_set_conf(struct housekeep *h, const struct conf *conf) {
  atomic_store(&h->conf, conf);
}

void housekeep_stop(struct housekeep *h) {
  pthread_mutex_lock(&h->lock);
  atomic_store(&h->stopping, true);
  pthread_cond_signal(&h->wake);
  pthread_mutex_unlock(&h->lock);
  pthread_join(h->thread, NULL);
}
