/* One connection: the outcomes of a statement, values that come back as they went, ids that rise over restarts;
 * readers' connections that break and are renewed in many threads. */
#include "box.h"

#include "../unit/base/capture.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

#include <pthread.h>

static enum job_result run_outcomes(struct db *tx, void *arg) {
  (void)arg;
  struct db_rows rows;
  bool ok = db_exec(tx, Q_INSTANCE_INSERT, v_int(7), v_text("Seven"), v_int(1)) == DB_OK;
  ok = ok && db_exec(tx, Q_INSTANCE_INSERT, v_int(8), v_text("Seven"), v_int(1)) == DB_CONFLICT;
  ok = ok && db_exec(tx, Q_INSTANCE_INSERT, v_int(7), v_text("Eight"), v_int(1)) == DB_CONFLICT;
  ok = ok && db_exec(tx, Q_SERVICE_INSERT, v_int(9), v_int(999), v_text("S"), v_int(1), v_int(1)) == DB_NONE;
  ok = ok && db_exec(tx, Q_AGENT_ENABLE, v_int(999), v_int(1), v_int(0)) == DB_NONE;
  ok = ok && !db_failed(tx);
  db_open(tx, &rows, Q_META_GET, v_text("no such key"));
  ok = ok && !db_next(&rows) && !db_next(&rows);
  db_close(&rows);
  db_close(&rows);
  ok = ok && db_int(tx, Q_META_GET, -3, v_text("no such key")) == -3;
  return ok ? JOB_COMMIT : JOB_REJECT;
}

static void outcomes_of_statements(void **state) {
  struct box *b = *state;
  box_run(b, run_outcomes, NULL, STORE_OK);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM instance"), 2);
  assert_string_equal(box_sql_text(b, "SELECT name FROM instance WHERE id = 7"), "Seven");
}

struct value {
  struct db_value v;
  bool is_null;
};

static enum job_result run_values(struct db *tx, void *arg) {
  const struct box *b = arg;
  /* PostgreSQL takes no NUL in a text; neither does anything that we store as one. */
  const char *text = b->url ? "a b\xc3\xa9" : "a\0b\xc3\xa9";
  struct db_rows rows;
  size_t len = 0;
  bool ok = db_exec(tx, Q_META_SET, v_text("t"), v_textn(text, 5)) == DB_OK &&
            db_exec(tx, Q_META_SET, v_text("e"), v_text("")) == DB_OK;
  db_open(tx, &rows, Q_META_GET, v_text("t"));
  ok = ok && db_next(&rows) && memcmp(col_text(&rows, 0, &len), text, 5) == 0 && len == 5;
  char *copy = col_dup(&rows, 0, NULL);
  ok = ok && memcmp(copy, text, 6) == 0; /* with a NUL behind it */
  mem_free(copy);
  db_close(&rows);
  db_open(tx, &rows, Q_META_GET, v_text("e"));
  ok = ok && db_next(&rows) && !col_is_null(&rows, 0) && col_text(&rows, 0, &len)[0] == 0 && len == 0;
  db_close(&rows);
  /* Empty bytes are not NULL; NULL is. */
  ok = ok && db_exec(tx, Q_ATTACHMENT_CHUNK_INSERT, v_int(1), v_int(0), v_bytes("", 0)) == DB_OK;
  db_open(tx, &rows, Q_ATTACHMENT_CHUNK_GET, v_int(1), v_int(0));
  ok = ok && db_next(&rows) && !col_is_null(&rows, 0);
  (void)col_bytes(&rows, 0, &len);
  ok = ok && len == 0;
  db_close(&rows);
  ok = ok && v_text(NULL).kind == DBV_NULL && v_textn(NULL, 5).kind == DBV_NULL && v_bytes(NULL, 5).kind == DBV_NULL;
  int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1};
  for (size_t i = 0; ok && i < ARRAY_LEN(extremes); i++)
    ok = db_exec(tx, Q_ATTACHMENT_CHUNK_INSERT, v_int(extremes[i]), v_int(7), v_bytes("x", 1)) == DB_OK;
  return ok ? JOB_COMMIT : JOB_REJECT;
}

static void values_come_back_as_they_went(void **state) {
  struct box *b = *state;
  box_run(b, run_values, b, STORE_OK);
  assert_int_equal(box_sql(b, "SELECT min(attachment_id) = -9223372036854775807 - 1 AND "
                              "max(attachment_id) = 9223372036854775807 FROM attachment_chunk"),
                   1);
}

/* Ids go on above what is stored, also when the clock has gone back. */
static void ids_rise_over_restarts(void **state) {
  struct box *b = *state;
  clock_fake(NOW + INT64_C(86400000));
  int64_t high = id_next();
  char sql[200];
  snprintf(sql, sizeof sql, "INSERT INTO note VALUES (%lld, 1, 1, 1, 'a', 'b', 1)", (long long)high);
  box_sql_do(b, sql);
  box_close(b);
  clock_fake(NOW);
  box_open(b, STORE_SERVE);
  assert_true(id_next() > high);
}

/* However readers come and go, nobody is given one that another still has. */
enum { BREAKERS = 8 };
static _Atomic(struct db *) held[BREAKERS];
static atomic_int wrong;
static struct box *broken_in;

static void *break_readers(void *arg) {
  const int self = *(int *)arg;
  for (int i = 0; i < 100; i++) {
    struct db *db = store_read_begin(broken_in->store);
    atomic_store(&held[self], db);
    for (int k = 0; k < BREAKERS; k++) wrong += k != self && atomic_load(&held[k]) == db;
    /* A reader that is told to write has failed for good. */
    if ((i + self) % 2) wrong += db_exec(db, Q_META_SET, v_text("a"), v_text("x")) != DB_FAILED;
    atomic_store(&held[self], NULL);
    store_read_end(broken_in->store, db);
  }
  return NULL;
}

static void broken_readers_of_many_threads(void **state) {
  pthread_t threads[BREAKERS];
  int numbers[BREAKERS];
  struct capture c;
  broken_in = *state;
  capture_start(&c);
  for (int i = 0; i < BREAKERS; i++) {
    numbers[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, break_readers, &numbers[i]), 0);
  }
  for (int i = 0; i < BREAKERS; i++) pthread_join(threads[i], NULL);
  capture_end(&c);
  assert_int_equal(atomic_load(&wrong), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(outcomes_of_statements),
      TEST(values_come_back_as_they_went),
      TEST(ids_rise_over_restarts),
      TEST(broken_readers_of_many_threads),
  };
  return BOX_RUN(tests);
}
