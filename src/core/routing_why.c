/* Why the world decides as it does: who is eligible and who is not, position, estimate. Reads only. */
#include "core/routing.h"

#include "base/mem.h"
#include "core/routing_impl.h"

#include <stdlib.h>

static int order(int64_t a, int64_t b) {
  return a < b ? -1 : a > b;
}
static int64_t size_of(const struct item_node *n) {
  return n ? n->size : 0;
}

static void add_reason(struct routing_verdict *v, struct routing_reason reason) {
  if (v->reason_count < ROUTING_REASONS_MAX) v->reasons[v->reason_count++] = reason;
}

static const struct member *member_of(const struct agent_node *a, const struct service_node *s) {
  for (int i = 0; i < a->member_count; i++)
    if (a->members[i].service == s) return &a->members[i];
  return NULL;
}

static void judge(const struct item_node *n, const struct agent_node *a, int64_t now_ms, struct routing_verdict *v) {
  const struct service_node *s = n->service;
  const struct member *m = member_of(a, s);
  int64_t until = routing_refused_until(n, a->id, now_ms);
  *v = (struct routing_verdict){.agent_id = a->id,
                                .score = m ? m->score : 0,
                                .used = a->used,
                                .capacity = a->capacity,
                                .idle_since = a->idle_since};
  if (!m) add_reason(v, (struct routing_reason){.why = ROUTING_NOT_IN_SERVICE});
  if (!a->ready) add_reason(v, (struct routing_reason){.why = ROUTING_NOT_READY});
  if (a->used + s->weight > a->capacity)
    add_reason(
        v, (struct routing_reason){.why = ROUTING_NO_ROOM, .have = a->used, .need = s->weight, .most = a->capacity});
  if (a->most[s->medium] >= 0 && a->held[s->medium] >= a->most[s->medium])
    add_reason(
        v, (struct routing_reason){.why = ROUTING_MEDIUM_FULL, .have = a->held[s->medium], .most = a->most[s->medium]});
  if (until) add_reason(v, (struct routing_reason){.why = ROUTING_REFUSED, .until = until});
  for (int i = 0; m && i < s->skill_count; i++) {
    int64_t have = routing_level_in(a->skills, a->skill_count, s->skills[i].id);
    if (have < s->skills[i].level)
      add_reason(v,
                 (struct routing_reason){
                     .why = ROUTING_SKILL_MISSING, .ref = s->skills[i].id, .have = have, .need = s->skills[i].level});
  }
  v->eligible = v->reason_count == 0;
  v->preferred = v->eligible && n->it.prefer == a->id;
}

struct judged {
  const struct agent_node *agent;
  const struct member *member;
  bool able, preferred;
};

static int judged_order(const void *x, const void *y) {
  const struct judged *a = x, *b = y;
  if (a->able != b->able) return a->able ? -1 : 1;
  if (a->able && a->preferred != b->preferred) return a->preferred ? -1 : 1;
  if (a->able) return routing_comes_first(a->member, b->member) ? -1 : 1;
  if (!a->member != !b->member) return a->member ? -1 : 1;
  return order(a->agent->id, b->agent->id);
}

int routing_explain(const struct routing *r, int64_t id, int64_t now_ms, struct routing_verdict *out, int max) {
  const struct item_node *n = NULL;
  const struct agent_node *a;
  HASH_FIND(hh, r->items, &id, sizeof id, n);
  if (!n || !n->queued) return -1;
  int count = 0;
  struct judged *all = mem_array(NULL, struct judged, HASH_COUNT(r->agents) + 1);
  for (a = r->agents; a; a = a->hh.next) {
    struct routing_verdict v;
    if (!a->known || a->instance_id != n->service->instance_id) continue;
    judge(n, a, now_ms, &v);
    all[count++] =
        (struct judged){.agent = a, .member = member_of(a, n->service), .able = v.eligible, .preferred = v.preferred};
  }
  qsort(all, (size_t)count, sizeof *all, judged_order);
  for (int i = 0; i < count && i < max; i++) judge(n, all[i].agent, now_ms, &out[i]);
  mem_free(all);
  return count < max ? count : max;
}

int64_t routing_position(const struct routing *r, int64_t id) {
  const struct item_node *n = NULL;
  HASH_FIND(hh, r->items, &id, sizeof id, n);
  if (!n || !n->queued) return 0;
  int64_t before = 0;
  for (const struct item_node *at = n->service->queue; at;) {
    int c = routing_item_order(n, at);
    if (c >= 0) before += size_of(at->left);
    if (c == 0) break;
    before += c > 0;
    at = c < 0 ? at->left : at->right;
  }
  return before + 1;
}

int64_t routing_waiting(const struct routing *r, int64_t service_id) {
  const struct service_node *s = NULL;
  HASH_FIND(hh, r->services, &service_id, sizeof service_id, s);
  return s ? size_of(s->queue) : 0;
}

int64_t routing_slots(const struct routing *r, int64_t service_id) {
  const struct service_node *s = NULL;
  int64_t slots = 0;
  HASH_FIND(hh, r->services, &service_id, sizeof service_id, s);
  for (int i = 0; s && i < s->member_count; i++)
    if (s->members[i]->skilled && s->members[i]->agent->ready)
      slots += s->weight ? s->members[i]->agent->capacity / s->weight : 1;
  return slots;
}

int64_t routing_estimate(int64_t position, int64_t slots, int64_t mean_ms) {
  if (position <= 0 || slots <= 0 || mean_ms <= 0) return -1;
  return position * mean_ms / slots;
}

int64_t routing_used(const struct routing *r, int64_t agent_id) {
  const struct agent_node *a = NULL;
  HASH_FIND(hh, r->agents, &agent_id, sizeof agent_id, a);
  return a ? a->used : 0;
}
