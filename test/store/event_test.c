/* The event log: numbers by instance without gaps, reading from a place on, remembered answers of Idempotency-Keys. */
#include "box.h"

#include "base/mem.h"

static enum job_result append(struct db *tx, void *arg) {
  const struct event *e = arg; /* number: the instance's id */
  return event_append(tx, e->number, e) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static void add(struct box *b, int64_t instance_id, struct event e) {
  e.number = instance_id;
  box_run(b, append, &e, STORE_OK);
}

static int after(struct box *b, int64_t instance_id, int64_t from, struct event *out, int max) {
  struct db *db = store_read_begin(b->store);
  int n = event_after(db, b->ctx, instance_id, from, out, max);
  assert_false(db_failed(db));
  store_read_end(b->store, db);
  return n;
}

static int of_interaction(struct box *b, int64_t instance_id, int64_t interaction_id, int64_t from, struct event *out,
                          int max) {
  struct db *db = store_read_begin(b->store);
  int n = event_of_interaction(db, b->ctx, instance_id, interaction_id, from, out, max);
  store_read_end(b->store, db);
  return n;
}

static int64_t last(struct box *b, int64_t instance_id) {
  struct db *db = store_read_begin(b->store);
  int64_t n = event_last(db, instance_id);
  store_read_end(b->store, db);
  return n;
}

static void every_field_comes_back(void **state) {
  struct box *b = *state;
  struct event out[3];
  assert_int_equal(last(b, 1), 0);
  assert_int_equal(after(b, 1, 0, out, 3), 0);
  add(b, 1,
      (struct event){.at = NOW,
                     .kind = EVENT_MESSAGE_SENT,
                     .interaction_id = INT64_MAX,
                     .ref_id = 7,
                     .agent_id = 3,
                     .data = "{\"by\":\"é\"}"});
  add(b, 1, (struct event){.at = NOW + 1, .kind = EVENT_INTERACTION_CLOSED});
  assert_int_equal(after(b, 1, 0, out, 3), 2);
  assert_int_equal(out[0].number, 1);
  assert_int_equal(out[0].at, NOW);
  assert_int_equal(out[0].kind, EVENT_MESSAGE_SENT);
  assert_int_equal(out[0].interaction_id, INT64_MAX);
  assert_int_equal(out[0].ref_id, 7);
  assert_int_equal(out[0].agent_id, 3);
  assert_string_equal(out[0].data, "{\"by\":\"é\"}");
  assert_int_equal(out[1].number, 2);
  assert_null(out[1].data);
  assert_int_equal(last(b, 1), 2);
}

static void each_instance_has_its_own_numbers(void **state) {
  struct box *b = *state;
  struct event out[10];
  for (int i = 0; i < 5; i++) {
    add(b, 1, (struct event){.kind = EVENT_NOTE_ADDED, .ref_id = 100 + i});
    add(b, 2, (struct event){.kind = EVENT_NOTE_ADDED, .ref_id = 200 + i});
    if (i < 2) add(b, 3, (struct event){.kind = EVENT_NOTE_ADDED, .ref_id = 300 + i});
  }
  static const int counts[] = {0, 5, 5, 2, 0};
  for (int64_t id = 1; id <= 4; id++) {
    int n = after(b, id, 0, out, 10);
    assert_int_equal(n, counts[id]);
    assert_int_equal(last(b, id), counts[id]);
    for (int i = 0; i < n; i++) {
      assert_int_equal(out[i].number, i + 1);
      assert_int_equal(out[i].ref_id, 100 * id + i);
    }
  }
}

static void from_a_place_on_and_no_more_than_asked(void **state) {
  struct box *b = *state;
  struct event out[20];
  for (int i = 0; i < 20; i++)
    add(b, 1, (struct event){.kind = EVENT_NOTE_ADDED, .ref_id = i, .interaction_id = i % 2});
  assert_int_equal(after(b, 1, 17, out, 20), 3);
  assert_int_equal(out[0].number, 18);
  assert_int_equal(after(b, 1, 20, out, 20), 0);
  assert_int_equal(after(b, 1, 5000, out, 20), 0);
  assert_int_equal(after(b, 1, (INT64_C(1) << EVENT_NUMBER_BITS) - 1, out, 20), 0); /* not the next instance's */
  assert_int_equal(after(b, 1, 3, out, 4), 4);
  assert_int_equal(out[0].number, 4);
  assert_int_equal(out[3].number, 7);
  assert_int_equal(of_interaction(b, 1, 1, 0, out, 20), 10);
  assert_int_equal(out[9].number, 20);
  assert_int_equal(of_interaction(b, 1, 1, 14, out, 2), 2);
  assert_int_equal(out[0].number, 16);
  assert_int_equal(of_interaction(b, 1, 99, 0, out, 20), 0);
}

/* ---- Idempotency-Key ---- */

struct answer {
  int64_t instance_id, at;
  const char *caller, *key, *body;
  enum db_result wanted;
};

static enum job_result remember(struct db *tx, void *arg) {
  const struct answer *a = arg;
  enum db_result r =
      db_exec(tx, Q_IDEMPOTENCY_INSERT, v_int(a->instance_id), v_text(a->caller), v_text(a->key),
              v_bytes("0123456789abcdef0123456789abcdef", 32), v_int(201), v_text(a->body), v_int(a->at));
  return r == a->wanted ? JOB_COMMIT : JOB_REJECT;
}

static char *recall(struct box *b, int64_t instance_id, const char *caller, const char *key) {
  struct db_rows rows;
  char *body = NULL;
  struct db *db = store_read_begin(b->store);
  db_open(db, &rows, Q_IDEMPOTENCY_GET, v_int(instance_id), v_text(caller), v_text(key));
  if (db_next(&rows)) {
    size_t len;
    assert_memory_equal(col_bytes(&rows, 0, &len), "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(len, 32);
    assert_int_equal(col_int(&rows, 1), 201);
    body = col_dup(&rows, 2, b->ctx);
  }
  db_close(&rows);
  store_read_end(b->store, db);
  return body;
}

static enum job_result expire(struct db *tx, void *arg) {
  return db_exec(tx, Q_IDEMPOTENCY_EXPIRE, v_int(*(const int64_t *)arg)) == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static void answers_are_remembered_by_instance_caller_and_key(void **state) {
  struct box *b = *state;
  struct answer answers[] = {
      {1, NOW, "agent:1", "k", "one", DB_OK},      {1, NOW, "agent:1", "k", "again", DB_CONFLICT},
      {1, NOW, "token:1", "k", "two", DB_OK},      {2, NOW, "agent:1", "k", "three", DB_OK},
      {1, NOW + 1, "agent:1", "K", "four", DB_OK},
  };
  for (size_t i = 0; i < ARRAY_LEN(answers); i++) box_run(b, remember, &answers[i], STORE_OK);
  assert_string_equal(recall(b, 1, "agent:1", "k"), "one");
  assert_string_equal(recall(b, 1, "token:1", "k"), "two");
  assert_string_equal(recall(b, 2, "agent:1", "k"), "three");
  assert_string_equal(recall(b, 1, "agent:1", "K"), "four");
  assert_null(recall(b, 2, "token:1", "k"));
  assert_null(recall(b, 1, "agent:2", "k"));
  int64_t before = NOW + 1;
  box_run(b, expire, &before, STORE_OK);
  assert_null(recall(b, 1, "agent:1", "k"));
  assert_string_equal(recall(b, 1, "agent:1", "K"), "four");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(every_field_comes_back),
      TEST(each_instance_has_its_own_numbers),
      TEST(from_a_place_on_and_no_more_than_asked),
      TEST(answers_are_remembered_by_instance_caller_and_key),
  };
  return BOX_RUN(tests);
}
