/* A setup carried from one instance to another. Reads on any thread; imports on the thread of the transaction. Rows are
 * taken family by family, each behind those it refers to, and ids of the object are translated on the way. */
#include "api/kiamo_v3/setup_carry.h"

#include "base/mem.h"

#include <string.h>

#define NO_PASSWORD "!" /* fits no password */

static bool is_carried(const struct setup_family *f) {
  return f != &setup_connectors && f != &setup_tokens && f != &setup_channels && f != &setup_account_tokens;
}

void setup_export(const struct setup_view *v, struct jw *w) {
  struct setup_row *rows = mem_array(v->ctx, struct setup_row, SETUP_PAGE_MAX);
  jw_object(w);
  for (const struct setup_family *const *f = setup_families; *f; f++) {
    if (!is_carried(*f)) continue;
    int64_t after = 0;
    int n = SETUP_PAGE_MAX;
    jw_key(w, (*f)->plural);
    jw_array(w);
    while (n == SETUP_PAGE_MAX) {
      n = setup_page(v->db, v->ctx, *f, v->instance_id, after, rows, SETUP_PAGE_MAX);
      for (int i = 0; i < n; i++) {
        after = rows[i].id;
        jw_object(w);
        setup_json_members(v, w, *f, &rows[i]);
        jw_object_end(w);
      }
    }
    jw_array_end(w);
  }
  jw_object_end(w);
}

/* ---- the way back ---- */

struct pair {
  const struct setup_family *family;
  int64_t from, to;
};
struct carrying {
  struct db *tx;
  struct decoder *d;
  int64_t instance_id;
  const struct setup_author *by;
  struct pair *pairs;
  int pair_count;
  struct setup_carried done;
  bool failed;
};

static int64_t translated(const struct carrying *c, const struct setup_family *f, int64_t id) {
  for (int i = 0; i < c->pair_count; i++)
    if (c->pairs[i].family == f && c->pairs[i].from == id) return c->pairs[i].to;
  return 0;
}

static void translate(struct carrying *c, const struct setup_field *f, struct setup_value *v) {
  if (f->type != SETUP_REF || v->number == 0) return;
  int64_t id = translated(c, f->to, v->number);
  if (!id) decode_problem(c->d, f->name, 1020, "there is no %s %lld in the file", f->to->word, (long long)v->number);
  v->number = id;
}

static void translate_list(struct carrying *c, const struct setup_list *l, struct setup_items *items) {
  decode_in_key(c->d, l->name);
  for (int i = 0; i < items->count; i++) {
    decode_in_index(c->d, (size_t)i);
    for (int k = 0; k < l->field_count; k++) translate(c, &l->fields[k], &items->items[i].values[k]);
    decode_out(c->d);
  }
  decode_out(c->d);
}

/* Is it of a family that comes later, or of the row's own? Then it waits for the second round, or for the other side.
 */
static bool comes_later(const struct setup_family *of, const struct setup_field *f) {
  return f->type == SETUP_REF && (f->to == of || (of == &setup_services && f->to == &setup_agents));
}

static bool same_value(const struct setup_field *f, const struct setup_value *a, const struct setup_value *b) {
  return a->number == b->number && (f->type != SETUP_TEXT || strcmp(a->text, b->text) == 0);
}

static bool same_name(const struct setup_family *f, const struct setup_row *a, const struct setup_row *b) {
  bool same = same_value(&f->fields[f->label], &a->values[f->label], &b->values[f->label]);
  for (int i = 0; i < 2 && f->also[i]; i++)
    same = same && same_value(&f->fields[f->also[i] - 1], &a->values[f->also[i] - 1], &b->values[f->also[i] - 1]);
  return same;
}

static bool find_same(struct carrying *c, const struct setup_family *f, const struct setup_row *row,
                      struct setup_row *ret) {
  struct setup_row *rows = mem_array(c->d->ctx, struct setup_row, SETUP_PAGE_MAX);
  int64_t after = 0;
  int n = SETUP_PAGE_MAX;
  while (n == SETUP_PAGE_MAX) {
    n = setup_page(c->tx, c->d->ctx, f, c->instance_id, after, rows, SETUP_PAGE_MAX);
    for (int i = 0; i < n; i++) {
      after = rows[i].id;
      if (!same_name(f, &rows[i], row)) continue;
      *ret = rows[i];
      return true;
    }
  }
  return false;
}

/* Does the object say something about the field, or about the group it stands in? */
static bool is_given(void *ctx, const struct jval *item, const struct setup_field *f) {
  return jval_get(item, mem_strndup(ctx, f->name, strcspn(f->name, "."))) != NULL;
}

/* What the object says over what is there. later: the round in which rows of the same family are known. */
static void fill(struct carrying *c, const struct setup_family *f, const struct jval *item, bool later,
                 struct setup_row *row) {
  const struct setup_row was = *row;
  setup_json_decode(c->d, f, item, row->id == 0, row);
  for (int i = 0; i < f->field_count; i++) {
    if (comes_later(f, &f->fields[i]) && !later)
      row->values[i] = was.values[i];
    else if (is_given(c->d->ctx, item, &f->fields[i]))
      translate(c, &f->fields[i], &row->values[i]);
  }
  for (int k = 0; k < f->list_count; k++) {
    bool other_side = comes_later(f, &f->lists[k].fields[0]);
    if (other_side)
      row->lists[k] = was.lists[k];
    else if (jval_get(item, f->lists[k].name))
      translate_list(c, &f->lists[k], &row->lists[k]);
  }
}

static void note_outcome(struct carrying *c, enum setup_result r, const struct setup_wrong *wrong) {
  c->failed = c->failed || r == SETUP_FAILED || r == SETUP_UNKNOWN;
  if (r == SETUP_WRONG || r == SETUP_TAKEN) setup_json_wrong(c->d, wrong);
}

static void carry_one(struct carrying *c, const struct setup_family *f, const struct jval *item) {
  struct setup_row row, old;
  struct setup_wrong wrong;
  int before = c->d->problem_count;
  setup_row_init(f, &row);
  fill(c, f, item, false, &row);
  if (c->d->problem_count > before) return;
  const struct db_value password = v_text(NO_PASSWORD);
  if (find_same(c, f, &row, &old)) {
    row = old;
    fill(c, f, item, false, &row);
    note_outcome(c, setup_set(c->tx, c->instance_id, f, &old, &row, c->by, &wrong), &wrong);
    c->done.changed++;
  } else {
    note_outcome(c, setup_add(c->tx, c->instance_id, f, &row, c->by, &password, f == &setup_agents, &wrong), &wrong);
    c->done.added++;
  }
  int64_t id = jval_int(jval_get(item, "id"));
  if (id) c->pairs[c->pair_count++] = (struct pair){.family = f, .from = id, .to = row.id};
}

/* References within a family, now that all of its rows are there. */
static void carry_again(struct carrying *c, const struct setup_family *f, const struct jval *item) {
  struct setup_row row, old;
  struct setup_wrong wrong;
  int64_t id = translated(c, f, jval_int(jval_get(item, "id")));
  if (!id || !setup_get(c->tx, c->d->ctx, f, c->instance_id, id, &old)) return;
  row = old;
  fill(c, f, item, true, &row);
  if (c->d->problem_count == 0) note_outcome(c, setup_set(c->tx, c->instance_id, f, &old, &row, c->by, &wrong), &wrong);
}

static void carry_family(struct carrying *c, const struct setup_family *f, const struct jval *list) {
  static void (*const rounds[])(struct carrying *, const struct setup_family *, const struct jval *) = {carry_one,
                                                                                                        carry_again};
  size_t count = jval_count(list);
  c->pairs = talloc_realloc(c->d->ctx, c->pairs, struct pair, (unsigned)(c->pair_count + (int)count + 1));
  decode_in_key(c->d, f->plural);
  for (int round = 0; round < (f == &setup_services ? 2 : 1); round++) {
    for (size_t i = 0; i < count && !c->failed; i++) {
      decode_in_index(c->d, i);
      if (jval_type(jval_at(list, i)) == JT_OBJECT)
        rounds[round](c, f, jval_at(list, i));
      else
        decode_problem(c->d, NULL, 1020, "must be an object");
      decode_out(c->d);
    }
  }
  decode_out(c->d);
}

bool setup_import(struct db *tx, struct decoder *d, int64_t instance_id, const struct jval *all,
                  const struct setup_author *by, struct setup_carried *ret) {
  struct carrying c = {.tx = tx, .d = d, .instance_id = instance_id, .by = by};
  for (const struct setup_family *const *f = setup_families; *f && !c.failed; f++) {
    const struct jval *list = is_carried(*f) ? jval_get(all, (*f)->plural) : NULL;
    if (jval_type(list) == JT_ARRAY)
      carry_family(&c, *f, list);
    else if (jval_type(list) != JT_MISSING)
      decode_problem(d, (*f)->plural, 1020, "must be an array, not %s", jval_type_name(list));
  }
  *ret = c.done;
  return !c.failed && d->problem_count == 0;
}
