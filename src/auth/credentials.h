/* What a request says about who sends it: Authorization and Cookie headers, taken apart. Pure; bounded; bytes are
 * foreign. */
#pragma once

#include "base/fail.h"

#include <stddef.h>

/* "Bearer <token>" (scheme in any case): the token inside the header and its length, or NULL. */
const char *bearer_token(const char *authorization, size_t *ret_len);

struct basic_credentials {
  const char *user, *password; /* children of ctx */
};
enum basic_result { BASIC_NONE, BASIC_OK, BASIC_BROKEN };
/* "Basic <base64 of user:password>", both percent-decoded as RFC 6749 §2.3.1 asks. BASIC_NONE: another scheme or no
 * header. */
enum basic_result basic_parse(void *ctx, const char *authorization, struct basic_credentials *ret) MUST_CHECK;

/* The cookie's value (a child of ctx) or NULL. The first of that name counts. */
char *cookie_value(void *ctx, const char *cookie_header, const char *name);
