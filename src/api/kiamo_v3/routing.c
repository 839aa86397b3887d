/* What waits for me, and why an interaction is where it is. The world is loaded from the rows as they stand, so that
 * the answer is the same on every node and needs nobody's lock. On HTTP threads, from a reader's snapshot. */
#include "store/routing.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/read.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/due.h"
#include "store/assign.h"
#include "store/event.h"
#include "store/opening.h"

#include <stdio.h>
#include <string.h>

#define QUEUE_MAX      10000 /* interactions looked at */
#define QUEUE_SHOWN    200
#define CONSIDERED_MAX 2000
#define DUE_MAX        16
#define EVENTS_MAX     1000 /* of the interaction, the first ones */

struct reading {
  struct v3_reading v3;
  struct v3_view view;
  struct buf *body;
  int64_t now_ms;
};

static void reading_begin(struct reading *r, struct request *req) {
  v3_reading_begin(&r->v3, req);
  r->view = r->v3.view;
  r->body = r->v3.body;
  r->now_ms = clock_wall_ms();
  reply_header(req, "Cache-Control", "no-store");
}

/* ---- my queue ---- */

struct counted {
  int64_t service_id, waiting;
};

/* The interaction's place in its service: they come in order. */
static int64_t place_of(struct counted *list, int *count, int max, int64_t service_id) {
  int i = 0;
  while (i < *count && list[i].service_id != service_id) i++;
  if (i == max) return 0;
  if (i == *count) list[(*count)++] = (struct counted){.service_id = service_id};
  return ++list[i].waiting;
}

void v3_my_queue(struct request *req) {
  struct reading r;
  const struct agent *me = caller_of(req)->agent;
  int services = 0, shown = 0, max = caller_of(req)->registry->service_count;
  reading_begin(&r, req);
  struct interaction *all = mem_array(request_pool(req), struct interaction, QUEUE_MAX);
  struct counted *counted = mem_array(request_pool(req), struct counted, (size_t)max + 1);
  int n = interaction_queue(r.view.db, r.view.ctx, r.view.instance_id, all, QUEUE_MAX);
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int i = 0; i < n && shown < QUEUE_SHOWN; i++) {
    int64_t position = place_of(counted, &services, max, all[i].service_id);
    if (!level_of(&me->services, all[i].service_id)) continue;
    if (shown++) buf_putc(r.body, ',');
    v3_render_waiting(&r.view, r.body, &all[i], (r.now_ms - all[i].queued_at) / 1000, position);
  }
  jw_array_end(&w);
  jw_key(&w, "next");
  jw_null(&w);
  jw_object_end(&w);
  v3_reading_end(&r.v3, true);
}

/* ---- why ---- */

static void put_why(struct jw *w, const struct reading *r, const struct routing_verdict *v,
                    const struct routing_reason *reason) {
  const struct registry *registry = r->view.registry;
  const struct named *skill = reason->why == ROUTING_SKILL_MISSING ? registry_skill(registry, reason->ref) : NULL;
  char text[256] = "not in the service";
  struct presence p;
  const struct agent_state *state;
  switch (reason->why) {
  case ROUTING_NOT_IN_SERVICE: break;
  case ROUTING_SKILL_MISSING:
    if (reason->have)
      snprintf(text, sizeof text, "skill %.100s %lld < %lld", skill ? skill->name : "?", (long long)reason->have,
               (long long)reason->need);
    else
      snprintf(text, sizeof text, "skill %.100s missing", skill ? skill->name : "?");
    break;
  case ROUTING_NOT_READY:
    presence_get(r->view.db, r->view.ctx, v->agent_id, &p);
    state = p.state_id ? registry_state(registry, p.state_id) : NULL;
    snprintf(text, sizeof text, "not ready: %.100s", state ? state->label : "logged out");
    break;
  case ROUTING_NO_ROOM:
    snprintf(text, sizeof text, "no capacity left (%lld of %lld)", (long long)reason->have, (long long)reason->most);
    break;
  case ROUTING_MEDIUM_FULL:
    snprintf(text, sizeof text, "no more of this medium (%lld of %lld)", (long long)reason->have,
             (long long)reason->most);
    break;
  case ROUTING_REFUSED:
    snprintf(text, sizeof text, "declined, not asked again for %lld s",
             (long long)((reason->until - r->now_ms + 999) / 1000));
    break;
  }
  jw_str(w, text);
}

static void put_considered(struct jw *w, const struct reading *r, const struct routing *world, int64_t id) {
  struct routing_verdict *v = mem_array(r->view.ctx, struct routing_verdict, CONSIDERED_MAX);
  int n = routing_explain(world, id, r->now_ms, v, CONSIDERED_MAX);
  jw_key(w, "considered");
  jw_array(w);
  for (int i = 0; i < n; i++) {
    const struct agent *a = registry_agent(r->view.registry, v[i].agent_id);
    if (!a) continue;
    jw_object(w);
    jw_key(w, "agent");
    jw_object(w);
    jw_kint(w, "id", a->id);
    jw_kstr(w, "name", a->display_name);
    jw_object_end(w);
    jw_kbool(w, "eligible", v[i].eligible);
    jw_kbool(w, "lastAgent", v[i].preferred);
    jw_key(w, "why");
    jw_array(w);
    for (int k = 0; k < v[i].reason_count; k++) put_why(w, r, &v[i], &v[i].reasons[k]);
    jw_array_end(w);
    jw_kint(w, "score", v[i].score);
    jw_kint(w, "used", v[i].used);
    jw_kint(w, "capacity", v[i].capacity);
    jw_ktime(w, "idleSince", v[i].idle_since);
    jw_object_end(w);
  }
  jw_array_end(w);
}

/* Whom it was offered to so far: by the strategy or as the last agent, of how many with room. */
static void put_offers(struct jw *w, const struct reading *r, int64_t id) {
  struct event *e = mem_array(r->view.ctx, struct event, EVENTS_MAX);
  int n = event_of_interaction(r->view.db, r->view.ctx, r->view.instance_id, id, 0, e, EVENTS_MAX);
  jw_key(w, "offers");
  jw_array(w);
  for (int i = 0; i < n; i++) {
    if (e[i].kind != EVENT_INTERACTION_OFFERED) continue;
    const struct agent *a = registry_agent(r->view.registry, e[i].agent_id);
    jw_object(w);
    jw_ktime(w, "at", e[i].at);
    jw_key(w, "agent");
    jw_object(w);
    jw_kint(w, "id", e[i].agent_id);
    jw_kstr(w, "name", a ? a->display_name : NULL);
    jw_object_end(w);
    jw_key(w, "how");
    jw_raw(w, e[i].data ? e[i].data : "null", e[i].data ? strlen(e[i].data) : 4);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void put_next_one(struct jw *w, int64_t at, const char *what) {
  jw_object(w);
  jw_ktime(w, "at", at);
  jw_kstr(w, "what", what);
  jw_object_end(w);
}

/* What time alone will do. */
static void put_next(struct jw *w, const struct reading *r, const struct interaction *i, const struct service *s) {
  struct due list[DUE_MAX];
  int n = due_of(r->view.db, i->id, list, DUE_MAX);
  const struct service *to = s ? registry_service(r->view.registry, s->overflow_service_id) : NULL;
  char overflow[160];
  snprintf(overflow, sizeof overflow, "goes to service %.100s", to ? to->name : "?");
  jw_key(w, "next");
  jw_array(w);
  for (int k = 0; k < n; k++) {
    static const char *const words[] = {[DUE_OFFER] = "the offer passes",
                                        [DUE_WRAPUP] = "the wrap-up ends",
                                        [DUE_MAX_WAIT] = "it ends: waited too long",
                                        [DUE_HOURS] = "opening hours are looked at",
                                        [DUE_SCHEDULED] = "it begins to wait",
                                        [DUE_IDLE] = "it ends: nobody writes"};
    put_next_one(w, list[k].due_at, list[k].kind == DUE_OVERFLOW ? overflow : words[list[k].kind]);
  }
  if (s && i->state == INTERACTION_QUEUED && !opening_now(r->view.registry, s, r->now_ms))
    put_next_one(w, opening_next(r->view.registry, s, r->now_ms), "the service opens");
  jw_array_end(w);
}

static void put_routing(struct reading *r, const struct interaction *i, const struct routing *world) {
  const struct service *s = registry_service(r->view.registry, i->service_id);
  int64_t position = routing_position(world, i->id);
  int64_t mean = position ? routing_mean_ms(r->view.db, r->view.instance_id, i->service_id, r->now_ms) : 0;
  int64_t wait = routing_estimate(position, routing_slots(world, i->service_id), mean);
  struct jw w = jw_into(r->body);
  jw_object(&w);
  jw_kstr(&w, "state", interaction_state_word(i->state));
  jw_key(&w, "position");
  if (position)
    jw_int(&w, position);
  else
    jw_null(&w);
  jw_key(&w, "estimateSeconds");
  if (wait >= 0)
    jw_int(&w, (wait + 999) / 1000);
  else
    jw_null(&w);
  jw_ktime(&w, "waitingSince", i->state == INTERACTION_QUEUED ? i->queued_at : 0);
  jw_key(&w, "service");
  jw_object(&w);
  jw_kint(&w, "id", i->service_id);
  jw_kstr(&w, "name", s ? s->name : NULL);
  jw_kbool(&w, "open", s && opening_now(r->view.registry, s, r->now_ms));
  jw_kstr(&w, "strategy", s ? strategy_words[s->strategy] : NULL);
  jw_object_end(&w);
  put_considered(&w, r, world, i->id);
  put_offers(&w, r, i->id);
  put_next(&w, r, i, s);
  jw_object_end(&w);
}

void v3_routing(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct reading r;
  struct interaction i;
  reading_begin(&r, req);
  bool found = interaction_get(r.view.db, r.view.ctx, r.view.instance_id, id, &i);
  if (found) {
    struct routing *world = routing_new(NULL);
    routing_load(r.view.db, r.view.registry, r.view.instance_id, r.now_ms, world);
    put_routing(&r, &i, world);
    routing_free(world);
  }
  v3_reading_end(&r.v3, found);
}
