/* Reading JSON by Jansson, which only this file knows: a struct jval is a json_t under another name. A document is a
 * talloc child of the caller's context and dies with it. Any thread; a document belongs to one thread.
 * Never recurses deeper than JSON_DEPTH_MAX nor makes more than JSON_VALUES_MAX values: both are counted before Jansson
 * sees the text. */
#include "base/json.h"

#include "base/mem.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)

struct jdoc {
  json_t *root;
};

static int jdoc_free(struct jdoc *doc) {
  json_decref(doc->root);
  return 0;
}

static inline const json_t *js(const struct jval *v) {
  return (const json_t *)v;
}
static inline const struct jval *jv(const json_t *v) {
  return (const struct jval *)v;
}

/* Position behind the string whose opening quote is at `at`; len when it does not end. */
static size_t string_end(const char *text, size_t len, size_t at) {
  size_t from = at + 1;
  while (from < len) {
    const char *quote = memchr(text + from, '"', len - from);
    if (!quote) break;
    size_t end = (size_t)(quote - text);
    size_t slashes = 0;
    while (end - slashes > from && text[end - slashes - 1] == '\\') slashes++;
    if (slashes % 2 == 0) return end + 1;
    from = end + 1;
  }
  return len;
}

/* Counts brackets and commas outside strings, as Jansson will meet them; behind a syntax error, where Jansson no longer
 * reads, the count means nothing. NULL when the text is within bounds, else what is wrong at *ret_offset. */
static const char *out_of_bounds(const char *text, size_t len, size_t *ret_offset) {
  int depth = 0;
  int values = 1;
  for (size_t at = 0; at < len; at++) {
    *ret_offset = at;
    switch (text[at]) {
    case '"': at = string_end(text, len, at) - 1; break;
    case '[':
    case '{':
      if (++depth > JSON_DEPTH_MAX) return "nested deeper than " STRINGIFY(JSON_DEPTH_MAX) " levels";
      if (++values > JSON_VALUES_MAX) return "more than " STRINGIFY(JSON_VALUES_MAX) " values";
      break;
    case ',':
      if (++values > JSON_VALUES_MAX) return "more than " STRINGIFY(JSON_VALUES_MAX) " values";
      break;
    case ']':
    case '}': depth--; break;
    default: break;
    }
  }
  return NULL;
}

static void set_error(struct jerror *ret, size_t offset, const char *what) {
  ret->offset = offset;
  int n = snprintf(ret->text, sizeof ret->text, "%s at byte %zu", what, offset);
  /* Jansson quotes the text near the error: cut it rather than let half a character through. */
  if (n > 0 && !utf8_valid(ret->text, strlen(ret->text))) {
    snprintf(ret->text, sizeof ret->text, "syntax error at byte %zu", offset);
  }
}

static void explain(struct jerror *ret, const json_error_t *error, size_t len) {
  static const struct {
    enum json_error_code code;
    const char *text;
  } texts[] = {
      {json_error_invalid_utf8, "invalid UTF-8"},
      {json_error_premature_end_of_input, "the text ends too early"},
      {json_error_end_of_input_expected, "more text behind the value"},
      {json_error_null_character, "NUL character in a string"},
      {json_error_null_byte_in_key, "NUL character in a key"},
      {json_error_numeric_overflow, "number too large"},
  };
  enum json_error_code code = json_error_code(error);
  if (code == json_error_out_of_memory) panic("out of memory: JSON of %zu bytes", len);
  size_t offset = error->position < 0 ? 0 : (size_t)error->position;
  const char *what = error->text;
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    if (texts[i].code == code) what = texts[i].text;
  }
  set_error(ret, offset < len ? offset : len, what);
}

const struct jval *json_parse(void *ctx, const char *text, size_t len, struct jerror *ret_error) {
  size_t offset = 0;
  const char *wrong = out_of_bounds(text, len, &offset);
  if (wrong) {
    set_error(ret_error, offset, wrong);
    return NULL;
  }
  json_error_t error;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!root) {
    explain(ret_error, &error, len);
    return NULL;
  }
  struct jdoc *doc = mem_new(ctx, struct jdoc);
  doc->root = root;
  talloc_set_destructor(doc, jdoc_free);
  return jv(root);
}

enum jtype jval_type(const struct jval *v) {
  static const enum jtype types[] = {
      [JSON_OBJECT] = JT_OBJECT, [JSON_ARRAY] = JT_ARRAY, [JSON_STRING] = JT_STRING, [JSON_INTEGER] = JT_INT,
      [JSON_REAL] = JT_REAL,     [JSON_TRUE] = JT_BOOL,   [JSON_FALSE] = JT_BOOL,    [JSON_NULL] = JT_NULL,
  };
  return v ? types[json_typeof(js(v))] : JT_MISSING;
}

const char *jval_type_name(const struct jval *v) {
  static const char *const names[] = {
      [JT_MISSING] = "missing", [JT_NULL] = "null",       [JT_BOOL] = "a boolean", [JT_INT] = "an integer",
      [JT_REAL] = "a number",   [JT_STRING] = "a string", [JT_ARRAY] = "an array", [JT_OBJECT] = "an object",
  };
  return names[jval_type(v)];
}

const struct jval *jval_get(const struct jval *object, const char *key) {
  return jv(json_object_get(js(object), key)); /* NULL for NULL and for others than objects */
}

size_t jval_count(const struct jval *v) {
  switch (jval_type(v)) {
  case JT_ARRAY: return json_array_size(js(v));
  case JT_OBJECT: return json_object_size(js(v));
  case JT_MISSING:
  case JT_NULL:
  case JT_BOOL:
  case JT_INT:
  case JT_REAL:
  case JT_STRING: break;
  }
  return 0;
}

const struct jval *jval_at(const struct jval *array, size_t index) {
  return jv(json_array_get(js(array), index));
}

const char *jval_str(const struct jval *v, size_t *ret_len) {
  if (jval_type(v) != JT_STRING) return NULL;
  if (ret_len) *ret_len = json_string_length(js(v));
  return json_string_value(js(v));
}

int64_t jval_int(const struct jval *v) {
  return jval_type(v) == JT_INT ? json_integer_value(js(v)) : 0;
}

bool jval_bool(const struct jval *v) {
  return v && json_is_true(js(v));
}

void jval_each(const struct jval *object, jval_member_fn *fn, void *arg) {
  if (jval_type(object) != JT_OBJECT) return;
  union { /* Jansson's iterators want an object that may be written; nothing is */
    const struct jval *read;
    json_t *write;
  } o = {object};
  for (void *at = json_object_iter(o.write); at; at = json_object_iter_next(o.write, at)) {
    fn(arg, json_object_iter_key(at), jv(json_object_iter_value(at)));
  }
}

/* Spans: walking a text that json_parse has accepted. Nothing is checked but the end. */

static inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *text, size_t len, size_t at) {
  while (at < len && is_space(text[at])) at++;
  return at;
}

static size_t value_end(const char *text, size_t len, size_t at) {
  if (at >= len) return len;
  if (text[at] == '"') return string_end(text, len, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < len && !is_space(text[at]) && text[at] != ',' && text[at] != ']' && text[at] != '}') at++;
    return at;
  }
  for (int depth = 0; at < len;) {
    char c = text[at];
    if (c == '"') {
      at = string_end(text, len, at);
      continue;
    }
    at++;
    if (c == '{' || c == '[') depth++;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return len;
}

struct jspan jspan_of(const char *text, size_t len) {
  while (len && is_space(text[len - 1])) len--;
  size_t at = skip_space(text, len, 0);
  return at < len ? (struct jspan){text + at, len - at} : (struct jspan){NULL, 0};
}

static uint32_t four_hex(const char *digits) {
  uint8_t raw[2];
  if (!hex_decode(digits, 4, raw)) return 0xFFFD;
  return (uint32_t)raw[0] << 8 | raw[1];
}

static size_t utf8_put(uint32_t c, char out[static 4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = len - 1; i; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
  out[0] = (char)(lead[len] | c);
  return len;
}

/* The escape at text[*at] (a backslash) as UTF-8; moves *at behind it. */
static size_t unescape(const char *text, size_t len, size_t *at, char out[static 4]) {
  static const char plain[256] = {
      ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['"'] = '"', ['/'] = '/', ['\\'] = '\\'};
  if (len - *at >= 2 && text[*at + 1] != 'u') {
    out[0] = plain[(uint8_t)text[*at + 1]];
    *at += 2;
    return 1;
  }
  if (len - *at < 6) {
    *at = len;
    return 0;
  }
  uint32_t c = four_hex(text + *at + 2);
  *at += 6;
  if (c >= 0xD800 && c <= 0xDBFF && len - *at >= 6) {
    c = 0x10000 + ((c - 0xD800) << 10) + (four_hex(text + *at + 2) - 0xDC00);
    *at += 6;
  }
  return utf8_put(c, out);
}

/* Is the string between the quotes of span equal to key? */
static bool key_is(struct jspan quoted, const char *key) {
  if (quoted.len < 2) return false;
  const char *text = quoted.text + 1;
  size_t len = quoted.len - 2;
  size_t key_len = strlen(key);
  if (!memchr(text, '\\', len)) return len == key_len && !memcmp(text, key, len);
  for (size_t at = 0; at < len;) {
    char c[4];
    size_t n = 1;
    if (text[at] == '\\') {
      n = unescape(text, len, &at, c);
    } else {
      c[0] = text[at++];
    }
    if (n > key_len || memcmp(c, key, n) != 0) return false;
    key += n;
    key_len -= n;
  }
  return !key_len;
}

struct jspan jspan_member(struct jspan object, const char *key) {
  const char *text = object.text;
  size_t len = object.len;
  if (!len || text[0] != '{') return (struct jspan){NULL, 0};
  for (size_t at = skip_space(text, len, 1); at < len && text[at] == '"';) {
    size_t end = string_end(text, len, at);
    bool found = key_is((struct jspan){text + at, end - at}, key);
    at = skip_space(text, len, end);
    at = skip_space(text, len, at + 1); /* the colon */
    end = value_end(text, len, at);
    if (found) return end > at ? (struct jspan){text + at, end - at} : (struct jspan){NULL, 0};
    at = skip_space(text, len, end);
    at = skip_space(text, len, at + 1); /* the comma */
  }
  return (struct jspan){NULL, 0};
}

bool jspan_next(struct jspan array, struct jspan *iter) {
  const char *text = array.text;
  size_t len = array.len;
  if (!len || text[0] != '[') return false;
  size_t at = 1;
  if (iter->text) {
    at = skip_space(text, len, (size_t)(iter->text - text) + iter->len);
    if (at >= len || text[at] != ',') return false;
    at++;
  }
  at = skip_space(text, len, at);
  size_t end = value_end(text, len, at);
  if (end <= at) return false;
  *iter = (struct jspan){text + at, end - at};
  return true;
}
