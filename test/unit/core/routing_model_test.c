/* core/routing against a model that looks at everything each time: random histories of logins, states, messages,
 * accepts, declines, offers that pass, transfers, ends and changes of the setup. After each step every decision must be
 * the model's, nobody is above capacity by a decision, nothing waits while somebody may have it. */
#include "core/routing.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AGENTS   12
#define SERVICES 4
#define ITEMS    40
#define SKILLS   3
#define START    INT64_C(1763640300000)

struct m_service {
  int64_t medium, weight, need[SKILLS];
  enum strategy strategy;
  bool open;
};
struct m_agent {
  bool there, ready;
  int64_t capacity, most[MEDIUM_COUNT], level[SERVICES], skill[SKILLS], idle_since;
};
struct m_item {
  int64_t id;          /* 0: free place */
  int service, holder; /* -1: waits */
  int64_t priority, queued_at, medium, weight, prefer;
  bool front;
  int64_t refused[AGENTS];
};
struct model {
  uint64_t seed, digest;
  int64_t now, ids;
  struct m_service services[SERVICES];
  struct m_agent agents[AGENTS];
  struct m_item items[ITEMS];
  struct routing *r;
  int decisions;
};

static uint64_t random_of(struct model *m) {
  m->seed ^= m->seed << 13;
  m->seed ^= m->seed >> 7;
  m->seed ^= m->seed << 17;
  return m->seed;
}
static int below(struct model *m, int n) {
  return (int)(random_of(m) % (uint64_t)n);
}

/* ---- the model's own answers ---- */

static int64_t used(const struct model *m, int agent) {
  int64_t sum = 0;
  for (int i = 0; i < ITEMS; i++)
    if (m->items[i].id && m->items[i].holder == agent) sum += m->items[i].weight;
  return sum;
}
static int64_t held(const struct model *m, int agent, int64_t medium) {
  int64_t n = 0;
  for (int i = 0; i < ITEMS; i++) n += m->items[i].id && m->items[i].holder == agent && m->items[i].medium == medium;
  return n;
}

static bool may(const struct model *m, int agent, const struct m_item *it) {
  const struct m_agent *a = &m->agents[agent];
  const struct m_service *s = &m->services[it->service];
  bool ok = s->open && a->there && a->ready && a->level[it->service] && it->refused[agent] <= m->now &&
            used(m, agent) + s->weight <= a->capacity &&
            (a->most[s->medium] < 0 || held(m, agent, s->medium) < a->most[s->medium]);
  for (int k = 0; ok && k < SKILLS; k++) ok = a->skill[k] >= s->need[k];
  return ok;
}

static int64_t score(const struct model *m, int agent, int service) {
  int64_t sum = m->agents[agent].level[service];
  for (int k = 0; k < SKILLS; k++)
    if (m->services[service].need[k]) sum += m->agents[agent].skill[k];
  return sum;
}

/* Is a to be chosen rather than b? */
static bool better(const struct model *m, const struct m_item *it, int a, int b) {
  const struct m_agent *x = &m->agents[a], *y = &m->agents[b];
  enum strategy s = m->services[it->service].strategy;
  if ((it->prefer == a + 1) != (it->prefer == b + 1)) return it->prefer == a + 1;
  int64_t sx = score(m, a, it->service), sy = score(m, b, it->service);
  if (s == STRATEGY_BEST_SKILL && sx != sy) return sx > sy;
  int64_t lx = used(m, a) * y->capacity, ly = used(m, b) * x->capacity;
  if (s != STRATEGY_LONGEST_IDLE && lx != ly) return lx < ly;
  return x->idle_since != y->idle_since ? x->idle_since < y->idle_since : a < b;
}

static bool before(const struct m_item *a, const struct m_item *b) {
  if (a->priority != b->priority) return a->priority < b->priority;
  if (a->front != b->front) return a->front;
  return a->queued_at != b->queued_at ? a->queued_at < b->queued_at : a->id < b->id;
}

static struct m_item *expected(struct model *m, int *ret_agent) {
  struct m_item *first = NULL;
  for (int i = 0; i < ITEMS; i++) {
    struct m_item *it = &m->items[i];
    if (!it->id || it->holder >= 0 || (first && !before(it, first))) continue;
    int best = -1;
    for (int a = 0; a < AGENTS; a++)
      if (may(m, a, it) && (best < 0 || better(m, it, a, best))) best = a;
    if (best < 0) continue;
    first = it;
    *ret_agent = best;
  }
  return first;
}

/* ---- telling the world ---- */

static void tell_item(struct model *m, const struct m_item *it) {
  routing_put(m->r, &(struct routing_item){.id = it->id,
                                           .service_id = it->service + 1,
                                           .agent_id = it->holder + 1,
                                           .priority = it->priority,
                                           .front = it->front,
                                           .queued_at = it->queued_at,
                                           .medium = it->medium,
                                           .weight = it->weight,
                                           .prefer = it->prefer});
}

static void tell_service(struct model *m, int n) {
  struct m_service *s = &m->services[n];
  struct routing_level skills[SKILLS];
  int count = 0;
  for (int k = 0; k < SKILLS; k++)
    if (s->need[k]) skills[count++] = (struct routing_level){k + 1, s->need[k]};
  routing_set_service(m->r, &(struct routing_service){.id = n + 1,
                                                      .instance_id = 1,
                                                      .medium = s->medium,
                                                      .weight = s->weight,
                                                      .strategy = s->strategy,
                                                      .open = s->open,
                                                      .skills = skills,
                                                      .skill_count = count});
}

static void tell_agent(struct model *m, int n) {
  struct m_agent *a = &m->agents[n];
  struct routing_level skills[SKILLS], services[SERVICES];
  int skill_count = 0, service_count = 0;
  for (int k = 0; k < SKILLS; k++)
    if (a->skill[k]) skills[skill_count++] = (struct routing_level){k + 1, a->skill[k]};
  for (int k = 0; k < SERVICES; k++)
    if (a->level[k]) services[service_count++] = (struct routing_level){k + 1, a->level[k]};
  struct routing_agent in = {.id = n + 1,
                             .instance_id = 1,
                             .ready = a->ready,
                             .idle_since = a->idle_since,
                             .capacity = a->capacity,
                             .skills = skills,
                             .skill_count = skill_count,
                             .services = services,
                             .service_count = service_count};
  memcpy(in.most, a->most, sizeof in.most);
  if (a->there)
    routing_set_agent(m->r, &in);
  else
    routing_remove_agent(m->r, n + 1);
}

/* ---- what happens ---- */

static void change_service(struct model *m, int n) {
  struct m_service *s = &m->services[n];
  s->medium = below(m, MEDIUM_COUNT);
  s->weight = 1 + below(m, 3);
  s->strategy = (enum strategy)below(m, STRATEGY_COUNT);
  s->open = below(m, 5) != 0;
  for (int k = 0; k < SKILLS; k++) s->need[k] = below(m, 3) ? 0 : 1 + below(m, 4);
  tell_service(m, n);
}

static void change_agent(struct model *m, int n) {
  struct m_agent *a = &m->agents[n];
  a->there = below(m, 10) != 0;
  a->capacity = 1 + below(m, 6);
  for (int k = 0; k < MEDIUM_COUNT; k++) a->most[k] = below(m, 3) ? -1 : below(m, 3);
  for (int k = 0; k < SERVICES; k++) a->level[k] = below(m, 3) ? 1 + below(m, 5) : 0;
  for (int k = 0; k < SKILLS; k++) a->skill[k] = below(m, 2) ? 1 + below(m, 5) : 0;
  tell_agent(m, n);
}

static void change_state(struct model *m, int n) {
  m->agents[n].ready = below(m, 3) != 0;
  m->agents[n].idle_since = m->now;
  if (!m->agents[n].there) return;
  routing_set_presence(m->r, n + 1, m->agents[n].ready, m->now);
}

static struct m_item *any(struct model *m, bool waiting) {
  int from = below(m, ITEMS);
  for (int i = 0; i < ITEMS; i++) {
    struct m_item *it = &m->items[(from + i) % ITEMS];
    if (it->id && (it->holder < 0) == waiting) return it;
  }
  return NULL;
}

static void arrives(struct model *m) {
  for (int i = 0; i < ITEMS; i++) {
    struct m_item *it = &m->items[i];
    if (it->id) continue;
    *it = (struct m_item){.id = ++m->ids,
                          .service = below(m, SERVICES),
                          .holder = -1,
                          .priority = 1 + below(m, 2),
                          .queued_at = m->now,
                          .prefer = below(m, 4) ? 0 : 1 + below(m, AGENTS)};
    tell_item(m, it);
    return;
  }
}

static void back_to_the_queue(struct model *m, struct m_item *it, bool refused) {
  int agent = it->holder;
  it->holder = -1;
  it->front = true;
  tell_item(m, it);
  if (!refused) return;
  it->refused[agent] = m->now + 1 + below(m, 50);
  routing_refuse(m->r, it->id, agent + 1, it->refused[agent]);
}

static void ends(struct model *m, struct m_item *it) {
  int agent = it->holder;
  routing_drop(m->r, it->id);
  it->id = 0;
  if (agent < 0) return;
  m->agents[agent].idle_since = m->now;
  if (m->agents[agent].there) routing_set_presence(m->r, agent + 1, m->agents[agent].ready, m->now);
}

static void moves(struct model *m, struct m_item *it) {
  it->holder = -1;
  it->service = below(m, SERVICES);
  it->prefer = 0;
  it->front = false;
  tell_item(m, it);
}

/* Picked by hand, or handed to somebody: the world is told, room or not. */
static void taken(struct model *m, struct m_item *it) {
  int agent = below(m, AGENTS);
  if (used(m, agent) + m->services[it->service].weight > m->agents[agent].capacity) return;
  it->holder = agent;
  it->weight = m->services[it->service].weight;
  it->medium = m->services[it->service].medium;
  tell_item(m, it);
}

static void step(struct model *m) {
  int what = below(m, 100);
  struct m_item *it = any(m, what % 2 == 0);
  m->now += below(m, 20);
  if (what < 45)
    arrives(m);
  else if (what < 60)
    change_state(m, below(m, AGENTS));
  else if (what < 62)
    change_service(m, below(m, SERVICES));
  else if (what < 65)
    change_agent(m, below(m, AGENTS));
  else if (it && what < 75 && it->holder >= 0)
    back_to_the_queue(m, it, below(m, 2));
  else if (it && what < 90)
    ends(m, it);
  else if (it && what < 95)
    moves(m, it);
  else if (it && it->holder < 0)
    taken(m, it);
}

static void decide_and_compare(struct model *m) {
  for (;;) {
    int agent = -1;
    struct m_item *it = expected(m, &agent);
    struct routing_offer o = {.interaction_id = 0};
    bool found = routing_next(m->r, m->now, &o);
    assert_int_equal(found, it != NULL);
    if (!it) return;
    assert_int_equal(o.interaction_id, it->id);
    assert_int_equal(o.agent_id, agent + 1);
    assert_true(it->holder < 0); /* never two owners */
    it->holder = agent;
    it->weight = m->services[it->service].weight;
    it->medium = m->services[it->service].medium;
    m->agents[agent].idle_since = m->now;
    assert_true(used(m, agent) <= m->agents[agent].capacity);
    m->decisions++;
    m->digest = (m->digest ^ (uint64_t)(o.interaction_id * 1000 + o.agent_id)) * UINT64_C(1099511628211);
  }
}

static void compare_the_rest(struct model *m) {
  int64_t waiting[SERVICES] = {0};
  for (int a = 0; a < AGENTS; a++) assert_int_equal(routing_used(m->r, a + 1), used(m, a));
  for (int i = 0; i < ITEMS; i++) {
    struct m_item *it = &m->items[i];
    if (!it->id || it->holder >= 0) continue;
    waiting[it->service]++;
    int64_t position = 1;
    for (int k = 0; k < ITEMS; k++)
      position += k != i && m->items[k].id && m->items[k].holder < 0 && m->items[k].service == it->service &&
                  before(&m->items[k], it);
    assert_int_equal(routing_position(m->r, it->id), position);
    struct routing_verdict v[AGENTS];
    int n = routing_explain(m->r, it->id, m->now, v, AGENTS);
    for (int k = 0; k < n; k++) /* The service being closed is not the agent's fault. */
      if (m->services[it->service].open) assert_int_equal(v[k].eligible, may(m, (int)v[k].agent_id - 1, it));
  }
  for (int s = 0; s < SERVICES; s++) assert_int_equal(routing_waiting(m->r, s + 1), waiting[s]);
}

static uint64_t history(uint64_t seed, int steps, int *ret_decisions) {
  struct model *m = mem_new(NULL, struct model);
  m->seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
  m->now = START;
  m->r = routing_new(m);
  for (int s = 0; s < SERVICES; s++) change_service(m, s);
  for (int a = 0; a < AGENTS; a++) {
    change_agent(m, a);
    change_state(m, a);
  }
  for (int i = 0; i < steps; i++) {
    step(m);
    decide_and_compare(m);
    if (i % 8 == 0) compare_the_rest(m);
  }
  uint64_t digest = m->digest;
  *ret_decisions += m->decisions;
  mem_free(m);
  return digest;
}

static void random_histories_go_as_the_model(void **state) {
  (void)state;
  int decisions = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) history(seed, 1500, &decisions);
  assert_true(decisions > 10000);
}

static void the_same_seed_gives_the_same(void **state) {
  (void)state;
  int decisions = 0;
  uint64_t first = history(4711, 2000, &decisions);
  assert_true(first == history(4711, 2000, &decisions));
  assert_false(first == history(4712, 2000, &decisions));
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_histories_go_as_the_model),
      cmocka_unit_test(the_same_seed_gives_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
