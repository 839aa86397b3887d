/* The setup by its tables: rows of any family listed, added, changed, removed; the whole of it printed as JSON and
 * taken over again, all or nothing. Works beside a running server, which notices at once. What is wrong is told with
 * its place in the JSON. */
#include "cli/run.h"

#include "api/kiamo_v3/setup_carry.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/file.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"

#include <string.h>

static const struct setup_author author = {.label = "command"};

struct work {
  const struct cli_args *args;
  struct cli_store store;
  const struct setup_family *family;
  const struct jval *body;
  int64_t id; /* of the row that is meant */
  struct decoder d;
  struct setup_row row;
  struct setup_carried carried;
  char why[200]; /* what no member is to blame for */
};

static int work_begin(const struct cli_args *args, struct work *w) {
  *w = (struct work){.args = args};
  decode_init(&w->d, cli_ctx(args), PATH_POINTER);
  int code = cli_store_begin(args, &w->store);
  if (code != CLI_OK || !cli_word(args, 0)) return code;
  w->family = setup_family_named(cli_word(args, 0));
  if (w->family) return CLI_OK;
  cli_store_end(&w->store);
  return cli_fail(CLI_USAGE, "there is no family \"%s\": guichet help setup list names them", cli_word(args, 0));
}

static int read_json(struct work *w, const char *text) {
  struct jerror error;
  w->body = json_parse(cli_ctx(w->args), text, strlen(text), &error);
  if (!w->body) return cli_fail(CLI_USAGE, "that is not JSON: %s", error.text);
  if (jval_type(w->body) != JT_OBJECT) return cli_fail(CLI_USAGE, "the JSON must be an object");
  return CLI_OK;
}

/* Every problem on a line of its own. */
static int refused(const struct work *w, enum store_result r) {
  if (r == STORE_FULL) return cli_fail(CLI_FAILED, "no room on disk, or the store is locked; nothing was changed");
  for (int i = 0; i < w->d.problem_count && i < DECODE_PROBLEMS_MAX; i++)
    cli_fail(CLI_REFUSED, "%s: %s", w->d.problems[i].path, w->d.problems[i].text);
  if (w->d.problem_count) return CLI_REFUSED;
  return *w->why ? cli_fail(CLI_REFUSED, "%s", w->why) : cli_fail(CLI_FAILED, "the store failed; nothing was changed");
}

static int run(struct work *w, enum job_result (*fn)(struct db *tx, void *arg)) {
  enum store_result r = store_run_now(w->store.store, fn, w);
  if (r != STORE_OK) return refused(w, r);
  store_epoch_raise(w->store.store);
  return CLI_OK;
}

static enum job_result outcome(struct work *w, enum setup_result r, const struct setup_wrong *wrong) {
  if (r == SETUP_WRONG || r == SETUP_TAKEN) setup_json_wrong(&w->d, wrong);
  if (r == SETUP_USED) snprintf(w->why, sizeof w->why, "%s", wrong->why);
  if (r == SETUP_UNKNOWN) snprintf(w->why, sizeof w->why, "there is no such row");
  return r == SETUP_OK ? JOB_COMMIT : JOB_REJECT;
}

/* ---- seeing ---- */

static void put_row(const struct work *w, struct db *db, struct jw *out, const struct setup_row *row) {
  const struct setup_view view = {.db = db, .ctx = cli_ctx(w->args), .instance_id = w->store.instance->id};
  jw_object(out);
  setup_json_members(&view, out, w->family, row);
  jw_object_end(out);
}

static int list(struct work *w) {
  void *ctx = cli_ctx(w->args);
  struct output o;
  struct setup_row *rows = mem_array(ctx, struct setup_row, SETUP_PAGE_MAX);
  struct term_table *t = term_table_new(ctx, (const char *const[]){"ID", "NAME", NULL});
  struct db *db = store_read_begin(w->store.store);
  int64_t after = 0;
  int n = SETUP_PAGE_MAX;
  output_begin(&o, ctx);
  jw_object(&o.w);
  jw_key(&o.w, "items");
  jw_array(&o.w);
  while (n == SETUP_PAGE_MAX) {
    n = setup_page(db, ctx, w->family, w->store.instance->id, after, rows, SETUP_PAGE_MAX);
    for (int i = 0; i < n; i++) {
      after = rows[i].id;
      put_row(w, db, &o.w, &rows[i]);
      term_table_add(t, (const char *const[]){output_number(ctx, rows[i].id), rows[i].values[w->family->label].text});
    }
  }
  store_read_end(w->store.store, db);
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  if (cli_json(w->args)) return output_end(&o);
  term_table_print(t, stdout, mem_printf(ctx, "no %s", w->family->plural));
  return CLI_OK;
}

int cli_setup_list(const struct cli_args *args) {
  struct work w;
  int code = work_begin(args, &w);
  if (code != CLI_OK) return code;
  code = list(&w);
  cli_store_end(&w.store);
  return code;
}

/* The row as JSON, or a line that says what was done. */
static int print_done(struct work *w, const char *done) {
  void *ctx = cli_ctx(w->args);
  const char *name = w->row.values[w->family->label].text;
  if (!cli_json(w->args)) {
    printf("%s %s %lld, \"%s\"\n", done, w->family->word, (long long)w->row.id, term_clean(ctx, name));
    return CLI_OK;
  }
  struct output o;
  struct db *db = store_read_begin(w->store.store);
  output_begin(&o, ctx);
  put_row(w, db, &o.w, &w->row);
  store_read_end(w->store.store, db);
  return output_end(&o);
}

/* ---- one row ---- */

static bool made_elsewhere(const struct setup_family *f) {
  return f == &setup_agents || f == &setup_connectors || f == &setup_tokens || f == &setup_channels ||
         f == &setup_account_tokens;
}

static enum job_result add_run(struct db *tx, void *arg) {
  struct work *w = arg;
  struct setup_wrong wrong;
  decode_init(&w->d, cli_ctx(w->args), PATH_POINTER);
  setup_row_init(w->family, &w->row);
  setup_json_decode(&w->d, w->family, w->body, true, &w->row);
  if (w->d.problem_count) return JOB_REJECT;
  return outcome(w, setup_add(tx, w->store.instance->id, w->family, &w->row, &author, NULL, 0, &wrong), &wrong);
}

int cli_setup_add(const struct cli_args *args) {
  struct work w;
  int code = work_begin(args, &w);
  if (code != CLI_OK) return code;
  if (made_elsewhere(w.family))
    code = cli_fail(CLI_USAGE, "%s have secrets and are made by commands of their own; guichet help lists them",
                    w.family->plural);
  if (code == CLI_OK) code = read_json(&w, cli_word(args, 1));
  if (code == CLI_OK) code = run(&w, add_run);
  if (code == CLI_OK) code = print_done(&w, "made");
  cli_store_end(&w.store);
  return code;
}

/* The row whose id or name the second word is. */
static int find_row(struct work *w) {
  void *ctx = cli_ctx(w->args);
  const char *word = cli_word(w->args, 1);
  int64_t id = 0, after = 0;
  int n = SETUP_PAGE_MAX;
  struct setup_row *rows = mem_array(ctx, struct setup_row, SETUP_PAGE_MAX);
  struct db *db = store_read_begin(w->store.store);
  bool number = parse_int(word, 1, INT64_MAX, &id);
  while (n == SETUP_PAGE_MAX && !w->id) {
    n = setup_page(db, ctx, w->family, w->store.instance->id, after, rows, SETUP_PAGE_MAX);
    for (int i = 0; i < n && !w->id; i++) {
      after = rows[i].id;
      if ((number && rows[i].id == id) || strcmp(rows[i].values[w->family->label].text, word) == 0) w->id = rows[i].id;
    }
  }
  store_read_end(w->store.store, db);
  return w->id ? CLI_OK : cli_fail(CLI_NOT_FOUND, "there is no %s \"%s\"", w->family->word, word);
}

static enum job_result set_run(struct db *tx, void *arg) {
  struct work *w = arg;
  struct setup_wrong wrong;
  struct setup_row old;
  decode_init(&w->d, cli_ctx(w->args), PATH_POINTER);
  if (!setup_get(tx, cli_ctx(w->args), w->family, w->store.instance->id, w->id, &old))
    return outcome(w, SETUP_UNKNOWN, NULL);
  w->row = old;
  setup_json_decode(&w->d, w->family, w->body, false, &w->row);
  if (w->d.problem_count) return JOB_REJECT;
  return outcome(w, setup_set(tx, w->store.instance->id, w->family, &old, &w->row, &author, &wrong), &wrong);
}

int cli_setup_set(const struct cli_args *args) {
  struct work w;
  int code = work_begin(args, &w);
  if (code != CLI_OK) return code;
  code = find_row(&w);
  if (code == CLI_OK) code = read_json(&w, cli_word(args, 2));
  if (code == CLI_OK) code = run(&w, set_run);
  if (code == CLI_OK) code = print_done(&w, "changed");
  cli_store_end(&w.store);
  return code;
}

static enum job_result remove_run(struct db *tx, void *arg) {
  struct work *w = arg;
  struct setup_wrong wrong;
  decode_init(&w->d, cli_ctx(w->args), PATH_POINTER);
  if (!setup_get(tx, cli_ctx(w->args), w->family, w->store.instance->id, w->id, &w->row))
    return outcome(w, SETUP_UNKNOWN, NULL);
  enum setup_result r = setup_remove(tx, w->store.instance->id, w->family, &w->row, &author, &wrong);
  if (!w->family->can_remove) w->row.values[w->family->enabled].number = 0;
  return outcome(w, r, &wrong);
}

int cli_setup_remove(const struct cli_args *args) {
  struct work w;
  int code = work_begin(args, &w);
  if (code != CLI_OK) return code;
  code = find_row(&w);
  if (code == CLI_OK) code = run(&w, remove_run);
  if (code == CLI_OK) code = print_done(&w, w.family->can_remove ? "removed" : "disabled");
  cli_store_end(&w.store);
  return code;
}

/* ---- the whole ---- */

int cli_setup_export(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  struct output o;
  output_begin(&o, cli_ctx(args));
  struct db *db = store_read_begin(s.store);
  const struct setup_view view = {.db = db, .ctx = cli_ctx(args), .instance_id = s.instance->id};
  setup_export(&view, &o.w);
  bool failed = db_failed(db);
  store_read_end(s.store, db);
  code = failed ? cli_fail(CLI_FAILED, "the store cannot be read") : output_end(&o);
  cli_store_end(&s);
  return code;
}

static enum job_result import_run(struct db *tx, void *arg) {
  struct work *w = arg;
  decode_init(&w->d, cli_ctx(w->args), PATH_POINTER);
  return setup_import(tx, &w->d, w->store.instance->id, w->body, &author, &w->carried) ? JOB_COMMIT : JOB_REJECT;
}

static int print_carried(const struct work *w) {
  struct output o;
  if (!cli_json(w->args)) {
    printf("%d rows added, %d were there already\n", w->carried.added, w->carried.changed);
    return CLI_OK;
  }
  output_begin(&o, cli_ctx(w->args));
  jw_object(&o.w);
  jw_kint(&o.w, "added", w->carried.added);
  jw_kint(&o.w, "changed", w->carried.changed);
  jw_object_end(&o.w);
  return output_end(&o);
}

int cli_setup_import(const struct cli_args *args) {
  char *text = NULL;
  size_t len = 0;
  int code = file_read(cli_ctx(args), "FILE", cli_word(args, 0), &text, &len);
  if (code != CLI_OK) return code;
  struct work w = {.args = args};
  code = cli_store_begin(args, &w.store);
  if (code != CLI_OK) return code;
  code = read_json(&w, text);
  if (code == CLI_OK) code = run(&w, import_run);
  if (code == CLI_OK) code = print_carried(&w);
  cli_store_end(&w.store);
  return code;
}
