/* The setup in memory. Readers take the current snapshot under a short lock and keep a reference; whoever first sees a
 * risen epoch loads the next one. Opened secrets live in the snapshot's memory only, which is wiped when the last
 * reference goes. */
#include "store/registry.h"

#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <uthash.h>

struct client_entry {
  const struct channel *channel;
  UT_hash_handle hh;
};
struct token_entry {
  const struct api_token *token;
  UT_hash_handle hh;
};
struct account_token_entry {
  const struct account_token *token;
  UT_hash_handle hh;
};

struct snapshot {
  struct registry r; /* first: a registry is its snapshot */
  atomic_int references;
  struct client_entry *clients;
  struct token_entry *tokens_by_hash;
  struct account_token_entry *account_tokens_by_hash;
};

/* One per process: there is one store. */
static struct {
  pthread_mutex_t lock;
  struct snapshot *current;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void wipe(const char *text) {
  if (text) secret_wipe((void *)(uintptr_t)text, strlen(text));
}

static void release(struct snapshot *s) {
  if (atomic_fetch_sub(&s->references, 1) != 1) return;
  for (int i = 0; i < s->r.channel_count; i++) {
    const struct channel *c = &s->r.channels[i];
    wipe(c->secret);
    wipe(c->old_secret);
  }
  for (int i = 0; i < s->r.account_token_count; i++) wipe(s->r.account_tokens[i].value);
  HASH_CLEAR(hh, s->clients);
  HASH_CLEAR(hh, s->account_tokens_by_hash);
  HASH_CLEAR(hh, s->tokens_by_hash);
  mem_free(s);
}

/* Rows of a query into a growing array of `item` bytes each. */
struct rows_out {
  struct db *db;
  void *ctx;
  const struct master_key *key;
  const struct registry *registry; /* what was read so far */
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
    const struct account_token *token = registry_account_token(o->registry, c->token_id);
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

static void make_indexes(struct snapshot *s) {
  struct client_entry *clients = mem_array(s, struct client_entry, (size_t)s->r.channel_count + 1);
  for (int i = 0; i < s->r.channel_count; i++) {
    clients[i].channel = &s->r.channels[i];
    HASH_ADD_KEYPTR(hh, s->clients, s->r.channels[i].client_id, strlen(s->r.channels[i].client_id), &clients[i]);
  }
  struct token_entry *tokens = mem_array(s, struct token_entry, (size_t)s->r.token_count + 1);
  for (int i = 0; i < s->r.token_count; i++) {
    tokens[i].token = &s->r.tokens[i];
    HASH_ADD_KEYPTR(hh, s->tokens_by_hash, s->r.tokens[i].hash, SHA256_LEN, &tokens[i]);
  }
  struct account_token_entry *accounts = mem_array(s, struct account_token_entry, (size_t)s->r.account_token_count + 1);
  for (int i = 0; i < s->r.account_token_count; i++) {
    accounts[i].token = &s->r.account_tokens[i];
    HASH_ADD_KEYPTR(hh, s->account_tokens_by_hash, s->r.account_tokens[i].hash, SHA256_LEN, &accounts[i]);
  }
}

static struct snapshot *load(struct store *store) {
  struct snapshot *s = mem_new(NULL, struct snapshot);
  /* Read before the rows: a change that comes in between is seen as a newer epoch and loaded again. */
  s->r.epoch = store_epoch(store);
  struct rows_out o = {.db = store_read_begin(store), .ctx = s, .key = store_key(store), .registry = &s->r};
  LOAD(&o, Q_INSTANCE_ALL, struct instance, s->r.instance_count, s->r.instances, {
    it->id = col_int(&rows, 0);
    it->name = col_dup(&rows, 1, s);
  });
  LOAD(&o, Q_SERVICE_ALL, struct service, s->r.service_count, s->r.services, {
    it->id = col_int(&rows, 0);
    it->instance_id = col_int(&rows, 1);
    it->name = col_dup(&rows, 2, s);
    it->priority = col_int(&rows, 3);
  });
  LOAD(&o, Q_ACCOUNT_TOKEN_ALL, struct account_token, s->r.account_token_count, s->r.account_tokens,
       read_account_token(&o, &rows, it));
  LOAD(&o, Q_CHANNEL_ALL, struct channel, s->r.channel_count, s->r.channels, read_channel(&o, &rows, it));
  LOAD(&o, Q_AGENT_ALL, struct agent, s->r.agent_count, s->r.agents, read_agent(&o, &rows, it));
  LOAD(&o, Q_TOKEN_ALL, struct api_token, s->r.token_count, s->r.tokens, read_token(&o, &rows, it));
  bool ok = !db_failed(o.db);
  store_read_end(store, o.db);
  atomic_init(&s->references, 1);
  if (!ok) {
    release(s);
    return NULL;
  }
  make_indexes(s);
  return s;
}

const struct registry *registry_get(struct store *store) {
  pthread_mutex_lock(&shared.lock);
  if (!shared.current || shared.current->r.epoch != store_epoch(store)) {
    struct snapshot *next = load(store);
    /* When the store cannot be read the old snapshot goes on serving; the next caller tries again. */
    if (next) {
      if (shared.current) release(shared.current);
      shared.current = next;
    }
  }
  struct snapshot *s = shared.current;
  if (s) atomic_fetch_add(&s->references, 1);
  pthread_mutex_unlock(&shared.lock);
  return s ? &s->r : NULL;
}

void registry_put(const struct registry *r) {
  if (r) release((struct snapshot *)(uintptr_t)r);
}

void registry_forget(void) {
  pthread_mutex_lock(&shared.lock);
  if (shared.current) release(shared.current);
  shared.current = NULL;
  pthread_mutex_unlock(&shared.lock);
}

/* Rows come sorted by id. */
#define FIND_BY_ID(array, count, wanted)                                                                               \
  int low = 0, high = (count)-1;                                                                                       \
  while (low <= high) {                                                                                                \
    int mid = (low + high) / 2;                                                                                        \
    if ((array)[mid].id == (wanted)) return &(array)[mid];                                                             \
    if ((array)[mid].id < (wanted))                                                                                    \
      low = mid + 1;                                                                                                   \
    else                                                                                                               \
      high = mid - 1;                                                                                                  \
  }                                                                                                                    \
  return NULL

const struct instance *registry_instance(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->instances, r->instance_count, id);
}
const struct service *registry_service(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->services, r->service_count, id);
}
const struct channel *registry_channel(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->channels, r->channel_count, id);
}
const struct agent *registry_agent(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->agents, r->agent_count, id);
}

const struct instance *registry_instance_named(const struct registry *r, const char *name) {
  for (int i = 0; i < r->instance_count; i++)
    if (!name || strcmp(r->instances[i].name, name) == 0) return &r->instances[i];
  return NULL;
}

const struct channel *registry_client(const struct registry *r, const char *client_id) {
  const struct client_entry *e = NULL;
  HASH_FIND(hh, ((const struct snapshot *)r)->clients, client_id, strlen(client_id), e);
  return e ? e->channel : NULL;
}

const struct api_token *registry_token(const struct registry *r, const uint8_t hash[static SHA256_LEN]) {
  const struct token_entry *e = NULL;
  HASH_FIND(hh, ((const struct snapshot *)r)->tokens_by_hash, hash, SHA256_LEN, e);
  return e ? e->token : NULL;
}

const struct account_token *registry_account_token(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->account_tokens, r->account_token_count, id);
}

const struct account_token *registry_account_token_by_hash(const struct registry *r,
                                                           const uint8_t hash[static SHA256_LEN]) {
  const struct account_token_entry *e = NULL;
  HASH_FIND(hh, ((const struct snapshot *)r)->account_tokens_by_hash, hash, SHA256_LEN, e);
  return e ? e->token : NULL;
}
