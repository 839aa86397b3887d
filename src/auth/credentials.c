/* Authorization and Cookie headers. Pure; any thread; never looks at a secret's meaning. */
#include "auth/credentials.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

#define BASIC_MAX 2048

const char *bearer_token(const char *authorization, size_t *ret_len) {
  if (!authorization || strncasecmp(authorization, "bearer", 6) != 0 || authorization[6] != ' ') return NULL;
  const char *token = authorization + 6 + strspn(authorization + 6, " ");
  size_t len = strlen(token);
  while (len > 0 && (token[len - 1] == ' ' || token[len - 1] == '\t')) len--;
  if (len == 0) return NULL;
  *ret_len = len;
  return token;
}

static const char *decoded(void *ctx, const char *text, size_t len) {
  char *out = mem_bytes(ctx, len + 1);
  size_t n = 0;
  if (!percent_decode(text, len, true, out, &n) || memchr(out, 0, n)) return NULL;
  out[n] = 0;
  return out;
}

enum basic_result basic_parse(void *ctx, const char *authorization, struct basic_credentials *ret) {
  if (!authorization || strncasecmp(authorization, "basic", 5) != 0 || authorization[5] != ' ') return BASIC_NONE;
  const char *encoded = authorization + 5 + strspn(authorization + 5, " ");
  size_t len = strlen(encoded), n = 0;
  if (len > BASIC_MAX) return BASIC_BROKEN;
  char *plain = mem_bytes(ctx, len / 4 * 3 + 4);
  if (!base64_decode(encoded, len, (uint8_t *)plain, &n) || !utf8_valid(plain, n)) return BASIC_BROKEN;
  const char *colon = memchr(plain, ':', n);
  if (!colon) return BASIC_BROKEN;
  struct basic_credentials found = {.user = decoded(ctx, plain, (size_t)(colon - plain)),
                                    .password = decoded(ctx, colon + 1, n - (size_t)(colon + 1 - plain))};
  if (!found.user || !found.password) return BASIC_BROKEN;
  *ret = found;
  return BASIC_OK;
}

char *cookie_value(void *ctx, const char *header, const char *name) {
  size_t name_len = strlen(name);
  while (header && *header) {
    header += strspn(header, " \t;");
    size_t len = strcspn(header, ";");
    if (len > name_len && header[name_len] == '=' && memcmp(header, name, name_len) == 0) {
      const char *value = header + name_len + 1;
      size_t value_len = len - name_len - 1;
      while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t')) value_len--;
      return mem_strndup(ctx, value, value_len);
    }
    header += len;
  }
  return NULL;
}
