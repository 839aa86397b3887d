/* Any bytes as a request head, cut up in place as the HTTP library does. What the guard lets pass is judged again here,
 * over the bytes as they were, by rules written down a second time: one line end only, no byte that could hide another
 * header, one framing. */
#include "base/fail.h"
#include "base/mem.h"
#include "http/guard.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADERS_MAX 64

struct cut {
  char *method, *target, *version, *end;
  struct guard_header headers[HEADERS_MAX];
  size_t count;
};

static char *take_line(char **at, const char *end, size_t *ret_len) {
  char *line = *at;
  for (char *c = line; c < end; c++) {
    bool crlf = c[0] == '\r' && c + 1 < end && c[1] == '\n';
    if (!crlf && c[0] != '\n') continue;
    c[0] = '\0';
    if (crlf) c[1] = '\0';
    *at = c + (crlf ? 2 : 1);
    *ret_len = (size_t)(c - line);
    return line;
  }
  return NULL;
}

/* False when the library would not have called anybody. */
static bool cut_request_line(void *ctx, struct cut *c, char *line, size_t len) {
  char *space = memchr(line, ' ', len);
  char *last = memrchr(line, ' ', len);
  if (!space || space == line || space == last) return false;
  *space = *last = '\0';
  c->method = line;
  c->version = last + 1;
  c->target = mem_strdup(ctx, space + 1);
  if (strlen(c->version) != (size_t)(line + len - c->version)) return false;
  return line + strlen(line) == space && space + 1 + strlen(c->target) == last;
}

static bool cut_header(void *ctx, struct cut *c, char *line) {
  if (c->count && (*line == ' ' || *line == '\t')) {
    struct guard_header *h = &c->headers[c->count - 1];
    h->name = mem_strndup(ctx, h->name, h->name_len);
    return true;
  }
  char *colon = strchr(line, ':');
  if (!colon || c->count == HEADERS_MAX) return false;
  *colon = '\0';
  char *value = colon + 1 + strspn(colon + 1, " \t");
  c->headers[c->count++] = (struct guard_header){line, (size_t)(colon - line), value, strlen(value)};
  return true;
}

static bool cut(void *ctx, char *raw, size_t size, struct cut *c) {
  char *at = raw;
  size_t len;
  char *line = take_line(&at, raw + size, &len);
  if (!line || !cut_request_line(ctx, c, line, len)) return false;
  for (;;) {
    line = take_line(&at, raw + size, &len);
    if (!line) return false;
    if (!*line) break;
    if (!cut_header(ctx, c, line)) return false;
  }
  c->end = at;
  return true;
}

/* Counts header lines of that name in the bytes as sent; each must be "name:" at the start of a line. */
static int count_lines(const char *raw, size_t len, const char *name) {
  int count = 0;
  size_t n = strlen(name);
  for (size_t i = 2; i + n < len; i++) {
    if (!memcmp(raw + i - 2, "\r\n", 2) && !strncasecmp(raw + i, name, n) && raw[i + n] == ':') count++;
  }
  return count;
}

static void judge(const char *raw, size_t len, const struct guard_verdict *v, const char *version) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)raw[i];
    invariant(c >= 0x20 || c == '\t' || (c == '\r' && i + 1 < len && raw[i + 1] == '\n') ||
              (c == '\n' && i && raw[i - 1] == '\r'));
    if (c == '\n' && i + 1 < len) invariant(raw[i + 1] != ' ' && raw[i + 1] != '\t');
  }
  invariant(len >= 4 && !memcmp(raw + len - 4, "\r\n\r\n", 4));
  int lengths = count_lines(raw, len, "content-length"), encodings = count_lines(raw, len, "transfer-encoding");
  int hosts = count_lines(raw, len, "host");
  invariant(lengths <= 1 && encodings <= 1 && hosts <= 1);
  invariant(!strcmp(version, "HTTP/1.0") || (!strcmp(version, "HTTP/1.1") && hosts == 1));
  invariant(v->close == (encodings == 1));
}

/* A NUL where CR or LF is due looks like it once line ends are NULs: the one thing the guard cannot see (guard.h). */
static void forgive(char *sent, size_t at, const char *line_end) {
  if (memchr(sent + at, '\0', strlen(line_end))) memcpy(sent + at, line_end, strlen(line_end));
}

static char *as_seen(void *ctx, const uint8_t *data, const char *raw, const struct cut *c) {
  size_t len = (size_t)(c->end - raw);
  char *sent = mem_strndup(ctx, (const char *)data, len);
  forgive(sent, len - 4, "\r\n\r\n");
  for (size_t i = 0; i < c->count; i++) {
    forgive(sent, (size_t)(c->headers[i].value + c->headers[i].value_len - raw), "\r\n");
  }
  return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  char *raw = mem_array(ctx, char, size + 8);
  if (size) memcpy(raw, data, size);
  struct cut c = {.count = 0};
  if (cut(ctx, raw, size, &c)) {
    struct guard_verdict v =
        guard_check(&(struct guard_request){c.method, c.target, c.version, c.headers, c.count, c.end});
    if (v.status) {
      invariant(v.status >= 400 && v.reason && v.close);
    } else {
      judge(as_seen(ctx, data, raw, &c), (size_t)(c.end - raw), &v, c.version);
    }
  }
  talloc_free(ctx);
  return 0;
}
