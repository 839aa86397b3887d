/* The tables that describe the API, put together, and looking things up in them. Constant; any thread. */
#include "api/describe.h"

#include "api/kiamo_io/kiamo_io.h"
#include "api/kiamo_v3/admin.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/people.h"
#include "api/kiamo_v3/presence.h"
#include "api/openapi.h"
#include "api/ops.h"
#include "api/static.h"
#include "api/voximplant/voximplant.h"

#include <string.h>

#define MUST true
#define MAY  false

/* clang-format off */
#define SCHEMA(n, t)                {.kind = DESCRIBE_SCHEMA, .name = n, .text = t},
#define FIELD(need, n, ty, t, ex)   {.kind = DESCRIBE_FIELD, .required = need, .name = n, .type = ty, .text = t, .example = ex},
#define OPERATION(h, n, t)          {.kind = DESCRIBE_OPERATION, .handler = h, .name = n, .text = t},
#define WEBHOOK(n, t)               {.kind = DESCRIBE_WEBHOOK, .name = n, .text = t},
#define PATH(n, ty, t, ex)          {.kind = DESCRIBE_PATH, .required = true, .name = n, .type = ty, .text = t, .example = ex},
#define QUERY(need, n, ty, t, ex)   {.kind = DESCRIBE_QUERY, .required = need, .name = n, .type = ty, .text = t, .example = ex},
#define HEADER(need, n, ty, t, ex)  {.kind = DESCRIBE_HEADER, .required = need, .name = n, .type = ty, .text = t, .example = ex},
#define BODY(need, m, ty, t)        {.kind = DESCRIBE_BODY, .required = need, .name = m, .type = ty, .text = t},
#define ANSWER(s, m, ty, t)         {.kind = DESCRIBE_ANSWER, .status = s, .name = m, .type = ty, .text = t},
#define PROBLEM(s, codes, t)        {.kind = DESCRIBE_PROBLEM, .status = s, .name = codes, .text = t},

static const struct describe_row kiamo_io_rows[] = {
#include "api/kiamo_io/describe.def"
};
static const struct describe_row voximplant_rows[] = {
#include "api/voximplant/describe.def"
};
static const struct describe_row v3_rows[] = {
#include "api/kiamo_v3/describe.def"
};
static const struct describe_row server_rows[] = {
#include "api/describe.def"
};
/* clang-format on */

static const struct describe_common kiamo_io_common[] = {
    {WHEN_CONNECTOR, 401, "invalid_token", NULL, "No access token, or one that is not valid or has expired"},
    {WHEN_BODY, 413, "payload_too_large", NULL, "The body is too large"},
    {WHEN_ALWAYS, 503, "busy stopping store_down", NULL,
     "Not now: nothing was done; come again after `Retry-After` seconds"},
    {WHEN_ALWAYS, 0, NULL, NULL, "Any other error"},
};
static const struct describe_common voximplant_common[] = {
    {WHEN_CONNECTOR, 401, NULL, NULL, "No access token, or one that is not valid or has expired"},
    {WHEN_BODY, 413, NULL, NULL, "The body is too large"},
    {WHEN_ALWAYS, 503, NULL, NULL, "Not now: nothing was done; come again after `Retry-After` seconds"},
    {WHEN_ALWAYS, 0, NULL, NULL, "Any other error"},
};
static const struct describe_common v3_common[] = {
    {WHEN_JSON, 400, "1000 1010 1020", NULL, "A body that is not JSON, or a field that cannot be"},
    {WHEN_API, 401, NULL, "TokenProblem", "No token or session, or one that is not valid here"},
    {WHEN_API, 403, NULL, "TokenProblem or Problem",
     "The right for this method is missing; or a browser sent it from another site"},
    {WHEN_BODY, 413, "1020", NULL, "The body is too large"},
    {WHEN_JSON, 415, "1000", NULL, "The body is not `application/json`"},
    {WHEN_TOKEN, 429, "1020", NULL, "Too many requests with this token: wait `Retry-After` seconds"},
    {WHEN_ALWAYS, 503, "6000", NULL, "Not now: nothing was done; come again after `Retry-After` seconds"},
    {WHEN_ALWAYS, 0, NULL, NULL, "Any other error"},
};

/* clang-format off */
const struct family families[] = {
    {.name = "messaging", .url = "/messaging/openapi.json", .title = "Kiamo.io Messaging and Bot",
     .intro = "A partner's platform hands over what customers write, and a bot's conversation so far; agents' answers are brought to the "
              "partner's webhook. Lengths are bytes of UTF-8.",
     .prefixes = {"/messaging/", "/oauth2/"},
     .rows = kiamo_io_rows, .row_count = ARRAY_LEN(kiamo_io_rows), .common = kiamo_io_common, .common_count = ARRAY_LEN(kiamo_io_common),
     .error_schema = "Error", .error_type = "application/json", .code_field = "error", .code_prefix = ""},
    {.name = "botService", .url = "/api/v3/botService/openapi.json", .title = "Custom channel (Voximplant Kit)",
     .intro = "A messenger's connector brings customers' events; agents' answers and the ends of conversations are brought to its callback. "
              "Lengths are bytes of UTF-8.",
     .prefixes = {"/api/v3/botService/", "/{uuid:", "/api/v3/{uuid:"},
     .rows = voximplant_rows, .row_count = ARRAY_LEN(voximplant_rows), .common = voximplant_common, .common_count = ARRAY_LEN(voximplant_common),
     .error_schema = "Error", .error_type = "application/json"},
    {.name = "%s", .url = "/api/v3/%s/openapi.json", .title = "API v3: %s",
     .intro = "The server's own API: what its pages use, and what programs may. With a token that has the right, or in a session. Errors are "
              "problem details (RFC 9457) with a code of the catalogue. Times are RFC 3339 in UTC, lengths bytes of UTF-8.",
     .prefixes = {"/api/v3/"},
     .rows = v3_rows, .row_count = ARRAY_LEN(v3_rows), .common = v3_common, .common_count = ARRAY_LEN(v3_common),
     .error_schema = "Problem", .error_type = "application/problem+json", .code_field = "code", .code_prefix = "ERR_"},
    {.name = "server", .url = "/openapi.json", .title = "The server itself",
     .intro = "How it is, and its pages.",
     .prefixes = {"/"},
     .rows = server_rows, .row_count = ARRAY_LEN(server_rows),
     .error_schema = "Error", .error_type = "application/json", .code_field = "error", .code_prefix = ""},
};
/* clang-format on */
const size_t family_count = ARRAY_LEN(families);

static bool begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

const struct family *family_of(const struct route *route) {
  const struct family *last = &families[family_count - 1];
  if (route->handler == openapi_document) return last;
  for (const struct family *f = families; f < last; f++)
    for (size_t i = 0; i < ARRAY_LEN(f->prefixes) && f->prefixes[i]; i++)
      if (begins(route->pattern, f->prefixes[i])) return f;
  return last;
}

const struct describe_row *describe_route(const struct family *f, const struct route *route) {
  for (size_t i = 0; i < f->row_count; i++)
    if (f->rows[i].kind == DESCRIBE_OPERATION && f->rows[i].handler == route->handler) return &f->rows[i];
  return NULL;
}

const struct describe_row *describe_schema(const struct family *f, const char *name, size_t len) {
  for (size_t i = 0; i < f->row_count; i++) {
    const struct describe_row *r = &f->rows[i];
    if (r->kind == DESCRIBE_SCHEMA && strlen(r->name) == len && memcmp(r->name, name, len) == 0) return r;
  }
  return NULL;
}

size_t describe_rows_of(const struct family *f, const struct describe_row *row) {
  const struct describe_row *end = f->rows + f->row_count, *at = row + 1;
  while (at < end && at->kind != DESCRIBE_SCHEMA && at->kind != DESCRIBE_OPERATION && at->kind != DESCRIBE_WEBHOOK)
    at++;
  return (size_t)(at - row) - 1;
}
