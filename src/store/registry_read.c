/* Every row of the setup into one registry, on the thread that first saw a risen epoch. Owns nothing: what it makes
 * belongs to the snapshot. A secret that does not open leaves its row disabled and a line in the log. */
#include "store/registry_read.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

/* Rows of a query into a growing array of `item` bytes each. */
struct rows_out {
  struct db *db;
  void *ctx;
  const struct master_key *key;
  struct registry *r; /* what was read so far */
};

#define LOAD(out, query, type, count, pointer, body)                                                                   \
  do {                                                                                                                 \
    struct db_rows rows;                                                                                               \
    int cap = 16, n = 0;                                                                                               \
    type *items = mem_array((out)->ctx, type, (size_t)cap);                                                            \
    db_open((out)->db, &rows, query);                                                                                  \
    while (db_next(&rows)) {                                                                                           \
      if (n == cap) items = talloc_realloc((out)->ctx, items, type, (unsigned)(cap *= 2));                             \
      type *it = &items[n++];                                                                                          \
      memset(it, 0, sizeof *it);                                                                                       \
      body;                                                                                                            \
    }                                                                                                                  \
    db_close(&rows);                                                                                                   \
    (count) = n;                                                                                                       \
    (pointer) = items;                                                                                                 \
  } while (0)

static const char *opened(const struct rows_out *o, const char *purpose, const struct db_rows *rows, int column) {
  size_t len = 0;
  const void *sealed = col_bytes(rows, column, &len);
  if (!sealed || len <= SEAL_OVERHEAD || len > SEAL_OVERHEAD + CLIENT_SECRET_MAX) return NULL;
  char *plain = mem_bytes(o->ctx, len - SEAL_OVERHEAD + 1);
  if (!secret_open(o->key, purpose, sealed, len, (uint8_t *)plain)) {
    log_at(LOG_ERROR, "store.secret_closed", log_t("what", purpose),
           log_t("why", "it does not open with this master key"),
           log_t("do", "put the master key back that belongs to this store"));
    return NULL;
  }
  plain[len - SEAL_OVERHEAD] = 0;
  return plain;
}

static void copy_hash(const struct db_rows *rows, int column, uint8_t out[SHA256_LEN]) {
  size_t len = 0;
  const void *hash = col_bytes(rows, column, &len);
  if (hash && len == SHA256_LEN) memcpy(out, hash, SHA256_LEN);
}

static void read_channel(const struct rows_out *o, const struct db_rows *rows, struct channel *c) {
  c->id = col_int(rows, 0);
  c->instance_id = col_int(rows, 1);
  c->kind = (enum channel_kind)col_int(rows, 2);
  c->name = col_dup(rows, 3, o->ctx);
  c->enabled = col_int(rows, 4) != 0;
  c->service_id = col_int(rows, 5);
  c->webhook_url = col_dup(rows, 6, o->ctx);
  c->show_agent = col_int(rows, 7) != 0;
  c->client_id = col_dup(rows, 8, o->ctx);
  c->secret = opened(o, "channel.secret", rows, 9);
  copy_hash(rows, 10, c->secret_hash);
  c->old_secret = opened(o, "channel.secret", rows, 11);
  copy_hash(rows, 12, c->old_hash);
  c->old_until = col_int(rows, 13);
  c->generation = col_int(rows, 14);
  c->created_at = col_int(rows, 15);
  c->token_id = col_int(rows, 16);
  c->access_ms = col_int(rows, 17);
  c->refresh_ms = col_int(rows, 18);
  c->idle_close_ms = col_int(rows, 19);
  c->bot_close_ms = col_int(rows, 20);
  if (c->token_id) {
    const struct account_token *token = registry_account_token(o->r, c->token_id);
    c->token = token && token->enabled ? token->value : NULL;
  }
  if (!c->secret) c->enabled = false;
}

static void read_agent(const struct rows_out *o, const struct db_rows *rows, struct agent *a) {
  a->id = col_int(rows, 0);
  a->instance_id = col_int(rows, 1);
  a->login = col_dup(rows, 2, o->ctx);
  a->first_name = col_dup(rows, 3, o->ctx);
  a->last_name = col_dup(rows, 4, o->ctx);
  a->profile = (enum agent_profile)col_int(rows, 5);
  a->enabled = col_int(rows, 6) != 0;
  a->created_at = col_int(rows, 7);
  a->email = col_dup(rows, 8, o->ctx);
  a->extension = col_dup(rows, 9, o->ctx);
  a->avatar_url = col_dup(rows, 10, o->ctx);
  a->group_id = col_int(rows, 11);
  a->team_id = col_int(rows, 12);
  a->capacity = col_int(rows, 13);
  for (int i = 0; i < MEDIUM_COUNT; i++) a->medium_most[i] = -1;
  const char *gap = *a->first_name && *a->last_name ? " " : "";
  a->display_name = mem_printf(o->ctx, "%s%s%s", a->first_name, gap, a->last_name);
  if (!*a->display_name) a->display_name = a->login;
}

static void read_token(const struct rows_out *o, const struct db_rows *rows, struct api_token *t) {
  t->id = col_int(rows, 0);
  t->instance_id = col_int(rows, 1);
  t->label = col_dup(rows, 2, o->ctx);
  copy_hash(rows, 3, t->hash);
  t->rights = col_int(rows, 4);
  t->enabled = col_int(rows, 5) != 0;
  t->created_at = col_int(rows, 6);
  t->last_used_at = col_int(rows, 7);
}

static void read_account_token(const struct rows_out *o, const struct db_rows *rows, struct account_token *t) {
  t->id = col_int(rows, 0);
  t->instance_id = col_int(rows, 1);
  t->name = col_dup(rows, 2, o->ctx);
  t->value = opened(o, "account.token", rows, 3);
  copy_hash(rows, 4, t->hash);
  t->enabled = col_int(rows, 5) != 0 && t->value;
  t->generation = col_int(rows, 6);
  t->created_at = col_int(rows, 7);
}

static void read_service(const struct rows_out *o, const struct db_rows *rows, struct service *v) {
  v->id = col_int(rows, 0);
  v->instance_id = col_int(rows, 1);
  v->name = col_dup(rows, 2, o->ctx);
  v->priority = col_int(rows, 3);
  v->enabled = col_int(rows, 4) != 0;
  v->medium = (enum medium)col_int(rows, 5);
  v->weight = col_int(rows, 6);
  v->strategy = (enum strategy)col_int(rows, 7);
  v->sticky_ms = col_int(rows, 8);
  v->max_wait_ms = col_int(rows, 9);
  v->overflow_service_id = col_int(rows, 10);
  v->overflow_after_ms = col_int(rows, 11);
  v->offer_ms = col_int(rows, 12);
  v->wrapup_ms = col_int(rows, 13);
  v->idle_close_ms = col_int(rows, 14);
  v->calendar_id = col_int(rows, 15);
  v->closed_policy = (enum closed_policy)col_int(rows, 16);
  v->closed_reply = col_dup(rows, 17, o->ctx);
  v->level_s = col_int(rows, 18);
}

static void read_named(const struct rows_out *o, const struct db_rows *rows, struct named *n) {
  n->id = col_int(rows, 0);
  n->instance_id = col_int(rows, 1);
  n->name = col_dup(rows, 2, o->ctx);
}

static void read_state(const struct rows_out *o, const struct db_rows *rows, struct agent_state *s) {
  s->id = col_int(rows, 0);
  s->instance_id = col_int(rows, 1);
  s->label = col_dup(rows, 2, o->ctx);
  s->kind = (enum state_kind)col_int(rows, 3);
  s->color = col_dup(rows, 4, o->ctx);
  s->position = col_int(rows, 5);
  s->enabled = col_int(rows, 6) != 0;
}

static void read_qualification(const struct rows_out *o, const struct db_rows *rows, struct qualification *q) {
  q->id = col_int(rows, 0);
  q->instance_id = col_int(rows, 1);
  q->category = col_dup(rows, 2, o->ctx);
  q->label = col_dup(rows, 3, o->ctx);
  q->service_id = col_int(rows, 4);
  q->enabled = col_int(rows, 5) != 0;
}

static void read_canned_reply(const struct rows_out *o, const struct db_rows *rows, struct canned_reply *c) {
  c->id = col_int(rows, 0);
  c->instance_id = col_int(rows, 1);
  c->service_id = col_int(rows, 2);
  c->shortcut = col_dup(rows, 3, o->ctx);
  c->title = col_dup(rows, 4, o->ctx);
  c->text = col_dup(rows, 5, o->ctx);
}

/* ---- rows that belong to others ---- */

/* The rows of one owner in an array sorted by owner: from *at on, which moves behind them. */
#define SLICE_OF(array, count, field, owner, at, ret_items, ret_count)                                                 \
  do {                                                                                                                 \
    while (*(at) < (count) && (array)[*(at)].field < (owner)) (*(at))++;                                               \
    (ret_items) = (array) + *(at);                                                                                     \
    int first = *(at);                                                                                                 \
    while (*(at) < (count) && (array)[*(at)].field == (owner)) (*(at))++;                                              \
    (ret_count) = *(at)-first;                                                                                         \
  } while (0)

struct levels {
  const struct setup_level *items;
  int count, at;
};

static struct levels read_levels(const struct rows_out *o, enum query query) {
  struct levels all = {.at = 0};
  LOAD(o, query, struct setup_level, all.count, all.items, {
    it->owner_id = col_int(&rows, 0);
    it->id = col_int(&rows, 1);
    it->level = col_int(&rows, 2);
  });
  return all;
}

static void take_levels(struct levels *all, int64_t owner_id, struct level_slice *ret) {
  SLICE_OF(all->items, all->count, owner_id, owner_id, &all->at, ret->items, ret->count);
}

static void read_services(const struct rows_out *o) {
  struct service *services;
  LOAD(o, Q_SERVICE_ALL, struct service, o->r->service_count, services, read_service(o, &rows, it));
  struct levels skills = read_levels(o, Q_SERVICE_SKILL_ALL), agents = read_levels(o, Q_SERVICE_AGENT_ALL);
  for (int i = 0; i < o->r->service_count; i++) {
    take_levels(&skills, services[i].id, &services[i].skills);
    take_levels(&agents, services[i].id, &services[i].agents);
  }
  o->r->services = services;
}

static void read_agents(const struct rows_out *o) {
  struct agent *agents;
  LOAD(o, Q_AGENT_ALL, struct agent, o->r->agent_count, agents, read_agent(o, &rows, it));
  struct levels skills = read_levels(o, Q_AGENT_SKILL_ALL), services = read_levels(o, Q_AGENT_SERVICE_ALL),
                media = read_levels(o, Q_AGENT_MEDIUM_ALL);
  for (int i = 0; i < o->r->agent_count; i++) {
    struct level_slice most;
    take_levels(&skills, agents[i].id, &agents[i].skills);
    take_levels(&services, agents[i].id, &agents[i].services);
    take_levels(&media, agents[i].id, &most);
    for (int k = 0; k < most.count; k++)
      if (most.items[k].id >= 0 && most.items[k].id < MEDIUM_COUNT)
        agents[i].medium_most[most.items[k].id] = most.items[k].level;
  }
  o->r->agents = agents;
}

static void read_calendars(const struct rows_out *o) {
  struct calendar *calendars;
  const struct calendar_interval *intervals;
  const struct calendar_exception *exceptions;
  int interval_count, exception_count, interval_at = 0, exception_at = 0;
  LOAD(o, Q_CALENDAR_ALL, struct calendar, o->r->calendar_count, calendars, {
    it->id = col_int(&rows, 0);
    it->instance_id = col_int(&rows, 1);
    it->name = col_dup(&rows, 2, o->ctx);
    it->zone = col_dup(&rows, 3, o->ctx);
  });
  LOAD(o, Q_CALENDAR_INTERVAL_ALL, struct calendar_interval, interval_count, intervals, {
    it->calendar_id = col_int(&rows, 0);
    it->weekday = col_int(&rows, 1);
    it->start_min = col_int(&rows, 2);
    it->end_min = col_int(&rows, 3);
  });
  LOAD(o, Q_CALENDAR_EXCEPTION_ALL, struct calendar_exception, exception_count, exceptions, {
    it->calendar_id = col_int(&rows, 0);
    it->day = col_dup(&rows, 1, o->ctx);
    it->start_min = col_int(&rows, 2);
    it->end_min = col_int(&rows, 3);
    it->label = col_dup(&rows, 4, o->ctx);
  });
  for (int i = 0; i < o->r->calendar_count; i++) {
    struct calendar *c = &calendars[i];
    SLICE_OF(intervals, interval_count, calendar_id, c->id, &interval_at, c->intervals, c->interval_count);
    SLICE_OF(exceptions, exception_count, calendar_id, c->id, &exception_at, c->exceptions, c->exception_count);
  }
  o->r->calendars = calendars;
}

bool registry_read(struct store *store, void *ctx, struct registry *r) {
  struct rows_out o = {.db = store_read_begin(store), .ctx = ctx, .key = store_key(store), .r = r};
  LOAD(&o, Q_INSTANCE_ALL, struct instance, r->instance_count, r->instances, {
    it->id = col_int(&rows, 0);
    it->name = col_dup(&rows, 1, ctx);
  });
  read_services(&o);
  LOAD(&o, Q_ACCOUNT_TOKEN_ALL, struct account_token, r->account_token_count, r->account_tokens,
       read_account_token(&o, &rows, it));
  LOAD(&o, Q_CHANNEL_ALL, struct channel, r->channel_count, r->channels, read_channel(&o, &rows, it));
  read_agents(&o);
  LOAD(&o, Q_TOKEN_ALL, struct api_token, r->token_count, r->tokens, read_token(&o, &rows, it));
  LOAD(&o, Q_SKILL_ALL, struct named, r->skill_count, r->skills, read_named(&o, &rows, it));
  LOAD(&o, Q_GROUP_ALL, struct named, r->group_count, r->groups, read_named(&o, &rows, it));
  LOAD(&o, Q_TEAM_ALL, struct named, r->team_count, r->teams, read_named(&o, &rows, it));
  LOAD(&o, Q_STATE_ALL, struct agent_state, r->state_count, r->states, read_state(&o, &rows, it));
  LOAD(&o, Q_QUALIFICATION_ALL, struct qualification, r->qualification_count, r->qualifications,
       read_qualification(&o, &rows, it));
  LOAD(&o, Q_CANNED_REPLY_ALL, struct canned_reply, r->canned_reply_count, r->canned_replies,
       read_canned_reply(&o, &rows, it));
  read_calendars(&o);
  bool ok = !db_failed(o.db);
  store_read_end(store, o.db);
  return ok;
}
