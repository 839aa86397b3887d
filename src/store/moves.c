/* Moves of interactions: load was before, here core decides, rows are asked for room, all is saved with its event and
 * its timers. Saving compares the version that was read, so of two who move one thing one wins.
 * On the writer's thread; never blocks on anything else; may be run again from the start. */
#include "store/moves.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "core/due.h"

#include <string.h>

/* ---- events ---- */

bool moves_tell(struct db *tx, int64_t instance_id, const struct actor *actor, struct event e, const char *extra) {
  bool by_token = actor && !actor->agent_id;
  if (actor && actor->agent_id) e.agent_id = actor->agent_id;
  if (!by_token && !extra) return event_append(tx, instance_id, &e) == DB_OK;
  void *pool = mem_pool(NULL, 1024);
  struct buf data;
  buf_init(&data, pool, 256, 4096);
  struct jw w = jw_into(&data);
  jw_object(&w);
  if (by_token) jw_kstr(&w, "by", actor->display_name);
  if (extra) buf_printf(&data, "%s%s", by_token ? "," : "", extra);
  buf_putc(&data, '}');
  e.data = data.failed ? NULL : data.data;
  bool ok = event_append(tx, instance_id, &e) == DB_OK;
  mem_free(pool);
  return ok;
}

/* ---- timers ---- */

bool moves_due_set(struct db *tx, int kind, int64_t ref_id, int64_t instance_id, int64_t at) {
  return db_exec(tx, Q_DUE_SET, v_int(kind), v_int(ref_id), v_int(instance_id), v_int(at)) == DB_OK;
}
bool moves_due_delete(struct db *tx, int kind, int64_t ref_id) {
  return db_exec(tx, Q_DUE_DELETE, v_int(kind), v_int(ref_id)) != DB_FAILED;
}

bool moves_arm_waiting(struct db *tx, const struct service *s, int64_t instance_id, int64_t id, int64_t now_ms) {
  bool ok = true;
  if (s->overflow_service_id) ok = moves_due_set(tx, DUE_OVERFLOW, id, instance_id, now_ms + s->overflow_after_ms);
  if (ok && s->max_wait_ms) ok = moves_due_set(tx, DUE_MAX_WAIT, id, instance_id, now_ms + s->max_wait_ms);
  if (ok && s->calendar_id) ok = moves_due_set(tx, DUE_HOURS, id, instance_id, now_ms);
  return ok;
}

/* ---- may it? ---- */

static bool gets_an_agent(const struct interaction *i, const struct move_in *in) {
  bool picked = in->move == INTERACTION_MOVE_ACCEPT || in->move == INTERACTION_MOVE_AGENT_WRITES;
  return i->state == INTERACTION_QUEUED && (in->move == INTERACTION_MOVE_OFFER || picked);
}

static enum conversation_result room_for(struct db *tx, const struct registry *registry, int64_t agent_id,
                                         const struct service *service, struct conversation_why *why) {
  const struct agent *agent = registry_agent(registry, agent_id);
  struct db_rows rows;
  if (!agent || !service) return CONVERSATION_OK; /* of whom the setup knows nothing any more it sets no limit */
  /* Two nodes may have something for one agent at one time. */
  if (db_exec(tx, Q_AGENT_LOCK, v_int(agent_id)) == DB_FAILED) return CONVERSATION_FAILED;
  db_open(tx, &rows, Q_AGENT_LOAD, v_int(agent_id), v_int((int64_t)service->medium));
  if (!db_next(&rows)) {
    db_close(&rows);
    return CONVERSATION_FAILED;
  }
  int64_t used = col_int(&rows, 0), held = col_int(&rows, 1), most = agent->medium_most[service->medium];
  db_close(&rows);
  *why = (struct conversation_why){.agent_id = agent_id, .used = used, .capacity = agent->capacity};
  if (used + service->weight > agent->capacity) return CONVERSATION_NO_ROOM;
  if (most < 0 || held < most) return CONVERSATION_OK;
  *why = (struct conversation_why){.agent_id = agent_id, .used = held, .capacity = most, .medium = true};
  return CONVERSATION_NO_ROOM;
}

/* What is offered is the agent's to whom it is offered. */
static bool is_anothers(const struct interaction *i, const struct move_in *in) {
  bool answers = in->move == INTERACTION_MOVE_ACCEPT || in->move == INTERACTION_MOVE_AGENT_WRITES ||
                 in->move == INTERACTION_MOVE_DECLINE;
  return i->state == INTERACTION_OFFERED && answers && (!in->actor || in->actor->agent_id != i->agent_id);
}

/* ---- what becomes of it ---- */

static void to_queue(struct interaction *i, const struct move_in *in, const struct service *service) {
  bool waited = i->state == INTERACTION_OFFERED || i->state == INTERACTION_QUEUED;
  bool transfer = in->move == INTERACTION_MOVE_TRANSFER;
  if (!waited || transfer) i->queued_at = in->now_ms;
  i->front = in->move != INTERACTION_MOVE_COME_DUE && !in->overflow;
  i->agent_id = i->offer_until = 0;
  if (!transfer || !service) return;
  i->service_id = service->id;
  i->priority = service->priority;
  i->medium = (int64_t)service->medium;
  i->weight = service->weight;
  i->last_agent_id = 0;
}

static void to_agent(struct interaction *i, const struct move_in *in, const struct service *service) {
  bool offer = in->move == INTERACTION_MOVE_OFFER;
  if (i->state == INTERACTION_QUEUED) {
    i->agent_id = offer ? in->agent_id : in->actor ? in->actor->agent_id : 0;
    if (service) i->weight = service->weight;
    if (service) i->medium = (int64_t)service->medium;
  }
  i->offer_until = offer ? in->now_ms + (service ? service->offer_ms : 0) : 0;
  i->front = false;
}

static void to_end(struct interaction *i, const struct move_in *in, const struct service *service) {
  bool wraps = in->move == INTERACTION_MOVE_WRAPUP;
  if (i->state == INTERACTION_OFFERED) i->agent_id = 0; /* nobody has taken it */
  if (in->close_reason) i->close_reason = in->close_reason;
  i->wrapup_until = wraps ? in->now_ms + (service ? service->wrapup_ms : 0) : 0;
  i->closed_at = wraps ? 0 : in->now_ms;
  i->offer_until = 0;
}

static void apply(struct interaction *i, const struct move_in *in, enum interaction_state to,
                  const struct service *service) {
  if (to == INTERACTION_QUEUED) to_queue(i, in, service);
  if (to == INTERACTION_OFFERED || to == INTERACTION_ACTIVE) to_agent(i, in, service);
  if (to == INTERACTION_WRAPUP || to == INTERACTION_CLOSED) to_end(i, in, service);
  i->state = to;
  i->state_at = in->now_ms;
}

static bool save(struct db *tx, struct interaction *i) {
  enum db_result r =
      db_exec(tx, Q_INTERACTION_CHANGE, v_int(i->id), v_int(i->instance_id), v_int(i->version), v_int(i->service_id),
              v_int((int64_t)i->state), v_int(i->agent_id), v_int(i->priority), v_int(i->medium), v_int(i->weight),
              v_int(i->queued_at), v_int(i->front), v_int(i->offer_until), v_int(i->wrapup_until),
              v_int(i->last_agent_id), v_int(i->state_at), v_int(i->closed_at), v_text(i->close_reason));
  i->version++;
  return r == DB_OK;
}

/* ---- what follows ---- */

static bool timers(struct db *tx, const struct interaction *was, const struct interaction *i, const struct move_in *in,
                   const struct service *service) {
  bool ok = true, waited = was->state == INTERACTION_OFFERED || was->state == INTERACTION_QUEUED;
  bool transfer = in->move == INTERACTION_MOVE_TRANSFER;
  if (was->state == INTERACTION_OFFERED) ok = moves_due_delete(tx, DUE_OFFER, i->id);
  if (was->state == INTERACTION_SCHEDULED) ok = moves_due_delete(tx, DUE_SCHEDULED, i->id);
  if (ok && transfer) ok = db_exec(tx, Q_DUE_DELETE_WAITING, v_int(i->id)) != DB_FAILED;
  switch (i->state) {
  case INTERACTION_QUEUED:
    if (ok && service && (!waited || transfer)) ok = moves_arm_waiting(tx, service, i->instance_id, i->id, in->now_ms);
    break;
  case INTERACTION_OFFERED: return ok && moves_due_set(tx, DUE_OFFER, i->id, i->instance_id, i->offer_until);
  case INTERACTION_ACTIVE: return ok && db_exec(tx, Q_DUE_DELETE_WAITING, v_int(i->id)) != DB_FAILED;
  case INTERACTION_WRAPUP:
    return ok && db_exec(tx, Q_DUE_DELETE_INTERACTION, v_int(i->id)) != DB_FAILED &&
           moves_due_set(tx, DUE_WRAPUP, i->id, i->instance_id, i->wrapup_until);
  case INTERACTION_CLOSED: return ok && db_exec(tx, Q_DUE_DELETE_INTERACTION, v_int(i->id)) != DB_FAILED;
  case INTERACTION_SCHEDULED:
  case INTERACTION_STATE_COUNT: break;
  }
  return ok;
}

/* Refusals, the agents' idleness, the customer's open interaction. */
static bool aftermath(struct db *tx, const struct interaction *was, const struct interaction *i,
                      const struct move_in *in) {
  bool ok = true, transfer = in->move == INTERACTION_MOVE_TRANSFER;
  bool ends = i->state == INTERACTION_CLOSED || i->state == INTERACTION_WRAPUP;
  if (ends || transfer) ok = db_exec(tx, Q_REFUSAL_DELETE, v_int(i->id)) != DB_FAILED;
  /* Who declined it, let it pass or gave it away is not the next to be asked. */
  if (ok && in->pause_ms && was->agent_id)
    ok = db_exec(tx, Q_REFUSAL_SET, v_int(i->id), v_int(was->agent_id), v_int(in->now_ms + in->pause_ms)) == DB_OK;
  if (ok && i->agent_id && was->agent_id != i->agent_id)
    ok = db_exec(tx, Q_PRESENCE_IDLE, v_int(i->agent_id), v_int(in->now_ms)) != DB_FAILED;
  if (ok && was->agent_id && (was->agent_id != i->agent_id || ends))
    ok = db_exec(tx, Q_PRESENCE_IDLE, v_int(was->agent_id), v_int(in->now_ms)) != DB_FAILED;
  if (ok && ends && was->state != INTERACTION_WRAPUP)
    ok = db_exec(tx, Q_CUSTOMER_SET_OPEN, v_int(i->customer_id), v_int(0)) == DB_OK &&
         db_exec(tx, Q_ACTIVITY_DELETE, v_int(i->id)) != DB_FAILED;
  return ok;
}

static enum event_kind kind_of(const struct move_in *in) {
  switch (in->move) {
  case INTERACTION_MOVE_COME_DUE: return EVENT_INTERACTION_QUEUED;
  case INTERACTION_MOVE_OFFER: return EVENT_INTERACTION_OFFERED;
  case INTERACTION_MOVE_ACCEPT:
  case INTERACTION_MOVE_AGENT_WRITES: return EVENT_INTERACTION_ACCEPTED;
  case INTERACTION_MOVE_DECLINE: return EVENT_INTERACTION_DECLINED;
  case INTERACTION_MOVE_OFFER_EXPIRED: return EVENT_INTERACTION_OFFER_EXPIRED;
  case INTERACTION_MOVE_TRANSFER: return in->overflow ? EVENT_INTERACTION_OVERFLOWED : EVENT_INTERACTION_TRANSFERRED;
  case INTERACTION_MOVE_WRAPUP: return EVENT_INTERACTION_WRAPUP;
  case INTERACTION_MOVE_END_WRAPUP:
  case INTERACTION_MOVE_CLOSE: return EVENT_INTERACTION_CLOSED;
  case INTERACTION_MOVE_CUSTOMER_WRITES:
  case INTERACTION_MOVE_BOT_WRITES:
  case INTERACTION_MOVE_WITHDRAW:
  case INTERACTION_MOVE_AGENT_GONE: break;
  }
  return EVENT_INTERACTION_REQUEUED;
}

static bool tell(struct db *tx, const struct interaction *was, const struct interaction *i, const struct move_in *in) {
  char extra[160] = "", at[CLOCK_RFC3339_LEN];
  struct event e = {.at = in->now_ms, .kind = kind_of(in), .interaction_id = i->id, .agent_id = was->agent_id};
  if (i->state == INTERACTION_CLOSED) e.kind = EVENT_INTERACTION_CLOSED;
  if (i->state == INTERACTION_OFFERED) {
    e.agent_id = i->agent_id;
    snprintf(extra, sizeof extra, "\"agentId\":%lld,\"until\":\"%s\"%s%s", (long long)i->agent_id,
             clock_rfc3339(i->offer_until, at), in->extra ? "," : "", in->extra ? in->extra : "");
  } else if (i->state == INTERACTION_WRAPUP) {
    snprintf(extra, sizeof extra, "\"until\":\"%s\"", clock_rfc3339(i->wrapup_until, at));
  } else if (in->move == INTERACTION_MOVE_TRANSFER) {
    bool to_agent_id = in->agent_id != 0;
    snprintf(extra, sizeof extra, "\"%s\":%lld", to_agent_id ? "agentId" : "serviceId",
             (long long)(to_agent_id ? in->agent_id : i->service_id));
  } else if (e.kind == EVENT_INTERACTION_REQUEUED) {
    snprintf(extra, sizeof extra, "\"why\":\"%s\"", in->why ? in->why : "withdrawn");
  }
  /* Of a declined or passed offer the agent is the one who had it. */
  return moves_tell(tx, i->instance_id, in->actor, e, *extra ? extra : NULL);
}

enum conversation_result interaction_move(struct db *tx, const struct registry *registry, struct interaction *i,
                                          const struct move_in *in, struct conversation_why *why) {
  enum interaction_state to;
  const struct interaction was = *i;
  const struct service *service = in->service ? in->service : registry_service(registry, i->service_id);
  *why = (struct conversation_why){.agent_id = i->agent_id};
  if (!interaction_step(i->state, in->move, &to)) return CONVERSATION_REFUSED;
  if (to == i->state && in->move != INTERACTION_MOVE_TRANSFER) return CONVERSATION_OK;
  if (is_anothers(i, in)) return CONVERSATION_TAKEN;
  int64_t agent_id = in->move == INTERACTION_MOVE_OFFER ? in->agent_id : in->actor ? in->actor->agent_id : 0;
  if (agent_id && gets_an_agent(i, in)) {
    enum conversation_result r = room_for(tx, registry, agent_id, service, why);
    if (r != CONVERSATION_OK) return r;
  }
  apply(i, in, to, service);
  bool ok = save(tx, i) && timers(tx, &was, i, in, service) && aftermath(tx, &was, i, in) && tell(tx, &was, i, in);
  return ok ? CONVERSATION_OK : CONVERSATION_FAILED;
}
