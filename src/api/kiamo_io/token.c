/* POST /oauth2/v1/token: client credentials (RFC 6749 §4.4) as the vendor documents them (multipart form), as
 * urlencoded form, or by HTTP Basic. On HTTP threads, no I/O: the setup is in memory. Guessing is slowed down per
 * client and per address. */
#include "api/app.h"
#include "api/caller.h"
#include "api/kiamo_io/kiamo_io.h"
#include "auth/access.h"
#include "auth/credentials.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "http/form.h"

#include <stdio.h>
#include <string.h>

static void no_store(struct request *req) {
  reply_header(req, "Cache-Control", "no-cache, no-store, private");
  reply_header(req, "Pragma", "no-cache");
}

static void refuse(struct request *req, int status, const char *error, const char *description) {
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 256, 4096);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kstr(&w, "error", error);
  if (description) jw_kstr(&w, "error_description", description);
  jw_object_end(&w);
  no_store(req);
  reply_json(req, status, b);
}

struct client_request {
  const char *id, *secret, *grant_type;
  bool basic;
};

/* RFC 6749 §3.2: a parameter without a value counts as left out. */
static const char *filled(const char *value) {
  return value && *value ? value : NULL;
}

/* Fields are text: a NUL inside would hide what follows it. */
static bool has_nul(const struct form *form) {
  for (int i = 0; i < form->count; i++)
    if (strlen(form->fields[i].value) != form->fields[i].len) return true;
  return false;
}

/* False when the request is unusable; the reply is set then. */
static bool read_client(struct request *req, struct client_request *c) {
  struct form form = {.count = 0};
  size_t len = 0;
  const char *body = request_body(req, &len);
  enum form_result r = form_parse(request_pool(req), request_header(req, "Content-Type"), body, len, &form);
  if (r != FORM_OK) {
    refuse(req, 400, "invalid_request",
           r == FORM_WRONG_TYPE ? "the body must be multipart/form-data or application/x-www-form-urlencoded"
                                : "the form cannot be read");
    return false;
  }
  if (has_nul(&form)) {
    refuse(req, 400, "invalid_request", "a field holds a NUL character");
    return false;
  }
  static const char *const names[] = {"client_id", "client_secret", "grant_type"};
  const char *values[3];
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    int count = 0;
    values[i] = form_get(&form, names[i], &count);
    if (count > 1) {
      refuse(req, 400, "invalid_request", mem_printf(request_pool(req), "%s is given more than once", names[i]));
      return false;
    }
  }
  struct basic_credentials basic;
  enum basic_result b = basic_parse(request_pool(req), request_header(req, "Authorization"), &basic);
  *c = (struct client_request){.id = values[0], .secret = values[1], .grant_type = values[2], .basic = b != BASIC_NONE};
  if (b == BASIC_OK && (c->secret || (c->id && strcmp(c->id, basic.user) != 0))) {
    refuse(req, 400, "invalid_request", "the client is given both in the Authorization header and in the body");
    return false;
  }
  if (b == BASIC_OK) {
    c->id = basic.user;
    c->secret = basic.password;
  }
  c->id = filled(c->id);
  c->secret = filled(c->secret);
  c->grant_type = filled(c->grant_type);
  if (b == BASIC_BROKEN) c->id = c->secret = ""; /* told as invalid_client, as any other wrong credential */
  return true;
}

static bool secret_fits(const struct channel *channel, const char *secret, int64_t now_ms) {
  uint8_t hash[SHA256_LEN];
  digest_sha256(secret, strlen(secret), hash);
  bool now = secret_equal(hash, channel->secret_hash, SHA256_LEN);
  bool before = secret_equal(hash, channel->old_hash, SHA256_LEN) && channel->old_secret && now_ms < channel->old_until;
  return now || before;
}

static void issue(struct request *req, const struct channel *channel, int64_t now_ms) {
  int64_t lifetime_s = request_conf(req)->token_lifetime / 1000;
  struct access_claims claims = {.instance_id = channel->instance_id,
                                 .channel_id = channel->id,
                                 .generation = channel->generation,
                                 .issued_at = now_ms / 1000,
                                 .expires_at = now_ms / 1000 + lifetime_s};
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 512, 4096);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kstr(&w, "access_token", access_issue(request_pool(req), &claims));
  jw_kint(&w, "expires_in", lifetime_s);
  jw_kstr(&w, "token_type", "bearer");
  jw_object_end(&w);
  no_store(req);
  reply_json(req, 200, b);
}

void kiamo_io_token(struct request *req) {
  struct client_request c;
  if (!read_client(req, &c)) return;
  if (!c.grant_type || !c.id || !c.secret) {
    const char *missing = !c.grant_type ? "grant_type is missing"
                          : !c.id       ? "client_id is missing"
                                        : "client_secret is missing";
    refuse(req, 400, "invalid_request", missing);
    return;
  }
  if (strcmp(c.grant_type, "client_credentials") != 0) {
    refuse(req, 400, "unsupported_grant_type", "only client_credentials is supported");
    return;
  }
  char peer[ADDRESS_TEXT_LEN], key[160];
  int64_t now_ms = clock_wall_ms(), mono_ms = clock_mono_us() / 1000;
  address_network_text(request_peer(req), peer);
  snprintf(key, sizeof key, "%s %.64s", peer, c.id);
  int64_t wait = brake_wait_ms(app()->client_brake, key, mono_ms);
  if (wait > 0) {
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((wait + 999) / 1000));
    reply_header(req, "Retry-After", seconds);
    refuse(req, 429, "invalid_client", "too many wrong secrets from this address; wait");
    return;
  }
  /* An unknown client costs the same comparison as a known one. */
  static const struct channel nobody = {.secret_hash = {1}};
  const struct channel *channel = registry_client(caller_of(req)->registry, c.id);
  bool fits = secret_fits(channel ? channel : &nobody, c.secret, now_ms);
  if (!channel || !fits || !channel->enabled || channel->kind != CHANNEL_KIAMO_IO) {
    brake_failed(app()->client_brake, key, mono_ms);
    if (c.basic) reply_header(req, "WWW-Authenticate", "Basic realm=\"guichet\", charset=\"UTF-8\"");
    refuse(req, 401, "invalid_client", NULL);
    return;
  }
  brake_passed(app()->client_brake, key);
  issue(req, channel, now_ms);
}
