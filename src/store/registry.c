/* The setup in memory. Readers take the current snapshot under a short lock and keep a reference; whoever first sees a
 * risen epoch loads the next one. Opened secrets live in the snapshot's memory only, which is wiped when the last
 * reference goes. */
#include "store/registry.h"

#include "base/mem.h"
#include "store/registry_read.h"

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
  bool ok = registry_read(store, s, &s->r);
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

const struct named *registry_skill(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->skills, r->skill_count, id);
}
const struct named *registry_group(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->groups, r->group_count, id);
}
const struct named *registry_team(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->teams, r->team_count, id);
}
const struct agent_state *registry_state(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->states, r->state_count, id);
}
const struct qualification *registry_qualification(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->qualifications, r->qualification_count, id);
}
const struct canned_reply *registry_canned_reply(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->canned_replies, r->canned_reply_count, id);
}
const struct calendar *registry_calendar(const struct registry *r, int64_t id) {
  FIND_BY_ID(r->calendars, r->calendar_count, id);
}

static const struct setup_level *find_level(const struct level_slice *slice, int64_t id) {
  FIND_BY_ID(slice->items, slice->count, id);
}
int64_t level_of(const struct level_slice *slice, int64_t id) {
  const struct setup_level *found = find_level(slice, id);
  return found ? found->level : 0;
}

const struct agent_state *registry_state_of_kind(const struct registry *r, int64_t instance_id, enum state_kind kind) {
  const struct agent_state *best = NULL;
  for (int i = 0; i < r->state_count; i++) {
    const struct agent_state *s = &r->states[i];
    bool fits = s->instance_id == instance_id && s->kind == kind && s->enabled;
    if (fits && (!best || s->position < best->position)) best = s;
  }
  return best;
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
