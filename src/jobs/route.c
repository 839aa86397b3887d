/* Routing's thread. Owns a world of core/routing, loaded at the start and kept up to date from the event log; a change
 * of the setup loads it anew. Decisions are proposals: a job of the store looks at the rows again, and what it refuses
 * is read anew here. Timers are rows of the store, by the wall clock.
 * Waits for its own commits. When the store is full or down the round is over, and the next one finds the same rows.
 * A commit of another process is found by looking once a second. */
#include "jobs/route.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/assign.h"
#include "store/event.h"
#include "store/opening.h"
#include "store/routing.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define OFFERS_MAX 256  /* in one commit */
#define DUE_MAX    100  /* the same */
#define FRESH_MAX  64   /* instances told of since the last round; more: all are looked at */
#define GAP_MS     2    /* from one round to the next: many commits are followed at once */
#define ROUNDS_MAX 1000 /* commits of one round: settings and the end have their turn */

struct place {
  int64_t instance_id, number; /* of the last event that the world knows */
};

struct route {
  struct store *store;
  struct routing *world;
  const struct registry *registry; /* the setup that the world was loaded with */
  struct place *places;
  int place_count;
  int64_t opening_at; /* the next opening or closing of a service; 0 none */

  pthread_t thread;
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t wake;
  bool news, stopping;
  int64_t fresh[FRESH_MAX];
  int fresh_count; /* FRESH_MAX + 1: all */
  struct assign_conf conf;
  struct route_stats stats;
};

/* ---- the world ---- */

static int64_t next_opening(const struct registry *registry, int64_t now_ms) {
  int64_t next = 0;
  for (int i = 0; i < registry->service_count; i++) {
    int64_t at = opening_next(registry, &registry->services[i], now_ms);
    if (at && (!next || at < next)) next = at;
  }
  return next;
}

/* All anew, from one snapshot. False when the store cannot be read: the old one stays. */
static bool load(struct route *r, int64_t now_ms) {
  const struct registry *registry = registry_get(r->store);
  if (!registry) return false;
  struct routing *world = routing_new(NULL);
  struct place *places = mem_array(r, struct place, (size_t)registry->instance_count + 1);
  struct db *db = store_read_begin(r->store);
  for (int i = 0; i < registry->instance_count; i++)
    places[i] = (struct place){registry->instances[i].id, event_last(db, registry->instances[i].id)};
  routing_load(db, registry, 0, now_ms, world);
  bool ok = !db_failed(db);
  store_read_end(r->store, db);
  if (!ok) {
    routing_free(world);
    mem_free(places);
    registry_put(registry);
    return false;
  }
  routing_free(r->world);
  mem_free(r->places);
  registry_put(r->registry);
  r->world = world;
  r->registry = registry;
  r->places = places;
  r->place_count = registry->instance_count;
  r->opening_at = next_opening(registry, now_ms);
  return true;
}

static bool is_stale(const struct route *r, int64_t now_ms) {
  return !r->world || r->registry->epoch != store_epoch(r->store) || routing_wants_more(r->world) ||
         (r->opening_at && r->opening_at <= now_ms);
}

/* Which instances there is news of; all of them when nobody was told. */
struct fresh {
  int64_t ids[FRESH_MAX];
  int count;
  bool all;
};

static bool is_fresh(const struct fresh *f, int64_t instance_id) {
  for (int i = 0; !f->all && i < f->count; i++)
    if (f->ids[i] == instance_id) return true;
  return f->all;
}

static void follow(struct route *r, const struct fresh *fresh, int64_t now_ms) {
  for (int i = 0; i < r->place_count; i++) {
    bool more = is_fresh(fresh, r->places[i].instance_id);
    while (more) {
      struct db *db = store_read_begin(r->store);
      r->places[i].number =
          routing_follow(db, r->registry, r->places[i].instance_id, r->places[i].number, now_ms, r->world, &more);
      more = more && !db_failed(db);
      store_read_end(r->store, db);
    }
  }
}

/* ---- what falls due ---- */

struct due_job {
  const struct registry *registry;
  struct assign_conf conf;
  struct due list[DUE_MAX];
  int count;
  int64_t now_ms;
};

static enum job_result due_run(struct db *tx, void *arg) {
  const struct due_job *j = arg;
  for (int i = 0; i < j->count; i++)
    if (!assign_due(tx, j->registry, &j->conf, &j->list[i], j->now_ms)) return JOB_REJECT;
  return JOB_COMMIT;
}

/* Returns how many were done; 0 also when the store does not take it. */
static int do_due(struct route *r, int64_t now_ms, int64_t *ret_next) {
  struct due_job *j = mem_new(NULL, struct due_job);
  struct db *db = store_read_begin(r->store);
  j->count = due_list(db, now_ms, j->list, DUE_MAX);
  *ret_next = j->count == DUE_MAX ? now_ms : due_next(db);
  store_read_end(r->store, db);
  j->registry = r->registry;
  j->now_ms = now_ms;
  pthread_mutex_lock(&r->lock);
  j->conf = r->conf;
  pthread_mutex_unlock(&r->lock);
  int done = j->count;
  if (done) {
    enum store_result result = store_run_now(r->store, due_run, j);
    if (result != STORE_OK) {
      log_at(LOG_WARN, "route.due", log_i("count", done), log_i("result", result));
      done = 0;
      *ret_next = now_ms + ROUTE_LOOK_MS;
    }
  }
  mem_free(j);
  pthread_mutex_lock(&r->lock);
  r->stats.due += (uint64_t)done;
  pthread_mutex_unlock(&r->lock);
  return done;
}

/* ---- offers ---- */

struct offers {
  const struct registry *registry;
  struct routing_offer list[OFFERS_MAX];
  bool made[OFFERS_MAX];
  int count;
  int64_t now_ms;
};

/* What the rows refuse is left as it is; the others are kept. */
static enum job_result offers_run(struct db *tx, void *arg) {
  struct offers *o = arg;
  for (int i = 0; i < o->count; i++) {
    const struct agent *agent = registry_agent(o->registry, o->list[i].agent_id);
    enum conversation_result r =
        agent ? assign_offer(tx, o->registry, agent->instance_id, &o->list[i], o->now_ms) : CONVERSATION_UNKNOWN;
    if (r == CONVERSATION_FAILED) return JOB_REJECT;
    o->made[i] = r == CONVERSATION_OK;
  }
  return JOB_COMMIT;
}

static void decide(struct route *r, struct offers *o) {
  int64_t longest = 0;
  while (o->count < OFFERS_MAX) {
    int64_t start = clock_mono_us();
    bool found = routing_next(r->world, o->now_ms, &o->list[o->count]);
    int64_t took = clock_mono_us() - start;
    if (took > longest) longest = took;
    if (!found) break;
    o->count++;
  }
  pthread_mutex_lock(&r->lock);
  if (longest > r->stats.decide_us_max) r->stats.decide_us_max = longest;
  pthread_mutex_unlock(&r->lock);
}

static void read_again(struct route *r, const struct offers *o, bool all) {
  struct db *db = store_read_begin(r->store);
  for (int i = 0; i < o->count; i++) {
    if (o->made[i] && !all) continue;
    routing_refresh(db, o->list[i].interaction_id, o->now_ms, r->world);
    routing_refresh_agent(db, r->registry, o->list[i].agent_id, r->world);
  }
  store_read_end(r->store, db);
}

/* Returns how many offers were made. */
static int make_offers(struct route *r, int64_t now_ms) {
  struct offers *o = mem_new(NULL, struct offers);
  int made = 0;
  o->registry = r->registry;
  o->now_ms = now_ms;
  decide(r, o);
  if (o->count) {
    enum store_result result = store_run_now(r->store, offers_run, o);
    for (int i = 0; i < o->count; i++) made += result == STORE_OK && o->made[i];
    if (made < o->count) read_again(r, o, result != STORE_OK);
    pthread_mutex_lock(&r->lock);
    r->stats.offers += (uint64_t)made;
    r->stats.refused += (uint64_t)(o->count - made);
    pthread_mutex_unlock(&r->lock);
    if (result != STORE_OK) log_at(LOG_WARN, "route.skipped", log_i("count", o->count), log_i("result", result));
  }
  mem_free(o);
  return made;
}

/* ---- rounds ---- */

static int64_t round_of(struct route *r, const struct fresh *told) {
  static const struct fresh all = {.all = true};
  int64_t now_ms = clock_wall_ms(), next = 0;
  for (int n = 0; n < ROUNDS_MAX; n++) {
    now_ms = clock_wall_ms();
    if (is_stale(r, now_ms) && !load(r, now_ms) && !r->world) return ROUTE_LOOK_MS;
    follow(r, n ? &all : told, now_ms);
    int done = do_due(r, now_ms, &next);
    if (done) follow(r, &all, now_ms);
    if (make_offers(r, now_ms) + done == 0) break;
  }
  int64_t look_at = routing_look_at(r->world), wait = ROUTE_LOOK_MS;
  const int64_t moments[] = {next, look_at, r->opening_at};
  for (size_t i = 0; i < ARRAY_LEN(moments); i++)
    if (moments[i] && moments[i] - now_ms < wait) wait = moments[i] - now_ms;
  return wait > 0 ? wait : 1;
}

int64_t route_round(struct route *r) {
  return round_of(r, &(struct fresh){.all = true});
}

/* Under the lock. A round that nobody asked for looks at everything. */
static void take_fresh(struct route *r, struct fresh *ret) {
  ret->all = !r->news || r->fresh_count > FRESH_MAX;
  ret->count = ret->all ? 0 : r->fresh_count;
  memcpy(ret->ids, r->fresh, (size_t)ret->count * sizeof *ret->ids);
  r->fresh_count = 0;
  r->news = false;
}

/* Under the lock, which is let go meanwhile. */
static void wait_ms(struct route *r, int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  int64_t ns = until.tv_nsec + ms * 1000000;
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *route_main(void *arg) {
  struct route *r = arg;
  pthread_setname_np(pthread_self(), "route");
  struct fresh fresh;
  pthread_mutex_lock(&r->lock);
  while (!r->stopping) {
    take_fresh(r, &fresh);
    pthread_mutex_unlock(&r->lock);
    int64_t rest_ms = round_of(r, &fresh);
    /* Under load there is always news: what is committed in the gap comes along in one round. */
    nanosleep(&(struct timespec){.tv_nsec = GAP_MS * 1000000}, NULL);
    pthread_mutex_lock(&r->lock);
    if (!r->stopping && !r->news && rest_ms > GAP_MS) wait_ms(r, rest_ms - GAP_MS);
  }
  pthread_mutex_unlock(&r->lock);
  return NULL;
}

void route_wake(struct route *r, int64_t instance_id) {
  pthread_mutex_lock(&r->lock);
  bool known = false;
  for (int i = 0; !known && i < r->fresh_count && i < FRESH_MAX; i++) known = r->fresh[i] == instance_id;
  if (!known && r->fresh_count < FRESH_MAX) r->fresh[r->fresh_count] = instance_id;
  if (!known && r->fresh_count <= FRESH_MAX) r->fresh_count++;
  if (!r->news) pthread_cond_signal(&r->wake);
  r->news = true;
  pthread_mutex_unlock(&r->lock);
}

void route_stats(struct route *r, struct route_stats *ret) {
  pthread_mutex_lock(&r->lock);
  *ret = r->stats;
  r->stats.decide_us_max = 0;
  pthread_mutex_unlock(&r->lock);
}

void route_set_conf(struct route *r, const struct conf *conf) {
  pthread_mutex_lock(&r->lock);
  r->conf = (struct assign_conf){.pause_ms = conf->offer_pause,
                                 .retention_ms = conf->delivery_retention,
                                 .grace_ms = conf->agent_grace,
                                 .gone_active = conf->agent_gone_active};
  pthread_mutex_unlock(&r->lock);
}

static int route_destroy(struct route *r) {
  routing_free(r->world);
  registry_put(r->registry);
  return 0;
}

static enum job_result all_gone_run(struct db *tx, void *arg) {
  const struct route *r = arg;
  return presence_all_gone(tx, &r->conf, clock_wall_ms()) ? JOB_COMMIT : JOB_REJECT;
}

struct route *route_new(void *ctx, struct store *store, const struct conf *conf) {
  struct route *r = mem_new(ctx, struct route);
  talloc_set_destructor(r, route_destroy);
  r->store = store;
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->wake, NULL);
  route_set_conf(r, conf);
  if (store_run_now(store, all_gone_run, r) != STORE_OK) log_at(LOG_WARN, "route.start", log_t("presence", "not read"));
  return r;
}

void route_start(struct route *r) {
  if (pthread_create(&r->thread, NULL, route_main, r) != 0) fatal("cannot start the thread of routing");
}

void route_stop(struct route *r) {
  pthread_mutex_lock(&r->lock);
  r->stopping = true;
  pthread_cond_signal(&r->wake);
  pthread_mutex_unlock(&r->lock);
  pthread_join(r->thread, NULL);
}
