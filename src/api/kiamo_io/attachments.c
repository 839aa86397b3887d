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

#define LEASES_MAX     4096
#define LEASES_CHANNEL 64 /* nobody takes them all */
#define WAIT_MS        20
#define WAITS_MAX      500 /* ten seconds */

enum lease { LEASE_NONE, LEASE_DOWNLOADING, LEASE_SETTLING };

/* Files being downloaded now. One process serves a store, so memory is enough. */
static struct {
  pthread_mutex_t lock;
  struct {
    int64_t id, channel_id;
    enum lease state;
  } rows[LEASES_MAX];
  int count;
} leases = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Takes the lease when nobody has it (LEASE_NONE is returned then); else says how far the other is. */
static enum lease lease_take(const struct attachment *a) {
  enum lease found = LEASE_NONE;
  int same = 0;
  pthread_mutex_lock(&leases.lock);
  for (int i = 0; i < leases.count; i++) {
    if (leases.rows[i].id == a->id) found = leases.rows[i].state;
    same += leases.rows[i].channel_id == a->channel_id;
  }
  bool room = leases.count < LEASES_MAX && same < LEASES_CHANNEL;
  if (found == LEASE_NONE && !room) found = LEASE_DOWNLOADING;
  if (found == LEASE_NONE) {
    leases.rows[leases.count].id = a->id;
    leases.rows[leases.count].channel_id = a->channel_id;
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
  bool leased;
  int waits;
};

enum look { LOOK_FOUND, LOOK_GONE, LOOK_FAILED };

static enum look look(struct download *d) {
  struct request *req = d->req;
  const struct caller *c = caller_of(req);
  struct attachment *a = &d->attachment;
  const char *uid = request_param(req, 0);
  struct db *db = store_read_begin(app()->store);
  bool found =
      strlen(uid) == ATTACHMENT_UID_LEN - 1 && attachment_by_uid(db, request_pool(req), c->instance_id, uid, a);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  if (failed) return LOOK_FAILED;
  bool mine = found && a->channel_id == c->channel->id && a->direction == MESSAGE_OUT && a->message_id != 0;
  return mine && still_there(a, request_conf(req)->attachment_grace) ? LOOK_FOUND : LOOK_GONE;
}

/* Looks; what is there and not retrieved yet is leased. *ret_other: who has the lease; LEASE_NONE, and we have it. */
static enum look look_and_lease(struct download *d, enum lease *ret_other) {
  enum look found = look(d);
  if (found != LOOK_FOUND || request_method(d->req) == HTTP_HEAD || d->attachment.retrieved_at) return found;
  *ret_other = lease_take(&d->attachment);
  if (*ret_other == LEASE_SETTLING && request_conf(d->req)->attachment_grace == 0) return LOOK_GONE;
  if (*ret_other != LEASE_NONE) return found;
  found = look(d); /* a download may have ended, and given its lease back, since we looked */
  d->leased = found == LOOK_FOUND && d->attachment.retrieved_at == 0;
  if (!d->leased) lease_set(d->attachment.id, LEASE_NONE);
  return found;
}

/* Sets the reply, or returns false: another download of the file is under way. */
static bool answer(struct download *d) {
  struct request *req = d->req;
  struct attachment *a = &d->attachment;
  enum lease other = LEASE_NONE;
  enum look found = look_and_lease(d, &other);
  if (found == LOOK_FOUND && other == LEASE_DOWNLOADING) return false;
  if (found == LOOK_FOUND) {
    if (d->leased) request_on_end(req, download_over, a);
    reply_header(req, "Cache-Control", "private, no-store");
    reply_pieces(req, a, a->mime_type, d->leased);
  } else if (found == LOOK_FAILED) {
    fail_unavailable(req, UNAVAILABLE_DOWN);
  } else {
    kiamo_io_fail(req, 404, "no such attachment, or it was retrieved before");
  }
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
