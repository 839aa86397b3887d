/* Writes the schemas of package administration from the tables that decode, check and store its rows, so that what is
 * told of a field is what is asked of it. Owns nothing, pure, any thread. */
#include "api/openapi_setup.h"

#include "api/schema.h"
#include "base/fail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX   "/api/v3/administration/"
#define TYPE_LEN 256

const char *openapi_setup_note(const char *field) {
  static const struct {
    const char *name, *text;
  } notes[] = {
#define NOTE(name, text) {name, text},
#include "api/setup_notes.def"
#undef NOTE
  };
  for (size_t i = 0; i < ARRAY_LEN(notes); i++)
    if (strcmp(notes[i].name, field) == 0) return notes[i].text;
  return NULL;
}

/* What is told once when a row is made, and what is asked for then. */
static const struct extra {
  const struct setup_family *family;
  enum setup_schema kind;
  const char *name, *type;
  bool required;
} extras[] = {
    {&setup_connectors, SETUP_SCHEMA_ROW, "clientSecret", "text", false},
    {&setup_tokens, SETUP_SCHEMA_ROW, "token", "text 40..40", false},
    {&setup_channels, SETUP_SCHEMA_ROW, "salt", "text", false},
    {&setup_account_tokens, SETUP_SCHEMA_ROW, "token", "text", false},
    {&setup_agents, SETUP_SCHEMA_NEW, "password", "text 8..1000", true},
};

void openapi_setup_word(const struct setup_family *f, char out[static SETUP_SCHEMA_NAME_LEN]) {
  size_t n = 0;
  bool first = true;
  for (const char *at = f->word; *at && n + 1 < SETUP_SCHEMA_NAME_LEN; at++) {
    if (*at != ' ') out[n++] = first ? (char)toupper((unsigned char)*at) : *at;
    first = *at == ' ';
  }
  out[n] = 0;
}

void openapi_setup_name(const struct setup_family *f, enum setup_schema kind, char out[static SETUP_SCHEMA_NAME_LEN]) {
  static const char *const endings[] = {"", "Page", "New", "Change"};
  char word[SETUP_SCHEMA_NAME_LEN];
  openapi_setup_word(f, word);
  snprintf(out, SETUP_SCHEMA_NAME_LEN, "Setup%.40s%s", word, endings[kind]);
}

const struct setup_family *openapi_setup_family(const char *pattern) {
  char plural[64];
  if (strncmp(pattern, PREFIX, sizeof PREFIX - 1) != 0) return NULL;
  const char *name = pattern + sizeof PREFIX - 1;
  snprintf(plural, sizeof plural, "%.*s", (int)strcspn(name, "/"), name);
  return setup_family_named(plural);
}

/* ---- one field ---- */

static void words_of(const struct setup_field *f, char out[static TYPE_LEN]) {
  size_t n = 0;
  for (int i = 0; i < f->max && n < TYPE_LEN; i++)
    n += (size_t)snprintf(out + n, TYPE_LEN - n, "%s%s", i ? "|" : "", f->words[i]);
}

static void text_type(const struct setup_field *f, bool reading, char out[static TYPE_LEN]) {
  if (reading || !f->max)
    snprintf(out, TYPE_LEN, "text");
  else
    snprintf(out, TYPE_LEN, "text %lld..%lld", (long long)(f->required ? f->min : 0), (long long)f->max);
}

/* As it is read; in a list a reference is a number with its name beside it. */
static void type_of(const struct setup_field *f, bool reading, bool in_list, char out[static TYPE_LEN]) {
  const char *fixed = NULL;
  switch (f->type) {
  case SETUP_TEXT:
  case SETUP_LINES: text_type(f, reading, out); break;
  case SETUP_INT:
  case SETUP_SECONDS: snprintf(out, TYPE_LEN, "integer %lld..%lld", (long long)f->min, (long long)f->max); break;
  case SETUP_WORD: words_of(f, out); break;
  case SETUP_REF:
    fixed = in_list ? "integer 1.." : !reading ? "integer 0.. or object?" : f->expand ? "Named?" : "integer 1..?";
    break;
  case SETUP_BOOL: fixed = "boolean"; break;
  case SETUP_RIGHTS: fixed = "{[GET|POST|PUT|DELETE]}"; break;
  case SETUP_CLOCK: fixed = f->required ? "text 5..5" : "text 5..5?"; break;
  case SETUP_DAY: fixed = "date"; break;
  case SETUP_MOMENT: fixed = "time?"; break;
  }
  if (fixed) snprintf(out, TYPE_LEN, "%s", fixed);
  /* What may be left out may be null as well: then it is as usual. */
  if (!reading && !f->required && !strchr(out, '?')) strncat(out, "?", TYPE_LEN - strlen(out) - 1);
}

static void describe(struct jw *w, const char *field) {
  const char *note = openapi_setup_note(field);
  if (note) jw_kstr(w, "description", note);
}

static void put_typed(struct jw *w, const char *key, const char *type, const char *note) {
  jw_key(w, key);
  jw_object(w);
  schema_write(w, type);
  describe(w, note);
  jw_object_end(w);
}

static void put_field(struct jw *w, const struct setup_field *f, const char *key, bool reading, bool in_list) {
  char type[TYPE_LEN];
  type_of(f, reading, in_list, type);
  put_typed(w, key, type, f->name);
}

/* ---- groups and lists ---- */

static size_t group_len(const struct setup_field *f) {
  const char *dot = strchr(f->name, '.');
  return dot ? (size_t)(dot - f->name) : 0;
}

/* The fields of one group from `at` on; returns the index behind them. */
static int put_group(struct jw *w, const struct setup_family *f, int at, int count, bool reading) {
  char name[64];
  int end = at;
  size_t len = group_len(&f->fields[at]);
  snprintf(name, sizeof name, "%.*s", (int)len, f->fields[at].name);
  while (end < count && group_len(&f->fields[end]) == len && strncmp(f->fields[end].name, name, len) == 0) end++;
  jw_key(w, name);
  jw_object(w);
  describe(w, name);
  jw_key(w, "type");
  jw_raw(w, "[\"object\",\"null\"]", 17);
  jw_key(w, "properties");
  jw_object(w);
  for (int i = at; i < end; i++) put_field(w, &f->fields[i], f->fields[i].name + len + 1, reading, false);
  jw_object_end(w);
  jw_object_end(w);
  return end;
}

static void put_list(struct jw *w, const struct setup_list *l, bool reading) {
  bool any = false;
  jw_key(w, l->name);
  jw_object(w);
  describe(w, l->name);
  jw_kstr(w, "type", "array");
  jw_kint(w, "maxItems", l->item_max);
  jw_key(w, "items");
  jw_object(w);
  jw_kstr(w, "type", "object");
  jw_key(w, "properties");
  jw_object(w);
  for (int i = 0; i < l->field_count; i++) {
    put_field(w, &l->fields[i], l->fields[i].name, reading, true);
    any = any || l->fields[i].required;
    if (reading && l->fields[i].type == SETUP_REF && l->fields[i].expand) put_typed(w, "name", "text?", "name");
  }
  jw_object_end(w);
  if (any) {
    jw_key(w, "required");
    jw_array(w);
    for (int i = 0; i < l->field_count; i++)
      if (l->fields[i].required) jw_str(w, l->fields[i].name);
    jw_array_end(w);
  }
  jw_object_end(w);
  jw_object_end(w);
}

/* ---- the schemas ---- */

static void put_properties(struct jw *w, const struct setup_family *f, enum setup_schema kind) {
  bool reading = kind == SETUP_SCHEMA_ROW;
  int count = f->field_count + (reading ? f->read_count : 0);
  if (reading) put_typed(w, "id", "integer 1..", "id");
  for (int i = 0; i < count;) {
    if (group_len(&f->fields[i])) {
      i = put_group(w, f, i, count, reading);
    } else {
      put_field(w, &f->fields[i], f->fields[i].name, reading, false);
      i++;
    }
  }
  for (int i = 0; i < f->list_count; i++) put_list(w, &f->lists[i], reading);
  if (reading) put_typed(w, "version", "text 16..16", "version");
  if (reading && f->shown[0]) put_typed(w, "displayName", "text?", "displayName");
  for (size_t i = 0; i < ARRAY_LEN(extras); i++)
    if (extras[i].family == f && extras[i].kind == kind) put_typed(w, extras[i].name, extras[i].type, extras[i].name);
}

/* Of what is read all is there, but what is told once; of what is written, what has no usual value. */
static void put_required(struct jw *w, const struct setup_family *f, enum setup_schema kind) {
  bool reading = kind == SETUP_SCHEMA_ROW;
  jw_key(w, "required");
  jw_array(w);
  if (reading) jw_str(w, "id");
  for (int i = 0; i < f->field_count + (reading ? f->read_count : 0); i++)
    if (!group_len(&f->fields[i]) && (reading || f->fields[i].required)) jw_str(w, f->fields[i].name);
  for (int i = 0; reading && i < f->list_count; i++) jw_str(w, f->lists[i].name);
  if (reading) jw_str(w, "version");
  for (size_t i = 0; i < ARRAY_LEN(extras); i++)
    if (extras[i].family == f && extras[i].kind == kind && extras[i].required) jw_str(w, extras[i].name);
  jw_array_end(w);
}

static void put_page(struct jw *w, const struct setup_family *f) {
  char type[TYPE_LEN], name[SETUP_SCHEMA_NAME_LEN];
  openapi_setup_name(f, SETUP_SCHEMA_ROW, name);
  snprintf(type, sizeof type, "[%s] ..%d", name, SETUP_PAGE_MAX);
  jw_key(w, "properties");
  jw_object(w);
  put_typed(w, "items", type, "");
  put_typed(w, "next", "text?", "");
  jw_object_end(w);
  jw_key(w, "required");
  jw_raw(w, "[\"items\",\"next\"]", 16);
}

void openapi_setup_write(struct jw *w, const struct setup_family *f, enum setup_schema kind) {
  static const char *const texts[] = {"As it is read: ", "A page of: ", "A new ", "What is to be different: "};
  char text[128];
  snprintf(text, sizeof text, "%s%s", texts[kind], f->word);
  jw_kstr(w, "type", "object");
  jw_kstr(w, "description", text);
  if (kind == SETUP_SCHEMA_PAGE) {
    put_page(w, f);
    return;
  }
  jw_key(w, "properties");
  jw_object(w);
  put_properties(w, f, kind);
  jw_object_end(w);
  if (kind != SETUP_SCHEMA_CHANGE) put_required(w, f, kind);
}
