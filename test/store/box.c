/* The helper of box.h. Looks at the tables through a connection of its own, so that it depends on no statement of the
 * store's. */
#include "box.h"

#include "box_postgres.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 60000

struct box *box_new(void) {
  mem_init();
  secret_init();
  log_set_level(LOG_ERROR);
  struct box *b = mem_new(NULL, struct box);
  b->ctx = talloc_new(b);
  snprintf(b->base, sizeof b->base, "/tmp/guichet-store-XXXXXX");
  assert_non_null(mkdtemp(b->base));
  snprintf(b->dir, sizeof b->dir, "%s/data", b->base);
  if (box_is_remote()) box_remote_new(b);
  return b;
}

void box_create(struct box *b) {
  bool made = b->url ? store_create_remote(b->dir, b->url, "Test", b->err) : store_create(b->dir, "Test", b->err);
  if (!made) fail_msg("%s", b->err);
}

struct box *box_make(void) {
  struct box *b = box_new();
  box_create(b);
  box_open(b, STORE_SERVE);
  b->instance_id = 1;
  return b;
}

struct store *box_try(struct box *b, enum store_mode mode, int64_t queue_max) {
  const struct store_options options = {.dir = b->dir, .mode = mode, .queue_max = queue_max, .sweep_at = b->sweep_at};
  b->err[0] = 0;
  return store_open(NULL, &options, b->err);
}

void box_open(struct box *b, enum store_mode mode) {
  b->store = box_try(b, mode, 4096);
  if (!b->store) fail_msg("%s", b->err);
}

void box_close(struct box *b) {
  talloc_free(b->ctx); /* gives registries back */
  b->ctx = talloc_new(b);
  registry_forget();
  store_close(b->store);
  b->store = NULL;
}

void box_free(struct box *b) {
  char command[80];
  box_close(b);
  clock_unfake();
  if (b->url) box_remote_free(b);
  snprintf(command, sizeof command, "rm -rf '%s'", b->base);
  assert_int_equal(system(command), 0);
  mem_free(b);
}

char *box_path(struct box *b, const char *name) {
  return mem_printf(b->ctx, "%s/%s", b->dir, name);
}

int box_setup(void **state) {
  *state = box_make();
  return 0;
}
int box_setup_sqlite(void **state) {
  return box_setup(state);
}
int box_teardown(void **state) {
  box_free(*state);
  return 0;
}

struct kept {
  const struct registry *registry;
};

static int kept_destroy(struct kept *k) {
  registry_put(k->registry);
  return 0;
}

const struct registry *box_registry(struct box *b) {
  struct kept *k = mem_new(b->ctx, struct kept);
  k->registry = registry_get(b->store);
  assert_non_null(k->registry);
  talloc_set_destructor(k, kept_destroy);
  return k->registry;
}

const struct channel *box_channel(struct box *b, const char *name) {
  char client_id[CLIENT_ID_LEN], secret[CLIENT_SECRET_LEN];
  int64_t id = 0;
  const struct setup_channel c = {.name = name, .webhook_url = "http://127.0.0.1:1/hook"};
  if (!setup_channel_create(b->store, b->instance_id, CHANNEL_KIAMO_IO, &c, &id, client_id, secret, b->err))
    fail_msg("%s", b->err);
  return registry_channel(box_registry(b), id);
}

void box_run(struct box *b, enum job_result (*fn)(struct db *tx, void *arg), void *arg, enum store_result wanted) {
  assert_int_equal(store_run_now(b->store, fn, arg), wanted);
}

/* ---- looking at the tables ---- */

static sqlite3 *open_beside(struct box *b) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open_v2(box_path(b, "guichet.db"), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  sqlite3_busy_timeout(db, WAIT_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return db;
}

static sqlite3_stmt *first_row(sqlite3 *db, const char *sql) {
  sqlite3_stmt *s = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  int code = sqlite3_step(s);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  return s;
}

int64_t box_sql(struct box *b, const char *sql) {
  if (b->url) {
    const char *text = box_remote_sql(b, sql);
    return !text ? 0 : *text == 't' ? 1 : strtoll(text, NULL, 10);
  }
  sqlite3 *db = open_beside(b);
  sqlite3_stmt *s = first_row(db, sql);
  int64_t n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return n;
}

char *box_sql_text(struct box *b, const char *sql) {
  if (b->url) return box_remote_sql(b, sql);
  sqlite3 *db = open_beside(b);
  sqlite3_stmt *s = first_row(db, sql);
  char *text = mem_strdup(b->ctx, (const char *)sqlite3_column_text(s, 0));
  sqlite3_finalize(s);
  sqlite3_close(db);
  return text;
}

char *box_plan(struct box *b, enum query query) {
  sqlite3 *db = open_beside(b);
  sqlite3_stmt *s = first_row(db, mem_printf(b->ctx, "EXPLAIN QUERY PLAN %s", query_texts[query].sqlite));
  char *plan = mem_strdup(b->ctx, "");
  do plan = mem_printf(b->ctx, "%s%s; ", plan, (const char *)sqlite3_column_text(s, 3));
  while (sqlite3_step(s) == SQLITE_ROW);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return plan;
}

void box_sql_do(struct box *b, const char *sql) {
  if (b->url) {
    (void)box_remote_sql(b, sql);
    return;
  }
  sqlite3 *db = open_beside(b);
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
  sqlite3_close(db);
}

/* ---- conversations ---- */

struct message_in box_message(const char *customer, const char *id, const char *text) {
  return (struct message_in){
      .ext_id = id,
      .created_at = 1763640000,
      .customer_id = customer,
      .sender = {.type = PARTY_HUMAN, .id = customer, .name = "John Doe"},
      .text = text,
  };
}

struct receiving {
  const struct registry *registry;
  const struct channel *channel;
  const struct message_in *message;
  int64_t now_ms;
  enum conversation_result result;
};

static enum job_result receive(struct db *tx, void *arg) {
  struct receiving *r = arg;
  r->result = conversation_receive(tx, r->registry, r->channel, r->message, r->now_ms);
  return r->result == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}

enum conversation_result box_receive(struct box *b, const struct channel *channel, const struct message_in *m,
                                     int64_t now_ms) {
  struct receiving r = {.registry = box_registry(b), .channel = channel, .message = m, .now_ms = now_ms};
  box_run(b, receive, &r, STORE_OK);
  return r.result;
}

struct interaction box_interaction(struct box *b, const struct channel *channel, const char *customer) {
  struct interaction list[64];
  struct db *db = store_read_begin(b->store);
  int n = interaction_list_customer(db, b->ctx, channel->instance_id, channel->id, customer, 0, list, 64);
  assert_false(db_failed(db));
  store_read_end(b->store, db);
  assert_true(n > 0);
  return list[n - 1];
}

void box_wait(atomic_int *value, int wanted) {
  for (int ms = 0; atomic_load(value) < wanted; ms++) {
    if (ms > WAIT_MS) fail_msg("%d instead of %d after %d ms", atomic_load(value), wanted, WAIT_MS);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

int box_run_tests(const struct CMUnitTest *tests, size_t count) {
  struct CMUnitTest *kept = mem_array(NULL, struct CMUnitTest, count);
  size_t n = 0;
  for (size_t i = 0; i < count; i++)
    if (!box_is_remote() || tests[i].setup_func != box_setup_sqlite) kept[n++] = tests[i];
  int failed = _cmocka_run_group_tests("tests", kept, n, NULL, NULL);
  mem_free(kept);
  return failed;
}
