/* GET /messaging/attachments/{uid}/: the bytes of an answer's file, once. The last piece is only sent when the client's
 * side has acknowledged all before it, so that a broken-off transfer does not count; while one download is under way a
 * second one is asked to come again. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_io/kiamo_io.h"
#include "api/pieces.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/attachment.h"

#include <pthread.h>
#include <string.h>

#define LEASES_MAX 256

/* Files being downloaded now. One process serves a store, so memory is enough. */
static struct {
  pthread_mutex_t lock;
  int64_t ids[LEASES_MAX];
  int count;
} leases = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool lease_take(int64_t id) {
  pthread_mutex_lock(&leases.lock);
  bool free_ = leases.count < LEASES_MAX;
  for (int i = 0; i < leases.count; i++) free_ = free_ && leases.ids[i] != id;
  if (free_) leases.ids[leases.count++] = id;
  pthread_mutex_unlock(&leases.lock);
  return free_;
}

static void lease_end(int64_t id) {
  pthread_mutex_lock(&leases.lock);
  for (int i = 0; i < leases.count; i++)
    if (leases.ids[i] == id) leases.ids[i] = leases.ids[--leases.count];
  pthread_mutex_unlock(&leases.lock);
}

/* Settling a download: outlives the request, frees itself. */
struct settle {
  struct store_job job;
  struct attachment attachment;
};

static enum job_result settle_run(struct db *tx, void *arg) {
  struct settle *s = arg;
  enum db_result r = attachment_set_retrieved(tx, &s->attachment, clock_wall_ms());
  return r == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static void settle_done(void *arg, enum store_result result) {
  struct settle *s = arg;
  if (result != STORE_OK) log_at(LOG_WARN, "attachment.not_settled", log_i("id", s->attachment.id));
  lease_end(s->attachment.id);
  mem_free(s);
}

static void download_over(void *arg, bool complete) {
  const struct attachment *a = arg;
  if (!complete) {
    lease_end(a->id);
    return;
  }
  struct settle *s = mem_new(NULL, struct settle);
  s->attachment = (struct attachment){.id = a->id, .instance_id = a->instance_id, .interaction_id = a->interaction_id};
  s->job = (struct store_job){.run = settle_run, .done = settle_done, .arg = s};
  /* When the store cannot take it the file stays: better fetched twice than lost. */
  if (!store_submit(app()->store, &s->job)) settle_done(s, STORE_DOWN);
}

static bool still_there(const struct attachment *a, int64_t grace_ms) {
  return a->state == ATTACHMENT_STORED && (a->retrieved_at == 0 || clock_wall_ms() < a->retrieved_at + grace_ms);
}

void kiamo_io_attachment(struct request *req) {
  const struct caller *c = caller_of(req);
  struct attachment *a = mem_new(request_pool(req), struct attachment);
  const char *uid = request_param(req, 0);
  struct db *db = store_read_begin(app()->store);
  bool found =
      strlen(uid) == ATTACHMENT_UID_LEN - 1 && attachment_by_uid(db, request_pool(req), c->instance_id, uid, a);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  if (failed) {
    fail_unavailable(req, UNAVAILABLE_DOWN);
    return;
  }
  bool mine = found && a->channel_id == c->channel->id && a->direction == MESSAGE_OUT && a->message_id != 0;
  if (!mine || !still_there(a, request_conf(req)->attachment_grace)) {
    kiamo_io_fail(req, 404, "no such attachment, or it was retrieved before");
    return;
  }
  bool consumes = request_method(req) != HTTP_HEAD && a->retrieved_at == 0;
  if (consumes && !lease_take(a->id)) {
    reply_header(req, "Retry-After", "1");
    kiamo_io_fail(req, 503, "this attachment is being downloaded by another request");
    return;
  }
  if (consumes) request_on_end(req, download_over, a);
  reply_header(req, "Cache-Control", "private, no-store");
  reply_pieces(req, a, a->mime_type, consumes);
}
