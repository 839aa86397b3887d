/* The housekeeper: its own thread, one small job a minute. Owns nothing of the store; when that is full or down, the
 * round is skipped and the token uses are lost until the next use: they are for people's eyes only. */
#include "jobs/housekeep.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <time.h>

#define USES_MAX 1000

struct housekeep {
  struct store *store;
  struct token_use *uses;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool stopping;
  struct token_used used[USES_MAX];
  int used_count;
};

static enum job_result round_run(struct db *tx, void *arg) {
  const struct housekeep *h = arg;
  int64_t now_ms = clock_wall_ms();
  bool ok = db_exec(tx, Q_IDEMPOTENCY_EXPIRE, v_int(now_ms - IDEMPOTENCY_KEEP_MS)) != DB_FAILED;
  ok = ok && db_exec(tx, Q_SESSION_EXPIRE, v_int(now_ms)) != DB_FAILED;
  for (int i = 0; ok && i < h->used_count; i++)
    ok = db_exec(tx, Q_TOKEN_USED, v_int(h->used[i].token_id), v_int(h->used[i].at_ms)) != DB_FAILED;
  return ok ? JOB_COMMIT : JOB_REJECT;
}

void housekeep_round(struct housekeep *h) {
  h->used_count = token_use_take(h->uses, h->used, USES_MAX);
  enum store_result r = store_run_now(h->store, round_run, h);
  if (r != STORE_OK) log_at(LOG_WARN, "housekeep.skipped", log_i("result", r));
}

static void *housekeep_main(void *arg) {
  struct housekeep *h = arg;
  pthread_setname_np(pthread_self(), "housekeep");
  pthread_mutex_lock(&h->lock);
  while (!h->stopping) {
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

struct housekeep *housekeep_start(void *ctx, struct store *store, struct token_use *uses) {
  struct housekeep *h = mem_new(ctx, struct housekeep);
  h->store = store;
  h->uses = uses;
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->wake, NULL);
  if (pthread_create(&h->thread, NULL, housekeep_main, h) != 0) fatal("cannot start the housekeeper's thread");
  return h;
}

void housekeep_stop(struct housekeep *h) {
  pthread_mutex_lock(&h->lock);
  h->stopping = true;
  pthread_cond_signal(&h->wake);
  pthread_mutex_unlock(&h->lock);
  pthread_join(h->thread, NULL);
}
