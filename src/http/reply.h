/* Setting the reply of a request. Exactly one of these per request; a second one is a panic.
 * Every reply gets X-Request-Id, X-Content-Type-Options: nosniff, and Strict-Transport-Security over TLS. */
#pragma once

#include "base/buf.h"
#include "http/request.h"

/* Extra headers: before reply_*; name is a literal, value is copied. CR and LF in value are a panic. */
void reply_header(struct request *req, const char *name, const char *value);

/* Bytes are copied into the request's pool unless static. */
void reply_bytes(struct request *req, int status, const char *content_type, const void *bytes, size_t len);
void reply_static(struct request *req, int status, const char *content_type, const void *bytes, size_t len);
void reply_buf(struct request *req, int status, const char *content_type,
               struct buf *body); /* takes the buf: it must be a child of the request's pool */
void reply_json(struct request *req, int status, struct buf *body); /* reply_buf as application/json */
void reply_empty(struct request *req, int status);
/* The reply is sent, then the connection is closed. Call before or after setting it. */
void reply_close(struct request *req);

/* A body produced piece by piece. */
enum { STREAM_END = -1, STREAM_BROKEN = -2 };
struct stream {
  /* Fills at most max bytes, returns how many, or STREAM_END / STREAM_BROKEN. 0 means nothing now: then the callee has
   * called request_suspend(), and somebody will call request_resume() when there is more. On an HTTP thread. */
  ssize_t (*read)(void *arg, uint64_t offset, char *out, size_t max);
  void (*done)(void *arg); /* once, when the reply is over; may be NULL */
  void *arg;
};
/* len: exact size, or -1 when not known beforehand (live streams). block: bytes asked for at a time. */
void reply_stream(struct request *req, int status, const char *content_type, int64_t len, size_t block,
                  struct stream stream);
bool reply_is_set(const struct request *req);
int reply_status(const struct request *req); /* 0 before a reply is set */
