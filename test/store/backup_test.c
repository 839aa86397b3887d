/* A copy of the store while others write: one moment of it, whole, without starting again, readable for its owner. */
#include "box.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS 40

struct block {
  int number;
};

/* A row of 128 KiB, and an event whose number must be the same as the count of rows. */
static enum job_result run_block(struct db *tx, void *arg) {
  static char bytes[1 << 17];
  const struct block *k = arg;
  memset(bytes, k->number, sizeof bytes);
  bool ok = db_exec(tx, Q_ATTACHMENT_CHUNK_INSERT, v_int(1), v_int(k->number), v_bytes(bytes, sizeof bytes)) == DB_OK &&
            event_append(tx, 1, &(struct event){.at = NOW, .kind = EVENT_NOTE_ADDED}) == DB_OK;
  return ok ? JOB_COMMIT : JOB_REJECT;
}

static void write_block(struct box *b, int number) {
  struct block k = {number};
  box_run(b, run_block, &k, STORE_OK);
}

struct watch {
  struct box *b;
  int calls, next;
  int64_t last_done;
};

/* Between two pieces of the copy somebody commits. */
static void write_between(void *arg, int64_t done, int64_t total) {
  struct watch *w = arg;
  w->calls++;
  assert_true(total > 0 && done <= total);
  assert_true(done > w->last_done); /* it never begins again */
  w->last_done = done;
  if (w->calls < 200) write_block(w->b, w->next++);
}

static int64_t in_copy(const char *file, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *s = NULL;
  assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  int64_t n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return n;
}

static void one_moment_while_others_write(void **state) {
  struct box *b = *state;
  const char *copy = box_path(b, "copy");
  for (int k = 0; k < ROWS; k++) write_block(b, k);
  struct watch w = {.b = b, .next = ROWS};
  if (!store_backup(b->store, copy, write_between, &w, b->err)) fail_msg("%s", b->err);
  assert_true(w.calls > 2);
  assert_true(w.calls < 100);
  assert_true(w.next > ROWS);
  assert_int_equal(in_copy(copy, "SELECT count(*) FROM attachment_chunk"), ROWS);
  assert_int_equal(in_copy(copy, "SELECT count(*) FROM event"), ROWS);
  assert_int_equal(in_copy(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), w.next); /* nobody was held up */
  struct db *db = store_read_begin(b->store);                         /* the reader was given back */
  assert_int_equal(event_last(db, 1), w.next);
  store_read_end(b->store, db);
}

static void of_a_tool_beside_a_server(void **state) {
  struct box *b = *state;
  const char *copy = box_path(b, "copy");
  write_block(b, 1);
  struct store *tool = box_try(b, STORE_TOOL, 0);
  assert_non_null(tool);
  if (!store_backup(tool, copy, NULL, NULL, b->err)) fail_msg("%s", b->err);
  store_close(tool);
  assert_int_equal(in_copy(copy, "SELECT count(*) FROM attachment_chunk"), 1);
}

static void for_its_owner_alone(void **state) {
  struct box *b = *state;
  const char *copy = box_path(b, "copy");
  struct stat st;
  umask(0);
  assert_true(store_backup(b->store, copy, NULL, NULL, b->err));
  umask(022);
  assert_int_equal(stat(copy, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static void where_it_cannot_be(void **state) {
  struct box *b = *state;
  assert_false(store_backup(b->store, "/proc/no/such/folder", NULL, NULL, b->err));
  assert_non_null(strstr(b->err, "cannot copy the store to /proc/no/such/folder"));
  assert_false(store_backup(b->store, b->dir, NULL, NULL, b->err));
  assert_non_null(strstr(b->err, "cannot copy the store to"));
  write_block(b, 1); /* the store itself is well */
}

/* The copy is a store: with its key it opens and goes on. */
static void it_opens_with_its_key(void **state) {
  struct box *b = *state, *restored = box_new();
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("c", "1", "a");
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_int_equal(mkdir(restored->dir, 0700), 0);
  assert_true(store_backup(b->store, box_path(restored, "guichet.db"), NULL, NULL, b->err));
  assert_int_equal(link(box_path(b, "master.key"), box_path(restored, "master.key")), 0);
  char *secret = mem_strdup(restored, c->secret);
  int64_t id = c->id;
  box_close(b);
  box_open(restored, STORE_SERVE);
  const struct channel *again = registry_channel(box_registry(restored), id);
  assert_string_equal(again->secret, secret);
  assert_int_equal(box_receive(restored, again, &m, NOW), CONVERSATION_OK); /* known: stored once */
  assert_int_equal(box_sql(restored, "SELECT count(*) FROM message"), 1);
  box_free(restored);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(one_moment_while_others_write), TEST(of_a_tool_beside_a_server),
      TEST(for_its_owner_alone),           TEST(where_it_cannot_be),
      TEST(it_opens_with_its_key),
  };
  return BOX_RUN(tests);
}
