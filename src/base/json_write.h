/* Writing compact JSON into a struct buf. Commas are set by the writer; keys are literals of ours.
 * Strings are escaped (quotes, backslash, control characters, U+2028/2029); UTF-8 passes unchanged. */
#pragma once

#include "base/buf.h"
#include "base/json.h"

struct jw {
  struct buf *out;
  bool comma; /* a separator is due before the next element */
};

static inline struct jw jw_into(struct buf *out) {
  return (struct jw){.out = out};
}
void jw_object(struct jw *w);     /* { */
void jw_object_end(struct jw *w); /* } */
void jw_array(struct jw *w);
void jw_array_end(struct jw *w);
void jw_key(struct jw *w, const char *key);
void jw_str(struct jw *w, const char *text); /* NULL writes null */
void jw_strn(struct jw *w, const char *text, size_t len);
void jw_int(struct jw *w, int64_t n);
void jw_bool(struct jw *w, bool b);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, const char *json, size_t len); /* already JSON */
void jw_base64(struct jw *w, const void *bytes, size_t len);
void jw_time(struct jw *w, int64_t wall_ms); /* RFC 3339; <= 0 writes null */
/* key and value at once */
void jw_kstr(struct jw *w, const char *key, const char *text);
void jw_kint(struct jw *w, const char *key, int64_t n);
void jw_kbool(struct jw *w, const char *key, bool b);
void jw_ktime(struct jw *w, const char *key, int64_t wall_ms);
