/* The setup in memory: instances, services, channels, agents, tokens, and what routing needs. An immutable snapshot,
 * shared by all threads, replaced when the store's epoch has risen, also when another process did it. */
#pragma once

#include "core/calendar.h"
#include "core/rights.h"
#include "core/setup.h"
#include "core/surface.h"
#include "store/store.h"

#define CLIENT_SECRET_MAX 128

struct instance {
  int64_t id;
  const char *name;
};
/* A level from 1 to SKILL_LEVEL_MAX that its owner asks for or has, at something else. Slices are sorted by id. */
struct setup_level {
  int64_t owner_id, id, level;
};
struct level_slice {
  const struct setup_level *items;
  int count;
};
/* A queue. Times of 0: never, or none. */
struct service {
  int64_t id, instance_id, priority;
  const char *name;
  bool enabled;
  enum medium medium;
  int64_t weight; /* what one interaction takes of an agent's capacity */
  enum strategy strategy;
  int64_t sticky_ms, max_wait_ms;
  int64_t overflow_service_id, overflow_after_ms; /* 0: none */
  int64_t offer_ms, wrapup_ms, idle_close_ms;
  int64_t calendar_id; /* 0: always open */
  enum closed_policy closed_policy;
  const char *closed_reply; /* "" for none */
  int64_t level_s;
  struct level_slice skills; /* asked of agents: skill id, least level */
  struct level_slice agents; /* who serves it: agent id, level */
};
struct named {
  int64_t id, instance_id;
  const char *name;
};
struct agent_state {
  int64_t id, instance_id;
  const char *label;
  enum state_kind kind;
  const char *color;
  int64_t position;
  bool enabled;
};
struct qualification {
  int64_t id, instance_id;
  const char *category, *label;
  int64_t service_id; /* 0: all */
  bool enabled;
};
struct canned_reply {
  int64_t id, instance_id;
  int64_t service_id; /* 0: all */
  const char *shortcut, *title, *text;
};
struct calendar {
  int64_t id, instance_id;
  const char *name, *zone;
  const struct calendar_interval *intervals; /* by weekday and start */
  int interval_count;
  const struct calendar_exception *exceptions; /* by day and start */
  int exception_count;
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
  const char *email, *extension, *avatar_url; /* "" when not given */
  int64_t group_id, team_id;                  /* 0: none */
  int64_t capacity;                           /* weight of all interactions at once */
  int64_t medium_most[MEDIUM_COUNT];          /* interactions of one medium at once; -1: no limit of its own */
  struct level_slice skills, services;
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
  const struct named *skills, *groups, *teams;
  int skill_count, group_count, team_count;
  const struct agent_state *states;
  int state_count;
  const struct qualification *qualifications;
  int qualification_count;
  const struct canned_reply *canned_replies;
  int canned_reply_count;
  const struct calendar *calendars;
  int calendar_count;
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
const struct named *registry_skill(const struct registry *r, int64_t id);
const struct named *registry_group(const struct registry *r, int64_t id);
const struct named *registry_team(const struct registry *r, int64_t id);
const struct agent_state *registry_state(const struct registry *r, int64_t id);
/* The first enabled state of the kind, by position; NULL when the instance has none. */
const struct agent_state *registry_state_of_kind(const struct registry *r, int64_t instance_id, enum state_kind kind);
const struct qualification *registry_qualification(const struct registry *r, int64_t id);
const struct canned_reply *registry_canned_reply(const struct registry *r, int64_t id);
const struct calendar *registry_calendar(const struct registry *r, int64_t id);
/* The level of an id in a slice; 0 when it is not in it. */
int64_t level_of(const struct level_slice *slice, int64_t id);
/* Lets go of the cached snapshot: at the end of the program, and when another store is opened. */
void registry_forget(void);
