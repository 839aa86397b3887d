/* Presence rows and what a change of them brings with it. On the writer's thread inside a transaction, or reading on
 * any reader. Knows nothing of streams: it is told. */
#include "store/presence.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "core/due.h"
#include "store/assign.h"
#include "store/moves.h"

#define KEPT_MAX 4096

static struct presence read_presence(const struct db_rows *rows, void *ctx) {
  return (struct presence){.agent_id = col_int(rows, 0),
                           .state_id = col_int(rows, 1),
                           .reason = col_dup(rows, 2, ctx),
                           .since = col_int(rows, 3),
                           .idle_since = col_int(rows, 4),
                           .gone_at = col_int(rows, 5),
                           .live = col_int(rows, 6) != 0};
}

void presence_get(struct db *db, void *ctx, int64_t agent_id, struct presence *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_PRESENCE_GET, v_int(agent_id));
  *ret = db_next(&rows) ? read_presence(&rows, ctx) : (struct presence){.agent_id = agent_id, .reason = ""};
  db_close(&rows);
}

int presence_list(struct db *db, void *ctx, int64_t instance_id, struct presence *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_PRESENCE_ALL, v_int(instance_id));
  while (n < max && db_next(&rows)) out[n++] = read_presence(&rows, ctx);
  db_close(&rows);
  return n;
}

enum state_kind presence_kind(const struct registry *registry, const struct presence *p) {
  const struct agent_state *state = p->state_id ? registry_state(registry, p->state_id) : NULL;
  return state ? state->kind : STATE_LOGGED_OUT;
}

static bool tell_state(struct db *tx, const struct agent *agent, const struct agent_state *state, const char *reason,
                       const struct actor *actor, int64_t now_ms) {
  void *pool = mem_pool(NULL, 1024);
  char at[CLOCK_RFC3339_LEN];
  struct buf extra;
  buf_init(&extra, pool, 256, 4096);
  buf_printf(&extra, "\"stateId\":%lld,\"kind\":\"%s\",\"since\":\"%s\",\"reason\":", (long long)state->id,
             state_kind_words[state->kind], clock_rfc3339(now_ms, at));
  struct jw w = jw_into(&extra);
  jw_str(&w, reason);
  /* The event is about the agent, whoever set the state. */
  const struct event e = {.at = now_ms, .kind = EVENT_AGENT_STATE, .ref_id = agent->id, .agent_id = agent->id};
  const struct actor by_token = {.display_name = actor ? actor->display_name : ""};
  bool ok = moves_tell(tx, agent->instance_id, actor && !actor->agent_id ? &by_token : NULL, e, extra.data);
  mem_free(pool);
  return ok;
}

bool presence_set(struct db *tx, const struct registry *registry, const struct assign_conf *conf, int64_t agent_id,
                  const struct agent_state *state, const char *reason, const struct actor *actor, int64_t now_ms) {
  const struct agent *agent = registry_agent(registry, agent_id);
  void *pool = mem_pool(NULL, 1024);
  struct presence was;
  presence_get(tx, pool, agent_id, &was);
  bool becomes_ready = state->kind == STATE_READY && presence_kind(registry, &was) != STATE_READY;
  bool ok = agent && db_exec(tx, Q_PRESENCE_SET, v_int(agent_id), v_int(agent->instance_id), v_int(state->id),
                             v_text(reason), v_int(now_ms), v_int(becomes_ready ? now_ms : was.idle_since)) == DB_OK;
  mem_free(pool);
  if (ok) ok = tell_state(tx, agent, state, reason, actor, now_ms);
  if (ok && state->kind == STATE_LOGGED_OUT) ok = moves_due_delete(tx, DUE_AGENT_GONE, agent_id);
  if (!ok || state->kind == STATE_READY) return ok;
  return assign_agent_leaves(tx, registry, conf, agent, state->kind == STATE_LOGGED_OUT, now_ms);
}

bool presence_live(struct db *tx, const struct registry *registry, const struct assign_conf *conf, int64_t agent_id,
                   bool live, int64_t now_ms) {
  const struct agent *agent = registry_agent(registry, agent_id);
  enum db_result r = db_exec(tx, Q_PRESENCE_LIVE, v_int(agent_id), v_int(1), v_int(live ? 0 : now_ms));
  if (!agent || r != DB_OK) return r != DB_FAILED; /* never chose a state: nothing to keep */
  if (live) return moves_due_delete(tx, DUE_AGENT_GONE, agent_id);
  void *pool = mem_pool(NULL, 1024);
  struct presence p;
  presence_get(tx, pool, agent_id, &p);
  bool there = presence_kind(registry, &p) != STATE_LOGGED_OUT;
  mem_free(pool);
  return !there || moves_due_set(tx, DUE_AGENT_GONE, agent_id, agent->instance_id, now_ms + conf->grace_ms);
}

struct kept {
  int64_t agent_id, instance_id;
};

bool presence_all_gone(struct db *tx, const struct assign_conf *conf, int64_t now_ms) {
  struct db_rows rows;
  struct kept *kept = mem_array(NULL, struct kept, KEPT_MAX);
  int n = 0;
  bool ok = true;
  db_open(tx, &rows, Q_PRESENCE_KEPT);
  for (; n < KEPT_MAX && db_next(&rows); n++) {
    kept[n].agent_id = col_int(&rows, 0);
    kept[n].instance_id = col_int(&rows, 1);
  }
  db_close(&rows);
  for (int i = 0; ok && i < n; i++)
    ok = db_exec(tx, Q_PRESENCE_LIVE, v_int(kept[i].agent_id), v_int(1), v_int(now_ms)) == DB_OK &&
         moves_due_set(tx, DUE_AGENT_GONE, kept[i].agent_id, kept[i].instance_id, now_ms + conf->grace_ms);
  mem_free(kept);
  return ok && !db_failed(tx);
}
