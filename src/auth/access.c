/* Connectors' access tokens: written and their signatures checked here, read by libjwt. One algorithm and one key,
 * whatever a token's header says. A cache of verified tokens, compared in constant time, spares the signature check; it
 * holds no token that failed. */
#include "auth/access.h"

#include "base/id.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/text.h"

#include <jwt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header says typ JWT; what the token is for is said by its audience, and by a key that signs nothing else. */
#define ISSUER      "guichet"
#define CACHE_SLOTS 1024

static const struct {
  const char *audience, *type; /* type: NULL where the audience says it all */
} uses[] = {
    [ACCESS_MESSAGING] = {"messaging", NULL},
    [ACCESS_KIT] = {"kit", "access"},
    [ACCESS_KIT_REFRESH] = {"kit", "refresh"},
};

static uint8_t signing_key[SHA256_LEN];

struct slot {
  size_t len;
  char token[ACCESS_TOKEN_MAX];
  struct access_claims claims;
};
static struct {
  pthread_mutex_t lock;
  uint64_t seed;
  struct slot *slots[CACHE_SLOTS];
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

void access_setup(const struct master_key *key) {
  secret_derive(key, "access-token", signing_key);
  random_bytes(&cache.seed, sizeof cache.seed);
}

/* Base64 as JWTs write it (RFC 7515 §2). out has room for base64_encoded_len and NUL. */
static size_t base64url(const void *bytes, size_t len, char *out) {
  base64_encode(bytes, len, out);
  size_t n = base64_encoded_len(len);
  while (n > 0 && out[n - 1] == '=') n--;
  for (size_t i = 0; i < n; i++) {
    if (out[i] == '+') out[i] = '-';
    if (out[i] == '/') out[i] = '_';
  }
  out[n] = 0;
  return n;
}

static void put_base64url(struct buf *out, const void *bytes, size_t len) {
  if (buf_reserve(out, base64_encoded_len(len) + 1)) out->len += base64url(bytes, len, out->data + out->len);
}

static void put_claims(struct buf *out, const struct access_claims *c) {
  char jti[25], subject[24];
  id_random_hex(12, jti);
  snprintf(subject, sizeof subject, "%lld", (long long)c->channel_id);
  const char *type = uses[c->use].type;
  struct jw w = jw_into(out);
  jw_object(&w);
  jw_kstr(&w, "iss", ISSUER);
  jw_kstr(&w, "aud", uses[c->use].audience);
  jw_kstr(&w, "sub", type ? c->uuid : subject);
  jw_kstr(&w, "jti", jti);
  jw_kint(&w, "ins", c->instance_id);
  jw_kint(&w, "gen", c->generation);
  jw_kint(&w, "iat", c->issued_at);
  jw_kint(&w, "exp", c->expires_at);
  if (type) {
    jw_kstr(&w, "type", type);
    jw_kstr(&w, "account", c->account);
    jw_kint(&w, "cha", c->channel_id);
    jw_kint(&w, "tok", c->token_id);
    jw_kint(&w, "tgn", c->token_generation);
  }
  jw_object_end(&w);
}

/* Written here and not by libjwt, which takes four times as long; what is read back, by whomever it was made, libjwt
 * checks. */
char *access_issue(void *ctx, const struct access_claims *c) {
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
  struct buf claims, token;
  uint8_t mac[SHA256_LEN];
  buf_init(&claims, ctx, 512, 4096);
  buf_init(&token, ctx, 1024, 8192);
  put_claims(&claims, c);
  put_base64url(&token, header, sizeof header - 1);
  buf_putc(&token, '.');
  put_base64url(&token, claims.data, claims.len);
  hmac_sha256(signing_key, sizeof signing_key, token.data, token.len, mac);
  buf_putc(&token, '.');
  put_base64url(&token, mac, sizeof mac);
  invariant(!claims.failed && !token.failed);
  mem_free(claims.data);
  return token.data;
}

static bool grant_is(jwt_t *jwt, const char *name, const char *wanted) {
  const char *value = jwt_get_grant(jwt, name);
  return value && strcmp(value, wanted) == 0;
}

/* Which use the token says it is for; -1: none of ours. */
static int use_of(jwt_t *jwt) {
  for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
    bool type = uses[i].type ? grant_is(jwt, "type", uses[i].type) : !jwt_get_grant(jwt, "type");
    if (type && grant_is(jwt, "aud", uses[i].audience)) return (int)i;
  }
  return -1;
}

/* Not left to libjwt: versions of it compare signatures until they differ, which takes measurably long. */
static bool signed_by_us(const char *token) {
  const char *end = strrchr(token, '.');
  uint8_t mac[SHA256_LEN];
  char wanted[2 * SHA256_LEN];
  if (!end) return false;
  hmac_sha256(signing_key, sizeof signing_key, token, (size_t)(end - token), mac);
  size_t len = base64url(mac, sizeof mac, wanted);
  return strlen(end + 1) == len && secret_equal(end + 1, wanted, len);
}

static bool verify(const char *token, struct access_claims *ret) {
  jwt_t *jwt = NULL;
  bool ok = false;
  struct access_claims c = {.use = ACCESS_MESSAGING};
  if (!signed_by_us(token) || jwt_decode(&jwt, token, signing_key, sizeof signing_key) != 0) goto out;
  const char *subject = jwt_get_grant(jwt, "sub");
  int use = use_of(jwt);
  if (jwt_get_alg(jwt) != JWT_ALG_HS256 || !grant_is(jwt, "iss", ISSUER) || use < 0 || !subject) goto out;
  c.use = (enum access_use)use;
  c.channel_id = strtoll(subject, NULL, 10);
  c.instance_id = jwt_get_grant_int(jwt, "ins");
  c.generation = jwt_get_grant_int(jwt, "gen");
  c.issued_at = jwt_get_grant_int(jwt, "iat");
  c.expires_at = jwt_get_grant_int(jwt, "exp");
  ok = c.expires_at > 0;
  if (uses[use].type) {
    c.channel_id = jwt_get_grant_int(jwt, "cha");
    c.token_id = jwt_get_grant_int(jwt, "tok");
    c.token_generation = jwt_get_grant_int(jwt, "tgn");
  }
  if (ok) *ret = c;
out:
  if (jwt) jwt_free(jwt);
  return ok;
}

static size_t slot_of(const char *token, size_t len) {
  /* The signature, at the end, is what differs most; the seed keeps slots unpredictable. */
  uint64_t h = cache.seed;
  for (size_t i = len > 32 ? len - 32 : 0; i < len; i++) h = (h ^ (uint8_t)token[i]) * UINT64_C(1099511628211);
  return (h >> 32) % CACHE_SLOTS;
}

static bool cached(const char *token, size_t len, struct access_claims *ret) {
  pthread_mutex_lock(&cache.lock);
  const struct slot *s = cache.slots[slot_of(token, len)];
  bool hit = s && s->len == len && secret_equal(s->token, token, len);
  if (hit) *ret = s->claims;
  pthread_mutex_unlock(&cache.lock);
  return hit;
}

static void remember(const char *token, size_t len, const struct access_claims *claims) {
  pthread_mutex_lock(&cache.lock);
  struct slot **s = &cache.slots[slot_of(token, len)];
  if (!*s) *s = mem_new(NULL, struct slot);
  (*s)->len = len;
  memcpy((*s)->token, token, len);
  (*s)->claims = *claims;
  pthread_mutex_unlock(&cache.lock);
}

enum access_result access_check(enum access_use use, const char *token, size_t len, int64_t now_s,
                                struct access_claims *ret) {
  struct access_claims claims;
  if (len == 0 || len >= ACCESS_TOKEN_MAX) return ACCESS_FORGED;
  if (!cached(token, len, &claims)) {
    char copy[ACCESS_TOKEN_MAX];
    memcpy(copy, token, len);
    copy[len] = 0;
    if (strlen(copy) != len || !verify(copy, &claims)) return ACCESS_FORGED;
    remember(token, len, &claims);
  }
  if (claims.use != use) return ACCESS_FORGED;
  if (now_s >= claims.expires_at) return ACCESS_EXPIRED;
  *ret = claims;
  return ACCESS_OK;
}

void access_forget(void) {
  pthread_mutex_lock(&cache.lock);
  for (int i = 0; i < CACHE_SLOTS; i++) {
    mem_free(cache.slots[i]);
    cache.slots[i] = NULL;
  }
  pthread_mutex_unlock(&cache.lock);
}
