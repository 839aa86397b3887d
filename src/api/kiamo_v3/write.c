/* The common way of all writing requests of v3. Handlers fill a struct v3_write on the HTTP thread; the store runs it
 * and its answer leaves after the commit. When the store is full, busy or down: 503, nothing done. */
#include "api/kiamo_v3/write.h"

#include "api/app.h"
#include "api/errors.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/form.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX  255
#define BODY_MAX (4 << 20)

bool v3_path_id(struct request *req, int64_t *ret_id) {
  int64_t instance_id = 0, id = 0;
  if (id_parse(request_param(req, 0), &instance_id, &id) && instance_id == caller_of(req)->instance_id) {
    *ret_id = id;
    return true;
  }
  fail(req, ERR_3000, 0, NULL);
  return false;
}

const struct jval *v3_body(struct request *req, bool may_be_empty) {
  size_t len = 0;
  const char *body = request_body(req, &len), *type = request_header(req, "Content-Type");
  if (len == 0 && may_be_empty) {
    body = "{}";
    len = 2;
  } else if (!type || !media_type_is(type, "application/json")) {
    fail(req, ERR_1000, 415, "the body must be application/json");
    return NULL;
  }
  struct jerror error;
  const struct jval *v = json_parse(request_pool(req), body, len, &error);
  if (!v) {
    fail(req, ERR_1000, 0, error.text);
    return NULL;
  }
  if (jval_type(v) == JT_OBJECT) return v;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  decode_problem(&d, NULL, 1020, "must be an object, not %s", jval_type_name(v));
  fail_fields(req, &d);
  return NULL;
}

struct v3_write *v3_write_new(struct request *req, int64_t interaction_id) {
  struct v3_write *w = mem_new(request_pool(req), struct v3_write);
  w->req = req;
  w->caller = caller_of(req);
  w->interaction_id = interaction_id;
  w->body = mem_new(request_pool(req), struct buf);
  buf_init(w->body, request_pool(req), 1024, BODY_MAX);
  return w;
}

bool v3_as_bot(struct decoder *d, const struct request *req, const struct jval *body) {
  const struct jval *bot = jval_get(body, "bot");
  enum jtype type = jval_type(bot);
  if (type != JT_MISSING && type != JT_NULL && type != JT_BOOL)
    decode_problem(d, "bot", 1020, "must be a boolean, not %s", jval_type_name(bot));
  if (jval_bool(bot) && caller_of(req)->agent) decode_problem(d, "bot", 1020, "a person is no bot");
  return jval_bool(bot);
}

int v3_refused(struct buf *out, enum conversation_result r, const char *deed, const struct registry *registry,
               const struct conversation_why *why) {
  char detail[320];
  const struct agent *agent = why && why->agent_id ? registry_agent(registry, why->agent_id) : NULL;
  if (r == CONVERSATION_UNKNOWN) return fail_body(out, ERR_3000, 0, "there is no such interaction");
  if (r == CONVERSATION_TOO_LONG)
    return fail_body(out, ERR_1020, 400, "text and files are longer than what this customer's channel takes at once");
  if (r == CONVERSATION_NO_ROOM)
    snprintf(detail, sizeof detail, "%s is not possible: %.100s has no capacity left%s (%lld of %lld)", deed,
             agent ? agent->display_name : "the agent", why && why->medium ? " for this medium" : "",
             why ? (long long)why->used : 0, why ? (long long)why->capacity : 0);
  else if (agent)
    snprintf(detail, sizeof detail, "%s is not possible: %.100s has it (agent %lld)", deed, agent->display_name,
             (long long)agent->id);
  else
    snprintf(detail, sizeof detail, "%s is not possible in this interaction's state", deed);
  return fail_body(out, ERR_1020, 409, detail);
}

/* ---- inside the transaction ---- */

enum remembered { REMEMBERED_NOT, REMEMBERED_SAME, REMEMBERED_OTHER };

#define SEAL_PURPOSE "idempotency.answer"

/* An answer with a secret lies in the store sealed, as base64. */
static const char *body_to_remember(struct v3_write *w) {
  if (!w->secret) return w->body->data;
  void *ctx = request_pool(w->req);
  size_t len = w->body->len + SEAL_OVERHEAD;
  uint8_t *sealed = (uint8_t *)mem_bytes(ctx, len);
  char *text = mem_bytes(ctx, base64_encoded_len(len) + 1);
  secret_seal(store_key(app()->store), SEAL_PURPOSE, w->body->data, w->body->len, sealed);
  base64_encode(sealed, len, text);
  return text;
}

static bool remembered_body(struct v3_write *w, const char *text) {
  if (!w->secret) {
    buf_puts(w->body, text);
    return true;
  }
  void *ctx = request_pool(w->req);
  size_t len = 0;
  uint8_t *sealed = (uint8_t *)mem_bytes(ctx, strlen(text) + 4), *plain = (uint8_t *)mem_bytes(ctx, strlen(text) + 4);
  if (!base64_decode(text, strlen(text), sealed, &len) || len <= SEAL_OVERHEAD ||
      !secret_open(store_key(app()->store), SEAL_PURPOSE, sealed, len, plain))
    return false;
  buf_put(w->body, plain, len - SEAL_OVERHEAD);
  return true;
}

static enum remembered recall(struct db *tx, struct v3_write *w, const char *caller) {
  struct db_rows rows;
  enum remembered r = REMEMBERED_NOT;
  db_open(tx, &rows, Q_IDEMPOTENCY_GET, v_int(w->caller->instance_id), v_text(caller), v_text(w->key));
  if (db_next(&rows)) {
    size_t len = 0;
    const void *fingerprint = col_bytes(&rows, 0, &len);
    r = len == sizeof w->fingerprint && memcmp(fingerprint, w->fingerprint, len) == 0 ? REMEMBERED_SAME
                                                                                      : REMEMBERED_OTHER;
    if (r == REMEMBERED_SAME) {
      w->status = (int)col_int(&rows, 1);
      if (!remembered_body(w, col_text(&rows, 2, NULL))) r = REMEMBERED_OTHER;
    }
  }
  db_close(&rows);
  return r;
}

static enum job_result write_run(struct db *tx, void *arg) {
  struct v3_write *w = arg;
  char caller[40];
  caller_key(w->caller, caller);
  buf_reset(w->body);
  w->status = 0;
  w->etag[0] = 0;
  enum remembered known = w->key ? recall(tx, w, caller) : REMEMBERED_NOT;
  if (known == REMEMBERED_SAME) return JOB_COMMIT;
  if (known == REMEMBERED_OTHER) {
    w->status = fail_body(w->body, ERR_1020, 409, "this Idempotency-Key was used with another request");
    return JOB_REJECT;
  }
  if (!w->act(tx, w, w->body, &w->status)) return JOB_REJECT;
  if (w->status >= 300) return JOB_REJECT;
  if (w->key && db_exec(tx, Q_IDEMPOTENCY_INSERT, v_int(w->caller->instance_id), v_text(caller), v_text(w->key),
                        v_bytes(w->fingerprint, sizeof w->fingerprint), v_int(w->status), v_text(body_to_remember(w)),
                        v_int(clock_wall_ms())) != DB_OK)
    return JOB_REJECT;
  return JOB_COMMIT;
}

static void reply_written(struct v3_write *w) {
  if (*w->etag) reply_header(w->req, "ETag", w->etag);
  if (w->secret) reply_header(w->req, "Cache-Control", "no-store");
  if (w->status == 204)
    reply_empty(w->req, 204);
  else
    reply_buf(w->req, w->status, w->status < 300 ? "application/json" : "application/problem+json", w->body);
}

static void write_done(void *arg, enum store_result result) {
  struct v3_write *w = arg;
  /* Before the answer, so that whoever has it finds the setup as it says. */
  if (w->setup && result == STORE_OK) store_epoch_raise(app()->store);
  if (result == STORE_FULL)
    fail_unavailable(w->req, UNAVAILABLE_NO_ROOM);
  else if (result == STORE_DOWN || w->status == 0)
    fail_unavailable(w->req, UNAVAILABLE_DOWN);
  else if (w->body->failed)
    fail(w->req, ERR_4080, 500, "the answer is too large");
  else
    reply_written(w);
  request_resume(w->req);
}

static void take_fingerprint(struct v3_write *w) {
  size_t len = 0;
  const char *body = request_body(w->req, &len);
  uint8_t hash[SHA256_LEN];
  digest_sha256(body, len, hash);
  char hex[2 * SHA256_LEN + 1];
  hex_encode(hash, sizeof hash, hex);
  /* An upload's name and type are not in its body. */
  const char *name = request_query(w->req, "name"), *type = request_header(w->req, "Content-Type");
  char *all = mem_printf(request_pool(w->req), "%s %s\n%s\n%s\n%s", http_method_name(request_method(w->req)),
                         request_path(w->req), hex, type ? type : "", name ? name : "");
  digest_sha256(all, strlen(all), w->fingerprint);
}

void v3_write_go(struct v3_write *w) {
  w->key = request_header(w->req, "Idempotency-Key");
  if (w->key) {
    size_t len = strlen(w->key);
    if (len == 0 || len > KEY_MAX || !utf8_valid(w->key, len)) {
      fail(w->req, ERR_1020, 400, "Idempotency-Key must be 1 to 255 characters");
      if (w->suspended) request_resume(w->req);
      return;
    }
    take_fingerprint(w);
  }
  w->job = (struct store_job){.run = write_run, .done = write_done, .arg = w, .weight = w->weight};
  if (!w->suspended) request_suspend(w->req);
  w->suspended = true;
  if (store_submit(app()->store, &w->job)) return;
  fail_unavailable(w->req, UNAVAILABLE_BUSY);
  request_resume(w->req);
}
