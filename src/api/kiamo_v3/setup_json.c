/* Rows of the setup as JSON and back. Pure but for the names of what a row refers to, which it reads; on any thread.
 * Checks types and bounds; whether what is referred to exists is the store's to say. */
#include "api/kiamo_v3/setup_json.h"

#include "base/mem.h"
#include "base/text.h"
#include "core/rights.h"

#include <stdio.h>
#include <string.h>

/* ---- to JSON ---- */

static void put_rights(struct jw *w, int64_t rights) {
  jw_object(w);
  for (int api = 0; api < API_COUNT; api++) {
    if (!(rights & rights_of_api((enum api_name)api))) continue;
    jw_key(w, api_word((enum api_name)api));
    jw_array(w);
    for (int verb = 0; verb < VERB_COUNT; verb++)
      if (rights & rights_bit((enum api_name)api, (enum api_verb)verb)) jw_str(w, api_verb_word((enum api_verb)verb));
    jw_array_end(w);
  }
  jw_object_end(w);
}

static void put_ref(const struct setup_view *v, struct jw *w, const struct setup_field *f, int64_t id) {
  if (!id) {
    jw_null(w);
  } else if (!f->expand) {
    jw_int(w, id);
  } else {
    jw_object(w);
    jw_kint(w, "id", id);
    jw_kstr(w, "name", setup_name(v->db, v->ctx, f->to, v->instance_id, id));
    jw_object_end(w);
  }
}

static void put_clock(struct jw *w, int64_t minutes) {
  char text[16];
  snprintf(text, sizeof text, "%02d:%02d", (int)(minutes / 60 % 100), (int)(minutes % 60));
  jw_str(w, minutes < 0 ? NULL : text);
}

static void put_value(const struct setup_view *v, struct jw *w, const struct setup_field *f,
                      const struct setup_value *value) {
  switch (f->type) {
  case SETUP_TEXT:
  case SETUP_LINES:
  case SETUP_DAY: jw_str(w, value->text); break;
  case SETUP_INT: jw_int(w, value->number); break;
  case SETUP_BOOL: jw_bool(w, value->number != 0); break;
  case SETUP_WORD: jw_str(w, value->number >= 0 && value->number < f->max ? f->words[value->number] : NULL); break;
  case SETUP_SECONDS: jw_int(w, value->number / 1000); break;
  case SETUP_REF: put_ref(v, w, f, value->number); break;
  case SETUP_RIGHTS: put_rights(w, value->number); break;
  case SETUP_CLOCK: put_clock(w, value->number); break;
  case SETUP_MOMENT: jw_time(w, value->number); break;
  }
}

/* "overflow" of "overflow.serviceId"; 0 for a field that stands alone. */
static size_t group_len(const struct setup_field *f) {
  const char *dot = strchr(f->name, '.');
  return dot ? (size_t)(dot - f->name) : 0;
}

static bool same_group(const struct setup_field *a, const struct setup_field *b) {
  size_t len = group_len(a);
  return len > 0 && len == group_len(b) && memcmp(a->name, b->name, len) == 0;
}

/* The fields of one group from `at` on, as an object; returns the index behind them. */
static int put_group(const struct setup_view *v, struct jw *w, const struct setup_family *f,
                     const struct setup_row *row, int at) {
  int count = f->field_count + f->read_count, end = at;
  jw_key(w, mem_strndup(v->ctx, f->fields[at].name, group_len(&f->fields[at])));
  while (end < count && same_group(&f->fields[at], &f->fields[end])) end++;
  if (row->values[at].number == 0) {
    jw_null(w);
    return end;
  }
  jw_object(w);
  for (int i = at; i < end; i++) {
    jw_key(w, f->fields[i].name + group_len(&f->fields[i]) + 1);
    put_value(v, w, &f->fields[i], &row->values[i]);
  }
  jw_object_end(w);
  return end;
}

static void put_item(const struct setup_view *v, struct jw *w, const struct setup_list *l,
                     const struct setup_item *item) {
  jw_object(w);
  for (int k = 0; k < l->field_count; k++) {
    const struct setup_field *f = &l->fields[k];
    jw_key(w, f->name);
    if (f->type == SETUP_REF)
      jw_int(w, item->values[k].number);
    else
      put_value(v, w, f, &item->values[k]);
    if (f->type == SETUP_REF && f->expand)
      jw_kstr(w, "name", setup_name(v->db, v->ctx, f->to, v->instance_id, item->values[k].number));
  }
  jw_object_end(w);
}

void setup_json_members(const struct setup_view *v, struct jw *w, const struct setup_family *f,
                        const struct setup_row *row) {
  char version[SETUP_VERSION_LEN];
  jw_kint(w, "id", row->id);
  for (int i = 0; i < f->field_count + f->read_count;) {
    if (group_len(&f->fields[i])) {
      i = put_group(v, w, f, row, i);
    } else {
      jw_key(w, f->fields[i].name);
      put_value(v, w, &f->fields[i], &row->values[i]);
      i++;
    }
  }
  for (int k = 0; k < f->list_count; k++) {
    jw_key(w, f->lists[k].name);
    jw_array(w);
    for (int i = 0; i < row->lists[k].count; i++) put_item(v, w, &f->lists[k], &row->lists[k].items[i]);
    jw_array_end(w);
  }
  setup_version(f, row, version);
  jw_kstr(w, "version", version);
}

/* ---- from JSON: each says what it wants instead and returns false ---- */

static bool take_text(const struct setup_field *f, const struct jval *v, struct setup_value *ret,
                      char why[static 160]) {
  (void)f;
  size_t len = 0;
  const char *text = jval_str(v, &len);
  if (text) {
    ret->text = text;
    return true;
  }
  snprintf(why, 160, "must be a string, not %s", jval_type_name(v));
  return false;
}

static bool take_int(const struct setup_field *f, const struct jval *v, struct setup_value *ret, char why[static 160]) {
  if (jval_type(v) != JT_INT) {
    snprintf(why, 160, "must be an integer, not %s", jval_type_name(v));
    return false;
  }
  ret->number = jval_int(v);
  if (f->type != SETUP_SECONDS) return true;
  if (ret->number < f->min || ret->number > f->max) {
    snprintf(why, 160, "must be from %lld to %lld", (long long)f->min, (long long)f->max);
    return false;
  }
  ret->number *= 1000;
  return true;
}

static bool take_bool(const struct setup_field *f, const struct jval *v, struct setup_value *ret,
                      char why[static 160]) {
  (void)f;
  if (jval_type(v) != JT_BOOL) {
    snprintf(why, 160, "must be a boolean, not %s", jval_type_name(v));
    return false;
  }
  ret->number = jval_bool(v);
  return true;
}

static bool take_word(const struct setup_field *f, const struct jval *v, struct setup_value *ret,
                      char why[static 160]) {
  const char *word = jval_str(v, NULL);
  for (int i = 0; word && i < f->max; i++) {
    if (strcmp(f->words[i], word) != 0) continue;
    ret->number = i;
    return true;
  }
  size_t n = (size_t)snprintf(why, 160, "must be ");
  for (int i = 0; i < f->max && n < 160; i++)
    n += (size_t)snprintf(why + n, 160 - n, "%s%s", i == 0 ? "" : i == f->max - 1 ? " or " : ", ", f->words[i]);
  return false;
}

/* An id, or an object that has one. */
static bool take_ref(const struct setup_field *f, const struct jval *v, struct setup_value *ret, char why[static 160]) {
  const struct jval *id = jval_type(v) == JT_OBJECT ? jval_get(v, "id") : v;
  ret->number = jval_int(id);
  if (jval_type(id) == JT_INT && ret->number >= 0) return true;
  snprintf(why, 160, "must be the id of a %s", f->to->word);
  return false;
}

struct taking_rights {
  int64_t rights;
  char *why;
};

static void take_api(void *arg, const char *key, const struct jval *verbs) {
  struct taking_rights *t = arg;
  int api = 0;
  while (api < API_COUNT && strcmp(api_word((enum api_name)api), key) != 0) api++;
  bool ok = api < API_COUNT && jval_type(verbs) == JT_ARRAY;
  for (size_t i = 0; ok && i < jval_count(verbs); i++) {
    const char *word = jval_str(jval_at(verbs, i), NULL);
    int verb = 0;
    while (verb < VERB_COUNT && (!word || strcmp(api_verb_word((enum api_verb)verb), word) != 0)) verb++;
    ok = verb < VERB_COUNT;
    if (ok) t->rights |= rights_bit((enum api_name)api, (enum api_verb)verb);
  }
  if (!ok && !*t->why)
    snprintf(t->why, 160,
             api < API_COUNT ? "%.40s must be a list of GET, POST, PUT, DELETE" : "there is no API \"%.40s\"", key);
}

static bool take_rights(const struct setup_field *f, const struct jval *v, struct setup_value *ret,
                        char why[static 160]) {
  (void)f;
  struct taking_rights t = {.why = why};
  why[0] = 0;
  if (jval_type(v) != JT_OBJECT)
    snprintf(why, 160, "must be an object such as {\"interaction\":[\"GET\",\"POST\"]}, not %s", jval_type_name(v));
  else
    jval_each(v, take_api, &t);
  ret->number = t.rights;
  return !*why;
}

static bool take_clock(const struct setup_field *f, const struct jval *v, struct setup_value *ret,
                       char why[static 160]) {
  const char *text = jval_str(v, NULL);
  int64_t hours = 0, minutes = 0;
  char part[3] = "";
  bool ok = text && strlen(text) == 5 && text[2] == ':' && strspn(text, "0123456789") == 2 &&
            strspn(text + 3, "0123456789") == 2;
  if (ok) {
    memcpy(part, text, 2);
    ok = parse_int(part, 0, 24, &hours) && parse_int(text + 3, 0, 59, &minutes) && hours * 60 + minutes <= f->max;
  }
  ret->number = hours * 60 + minutes;
  if (!ok) snprintf(why, 160, "must be a time of day such as 08:30");
  return ok;
}

typedef bool take_fn(const struct setup_field *f, const struct jval *v, struct setup_value *ret, char why[static 160]);
static take_fn *const takers[] = {
    [SETUP_TEXT] = take_text,   [SETUP_LINES] = take_text, [SETUP_INT] = take_int,       [SETUP_BOOL] = take_bool,
    [SETUP_WORD] = take_word,   [SETUP_REF] = take_ref,    [SETUP_RIGHTS] = take_rights, [SETUP_CLOCK] = take_clock,
    [SETUP_SECONDS] = take_int, [SETUP_DAY] = take_text,
};

/* The catalogue has codes of its own for some that are missing. */
static int missing_code(const char *name) {
  static const struct {
    const char *name;
    int code;
  } codes[] = {{"name", 1040}, {"label", 1070}, {"service", 1100}, {"id", 1160}};
  for (size_t i = 0; i < ARRAY_LEN(codes); i++)
    if (strcmp(codes[i].name, name) == 0) return codes[i].code;
  return 1010;
}

static void decode_field(struct decoder *d, const struct setup_field *f, const struct jval *object, const char *name,
                         bool creating, struct setup_value *value) {
  const struct jval *v = jval_get(object, name);
  enum jtype type = jval_type(v);
  struct setup_value taken = *value;
  char why[160];
  if (type == JT_MISSING) {
    if (creating && f->required) decode_problem(d, name, missing_code(name), "is required");
  } else if (type == JT_NULL && f->required) {
    decode_problem(d, name, 1020, "must not be null");
  } else if (type == JT_NULL) {
    *value = (struct setup_value){.number = f->fallback, .text = ""};
  } else if (!takers[f->type](f, v, &taken, why) || !setup_value_ok(f, &taken, why)) {
    decode_problem(d, name, 1020, "%s", why);
  } else {
    *value = taken;
  }
}

/* All fields of the group that begins at `at`; returns the index behind them. */
static int decode_group(struct decoder *d, const struct setup_family *f, const struct jval *body, int at,
                        struct setup_row *row) {
  int end = at;
  while (end < f->field_count && same_group(&f->fields[at], &f->fields[end])) end++;
  const char *name = mem_strndup(d->ctx, f->fields[at].name, group_len(&f->fields[at]));
  const struct jval *v = jval_get(body, name);
  enum jtype type = jval_type(v);
  if (type == JT_NULL) {
    for (int i = at; i < end; i++) row->values[i] = (struct setup_value){.number = f->fields[i].fallback, .text = ""};
  } else if (type == JT_OBJECT) {
    decode_in_key(d, name);
    for (int i = at; i < end; i++)
      decode_field(d, &f->fields[i], v, f->fields[i].name + strlen(name) + 1, false, &row->values[i]);
    decode_out(d);
  } else if (type != JT_MISSING) {
    decode_problem(d, name, 1020, "must be an object or null, not %s", jval_type_name(v));
  }
  return end;
}

static void decode_list(struct decoder *d, const struct setup_list *l, const struct jval *body,
                        struct setup_items *items) {
  const struct jval *v = jval_get(body, l->name);
  if (jval_type(v) == JT_MISSING) return;
  *items = (struct setup_items){.count = 0};
  const struct jval *list = decode_array(d, body, l->name, OPTIONAL, 0, (size_t)l->item_max);
  size_t count = jval_count(list);
  items->items = mem_array(d->ctx, struct setup_item, count + 1);
  decode_in_key(d, l->name);
  for (size_t i = 0; i < count; i++) {
    const struct jval *item = jval_at(list, i);
    struct setup_item *out = &items->items[items->count++];
    decode_in_index(d, i);
    if (jval_type(item) != JT_OBJECT) decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(item));
    for (int k = 0; k < l->field_count; k++) {
      out->values[k] = (struct setup_value){.number = l->fields[k].fallback, .text = ""};
      if (jval_type(item) == JT_OBJECT) decode_field(d, &l->fields[k], item, l->fields[k].name, true, &out->values[k]);
    }
    decode_out(d);
  }
  decode_out(d);
}

void setup_json_decode(struct decoder *d, const struct setup_family *f, const struct jval *body, bool creating,
                       struct setup_row *row) {
  for (int i = 0; i < f->field_count;) {
    if (group_len(&f->fields[i])) {
      i = decode_group(d, f, body, i, row);
    } else {
      decode_field(d, &f->fields[i], body, f->fields[i].name, creating, &row->values[i]);
      i++;
    }
  }
  for (int k = 0; k < f->list_count; k++) decode_list(d, &f->lists[k], body, &row->lists[k]);
}

void setup_json_wrong(struct decoder *d, const struct setup_wrong *w) {
  const char *name = w->field, *dot = name ? strchr(name, '.') : NULL;
  if (w->list) {
    decode_in_key(d, w->list);
    decode_in_index(d, (size_t)w->index);
  } else if (dot) {
    decode_in_key(d, mem_strndup(d->ctx, name, (size_t)(dot - name)));
    name = dot + 1;
  }
  decode_problem(d, name, 1020, "%s", w->why);
  if (w->list) decode_out(d);
  if (w->list || dot) decode_out(d);
}
