/* The outbox: a delivery's whole life, its events, what settles once only, replay, and what people see of it. */
#include "box.h"

#include "base/id.h"
#include "base/mem.h"

enum step { INSERT, DELIVERED, FAILED, PARKED, PARKED_BY_CLOCK, REPLAY };

struct doing {
  enum step step;
  struct delivery d;
  int64_t instance_id, now_ms, next_at;
  int status;
  const char *error;
  enum db_result result;
};

static enum job_result run_step(struct db *tx, void *arg) {
  struct doing *s = arg;
  switch (s->step) {
  case INSERT: s->result = delivery_insert(tx, &s->d); break;
  case DELIVERED: s->result = delivery_settle_delivered(tx, &s->d, s->status, s->now_ms); break;
  case FAILED: s->result = delivery_settle_failed(tx, &s->d, s->status, s->error, s->next_at, s->now_ms); break;
  case PARKED: s->result = delivery_settle_parked(tx, &s->d, true, s->status, s->error, s->now_ms); break;
  case PARKED_BY_CLOCK: s->result = delivery_settle_parked(tx, &s->d, false, 0, s->error, s->now_ms); break;
  case REPLAY: s->result = delivery_replay(tx, s->instance_id, s->d.id, s->now_ms, s->next_at); break;
  }
  return s->result == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static enum db_result step(struct box *b, struct doing s) {
  box_run(b, run_step, &s, STORE_OK);
  return s.result;
}

static struct delivery made(struct box *b, int64_t instance_id, int64_t channel_id, const char *payload) {
  struct doing s = {.step = INSERT,
                    .d = {.id = id_next(),
                          .instance_id = instance_id,
                          .channel_id = channel_id,
                          .customer_id = 5,
                          .interaction_id = 6,
                          .created_at = NOW,
                          .deadline_at = NOW + 1000,
                          .payload = payload,
                          .payload_len = strlen(payload)}};
  assert_int_equal(step(b, s), DB_OK);
  return s.d;
}

static struct delivery now_of(struct box *b, int64_t instance_id, int64_t id) {
  struct delivery d = {0};
  struct db *db = store_read_begin(b->store);
  bool found = delivery_get(db, b->ctx, instance_id, id, &d);
  store_read_end(b->store, db);
  if (!found) d.id = 0;
  return d;
}

static int pending(struct box *b, int64_t channel_id, int64_t after, struct delivery *out, int max) {
  struct db *db = store_read_begin(b->store);
  int n = delivery_pending(db, channel_id, after, out, max);
  store_read_end(b->store, db);
  return n;
}

static void pending_until_delivered(void **state) {
  struct box *b = *state;
  struct delivery d = made(b, 1, 2, "{\"id\":1}"), out[3];
  assert_int_equal(pending(b, 2, 0, out, 3), 1);
  assert_int_equal(out[0].id, d.id);
  assert_int_equal(out[0].instance_id, 1);
  assert_int_equal(out[0].channel_id, 2);
  assert_int_equal(out[0].customer_id, 5);
  assert_int_equal(out[0].interaction_id, 6);
  assert_int_equal(out[0].attempts, 0);
  assert_int_equal(out[0].created_at, NOW);
  assert_int_equal(out[0].next_at, NOW);
  assert_int_equal(out[0].deadline_at, NOW + 1000);
  assert_int_equal(step(b, (struct doing){.step = DELIVERED, .d = d, .status = 200, .now_ms = NOW + 9}), DB_OK);
  assert_int_equal(pending(b, 2, 0, out, 3), 0);
  struct delivery now = now_of(b, 1, d.id);
  assert_int_equal(now.state, DELIVERY_DELIVERED);
  assert_int_equal(now.attempts, 1);
  assert_int_equal(now.settled_at, NOW + 9);
  assert_int_equal(now.last_status, 200);
  assert_null(now.last_error);
  assert_string_equal(box_sql_text(b, "SELECT kind || data FROM event"), "30{\"attempts\":1,\"status\":200}");
  assert_int_equal(box_sql(b, "SELECT interaction_id FROM event"), 6);
}

static void failures_are_counted_and_told_once(void **state) {
  struct box *b = *state;
  struct delivery d = made(b, 1, 2, "x");
  for (int k = 0; k < 3; k++) {
    d.attempts = k;
    assert_int_equal(step(b, (struct doing){.step = FAILED,
                                            .d = d,
                                            .status = 500 + k,
                                            .error = mem_printf(b->ctx, "\"error\" %d", k),
                                            .next_at = NOW + 100 * k,
                                            .now_ms = NOW + k}),
                     DB_OK);
    struct delivery now = now_of(b, 1, d.id);
    assert_int_equal(now.state, DELIVERY_PENDING);
    assert_int_equal(now.attempts, k + 1);
    assert_int_equal(now.next_at, NOW + 100 * k);
    assert_int_equal(now.last_status, 500 + k);
    assert_string_equal(now.last_error, mem_printf(b->ctx, "\"error\" %d", k));
  }
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 1);
  assert_string_equal(box_sql_text(b, "SELECT kind || data FROM event"),
                      "31{\"attempts\":1,\"status\":500,\"error\":\"\\\"error\\\" 0\"}");
}

static void the_bytes_never_change(void **state) {
  struct box *b = *state;
  static const char bytes[] = "{\"a\":\"\xc3\xa9\"}\0 and behind";
  struct doing s = {.step = INSERT, .d = {.id = id_next(), .instance_id = 1, .channel_id = 2}};
  s.d.payload = bytes;
  s.d.payload_len = sizeof bytes;
  assert_int_equal(step(b, s), DB_OK);
  step(b, (struct doing){.step = FAILED, .d = s.d, .error = "x", .now_ms = NOW});
  step(b, (struct doing){.step = PARKED, .d = s.d, .error = "x", .now_ms = NOW});
  step(b, (struct doing){.step = REPLAY, .d = s.d, .instance_id = 1, .now_ms = NOW});
  size_t len = 0;
  struct db *db = store_read_begin(b->store);
  const void *payload = delivery_payload(db, b->ctx, s.d.id, &len);
  assert_int_equal(len, sizeof bytes);
  assert_memory_equal(payload, bytes, len);
  len = 77;
  assert_null(delivery_payload(db, b->ctx, 12345, &len));
  assert_false(db_failed(db));
  store_read_end(b->store, db);
  /* Who asks how it goes is spared them. */
  assert_null(now_of(b, 1, s.d.id).payload);
}

static void parked_and_replayed(void **state) {
  struct box *b = *state;
  struct delivery d = made(b, 1, 2, "x"), out[3];
  assert_int_equal(step(b, (struct doing){.step = REPLAY, .d = d, .instance_id = 1, .now_ms = NOW}),
                   DB_NONE); /* not settled */
  assert_int_equal(step(b, (struct doing){.step = PARKED, .d = d, .status = 410, .error = "gone", .now_ms = NOW + 5}),
                   DB_OK);
  struct delivery now = now_of(b, 1, d.id);
  assert_int_equal(now.state, DELIVERY_PARKED);
  assert_int_equal(now.settled_at, NOW + 5);
  assert_int_equal(now.last_status, 410);
  assert_string_equal(now.last_error, "gone");
  assert_int_equal(pending(b, 2, 0, out, 3), 0);
  /* Another instance cannot replay it. */
  assert_int_equal(step(b, (struct doing){.step = REPLAY, .d = d, .instance_id = 2, .now_ms = NOW}), DB_NONE);
  assert_int_equal(step(b, (struct doing){.step = REPLAY, .d = {.id = 999}, .instance_id = 1, .now_ms = NOW}), DB_NONE);
  assert_int_equal(
      step(b, (struct doing){.step = REPLAY, .d = d, .instance_id = 1, .now_ms = NOW + 10, .next_at = NOW + 5000}),
      DB_OK);
  now = now_of(b, 1, d.id);
  assert_int_equal(now.state, DELIVERY_PENDING);
  assert_int_equal(now.attempts, 0);
  assert_int_equal(now.next_at, NOW + 10);
  assert_int_equal(now.deadline_at, NOW + 5000);
  assert_int_equal(now.settled_at, 0);
  assert_int_equal(pending(b, 2, 0, out, 3), 1);
  /* What was delivered can be sent again too. */
  step(b, (struct doing){.step = DELIVERED, .d = d, .status = 200, .now_ms = NOW});
  assert_int_equal(step(b, (struct doing){.step = REPLAY, .d = d, .instance_id = 1, .now_ms = NOW}), DB_OK);
  assert_int_equal(box_sql(b, b->url ? "SELECT string_agg(CAST(kind AS TEXT), '' ORDER BY seq) FROM event"
                                     : "SELECT group_concat(kind, '') FROM event"),
                   32333033);
}

static void parked_by_the_clock_keeps_what_came_last(void **state) {
  struct box *b = *state;
  struct delivery d = made(b, 1, 2, "x"), never = made(b, 1, 2, "y");
  step(b, (struct doing){.step = FAILED, .d = d, .status = 503, .error = "busy", .now_ms = NOW});
  d.attempts = 1;
  assert_int_equal(step(b, (struct doing){.step = PARKED_BY_CLOCK, .d = d, .error = "too late", .now_ms = NOW + 5}),
                   DB_OK);
  struct delivery now = now_of(b, 1, d.id);
  assert_int_equal(now.state, DELIVERY_PARKED);
  assert_int_equal(now.attempts, 1);
  assert_int_equal(now.last_status, 503);
  assert_string_equal(now.last_error, "busy");
  assert_int_equal(step(b, (struct doing){.step = PARKED_BY_CLOCK, .d = never, .error = "too late", .now_ms = NOW}),
                   DB_OK);
  now = now_of(b, 1, never.id);
  assert_int_equal(now.attempts, 0);
  assert_int_equal(now.last_status, 0);
  assert_string_equal(now.last_error, "too late");
}

/* An outcome that comes twice, or after another one, changes nothing and tells nothing. */
static void settled_once(void **state) {
  struct box *b = *state;
  static const enum step steps[] = {DELIVERED, FAILED, PARKED, PARKED_BY_CLOCK};
  for (int first = 0; first < 2; first++) {
    struct delivery d = made(b, 1, 2, "x");
    assert_int_equal(
        step(b, (struct doing){.step = first ? PARKED : DELIVERED, .d = d, .status = 200, .error = "e", .now_ms = NOW}),
        DB_OK);
    int64_t events = box_sql(b, "SELECT count(*) FROM event");
    for (size_t k = 0; k < ARRAY_LEN(steps); k++)
      assert_int_equal(
          step(b, (struct doing){.step = steps[k], .d = d, .status = 500, .error = "late", .now_ms = NOW + 9}),
          DB_NONE);
    assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), events);
    assert_int_equal(now_of(b, 1, d.id).state, first ? DELIVERY_PARKED : DELIVERY_DELIVERED);
    assert_int_equal(now_of(b, 1, d.id).last_status, 200);
  }
}

static void pages_by_channel_in_order(void **state) {
  struct box *b = *state;
  struct delivery out[30];
  int64_t ids[20], channels[5];
  for (int k = 0; k < 20; k++) ids[k] = made(b, 1 + k % 2, 10 + k % 2, "x").id;
  assert_int_equal(pending(b, 10, 0, out, 30), 10);
  for (int k = 0; k < 10; k++) assert_int_equal(out[k].id, ids[2 * k]);
  assert_int_equal(pending(b, 10, ids[8], out, 3), 3);
  assert_int_equal(out[0].id, ids[10]);
  assert_int_equal(pending(b, 12, 0, out, 3), 0);
  struct db *db = store_read_begin(b->store);
  assert_int_equal(delivery_pending_channels(db, channels, 5), 2);
  assert_int_equal(channels[0] + channels[1], 21);
  assert_int_equal(delivery_pending_channels(db, channels, 1), 1);
  store_read_end(b->store, db);
}

static void what_people_see_is_their_instances(void **state) {
  struct box *b = *state;
  struct delivery out[10];
  struct delivery one = made(b, 1, 2, "x"), two = made(b, 2, 3, "y");
  made(b, 1, 2, "z");
  step(b, (struct doing){.step = PARKED, .d = one, .error = "e", .now_ms = NOW});
  assert_int_equal(now_of(b, 2, one.id).id, 0);
  assert_int_equal(now_of(b, 1, two.id).id, 0);
  int64_t oldest = -1;
  struct db *db = store_read_begin(b->store);
  assert_int_equal(delivery_list(db, b->ctx, 1, DELIVERY_PENDING, 0, out, 10), 1);
  assert_int_equal(delivery_list(db, b->ctx, 1, DELIVERY_PARKED, 0, out, 10), 1);
  assert_int_equal(out[0].id, one.id);
  assert_string_equal(out[0].last_error, "e");
  assert_int_equal(delivery_list(db, b->ctx, 1, DELIVERY_PARKED, one.id, out, 10), 0);
  assert_int_equal(delivery_list(db, b->ctx, 2, DELIVERY_PENDING, 0, out, 10), 1);
  assert_int_equal(out[0].id, two.id);
  assert_int_equal(delivery_list(db, b->ctx, 2, DELIVERY_DELIVERED, 0, out, 10), 0);
  assert_int_equal(delivery_count(db, 1, DELIVERY_PENDING, &oldest), 1);
  assert_int_equal(oldest, NOW);
  assert_int_equal(delivery_count(db, 2, DELIVERY_PARKED, &oldest), 0);
  assert_int_equal(oldest, 0);
  store_read_end(b->store, db);
}

static void words(void **state) {
  (void)state;
  static const char *const all[] = {"pending", "delivered", "parked"};
  for (int k = 0; k < 3; k++) {
    enum delivery_state s = DELIVERY_PENDING;
    assert_string_equal(delivery_state_word((enum delivery_state)k), all[k]);
    assert_true(delivery_state_parse(all[k], &s));
    assert_int_equal(s, k);
  }
  enum delivery_state kept = DELIVERY_PARKED;
  assert_false(delivery_state_parse("Pending", &kept));
  assert_false(delivery_state_parse("", &kept));
  assert_int_equal(kept, DELIVERY_PARKED);
  assert_string_equal(delivery_state_word((enum delivery_state)9), "unknown");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(pending_until_delivered),   TEST(failures_are_counted_and_told_once),       TEST(the_bytes_never_change),
      TEST(parked_and_replayed),       TEST(parked_by_the_clock_keeps_what_came_last), TEST(settled_once),
      TEST(pages_by_channel_in_order), TEST(what_people_see_is_their_instances),       cmocka_unit_test(words),
  };
  return BOX_RUN(tests);
}
