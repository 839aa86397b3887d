/* http/guard over raw requests, cut up here the way the library cuts them up: in place, line ends and the first colon
 * become NUL, folded lines are glued elsewhere. */
#include "http/guard.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: x\r\n"
#define NUL  "\0"

struct row {
  const char *raw;
  size_t len;
  int status;
  bool close;
};
#define ROW(status, close, raw)                                                                                        \
  { raw, sizeof(raw) - 1, status, close }

static const struct row rows[] = {
    ROW(0, false, "GET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, false, "GET / HTTP/1.0\r\n\r\n"),
    ROW(0, false, "GET / HTTP/1.0\r\nHost:\r\n\r\n"),
    ROW(0, false, "GET /a?b=c%20&d HTTP/1.1\r\n" HOST "Accept:\t \t*/*\r\nX-Empty:\r\nX-Blank:  \r\n\r\n"),
    ROW(0, false, "M-SEARCH http://host:80/a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, false, "GET / HTTP/1.1\r\nhOST: [::1]:8080\r\nX!#$%&'*+-.^_`|~9: \x80\xff\t \r\n\r\n"),
    ROW(0, false, "POST / HTTP/1.1\r\n" HOST "Content-Length: 12\r\n\r\n"),
    ROW(0, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
    ROW(0, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n"),
    ROW(0, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    /* versions */
    ROW(505, true, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    ROW(505, true, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    ROW(505, true, "GET / http/1.1\r\n" HOST "\r\n"),
    ROW(505, true, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    /* methods */
    ROW(400, true, "get / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "G\x01T / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET\t/ / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n"),
    /* targets */
    ROW(400, true, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "CONNECT x:80 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET ftp://x/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true,
        "GET /a\x01"
        "b HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET /a\tb HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, true, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    /* Host */
    ROW(400, true, "GET / HTTP/1.1\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "hoST: y\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: u@b\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    /* names */
    ROW(400, true, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X\t: x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "a b: x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "a(b: x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "a\x80: x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "a\x01: x\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n X: folded at once\r\n" HOST "\r\n"),
    /* values */
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\x1b[31m\r\n\r\n"),
    /* NUL */
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a" NUL "b\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a" NUL "b\r\nY: z\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a" NUL "\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X:" NUL "\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: x" NUL "y\r\n\r\n"),
    /* bare LF, in every place */
    ROW(400, true, "GET / HTTP/1.1\n" HOST "\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: y\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "\n"),
    ROW(400, true, "GET / HTTP/1.0\n\r\n"),
    ROW(400, true, "GET / HTTP/1.0\r\n\n"),
    /* obs-fold */
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\nY: c\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "X: a\r\n \r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n"),
    /* headers that may come once */
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: a\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "Content-Type: a\r\nX: y\r\nContent-Type: b\r\n\r\n"),
    ROW(400, true, "GET / HTTP/1.1\r\n" HOST "Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n\r\n"),
    ROW(0, false, "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nContent-Type: b\r\nAccept: c\r\nAccept: d\r\n\r\n"),
    /* Content-Length */
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"),
    /* Transfer-Encoding */
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"),
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"),
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"),
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n\r\n"),
    ROW(501, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n"),
    ROW(400, true, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
};

struct cut {
  char *method, *target, *version;
  struct guard_header headers[16];
  size_t count;
  char *end;
};

/* Takes the line at *at out of the buffer as the library does: CRLF to two NULs, a bare LF to one. */
static char *take_line(char **at, const char *end) {
  char *line = *at;
  for (char *c = line; c < end; c++) {
    bool crlf = c[0] == '\r' && c + 1 < end && c[1] == '\n';
    if (!crlf && c[0] != '\n') continue;
    c[0] = '\0';
    if (crlf) c[1] = '\0';
    *at = c + (crlf ? 2 : 1);
    return line;
  }
  fail_msg("no line end");
  return NULL;
}

static void cut_header(struct cut *c, char *line, void *ctx) {
  struct guard_header *last = c->count ? &c->headers[c->count - 1] : NULL;
  if (last && (*line == ' ' || *line == '\t')) {
    last->name = mem_strndup(ctx, last->name, last->name_len); /* moved, as the library does */
    return;
  }
  char *colon = strchr(line, ':');
  if (!colon) fail_msg("no colon: %s", line); /* the library answers that itself */
  *colon = '\0';
  char *value = colon + 1 + strspn(colon + 1, " \t");
  c->headers[c->count++] = (struct guard_header){line, strlen(line), value, strlen(value)};
}

static struct cut cut(void *ctx, char *raw, size_t len) {
  struct cut c = {.count = 0};
  char *at = raw, *end = raw + len;
  char *line = take_line(&at, end);
  c.method = line;
  char *space = strchr(line, ' ');
  c.target = mem_strdup(ctx, space + 1);
  *space = '\0';
  space = strrchr(c.target, ' ');
  if (space[1] == '\0') *space = '\0', space = strrchr(c.target, ' '), space[strlen(space)] = ' ';
  *space = '\0';
  c.version = line + strlen(line) + 1 + strlen(c.target) + 1;
  for (;;) {
    line = take_line(&at, end);
    if (!*line) break;
    cut_header(&c, line, ctx);
  }
  c.end = at;
  return c;
}

static void judges(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    void *ctx = mem_pool(NULL, 4096);
    char *raw = mem_array(ctx, char, rows[i].len + 8); /* free buffer behind it is NUL */
    memcpy(raw, rows[i].raw, rows[i].len);
    struct cut c = cut(ctx, raw, rows[i].len);
    struct guard_verdict v =
        guard_check(&(struct guard_request){c.method, c.target, c.version, c.headers, c.count, c.end});
    if (v.status != rows[i].status || v.close != rows[i].close || (v.status && !v.reason)) {
      fail_msg("row %zu: %d (%s) close %d, not %d: %s", i, v.status, v.reason ? v.reason : "", v.close, rows[i].status,
               rows[i].raw);
    }
    mem_free(ctx);
  }
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(judges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
