/* Any bytes as an Authorization or Cookie header: taken apart as Bearer, as Basic and as cookies. No token but our own
 * is ever accepted, and our own, of which each input changes a few bytes, only unchanged. */
#include "auth/access.h"
#include "auth/credentials.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define NOW INT64_C(1763640300)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *ours;

static void begin(void) {
  if (ours) return;
  static const struct master_key key = {.bytes = {7}};
  mem_init();
  secret_init();
  access_setup(&key);
  ours = access_issue(
      NULL, &(struct access_claims){
                .instance_id = 1, .channel_id = 2, .generation = 3, .issued_at = NOW, .expires_at = NOW + 60});
}

static void as_bearer(const char *header) {
  size_t len = SIZE_MAX;
  const char *token = bearer_token(header, &len);
  if (!token) {
    invariant(len == SIZE_MAX);
    return;
  }
  invariant(len > 0 && token > header && token + len <= header + strlen(header));
  struct access_claims claims = {.channel_id = -1};
  invariant(access_check(ACCESS_MESSAGING, token, len, NOW, &claims) == ACCESS_FORGED && claims.channel_id == -1);
}

static void as_basic(void *ctx, const char *header) {
  struct basic_credentials c = {NULL, NULL};
  enum basic_result r = basic_parse(ctx, header, &c);
  invariant((r == BASIC_OK) == (c.user != NULL) && (r == BASIC_OK) == (c.password != NULL));
}

static void as_cookies(void *ctx, const char *header) {
  const char *value = cookie_value(ctx, header, "guichet_session");
  invariant(!value || (strlen(value) < strlen(header) && !strchr(value, ';') && strstr(header, "guichet_session=")));
}

/* The input as a recipe of changes to our token: pairs of place and byte. */
static void as_changes(void *ctx, const uint8_t *data, size_t size) {
  size_t len = strlen(ours);
  char *token = mem_strdup(ctx, ours);
  for (size_t i = 0; i + 2 < size && i < 24; i += 3) token[(data[i] << 8 | data[i + 1]) % len] = (char)data[i + 2];
  struct access_claims claims;
  enum access_result r = access_check(ACCESS_MESSAGING, token, len, NOW, &claims);
  /* The last character carries two bits that mean nothing. */
  invariant(r != ACCESS_OK || memcmp(token, ours, len - 1) == 0);
  invariant(r != ACCESS_OK || (claims.channel_id == 2 && claims.generation == 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  begin();
  void *ctx = talloc_new(NULL);
  const char *header = mem_strndup(ctx, (const char *)data, size);
  as_bearer(header);
  as_bearer(mem_printf(ctx, "Bearer %s", header));
  as_basic(ctx, header);
  as_basic(ctx, mem_printf(ctx, "Basic %s", header));
  char *encoded = mem_bytes(ctx, base64_encoded_len(size) + 7);
  memcpy(encoded, "Basic ", 6);
  base64_encode(data, size, encoded + 6);
  as_basic(ctx, encoded);
  as_cookies(ctx, header);
  as_changes(ctx, data, size);
  talloc_free(ctx);
  return 0;
}
