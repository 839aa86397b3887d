/* Reads the short types of the API's tables and writes them as JSON Schema. A type that cannot be read is a mistake in
 * a table of ours: a panic, and a unit test renders every table. Owns nothing, pure, any thread. */
#include "api/schema.h"

#include "base/fail.h"
#include "core/interaction.h"
#include "core/rights.h"
#include "core/setup.h"
#include "store/attachment.h"
#include "store/delivery.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 64

/* ---- the tables ---- */

/* What a bound bounds. */
enum bound { BOUND_NONE, BOUND_LENGTH, BOUND_VALUE };

static const struct base {
  const char *word, *type, *key, *value; /* a further member, e.g. format; type NULL: any */
  enum bound bound;
} bases[] = {
    {"text", "string", NULL, NULL, BOUND_LENGTH},
    {"integer", "integer", NULL, NULL, BOUND_VALUE},
    {"number", "number", NULL, NULL, BOUND_VALUE},
    {"boolean", "boolean", NULL, NULL, BOUND_NONE},
    {"time", "string", "format", "date-time", BOUND_NONE},
    {"date", "string", "format", "date", BOUND_NONE},
    {"id", "string", "pattern", "^[0-9a-f]{24}$", BOUND_NONE},
    {"uuid", "string", "format", "uuid", BOUND_NONE},
    {"url", "string", "format", "uri", BOUND_LENGTH},
    {"base64", "string", "contentEncoding", "base64", BOUND_NONE},
    {"bytes", "string", "contentMediaType", "application/octet-stream", BOUND_NONE},
    {"object", "object", NULL, NULL, BOUND_NONE},
    {"null", "null", NULL, NULL, BOUND_NONE},
    {"any", NULL, NULL, NULL, BOUND_NONE},
};

/* Words that stand in tables of the program already. */
static const char *const states[] = {
#define STATE(name, number, word) word,
#include "core/interaction.def"
#undef STATE
};
static const char *const close_reasons[] = {
#define CLOSE_REASON(name, word) word,
#include "core/interaction.def"
#undef CLOSE_REASON
};
static const char *const event_kinds[] = {
#define EVENT(name, number, word) word,
#include "core/event.def"
#undef EVENT
};
static const char *const error_codes[] = {
#define ERROR(code, status, message) "ERR_" #code,
#include "api/errors.def"
#undef ERROR
};
static const char *attachment_state(int i) {
  return attachment_state_word((enum attachment_state)i);
}
static const char *delivery_state(int i) {
  return delivery_state_word((enum delivery_state)i);
}
static const char *profile(int i) {
  return agent_profile_word((enum agent_profile)i);
}

static const struct list {
  const char *name;
  const char *const *words; /* or */
  const char *(*word)(int i);
  int count;
} lists[] = {
    {"interactionState", states, NULL, (int)ARRAY_LEN(states)},
    {"closeReason", close_reasons, NULL, (int)ARRAY_LEN(close_reasons)},
    {"eventKind", event_kinds, NULL, (int)ARRAY_LEN(event_kinds)},
    {"errorCode", error_codes, NULL, (int)ARRAY_LEN(error_codes)},
    {"attachmentState", NULL, attachment_state, ATTACHMENT_FAILED + 1},
    {"deliveryState", NULL, delivery_state, DELIVERY_PARKED + 1},
    {"medium", medium_words, NULL, MEDIUM_COUNT},
    {"strategy", strategy_words, NULL, STRATEGY_COUNT},
    {"stateKind", state_kind_words, NULL, STATE_KIND_COUNT},
    {"profile", NULL, profile, PROFILE_ADMINISTRATOR + 1},
};

/* ---- reading ---- */

/* The length of one alternative: up to " or ", the closing bracket, or the end. */
static size_t alternative_len(const char *type, size_t len) {
  int depth = 0;
  for (size_t i = 0; i < len; i++) {
    depth += type[i] == '[' || type[i] == '{';
    depth -= type[i] == ']' || type[i] == '}';
    if (depth == 0 && len - i > 4 && memcmp(type + i, " or ", 4) == 0) return i;
  }
  return len;
}

/* "1..255" "1.." "..16", after a blank; "" is none. */
static void write_bounds(struct jw *w, const char *text, size_t len, const char *min_key, const char *max_key) {
  if (len == 0) return;
  const char *dots = memmem(text, len, "..", 2);
  if (!dots || *text != ' ' || !min_key) panic("bounds \"%.*s\"", (int)len, text);
  if (dots > text + 1) jw_kint(w, min_key, strtoll(text + 1, NULL, 10));
  if (dots + 2 < text + len) jw_kint(w, max_key, strtoll(dots + 2, NULL, 10));
}

static void write_type(struct jw *w, const char *type, size_t len);

static void write_object(struct jw *w, const char *type, size_t len) {
  jw_object(w);
  write_type(w, type, len);
  jw_object_end(w);
}

static void write_words(struct jw *w, const char *type, size_t len) {
  jw_kstr(w, "type", "string");
  jw_key(w, "enum");
  jw_array(w);
  for (size_t at = 0; at < len;) {
    const char *bar = memchr(type + at, '|', len - at);
    size_t n = bar ? (size_t)(bar - (type + at)) : len - at;
    jw_strn(w, type + at, n);
    at += n + 1;
  }
  jw_array_end(w);
}

static void write_list(struct jw *w, const char *name, size_t len) {
  for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
    const struct list *l = &lists[i];
    if (strlen(l->name) != len || memcmp(l->name, name, len) != 0) continue;
    jw_kstr(w, "type", "string");
    jw_key(w, "enum");
    jw_array(w);
    for (int k = 0; k < l->count; k++) jw_str(w, l->words ? l->words[k] : l->word(k));
    jw_array_end(w);
    return;
  }
  panic("there is no list of words \"%.*s\"", (int)len, name);
}

static void write_ref(struct jw *w, const char *name, size_t len) {
  static const char before[] = "#/components/schemas/";
  char text[sizeof before + NAME_LEN_MAX];
  invariant(len < NAME_LEN_MAX);
  memcpy(text, before, sizeof before - 1);
  memcpy(text + sizeof before - 1, name, len);
  jw_key(w, "$ref");
  jw_strn(w, text, sizeof before - 1 + len);
}

static const struct base *base_of(const char *type, size_t len) {
  size_t word = strcspn(type, " ?");
  if (word > len) word = len;
  for (size_t i = 0; i < ARRAY_LEN(bases); i++)
    if (strlen(bases[i].word) == word && memcmp(bases[i].word, type, word) == 0) return &bases[i];
  return NULL;
}

static void write_base(struct jw *w, const struct base *b, const char *bounds, size_t len) {
  static const char *const keys[][2] = {{NULL, NULL}, {"minLength", "maxLength"}, {"minimum", "maximum"}};
  if (b->type) jw_kstr(w, "type", b->type);
  if (b->key) jw_kstr(w, b->key, b->value);
  write_bounds(w, bounds, len, keys[b->bound][0], keys[b->bound][1]);
}

/* One alternative, without its "?". */
static void write_one(struct jw *w, const char *type, size_t len) {
  const struct base *b = base_of(type, len);
  if (b) {
    size_t word = strlen(b->word);
    write_base(w, b, type + word, len - word);
  } else if (*type == '[') {
    const char *end = memrchr(type, ']', len);
    jw_kstr(w, "type", "array");
    jw_key(w, "items");
    write_object(w, type + 1, (size_t)(end - type) - 1);
    write_bounds(w, end + 1, (size_t)(type + len - end) - 1, "minItems", "maxItems");
  } else if (*type == '{') {
    jw_kstr(w, "type", "object");
    jw_key(w, "additionalProperties");
    write_object(w, type + 1, len - 2);
  } else if (*type == '@') {
    write_list(w, type + 1, len - 1);
  } else if (*type == '=') {
    jw_key(w, "const");
    jw_strn(w, type + 1, len - 1);
  } else if (memchr(type, '|', len)) {
    write_words(w, type, len);
  } else if (isupper((unsigned char)*type)) {
    write_ref(w, type, len);
  } else {
    panic("type \"%.*s\"", (int)len, type);
  }
}

static void write_type(struct jw *w, const char *type, size_t len) {
  bool or_null = len > 0 && type[len - 1] == '?';
  if (or_null) len--;
  size_t first = alternative_len(type, len);
  if (first == len && !or_null) {
    write_one(w, type, len);
    return;
  }
  jw_key(w, "anyOf");
  jw_array(w);
  for (size_t at = 0; at < len;) {
    size_t n = alternative_len(type + at, len - at);
    jw_object(w);
    write_one(w, type + at, n);
    jw_object_end(w);
    at += n + 4;
  }
  if (or_null) {
    jw_object(w);
    jw_kstr(w, "type", "null");
    jw_object_end(w);
  }
  jw_array_end(w);
}

void schema_write(struct jw *w, const char *type) {
  write_type(w, type, strlen(type));
}

void schema_write_example(struct jw *w, const char *type, const char *example) {
  const struct base *b = base_of(type, strlen(type));
  bool quoted = b ? b->type && strcmp(b->type, "string") == 0
                  : !strchr("[{", *type) && (strchr(type, '|') || !isupper((unsigned char)*type));
  if (quoted)
    jw_str(w, example);
  else
    jw_raw(w, example, strlen(example));
}

void schema_names(const char *type, void (*fn)(void *arg, const char *name, size_t len), void *arg) {
  for (const char *at = type; *at;) {
    size_t len = strcspn(at, " []{}?");
    if (isupper((unsigned char)*at) && !memchr(at, '|', len)) fn(arg, at, len);
    at += len;
    at += strspn(at, " []{}?");
  }
}
