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
#include "base/timer.h"
#include "store/attachment.h"

#include <pthread.h>
#include <string.h>

#define LEASES_MAX 256
#define WAIT_MS    20
#define WAITS_MAX  500 /* ten seconds */

enum lease { LEASE_NONE, LEASE_DOWNLOADING, LEASE_SETTLING };

/* Files being downloaded now. One process serves a store, so memory is enough. */
static struct {
  pthread_mutex_t lock;
  struct {
    int64_t id;
    enum lease state;
  } rows[LEASES_MAX];
  int count;
} leases = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Takes the lease when nobody has it (LEASE_NONE is returned then); else says how far the other is. */
static enum lease lease_take(int64_t id) {
  enum lease found = LEASE_NONE;
  pthread_mutex_lock(&leases.lock);
  for (int i = 0; i < leases.count; i++)
    if (leases.rows[i].id == id) found = leases.rows[i].state;
  if (found == LEASE_NONE && leases.count == LEASES_MAX) found = LEASE_DOWNLOADING;
  if (found == LEASE_NONE) {
    leases.rows[leases.count].id = id;
    leases.rows[leases.count++].state = LEASE_DOWNLOADING;
  }
  pthread_mutex_unlock(&leases.lock);
  return found;
}

/* state LEASE_NONE: give it back. */
static void lease_set(int64_t id, enum lease state) {
  pthread_mutex_lock(&leases.lock);
  for (int i = 0; i < leases.count; i++) {
    if (leases.rows[i].id != id) continue;
    leases.rows[i].state = state;
    if (state == LEASE_NONE) leases.rows[i] = leases.rows[--leases.count];
    break;
  }
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
  lease_set(s->attachment.id, LEASE_NONE);
  mem_free(s);
}

static void download_over(void *arg, bool complete) {
  const struct attachment *a = arg;
  if (!complete) {
    lease_set(a->id, LEASE_NONE);
    return;
  }
  lease_set(a->id, LEASE_SETTLING); /* whoever asks from now on is told that it is gone */
  struct settle *s = mem_new(NULL, struct settle);
  s->attachment = (struct attachment){.id = a->id, .instance_id = a->instance_id, .interaction_id = a->interaction_id};
  s->job = (struct store_job){.run = settle_run, .done = settle_done, .arg = s};
  /* When the store cannot take it the file stays: better fetched twice than lost. */
  if (!store_submit(app()->store, &s->job)) settle_done(s, STORE_DOWN);
}

static bool still_there(const struct attachment *a, int64_t grace_ms) {
  return a->state == ATTACHMENT_STORED && (a->retrieved_at == 0 || clock_wall_ms() < a->retrieved_at + grace_ms);
}

struct download {
  struct request *req;
  struct attachment attachment;
  int waits;
};

static void gone(struct request *req) {
  kiamo_io_fail(req, 404, "no such attachment, or it was retrieved before");
}

/* Sets the reply, or returns false: another download of the file is under way. */
static bool answer(struct download *d) {
  struct request *req = d->req;
  const struct caller *c = caller_of(req);
  struct attachment *a = &d->attachment;
  const char *uid = request_param(req, 0);
  struct db *db = store_read_begin(app()->store);
  bool found =
      strlen(uid) == ATTACHMENT_UID_LEN - 1 && attachment_by_uid(db, request_pool(req), c->instance_id, uid, a);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  if (failed) {
    fail_unavailable(req, UNAVAILABLE_DOWN);
    return true;
  }
  bool mine = found && a->channel_id == c->channel->id && a->direction == MESSAGE_OUT && a->message_id != 0;
  if (!mine || !still_there(a, request_conf(req)->attachment_grace)) {
    gone(req);
    return true;
  }
  bool consumes = request_method(req) != HTTP_HEAD && a->retrieved_at == 0;
  enum lease other = consumes ? lease_take(a->id) : LEASE_NONE;
  if (other == LEASE_DOWNLOADING) return false;
  if (other == LEASE_SETTLING && request_conf(req)->attachment_grace == 0) {
    gone(req);
    return true;
  }
  if (consumes && other == LEASE_NONE) request_on_end(req, download_over, a);
  reply_header(req, "Cache-Control", "private, no-store");
  reply_pieces(req, a, a->mime_type, consumes);
  return true;
}

/* On the timer's thread: is the other download over? It may have been broken off without our having noticed yet. */
static void answer_later(void *arg) {
  struct download *d = arg;
  if (!answer(d)) {
    if (d->waits++ < WAITS_MAX) {
      timer_after(WAIT_MS, answer_later, d);
      return;
    }
    reply_header(d->req, "Retry-After", "1");
    kiamo_io_fail(d->req, 503, "this attachment is being downloaded by another request");
  }
  request_resume(d->req);
}

void kiamo_io_attachment(struct request *req) {
  struct download *d = mem_new(request_pool(req), struct download);
  d->req = req;
  if (answer(d)) return;
  request_suspend(req);
  timer_after(WAIT_MS, answer_later, d);
}
