/* The decoder of JSON bodies. Pure; the path is only spelt out when there is something to complain of. */
#include "api/decode.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void decode_init(struct decoder *d, void *ctx, enum path_style style) {
  *d = (struct decoder){.ctx = ctx, .style = style};
}

void decode_in_key(struct decoder *d, const char *key) {
  invariant(d->depth < DECODE_DEPTH_MAX);
  d->path[d->depth++].key = key;
}

void decode_in_index(struct decoder *d, size_t index) {
  invariant(d->depth < DECODE_DEPTH_MAX);
  d->path[d->depth].key = NULL;
  d->path[d->depth++].index = index;
}

void decode_out(struct decoder *d) {
  d->depth--;
}

static void spell_step(struct decoder *d, struct buf *out, const char *key, size_t index) {
  if (d->style == PATH_POINTER && key)
    buf_printf(out, "/%s", key);
  else if (d->style == PATH_POINTER)
    buf_printf(out, "/%zu", index);
  else if (key)
    buf_printf(out, "%s%s", out->len ? "." : "", key);
  else
    buf_printf(out, "[%zu]", index);
}

void decode_problem(struct decoder *d, const char *key, int code, const char *format, ...) {
  if (d->problem_count++ >= DECODE_PROBLEMS_MAX) return;
  struct buf path;
  buf_init(&path, d->ctx, 64, 1024);
  for (int i = 0; i < d->depth; i++) spell_step(d, &path, d->path[i].key, d->path[i].index);
  if (key) spell_step(d, &path, key, 0);
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  d->problems[d->problem_count - 1] =
      (struct decode_problem){.path = path.data, .text = mem_strdup(d->ctx, text), .code = code};
}

/* The member, if it is there and of the type; complains otherwise. */
static const struct jval *member(struct decoder *d, const struct jval *object, const char *key, enum need need,
                                 enum jtype type, const char *type_words) {
  const struct jval *v = jval_get(object, key);
  enum jtype found = jval_type(v);
  if (found == type) return v;
  if (found == JT_MISSING && need == REQUIRED)
    decode_problem(d, key, 1010, "is required");
  else if (found != JT_MISSING && (found != JT_NULL || need == REQUIRED))
    decode_problem(d, key, 1020, "must be %s, not %s", type_words, jval_type_name(v));
  return NULL;
}

const char *decode_text(struct decoder *d, const struct jval *object, const char *key, enum need need, size_t min,
                        size_t max) {
  const struct jval *v = member(d, object, key, need, JT_STRING, "a string");
  if (!v) return NULL;
  size_t len = 0;
  const char *text = jval_str(v, &len);
  if (len < min)
    decode_problem(d, key, 1020, min == 1 ? "must not be empty" : "must be at least %zu bytes long", min);
  else if (len > max)
    decode_problem(d, key, 1020, "must be at most %zu bytes long, not %zu", max, len);
  else
    return text;
  return NULL;
}

bool decode_int(struct decoder *d, const struct jval *object, const char *key, enum need need, int64_t min, int64_t max,
                int64_t *ret) {
  const struct jval *v = member(d, object, key, need, JT_INT, "an integer");
  if (!v) return false;
  int64_t n = jval_int(v);
  if (n < min || n > max) {
    decode_problem(d, key, 1020, "must be from %lld to %lld", (long long)min, (long long)max);
    return false;
  }
  *ret = n;
  return true;
}

const struct jval *decode_object(struct decoder *d, const struct jval *object, const char *key, enum need need) {
  return member(d, object, key, need, JT_OBJECT, "an object");
}

const struct jval *decode_array(struct decoder *d, const struct jval *object, const char *key, enum need need,
                                size_t min, size_t max) {
  const struct jval *v = member(d, object, key, need, JT_ARRAY, "an array");
  if (!v) return NULL;
  size_t n = jval_count(v);
  if (n < min)
    decode_problem(d, key, 1020, min == 1 ? "must not be empty" : "must have at least %zu items", min);
  else if (n > max)
    decode_problem(d, key, 1020, "must have at most %zu items, not %zu", max, n);
  else
    return v;
  return NULL;
}
