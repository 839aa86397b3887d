/* Decisions of routing, measured two ways: in memory (core/routing alone), and in the embedded store, from the commit
 * that lets something wait or frees an agent to the commit of the offer. Prints one JSON object.
 *   bench-route --dir DIR [--agents 1000] [--services 50] [--waiting 5000] [--decisions 200000] [--stored 300] */
#include "jobs/route.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/assign.h"
#include "store/routing.h"
#include "store/setup.h"

#include <getopt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START INT64_C(1763640300000)

static struct {
  const char *dir;
  int64_t agents, services, waiting, decisions, stored;
} o = {.agents = 1000, .services = 50, .waiting = 5000, .decisions = 200000, .stored = 300};

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* Of sorted ones. */
static int64_t at_share(const int64_t *took, int64_t count, double share) {
  return took[(int64_t)((double)(count - 1) * share)];
}

/* ---- in memory ---- */

static void fill(struct routing *r) {
  for (int64_t id = 1; id <= o.services; id++)
    routing_set_service(
        r,
        &(struct routing_service){
            .id = id, .instance_id = 1, .weight = 1, .strategy = (enum strategy)(id % STRATEGY_COUNT), .open = true});
  struct routing_level *services = mem_array(r, struct routing_level, (size_t)o.services);
  for (int64_t id = 1; id <= o.agents; id++) {
    for (int64_t s = 0; s < o.services; s++) services[s] = (struct routing_level){s + 1, 1 + (id + s) % 5};
    routing_set_agent(r, &(struct routing_agent){.id = id,
                                                 .instance_id = 1,
                                                 .ready = true,
                                                 .idle_since = START + id,
                                                 .capacity = 3,
                                                 .most = {-1, -1, -1, -1, -1},
                                                 .services = services,
                                                 .service_count = (int)o.services});
  }
}

static void wait_one(struct routing *r, int64_t id) {
  routing_put(r, &(struct routing_item){
                     .id = id, .service_id = 1 + id % o.services, .priority = 1 + id % 3, .queued_at = START + id});
}

/* Everybody serves everything and is busy, thousands wait; one ends, the next is decided: with what the world has to do
 * for the end. */
static void in_memory(void) {
  struct routing *r = routing_new(NULL);
  struct routing_offer offer;
  fill(r);
  int64_t id = 0, held = o.agents * 3, *queue = mem_array(NULL, int64_t, (size_t)(held + o.decisions)), first = 0,
          last = 0;
  while (id < held + o.waiting) wait_one(r, ++id);
  while (routing_next(r, START, &offer)) queue[last++] = offer.interaction_id;
  int64_t *took = mem_array(NULL, int64_t, (size_t)o.decisions), all = 0;
  for (int64_t n = 0; n < o.decisions; n++) {
    int64_t start = now_ns();
    routing_drop(r, queue[first++]);
    if (!routing_next(r, START + n, &offer)) panic("a freed place was not filled");
    took[n] = now_ns() - start;
    all += took[n];
    queue[last++] = offer.interaction_id;
    wait_one(r, ++id);
  }
  qsort(took, (size_t)o.decisions, sizeof *took, by_value);
  printf("\"memory\":{\"rate\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f}",
         (double)o.decisions * 1e9 / (double)all, (double)at_share(took, o.decisions, 0.5) / 1e3,
         (double)at_share(took, o.decisions, 0.99) / 1e3, (double)took[o.decisions - 1] / 1e3);
  mem_free(took);
  mem_free(queue);
  routing_free(r);
}

/* ---- in the store ---- */

struct centre {
  struct store *store;
  const struct registry *registry;
  int64_t from, count; /* of what a job does */
};

static enum job_result people_run(struct db *tx, void *arg) {
  const struct centre *c = arg;
  const struct assign_conf conf = {.pause_ms = 1000};
  const struct agent_state *ready = registry_state_of_kind(c->registry, 1, STATE_READY);
  for (int i = 0; i < c->registry->agent_count; i++)
    if (c->registry->agents[i].services.count &&
        !presence_set(tx, c->registry, &conf, c->registry->agents[i].id, ready, "", NULL, clock_wall_ms()))
      return JOB_REJECT;
  return JOB_COMMIT;
}

static enum job_result messages_run(struct db *tx, void *arg) {
  const struct centre *c = arg;
  for (int64_t n = c->from; n < c->from + c->count; n++) {
    char id[24];
    snprintf(id, sizeof id, "c%lld", (long long)n);
    const struct message_in m = {.ext_id = id,
                                 .created_at = START / 1000,
                                 .customer_id = id,
                                 .sender = {.type = PARTY_HUMAN, .id = id},
                                 .text = "Hello"};
    const struct channel *channel = &c->registry->channels[n % c->registry->channel_count];
    if (conversation_receive(tx, c->registry, channel, &m, clock_wall_ms()) != CONVERSATION_OK) return JOB_REJECT;
  }
  return JOB_COMMIT;
}

static enum job_result end_run(struct db *tx, void *arg) {
  const struct centre *c = arg;
  const struct actor token = {.display_name = "bench"};
  return conversation_close(tx, c->registry, 1, c->from, &token, &(struct close_in){.retention_ms = 1000},
                            clock_wall_ms()) == CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static void need(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "bench-route: %s\n", what);
  exit(1);
}

/* A thousand passwords would take longer than all that is measured: the rows are written as they are. */
static void make_setup(void) {
  char file[600], *message = NULL, sql[400];
  sqlite3 *db;
  snprintf(file, sizeof file, "%s/guichet.db", o.dir);
  need(sqlite3_open(file, &db) == SQLITE_OK, "the store cannot be opened");
  snprintf(
      sql, sizeof sql,
      "WITH RECURSIVE n(i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM n WHERE i < 100 + %lld)"
      " INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile, enabled, created_at)"
      " SELECT i, 1, 'a' || i, '', '', '', 0, 1, 1 FROM n",
      (long long)o.agents);
  bool ok = sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK;
  if (ok)
    ok = sqlite3_exec(db,
                      "INSERT INTO agent_service SELECT a.id, s.id, 1 + (a.id + s.id) % 5 FROM agent a, service s"
                      " WHERE a.id > 100 AND s.name <> 'Default'",
                      NULL, NULL, &message) == SQLITE_OK;
  need(ok, message ? message : "the setup is not stored");
  sqlite3_close(db);
}

static void make_services(struct store *store) {
  char err[256], client[CLIENT_ID_LEN], secret[CLIENT_SECRET_LEN];
  for (int64_t s = 0; s < o.services; s++) {
    char name[24];
    int64_t id, channel;
    snprintf(name, sizeof name, "s%lld", (long long)s);
    need(setup_service_create(store, 1, name, 1 + s % 3, &id, err), err);
    const struct setup_channel c = {.name = name, .webhook_url = "", .service_id = id};
    need(setup_channel_create(store, 1, CHANNEL_KIAMO_IO, &c, &channel, client, secret, err), err);
  }
}

static int64_t held_by(struct store *store, int64_t after) {
  struct interaction list[1];
  void *pool = mem_pool(NULL, 4096);
  struct db *db = store_read_begin(store);
  const struct interaction_filter f = {.state = INTERACTION_OFFERED, .after = after};
  int n = interaction_list(db, pool, 1, &f, list, 1);
  store_read_end(store, db);
  int64_t id = n ? list[0].id : 0;
  mem_free(pool);
  return id;
}

static void in_store(void) {
  static const struct conf conf = {.offer_pause = 60000, .agent_grace = 30000, .delivery_retention = 1000};
  const struct store_options options = {.dir = o.dir, .mode = STORE_SERVE, .queue_max = 4096};
  char err[256];
  need(store_create(o.dir, "Bench", err), err);
  struct centre c = {.store = store_open(NULL, &options, err)};
  need(c.store != NULL, err);
  make_services(c.store);
  make_setup();
  store_epoch_raise(c.store);
  c.registry = registry_get(c.store);
  need(store_run_now(c.store, people_run, &c) == STORE_OK, "nobody is ready");
  int64_t total = o.agents * 3 + o.waiting;
  for (c.from = 0; c.from < total; c.from += c.count) {
    c.count = total - c.from < 500 ? total - c.from : 500;
    need(store_run_now(c.store, messages_run, &c) == STORE_OK, "messages are not stored");
  }
  struct route *route = route_new(NULL, c.store, &conf);
  int64_t begin = now_ns();
  route_round(route);
  int64_t filling = now_ns() - begin;
  struct route_stats st;
  route_stats(route, &st);
  int64_t offers = (int64_t)st.offers, *took = mem_array(NULL, int64_t, (size_t)o.stored), id = 0;
  for (int64_t n = 0; n < o.stored; n++) {
    id = held_by(c.store, id);
    need(id != 0, "nothing is offered to anybody");
    c.from = id;
    need(store_run_now(c.store, end_run, &c) == STORE_OK, "an end is not stored");
    int64_t start = now_ns();
    route_round(route); /* until the commit of the offer */
    took[n] = now_ns() - start;
  }
  route_stats(route, &st);
  need((int64_t)st.offers == offers + o.stored, "a freed place was not filled");
  qsort(took, (size_t)o.stored, sizeof *took, by_value);
  printf(",\"store\":{\"offers\":%lld,\"rate\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"decide_max_us\":%lld}",
         (long long)offers, (double)offers * 1e9 / (double)filling, (double)at_share(took, o.stored, 0.5) / 1e6,
         (double)at_share(took, o.stored, 0.99) / 1e6, (long long)st.decide_us_max);
  mem_free(took);
  mem_free(route);
  registry_put(c.registry);
  registry_forget();
  store_close(c.store);
}

int main(int argc, char **argv) {
  static const struct option flags[] = {{"dir", 1, NULL, 'd'},
                                        {"agents", 1, NULL, 'a'},
                                        {"services", 1, NULL, 's'},
                                        {"waiting", 1, NULL, 'w'},
                                        {"decisions", 1, NULL, 'n'},
                                        {"stored", 1, NULL, 't'},
                                        {0}};
  for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) >= 0;) {
    int64_t n = optarg && c != 'd' ? strtoll(optarg, NULL, 10) : 0;
    switch (c) {
    case 'd': o.dir = optarg; break;
    case 'a': o.agents = n; break;
    case 's': o.services = n; break;
    case 'w': o.waiting = n; break;
    case 'n': o.decisions = n; break;
    case 't': o.stored = n; break;
    default: return 2;
    }
  }
  mem_init();
  secret_init();
  log_set_level(LOG_ERROR);
  printf("{");
  in_memory();
  if (o.dir) in_store();
  printf("}\n");
  return 0;
}
