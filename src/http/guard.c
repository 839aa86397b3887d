/* The rules of RFC 9112 that libmicrohttpd 0.9.75 does not enforce, and whatever else would let two servers in a row
 * read a request differently. Pure: owns nothing, any thread. Never repairs: a request is fine or refused. If a future
 * library no longer parses in place every request would be refused, which the tests show at once. */
#include "http/guard.h"

#include "base/fail.h"
#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static struct guard_verdict refuse(int status, const char *reason) {
  return (struct guard_verdict){.status = status, .reason = reason, .close = true};
}

/* RFC 9110 5.6.2 */
static bool is_token(const char *text, size_t len) {
  if (!len) return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80 || (!isalnum(c) && !strchr("!#$%&'*+-.^_`|~", c)) || !c) return false;
  }
  return true;
}

/* Visible characters, spaces and tabs; bytes above ASCII pass (obs-text). */
static bool is_value(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

static bool is_target(const char *target) {
  bool known = target[0] == '/' || !strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8);
  if (!known) return false;
  for (const char *at = target; *at; at++) {
    unsigned char c = (unsigned char)*at;
    if (c <= 0x20 || c >= 0x7f || c == '#') return false;
  }
  return true;
}

static bool is_method(const char *method) {
  for (const char *at = method; *at; at++) {
    if ((*at < 'A' || *at > 'Z') && *at != '_' && *at != '-') return false;
  }
  return *method && strlen(method) <= 32;
}

/* Host: a name or address and perhaps a port; nothing that could carry a path, a user or a second name. */
static bool is_host(const char *host, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)host[i];
    if (!isalnum(c) && !strchr("-._~:[]%!$&'()*+;=", c)) return false;
  }
  return true;
}

/* Does every header begin exactly where the one before ended, with CRLF between them? Line ends were replaced by NULs.
 */
static bool lies_in_place(const struct guard_request *r) {
  const char *at = r->version + strlen(r->version) + 2;
  for (size_t i = 0; i < r->count; i++) {
    const struct guard_header *h = &r->headers[i];
    if (h->name != at || h->name[h->name_len] || !h->value || h->value <= h->name + h->name_len) return false;
    for (at = h->name + h->name_len + 1; at < h->value; at++) {
      if (*at != ' ' && *at != '\t') return false;
    }
    at = h->value + h->value_len;
    if (at[0] || at[1]) return false;
    at += 2;
  }
  return !at[-2] && !at[-1] && !at[0] && !at[1] && at + 2 == r->end;
}

static bool is_name(const struct guard_header *h, const char *name) {
  return h->name_len == strlen(name) && !strncasecmp(h->name, name, h->name_len);
}

static bool is_digits(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  return len > 0;
}

/* Two of these would let somebody before us and us believe different ones. */
static const char *const once[] = {"authorization", "content-type", "kiamo-api-token", "idempotency-key",
                                   "last-event-id"};

static int place_in_once(const struct guard_header *h) {
  for (size_t i = 0; i < ARRAY_LEN(once); i++)
    if (is_name(h, once[i])) return (int)i;
  return -1;
}

struct framing {
  unsigned seen; /* bits of once[] */
  bool repeated;
  int lengths, encodings, hosts;
  const struct guard_header *length, *encoding, *host;
};

static void count_framing(const struct guard_header *h, struct framing *f) {
  if (is_name(h, "content-length")) {
    f->lengths++;
    f->length = h;
  } else if (is_name(h, "transfer-encoding")) {
    f->encodings++;
    f->encoding = h;
  } else if (is_name(h, "host")) {
    f->hosts++;
    f->host = h;
  } else {
    int place = place_in_once(h);
    f->repeated = f->repeated || (place >= 0 && (f->seen & 1u << place));
    if (place >= 0) f->seen |= 1u << place;
  }
}

static struct guard_verdict check_framing(const struct framing *f, bool is_11) {
  if (f->repeated) return refuse(400, "a header that may come once comes twice");
  if (f->hosts > 1) return refuse(400, "more than one Host header");
  if (is_11 && !f->hosts) return refuse(400, "no Host header");
  if (f->host && !is_host(f->host->value, f->host->value_len)) return refuse(400, "Host is not a host name");
  if (is_11 && !f->host->value_len) return refuse(400, "empty Host header");
  if (f->lengths > 1) return refuse(400, "more than one Content-Length header");
  if (f->length && !is_digits(f->length->value, f->length->value_len))
    return refuse(400, "Content-Length is not a number");
  if (!f->encodings) return (struct guard_verdict){.length = f->length ? f->length->value : NULL};
  if (!is_11) return refuse(400, "Transfer-Encoding in a request of HTTP/1.0");
  if (f->encodings > 1) return refuse(400, "more than one Transfer-Encoding header");
  if (f->encoding->value_len != 7 || strncasecmp(f->encoding->value, "chunked", 7)) {
    return refuse(501, "Transfer-Encoding other than chunked");
  }
  return (struct guard_verdict){.close = true};
}

struct guard_verdict guard_check(const struct guard_request *r) {
  bool is_11 = !strcmp(r->version, "HTTP/1.1");
  if (!is_11 && strcmp(r->version, "HTTP/1.0")) return refuse(505, "not HTTP/1.0 or HTTP/1.1");
  if (!is_method(r->method)) return refuse(400, "malformed method");
  if (!is_target(r->target)) return refuse(400, "malformed request target");
  if (!lies_in_place(r)) return refuse(400, "folded header, NUL, or a line that does not end in CRLF");
  struct framing f = {0};
  for (size_t i = 0; i < r->count; i++) {
    const struct guard_header *h = &r->headers[i];
    if (!is_token(h->name, h->name_len)) return refuse(400, "malformed header name");
    if (!is_value(h->value, h->value_len)) return refuse(400, "control character in a header");
    count_framing(h, &f);
  }
  return check_framing(&f, is_11);
}
