/* Package agent: the setup as people at work see it, from the snapshot in memory: colleagues (and who is there),
 * states, skills, services, and the replies and qualifications of the services that one serves. On HTTP threads. */
#include "api/kiamo_v3/people.h"

#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/presence.h"
#include "api/kiamo_v3/read.h"
#include "base/text.h"

static void put_named(struct jw *w, const char *key, const struct named *n) {
  jw_key(w, key);
  if (!n) {
    jw_null(w);
    return;
  }
  jw_object(w);
  jw_kint(w, "id", n->id);
  jw_kstr(w, "name", n->name);
  jw_object_end(w);
}

static const char *skill_name(const struct registry *r, int64_t id) {
  const struct named *n = registry_skill(r, id);
  return n ? n->name : NULL;
}
static const char *service_name(const struct registry *r, int64_t id) {
  const struct service *s = registry_service(r, id);
  return s ? s->name : NULL;
}

static void put_levels(const struct v3_view *v, struct jw *w, const char *key, const struct level_slice *levels,
                       const char *(*name_of)(const struct registry *r, int64_t id)) {
  jw_key(w, key);
  jw_array(w);
  for (int i = 0; i < levels->count; i++) {
    jw_object(w);
    jw_kint(w, "id", levels->items[i].id);
    jw_kstr(w, "name", name_of(v->registry, levels->items[i].id));
    jw_kint(w, "level", levels->items[i].level);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void put_media(struct jw *w, const struct agent *a) {
  jw_key(w, "media");
  jw_array(w);
  for (int i = 0; i < MEDIUM_COUNT; i++) {
    if (a->medium_most[i] < 0) continue;
    jw_object(w);
    jw_kstr(w, "medium", medium_words[i]);
    jw_kint(w, "most", a->medium_most[i]);
    jw_object_end(w);
  }
  jw_array_end(w);
}

void v3_render_agent(const struct v3_view *v, struct jw *w, const struct agent *a) {
  jw_object(w);
  jw_kint(w, "id", a->id);
  jw_kstr(w, "login", a->login);
  jw_kstr(w, "firstName", a->first_name);
  jw_kstr(w, "lastName", a->last_name);
  jw_kstr(w, "displayName", a->display_name);
  jw_kstr(w, "email", a->email);
  jw_kstr(w, "extension", a->extension);
  jw_kstr(w, "avatarUrl", a->avatar_url);
  put_named(w, "group", registry_group(v->registry, a->group_id));
  put_named(w, "team", registry_team(v->registry, a->team_id));
  jw_kstr(w, "profile", agent_profile_word(a->profile));
  jw_kbool(w, "enabled", a->enabled);
  jw_kint(w, "capacity", a->capacity);
  put_media(w, a);
  put_levels(v, w, "skills", &a->skills, skill_name);
  put_levels(v, w, "services", &a->services, service_name);
  jw_key(w, "state");
  v3_put_state(v, w, a->id);
  jw_object_end(w);
}

/* ---- lists ---- */

/* What a list asks for besides its page. */
struct wanted {
  const struct caller *caller;
  int64_t service_id, group_id, team_id; /* 0: any */
};

/* One kind of things in the snapshot: which of them the caller may see and wants, and how they look. */
struct shelf {
  int (*count)(const struct registry *r);
  int64_t (*id)(const struct registry *r, int i);
  bool (*shown)(const struct registry *r, int i, const struct wanted *wanted);
  void (*put)(const struct v3_view *v, struct jw *w, int i);
};

#define SHELF(name, count_member, array_member)                                                                        \
  static int name##_count(const struct registry *r) {                                                                  \
    return r->count_member;                                                                                            \
  }                                                                                                                    \
  static int64_t name##_id(const struct registry *r, int i) {                                                          \
    return r->array_member[i].id;                                                                                      \
  }

static bool serves(const struct wanted *wanted, int64_t service_id) {
  const struct agent *a = wanted->caller->agent;
  return service_id == 0 || !a || a->profile != PROFILE_AGENT || level_of(&a->services, service_id) > 0;
}

/* Of the instance; and of the service that is asked for, or of all. */
static bool fits(const struct wanted *wanted, int64_t instance_id, int64_t service_id) {
  return instance_id == wanted->caller->instance_id && serves(wanted, service_id) &&
         (!wanted->service_id || !service_id || service_id == wanted->service_id);
}

SHELF(agents, agent_count, agents)
static bool agents_shown(const struct registry *r, int i, const struct wanted *wanted) {
  const struct agent *a = &r->agents[i];
  return a->instance_id == wanted->caller->instance_id && a->enabled &&
         (!wanted->service_id || level_of(&a->services, wanted->service_id) > 0) &&
         (!wanted->group_id || a->group_id == wanted->group_id) && (!wanted->team_id || a->team_id == wanted->team_id);
}
static void agents_put(const struct v3_view *v, struct jw *w, int i) {
  v3_render_agent(v, w, &v->registry->agents[i]);
}

#define NAMED_SHELF(names, count_member)                                                                               \
  SHELF(names, count_member, names)                                                                                    \
  static bool names##_shown(const struct registry *r, int i, const struct wanted *wanted) {                            \
    return r->names[i].instance_id == wanted->caller->instance_id;                                                     \
  }                                                                                                                    \
  static void names##_put(const struct v3_view *v, struct jw *w, int i) {                                              \
    jw_object(w);                                                                                                      \
    jw_kint(w, "id", v->registry->names[i].id);                                                                        \
    jw_kstr(w, "name", v->registry->names[i].name);                                                                    \
    jw_object_end(w);                                                                                                  \
  }
NAMED_SHELF(groups, group_count)
NAMED_SHELF(teams, team_count)
NAMED_SHELF(skills, skill_count)

SHELF(states, state_count, states)
static bool states_shown(const struct registry *r, int i, const struct wanted *wanted) {
  return r->states[i].instance_id == wanted->caller->instance_id && r->states[i].enabled;
}
static void states_put(const struct v3_view *v, struct jw *w, int i) {
  const struct agent_state *s = &v->registry->states[i];
  jw_object(w);
  jw_kint(w, "id", s->id);
  jw_kstr(w, "label", s->label);
  jw_kstr(w, "kind", state_kind_words[s->kind]);
  jw_kstr(w, "color", s->color);
  jw_kint(w, "position", s->position);
  jw_object_end(w);
}

SHELF(services, service_count, services)
static bool services_shown(const struct registry *r, int i, const struct wanted *wanted) {
  return r->services[i].instance_id == wanted->caller->instance_id && r->services[i].enabled;
}
static void services_put(const struct v3_view *v, struct jw *w, int i) {
  const struct service *s = &v->registry->services[i];
  jw_object(w);
  jw_kint(w, "id", s->id);
  jw_kstr(w, "name", s->name);
  jw_kint(w, "priority", s->priority);
  jw_kstr(w, "medium", medium_words[s->medium]);
  jw_kint(w, "offerSeconds", s->offer_ms / 1000);
  jw_kint(w, "wrapupSeconds", s->wrapup_ms / 1000);
  put_levels(v, w, "skills", &s->skills, skill_name);
  jw_object_end(w);
}

static void put_id_or_null(struct jw *w, const char *key, int64_t id) {
  jw_key(w, key);
  if (id)
    jw_int(w, id);
  else
    jw_null(w);
}

SHELF(qualifications, qualification_count, qualifications)
static bool qualifications_shown(const struct registry *r, int i, const struct wanted *wanted) {
  const struct qualification *q = &r->qualifications[i];
  return q->enabled && fits(wanted, q->instance_id, q->service_id);
}
static void qualifications_put(const struct v3_view *v, struct jw *w, int i) {
  const struct qualification *q = &v->registry->qualifications[i];
  jw_object(w);
  jw_kint(w, "id", q->id);
  jw_kstr(w, "category", q->category);
  jw_kstr(w, "label", q->label);
  put_id_or_null(w, "serviceId", q->service_id);
  jw_object_end(w);
}

SHELF(canned_replies, canned_reply_count, canned_replies)
static bool canned_replies_shown(const struct registry *r, int i, const struct wanted *wanted) {
  return fits(wanted, r->canned_replies[i].instance_id, r->canned_replies[i].service_id);
}
static void canned_replies_put(const struct v3_view *v, struct jw *w, int i) {
  const struct canned_reply *c = &v->registry->canned_replies[i];
  jw_object(w);
  jw_kint(w, "id", c->id);
  jw_kstr(w, "shortcut", c->shortcut);
  jw_kstr(w, "title", c->title);
  jw_kstr(w, "text", c->text);
  put_id_or_null(w, "serviceId", c->service_id);
  jw_object_end(w);
}

static void reply_shelf(struct request *req, const struct shelf *shelf) {
  struct wanted wanted = {.caller = caller_of(req)};
  struct decoder d;
  int64_t limit = V3_LIMIT_DEFAULT, after = 0;
  decode_init(&d, request_pool(req), PATH_POINTER);
  v3_query_int(req, &d, "limit", 1, V3_LIMIT_MAX, &limit);
  v3_query_int(req, &d, "cursor", 0, INT64_MAX - 1, &after);
  v3_query_int(req, &d, "service", 1, INT64_MAX, &wanted.service_id);
  v3_query_int(req, &d, "group", 1, INT64_MAX, &wanted.group_id);
  v3_query_int(req, &d, "team", 1, INT64_MAX, &wanted.team_id);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_reading r;
  v3_reading_begin(&r, req);
  const struct registry *reg = r.view.registry;
  struct jw w = jw_into(r.body);
  int64_t last = 0, n = 0;
  bool more = false;
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int i = 0; i < shelf->count(reg) && !more; i++) {
    if (shelf->id(reg, i) <= after || !shelf->shown(reg, i, &wanted)) continue;
    more = n == limit;
    if (more) break;
    shelf->put(&r.view, &w, i);
    last = shelf->id(reg, i);
    n++;
  }
  jw_array_end(&w);
  v3_put_next(&w, more, last);
  jw_object_end(&w);
  v3_reading_end(&r, true);
}

#define LIST(name)                                                                                                     \
  void v3_##name(struct request *req) {                                                                                \
    static const struct shelf shelf = {                                                                                \
        .count = name##_count, .id = name##_id, .shown = name##_shown, .put = name##_put};                             \
    reply_shelf(req, &shelf);                                                                                          \
  }
LIST(agents)
LIST(groups)
LIST(teams)
LIST(states)
LIST(skills)
LIST(services)
LIST(qualifications)
LIST(canned_replies)

/* ---- one agent, and oneself ---- */

static void put_states(const struct v3_view *v, struct jw *w, const struct caller *c) {
  const struct wanted wanted = {.caller = c};
  jw_key(w, "states");
  jw_array(w);
  for (int i = 0; i < v->registry->state_count; i++)
    if (states_shown(v->registry, i, &wanted)) states_put(v, w, i);
  jw_array_end(w);
}

void v3_agent(struct request *req) {
  int64_t id;
  if (!v3_path_number(req, &id)) return;
  struct v3_reading r;
  v3_reading_begin(&r, req);
  const struct agent *a = registry_agent(r.view.registry, id);
  bool found = a && a->instance_id == r.view.instance_id;
  struct jw w = jw_into(r.body);
  if (found) v3_render_agent(&r.view, &w, a);
  v3_reading_end(&r, found);
}

void v3_me(struct request *req) {
  const struct caller *c = caller_of(req);
  struct v3_reading r;
  v3_reading_begin(&r, req);
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "agent");
  v3_render_agent(&r.view, &w, c->agent);
  put_states(&r.view, &w, c);
  jw_object_end(&w);
  reply_header(req, "Cache-Control", "no-store");
  v3_reading_end(&r, true);
}
