/* Changing the setup of custom channels and of the account tokens that they log in with. As store/setup.h: each a whole
 * change, never on an HTTP thread. Enabling and disabling a channel: setup_channel_enable. */
#pragma once

#include "store/setup.h"

#define ACCOUNT_TOKEN_LEN 65 /* 64 hex and NUL */
/* Names are unique in the instance. */
bool setup_account_token_create(struct store *s, int64_t instance_id, const char *name, int64_t *ret_id,
                                char ret_token[static ACCOUNT_TOKEN_LEN], char err[static 256]) MUST_CHECK;
/* Disabling ends everything that was issued for the token; channels that sign with it send nothing until they get
 * another. */
bool setup_account_token_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled,
                                char err[static 256]) MUST_CHECK;

#define CUSTOM_ACCESS_MS  INT64_C(900000)
#define CUSTOM_REFRESH_MS INT64_C(86400000)
struct setup_custom {
  const char *name;
  const char *callback_url; /* "" for none; http or https, at most 2000 characters */
  int64_t service_id;       /* 0: the instance's first service, made when there is none */
  int64_t token_id;
  int64_t access_ms, refresh_ms;       /* a second to ten years; refresh at least access */
  int64_t idle_close_ms, bot_close_ms; /* 0: never; else a minute to 14 days, to 7 days. The first is
                                          longer than the service's max_wait_ms */
};
#define CHANNEL_UUID_LEN 37
#define CHANNEL_SALT_LEN 65 /* 64 hex and NUL */
void setup_custom_uuid(char ret_uuid[static CHANNEL_UUID_LEN]);
/* A salt may be made before its channel, so that the callback can be checked with it first. */
void setup_custom_salt(char ret_salt[static CHANNEL_SALT_LEN]);
bool setup_custom_create(struct store *s, int64_t instance_id, const struct setup_custom *c, const char *salt,
                         int64_t *ret_id, char ret_uuid[static CHANNEL_UUID_LEN], char err[static 256]) MUST_CHECK;
bool setup_custom_update(struct store *s, int64_t instance_id, int64_t id, const struct setup_custom *c,
                         char err[static 256]) MUST_CHECK;
