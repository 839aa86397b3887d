/* Compact JSON into a struct buf. Owns nothing; the buffer decides how long the text may become and remembers failure.
 * Never looks at the structure: brackets and keys are paired by the caller. */
#include "base/json_write.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

/* 1: must be escaped; 2: first byte of U+2028/2029, look closer. */
static const uint8_t special[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,         1,          1,          1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1, [0xE2] = 2,
};

static inline void separate(struct jw *w) {
  if (w->comma) buf_putc(w->out, ',');
  w->comma = true;
}

static void open_with(struct jw *w, char bracket) {
  separate(w);
  buf_putc(w->out, bracket);
  w->comma = false;
}

static void close_with(struct jw *w, char bracket) {
  buf_putc(w->out, bracket);
  w->comma = true;
}

void jw_object(struct jw *w) {
  open_with(w, '{');
}
void jw_object_end(struct jw *w) {
  close_with(w, '}');
}
void jw_array(struct jw *w) {
  open_with(w, '[');
}
void jw_array_end(struct jw *w) {
  close_with(w, ']');
}

static void put_escape(struct buf *out, uint8_t c) {
  static const char short_form[256] = {
      ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
  if (short_form[c]) {
    buf_put(out, (char[]){'\\', short_form[c]}, 2);
  } else {
    buf_put(out, (char[]){'\\', 'u', '0', '0', (char)('0' + (c >> 4)), "0123456789abcdef"[c & 15]}, 6);
  }
}

static void put_string(struct buf *out, const char *text, size_t len) {
  buf_reserve(out, len + 2);
  buf_putc(out, '"');
  const uint8_t *s = (const uint8_t *)text;
  size_t from = 0;
  for (size_t i = 0; i < len; i++) {
    if (!special[s[i]]) continue;
    if (special[s[i]] == 2) {
      if (len - i < 3 || s[i + 1] != 0x80 || (s[i + 2] | 1) != 0xA9) continue;
      buf_put(out, text + from, i - from);
      buf_puts(out, s[i + 2] == 0xA8 ? "\\u2028" : "\\u2029");
      i += 2;
    } else {
      buf_put(out, text + from, i - from);
      put_escape(out, s[i]);
    }
    from = i + 1;
  }
  buf_put(out, text + from, len - from);
  buf_putc(out, '"');
}

void jw_key(struct jw *w, const char *key) {
  separate(w);
  size_t len = strlen(key);
  if (buf_reserve(w->out, len + 3)) {
    buf_putc(w->out, '"');
    buf_put(w->out, key, len);
    buf_put(w->out, "\":", 2);
  }
  w->comma = false;
}

void jw_str(struct jw *w, const char *text) {
  if (text) {
    jw_strn(w, text, strlen(text));
  } else {
    jw_null(w);
  }
}

void jw_strn(struct jw *w, const char *text, size_t len) {
  separate(w);
  put_string(w->out, text, len);
}

void jw_int(struct jw *w, int64_t n) {
  separate(w);
  buf_put_int(w->out, n);
}

void jw_bool(struct jw *w, bool b) {
  jw_raw(w, b ? "true" : "false", b ? 4 : 5);
}
void jw_null(struct jw *w) {
  jw_raw(w, "null", 4);
}

void jw_raw(struct jw *w, const char *json, size_t len) {
  separate(w);
  buf_put(w->out, json, len);
}

void jw_base64(struct jw *w, const void *bytes, size_t len) {
  separate(w);
  size_t encoded = base64_encoded_len(len);
  if (!buf_reserve(w->out, encoded + 2)) return;
  buf_putc(w->out, '"');
  base64_encode(bytes, len, w->out->data + w->out->len);
  w->out->len += encoded;
  buf_putc(w->out, '"');
}

void jw_time(struct jw *w, int64_t wall_ms) {
  if (wall_ms <= 0) {
    jw_null(w);
    return;
  }
  char text[CLOCK_RFC3339_LEN];
  clock_rfc3339(wall_ms, text);
  separate(w);
  buf_putc(w->out, '"');
  buf_put(w->out, text, CLOCK_RFC3339_LEN - 1);
  buf_putc(w->out, '"');
}

void jw_kstr(struct jw *w, const char *key, const char *text) {
  jw_key(w, key);
  jw_str(w, text);
}

void jw_kint(struct jw *w, const char *key, int64_t n) {
  jw_key(w, key);
  jw_int(w, n);
}

void jw_kbool(struct jw *w, const char *key, bool b) {
  jw_key(w, key);
  jw_bool(w, b);
}

void jw_ktime(struct jw *w, const char *key, int64_t wall_ms) {
  jw_key(w, key);
  jw_time(w, wall_ms);
}
