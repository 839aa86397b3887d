/* POST /{channel_uuid}: a customer's message. Checked whole, stored in one job, answered after the commit and without
 * waiting for anything that goes out: the vendor's connectors cannot serve their callback while they call us. Large
 * bodies are taken apart on a worker's thread. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/voximplant/decode_event.h"
#include "api/voximplant/voximplant.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define LARGE_BODY 262144

struct ingest {
  struct request *req;
  const struct registry *registry;
  const struct channel *channel;
  struct kit_event_in event;
  bool suspended;
  struct store_job job;
};

static enum job_result ingest_run(struct db *tx, void *arg) {
  struct ingest *in = arg;
  int64_t now_ms = clock_wall_ms();
  in->event.message.created_at = now_ms / 1000;
  return conversation_receive(tx, in->registry, in->channel, &in->event.message, now_ms) == CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static void ingest_done(void *arg, enum store_result result) {
  static const char taken[] = "{\"success\":true,\"result\":true}";
  struct ingest *in = arg;
  switch (result) {
  case STORE_OK: reply_static(in->req, 200, "application/json", taken, strlen(taken)); break;
  case STORE_FULL: fail_unavailable(in->req, UNAVAILABLE_NO_ROOM); break;
  case STORE_DOWN: fail_unavailable(in->req, UNAVAILABLE_DOWN); break;
  case STORE_REJECT:
    bug("an event was refused inside the store");
    kit_fail(in->req, 500, "internal error");
    break;
  }
  request_resume(in->req);
}

/* The reply is set when this returns false. */
static bool decode(struct ingest *in) {
  struct request *req = in->req;
  size_t len = 0;
  const char *body = request_body(req, &len);
  struct jerror error;
  const struct jval *root = json_parse(request_pool(req), body, len, &error);
  if (!root) {
    kit_fail(req, 400, mem_printf(request_pool(req), "the body is not JSON: %s", error.text));
    return false;
  }
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_DOTS);
  kit_decode_event(&d, root, body, len, &in->event);
  if (d.problem_count) kit_fail_fields(req, &d);
  return d.problem_count == 0;
}

static void decode_and_store(void *arg) {
  struct ingest *in = arg;
  if (!decode(in)) {
    if (in->suspended) request_resume(in->req);
    return;
  }
  in->job = (struct store_job){.run = ingest_run,
                               .done = ingest_done,
                               .arg = in,
                               .key = conversation_key(in->channel, &in->event.message),
                               .weight = in->event.bytes};
  if (!in->suspended) request_suspend(in->req);
  in->suspended = true;
  if (store_submit(app()->store, &in->job)) return;
  fail_unavailable(in->req, UNAVAILABLE_BUSY);
  request_resume(in->req);
}

void kit_event(struct request *req) {
  const char *encoding = request_header(req, "Content-Encoding");
  if (encoding && strcmp(encoding, "identity") != 0) {
    kit_fail(req, 415, "the body must not be compressed");
    return;
  }
  struct ingest *in = mem_new(request_pool(req), struct ingest);
  in->req = req;
  in->registry = caller_of(req)->registry;
  in->channel = caller_of(req)->channel;
  size_t len = 0;
  request_body(req, &len);
  if (len <= LARGE_BODY) {
    decode_and_store(in);
    return;
  }
  in->suspended = true;
  request_suspend(req);
  if (work_submit(app()->work, decode_and_store, in)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}
