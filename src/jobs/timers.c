/* The clock of silent interactions: one thread that looks once a second which have been silent for as long as their
 * channel's timer, by the wall clock, and closes each in a job of its own that looks again. Owns nothing of the store;
 * when that is full or down the round is over and the next one finds the same rows. A shorter timer set meanwhile, also
 * by another process, counts from the next look on. */
#include "jobs/timers.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/conversation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define BATCH      100
#define ROUNDS_MAX 100 /* batches of one channel in one round: others have their turn */

struct timers {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool stopping;
  atomic_int_fast64_t retention_ms;
};

struct closing {
  const struct registry *registry;
  const struct channel *channel;
  int64_t ids[BATCH];
  int count;
  int64_t retention_ms, now_ms;
};

static enum job_result closing_run(struct db *tx, void *arg) {
  const struct closing *c = arg;
  for (int i = 0; i < c->count; i++)
    if (conversation_close_silent(tx, c->registry, c->channel, c->ids[i], c->retention_ms, c->now_ms) ==
        CONVERSATION_FAILED)
      return JOB_REJECT;
  return JOB_COMMIT;
}

/* False when the store does not take it. */
static bool close_batch(struct store *store, struct closing *c) {
  struct db *db = store_read_begin(store);
  c->count = conversation_silent(db, c->channel, c->now_ms, c->ids, BATCH);
  store_read_end(store, db);
  if (!c->count) return true;
  enum store_result r = store_run_now(store, closing_run, c);
  if (r == STORE_OK)
    log_at(LOG_INFO, "timers.closed", log_i("channel", c->channel->id), log_i("count", c->count));
  else
    log_at(LOG_WARN, "timers.skipped", log_i("channel", c->channel->id), log_i("result", r));
  return r == STORE_OK;
}

int64_t timers_round(struct store *store, int64_t retention_ms) {
  const struct registry *r = registry_get(store);
  int64_t now_ms = clock_wall_ms(), next = 0;
  for (int i = 0; r && i < r->channel_count; i++) {
    const struct channel *channel = &r->channels[i];
    if ((!channel->idle_close_ms && !channel->bot_close_ms) || !store_holds(store, channel->id)) continue;
    struct closing c = {.registry = r, .channel = channel, .retention_ms = retention_ms, .now_ms = now_ms};
    for (int n = 0; n < ROUNDS_MAX; n++)
      if (!close_batch(store, &c) || c.count < BATCH) break;
    struct db *db = store_read_begin(store);
    int64_t at = conversation_silent_at(db, channel);
    store_read_end(store, db);
    if (at && (!next || at < next)) next = at;
  }
  registry_put(r);
  return next && next > now_ms && next - now_ms < TIMERS_LOOK_MS ? next - now_ms : TIMERS_LOOK_MS;
}

static void *timers_main(void *arg) {
  struct timers *t = arg;
  pthread_setname_np(pthread_self(), "timers");
  pthread_mutex_lock(&t->lock);
  while (!t->stopping) {
    pthread_mutex_unlock(&t->lock);
    int64_t wait_ms = timers_round(t->store, atomic_load(&t->retention_ms));
    pthread_mutex_lock(&t->lock);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec / 1000000 + wait_ms) / 1000;
    until.tv_nsec = (until.tv_nsec / 1000000 + wait_ms) % 1000 * 1000000;
    if (!t->stopping) pthread_cond_timedwait(&t->wake, &t->lock, &until);
  }
  pthread_mutex_unlock(&t->lock);
  return NULL;
}

struct timers *timers_start(void *ctx, struct store *store, const struct conf *conf) {
  struct timers *t = mem_new(ctx, struct timers);
  t->store = store;
  timers_set_conf(t, conf);
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->wake, NULL);
  if (pthread_create(&t->thread, NULL, timers_main, t) != 0) fatal("cannot start the timers' thread");
  return t;
}

void timers_set_conf(struct timers *t, const struct conf *conf) {
  atomic_store(&t->retention_ms, conf->delivery_retention);
}

void timers_stop(struct timers *t) {
  pthread_mutex_lock(&t->lock);
  t->stopping = true;
  pthread_cond_signal(&t->wake);
  pthread_mutex_unlock(&t->lock);
  pthread_join(t->thread, NULL);
}
