/* Retry keys: a message sent again is stored once, wherever its key is by then: in the same transaction, in memory, in
 * the table, in the log alone; after crashes and with other processes. What is only alike is stored. */
#include "box.h"
#include "second.h"

#include "base/mem.h"
#include "store/late.h"
#include "store/retry.h"

#define SWEEP_AT  40
#define CUSTOMERS 5
#define IDS       60
#define SECONDS   4

static const struct channel *channel_of(struct box *b) {
  return &box_registry(b)->channels[0];
}

static void open_small(struct box *b) {
  b->sweep_at = SWEEP_AT;
  box_open(b, STORE_SERVE);
}

static int setup(void **state) {
  struct box *b = box_new();
  if (!store_create(b->dir, "Test", b->err)) fail_msg("%s", b->err);
  b->instance_id = 1;
  open_small(b);
  box_channel(b, "c");
  *state = b;
  return 0;
}

/* ---- messages by number, out of CUSTOMERS x IDS x SECONDS ---- */

#define KINDS (CUSTOMERS * IDS * SECONDS)

static struct message_in message_number(void *ctx, int n) {
  struct message_in m =
      box_message(mem_printf(ctx, "c%d", n % CUSTOMERS), mem_printf(ctx, "m%d", n / CUSTOMERS % IDS), "Hello");
  m.created_at = 1763640000 + n / CUSTOMERS / IDS;
  return m;
}

struct several {
  const struct registry *registry;
  const int *numbers;
  int count;
  bool reject;
};

static enum job_result receive_all(struct db *tx, void *arg) {
  const struct several *s = arg;
  void *pool = mem_pool(NULL, 4096);
  bool ok = true;
  for (int i = 0; ok && i < s->count; i++) {
    struct message_in m = message_number(pool, s->numbers[i]);
    ok = conversation_receive(tx, s->registry, &s->registry->channels[0], &m, NOW) == CONVERSATION_OK;
  }
  mem_free(pool);
  return ok && !s->reject ? JOB_COMMIT : JOB_REJECT;
}

static void receive(struct box *b, const int *numbers, int count) {
  struct several s = {.registry = box_registry(b), .numbers = numbers, .count = count};
  box_run(b, receive_all, &s, STORE_OK);
}

static void stored_once_each(struct box *b, const bool *sent) {
  int count = 0;
  for (int i = 0; i < KINDS; i++) count += sent[i];
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), count);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM (SELECT DISTINCT customer_id, ext_id, created_at FROM message)"),
                   count);
}

static void a_random_history(void **state) {
  struct box *b = *state;
  bool sent[KINDS] = {false};
  int numbers[8];
  srand(3);
  for (int round = 0; round < 500; round++) {
    struct several s = {
        .registry = box_registry(b), .numbers = numbers, .count = 1 + rand() % 8, .reject = rand() % 9 == 0};
    for (int i = 0; i < s.count; i++) numbers[i] = rand() % 3 ? rand() % KINDS : rand() % 50;
    box_run(b, receive_all, &s, s.reject ? STORE_REJECT : STORE_OK);
    for (int i = 0; i < s.count && !s.reject; i++) sent[numbers[i]] = true;
    if (round % 25 == 0) stored_once_each(b, sent);
    if (round % 120 == 119) {
      box_close(b);
      open_small(b);
    }
  }
  stored_once_each(b, sent);
  assert_true(box_sql(b, "SELECT count(*) FROM retry_key") > KINDS / 2);
}

static void twice_in_one_request(void **state) {
  struct box *b = *state;
  receive(b, (const int[]){1, 1, 2, 1, 2}, 5); /* a customer we did not know */
  receive(b, (const int[]){1, 7, 7, 1}, 4);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 3);
}

/* A job that is undone has stored nothing, so what it brought is new when it comes again. */
static void undone_and_sent_again(void **state) {
  struct box *b = *state;
  struct several s = {.registry = box_registry(b), .numbers = (const int[]){1, 2, 3}, .count = 3, .reject = true};
  receive(b, (const int[]){9}, 1);
  for (int i = 0; i < 100; i++) box_run(b, receive_all, &s, STORE_REJECT);
  s.reject = false;
  box_run(b, receive_all, &s, STORE_OK);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 4);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event WHERE kind = 10"), 4);
}

/* ---- found by the hash, told apart by the message ---- */

static enum job_result remember_wrongly(struct db *tx, void *arg) {
  const int64_t *customer_and_message = arg;
  retry_remember(tx, customer_and_message[0], "m1", 1763640000, customer_and_message[1]);
  return JOB_COMMIT;
}

static void equal_hashes_of_different_messages(void **state) {
  struct box *b = *state;
  receive(b, (const int[]){0}, 1); /* customer c0, id m0 */
  int64_t ids[] = {box_sql(b, "SELECT id FROM customer"), box_sql(b, "SELECT id FROM message")};
  box_run(b, remember_wrongly, ids, STORE_OK); /* as if c0's m1 had the hash of m0 */
  receive(b, (const int[]){CUSTOMERS}, 1);     /* c0, m1: is stored all the same */
  receive(b, (const int[]){CUSTOMERS, 0}, 2);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 2);
  box_close(b);
  char sql[200];
  snprintf(sql, sizeof sql, "INSERT INTO retry_key VALUES (1763640000, %lld, %lld)",
           (long long)retry_hash(ids[0], "m2", 2), (long long)ids[1]);
  box_sql_do(b, sql);
  open_small(b);
  receive(b, (const int[]){2 * CUSTOMERS}, 1);
  receive(b, (const int[]){2 * CUSTOMERS}, 1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 3);
}

/* On disk: another hash would forget all that is stored. */
static void the_hash_never_changes(void **state) {
  (void)state;
  assert_int_equal(retry_hash(1, "001", 3), retry_hash(1, "001", 3));
  assert_int_not_equal(retry_hash(1, "001", 3), retry_hash(2, "001", 3));
  assert_int_not_equal(retry_hash(1, "001", 3), retry_hash(1, "002", 3));
  assert_int_equal(retry_hash(INT64_C(0x0102030405060708), "0a1b", 4), INT64_C(-8894123575146815057));
}

static void long_ids_that_differ_at_their_end(void **state) {
  struct box *b = *state;
  const struct channel *channel = channel_of(b);
  char *id = mem_bytes(b->ctx, 2001);
  memset(id, 'x', 2000);
  for (int round = 0; round < 2; round++)
    for (char last = 'a'; last <= 'e'; last++) {
      id[1999] = last;
      id[2000] = 0;
      struct message_in m = box_message("c", id, "Hello");
      assert_int_equal(box_receive(b, channel, &m, NOW), CONVERSATION_OK);
    }
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 5);
}

/* A partner whose clock is far ahead, then behind. */
static void any_clock(void **state) {
  struct box *b = *state;
  const struct channel *channel = channel_of(b);
  static const int64_t clocks[] = {1763640000, 99999999999, 0, 1763640000, -5, 1763650000};
  for (int round = 0; round < 60; round++)
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
      char id[16];
      snprintf(id, sizeof id, "%d", round % 20);
      struct message_in m = box_message("c", id, "Hello");
      m.created_at = clocks[i];
      assert_int_equal(box_receive(b, channel, &m, NOW), CONVERSATION_OK);
    }
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 20 * 5);
}

/* ---- crashes and other processes ---- */

static void receive_range(struct box *b, int from, int count) {
  for (int i = 0; i < count; i++) receive(b, (const int[]){from + i}, 1);
}

static void crashes(void **state) {
  struct box *b = *state;
  bool sent[KINDS] = {false};
  box_close(b);
  for (int round = 0; round < 12; round++) {
    int from = round * 60, status = -1;
    pid_t pid = fork();
    if (pid == 0) {
      open_small(b);
      receive_range(b, from, 20 + 11 * round);
      _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (int i = 0; i < 20 + 11 * round; i++) sent[from + i] = true;
    stored_once_each(b, sent);
  }
  open_small(b);
  for (int i = 0; i < KINDS; i++)
    if (sent[i]) receive_range(b, i, 1);
  stored_once_each(b, sent);
}

static void step_receive(struct box *b) {
  receive_range(b, 100, 60);
}
static void step_again(struct box *b) {
  receive_range(b, 0, 300);
}

static void messages_of_other_processes(void **state) {
  struct box *b = *state;
  static void (*const steps[])(struct box *) = {step_receive, step_again};
  bool sent[KINDS] = {false};
  struct second s;
  for (int i = 0; i < 300; i++) sent[i] = true;
  box_close(b);
  second_start(&s, b, steps);
  open_small(b);
  receive_range(b, 0, 120);
  second_step(&s, 0); /* some of ours, some new */
  receive_range(b, 90, 210);
  stored_once_each(b, sent);
  second_step(&s, 1);
  stored_once_each(b, sent);
  receive_range(b, 0, 300);
  stored_once_each(b, sent);
  second_end(&s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_random_history),
      TEST(twice_in_one_request),
      TEST(undone_and_sent_again),
      TEST(equal_hashes_of_different_messages),
      cmocka_unit_test(the_hash_never_changes),
      TEST(long_ids_that_differ_at_their_end),
      TEST(any_clock),
      TEST(crashes),
      TEST(messages_of_other_processes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
