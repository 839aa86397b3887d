/* The setup in memory: instances, services, channels, agents, API tokens. An immutable snapshot, shared by all threads,
 * replaced when the store's epoch has risen, also when another process did it. */
#pragma once

#include "core/rights.h"
#include "core/surface.h"
#include "store/store.h"

#define CLIENT_SECRET_MAX 128

struct instance {
  int64_t id;
  const char *name;
};
struct service {
  int64_t id, instance_id, priority;
  const char *name;
};
struct channel {
  int64_t id, instance_id;
  enum channel_kind kind;
  const char *name;
  bool enabled;
  int64_t service_id;
  const char *webhook_url; /* "" when none */
  bool show_agent;         /* sender of answers: the agent's name instead of the instance's */
  const char *client_id;   /* of a custom channel: its UUID, in lower case */
  const char *secret;      /* opened; lives in this snapshot only. Of a custom channel: its salt */
  uint8_t secret_hash[SHA256_LEN];
  const char *old_secret; /* NULL when none */
  uint8_t old_hash[SHA256_LEN];
  int64_t old_until;
  int64_t generation;
  int64_t created_at;
  /* Of custom channels; zeros for others. token: of the chosen API token, NULL when there is none or it is disabled.
   * *_close_ms: 0 never. */
  int64_t token_id;
  const char *token;
  int64_t access_ms, refresh_ms, idle_close_ms, bot_close_ms;
};
struct agent {
  int64_t id, instance_id;
  const char *login, *first_name, *last_name;
  const char *display_name; /* "first last", or the login */
  enum agent_profile profile;
  bool enabled;
  int64_t created_at;
};
struct api_token {
  int64_t id, instance_id;
  const char *label;
  uint8_t hash[SHA256_LEN];
  int64_t rights;
  bool enabled;
  int64_t created_at, last_used_at;
};

/* An API token of an account: custom channels log in with it, and sign. */
struct account_token {
  int64_t id, instance_id;
  const char *name;
  const char *value; /* opened; NULL when it does not open: then it is disabled */
  uint8_t hash[SHA256_LEN];
  bool enabled;
  int64_t generation, created_at;
};

struct registry {
  uint64_t epoch;
  const struct instance *instances;
  int instance_count;
  const struct service *services;
  int service_count;
  const struct channel *channels;
  int channel_count;
  const struct agent *agents;
  int agent_count;
  const struct api_token *tokens;
  int token_count;
  const struct account_token *account_tokens;
  int account_token_count;
  /* private: indexes and the reference count */
};

/* The current snapshot; put it back when done. NULL only when the store cannot be read. */
const struct registry *registry_get(struct store *s);
void registry_put(const struct registry *r);

const struct instance *registry_instance(const struct registry *r, int64_t id);
const struct instance *registry_instance_named(const struct registry *r, const char *name); /* NULL name: the first */
const struct service *registry_service(const struct registry *r, int64_t id);
const struct channel *registry_channel(const struct registry *r, int64_t id);
const struct channel *registry_client(const struct registry *r, const char *client_id);
const struct agent *registry_agent(const struct registry *r, int64_t id);
const struct api_token *registry_token(const struct registry *r, const uint8_t hash[static SHA256_LEN]);
const struct account_token *registry_account_token(const struct registry *r, int64_t id);
const struct account_token *registry_account_token_by_hash(const struct registry *r,
                                                           const uint8_t hash[static SHA256_LEN]);
/* Lets go of the cached snapshot: at the end of the program, and when another store is opened. */
void registry_forget(void);
