/* Bodies of errors. The catalogue (errors.def) and the words of HTTP statuses are tables; which surface a path belongs
 * to is one too. */
#include "api/errors.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

static const struct {
  int code, status;
  const char *message;
} catalogue[] = {
#define ERROR(code, status, message) {code, status, message},
#include "api/errors.def"
#undef ERROR
};

/* Statuses we answer with: their title, the word of the Kiamo.io surface, the code of the catalogue. */
static const struct {
  int status;
  const char *title, *word;
  enum error_code code;
} statuses[] = {
    {400, "Bad Request", "invalid_request", ERR_1020},
    {401, "Unauthorized", "invalid_token", ERR_1020},
    {403, "Forbidden", "forbidden", ERR_2500},
    {404, "Not Found", "not_found", ERR_3000},
    {405, "Method Not Allowed", "method_not_allowed", ERR_3100},
    {408, "Request Timeout", "timeout", ERR_1000},
    {409, "Conflict", "conflict", ERR_1020},
    {411, "Length Required", "length_required", ERR_1000},
    {412, "Precondition Failed", "precondition_failed", ERR_1020},
    {413, "Content Too Large", "payload_too_large", ERR_1020},
    {414, "URI Too Long", "uri_too_long", ERR_1020},
    {415, "Unsupported Media Type", "unsupported_media_type", ERR_1000},
    {422, "Unprocessable Content", "invalid_request", ERR_1020},
    {428, "Precondition Required", "precondition_required", ERR_1020},
    {429, "Too Many Requests", "too_many_requests", ERR_1020},
    {431, "Request Header Fields Too Large", "headers_too_large", ERR_1020},
    {500, "Internal Server Error", "internal_error", ERR_4080},
    {501, "Not Implemented", "not_implemented", ERR_3100},
    {503, "Service Unavailable", "busy", ERR_6000},
    {505, "HTTP Version Not Supported", "http_version_not_supported", ERR_3100},
};

static size_t status_row(int status) {
  for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
    if (statuses[i].status == status) return i;
  return status >= 500 ? status_row(500) : 0;
}

static struct buf *body_of(struct request *req) {
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 512, 65536);
  return b;
}

/* ---- v3 ---- */

static size_t catalogue_row(enum error_code code) {
  size_t i = 0;
  while (catalogue[i].code != (int)code) i++;
  return i;
}

static void problem_head(struct jw *w, enum error_code code, int status, const char *detail) {
  char word[16];
  snprintf(word, sizeof word, "ERR_%d", (int)code);
  jw_object(w);
  jw_kstr(w, "type", "about:blank");
  jw_kstr(w, "title", statuses[status_row(status)].title);
  jw_kint(w, "status", status);
  jw_kstr(w, "code", word);
  jw_kstr(w, "message", catalogue[catalogue_row(code)].message);
  if (detail) jw_kstr(w, "detail", detail);
}

int fail_body(struct buf *out, enum error_code code, int status, const char *detail) {
  if (!status) status = catalogue[catalogue_row(code)].status;
  struct jw w = jw_into(out);
  problem_head(&w, code, status, detail);
  jw_object_end(&w);
  return status;
}

void fail(struct request *req, enum error_code code, int status, const char *detail) {
  struct buf *b = body_of(req);
  status = fail_body(b, code, status, detail);
  reply_buf(req, status, "application/problem+json", b);
}

int fail_fields_body(struct buf *out, const struct decoder *d) {
  return fail_fields_as(out, (enum error_code)d->problems[0].code, 400, d);
}

int fail_fields_as(struct buf *out, enum error_code code, int status, const struct decoder *d) {
  struct jw w = jw_into(out);
  problem_head(&w, code, status, NULL);
  jw_key(&w, "errors");
  jw_array(&w);
  for (int i = 0; i < d->problem_count && i < DECODE_PROBLEMS_MAX; i++) {
    jw_object(&w);
    jw_kstr(&w, "pointer", d->problems[i].path);
    jw_kstr(&w, "problem", d->problems[i].text);
    jw_object_end(&w);
  }
  jw_array_end(&w);
  jw_object_end(&w);
  return status;
}

void fail_fields(struct request *req, const struct decoder *d) {
  struct buf *b = body_of(req);
  fail_fields_body(b, d);
  reply_buf(req, 400, "application/problem+json", b);
}

void fail_token(struct request *req, int status) {
  static const char body_401[] = "{\"message\":\"The authentication token is not valid\"}";
  static const char body_403[] = "{\"message\":\"The token does not have the right for this request\"}";
  if (status == 401) reply_header(req, "WWW-Authenticate", "Kiamo-Api-Token");
  const char *body = status == 401 ? body_401 : body_403;
  reply_static(req, status, "application/problem+json", body, strlen(body));
}

/* ---- Kiamo.io ---- */

static void kiamo_io_reply(struct request *req, int status, const char *word, const char *detail,
                           const struct decoder *d) {
  struct buf *b = body_of(req);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kstr(&w, "error", word);
  if (detail) jw_kstr(&w, "error_description", detail);
  if (d) {
    jw_key(&w, "details");
    jw_array(&w);
    for (int i = 0; i < d->problem_count && i < DECODE_PROBLEMS_MAX; i++) {
      jw_object(&w);
      jw_kstr(&w, "path", d->problems[i].path);
      jw_kstr(&w, "problem", d->problems[i].text);
      jw_object_end(&w);
    }
    jw_array_end(&w);
  }
  jw_object_end(&w);
  reply_json(req, status, b);
}

void kiamo_io_fail(struct request *req, int status, const char *detail) {
  kiamo_io_reply(req, status, statuses[status_row(status)].word, detail, NULL);
}

void kiamo_io_fail_fields(struct request *req, int status, const struct decoder *d) {
  kiamo_io_reply(req, status, statuses[status_row(status)].word, NULL, d);
}

void kiamo_io_fail_fields_as(struct request *req, int status, const char *word, const struct decoder *d) {
  kiamo_io_reply(req, status, word, NULL, d);
}

/* ---- Voximplant Kit ---- */

void kit_fail(struct request *req, int status, const char *error) {
  struct buf *b = body_of(req);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kbool(&w, "success", false);
  jw_key(&w, "result");
  jw_object(&w);
  jw_kstr(&w, "error", error);
  jw_kint(&w, "code", status);
  jw_object_end(&w);
  jw_object_end(&w);
  reply_json(req, status, b);
}

void kit_fail_fields(struct request *req, const struct decoder *d) {
  struct buf text;
  buf_init(&text, request_pool(req), 256, 32768);
  for (int i = 0; i < d->problem_count && i < DECODE_PROBLEMS_MAX; i++) {
    const struct decode_problem *p = &d->problems[i];
    buf_printf(&text, "%s%s%s%s", i ? "; " : "", p->path, *p->path ? ": " : "", p->text);
  }
  kit_fail(req, 400, text.data);
}

/* ---- by path ---- */

static void v3_by_status(struct request *req, int status, const char *reason) {
  fail(req, statuses[status_row(status)].code, status, reason);
}

/* The last segment is a UUID and it stands where events go. */
static bool is_event_path(const char *path) {
  size_t prefix = strncmp(path, "/api/v3/", 8) == 0 ? 8 : 1;
  size_t len = strcspn(path + prefix, "/");
  return text_is_uuid(path + prefix, len) && path[prefix + len + (path[prefix + len] == '/')] == 0;
}

static bool speaks_kit(const char *path) {
  return strncmp(path, "/api/v3/botService/", 19) == 0 || is_event_path(path);
}
static bool speaks_v3(const char *path) {
  return strncmp(path, "/api/", 5) == 0;
}
static bool speaks_any(const char *path) {
  (void)path;
  return true;
}

/* Whose words a refusal is told in: the first row that knows the path. */
static const struct voice {
  bool (*speaks)(const char *path);
  void (*fail)(struct request *req, int status, const char *reason);
} voices[] = {{speaks_kit, kit_fail}, {speaks_v3, v3_by_status}, {speaks_any, kiamo_io_fail}};

static const struct voice *voice_of(const struct request *req) {
  const char *path = request_path(req) ? request_path(req) : "/";
  const struct voice *v = voices;
  while (path[0] == '/' && path[1] == '/') path++; /* as the router does */
  while (!v->speaks(*path ? path : "/")) v++;
  return v;
}

void fail_by_path(struct request *req, int status, const char *reason) {
  voice_of(req)->fail(req, status, reason);
}

void fail_unavailable(struct request *req, enum unavailable why) {
  static const struct {
    const char *word, *retry_after, *detail;
  } rows[] = {
      [UNAVAILABLE_BUSY] = {"busy", "1",
                            "more is being written than the store can take; nothing of this request was stored"},
      [UNAVAILABLE_NO_ROOM] = {"no_space", "30", "the store has no room; nothing of this request was stored"},
      [UNAVAILABLE_DOWN] = {"store_down", "5", "the store is not available; send the request again"},
      [UNAVAILABLE_STOPPING] = {"stopping", "5", "the server is stopping; nothing of this request was stored"},
  };
  reply_header(req, "Retry-After", rows[why].retry_after);
  const struct voice *v = voice_of(req);
  if (v->fail == kiamo_io_fail)
    kiamo_io_reply(req, 503, rows[why].word, rows[why].detail, NULL);
  else
    v->fail(req, 503, rows[why].detail);
}
