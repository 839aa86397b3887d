/* Offers, refusals, transfers, wrap-up, and what falls due. On the writer's thread inside a transaction; may be run
 * again from the start. Each deed reads its rows first and does nothing when they say otherwise by now. */
#include "store/assign.h"

#include "base/mem.h"
#include "core/due.h"
#include "store/moves.h"
#include "store/opening.h"

#include <stdio.h>
#include <string.h>

#define HELD_MAX      1000
#define LOOK_AGAIN_MS 60000 /* the service to overflow into is closed: so long until the next look */

/* ---- offers ---- */

static bool is_ready(struct db *tx, const struct registry *registry, int64_t agent_id) {
  void *pool = mem_pool(NULL, 1024);
  struct presence p;
  presence_get(tx, pool, agent_id, &p);
  bool ready = presence_kind(registry, &p) == STATE_READY;
  mem_free(pool);
  return ready;
}

static enum conversation_result move_one(struct db *tx, const struct registry *registry, int64_t instance_id,
                                         int64_t interaction_id, const struct move_in *in,
                                         struct conversation_why *why) {
  void *pool = mem_pool(NULL, 2048);
  struct interaction i;
  enum conversation_result r = CONVERSATION_UNKNOWN;
  if (interaction_get(tx, pool, instance_id, interaction_id, &i)) r = interaction_move(tx, registry, &i, in, why);
  mem_free(pool);
  return db_failed(tx) ? CONVERSATION_FAILED : r;
}

enum conversation_result assign_offer(struct db *tx, const struct registry *registry, int64_t instance_id,
                                      const struct routing_offer *offer, int64_t now_ms) {
  const struct agent *agent = registry_agent(registry, offer->agent_id);
  const struct service *service = registry_service(registry, offer->service_id);
  struct conversation_why why;
  char extra[96];
  if (!agent || !agent->enabled || !service || !is_ready(tx, registry, agent->id)) return CONVERSATION_REFUSED;
  snprintf(extra, sizeof extra, "\"by\":\"%s\",\"of\":%lld",
           offer->preferred ? "last_agent" : strategy_words[service->strategy], (long long)offer->able);
  const struct move_in in = {.move = INTERACTION_MOVE_OFFER, .agent_id = agent->id, .extra = extra, .now_ms = now_ms};
  return move_one(tx, registry, instance_id, offer->interaction_id, &in, &why);
}

enum conversation_result assign_decline(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                                        int64_t instance_id, int64_t interaction_id, const struct actor *actor,
                                        int64_t now_ms, struct conversation_why *why) {
  const struct move_in in = {
      .move = INTERACTION_MOVE_DECLINE, .actor = actor, .pause_ms = conf->pause_ms, .now_ms = now_ms};
  return move_one(tx, registry, instance_id, interaction_id, &in, why);
}

enum conversation_result assign_end_wrapup(struct db *tx, const struct registry *registry, int64_t instance_id,
                                           int64_t interaction_id, const struct actor *actor, int64_t now_ms,
                                           struct conversation_why *why) {
  const struct move_in in = {.move = INTERACTION_MOVE_END_WRAPUP, .actor = actor, .now_ms = now_ms};
  return move_one(tx, registry, instance_id, interaction_id, &in, why);
}

/* ---- transfers ---- */

static enum transfer_result target_of(struct db *tx, const struct registry *registry, int64_t instance_id,
                                      const struct transfer_in *to) {
  const struct service *service = to->service_id ? registry_service(registry, to->service_id) : NULL;
  const struct agent *agent = to->agent_id ? registry_agent(registry, to->agent_id) : NULL;
  if (to->service_id)
    return service && service->instance_id == instance_id && service->enabled ? TRANSFER_MOVED : TRANSFER_NO_TARGET;
  if (!agent || agent->instance_id != instance_id || !agent->enabled) return TRANSFER_NO_TARGET;
  return is_ready(tx, registry, agent->id) ? TRANSFER_MOVED : TRANSFER_NOT_READY;
}

enum conversation_result assign_transfer(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                                         int64_t instance_id, int64_t interaction_id, const struct actor *actor,
                                         const struct transfer_in *to, int64_t now_ms, struct conversation_why *why,
                                         enum transfer_result *ret_target) {
  int64_t note_id;
  *why = (struct conversation_why){.agent_id = 0};
  *ret_target = target_of(tx, registry, instance_id, to);
  if (*ret_target != TRANSFER_MOVED) return CONVERSATION_REFUSED;
  const struct move_in away = {.move = INTERACTION_MOVE_TRANSFER,
                               .actor = actor,
                               .agent_id = to->agent_id,
                               .pause_ms = to->agent_id ? 0 : conf->pause_ms,
                               .service = to->service_id ? registry_service(registry, to->service_id) : NULL,
                               .now_ms = now_ms};
  enum conversation_result r = move_one(tx, registry, instance_id, interaction_id, &away, why);
  if (r == CONVERSATION_OK && to->agent_id) {
    const struct move_in offer = {.move = INTERACTION_MOVE_OFFER, .agent_id = to->agent_id, .now_ms = now_ms};
    r = move_one(tx, registry, instance_id, interaction_id, &offer, why);
  }
  if (r == CONVERSATION_OK && to->note)
    r = conversation_note(tx, instance_id, interaction_id, actor, to->note, now_ms, &note_id);
  return r;
}

/* ---- agents who leave ---- */

static const struct {
  bool when_gone; /* only then */
  enum interaction_move move;
  const char *why;
} leaving[INTERACTION_STATE_COUNT] = {
    [INTERACTION_OFFERED] = {false, INTERACTION_MOVE_AGENT_GONE, "agent_not_ready"},
    [INTERACTION_ACTIVE] = {true, INTERACTION_MOVE_AGENT_GONE, "agent_gone"},
    [INTERACTION_WRAPUP] = {true, INTERACTION_MOVE_AGENT_GONE, "agent_gone"},
};

bool assign_agent_leaves(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                         const struct agent *agent, bool gone, int64_t now_ms) {
  struct db_rows rows;
  int64_t *held = mem_array(NULL, int64_t, HELD_MAX);
  int n = 0;
  bool ok = true;
  db_open(tx, &rows, Q_AGENT_HOLDS, v_int(agent->id));
  while (n < HELD_MAX && db_next(&rows)) held[n++] = col_int(&rows, 0);
  db_close(&rows);
  for (int k = 0; ok && k < n; k++) {
    void *pool = mem_pool(NULL, 2048);
    struct interaction i;
    struct conversation_why why;
    bool found = interaction_get(tx, pool, agent->instance_id, held[k], &i);
    bool stays =
        found && ((leaving[i.state].when_gone && !gone) || (i.state == INTERACTION_ACTIVE && !conf->gone_active));
    if (found && !stays) {
      const struct move_in in = {
          .move = leaving[i.state].move, .why = gone ? "agent_gone" : leaving[i.state].why, .now_ms = now_ms};
      ok = interaction_move(tx, registry, &i, &in, &why) == CONVERSATION_OK;
    }
    mem_free(pool);
  }
  mem_free(held);
  return ok && !db_failed(tx);
}

/* ---- what falls due ---- */

struct deed {
  struct db *tx;
  const struct registry *registry;
  const struct assign_conf *conf;
  const struct due *due;
  struct interaction *i; /* NULL: it is about an agent */
  const struct service *service;
  int64_t now_ms;
};

/* What the state does not allow any more is no failure. */
static bool moved(const struct deed *d, const struct move_in *in) {
  struct conversation_why why;
  return interaction_move(d->tx, d->registry, d->i, in, &why) != CONVERSATION_FAILED;
}

static bool later(const struct deed *d, int64_t at) {
  return moves_due_set(d->tx, (int)d->due->kind, d->due->ref_id, d->due->instance_id, at);
}

static bool offer_is_due(const struct deed *d) {
  return moved(
      d, &(struct move_in){.move = INTERACTION_MOVE_OFFER_EXPIRED, .pause_ms = d->conf->pause_ms, .now_ms = d->now_ms});
}
static bool wrapup_is_due(const struct deed *d) {
  return moved(d, &(struct move_in){.move = INTERACTION_MOVE_END_WRAPUP, .now_ms = d->now_ms});
}
static bool scheduled_is_due(const struct deed *d) {
  return moved(d, &(struct move_in){.move = INTERACTION_MOVE_COME_DUE, .now_ms = d->now_ms});
}

static bool overflow_is_due(const struct deed *d) {
  if (d->i->state == INTERACTION_OFFERED) return later(d, d->i->offer_until + 1);
  const struct service *to = d->service ? registry_service(d->registry, d->service->overflow_service_id) : NULL;
  if (d->i->state != INTERACTION_QUEUED || !to || !to->enabled || to->id == d->i->service_first_id) return true;
  if (!opening_now(d->registry, to, d->now_ms)) return later(d, d->now_ms + LOOK_AGAIN_MS);
  return moved(
      d, &(struct move_in){.move = INTERACTION_MOVE_TRANSFER, .service = to, .overflow = true, .now_ms = d->now_ms});
}

static bool ended(const struct deed *d, enum close_reason reason) {
  return conversation_close_by_clock(d->tx, d->registry, d->i, reason, d->conf->retention_ms, d->now_ms) !=
         CONVERSATION_FAILED;
}

static bool max_wait_is_due(const struct deed *d) {
  if (d->i->state == INTERACTION_OFFERED) return later(d, d->i->offer_until + 1);
  return d->i->state != INTERACTION_QUEUED || ended(d, CLOSE_MAX_WAIT);
}

static bool idle_is_due(const struct deed *d) {
  bool open = d->i->state == INTERACTION_QUEUED || d->i->state == INTERACTION_ACTIVE;
  if (d->i->state == INTERACTION_OFFERED) return later(d, d->i->offer_until + 1);
  return !open || ended(d, CLOSE_TIMEOUT);
}

/* It came while the service was closed: the customer is told, and it waits or ends. */
static bool hours_are_due(const struct deed *d) {
  const struct service *s = d->service;
  if (d->i->state != INTERACTION_QUEUED || !s || opening_now(d->registry, s, d->now_ms)) return true;
  if (*s->closed_reply && conversation_reply_by_clock(d->tx, d->registry, d->i, s->closed_reply, d->conf->retention_ms,
                                                      d->now_ms) == CONVERSATION_FAILED)
    return false;
  return s->closed_policy != CLOSED_REFUSE || ended(d, CLOSE_OUT_OF_HOURS);
}

static bool agent_gone_is_due(const struct deed *d) {
  const struct agent *agent = registry_agent(d->registry, d->due->ref_id);
  const struct agent_state *out =
      agent ? registry_state_of_kind(d->registry, agent->instance_id, STATE_LOGGED_OUT) : NULL;
  void *pool = mem_pool(NULL, 1024);
  struct presence p;
  presence_get(d->tx, pool, d->due->ref_id, &p);
  bool gone = out && p.gone_at && presence_kind(d->registry, &p) != STATE_LOGGED_OUT;
  mem_free(pool);
  return !gone || presence_set(d->tx, d->registry, d->conf, agent->id, out, "connection lost", NULL, d->now_ms);
}

static const struct {
  enum due_kind kind;
  bool (*act)(const struct deed *d);
} deeds[] = {
    {DUE_OFFER, offer_is_due},       {DUE_WRAPUP, wrapup_is_due},         {DUE_OVERFLOW, overflow_is_due},
    {DUE_MAX_WAIT, max_wait_is_due}, {DUE_HOURS, hours_are_due},          {DUE_SCHEDULED, scheduled_is_due},
    {DUE_IDLE, idle_is_due},         {DUE_AGENT_GONE, agent_gone_is_due},
};

bool assign_due(struct db *tx, const struct registry *registry, const struct assign_conf *conf, const struct due *due,
                int64_t now_ms) {
  int64_t at = db_int(tx, Q_DUE_GET, 0, v_int(due->kind), v_int(due->ref_id));
  if (at == 0 || at > now_ms) return !db_failed(tx); /* settled, or put off, since it was read */
  if (!moves_due_delete(tx, (int)due->kind, due->ref_id)) return false;
  void *pool = mem_pool(NULL, 4096);
  struct interaction i;
  struct deed d = {.tx = tx, .registry = registry, .conf = conf, .due = due, .now_ms = now_ms};
  if (interaction_get(tx, pool, due->instance_id, due->ref_id, &i)) {
    d.i = &i;
    d.service = registry_service(registry, i.service_id);
  }
  bool ok = true;
  for (size_t k = 0; k < ARRAY_LEN(deeds); k++)
    if ((int64_t)deeds[k].kind == due->kind && (d.i || deeds[k].kind == DUE_AGENT_GONE)) ok = deeds[k].act(&d);
  mem_free(pool);
  return ok && !db_failed(tx);
}

static int read_due(struct db_rows *rows, struct due *out, int max) {
  int n = 0;
  while (n < max && db_next(rows))
    out[n++] = (struct due){.kind = col_int(rows, 0),
                            .ref_id = col_int(rows, 1),
                            .instance_id = col_int(rows, 2),
                            .due_at = col_int(rows, 3)};
  db_close(rows);
  return n;
}

int due_list(struct db *db, int64_t now_ms, struct due *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_DUE_BEFORE, v_int(now_ms), v_int(max));
  return read_due(&rows, out, max);
}

int due_of(struct db *db, int64_t interaction_id, struct due *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_DUE_OF, v_int(interaction_id));
  return read_due(&rows, out, max);
}

int64_t due_next(struct db *db) {
  return db_int(db, Q_DUE_NEXT, 0);
}
