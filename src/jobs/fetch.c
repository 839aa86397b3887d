/* The fetcher of files named by URL: reads what is due, gets it through the guard of outbound.h, finds its type and
 * stores it in a shared commit. Owns the files under way, each in memory once or, while it is stored, twice; few at a
 * time and fewer of one channel, so a slow partner holds up their own files only. On the deliverer's thread. A file
 * that cannot be had is tried again with growing waits and in the end marked so; the message itself is never touched.
 */
#include "jobs/fetch.h"

#include "base/clock.h"
#include "base/filetype.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "core/backoff.h"
#include "jobs/settle.h"
#include "store/attachment.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define ACTIVE_MAX     6
#define ACTIVE_CHANNEL 2
#define LOOK_MAX       128 /* rows a look; those under way are among them */
#define ATTEMPTS_MAX   8
#define FIRST_FACTOR   60 /* first wait, in delivery_backoff_first; doubled six times: two hours in all */
#define LONGEST_FACTOR (FIRST_FACTOR * 64)
#define LOOK_AGAIN_MS  60000
#define STORE_PAUSE_MS 1000
#define ERROR_LEN      240

struct file {
  struct fetch *f;
  struct file *prev, *next;
  struct attachment_fetch row; /* url: child of the file */
  struct settle settle;
  bool failed, final;
  int64_t wait_ms, at_ms, size_max;
  const char *type;
  void *bytes;
  size_t size;
  char error[ERROR_LEN];
};

struct fetch {
  struct store *store;
  struct outbound *outbound;
  struct settler *settler;
  const struct conf *conf;
  struct file *files; /* under way or being stored */
  int file_count, active;
  int64_t due_ms; /* wall clock of the next look */
  bool breaking;
};

static void wake_outbound(void *arg) {
  outbound_wake(arg);
}

struct fetch *fetch_new(void *ctx, struct store *store, struct outbound *outbound) {
  struct fetch *f = mem_new(ctx, struct fetch);
  f->store = store;
  f->outbound = outbound;
  f->settler = settler_new(store, wake_outbound, outbound);
  return f;
}

void fetch_poke(struct fetch *f) {
  f->due_ms = 0;
}

int fetch_active(const struct fetch *f) {
  return f->active;
}

static void file_free(struct file *file) {
  DL_DELETE(file->f->files, file);
  file->f->file_count--;
  mem_free(file);
}

/* ---- settling ---- */

static enum job_result settle_run(struct db *tx, void *arg) {
  const struct file *file = arg;
  enum db_result r =
      file->failed
          ? attachment_fetch_failed(tx, &file->row, file->final, file->at_ms + file->wait_ms, file->error, file->at_ms)
          : attachment_fetched(tx, &file->row, file->bytes, file->size, file->type, file->at_ms);
  return r == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static void settle_done(void *arg) {
  struct file *file = arg;
  log_at(file->final ? LOG_WARN : LOG_INFO, file->failed ? "fetch.failed" : "fetch.done",
         log_i("channel", file->row.channel_id), log_i("attachment", file->row.id),
         log_i("attempt", file->row.attempts + 1), log_i("size", (int64_t)file->size), log_t("error", file->error));
  file->f->due_ms = 0;
  file_free(file);
}

static void settle_begin(struct file *file) {
  file->at_ms = clock_wall_ms();
  file->settle = (struct settle){.run = settle_run, .done = settle_done, .arg = file, .weight = file->size};
  settler_submit(file->f->settler, &file->settle);
}

/* ---- one file ---- */

static void file_failed(struct file *file, bool final, int64_t retry_after_ms) {
  const struct conf *conf = file->f->conf;
  uint32_t random;
  random_bytes(&random, sizeof random);
  file->failed = true;
  file->final = final || file->row.attempts + 1 >= ATTEMPTS_MAX;
  file->wait_ms = backoff_ms((int)file->row.attempts + 1, conf->delivery_backoff_first * FIRST_FACTOR,
                             conf->delivery_backoff_first * LONGEST_FACTOR, retry_after_ms, random);
  settle_begin(file);
}

static void file_done(void *arg, const struct outbound_result *result) {
  struct file *file = arg;
  struct fetch *f = file->f;
  f->active--;
  if (f->breaking) {
    file_free(file);
    return;
  }
  if (result->complete && result->status == 200 && !result->body_cut) {
    file->size = result->body_len;
    file->bytes = mem_bytes(file, result->body_len + 1);
    if (result->body_len) memcpy(file->bytes, result->body, result->body_len);
    file->type = mem_strdup(file, filetype_of(file->bytes, file->size));
    settle_begin(file);
    return;
  }
  bool too_large = result->complete && result->status == 200;
  if (too_large)
    snprintf(file->error, sizeof file->error, "the file is larger than %lld bytes", (long long)file->size_max);
  else if (result->complete)
    snprintf(file->error, sizeof file->error, "the address answered %d", result->status);
  else
    snprintf(file->error, sizeof file->error, "%s", result->error);
  file_failed(file, too_large, result->retry_after_ms);
}

static void file_begin(struct fetch *f, const struct attachment_fetch *row) {
  struct file *file = mem_new(f, struct file);
  char err[160];
  file->f = f;
  file->row = *row;
  file->row.url = mem_strdup(file, row->url);
  file->size_max = f->conf->attachment_max;
  DL_APPEND(f->files, file);
  f->file_count++;
  const struct outbound_request request = {
      .method = "GET",
      .url = file->row.url,
      .timeout_ms = f->conf->fetch_timeout,
      .body_max = (size_t)file->size_max,
      .done = file_done,
      .arg = file,
  };
  f->active++;
  if (outbound_send(f->outbound, &request, err)) return;
  f->active--;
  snprintf(file->error, sizeof file->error, "%s", err);
  file_failed(file, true, 0);
}

/* ---- what is due ---- */

static bool may_begin(const struct fetch *f, const struct attachment_fetch *row) {
  const struct file *file;
  int same = 0;
  DL_FOREACH(f->files, file) {
    if (file->row.id == row->id) return false;
    same += file->row.channel_id == row->channel_id;
  }
  return f->file_count < ACTIVE_MAX && same < ACTIVE_CHANNEL;
}

static void look(struct fetch *f, int64_t now_ms) {
  void *pool = mem_pool(NULL, 16384);
  struct attachment_fetch *rows = mem_array(pool, struct attachment_fetch, LOOK_MAX);
  struct db *db = store_read_begin(f->store);
  int n = attachment_to_fetch(db, pool, rows, LOOK_MAX);
  bool failed = db_failed(db);
  store_read_end(f->store, db);
  f->due_ms = now_ms + (failed ? STORE_PAUSE_MS : LOOK_AGAIN_MS);
  for (int i = 0; i < n; i++) {
    if (rows[i].next_at > now_ms) {
      if (rows[i].next_at < f->due_ms) f->due_ms = rows[i].next_at;
      break; /* they come by time */
    }
    if (store_holds(f->store, rows[i].channel_id) && may_begin(f, &rows[i])) file_begin(f, &rows[i]);
  }
  mem_free(pool);
}

int fetch_turn(struct fetch *f, const struct conf *conf) {
  int64_t now_ms = clock_wall_ms(), now_us = clock_mono_us();
  f->conf = conf;
  settler_turn(f->settler, now_us);
  if (now_ms >= f->due_ms && f->file_count < ACTIVE_MAX && !settler_refused(f->settler)) look(f, now_ms);
  int64_t wait_ms = f->due_ms > now_ms ? f->due_ms - now_ms : 0;
  /* With all places taken, or the store refusing, an outcome comes first. */
  if (wait_ms > LOOK_AGAIN_MS || f->file_count >= ACTIVE_MAX || settler_refused(f->settler)) wait_ms = LOOK_AGAIN_MS;
  return (int)(settler_wait_us(f->settler, now_us, wait_ms * 1000) / 1000);
}

bool fetch_settling(struct fetch *f) {
  settler_turn(f->settler, clock_mono_us());
  return settler_in_store(f->settler) > 0 || (settler_refused(f->settler) && !settler_trouble(f->settler));
}

void fetch_stop(struct fetch *f) {
  f->breaking = true;
  settler_silence(f->settler);
}

bool fetch_free(struct fetch *f) {
  if (!settler_free(f->settler)) return false;
  while (f->files) file_free(f->files);
  mem_free(f);
  return true;
}
