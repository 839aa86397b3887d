/* Outcomes while the store is full or down. The store is a double: it takes, refuses and answers as the test says. */
#include "jobs/settle.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define JOBS 5

static bool takes = true;
static struct store_job *taken[JOBS];
static int taken_count, done_count;
static struct settle jobs[JOBS];
static struct settler *s;

bool store_submit(struct store *store, struct store_job *job) {
  (void)store;
  if (!takes || taken_count == JOBS) return false;
  taken[taken_count++] = job;
  return true;
}

static void answer_all(enum store_result result) {
  int n = taken_count;
  taken_count = 0;
  for (int i = 0; i < n; i++) taken[i]->done(taken[i]->arg, result);
}

static enum job_result run(struct db *tx, void *arg) {
  (void)tx, (void)arg;
  return JOB_COMMIT;
}

static void done(void *arg) {
  assert_ptr_equal(arg, &jobs[done_count]);
  done_count++;
}

static void wake(void *arg) {
  (void)arg;
}

static int setup(void **state) {
  (void)state;
  mem_init();
  takes = true;
  taken_count = done_count = 0;
  s = settler_new(NULL, wake, NULL);
  for (int i = 0; i < JOBS; i++) jobs[i] = (struct settle){.run = run, .done = done, .arg = &jobs[i]};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  assert_true(settler_free(s));
  return 0;
}

static void submit_all(void) {
  for (int i = 0; i < JOBS; i++) settler_submit(s, &jobs[i]);
}

static const enum store_result failures[] = {STORE_FULL, STORE_DOWN};

static void a_full_or_broken_store_is_tried_again_every_second(void **state) {
  (void)state;
  submit_all();
  int64_t now = 0;
  for (size_t i = 0; i < ARRAY_LEN(failures); i++, now += 1000000) {
    assert_int_equal(settler_in_store(s), JOBS);
    answer_all(failures[i]);
    settler_turn(s, now);
    assert_int_equal(done_count, 0);
    assert_int_equal(settler_in_store(s), 0);
    assert_true(settler_refused(s));
    assert_true(settler_trouble(s));
    assert_int_equal(settler_wait_us(s, now, 60000000), 1000000);
    settler_turn(s, now + 999999);
    assert_int_equal(taken_count, 0);
    settler_turn(s, now + 1000000);
  }
  assert_int_equal(taken_count, JOBS);
  answer_all(STORE_OK);
  settler_turn(s, now);
  assert_int_equal(done_count, JOBS);
  assert_false(settler_refused(s));
  assert_false(settler_trouble(s));
  assert_int_equal(settler_wait_us(s, now, 60000000), 60000000);
}

static void a_full_queue_keeps_the_order(void **state) {
  (void)state;
  settler_submit(s, &jobs[0]);
  takes = false;
  for (int i = 1; i < JOBS - 1; i++) settler_submit(s, &jobs[i]);
  takes = true;
  settler_submit(s, &jobs[JOBS - 1]); /* does not overtake */
  assert_int_equal(taken_count, 1);
  assert_true(settler_refused(s));
  assert_false(settler_trouble(s));
  takes = false;
  settler_turn(s, 1);
  assert_int_equal(settler_wait_us(s, 1, 60000000), 10000);
  takes = true;
  settler_turn(s, 10001);
  assert_int_equal(taken_count, JOBS);
  answer_all(STORE_OK);
  settler_turn(s, 10001);
  assert_int_equal(done_count, JOBS);
}

static void what_the_job_itself_rejected_is_done(void **state) {
  (void)state;
  submit_all();
  answer_all(STORE_REJECT);
  settler_turn(s, 0);
  assert_int_equal(done_count, JOBS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_full_or_broken_store_is_tried_again_every_second),
      T(a_full_queue_keeps_the_order),
      T(what_the_job_itself_rejected_is_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
