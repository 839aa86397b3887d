/* Any bytes into json_parse. What is accepted must read the same by values and by verbatim spans, and must be read back
 * the same when it is written again; what is refused must be explained. */
#include "base/buf.h"
#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(void *ctx, const struct jval *v, struct jspan span);

struct members {
  void *ctx;
  struct jspan object;
};

static void compare_member(void *arg, const char *key, const struct jval *value) {
  struct members *m = arg;
  compare(m->ctx, value, jspan_member(m->object, key));
}

static void compare_scalar(void *ctx, const struct jval *v, struct jspan span) {
  struct jerror error;
  const struct jval *again = json_parse(ctx, span.text, span.len, &error);
  invariant(again && jval_type(again) == jval_type(v));
  invariant(jval_int(again) == jval_int(v) && jval_bool(again) == jval_bool(v));
  size_t len = 0;
  size_t again_len = 0;
  const char *text = jval_str(v, &len);
  const char *again_text = jval_str(again, &again_len);
  invariant(len == again_len && (!text || !memcmp(text, again_text, len)));
  invariant(!text || (utf8_valid(text, len) && !memchr(text, '\0', len)));
}

static void compare(void *ctx, const struct jval *v, struct jspan span) {
  invariant(v && span.text && span.len);
  if (jval_type(v) == JT_OBJECT) {
    jval_each(v, compare_member, &(struct members){ctx, span});
  } else if (jval_type(v) == JT_ARRAY) {
    struct jspan item = {NULL, 0};
    for (size_t i = 0; i < jval_count(v); i++) {
      invariant(jspan_next(span, &item));
      compare(ctx, jval_at(v, i), item);
    }
    invariant(!jspan_next(span, &item));
  } else {
    compare_scalar(ctx, v, span);
  }
}

static void write_value(struct jw *w, const struct jval *v);

static void write_member(void *arg, const char *key, const struct jval *value) {
  struct jw *w = arg;
  jw_str(w, key); /* jw_key is for keys of ours, which need no escapes */
  buf_putc(w->out, ':');
  w->comma = false;
  write_value(w, value);
}

static void write_value(struct jw *w, const struct jval *v) {
  size_t len;
  const char *text;
  switch (jval_type(v)) {
  case JT_OBJECT:
    jw_object(w);
    jval_each(v, write_member, w);
    jw_object_end(w);
    break;
  case JT_ARRAY:
    jw_array(w);
    for (size_t i = 0; i < jval_count(v); i++) write_value(w, jval_at(v, i));
    jw_array_end(w);
    break;
  case JT_STRING:
    text = jval_str(v, &len);
    jw_strn(w, text, len);
    break;
  case JT_INT: jw_int(w, jval_int(v)); break;
  case JT_BOOL: jw_bool(w, jval_bool(v)); break;
  case JT_NULL:
  case JT_REAL:
  case JT_MISSING: jw_null(w); break;
  }
}

/* Written, read and written again must be the same text. */
static void write_back(void *ctx, const struct jval *v, size_t size) {
  struct buf first;
  struct buf second;
  buf_init(&first, ctx, 256, 8 * size + 64);
  buf_init(&second, ctx, 256, 8 * size + 64);
  struct jw w = jw_into(&first);
  write_value(&w, v);
  invariant(!first.failed);
  struct jerror error;
  const struct jval *again = json_parse(ctx, first.data, first.len, &error);
  invariant(again);
  w = jw_into(&second);
  write_value(&w, again);
  invariant(first.len == second.len && !memcmp(first.data, second.data, first.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  struct jerror error = {.offset = SIZE_MAX};
  const struct jval *v = json_parse(ctx, (const char *)data, size, &error);
  if (v) {
    compare(ctx, v, jspan_of((const char *)data, size));
    write_back(ctx, v, size);
  } else {
    size_t len = strnlen(error.text, sizeof error.text);
    invariant(len && len < sizeof error.text && utf8_valid(error.text, len) && error.offset <= size);
  }
  talloc_free(ctx);
  return 0;
}
