/* Reading the world: setup from the registry, the rest from rows. Nothing is written here. On any reader, one thread at
 * a time for each world. */
#include "store/routing.h"

#include "base/id.h"
#include "base/mem.h"
#include "core/interaction.h"
#include "store/event.h"
#include "store/opening.h"
#include "store/presence.h"

#include <string.h>

#define RECENT_MS INT64_C(86400000)
#define NEWS_MAX  1000

/* ---- the setup ---- */

static const struct routing_level *levels_of(void *ctx, const struct level_slice *slice) {
  struct routing_level *out = mem_array(ctx, struct routing_level, (size_t)slice->count + 1);
  for (int i = 0; i < slice->count; i++)
    out[i] = (struct routing_level){.id = slice->items[i].id, .level = slice->items[i].level};
  return out;
}

static void load_service(struct routing *r, const struct registry *registry, const struct service *s, int64_t now_ms) {
  void *pool = mem_pool(NULL, 1024);
  routing_set_service(r, &(struct routing_service){.id = s->id,
                                                   .instance_id = s->instance_id,
                                                   .medium = (int64_t)s->medium,
                                                   .weight = s->weight,
                                                   .strategy = s->strategy,
                                                   .open = opening_now(registry, s, now_ms),
                                                   .skills = levels_of(pool, &s->skills),
                                                   .skill_count = s->skills.count});
  mem_free(pool);
}

static void load_agent(struct routing *r, const struct registry *registry, const struct agent *a,
                       const struct presence *p) {
  void *pool = mem_pool(NULL, 1024);
  struct routing_agent in = {.id = a->id,
                             .instance_id = a->instance_id,
                             .ready = a->enabled && p && presence_kind(registry, p) == STATE_READY,
                             .idle_since = p ? p->idle_since : 0,
                             .capacity = a->capacity,
                             .skills = levels_of(pool, &a->skills),
                             .skill_count = a->skills.count,
                             .services = levels_of(pool, &a->services),
                             .service_count = a->services.count};
  memcpy(in.most, a->medium_most, sizeof in.most);
  routing_set_agent(r, &in);
  mem_free(pool);
}

static void load_agents(struct db *db, struct routing *r, const struct registry *registry, int64_t instance_id) {
  int max = registry->agent_count, n, at = 0;
  void *pool = talloc_new(NULL);
  struct presence *list = mem_array(pool, struct presence, (size_t)max + 1);
  n = presence_list(db, pool, instance_id, list, max);
  for (int i = 0; i < registry->agent_count; i++) {
    const struct agent *a = &registry->agents[i];
    if (a->instance_id != instance_id) continue;
    while (at < n && list[at].agent_id < a->id) at++;
    load_agent(r, registry, a, at < n && list[at].agent_id == a->id ? &list[at] : NULL);
  }
  mem_free(pool);
}

/* ---- interactions ---- */

static void put_item(struct routing *r, const struct db_rows *rows, int64_t id) {
  enum interaction_state state = (enum interaction_state)col_int(rows, 1);
  int64_t agent_id = col_int(rows, 2), medium = col_int(rows, 6);
  bool waits = state == INTERACTION_QUEUED;
  bool held = state == INTERACTION_OFFERED || state == INTERACTION_ACTIVE || state == INTERACTION_WRAPUP;
  if (!waits && (!held || !agent_id)) {
    routing_drop(r, id);
    return;
  }
  routing_put(r, &(struct routing_item){.id = id,
                                        .service_id = col_int(rows, 0),
                                        .agent_id = waits ? 0 : agent_id,
                                        .priority = col_int(rows, 3),
                                        .front = col_int(rows, 4) != 0,
                                        .queued_at = col_int(rows, 5),
                                        .medium = medium >= 0 && medium < MEDIUM_COUNT ? medium : 0,
                                        .weight = col_int(rows, 7),
                                        .prefer = waits ? col_int(rows, 8) : 0});
}

static void load_items(struct db *db, struct routing *r, int64_t instance_id) {
  static const enum interaction_state states[] = {INTERACTION_QUEUED, INTERACTION_OFFERED, INTERACTION_ACTIVE,
                                                  INTERACTION_WRAPUP};
  for (size_t i = 0; i < ARRAY_LEN(states); i++) {
    struct db_rows rows;
    db_open(db, &rows, Q_ROUTING_ITEM_ALL, v_int(instance_id), v_int((int64_t)states[i]));
    while (db_next(&rows)) put_item(r, &rows, col_int(&rows, 9));
    db_close(&rows);
  }
}

static void load_refusals(struct db *db, struct routing *r, int64_t instance_id, int64_t now_ms) {
  struct db_rows rows;
  db_open(db, &rows, Q_REFUSAL_ALL, v_int(now_ms), v_int(instance_id));
  while (db_next(&rows)) routing_refuse(r, col_int(&rows, 0), col_int(&rows, 1), col_int(&rows, 2));
  db_close(&rows);
}

void routing_load(struct db *db, const struct registry *registry, int64_t instance_id, int64_t now_ms,
                  struct routing *ret) {
  for (int i = 0; i < registry->service_count; i++)
    if (!instance_id || registry->services[i].instance_id == instance_id)
      load_service(ret, registry, &registry->services[i], now_ms);
  for (int i = 0; i < registry->instance_count; i++) {
    int64_t id = registry->instances[i].id;
    if (instance_id && id != instance_id) continue;
    load_agents(db, ret, registry, id);
    load_items(db, ret, id);
    load_refusals(db, ret, id, now_ms);
  }
}

void routing_refresh(struct db *db, int64_t interaction_id, int64_t now_ms, struct routing *r) {
  struct db_rows rows;
  db_open(db, &rows, Q_ROUTING_ITEM_GET, v_int(interaction_id));
  bool found = db_next(&rows);
  if (found) put_item(r, &rows, interaction_id);
  db_close(&rows);
  if (!found && !db_failed(db)) routing_drop(r, interaction_id);
  db_open(db, &rows, Q_REFUSAL_OF, v_int(interaction_id), v_int(now_ms));
  while (found && db_next(&rows)) routing_refuse(r, interaction_id, col_int(&rows, 0), col_int(&rows, 1));
  db_close(&rows);
}

/* Offers and their ends change the agents' idleness and refusals too; all are looked up after the cursor is closed. */
struct changes {
  int64_t agents[NEWS_MAX], refused[NEWS_MAX];
  int agent_count, refused_count;
};

static void add_once(int64_t *list, int *count, int64_t id) {
  for (int i = 0; i < *count; i++)
    if (list[i] == id) return;
  list[(*count)++] = id;
}

int64_t routing_follow(struct db *db, const struct registry *registry, int64_t instance_id, int64_t after,
                       int64_t now_ms, struct routing *r, bool *ret_more) {
  struct db_rows rows;
  struct changes *c = mem_new(NULL, struct changes);
  int64_t floor = instance_id << EVENT_NUMBER_BITS, last = event_last(db, instance_id);
  int n = 0;
  db_open(db, &rows, Q_ROUTING_NEWS, v_int(floor + after), v_int(floor + last + 1), v_int(NEWS_MAX));
  for (; n < NEWS_MAX && db_next(&rows); n++) {
    enum event_kind kind = (enum event_kind)col_int(&rows, 11);
    int64_t id = col_int(&rows, 9), agent_id = col_int(&rows, 12);
    after = col_int(&rows, 10) - floor;
    if (id) put_item(r, &rows, id);
    if (agent_id) add_once(c->agents, &c->agent_count, agent_id);
    if (id && (kind == EVENT_INTERACTION_DECLINED || kind == EVENT_INTERACTION_OFFER_EXPIRED ||
               kind == EVENT_INTERACTION_TRANSFERRED))
      add_once(c->refused, &c->refused_count, id);
  }
  db_close(&rows);
  for (int i = 0; i < c->refused_count; i++) routing_refresh(db, c->refused[i], now_ms, r);
  for (int i = 0; i < c->agent_count; i++) routing_refresh_agent(db, registry, c->agents[i], r);
  mem_free(c);
  *ret_more = n == NEWS_MAX;
  return n == NEWS_MAX || db_failed(db) ? after : last;
}

void routing_refresh_agent(struct db *db, const struct registry *registry, int64_t agent_id, struct routing *r) {
  const struct agent *a = registry_agent(registry, agent_id);
  struct presence p;
  void *pool = mem_pool(NULL, 512);
  presence_get(db, pool, agent_id, &p);
  if (a) routing_set_presence(r, agent_id, a->enabled && presence_kind(registry, &p) == STATE_READY, p.idle_since);
  mem_free(pool);
}

int64_t routing_mean_ms(struct db *db, int64_t instance_id, int64_t service_id, int64_t now_ms) {
  /* By ids, which rise with time: an index stands on them. */
  return db_int(db, Q_ROUTING_MEAN, 0, v_int(instance_id), v_int(service_id), v_int(id_floor_at(now_ms - RECENT_MS)));
}
