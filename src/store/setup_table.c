/* Reading and writing the families of the setup by their tables. Reading on any thread with a reader, writing on the
 * writer inside a transaction. Nothing is stored before everything was checked; what changed goes into the event log.
 * The epoch is raised by whoever submitted the job, after its commit. */
#include "store/setup_table.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct setup_field *f) {
  return f->type == SETUP_TEXT || f->type == SETUP_LINES || f->type == SETUP_DAY;
}

void setup_row_init(const struct setup_family *f, struct setup_row *ret) {
  *ret = (struct setup_row){.id = 0};
  for (int i = 0; i < f->field_count + f->read_count; i++)
    ret->values[i] = (struct setup_value){.number = f->fields[i].fallback, .text = ""};
}

int setup_field_index(const struct setup_family *f, const char *name) {
  for (int i = 0; i < f->field_count; i++)
    if (strcmp(f->fields[i].name, name) == 0) return i;
  return -1;
}

/* ---- reading ---- */

static struct setup_value read_value(const struct db_rows *rows, int column, const struct setup_field *f, void *ctx) {
  if (!is_text(f)) return (struct setup_value){.number = col_int(rows, column), .text = ""};
  char *text = col_dup(rows, column, ctx);
  return (struct setup_value){.text = text ? text : ""};
}

static void read_list(struct db *db, void *ctx, const struct setup_list *l, int64_t owner_id, struct setup_items *ret) {
  struct db_rows rows;
  int cap = 8, n = 0;
  struct setup_item *items = mem_array(ctx, struct setup_item, (size_t)cap);
  db_open(db, &rows, l->of, v_int(owner_id));
  while (n < SETUP_ITEMS_MAX && db_next(&rows)) {
    if (n == cap) items = talloc_realloc(ctx, items, struct setup_item, (unsigned)(cap *= 2));
    for (int k = 0; k < l->field_count; k++) items[n].values[k] = read_value(&rows, k, &l->fields[k], ctx);
    n++;
  }
  db_close(&rows);
  *ret = (struct setup_items){.items = items, .count = n};
}

int setup_page(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t after,
               struct setup_row *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, f->page, v_int(instance_id), v_int(after), v_int(max));
  while (n < max && db_next(&rows)) {
    struct setup_row *row = &out[n++];
    *row = (struct setup_row){.id = col_int(&rows, 0)};
    for (int i = 0; i < f->field_count + f->read_count; i++)
      row->values[i] = read_value(&rows, i + 1, &f->fields[i], ctx);
  }
  db_close(&rows);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < f->list_count; k++) read_list(db, ctx, &f->lists[k], out[i].id, &out[i].lists[k]);
  return n;
}

bool setup_get(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t id,
               struct setup_row *ret) {
  struct setup_row row;
  if (id < 1 || setup_page(db, ctx, f, instance_id, id - 1, &row, 1) != 1 || row.id != id) return false;
  *ret = row;
  return true;
}

/* A person's name is better than their login. */
static const char *shown_name(const struct db_rows *rows, void *ctx, const struct setup_family *f) {
  const char *first = f->shown[0] ? col_text(rows, f->shown[0] + 1, NULL) : "",
             *last = f->shown[1] ? col_text(rows, f->shown[1] + 1, NULL) : "";
  if (!*first && !*last) return col_dup(rows, f->label + 1, ctx);
  return mem_printf(ctx, "%s%s%s", first, *first && *last ? " " : "", last);
}

/* The row's own fields, without what belongs to it. */
static bool get_plain(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t id,
                      const char **ret_name) {
  struct db_rows rows;
  if (id < 1) return false;
  db_open(db, &rows, f->page, v_int(instance_id), v_int(id - 1), v_int(1));
  bool found = db_next(&rows) && col_int(&rows, 0) == id;
  if (found) *ret_name = shown_name(&rows, ctx, f);
  db_close(&rows);
  return found;
}

const char *setup_name(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t id) {
  const char *name = NULL;
  return get_plain(db, ctx, f, instance_id, id, &name) ? name : NULL;
}

static void hash_value(struct buf *b, const struct setup_field *f, const struct setup_value *v) {
  if (is_text(f))
    buf_printf(b, "%zu:%s;", strlen(v->text), v->text);
  else
    buf_printf(b, "%lld;", (long long)v->number);
}

/* Items in one order, however they were given. */
static int by_content(const void *a, const void *b) {
  const struct setup_value *x = ((const struct setup_item *)a)->values, *y = ((const struct setup_item *)b)->values;
  for (int i = 0; i < SETUP_ITEM_FIELDS_MAX; i++) {
    if (x[i].number != y[i].number) return x[i].number < y[i].number ? -1 : 1;
    int order = strcmp(x[i].text ? x[i].text : "", y[i].text ? y[i].text : "");
    if (order) return order;
  }
  return 0;
}

static void hash_list(struct buf *b, const struct setup_list *l, const struct setup_items *items) {
  struct setup_item *sorted = mem_array(b->ctx, struct setup_item, (size_t)items->count + 1);
  if (items->count) memcpy(sorted, items->items, (size_t)items->count * sizeof *sorted);
  qsort(sorted, (size_t)items->count, sizeof *sorted, by_content);
  for (int i = 0; i < items->count; i++)
    for (int k = 0; k < l->field_count; k++) hash_value(b, &l->fields[k], &sorted[i].values[k]);
}

void setup_version(const struct setup_family *f, const struct setup_row *row, char out[static SETUP_VERSION_LEN]) {
  void *pool = mem_pool(NULL, 4096);
  struct buf b;
  uint8_t hash[SHA256_LEN];
  buf_init(&b, pool, 1024, 4 << 20);
  for (int i = 0; i < f->field_count; i++) hash_value(&b, &f->fields[i], &row->values[i]);
  for (int k = 0; k < f->list_count; k++) {
    hash_list(&b, &f->lists[k], &row->lists[k]);
    buf_puts(&b, "|");
  }
  digest_sha256(b.data, b.len, hash);
  hex_encode(hash, (SETUP_VERSION_LEN - 1) / 2, out);
  mem_free(pool);
}

/* ---- checking ---- */

static bool ref_ok(struct db *tx, void *ctx, int64_t instance_id, const struct setup_field *f,
                   const struct setup_value *v, char why[static 160]) {
  const char *name;
  if (f->type != SETUP_REF || v->number == 0 || get_plain(tx, ctx, f->to, instance_id, v->number, &name)) return true;
  snprintf(why, 160, "there is no %s %lld", f->to->word, (long long)v->number);
  return false;
}

static bool value_good(struct db *tx, void *ctx, int64_t instance_id, const struct setup_field *f,
                       const struct setup_value *v, char why[static 160]) {
  return setup_value_ok(f, v, why) && ref_ok(tx, ctx, instance_id, f, v, why);
}

static bool same_key(const struct setup_list *l, const struct setup_item *a, const struct setup_item *b) {
  for (int k = 0; k < l->key_count; k++) {
    bool same = is_text(&l->fields[k]) ? strcmp(a->values[k].text, b->values[k].text) == 0
                                       : a->values[k].number == b->values[k].number;
    if (!same) return false;
  }
  return true;
}

static bool list_good(struct db *tx, void *ctx, int64_t instance_id, const struct setup_list *l,
                      const struct setup_items *items, struct setup_wrong *w) {
  *w = (struct setup_wrong){.list = l->name};
  if (items->count > l->item_max) {
    *w = (struct setup_wrong){.field = l->name};
    snprintf(w->why, sizeof w->why, "must have at most %d items, not %d", l->item_max, items->count);
    return false;
  }
  for (int i = 0; i < items->count; i++) {
    w->index = i;
    for (int k = 0; k < l->field_count; k++) {
      w->field = l->fields[k].name;
      if (!value_good(tx, ctx, instance_id, &l->fields[k], &items->items[i].values[k], w->why)) return false;
    }
    w->field = l->fields[l->key_count - 1].name;
    for (int k = 0; k < i; k++) {
      if (!same_key(l, &items->items[i], &items->items[k])) continue;
      snprintf(w->why, sizeof w->why, "is given twice");
      return false;
    }
  }
  return true;
}

static bool row_good(struct db *tx, void *ctx, int64_t instance_id, const struct setup_family *f,
                     const struct setup_row *old, const struct setup_row *row, struct setup_wrong *w) {
  *w = (struct setup_wrong){.field = NULL};
  for (int i = 0; i < f->field_count; i++) {
    w->field = f->fields[i].name;
    if (!value_good(tx, ctx, instance_id, &f->fields[i], &row->values[i], w->why)) return false;
  }
  for (int k = 0; k < f->list_count; k++)
    if (!list_good(tx, ctx, instance_id, &f->lists[k], &row->lists[k], w)) return false;
  *w = (struct setup_wrong){.field = NULL};
  return !f->check || f->check(tx, instance_id, old, row, w);
}

/* ---- the audit ---- */

static bool value_same(const struct setup_field *f, const struct setup_value *a, const struct setup_value *b) {
  return is_text(f) ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

static bool list_same(void *ctx, const struct setup_list *l, const struct setup_items *a, const struct setup_items *b) {
  struct buf x, y;
  buf_init(&x, ctx, 256, 4 << 20);
  buf_init(&y, ctx, 256, 4 << 20);
  hash_list(&x, l, a);
  hash_list(&y, l, b);
  return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static void changed_fields(struct jw *w, const struct setup_family *f, const struct setup_row *old,
                           const struct setup_row *row) {
  jw_key(w, "fields");
  jw_array(w);
  for (int i = 0; i < f->field_count; i++)
    if (!value_same(&f->fields[i], &old->values[i], &row->values[i])) jw_str(w, f->fields[i].name);
  for (int k = 0; k < f->list_count; k++)
    if (!list_same(w->out->ctx, &f->lists[k], &old->lists[k], &row->lists[k])) jw_str(w, f->lists[k].name);
  jw_array_end(w);
}

enum db_result setup_audit(struct db *tx, int64_t instance_id, const struct setup_family *f,
                           const struct setup_row *old, const struct setup_row *row, const char *action,
                           const struct setup_author *by) {
  void *pool = mem_pool(NULL, 2048);
  struct buf b;
  buf_init(&b, pool, 512, 65536);
  struct jw w = jw_into(&b);
  jw_object(&w);
  jw_kstr(&w, "change", f->word);
  jw_kint(&w, "id", row->id);
  jw_kstr(&w, "name", row->values[f->label].text);
  jw_kstr(&w, "action", action);
  if (old) changed_fields(&w, f, old, row);
  if (by->label) jw_kstr(&w, "by", by->label);
  jw_object_end(&w);
  enum db_result r = event_append(
      tx, instance_id,
      &(struct event){.at = clock_wall_ms(), .kind = EVENT_SETUP_CHANGED, .agent_id = by->agent_id, .data = b.data});
  mem_free(pool);
  return r;
}

/* ---- writing ---- */

static struct db_value bind(const struct setup_field *f, const struct setup_value *v) {
  return is_text(f) ? v_text(v->text) : v_int(v->number);
}

static bool write_lists(struct db *tx, const struct setup_family *f, const struct setup_row *row) {
  for (int k = 0; k < f->list_count; k++) {
    const struct setup_list *l = &f->lists[k];
    if (db_exec(tx, l->clear, v_int(row->id)) == DB_FAILED) return false;
    for (int i = 0; i < row->lists[k].count; i++) {
      struct db_value values[SETUP_ITEM_FIELDS_MAX + 1] = {v_int(row->id)};
      for (int n = 0; n < l->field_count; n++) values[n + 1] = bind(&l->fields[n], &row->lists[k].items[i].values[n]);
      if (db_exec_(tx, l->add, values, (size_t)l->field_count + 1) != DB_OK) return false;
    }
  }
  return true;
}

#define EXTRAS_MAX 8

static enum db_result write_second(struct db *tx, const struct setup_family *f, bool added,
                                   const struct setup_row *row) {
  struct db_value values[SETUP_FIELDS_MAX + 1] = {v_int(row->id)};
  size_t n = 1;
  for (int i = f->second; i < f->field_count; i++) values[n++] = bind(&f->fields[i], &row->values[i]);
  return db_exec_(tx, added ? f->add_second : f->set_second, values, n);
}

static enum db_result write_row(struct db *tx, int64_t instance_id, const struct setup_family *f, bool added,
                                const struct setup_row *row, const struct db_value *extras, size_t extra_count) {
  struct db_value values[SETUP_FIELDS_MAX + 3 + EXTRAS_MAX] = {v_int(row->id), v_int(instance_id)};
  size_t n = 2;
  invariant(extra_count <= EXTRAS_MAX);
  for (int i = 0; i < (f->second ? f->second : f->field_count); i++) values[n++] = bind(&f->fields[i], &row->values[i]);
  for (size_t i = 0; i < extra_count; i++) values[n++] = extras[i];
  if (f->dated && added) values[n++] = v_int(clock_wall_ms());
  enum db_result r = db_exec_(tx, added ? f->add : f->set, values, n);
  return r == DB_OK && f->second ? write_second(tx, f, added, row) : r;
}

static enum setup_result outcome(enum db_result r, const struct setup_family *f, struct setup_wrong *w) {
  static const enum setup_result map[] = {
      [DB_OK] = SETUP_OK, [DB_NONE] = SETUP_UNKNOWN, [DB_CONFLICT] = SETUP_TAKEN, [DB_FAILED] = SETUP_FAILED};
  if (r == DB_CONFLICT) {
    *w = (struct setup_wrong){.field = f->fields[f->label].name};
    snprintf(w->why, sizeof w->why, "%s", f->unique_words ? f->unique_words : "is already in use");
  }
  return map[r];
}

/* The last id that a removed row had, so that no other ever gets it. */
static void last_key(const struct setup_family *f, char out[static 64]) {
  snprintf(out, 64, "last_id.%s", f->plural);
}

static int64_t last_removed(struct db *tx, const struct setup_family *f) {
  char key[64];
  struct db_rows rows;
  last_key(f, key);
  db_open(tx, &rows, Q_META_GET, v_text(key));
  int64_t last = 0;
  bool known = db_next(&rows) && parse_int(col_text(&rows, 0, NULL), 0, INT64_MAX, &last);
  db_close(&rows);
  return known ? last : 0;
}

enum setup_result setup_add(struct db *tx, int64_t instance_id, const struct setup_family *f, struct setup_row *row,
                            const struct setup_author *by, const struct db_value *extras, size_t extra_count,
                            struct setup_wrong *w) {
  void *pool = mem_pool(NULL, 4096);
  enum setup_result r = SETUP_WRONG;
  row->id = 0;
  if (!row_good(tx, pool, instance_id, f, NULL, row, w)) goto out;
  int64_t max = db_int(tx, f->max, 0), gone = last_removed(tx, f);
  row->id = (max > gone ? max : gone) + 1;
  r = outcome(write_row(tx, instance_id, f, true, row, extras, extra_count), f, w);
  if (r == SETUP_OK && (!write_lists(tx, f, row) || (f->stored && !f->stored(tx, NULL, row)) ||
                        setup_audit(tx, instance_id, f, NULL, row, "created", by) != DB_OK))
    r = SETUP_FAILED;
out:
  mem_free(pool);
  return db_failed(tx) ? SETUP_FAILED : r;
}

enum setup_result setup_set(struct db *tx, int64_t instance_id, const struct setup_family *f,
                            const struct setup_row *old, const struct setup_row *row, const struct setup_author *by,
                            struct setup_wrong *w) {
  char before[SETUP_VERSION_LEN], after[SETUP_VERSION_LEN];
  setup_version(f, old, before);
  setup_version(f, row, after);
  if (strcmp(before, after) == 0) return SETUP_OK;
  void *pool = mem_pool(NULL, 4096);
  enum setup_result r = SETUP_WRONG;
  if (!row_good(tx, pool, instance_id, f, old, row, w)) goto out;
  r = outcome(write_row(tx, instance_id, f, false, row, NULL, 0), f, w);
  if (r == SETUP_OK && (!write_lists(tx, f, row) || (f->stored && !f->stored(tx, old, row)) ||
                        setup_audit(tx, instance_id, f, old, row, "updated", by) != DB_OK))
    r = SETUP_FAILED;
out:
  mem_free(pool);
  return db_failed(tx) ? SETUP_FAILED : r;
}

/* "used by 2 services, 1 agents" */
static bool in_use(struct db *tx, const struct setup_family *f, int64_t id, struct setup_wrong *w) {
  struct db_rows rows;
  size_t n = 0;
  if (f->used_count == 0) return false;
  db_open(tx, &rows, f->used, v_int(id));
  bool read = db_next(&rows);
  for (int i = 0; read && i < f->used_count; i++) {
    if (col_int(&rows, i) == 0 || n >= sizeof w->why) continue;
    n += (size_t)snprintf(w->why + n, sizeof w->why - n, "%s%lld %s", n ? ", " : "it is used by ",
                          (long long)col_int(&rows, i), f->used_words[i]);
  }
  db_close(&rows);
  return n > 0;
}

static enum setup_result disable(struct db *tx, int64_t instance_id, const struct setup_family *f,
                                 const struct setup_row *row, const struct setup_author *by, struct setup_wrong *w) {
  struct setup_row off = *row;
  off.values[f->enabled].number = 0;
  return setup_set(tx, instance_id, f, row, &off, by, w);
}

enum setup_result setup_remove(struct db *tx, int64_t instance_id, const struct setup_family *f,
                               const struct setup_row *row, const struct setup_author *by, struct setup_wrong *w) {
  *w = (struct setup_wrong){.field = NULL};
  if (in_use(tx, f, row->id, w)) return SETUP_USED;
  if (!f->can_remove) return disable(tx, instance_id, f, row, by, w);
  if (f->check && !f->check(tx, instance_id, row, NULL, w)) return SETUP_USED;
  for (int k = 0; k < f->list_count; k++)
    if (db_exec(tx, f->lists[k].clear, v_int(row->id)) == DB_FAILED) return SETUP_FAILED;
  int64_t max = db_int(tx, f->max, 0);
  enum setup_result r = outcome(db_exec(tx, f->remove, v_int(row->id), v_int(instance_id)), f, w);
  if (r != SETUP_OK) return r;
  char key[64], number[24];
  last_key(f, key);
  snprintf(number, sizeof number, "%lld", (long long)max);
  if ((max > last_removed(tx, f) && db_exec(tx, Q_META_SET, v_text(key), v_text(number)) != DB_OK) ||
      setup_audit(tx, instance_id, f, NULL, row, "removed", by) != DB_OK)
    return SETUP_FAILED;
  return SETUP_OK;
}
