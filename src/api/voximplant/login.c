/* Login and refresh: an account's API token, then a refresh token, for a pair of JWTs. On HTTP threads, no I/O: the
 * setup is in memory. An old refresh token stays good until its own end, so that a lost answer can be asked for again;
 * revoking the API token or disabling the channel raises a generation, which ends all that was issued. Wrong
 * tokens are slowed down per address, right ones never. */
#include "api/app.h"
#include "api/errors.h"
#include "api/voximplant/voximplant.h"
#include "auth/access.h"
#include "auth/credentials.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define UUID_LEN 36

/* The custom channel of that UUID in any case, of any account; NULL when there is none. */
static const struct channel *channel_of(const struct registry *r, const char *uuid) {
  char lower[UUID_LEN + 1];
  if (!text_is_uuid(uuid, strlen(uuid))) return NULL;
  for (size_t i = 0; i <= UUID_LEN; i++) lower[i] = (char)tolower((unsigned char)uuid[i]);
  const struct channel *c = registry_client(r, lower);
  return c && c->kind == CHANNEL_VOXIMPLANT ? c : NULL;
}

/* ---- answers ---- */

static char *issue(struct request *req, const struct channel *channel, const struct account_token *token,
                   enum access_use use, int64_t life_ms) {
  const struct instance *account = registry_instance(caller_of(req)->registry, channel->instance_id);
  int64_t now_s = clock_wall_ms() / 1000;
  const struct access_claims claims = {
      .use = use,
      .instance_id = channel->instance_id,
      .channel_id = channel->id,
      .generation = channel->generation,
      .issued_at = now_s,
      .expires_at = now_s + life_ms / 1000,
      .token_id = token->id,
      .token_generation = token->generation,
      .uuid = channel->client_id,
      .account = account->name,
  };
  return access_issue(request_pool(req), &claims);
}

void kit_reply_pair(struct request *req, const struct channel *channel, const struct account_token *token) {
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 1024, 8192);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kbool(&w, "success", true);
  jw_key(&w, "result");
  jw_object(&w);
  jw_kstr(&w, "access_token", issue(req, channel, token, ACCESS_KIT, channel->access_ms));
  jw_kstr(&w, "refresh_token", issue(req, channel, token, ACCESS_KIT_REFRESH, channel->refresh_ms));
  jw_object_end(&w);
  jw_object_end(&w);
  reply_header(req, "Cache-Control", "no-store");
  reply_json(req, 200, b);
}

/* ---- login ---- */

enum { LOGIN_TOKEN, LOGIN_DOMAIN, LOGIN_CHANNEL, LOGIN_COUNT };
static const char *const login_names[] = {"access_token", "domain", "channel_uuid"};

static bool all_given(struct request *req, const char *const *names, const char *const *values, int count) {
  for (int i = 0; i < count; i++) {
    if (values[i]) continue;
    kit_fail(req, 400, mem_printf(request_pool(req), "%s: is required", names[i]));
    return false;
  }
  return true;
}

/* The enabled token of that value in that account, or NULL. */
static const struct account_token *token_of(const struct registry *r, const char *value, const char *domain) {
  uint8_t hash[SHA256_LEN];
  digest_sha256(value, strlen(value), hash);
  const struct account_token *t = registry_account_token_by_hash(r, hash);
  const struct instance *account = t ? registry_instance(r, t->instance_id) : NULL;
  return account && t->enabled && strcmp(account->name, domain) == 0 ? t : NULL;
}

static bool braked(struct request *req, const char *key, int64_t mono_ms) {
  int64_t wait = brake_wait_ms(app()->client_brake, key, mono_ms);
  if (wait <= 0) return false;
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%lld", (long long)((wait + 999) / 1000));
  reply_header(req, "Retry-After", seconds);
  kit_fail(req, 429, "too many wrong access tokens from this address; wait");
  return true;
}

void kit_login(struct request *req) {
  const char *v[LOGIN_COUNT];
  if (!kit_params(req, login_names, v, LOGIN_COUNT) || !all_given(req, login_names, v, LOGIN_COUNT)) return;
  char peer[ADDRESS_TEXT_LEN], key[160];
  int64_t mono_ms = clock_mono_us() / 1000;
  snprintf(key, sizeof key, "kit %s %.64s", address_network_text(request_peer(req), peer), v[LOGIN_DOMAIN]);
  const struct registry *r = caller_of(req)->registry;
  const struct account_token *token = token_of(r, v[LOGIN_TOKEN], v[LOGIN_DOMAIN]);
  /* 256 bits are not guessed: who knows a token is let in whatever others at their address have tried. */
  if (!token) {
    if (braked(req, key, mono_ms)) return;
    brake_failed(app()->client_brake, key, mono_ms);
    kit_fail(req, 401, "the access token is not one of this account");
    return;
  }
  const struct channel *channel = channel_of(r, v[LOGIN_CHANNEL]);
  if (!channel || channel->instance_id != token->instance_id)
    kit_fail(req, 404, "there is no such channel");
  else if (!channel->enabled)
    kit_fail(req, 403, "the channel is disabled");
  else
    kit_reply_pair(req, channel, token);
}

/* ---- refresh ---- */

const struct channel *kit_still_good(const struct registry *r, const struct access_claims *claims,
                                     const struct account_token **ret_token) {
  const struct channel *c = registry_channel(r, claims->channel_id);
  const struct account_token *t = registry_account_token(r, claims->token_id);
  bool channel = c && c->enabled && c->kind == CHANNEL_VOXIMPLANT && c->instance_id == claims->instance_id &&
                 c->generation == claims->generation;
  bool token = t && t->enabled && t->instance_id == claims->instance_id && t->generation == claims->token_generation;
  if (!channel || !token) return NULL;
  *ret_token = t;
  return c;
}

void kit_refresh(struct request *req) {
  static const char *const names[] = {"refresh_token"};
  const char *value;
  if (!kit_params(req, names, &value, 1) || !all_given(req, names, &value, 1)) return;
  struct access_claims claims;
  const struct account_token *token;
  enum access_result r = access_check(ACCESS_KIT_REFRESH, value, strlen(value), clock_wall_ms() / 1000, &claims);
  const struct channel *channel = r == ACCESS_OK ? kit_still_good(caller_of(req)->registry, &claims, &token) : NULL;
  if (channel)
    kit_reply_pair(req, channel, token);
  else
    kit_fail(req, 401, r == ACCESS_EXPIRED ? "the refresh token has expired" : "the refresh token is not valid");
}

/* ---- events ---- */

/* Older clients of the vendor put the token into a header of its own, with or without its scheme. */
static const char *event_token(struct request *req, size_t *ret_len) {
  const char *own = request_header(req, "X-Kit-Authorization");
  const char *token = bearer_token(own ? own : request_header(req, "Authorization"), ret_len);
  if (token || !own || strchr(own, ' ')) return token;
  *ret_len = strlen(own);
  return own;
}

void kit_admit(struct request *req, struct caller *c) {
  size_t len = 0;
  const char *text = event_token(req, &len);
  struct access_claims claims;
  const struct account_token *token;
  enum access_result r = text ? access_check(ACCESS_KIT, text, len, clock_wall_ms() / 1000, &claims) : ACCESS_FORGED;
  const struct channel *channel = r == ACCESS_OK ? kit_still_good(c->registry, &claims, &token) : NULL;
  if (!channel) {
    reply_header(req, "WWW-Authenticate", text ? "Bearer error=\"invalid_token\"" : "Bearer");
    kit_fail(req, 401, r == ACCESS_EXPIRED ? "the access token has expired" : "the access token is not valid");
    return;
  }
  const struct channel *named = channel_of(c->registry, request_param(req, 0));
  if (!named || named->instance_id != channel->instance_id) {
    kit_fail(req, 404, "there is no such channel");
    return;
  }
  if (named != channel) {
    kit_fail(req, 403, "the access token is another channel's");
    return;
  }
  c->channel = channel;
  c->instance_id = channel->instance_id;
}
