/* Remembers the reply of a request until the server sends it. Owns nothing beyond the request's pool.
 * On the thread that holds the request. Never sends anything itself. */
#include "http/reply.h"

#include "base/mem.h"
#include "http/request_impl.h"

#include <string.h>

static struct reply *set(struct request *req, int status, const char *content_type) {
  struct reply *r = &req->reply;
  if (r->status) panic("second reply to one request (%d after %d)", status, r->status);
  invariant(status >= 200 && status <= 599);
  r->status = status;
  r->content_type = content_type;
  return r;
}

void reply_header(struct request *req, const char *name, const char *value) {
  if (strpbrk(value, "\r\n")) panic("line end in the value of header %s", name);
  struct extra_header *h = mem_new(req->pool, struct extra_header);
  h->name = name;
  h->value = mem_strdup(req->pool, value);
  h->next = req->reply.extra;
  req->reply.extra = h;
}

void reply_static(struct request *req, int status, const char *content_type, const void *bytes, size_t len) {
  struct reply *r = set(req, status, content_type);
  r->bytes = bytes;
  r->len = len;
}

void reply_bytes(struct request *req, int status, const char *content_type, const void *bytes, size_t len) {
  reply_static(req, status, content_type, len ? mem_strndup(req->pool, bytes, len) : "", len);
}

void reply_buf(struct request *req, int status, const char *content_type, struct buf *body) {
  if (body->failed) {
    bug("a reply outgrew its buffer of %zu bytes", body->max);
    reply_empty(req, 500);
    return;
  }
  reply_static(req, status, content_type, body->data, body->len);
}

void reply_json(struct request *req, int status, struct buf *body) {
  reply_buf(req, status, "application/json", body);
}

void reply_empty(struct request *req, int status) {
  reply_static(req, status, NULL, "", 0);
}

void reply_close(struct request *req) {
  req->reply.close = true;
}

void reply_stream(struct request *req, int status, const char *content_type, int64_t len, size_t block,
                  struct stream stream) {
  struct reply *r = set(req, status, content_type);
  invariant(len >= -1 && block);
  r->is_stream = true;
  r->stream_len = len;
  r->block = block;
  r->stream = stream;
}

bool reply_is_set(const struct request *req) {
  return req->reply.status != 0;
}
int reply_status(const struct request *req) {
  return req->reply.status;
}
