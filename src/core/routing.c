/* The world and its decisions. A service keeps what waits in a treap, ordered by priority, front, age, and those of its
 * agents who could take one more in a heap, ordered by its strategy. Services that have both are hot; each knows its
 * own first pair until something about it changes, so that a decision compares a handful of pairs.
 * Owns copies of all it is told. Any thread, one at a time. */
#include "core/routing.h"

#include "base/fail.h"
#include "base/mem.h"
#include "core/routing_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- strategies ---- */

static int order(int64_t a, int64_t b) {
  return a < b ? -1 : a > b;
}
static int by_id(const struct member *a, const struct member *b) {
  return order(a->agent->id, b->agent->id);
}
static int by_idle(const struct member *a, const struct member *b) {
  int c = order(a->agent->idle_since, b->agent->idle_since);
  return c ? c : by_id(a, b);
}
static int by_load(const struct member *a, const struct member *b) {
  int c = order(a->agent->used * b->agent->capacity, b->agent->used * a->agent->capacity);
  return c ? c : by_idle(a, b);
}
static int by_skill(const struct member *a, const struct member *b) {
  int c = order(b->score, a->score);
  return c ? c : by_load(a, b);
}

/* Below 0: a comes first. */
static int (*const strategies[STRATEGY_COUNT])(const struct member *a, const struct member *b) = {
    [STRATEGY_LONGEST_IDLE] = by_idle,
    [STRATEGY_LEAST_LOADED] = by_load,
    [STRATEGY_BEST_SKILL] = by_skill,
};

bool routing_comes_first(const struct member *a, const struct member *b) {
  return strategies[a->service->strategy](a, b) < 0;
}

/* ---- the heap of those who could take one more ---- */

static void heap_set(struct service_node *s, int at, struct member *m) {
  s->heap[at] = m;
  m->heap_at = at;
}

static void heap_sift(struct service_node *s, int at) {
  struct member *m = s->heap[at];
  while (at > 0 && routing_comes_first(m, s->heap[(at - 1) / 2])) {
    heap_set(s, at, s->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  for (int child; (child = 2 * at + 1) < s->heap_count; at = child) {
    if (child + 1 < s->heap_count && routing_comes_first(s->heap[child + 1], s->heap[child])) child++;
    if (!routing_comes_first(s->heap[child], m)) break;
    heap_set(s, at, s->heap[child]);
  }
  heap_set(s, at, m);
}

static void heap_add(struct service_node *s, struct member *m) {
  if (s->heap_count == s->heap_room) {
    s->heap_room = s->heap_room ? 2 * s->heap_room : 8;
    s->heap = talloc_realloc(s, s->heap, struct member *, (unsigned)s->heap_room);
  }
  heap_set(s, s->heap_count++, m);
  heap_sift(s, m->heap_at);
}

static void heap_remove(struct service_node *s, struct member *m) {
  int at = m->heap_at;
  struct member *last = s->heap[--s->heap_count];
  m->heap_at = -1;
  if (last == m) return;
  heap_set(s, at, last);
  heap_sift(s, at);
}

/* ---- what waits: a treap ---- */

int routing_item_order(const struct item_node *a, const struct item_node *b) {
  int c = order(a->it.priority, b->it.priority);
  if (!c) c = order(b->it.front, a->it.front);
  if (!c) c = order(a->it.queued_at, b->it.queued_at);
  return c ? c : order(a->it.id, b->it.id);
}

static int64_t size_of(const struct item_node *n) {
  return n ? n->size : 0;
}

static struct item_node *sized(struct item_node *n) {
  n->size = 1 + size_of(n->left) + size_of(n->right);
  return n;
}

/* All of a stand before all of b. */
static struct item_node *merge(struct item_node *a, struct item_node *b) {
  if (!a || !b) return a ? a : b;
  if (a->rank < b->rank) {
    a->right = merge(a->right, b);
    return sized(a);
  }
  b->left = merge(a, b->left);
  return sized(b);
}

static void split(struct item_node *n, const struct item_node *key, struct item_node **before,
                  struct item_node **after) {
  if (!n) {
    *before = *after = NULL;
  } else if (routing_item_order(n, key) < 0) {
    split(n->right, key, &n->right, after);
    *before = sized(n);
  } else {
    split(n->left, key, before, &n->left);
    *after = sized(n);
  }
}

static struct item_node *without(struct item_node *n, const struct item_node *gone) {
  invariant(n != NULL);
  if (n == gone) return merge(n->left, n->right);
  if (routing_item_order(gone, n) < 0)
    n->left = without(n->left, gone);
  else
    n->right = without(n->right, gone);
  return sized(n);
}

/* The same for the same id, so that runs repeat; spread, so that the tree is level. */
static uint32_t rank_of(int64_t id) {
  uint64_t x = (uint64_t)id + UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)(x >> 32);
}

/* ---- hot services ---- */

/* Something about the service changed: who is hot, and its first pair is to be found anew. */
static void touch(struct routing *r, struct service_node *s) {
  bool hot = s->open && s->queue && s->heap_count > 0;
  s->looked = false;
  s->look_at = 0;
  if (hot && s->hot_at < 0) {
    if (r->hot_count == r->hot_room) {
      r->hot_room = r->hot_room ? 2 * r->hot_room : 16;
      r->hot = talloc_realloc(r, r->hot, struct service_node *, (unsigned)r->hot_room);
    }
    s->hot_at = r->hot_count;
    r->hot[r->hot_count++] = s;
  } else if (!hot && s->hot_at >= 0) {
    struct service_node *last = r->hot[--r->hot_count];
    r->hot[s->hot_at] = last;
    last->hot_at = s->hot_at;
    s->hot_at = -1;
  }
}

static bool has_room(const struct agent_node *a, int64_t weight, int64_t medium) {
  return a->used + weight <= a->capacity && (a->most[medium] < 0 || a->held[medium] < a->most[medium]);
}

static void member_update(struct routing *r, struct member *m) {
  struct service_node *s = m->service;
  if (!s || !s->known) return;
  bool able = m->skilled && m->agent->ready && has_room(m->agent, s->weight, s->medium);
  if (!able && m->heap_at < 0) return;
  if (!able)
    heap_remove(s, m);
  else if (m->heap_at < 0)
    heap_add(s, m);
  else
    heap_sift(s, m->heap_at);
  touch(r, s);
}

static void agent_update(struct routing *r, struct agent_node *a) {
  for (int i = 0; i < a->member_count; i++) member_update(r, &a->members[i]);
}

/* ---- agents and services ---- */

static int level_order(const void *a, const void *b) {
  return order(((const struct routing_level *)a)->id, ((const struct routing_level *)b)->id);
}

static struct routing_level *copy_levels(void *ctx, const struct routing_level *levels, int count) {
  struct routing_level *copy = mem_array(ctx, struct routing_level, (size_t)count + 1);
  if (count) memcpy(copy, levels, (size_t)count * sizeof *copy);
  qsort(copy, (size_t)count, sizeof *copy, level_order);
  return copy;
}

int64_t routing_level_in(const struct routing_level *levels, int count, int64_t id) {
  const struct routing_level key = {.id = id};
  const struct routing_level *found = bsearch(&key, levels, (size_t)count, sizeof key, level_order);
  return found ? found->level : 0;
}

static void member_score(struct member *m) {
  const struct service_node *s = m->service;
  m->score = m->level;
  m->skilled = true;
  for (int i = 0; i < s->skill_count; i++) {
    int64_t level = routing_level_in(m->agent->skills, m->agent->skill_count, s->skills[i].id);
    m->score += level;
    if (level < s->skills[i].level) m->skilled = false;
  }
}

static struct service_node *service_of(struct routing *r, int64_t id) {
  struct service_node *s = NULL;
  HASH_FIND(hh, r->services, &id, sizeof id, s);
  if (s) return s;
  s = mem_new(r, struct service_node);
  s->id = id;
  s->hot_at = -1;
  HASH_ADD(hh, r->services, id, sizeof id, s);
  return s;
}

static struct agent_node *agent_of(struct routing *r, int64_t id) {
  struct agent_node *a = NULL;
  HASH_FIND(hh, r->agents, &id, sizeof id, a);
  if (a) return a;
  a = mem_new(r, struct agent_node);
  a->id = id;
  HASH_ADD(hh, r->agents, id, sizeof id, a);
  return a;
}

void routing_set_service(struct routing *r, const struct routing_service *in) {
  struct service_node *s = service_of(r, in->id);
  invariant(in->medium >= 0 && in->medium < MEDIUM_COUNT && in->weight >= 0);
  /* The order of the heap may be another: begin with an empty one. */
  while (s->heap_count) heap_remove(s, s->heap[s->heap_count - 1]);
  mem_free(s->skills);
  s->known = true;
  s->instance_id = in->instance_id;
  s->medium = in->medium;
  s->weight = in->weight;
  s->strategy = in->strategy;
  s->open = in->open;
  s->skills = copy_levels(s, in->skills, in->skill_count);
  s->skill_count = in->skill_count;
  for (int i = 0; i < s->member_count; i++) {
    member_score(s->members[i]);
    member_update(r, s->members[i]);
  }
  touch(r, s);
}

void routing_set_open(struct routing *r, int64_t service_id, bool open) {
  struct service_node *s = service_of(r, service_id);
  if (s->open == open) return;
  s->open = open;
  touch(r, s);
}

static void members_leave(struct routing *r, struct agent_node *a) {
  for (int i = 0; i < a->member_count; i++) {
    struct member *m = &a->members[i];
    struct service_node *s = m->service;
    if (m->heap_at >= 0) heap_remove(s, m);
    struct member *last = s->members[--s->member_count];
    s->members[m->member_at] = last;
    last->member_at = m->member_at;
    touch(r, s);
  }
  mem_free(a->members);
  a->members = NULL;
  a->member_count = 0;
}

static void member_join(struct routing *r, struct agent_node *a, struct member *m, const struct routing_level *in) {
  struct service_node *s = service_of(r, in->id);
  *m = (struct member){.agent = a, .service = s, .service_id = in->id, .level = in->level, .heap_at = -1};
  if (s->member_count == s->member_room) {
    s->member_room = s->member_room ? 2 * s->member_room : 8;
    s->members = talloc_realloc(s, s->members, struct member *, (unsigned)s->member_room);
  }
  m->member_at = s->member_count;
  s->members[s->member_count++] = m;
  member_score(m);
}

void routing_set_agent(struct routing *r, const struct routing_agent *in) {
  struct agent_node *a = agent_of(r, in->id);
  members_leave(r, a);
  mem_free(a->skills);
  a->known = true;
  a->instance_id = in->instance_id;
  a->ready = in->ready;
  a->idle_since = in->idle_since;
  a->capacity = in->capacity;
  memcpy(a->most, in->most, sizeof a->most);
  a->skills = copy_levels(a, in->skills, in->skill_count);
  a->skill_count = in->skill_count;
  a->members = mem_array(a, struct member, (size_t)in->service_count + 1);
  a->member_count = in->service_count;
  for (int i = 0; i < in->service_count; i++) member_join(r, a, &a->members[i], &in->services[i]);
  agent_update(r, a);
}

void routing_set_presence(struct routing *r, int64_t agent_id, bool ready, int64_t idle_since) {
  struct agent_node *a = agent_of(r, agent_id);
  a->ready = ready;
  a->idle_since = idle_since;
  agent_update(r, a);
}

void routing_remove_agent(struct routing *r, int64_t agent_id) {
  struct agent_node *a = agent_of(r, agent_id);
  members_leave(r, a);
  a->ready = a->known = false;
}

/* ---- interactions ---- */

static void item_leave(struct routing *r, struct item_node *n) {
  if (n->queued) {
    n->service->queue = without(n->service->queue, n);
    n->queued = false;
    touch(r, n->service);
  } else if (n->it.agent_id) {
    struct agent_node *a = agent_of(r, n->it.agent_id);
    a->used -= n->it.weight;
    a->held[n->it.medium]--;
    agent_update(r, a);
  }
}

/* The last of a queue that is too long goes: what is kept are the first ones. */
static void keep_to_the_bound(struct routing *r, struct service_node *s) {
  struct item_node *last = s->queue;
  if (last->size <= ROUTING_WAITING_MAX) return;
  while (last->right) last = last->right;
  s->left_out = true;
  routing_drop(r, last->it.id);
}

static void item_enter(struct routing *r, struct item_node *n) {
  n->service = service_of(r, n->it.service_id);
  if (n->it.agent_id) {
    struct agent_node *a = agent_of(r, n->it.agent_id);
    a->used += n->it.weight;
    a->held[n->it.medium]++;
    agent_update(r, a);
    return;
  }
  struct item_node *before, *after;
  split(n->service->queue, n, &before, &after);
  n->left = n->right = NULL;
  n->service->queue = merge(merge(before, sized(n)), after);
  n->queued = true;
  touch(r, n->service);
  keep_to_the_bound(r, n->service);
}

static bool same_item(const struct routing_item *a, const struct routing_item *b) {
  bool same = a->id == b->id && a->service_id == b->service_id && a->agent_id == b->agent_id;
  if (same && a->agent_id) return a->medium == b->medium && a->weight == b->weight;
  return same && a->priority == b->priority && a->front == b->front && a->queued_at == b->queued_at &&
         a->prefer == b->prefer;
}

void routing_put(struct routing *r, const struct routing_item *in) {
  struct item_node *n = NULL;
  invariant(in->medium >= 0 && in->medium < MEDIUM_COUNT);
  HASH_FIND(hh, r->items, &in->id, sizeof in->id, n);
  if (n && same_item(&n->it, in)) return;
  if (n) {
    item_leave(r, n);
    n->it = *in;
  } else {
    n = mem_new(r, struct item_node);
    n->it = *in;
    n->rank = rank_of(in->id);
    HASH_ADD(hh, r->items, it.id, sizeof in->id, n);
  }
  item_enter(r, n);
}

void routing_drop(struct routing *r, int64_t id) {
  struct item_node *n = NULL;
  HASH_FIND(hh, r->items, &id, sizeof id, n);
  if (!n) return;
  item_leave(r, n);
  HASH_DEL(r->items, n);
  mem_free(n);
}

bool routing_wants_more(const struct routing *r) {
  for (const struct service_node *s = r->services; s; s = s->hh.next)
    if (s->left_out && (!s->queue || s->queue->size < ROUTING_WAITING_MAX / 2)) return true;
  return false;
}

void routing_all_told(struct routing *r) {
  for (struct service_node *s = r->services; s; s = s->hh.next) s->left_out = false;
}

void routing_refuse(struct routing *r, int64_t id, int64_t agent_id, int64_t until) {
  struct item_node *n = NULL;
  HASH_FIND(hh, r->items, &id, sizeof id, n);
  if (!n) return;
  if (!n->refusals) n->refusals = mem_array(n, struct refusal, ROUTING_REFUSALS_MAX);
  int at = 0;
  while (at < n->refusal_count && n->refusals[at].agent_id != agent_id) at++;
  if (at == ROUTING_REFUSALS_MAX) {
    memmove(n->refusals, n->refusals + 1, (ROUTING_REFUSALS_MAX - 1) * sizeof *n->refusals);
    at--;
  } else if (at == n->refusal_count) {
    n->refusal_count++;
  }
  n->refusals[at] = (struct refusal){.agent_id = agent_id, .until = until};
  if (n->queued) touch(r, n->service);
}

/* ---- the decision ---- */

int64_t routing_refused_until(const struct item_node *n, int64_t agent_id, int64_t now_ms) {
  for (int i = 0; i < n->refusal_count; i++)
    if (n->refusals[i].agent_id == agent_id && n->refusals[i].until > now_ms) return n->refusals[i].until;
  return 0;
}

/* The first of the heap who has not refused it; *look_at: when one who has may be asked again. */
static struct member *first_able(const struct service_node *s, const struct item_node *n, int64_t now_ms,
                                 int64_t *look_at) {
  struct member *best = NULL;
  if (n->refusal_count == 0 && !n->it.prefer) return s->heap[0];
  for (int i = 0; i < s->heap_count; i++) {
    struct member *m = s->heap[i];
    invariant(m != NULL);
    int64_t until = routing_refused_until(n, m->agent->id, now_ms);
    if (until && (!*look_at || until < *look_at)) *look_at = until;
    if (until) continue;
    if (m->agent->id == n->it.prefer) return m;
    if (!best || routing_comes_first(m, best)) best = m;
    if (i == 0 && !n->it.prefer) return m;
  }
  return best;
}

/* In the queue's order; true: found. */
static bool first_pair(struct service_node *s, struct item_node *n, int64_t now_ms) {
  if (!n) return false;
  if (first_pair(s, n->left, now_ms)) return true;
  s->first_member = first_able(s, n, now_ms, &s->look_at);
  s->first_item = n;
  return s->first_member || first_pair(s, n->right, now_ms);
}

static void look(struct service_node *s, int64_t now_ms) {
  if (s->looked && (!s->look_at || now_ms < s->look_at)) return;
  s->look_at = 0;
  s->first_item = NULL;
  s->first_member = NULL;
  if (!first_pair(s, s->queue, now_ms)) s->first_item = NULL;
  s->looked = true;
}

bool routing_next(struct routing *r, int64_t now_ms, struct routing_offer *ret) {
  struct service_node *best = NULL;
  for (int i = 0; i < r->hot_count; i++) {
    struct service_node *s = r->hot[i];
    look(s, now_ms);
    if (s->first_item && (!best || routing_item_order(s->first_item, best->first_item) < 0)) best = s;
  }
  if (!best) return false;
  struct item_node *n = best->first_item;
  struct agent_node *a = best->first_member->agent;
  int64_t able = best->heap_count;
  item_leave(r, n);
  n->it.agent_id = a->id;
  n->it.weight = best->weight;
  n->it.medium = best->medium;
  a->idle_since = now_ms;
  item_enter(r, n);
  *ret = (struct routing_offer){.interaction_id = n->it.id,
                                .agent_id = a->id,
                                .service_id = best->id,
                                .weight = best->weight,
                                .medium = best->medium,
                                .able = able,
                                .preferred = n->it.prefer == a->id};
  return true;
}

int64_t routing_look_at(const struct routing *r) {
  int64_t at = 0;
  for (int i = 0; i < r->hot_count; i++)
    if (r->hot[i]->look_at && (!at || r->hot[i]->look_at < at)) at = r->hot[i]->look_at;
  return at;
}

static int routing_destroy(struct routing *r) {
  HASH_CLEAR(hh, r->agents);
  HASH_CLEAR(hh, r->services);
  HASH_CLEAR(hh, r->items);
  return 0;
}

struct routing *routing_new(void *ctx) {
  struct routing *r = mem_new(ctx, struct routing);
  talloc_set_destructor(r, routing_destroy);
  return r;
}

void routing_free(struct routing *r) {
  mem_free(r);
}
