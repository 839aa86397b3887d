/* Files out. Each read takes a reader for one chunk and gives it back. Holding back the end: the stream suspends itself
 * and a timer's thread resumes it some milliseconds later, until the bytes before are acknowledged or the client is
 * gone. */
#include "api/pieces.h"

#include "api/app.h"
#include "base/mem.h"
#include "base/timer.h"

#include <stdio.h>
#include <string.h>

#define END_PIECE 1
#define HOLD_MS   3
#define HOLDS_MAX 10000 /* half a minute */

struct pieces {
  struct request *req;
  int64_t id, size;
  bool hold_end;
  int holds;
};

static void hold_over(void *arg) {
  request_resume(((struct pieces *)arg)->req);
}

static ssize_t read_piece(void *arg, uint64_t offset, char *out, size_t max) {
  struct pieces *p = arg;
  int64_t left = p->size - (int64_t)offset;
  if (p->hold_end && left > END_PIECE && (int64_t)max > left - END_PIECE) max = (size_t)(left - END_PIECE);
  if (p->hold_end && left <= END_PIECE && offset > 0) {
    int unacked = request_unacked(p->req);
    if (unacked < 0 || p->holds > HOLDS_MAX) return STREAM_BROKEN;
    if (unacked > 0) {
      p->holds++;
      request_suspend(p->req);
      timer_after(HOLD_MS, hold_over, p);
      return 0;
    }
  }
  struct db *db = store_read_begin(app()->store);
  ssize_t n = attachment_read(db, p->id, (int64_t)offset, out, max);
  store_read_end(app()->store, db);
  return n > 0 ? n : STREAM_BROKEN;
}

/* RFC 6266: an ASCII fallback and the name in UTF-8, both free of anything that could end the header. */
static char *disposition(void *ctx, const char *name) {
  size_t len = strlen(name), n = 0;
  char *plain = mem_bytes(ctx, len + 1), *encoded = mem_bytes(ctx, 3 * len + 1), *e = encoded;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)name[i];
    bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._-", c));
    plain[n++] = safe || c == ' ' ? (char)c : '_';
    if (safe)
      *e++ = (char)c;
    else
      e += sprintf(e, "%%%02X", c);
  }
  plain[n] = *e = 0;
  return mem_printf(ctx, "attachment; filename=\"%s\"; filename*=UTF-8''%s", plain, encoded);
}

void reply_pieces(struct request *req, const struct attachment *a, const char *content_type, bool hold_end) {
  struct pieces *p = mem_new(request_pool(req), struct pieces);
  *p = (struct pieces){.req = req, .id = a->id, .size = a->size, .hold_end = hold_end};
  reply_header(req, "Content-Disposition", disposition(request_pool(req), a->name));
  reply_header(req, "Content-Security-Policy", "sandbox; default-src 'none'");
  if (a->size == 0) {
    reply_static(req, 200, content_type, "", 0);
    return;
  }
  size_t block = a->size < ATTACHMENT_CHUNK ? (size_t)a->size : ATTACHMENT_CHUNK;
  reply_stream(req, 200, content_type, a->size, block, (struct stream){.read = read_piece, .arg = p});
}
