/* The deliverer: one thread that reads the outbox, sends what lanes.h lets go, and settles through the store's shared
 * commit. Owns lanes, attempts, the outgoing connections and the fetcher. A payload is read when it is sent, the same
 * bytes every time. Never holds a transaction across the network, never frees a lane before the store has the outcome:
 * after a crash an attempt may be made twice, none is left out. A partner that is down costs its own channel one
 * attempt at a time. A store that refuses outcomes stops new attempts until it takes them. The setup is read again
 * when its epoch rises, also by another process's hand, after half a second at the latest. */
#include "jobs/deliver.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "core/backoff.h"
#include "jobs/fetch.h"
#include "jobs/lanes.h"
#include "jobs/outbound.h"
#include "jobs/settle.h"
#include "store/registry.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TURN_US      500000   /* longest sleep */
#define ACTIVE_MAX   1024     /* attempts under way */
#define PAGE         128      /* rows a query */
#define PAGES_A_TURN 16       /* of one channel */
#define ROOM_WORTH   32       /* fewer rows are not worth a query */
#define ANSWER_MAX   16384    /* of a partner's answer; beyond it the connection is given up */
#define REREAD_US    1000000  /* after the store did not show a payload */
#define RESCAN_US    10000000 /* all pending rows are looked at again this often */
#define ERROR_LEN    240
#define LATE_MS      10000 /* a transaction takes no longer from its first id to its commit */

struct counters {
  atomic_uint_fast64_t attempts, delivered, failed, parked, age_ms_total;
  atomic_int active, loaded, failing;
  atomic_int_fast64_t last_progress_ms;
};

struct deliver {
  struct store *store;
  pthread_t thread;
  struct outbound *outbound;
  struct settler *settler;
  struct fetch *fetch;
  struct lanes *lanes;
  const struct conf *conf;
  const struct registry *registry;
  void *pool; /* attempts; of the thread alone */
  int active;
  bool breaking; /* what ends now was broken off by us and tells nothing */
  int64_t load_again_us, rescan_us;
  struct counters count;

  atomic_bool poked;
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t taken;
  const struct conf *next_conf;
  bool stopping;
  int64_t stop_wait_ms;
};

enum outcome { OUTCOME_DELIVERED, OUTCOME_FAILED, OUTCOME_PARKED };

struct attempt {
  struct deliver *d;
  struct lanes_row *row;
  const struct surface *surface;
  struct settle settle;
  enum outcome outcome;
  bool sent; /* false: parked by the clock alone */
  int status;
  int64_t wait_ms, at_ms;
  char error[ERROR_LEN];
};

/* ---- settling ---- */

static enum job_result settle_run(struct db *tx, void *arg) {
  const struct attempt *a = arg;
  const struct delivery *d = &a->row->d;
  enum db_result r = DB_OK;
  switch (a->outcome) {
  case OUTCOME_DELIVERED: r = delivery_settle_delivered(tx, d, a->status, a->at_ms); break;
  case OUTCOME_FAILED: r = delivery_settle_failed(tx, d, a->status, a->error, a->at_ms + a->wait_ms, a->at_ms); break;
  case OUTCOME_PARKED: r = delivery_settle_parked(tx, d, a->sent, a->status, a->error, a->at_ms); break;
  }
  return r == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static void log_outcome(const struct attempt *a) {
  static const struct {
    enum log_level level;
    const char *event;
  } words[] = {
      [OUTCOME_DELIVERED] = {LOG_DEBUG, "delivery.delivered"},
      [OUTCOME_FAILED] = {LOG_INFO, "delivery.failed"},
      [OUTCOME_PARKED] = {LOG_WARN, "delivery.parked"},
  };
  const struct delivery *d = &a->row->d;
  char id[ID_HEX_LEN];
  if (!log_enabled(words[a->outcome].level)) return;
  log_at(words[a->outcome].level, words[a->outcome].event, log_t("id", id_format(d->instance_id, d->id, id)),
         log_i("channel", d->channel_id), log_i("attempt", d->attempts + a->sent), log_i("status", a->status),
         log_t("error", a->error), log_i("next_in_ms", a->wait_ms));
}

static void settle_done(void *arg) {
  struct attempt *a = arg;
  struct deliver *d = a->d;
  int64_t now_us = clock_mono_us();
  log_outcome(a);
  switch (a->outcome) {
  case OUTCOME_DELIVERED:
    atomic_fetch_add(&d->count.delivered, 1);
    if (a->at_ms > a->row->d.created_at)
      atomic_fetch_add(&d->count.age_ms_total, (uint64_t)(a->at_ms - a->row->d.created_at));
    lanes_gone(d->lanes, a->row, now_us);
    break;
  case OUTCOME_FAILED:
    a->row->d.attempts++;
    lanes_again(d->lanes, a->row, a->wait_ms * 1000, now_us);
    break;
  case OUTCOME_PARKED:
    atomic_fetch_add(&d->count.parked, 1);
    lanes_gone(d->lanes, a->row, now_us);
    break;
  }
  mem_free(a);
}

static void settle_begin(struct attempt *a, enum outcome outcome) {
  a->outcome = outcome;
  a->settle = (struct settle){.run = settle_run, .done = settle_done, .arg = a};
  settler_submit(a->d->settler, &a->settle);
}

/* ---- one attempt ---- */

static void log_change(const struct lanes_channel *c, enum lanes_change change, const char *why) {
  if (change == LANES_FAILING)
    log_at(LOG_WARN, "channel.failing", log_i("channel", c->id), log_t("error", why));
  else if (change == LANES_RECOVERED)
    log_at(LOG_INFO, "channel.recovered", log_i("channel", c->id));
}

static void attempt_failed(struct attempt *a, int64_t retry_after_ms, int64_t now_us) {
  struct deliver *d = a->d;
  struct lanes_row *row = a->row;
  uint32_t random;
  random_bytes(&random, sizeof random);
  atomic_fetch_add(&d->count.failed, 1);
  bool leave_alone = a->status == 429 || a->status == 503;
  struct lanes_channel *c = lanes_row_channel(row);
  log_change(c, lanes_attempt_failed(d->lanes, row, leave_alone ? retry_after_ms : 0, random, now_us), a->error);
  a->wait_ms = backoff_ms((int)(row->d.attempts < 64 ? row->d.attempts + 1 : 64), d->conf->delivery_backoff_first,
                          d->conf->delivery_backoff_max, retry_after_ms, random);
  bool over = a->at_ms >= row->d.deadline_at;
  if (over) a->wait_ms = 0;
  settle_begin(a, over ? OUTCOME_PARKED : OUTCOME_FAILED);
}

static void attempt_done(void *arg, const struct outbound_result *result) {
  struct attempt *a = arg;
  struct deliver *d = a->d;
  int64_t now_us = clock_mono_us();
  d->active--;
  if (d->breaking) {
    lanes_attempt_dropped(d->lanes, a->row);
    mem_free(a);
    return;
  }
  a->at_ms = clock_wall_ms();
  a->status = result->status;
  if (result->complete && a->surface->delivered(result->status)) {
    log_change(lanes_row_channel(a->row), lanes_attempt_succeeded(d->lanes, a->row, now_us), "");
    settle_begin(a, OUTCOME_DELIVERED);
    return;
  }
  if (result->complete)
    snprintf(a->error, sizeof a->error, "the webhook answered %d", result->status);
  else
    snprintf(a->error, sizeof a->error, "%s", result->error);
  attempt_failed(a, result->retry_after_ms, now_us);
}

/* Headers are signed anew each time; the bytes are the row's. */
static bool attempt_send(struct attempt *a, const struct channel *channel, const void *payload, size_t len,
                         char err[static 160]) {
  const struct deliver *d = a->d;
  char lines[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN], id[ID_HEX_LEN];
  const char *headers[SURFACE_HEADERS_MAX + 2] = {"Content-Type: application/json"};
  const struct surface_signing signing = {
      .secret = channel->secret,
      .token = channel->token ? channel->token : "",
      .delivery_id = id_format(a->row->d.instance_id, a->row->d.id, id),
      .attempt_at_s = clock_wall_ms() / 1000,
      .body = payload,
      .body_len = len,
  };
  int n = a->surface->headers(&signing, lines);
  for (int i = 0; i < n; i++) headers[1 + i] = lines[i];
  int64_t longest_ms = a->surface->timeout_max_ms;
  const struct outbound_request request = {
      .method = "POST",
      .url = channel->webhook_url,
      .headers = headers,
      .body = payload,
      .body_len = len,
      .timeout_ms = longest_ms && longest_ms < d->conf->delivery_timeout ? longest_ms : d->conf->delivery_timeout,
      .body_max = ANSWER_MAX,
      .done = attempt_done,
      .arg = a,
  };
  return outbound_send(d->outbound, &request, err);
}

static void attempt_begin(struct deliver *d, struct db *db, struct lanes_row *row) {
  const struct channel *channel = lanes_row_channel(row)->setup;
  struct attempt *a = mem_new(d->pool, struct attempt);
  size_t len = 0;
  char err[160];
  /* Another node may have had the channel meanwhile: then the row is settled already, or it is not ours to send. */
  bool ours = store_holds(d->store, row->d.channel_id);
  const void *payload = ours ? delivery_payload_pending(db, a, row->d.id, &len) : NULL;
  int64_t now_us = clock_mono_us();
  if (!payload) { /* the store did not answer, or the row is gone */
    lanes_attempt_dropped(d->lanes, row);
    if (db_failed(db) || !ours)
      lanes_again(d->lanes, row, REREAD_US, now_us);
    else
      lanes_gone(d->lanes, row, now_us);
    mem_free(a);
    return;
  }
  a->d = d;
  a->row = row;
  a->sent = true;
  a->surface = surface_of(channel->kind);
  atomic_fetch_add(&d->count.attempts, 1);
  d->active++;
  if (attempt_send(a, channel, payload, len, err)) return;
  d->active--;
  a->at_ms = clock_wall_ms();
  snprintf(a->error, sizeof a->error, "%s", err);
  attempt_failed(a, 0, now_us);
}

static void begin_attempts(struct deliver *d) {
  struct lanes_row *row;
  struct db *db = NULL;
  int64_t now_us = clock_mono_us();
  while ((row = lanes_take(d->lanes, now_us))) {
    if (!db) db = store_read_begin(d->store);
    attempt_begin(d, db, row);
  }
  if (db) store_read_end(d->store, db);
}

static void park_expired(struct deliver *d) {
  struct lanes_row *row;
  int64_t wall_ms = clock_wall_ms(), now_us = clock_mono_us();
  while ((row = lanes_take_expired(d->lanes, now_us, wall_ms))) {
    struct attempt *a = mem_new(d->pool, struct attempt);
    a->d = d;
    a->row = row;
    a->at_ms = wall_ms;
    snprintf(a->error, sizeof a->error, "given up after the retention period");
    settle_begin(a, OUTCOME_PARKED);
  }
}

/* ---- loading ---- */

static void load_channel(struct deliver *d, struct db *db, struct lanes_channel *c, int64_t wall_ms, int64_t now_us) {
  struct delivery page[PAGE];
  for (int i = 0; i < PAGES_A_TURN && c->more; i++) {
    int room = lanes_room(d->lanes, c);
    if (room < ROOM_WORTH) return;
    int want = room < PAGE ? room : PAGE, n = delivery_pending(db, c->id, c->cursor, page, want);
    if (db_failed(db)) return;
    for (int k = 0; k < n; k++) {
      /* The wall clock may have jumped since: no wait is longer than the longest. */
      int64_t wait_ms = page[k].next_at - wall_ms, longest_ms = d->conf->delivery_backoff_max;
      if (wait_ms > longest_ms) wait_ms = longest_ms;
      lanes_add(d->lanes, c, &page[k], page[k].attempts > 0 && wait_ms > 0 ? wait_ms * 1000 : 0, now_us);
    }
    c->more = n == want;
  }
}

static bool load_due(const struct deliver *d, int64_t now_us) {
  if (now_us < d->load_again_us) return false;
  for (struct lanes_channel *c = lanes_channels(d->lanes); c; c = c->hh.next)
    if (c->more && lanes_room(d->lanes, c) >= ROOM_WORTH) return true;
  return false;
}

/* A pass over many channels takes its time under load: leave three quarters of the thread to the rest. */
static void load(struct deliver *d) {
  int64_t wall_ms = clock_wall_ms(), begun_us = clock_mono_us();
  if (!load_due(d, begun_us)) return;
  struct db *db = store_read_begin(d->store);
  for (struct lanes_channel *c = lanes_channels(d->lanes); c; c = c->hh.next)
    if (c->more) load_channel(d, db, c, wall_ms, begun_us);
  bool failed = db_failed(db);
  store_read_end(d->store, db);
  int64_t now_us = clock_mono_us();
  d->load_again_us = failed ? now_us + TURN_US : now_us - begun_us > 1000 ? now_us + 3 * (now_us - begun_us) : 0;
}

/* ---- the setup ---- */

static struct lanes_limits limits_of(const struct conf *conf) {
  return (struct lanes_limits){
      .channel_rows = 2000,
      .failing_rows = 256,
      .total_rows = 20000,
      .guaranteed_rows = 64,
      .lane_rows = 512,
      .active_max = ACTIVE_MAX,
      .window_max = (int)conf->delivery_concurrency,
      .backoff_first_ms = conf->delivery_backoff_first,
      .backoff_max_ms = conf->delivery_backoff_max,
  };
}

static void take_channel(struct deliver *d, const struct channel *channel, int64_t now_us) {
  struct lanes_channel *c = lanes_channel(d->lanes, channel->id);
  const struct surface *surface = surface_of(channel->kind);
  const char *token = channel->token ? channel->token : "";
  uint8_t target[sizeof c->target], all[3 * SHA256_LEN];
  digest_sha256(channel->webhook_url, strlen(channel->webhook_url), all);
  memcpy(all + SHA256_LEN, channel->secret_hash, SHA256_LEN);
  digest_sha256(token, strlen(token), all + 2 * SHA256_LEN);
  digest_sha256(all, sizeof all, target);
  c->setup = channel;
  c->open = channel->enabled && channel->webhook_url[0] && channel->secret && surface &&
            (channel->token || !surface->needs_token) && store_holds(d->store, channel->id);
  if (memcmp(target, c->target, sizeof target) == 0) return;
  memcpy(c->target, target, sizeof target);
  lanes_fresh_start(d->lanes, c, now_us);
}

static void refresh_setup(struct deliver *d) {
  if (d->registry && d->registry->epoch == store_epoch(d->store)) return;
  const struct registry *r = registry_get(d->store);
  if (!r) return;
  int64_t now_us = clock_mono_us();
  for (struct lanes_channel *c = lanes_channels(d->lanes); c; c = c->hh.next) {
    c->setup = NULL;
    c->open = false;
    c->cursor = 0; /* another process may have replayed old rows */
    c->more = true;
  }
  for (int i = 0; i < r->channel_count; i++) take_channel(d, &r->channels[i], now_us);
  if (d->registry) registry_put(d->registry);
  d->registry = r;
}

/* ---- the thread ---- */

/* Takes over new settings; true when it is time to stop. */
static bool take_orders(struct deliver *d) {
  pthread_mutex_lock(&d->lock);
  bool stopping = d->stopping;
  if (d->next_conf) {
    struct lanes_limits limits = limits_of(d->next_conf);
    int64_t now_us = clock_mono_us();
    d->conf = d->next_conf;
    d->next_conf = NULL;
    outbound_set_conf(d->outbound, d->conf);
    lanes_set_limits(d->lanes, &limits);
    for (struct lanes_channel *c = lanes_channels(d->lanes); c; c = c->hh.next) lanes_fresh_start(d->lanes, c, now_us);
    pthread_cond_broadcast(&d->taken);
  }
  pthread_mutex_unlock(&d->lock);
  return stopping;
}

static void note(struct deliver *d) {
  atomic_store(&d->count.active, d->active);
  atomic_store(&d->count.loaded, lanes_rows(d->lanes));
  atomic_store(&d->count.failing, lanes_failing(d->lanes));
  atomic_store(&d->count.last_progress_ms, clock_wall_ms());
}

static void look_again(struct deliver *d) {
  int64_t now_us = clock_mono_us();
  bool all = now_us >= d->rescan_us;
  bool poked = atomic_exchange(&d->poked, false);
  if (!all && !poked) return;
  if (all) d->rescan_us = now_us + RESCAN_US;
  if (poked) fetch_poke(d->fetch);
  for (struct lanes_channel *c = lanes_channels(d->lanes); c; c = c->hh.next) {
    /* New rows have the highest ids, replayed ones do not. */
    if (all || c->rows == 0) c->cursor = 0;
    /* Where others commit too, a lower id may be seen later than a higher one. */
    if (store_is_shared(d->store)) c->cursor = id_before(c->cursor, LATE_MS);
    c->more = true;
  }
}

static void turn(struct deliver *d) {
  look_again(d);
  refresh_setup(d);
  settler_turn(d->settler, clock_mono_us());
  load(d);
  if (!settler_refused(d->settler)) {
    park_expired(d);
    begin_attempts(d);
  }
  int64_t wait_us = (int64_t)fetch_turn(d->fetch, d->conf) * 1000, now_us = clock_mono_us();
  if (wait_us > TURN_US) wait_us = TURN_US;
  wait_us = settler_wait_us(d->settler, now_us, wait_us);
  if (!settler_refused(d->settler)) wait_us = lanes_wait_us(d->lanes, now_us, clock_wall_ms(), wait_us);
  if (load_due(d, now_us)) wait_us = 0;
  if (d->load_again_us > now_us && d->load_again_us - now_us < wait_us) wait_us = d->load_again_us - now_us;
  note(d);
  outbound_run(d->outbound, (int)((wait_us + 999) / 1000));
}

static int64_t real_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is under way may still end well; nothing new begins. In real time even where tests fake the clock. */
static void wind_down(struct deliver *d) {
  for (int64_t until = real_ms() + d->stop_wait_ms; real_ms() < until;) {
    settler_turn(d->settler, clock_mono_us());
    bool settling = settler_in_store(d->settler) > 0 || (settler_refused(d->settler) && !settler_trouble(d->settler));
    if (d->active == 0 && !settling && !fetch_settling(d->fetch)) break;
    note(d);
    outbound_run(d->outbound, 10);
  }
}

static void *run(void *arg) {
  struct deliver *d = arg;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  pthread_setname_np(pthread_self(), "deliver");
  while (!take_orders(d)) turn(d);
  wind_down(d);
  return NULL;
}

/* ---- for the others ---- */

static void wake_outbound(void *arg) {
  outbound_wake(arg);
}

struct deliver *deliver_start(void *ctx, struct store *store, const struct conf *conf) {
  struct deliver *d = mem_new(ctx, struct deliver);
  struct lanes_limits limits = limits_of(conf);
  d->store = store;
  d->next_conf = d->conf = conf;
  d->pool = mem_bytes(NULL, 1);
  d->outbound = outbound_new(NULL, ACTIVE_MAX);
  d->settler = settler_new(store, wake_outbound, d->outbound);
  d->lanes = lanes_new(NULL, &limits);
  d->fetch = fetch_new(NULL, store, d->outbound);
  pthread_mutex_init(&d->lock, NULL);
  pthread_cond_init(&d->taken, NULL);
  atomic_store(&d->poked, true);
  atomic_store(&d->count.last_progress_ms, clock_wall_ms());
  int error = pthread_create(&d->thread, NULL, run, d);
  if (error) fatal("cannot start the deliverer's thread: %s", strerror(error));
  return d;
}

void deliver_set_conf(struct deliver *d, const struct conf *conf) {
  pthread_mutex_lock(&d->lock);
  d->next_conf = conf;
  outbound_wake(d->outbound);
  while (d->next_conf && !d->stopping) pthread_cond_wait(&d->taken, &d->lock);
  pthread_mutex_unlock(&d->lock);
}

void deliver_wake(struct deliver *d) {
  if (!atomic_exchange(&d->poked, true)) outbound_wake(d->outbound);
}

void deliver_stop(struct deliver *d, int64_t deadline_ms) {
  pthread_mutex_lock(&d->lock);
  d->stopping = true;
  d->stop_wait_ms = deadline_ms;
  outbound_wake(d->outbound);
  pthread_cond_broadcast(&d->taken);
  pthread_mutex_unlock(&d->lock);
  pthread_join(d->thread, NULL);
  if (d->registry) registry_put(d->registry);
  bool settled = settler_free(d->settler);
  d->breaking = true;
  fetch_stop(d->fetch);
  outbound_free(d->outbound);
  /* Jobs that the store still holds point into all of this; the process is about to end, so they may keep it. */
  if (!fetch_free(d->fetch) || !settled) {
    talloc_steal(NULL, d);
    return;
  }
  lanes_free(d->lanes);
  mem_free(d->pool);
  pthread_mutex_destroy(&d->lock);
  pthread_cond_destroy(&d->taken);
  mem_free(d);
}

void deliver_stats(struct deliver *d, struct deliver_stats *ret) {
  *ret = (struct deliver_stats){
      .attempts = atomic_load(&d->count.attempts),
      .delivered = atomic_load(&d->count.delivered),
      .failed = atomic_load(&d->count.failed),
      .parked = atomic_load(&d->count.parked),
      .age_ms_total = atomic_load(&d->count.age_ms_total),
      .active = atomic_load(&d->count.active),
      .loaded = atomic_load(&d->count.loaded),
      .channels_failing = atomic_load(&d->count.failing),
      .last_progress_ms = atomic_load(&d->count.last_progress_ms),
  };
}
