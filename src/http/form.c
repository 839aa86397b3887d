/* Form bodies to fields. Pure: owns nothing, copies into the caller's ctx; any thread. Never writes a file, never
 * repairs a body: what is not whole is FORM_BROKEN, what has more than FORM_FIELDS_MAX fields is FORM_TOO_MANY. */
#include "http/form.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX     70 /* RFC 2046 5.1.1 */
#define PART_HEADERS_MAX 16

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t");
}

bool media_type_is(const char *content_type, const char *type) {
  if (!content_type) return false;
  const char *begin = skip_blanks(content_type);
  size_t len = strlen(type);
  if (strncasecmp(begin, type, len)) return false;
  const char *end = skip_blanks(begin + len);
  return !*end || *end == ';';
}

/* Copies the value at `at` (a token or a quoted string) to out and returns what follows; NULL when the quotes do not
 * end. */
static const char *take_value(const char *at, char *out) {
  if (*at != '"') {
    while (*at && *at != ';' && !is_blank(*at)) *out++ = *at++;
    *out = '\0';
    return at;
  }
  for (at++; *at != '"'; at++) {
    if (*at == '\\' && at[1]) at++;
    if (!*at) return NULL;
    *out++ = *at;
  }
  *out = '\0';
  return at + 1;
}

char *header_param(void *ctx, const char *header, const char *name) {
  char *value = mem_bytes(ctx, strlen(header) + 1);
  for (const char *at = strchr(header, ';'); at;) {
    at = skip_blanks(at + 1);
    size_t len = strcspn(at, "=; \t");
    bool wanted = len == strlen(name) && !strncasecmp(at, name, len);
    at = skip_blanks(at + len);
    if (*at == '=') {
      at = take_value(skip_blanks(at + 1), value);
      if (!at) break;
      if (wanted) return value;
    }
    at = strchr(at, ';');
  }
  mem_free(value);
  return NULL;
}

/* The next free field; NULL when there are too many. */
static struct form_field *next_field(struct form *f) {
  return f->count < FORM_FIELDS_MAX ? &f->fields[f->count++] : NULL;
}

static bool is_name(const char *text, size_t len) {
  return !memchr(text, '\0', len) && utf8_valid(text, len);
}

/* ---- application/x-www-form-urlencoded ---- */

static char *decode(void *ctx, const char *text, size_t len, size_t *ret_len) {
  char *out = mem_bytes(ctx, len + 1);
  if (!percent_decode(text, len, true, out, ret_len)) return NULL;
  out[*ret_len] = '\0';
  return out;
}

static enum form_result take_pair(void *ctx, const char *pair, size_t len, struct form *f) {
  const char *equals = memchr(pair, '=', len);
  size_t name_len = equals ? (size_t)(equals - pair) : len;
  struct form_field *field = next_field(f);
  if (!field) return FORM_TOO_MANY;
  size_t n;
  field->name = decode(ctx, pair, name_len, &n);
  if (!field->name || !is_name(field->name, n)) return FORM_BROKEN;
  size_t value_len = equals ? len - name_len - 1 : 0;
  field->value = decode(ctx, equals ? equals + 1 : "", value_len, &field->len);
  return field->value ? FORM_OK : FORM_BROKEN;
}

static enum form_result parse_urlencoded(void *ctx, const char *body, size_t len, struct form *f) {
  for (const char *at = body, *end = body + len; at < end;) {
    const char *stop = memchr(at, '&', (size_t)(end - at));
    if (!stop) stop = end;
    enum form_result result = stop == at ? FORM_OK : take_pair(ctx, at, (size_t)(stop - at), f);
    if (result != FORM_OK) return result;
    at = stop + 1;
  }
  return FORM_OK;
}

/* ---- multipart/form-data ---- */

struct multipart {
  char delimiter[BOUNDARY_MAX + 5]; /* CRLF, two dashes, the boundary */
  size_t len;
  const char *at;
  const char *end;
};

static bool starts(const struct multipart *m, const char *at, const char *text) {
  size_t len = strlen(text);
  return (size_t)(m->end - at) >= len && !memcmp(at, text, len);
}

/* Is what stands behind a boundary the rest of a delimiter line? Returns what follows that line, *ret_last: it was the
 * last one. */
static const char *delimiter_tail(const struct multipart *m, const char *at, bool *ret_last) {
  bool last = starts(m, at, "--");
  if (last) at += 2;
  while (at < m->end && is_blank(*at)) at++;
  if (starts(m, at, "\r\n")) {
    at += 2;
  } else if (!last || at < m->end) {
    return NULL;
  }
  *ret_last = last;
  return at;
}

/* Finds the next delimiter at or behind m->at; what precedes it is the content. m->at moves behind it. */
static bool next_delimiter(struct multipart *m, const char **ret_content_end, bool *ret_last) {
  for (const char *at = m->at; at < m->end; at++) {
    at = memmem(at, (size_t)(m->end - at), m->delimiter, m->len);
    if (!at) return false;
    const char *after = delimiter_tail(m, at + m->len, ret_last);
    if (!after) continue;
    *ret_content_end = at;
    m->at = after;
    return true;
  }
  return false;
}

/* The first delimiter may stand at the very beginning, without a line end before it. */
static bool first_delimiter(struct multipart *m, bool *ret_last) {
  if (starts(m, m->at, m->delimiter + 2)) {
    const char *after = delimiter_tail(m, m->at + m->len - 2, ret_last);
    if (after) {
      m->at = after;
      return true;
    }
  }
  const char *preamble_end;
  return next_delimiter(m, &preamble_end, ret_last);
}

static bool is_plain_encoding(const char *encoding) {
  return text_equal_nocase(encoding, "7bit") || text_equal_nocase(encoding, "8bit") ||
         text_equal_nocase(encoding, "binary");
}

/* One header line of a part. False when the part cannot be understood. */
static bool take_header(void *ctx, const char *line, size_t len, char **name) {
  char *text = mem_strndup(ctx, line, len);
  char *colon = strchr(text, ':');
  if (strlen(text) != len || !colon) return false;
  *colon = '\0';
  const char *value = skip_blanks(colon + 1);
  bool fine = true;
  if (text_equal_nocase(text, "content-disposition")) {
    fine = !*name && media_type_is(value, "form-data");
    if (fine) *name = header_param(ctx, value, "name");
  } else if (text_equal_nocase(text, "content-transfer-encoding")) {
    fine = is_plain_encoding(value);
  }
  mem_free(text);
  return fine;
}

/* Reads the headers at m->at up to and with the empty line. */
static bool take_headers(void *ctx, struct multipart *m, char **name) {
  for (int i = 0; i <= PART_HEADERS_MAX; i++) {
    const char *stop = memmem(m->at, (size_t)(m->end - m->at), "\r\n", 2);
    if (!stop) return false;
    const char *line = m->at;
    m->at = stop + 2;
    if (stop == line) return *name && is_name(*name, strlen(*name));
    if (!take_header(ctx, line, (size_t)(stop - line), name)) return false;
  }
  return false;
}

static enum form_result take_part(void *ctx, struct multipart *m, struct form *f, bool *ret_last) {
  char *name = NULL;
  if (!take_headers(ctx, m, &name)) return FORM_BROKEN;
  const char *content = m->at, *content_end;
  m->at -= 2; /* the empty line's end may be that of an empty content too */
  if (!next_delimiter(m, &content_end, ret_last)) return FORM_BROKEN;
  struct form_field *field = next_field(f);
  if (!field) return FORM_TOO_MANY;
  field->name = name;
  field->len = content_end > content ? (size_t)(content_end - content) : 0;
  field->value = mem_strndup(ctx, content, field->len);
  return FORM_OK;
}

static enum form_result parse_multipart(void *ctx, const char *content_type, const char *body, size_t len,
                                        struct form *f) {
  char *boundary = header_param(ctx, content_type, "boundary");
  if (!boundary || !*boundary || strlen(boundary) > BOUNDARY_MAX) return FORM_BROKEN;
  struct multipart m = {.at = body, .end = body + len};
  memcpy(m.delimiter, "\r\n--", 4);
  memcpy(m.delimiter + 4, boundary, strlen(boundary) + 1);
  m.len = 4 + strlen(boundary);
  mem_free(boundary);
  bool last = false;
  if (!first_delimiter(&m, &last)) return FORM_BROKEN;
  while (!last) {
    enum form_result result = take_part(ctx, &m, f, &last);
    if (result != FORM_OK) return result;
  }
  return FORM_OK;
}

enum form_result form_parse(void *ctx, const char *content_type, const char *body, size_t len, struct form *ret) {
  struct form f = {.count = 0};
  enum form_result result = FORM_WRONG_TYPE;
  if (media_type_is(content_type, "application/x-www-form-urlencoded")) {
    result = parse_urlencoded(ctx, body, len, &f);
  } else if (media_type_is(content_type, "multipart/form-data")) {
    result = parse_multipart(ctx, content_type, body, len, &f);
  }
  if (result == FORM_OK) *ret = f;
  return result;
}

const char *form_get(const struct form *f, const char *name, int *ret_count) {
  const char *value = NULL;
  int count = 0;
  for (int i = 0; i < f->count; i++) {
    if (strcmp(f->fields[i].name, name)) continue;
    if (!count++) value = f->fields[i].value;
  }
  if (ret_count) *ret_count = count;
  return value;
}
