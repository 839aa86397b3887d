/* What RFC 9112 forbids and the HTTP library lets through: looked at once per request, before anything else. Pure.
 * The library parses in place, so names and values still lie where they were sent; a header that does not lie exactly
 * behind the one before it was folded, holds a NUL, or ended in a bare LF.
 * One thing leaves no trace: a NUL in place of the CR or LF of a line end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guard_header {
  const char *name;
  size_t name_len;
  const char *value; /* may be NULL when empty */
  size_t value_len;
};

struct guard_verdict {
  int status;         /* 0: fine; else 400, 501, 505 …: answer with it and close */
  const char *reason; /* for the body and the log */
  bool close;         /* fine, but close after the answer: Transfer-Encoding was used */
  const char *length; /* the digits of Content-Length; NULL: none, or the body is chunked */
};

/* What was sent. Pointers but for target go into the library's buffer: version and all headers lie there one behind the
 * other. */
struct guard_request {
  const char *method;
  const char *target;                 /* as sent */
  const char *version;                /* "HTTP/1.1" */
  const struct guard_header *headers; /* in the order they were sent */
  size_t count;
  const char *end; /* the first byte behind the empty line that ends the headers */
};

struct guard_verdict guard_check(const struct guard_request *r);
