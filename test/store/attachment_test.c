/* Files: bytes in chunks come back as they went in, at every offset; fetching, failing, retrieving. */
#include "box.h"

#include "base/id.h"
#include "base/mem.h"

struct inserting {
  struct attachment a;
  const void *bytes;
  size_t size;
};
static enum job_result run_insert(struct db *tx, void *arg) {
  struct inserting *i = arg;
  return attachment_insert(tx, &i->a, i->bytes, i->size, NOW) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static struct inserting file(struct box *b, const void *bytes, size_t size) {
  char *uid = mem_bytes(b->ctx, ATTACHMENT_UID_LEN);
  id_random_hex(16, uid);
  return (struct inserting){.a = {.id = id_next(),
                                  .instance_id = 1,
                                  .channel_id = 2,
                                  .interaction_id = 3,
                                  .message_id = 4,
                                  .direction = MESSAGE_OUT,
                                  .uid = uid,
                                  .ext_id = "e",
                                  .name = "n",
                                  .mime_type = "text/plain",
                                  .found_type = "text/html"},
                            .bytes = bytes,
                            .size = size};
}

static ssize_t read_at(struct box *b, int64_t id, int64_t offset, char *out, size_t max) {
  struct db *db = store_read_begin(b->store);
  ssize_t n = attachment_read(db, id, offset, out, max);
  store_read_end(b->store, db);
  return n;
}

static void bytes_come_back_at_every_offset(void **state) {
  struct box *b = *state;
  static const size_t sizes[] = {0,
                                 1,
                                 ATTACHMENT_CHUNK - 1,
                                 ATTACHMENT_CHUNK,
                                 ATTACHMENT_CHUNK + 1,
                                 3 * ATTACHMENT_CHUNK,
                                 3 * ATTACHMENT_CHUNK + 4567};
  static const size_t steps[] = {1000, 4096, ATTACHMENT_CHUNK, 1 << 20};
  size_t most = 3 * ATTACHMENT_CHUNK + 4567;
  char *bytes = mem_bytes(b->ctx, most), *back = mem_bytes(b->ctx, most + (1 << 20));
  random_bytes(bytes, most);
  for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
    struct inserting i = file(b, bytes, sizes[k]);
    box_run(b, run_insert, &i, STORE_OK);
    for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
      size_t at = 0;
      for (ssize_t n; (n = read_at(b, i.a.id, (int64_t)at, back + at, steps[s])) > 0;) {
        assert_true((size_t)n <= steps[s]);
        at += (size_t)n;
      }
      assert_int_equal(at, sizes[k]);
      assert_memory_equal(back, bytes, at);
    }
    for (size_t at = 0; at < sizes[k]; at += 9973) {
      char c;
      assert_int_equal(read_at(b, i.a.id, (int64_t)at, &c, 1), 1);
      assert_int_equal(c, bytes[at]);
    }
  }
}

static void a_hole_is_an_error_not_an_end(void **state) {
  struct box *b = *state;
  char *bytes = mem_bytes(b->ctx, 3 * ATTACHMENT_CHUNK), c[8];
  memset(bytes, 7, 3 * ATTACHMENT_CHUNK);
  struct inserting i = file(b, bytes, 3 * ATTACHMENT_CHUNK);
  box_run(b, run_insert, &i, STORE_OK);
  box_sql_do(b, "DELETE FROM attachment_chunk WHERE n = 1");
  assert_int_equal(read_at(b, i.a.id, 0, c, 8), 8);
  assert_int_equal(read_at(b, i.a.id, ATTACHMENT_CHUNK + 5, c, 8), -1);
  assert_int_equal(read_at(b, i.a.id, 2 * ATTACHMENT_CHUNK, c, 8), 8);
}

static void found_by_id_and_uid_within_the_instance(void **state) {
  struct box *b = *state;
  struct inserting i = file(b, "abc", 3);
  box_run(b, run_insert, &i, STORE_OK);
  struct attachment a = {0};
  struct db *db = store_read_begin(b->store);
  assert_true(attachment_get(db, b->ctx, 1, i.a.id, &a));
  assert_string_equal(a.uid, i.a.uid);
  assert_int_equal(a.instance_id, 1);
  assert_int_equal(a.channel_id, 2);
  assert_int_equal(a.interaction_id, 3);
  assert_int_equal(a.message_id, 4);
  assert_int_equal(a.direction, MESSAGE_OUT);
  assert_string_equal(a.mime_type, "text/plain");
  assert_string_equal(a.found_type, "text/html");
  assert_int_equal(a.size, 3);
  assert_int_equal(a.state, ATTACHMENT_STORED);
  assert_null(a.url);
  assert_int_equal(a.created_at, NOW);
  assert_int_equal(a.retrieved_at, 0);
  assert_true(attachment_by_uid(db, b->ctx, 1, i.a.uid, &a));
  assert_int_equal(a.id, i.a.id);
  assert_false(attachment_get(db, b->ctx, 2, i.a.id, &a));
  assert_false(attachment_by_uid(db, b->ctx, 2, i.a.uid, &a));
  assert_false(attachment_by_uid(db, b->ctx, 1, "0123456789abcdef0123456789abcdef", &a));
  assert_false(attachment_by_uid(db, b->ctx, 1, "", &a));
  assert_int_equal(attachment_of_message(db, b->ctx, 1, 4, &a, 1), 1);
  assert_int_equal(attachment_of_message(db, b->ctx, 2, 4, &a, 1), 0);
  store_read_end(b->store, db);
}

static void words(void **state) {
  (void)state;
  assert_string_equal(attachment_state_word(ATTACHMENT_STORED), "stored");
  assert_string_equal(attachment_state_word(ATTACHMENT_TO_FETCH), "pending");
  assert_string_equal(attachment_state_word(ATTACHMENT_FAILED), "failed");
}

/* ---- retrieved once ---- */

struct settling {
  struct attachment a;
  int64_t now_ms;
  enum db_result result;
};
static enum job_result run_retrieved(struct db *tx, void *arg) {
  struct settling *s = arg;
  s->result = attachment_set_retrieved(tx, &s->a, s->now_ms);
  return s->result == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static void the_first_complete_download_counts(void **state) {
  struct box *b = *state;
  struct inserting i = file(b, "abc", 3);
  box_run(b, run_insert, &i, STORE_OK);
  struct settling s = {.a = i.a, .now_ms = NOW + 1};
  box_run(b, run_retrieved, &s, STORE_OK);
  assert_int_equal(s.result, DB_OK);
  s.now_ms = NOW + 2;
  box_run(b, run_retrieved, &s, STORE_OK);
  assert_int_equal(s.result, DB_NONE);
  assert_int_equal(box_sql(b, "SELECT retrieved_at FROM attachment"), NOW + 1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event WHERE kind = 42"), 1);
  assert_int_equal(
      box_sql(b, "SELECT interaction_id * 10 + (SELECT count(*) FROM attachment WHERE id = ref_id) FROM event"), 31);
}

/* ---- to be fetched ---- */

struct fetching {
  struct attachment_fetch f;
  bool failed, final;
  int64_t next_at;
  enum db_result result;
};
static enum job_result run_fetch(struct db *tx, void *arg) {
  struct fetching *f = arg;
  f->result = f->failed ? attachment_fetch_failed(tx, &f->f, f->final, f->next_at, "no route", NOW)
                        : attachment_fetched(tx, &f->f, "fetched!", 8, "image/png", NOW);
  return f->result == DB_FAILED ? JOB_REJECT : JOB_COMMIT;
}

static int due(struct box *b, struct attachment_fetch *out, int max) {
  struct db *db = store_read_begin(b->store);
  int n = attachment_to_fetch(db, b->ctx, out, max);
  store_read_end(b->store, db);
  return n;
}

static struct attachment now_of(struct box *b, int64_t id) {
  struct attachment a;
  struct db *db = store_read_begin(b->store);
  assert_true(attachment_get(db, b->ctx, 1, id, &a));
  store_read_end(b->store, db);
  return a;
}

static void fetched_after_failures(void **state) {
  struct box *b = *state;
  struct attachment_fetch out[5];
  struct inserting stored = file(b, "abc", 3), wanted = file(b, NULL, 0);
  wanted.a.url = "https://h/f.png";
  wanted.a.found_type = "";
  box_run(b, run_insert, &stored, STORE_OK);
  box_run(b, run_insert, &wanted, STORE_OK);
  assert_int_equal(due(b, out, 5), 1);
  assert_int_equal(out[0].id, wanted.a.id);
  assert_int_equal(out[0].instance_id, 1);
  assert_int_equal(out[0].channel_id, 2);
  assert_int_equal(out[0].interaction_id, 3);
  assert_int_equal(out[0].message_id, 4);
  assert_string_equal(out[0].url, "https://h/f.png");
  assert_int_equal(out[0].attempts, 0);
  struct fetching f = {.f = out[0], .failed = true, .next_at = NOW + 777};
  box_run(b, run_fetch, &f, STORE_OK);
  assert_int_equal(due(b, out, 5), 1);
  assert_int_equal(out[0].attempts, 1);
  assert_int_equal(out[0].next_at, NOW + 777);
  assert_string_equal(now_of(b, wanted.a.id).last_error, "no route");
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 0); /* not final: nobody is bothered */
  f.failed = false;
  box_run(b, run_fetch, &f, STORE_OK);
  assert_int_equal(f.result, DB_OK);
  struct attachment a = now_of(b, wanted.a.id);
  assert_int_equal(a.state, ATTACHMENT_STORED);
  assert_int_equal(a.size, 8);
  assert_string_equal(a.found_type, "image/png");
  assert_null(a.last_error);
  char bytes[8];
  assert_int_equal(read_at(b, a.id, 0, bytes, 8), 8);
  assert_memory_equal(bytes, "fetched!", 8);
  assert_int_equal(due(b, out, 5), 0);
  assert_int_equal(box_sql(b, "SELECT kind FROM event"), EVENT_FILE_FETCHED);
  /* A second outcome for the same file changes nothing: another process, or a retry of the commit. */
  box_run(b, run_fetch, &f, STORE_OK);
  assert_int_equal(f.result, DB_NONE);
  f.failed = f.final = true;
  box_run(b, run_fetch, &f, STORE_OK);
  assert_int_equal(f.result, DB_NONE);
  assert_int_equal(now_of(b, a.id).state, ATTACHMENT_STORED);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 1);
}

static void given_up(void **state) {
  struct box *b = *state;
  struct attachment_fetch out[5];
  struct inserting wanted = file(b, NULL, 0);
  wanted.a.url = "https://h/f.png";
  box_run(b, run_insert, &wanted, STORE_OK);
  assert_int_equal(due(b, out, 5), 1);
  struct fetching f = {.f = out[0], .failed = true, .final = true};
  box_run(b, run_fetch, &f, STORE_OK);
  assert_int_equal(due(b, out, 5), 0);
  assert_int_equal(now_of(b, wanted.a.id).state, ATTACHMENT_FAILED);
  assert_int_equal(box_sql(b, "SELECT kind FROM event"), EVENT_FILE_FAILED);
}

static void due_ones_come_by_time(void **state) {
  struct box *b = *state;
  struct attachment_fetch out[5];
  for (int k = 0; k < 5; k++) {
    struct inserting w = file(b, NULL, 0);
    w.a.url = "https://h/";
    box_run(b, run_insert, &w, STORE_OK);
    struct fetching f = {.f = {.id = w.a.id, .instance_id = 1}, .failed = true, .next_at = NOW + (k * 7) % 5};
    box_run(b, run_fetch, &f, STORE_OK);
  }
  assert_int_equal(due(b, out, 3), 3);
  for (int k = 0; k < 3; k++) assert_int_equal(out[k].next_at, NOW + k);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(bytes_come_back_at_every_offset),
      TEST(a_hole_is_an_error_not_an_end),
      TEST(found_by_id_and_uid_within_the_instance),
      cmocka_unit_test(words),
      TEST(the_first_complete_download_counts),
      TEST(fetched_after_failures),
      TEST(given_up),
      TEST(due_ones_come_by_time),
  };
  return BOX_RUN(tests);
}
