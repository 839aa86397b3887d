/* States of agents: reading and choosing one's own, setting another's, and what live streams say of who is there.
 * Changes are jobs of the store; when it is full or busy the client hears 503, and what a stream's end has to tell is
 * tried again until it is told. */
#include "api/kiamo_v3/presence.h"

#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"

#include <stdlib.h>

#define REASON_MAX   200
#define TRY_AGAIN_MS 1000

struct assign_conf v3_assign_conf(const struct conf *conf) {
  return (struct assign_conf){.pause_ms = conf->offer_pause,
                              .retention_ms = conf->delivery_retention,
                              .grace_ms = conf->agent_grace,
                              .gone_active = conf->agent_gone_active};
}

void v3_put_state(const struct v3_view *v, struct jw *w, int64_t agent_id) {
  struct presence p;
  presence_get(v->db, v->ctx, agent_id, &p);
  const struct agent_state *state = p.state_id ? registry_state(v->registry, p.state_id) : NULL;
  if (!state) state = registry_state_of_kind(v->registry, v->instance_id, STATE_LOGGED_OUT);
  jw_object(w);
  if (state) jw_kint(w, "id", state->id);
  jw_kstr(w, "label", state ? state->label : NULL);
  jw_kstr(w, "kind", state_kind_words[state ? state->kind : STATE_LOGGED_OUT]);
  jw_ktime(w, "since", p.since);
  jw_kstr(w, "reason", *p.reason ? p.reason : NULL);
  jw_object_end(w);
}

void v3_my_state(struct request *req) {
  const struct caller *c = caller_of(req);
  struct v3_view view = {.db = store_read_begin(app()->store),
                         .ctx = request_pool(req),
                         .registry = c->registry,
                         .instance_id = c->instance_id};
  struct buf *body = mem_new(request_pool(req), struct buf);
  buf_init(body, request_pool(req), 256, 65536);
  struct jw w = jw_into(body);
  v3_put_state(&view, &w, c->agent->id);
  bool failed = db_failed(view.db);
  store_read_end(app()->store, view.db);
  reply_header(req, "Cache-Control", "no-store");
  if (failed)
    fail_unavailable(req, UNAVAILABLE_DOWN);
  else
    reply_json(req, 200, body);
}

/* ---- choosing ---- */

struct choosing {
  int64_t agent_id;
  const struct agent_state *state;
  const char *reason;
  bool own;
  struct assign_conf conf;
};

static bool act_state(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct choosing *in = w->input;
  const struct registry *r = w->caller->registry;
  struct actor actor = caller_actor(w->caller);
  int64_t now_ms = clock_wall_ms();
  if (!presence_set(tx, r, &in->conf, in->agent_id, in->state, in->reason, &actor, now_ms)) return false;
  /* Streams that were open before a state was chosen keep it from now on. */
  if (live_of_agent(app()->live, in->agent_id) > 0 && !presence_live(tx, r, &in->conf, in->agent_id, true, now_ms))
    return false;
  struct v3_view view = {.db = tx, .ctx = request_pool(w->req), .registry = r, .instance_id = w->caller->instance_id};
  struct jw jw = jw_into(out);
  v3_put_state(&view, &jw, in->agent_id);
  *ret_status = 200;
  return true;
}

static void choose(struct request *req, int64_t agent_id) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  const struct caller *c = caller_of(req);
  struct choosing *in = mem_new(request_pool(req), struct choosing);
  struct decoder d;
  int64_t state_id = 0;
  decode_init(&d, request_pool(req), PATH_POINTER);
  bool given = decode_int(&d, body, "stateId", REQUIRED, 1, INT64_MAX, &state_id);
  const char *reason = decode_text(&d, body, "reason", OPTIONAL, 0, REASON_MAX);
  const struct agent_state *state = given ? registry_state(c->registry, state_id) : NULL;
  if (given && (!state || state->instance_id != c->instance_id || !state->enabled))
    decode_problem(&d, "stateId", 1020, "is not one of the states to choose from");
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  *in = (struct choosing){
      .agent_id = agent_id, .state = state, .reason = reason ? reason : "", .conf = v3_assign_conf(request_conf(req))};
  struct v3_write *w = v3_write_new(req, 0);
  w->act = act_state;
  w->input = in;
  v3_write_go(w);
}

void v3_choose_state(struct request *req) {
  choose(req, caller_of(req)->agent->id);
}

void v3_set_state(struct request *req) {
  const struct caller *c = caller_of(req);
  int64_t id = 0;
  const struct agent *agent =
      parse_int(request_param(req, 0), 1, INT64_MAX, &id) ? registry_agent(c->registry, id) : NULL;
  if (!agent || agent->instance_id != c->instance_id)
    fail(req, ERR_3000, 0, "there is no such agent");
  else if (c->agent && c->agent->id != id && c->agent->profile == PROFILE_AGENT)
    fail(req, ERR_2500, 403, "the state of another agent is set by supervisors and administrators");
  else
    choose(req, id);
}

/* ---- what live streams say ---- */

struct news {
  int64_t agent_id;
  struct store_job job;
};

static void try_it(void *arg);

/* How it stands when the job runs counts, however many came and went meanwhile. */
static enum job_result news_run(struct db *tx, void *arg) {
  const struct news *n = arg;
  const struct registry *r = registry_get(app()->store);
  if (!r) return JOB_REJECT;
  struct assign_conf conf = v3_assign_conf(app()->conf);
  bool ok = presence_live(tx, r, &conf, n->agent_id, live_of_agent(app()->live, n->agent_id) > 0, clock_wall_ms());
  registry_put(r);
  return ok ? JOB_COMMIT : JOB_REJECT;
}

static void news_done(void *arg, enum store_result result) {
  struct news *n = arg;
  if (result == STORE_FULL && app()->stopping == APP_RUNS)
    timer_after(TRY_AGAIN_MS, try_it, n);
  else
    free(n);
}

static void try_it(void *arg) {
  struct news *n = arg;
  n->job = (struct store_job){.run = news_run, .done = news_done, .arg = n};
  if (store_submit(app()->store, &n->job)) return;
  /* While stopping nobody needs to know: at the start all streams count as ended. */
  if (app()->stopping == APP_RUNS)
    timer_after(TRY_AGAIN_MS, try_it, n);
  else
    free(n);
}

void v3_presence_live(int64_t agent_id) {
  struct news *n = malloc(sizeof *n);
  if (!n) panic("out of memory for an agent's presence");
  *n = (struct news){.agent_id = agent_id};
  try_it(n);
}
