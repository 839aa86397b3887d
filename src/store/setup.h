/* Changing the setup: for the command line and the administration API. Each function is a whole change: it commits
 * (store_run_now) and raises the epoch. Never on an HTTP thread. All texts UTF-8; names 1 to 100 characters without
 * control characters. Agents and services made here serve, and are served by, all there are (level 1). On false a
 * sentence that names the field stands in err and nothing is stored. */
#pragma once

#include "store/registry.h"

bool setup_instance_create(struct store *s, const char *name, int64_t *ret_id, char err[static 256]) MUST_CHECK;
bool setup_service_create(struct store *s, int64_t instance_id, const char *name, int64_t priority, int64_t *ret_id,
                          char err[static 256]) MUST_CHECK;

#define CLIENT_ID_LEN     33                   /* 32 hex and NUL */
#define CLIENT_SECRET_LEN 65                   /* 64 hex and NUL */
#define KEEP_OLD_MAX_MS   INT64_C(31536000000) /* an old secret's life after its successor was made: a year */
/* A connector's secret, a channel's salt, an account's token: to be told once, compared, and kept. Wipe it. */
struct setup_secret {
  char text[CLIENT_SECRET_LEN];
  uint8_t hash[SHA256_LEN];
  uint8_t sealed[CLIENT_SECRET_LEN - 1 + SEAL_OVERHEAD];
};
#define SETUP_SEAL_CHANNEL "channel.secret"
#define SETUP_SEAL_ACCOUNT "account.token"
void setup_secret_make(struct store *s, const char *purpose, struct setup_secret *ret);
struct setup_channel {
  const char *name;
  const char *webhook_url; /* "" for none; http or https, at most 2000 characters */
  int64_t service_id;      /* 0: the instance's first service, made ("Default") when there is none */
  bool show_agent;
};
bool setup_channel_create(struct store *s, int64_t instance_id, enum channel_kind kind, const struct setup_channel *c,
                          int64_t *ret_id, char ret_client_id[static CLIENT_ID_LEN],
                          char ret_secret[static CLIENT_SECRET_LEN], char err[static 256]) MUST_CHECK;
bool setup_channel_update(struct store *s, int64_t instance_id, int64_t id, const struct setup_channel *c,
                          char err[static 256]) MUST_CHECK;
bool setup_channel_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled,
                          char err[static 256]) MUST_CHECK;
/* The old secret stays good for new tokens for keep_old_ms (at most a year); tokens issued so far end at once. */
bool setup_channel_rotate(struct store *s, int64_t instance_id, int64_t id, int64_t keep_old_ms,
                          char ret_secret[static CLIENT_SECRET_LEN], char err[static 256]) MUST_CHECK;

struct setup_agent {
  const char *login, *password; /* password 8 to 1000 bytes */
  const char *first_name, *last_name;
  enum agent_profile profile;
};
bool setup_agent_create(struct store *s, int64_t instance_id, const struct setup_agent *a, int64_t *ret_id,
                        char err[static 256]) MUST_CHECK;
bool setup_agent_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled,
                        char err[static 256]) MUST_CHECK; /* disabling ends sessions */
bool setup_agent_password(struct store *s, int64_t instance_id, int64_t id, const char *password,
                          char err[static 256]) MUST_CHECK;

#define API_TOKEN_LEN 41 /* 40 hex and NUL */
bool setup_token_create(struct store *s, int64_t instance_id, const char *label, int64_t rights, int64_t *ret_id,
                        char ret_token[static API_TOKEN_LEN], char err[static 256]) MUST_CHECK;
bool setup_token_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled,
                        char err[static 256]) MUST_CHECK;
