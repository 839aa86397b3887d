/* POST /messaging/v1/messages: check everything, store all of it in one job, answer after the commit.
 * Large bodies and files are taken apart on a worker's thread, so that they hold nobody up. When the store is full,
 * busy or down: 503, nothing stored. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_io/decode_message.h"
#include "api/kiamo_io/kiamo_io.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/form.h"

#include <string.h>

#define LARGE_BODY 262144

struct ingest {
  struct request *req;
  const struct registry *registry;
  const struct channel *channel;
  const struct jval *root; /* NULL until parsed */
  struct kiamo_io_batch batch;
  size_t weight; /* the body's bytes: about what will be written */
  bool suspended;
  struct store_job job;
};

static enum job_result ingest_run(struct db *tx, void *arg) {
  struct ingest *in = arg;
  int64_t now_ms = clock_wall_ms();
  for (int i = 0; i < in->batch.count; i++)
    if (conversation_receive(tx, in->registry, in->channel, &in->batch.messages[i], now_ms) != CONVERSATION_OK)
      return JOB_REJECT;
  return JOB_COMMIT;
}

static void ingest_done(void *arg, enum store_result result) {
  struct ingest *in = arg;
  switch (result) {
  case STORE_OK: reply_static(in->req, 200, "application/json", "{}", 2); break;
  case STORE_FULL: fail_unavailable(in->req, UNAVAILABLE_NO_ROOM); break;
  case STORE_DOWN: fail_unavailable(in->req, UNAVAILABLE_DOWN); break;
  case STORE_REJECT:
    bug("messages were refused inside the store");
    kiamo_io_fail(in->req, 500, NULL);
    break;
  }
  request_resume(in->req);
}

/* Finding out what files are takes its time: that is no work for an HTTP thread. */
static bool has_files(const struct jval *root) {
  const struct jval *list = jval_get(root, "messages");
  for (size_t i = 0; i < jval_count(list); i++)
    if (jval_count(jval_get(jval_get(jval_at(list, i), "body"), "attachments")) > 0) return true;
  return false;
}

/* The reply is set when this returns false. */
static bool parse(struct ingest *in) {
  struct request *req = in->req;
  struct jerror error;
  const char *body = request_body(req, &in->weight);
  in->root = json_parse(request_pool(req), body, in->weight, &error);
  if (in->root) return true;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_DOTS);
  decode_problem(&d, NULL, 1000, "%s", error.text);
  kiamo_io_fail_fields_as(req, 400, "invalid_json", &d);
  return false;
}

/* As parse(). */
static bool decode(struct ingest *in) {
  struct request *req = in->req;
  size_t len = 0;
  const char *body = request_body(req, &len);
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_DOTS);
  kiamo_io_decode(&d, in->root, body, len, request_conf(req)->attachment_max, &in->batch);
  if (d.problem_count == 0) return true;
  kiamo_io_fail_fields(req, in->batch.too_large ? 413 : 400, &d);
  return false;
}

static void store(struct ingest *in) {
  in->job = (struct store_job){.run = ingest_run,
                               .done = ingest_done,
                               .arg = in,
                               .key = in->batch.count ? conversation_key(in->channel, in->batch.messages) : 0,
                               .weight = in->weight};
  if (!in->suspended) request_suspend(in->req);
  in->suspended = true;
  if (store_submit(app()->store, &in->job)) return;
  fail_unavailable(in->req, UNAVAILABLE_BUSY);
  request_resume(in->req);
}

/* On a worker's thread, the request is suspended. */
static void take_later(void *arg) {
  struct ingest *in = arg;
  if ((in->root || parse(in)) && decode(in))
    store(in);
  else
    request_resume(in->req);
}

static void hand_over(struct ingest *in) {
  in->suspended = true;
  request_suspend(in->req);
  if (work_submit(app()->work, take_later, in)) return;
  fail_unavailable(in->req, UNAVAILABLE_BUSY);
  request_resume(in->req);
}

void kiamo_io_messages(struct request *req) {
  const char *type = request_header(req, "Content-Type"), *encoding = request_header(req, "Content-Encoding");
  if (!type || !media_type_is(type, "application/json")) {
    kiamo_io_fail(req, 415, "the body must be application/json");
    return;
  }
  if (encoding && strcmp(encoding, "identity") != 0) {
    kiamo_io_fail(req, 415, "the body must not be compressed");
    return;
  }
  struct ingest *in = mem_new(request_pool(req), struct ingest);
  in->req = req;
  in->registry = caller_of(req)->registry;
  in->channel = caller_of(req)->channel;
  size_t len = 0;
  request_body(req, &len);
  if (len > LARGE_BODY) {
    hand_over(in);
    return;
  }
  if (!parse(in)) return;
  if (has_files(in->root))
    hand_over(in);
  else if (decode(in))
    store(in);
}
