/* Brakes and rates on times of our own: what is free, how waits grow, what is forgotten, what makes room. */
#include "auth/brake.h"

#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0 INT64_C(1763640300000)

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  talloc_free(*state);
  return 0;
}

/* ---- brakes ---- */

static void fail_times(struct brake *b, const char *key, int n, int64_t at) {
  for (int i = 0; i < n; i++) brake_failed(b, key, at);
}

static void the_first_failures_are_free_then_waits_double(void **state) {
  struct brake *b = brake_new(*state, 3, 1000, 60000, 10);
  static const int64_t waits[] = {0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  int64_t now = T0;
  assert_int_equal(brake_wait_ms(b, "k", now), 0);
  for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
    brake_failed(b, "k", now);
    assert_int_equal(brake_wait_ms(b, "k", now), waits[i]);
    now += waits[i];
    assert_int_equal(brake_wait_ms(b, "k", now - 1), waits[i] ? 1 : 0);
    assert_int_equal(brake_wait_ms(b, "k", now), 0);
  }
}

/* However many failures: no shift runs out of its bits. */
static void a_thousand_failures_wait_no_longer_than_the_longest(void **state) {
  struct brake *b = brake_new(*state, 0, 1000, 900000, 10);
  for (int i = 0; i < 1000; i++) {
    brake_failed(b, "k", T0);
    int64_t wait = brake_wait_ms(b, "k", T0);
    assert_true(wait >= 1000 && wait <= 900000);
  }
  assert_int_equal(brake_wait_ms(b, "k", T0), 900000);
}

static void success_forgets_and_only_its_own_key(void **state) {
  struct brake *b = brake_new(*state, 1, 1000, 60000, 10);
  fail_times(b, "a", 5, T0);
  fail_times(b, "b", 5, T0);
  brake_passed(b, "a");
  brake_passed(b, "never seen");
  assert_int_equal(brake_wait_ms(b, "a", T0), 0);
  assert_int_equal(brake_wait_ms(b, "b", T0), 8000);
  brake_failed(b, "a", T0);
  assert_int_equal(brake_wait_ms(b, "a", T0), 0);
}

static void a_quiet_day_forgets(void **state) {
  struct brake *b = brake_new(*state, 1, 1000, 60000, 10);
  fail_times(b, "k", 9, T0);
  brake_failed(b, "k", T0 + 86400000); /* a day to the millisecond: not yet */
  assert_int_equal(brake_wait_ms(b, "k", T0 + 86400000), 60000);
  brake_failed(b, "k", T0 + 2 * INT64_C(86400000) + 1);
  assert_int_equal(brake_wait_ms(b, "k", T0 + 2 * INT64_C(86400000) + 1), 0);
}

static void the_key_idle_longest_makes_room(void **state) {
  struct brake *b = brake_new(*state, 0, 1000, 60000, 3);
  brake_failed(b, "a", T0);
  brake_failed(b, "b", T0);
  brake_failed(b, "c", T0);
  brake_failed(b, "a", T0); /* a is young again */
  brake_failed(b, "d", T0);
  assert_int_equal(brake_wait_ms(b, "a", T0), 2000);
  assert_int_equal(brake_wait_ms(b, "b", T0), 0);
  assert_int_equal(brake_wait_ms(b, "c", T0), 1000);
  assert_int_equal(brake_wait_ms(b, "d", T0), 1000);
}

static void keys_of_any_length(void **state) {
  struct brake *b = brake_new(*state, 0, 1000, 60000, 10);
  char key[1000];
  memset(key, 'x', sizeof key);
  key[999] = 0;
  brake_failed(b, key, T0);
  brake_failed(b, "", T0);
  assert_int_equal(brake_wait_ms(b, key, T0), 1000);
  assert_int_equal(brake_wait_ms(b, "", T0), 1000);
  brake_passed(b, key);
  assert_int_equal(brake_wait_ms(b, key, T0), 0);
}

/* ---- rates ---- */

static void a_burst_then_the_average(void **state) {
  struct rate *r = rate_new(*state, 10);
  for (int i = 0; i < 100; i++) assert_int_equal(rate_take(r, 1, 600, 100, T0), 0);
  assert_int_equal(rate_take(r, 1, 600, 100, T0), 100);
  assert_int_equal(rate_take(r, 1, 600, 100, T0 + 99), 1);
  assert_int_equal(rate_take(r, 1, 600, 100, T0 + 100), 0);
  assert_int_equal(rate_take(r, 1, 600, 100, T0 + 100), 100);
  assert_int_equal(rate_take(r, 2, 600, 100, T0 + 100), 0); /* another key has its own */
}

/* Asking every millisecond must not starve the bucket by rounding, for any rate. */
static void asking_all_the_time_gets_the_average(void **state) {
  static const int64_t rates[] = {1, 7, 30, 59, 60, 100, 600, 50000};
  for (size_t k = 0; k < ARRAY_LEN(rates); k++) {
    struct rate *r = rate_new(*state, 10);
    int64_t taken = 0;
    for (int i = 0; i < 2; i++) assert_int_equal(rate_take(r, 1, rates[k], 2, T0), 0);
    for (int64_t ms = 1; ms <= 600000; ms++) taken += rate_take(r, 1, rates[k], 2, T0 + ms) == 0;
    assert_int_equal(taken, rates[k] * 10);
    talloc_free(r);
  }
}

/* Whoever waits as long as was said gets through, and not a millisecond earlier. */
static void the_wait_is_exact(void **state) {
  static const int64_t rates[] = {1, 7, 60, 601, 60000, 60001, 100000000};
  for (size_t k = 0; k < ARRAY_LEN(rates); k++) {
    struct rate *r = rate_new(*state, 10);
    int64_t now = T0;
    for (int i = 0; i < 20; i++) {
      while (rate_take(r, 1, rates[k], 1, now) == 0) continue;
      int64_t wait = rate_take(r, 1, rates[k], 1, now);
      assert_true(wait > 0);
      if (wait > 1) assert_int_equal(rate_take(r, 1, rates[k], 1, now + wait - 1), 1);
      now += wait;
      assert_int_equal(rate_take(r, 1, rates[k], 1, now), 0);
    }
    talloc_free(r);
  }
}

static void a_long_pause_fills_the_bucket_and_no_more(void **state) {
  struct rate *r = rate_new(*state, 10);
  for (int i = 0; i < 5; i++) assert_int_equal(rate_take(r, 1, 100000000, 5, T0), 0);
  int64_t later = T0 + INT64_C(315360000000);
  for (int i = 0; i < 5; i++) assert_int_equal(rate_take(r, 1, 100000000, 5, later), 0);
  assert_true(rate_take(r, 1, 100000000, 5, later) > 0);
  assert_true(rate_take(r, 1, 100000000, 5, T0) > 0); /* a clock that goes back gives nothing */
}

static void the_bucket_idle_longest_makes_room(void **state) {
  struct rate *r = rate_new(*state, 2);
  assert_int_equal(rate_take(r, 1, 60, 1, T0), 0);
  assert_int_equal(rate_take(r, 2, 60, 1, T0), 0);
  assert_true(rate_take(r, 1, 60, 1, T0) > 0); /* used: young again */
  assert_int_equal(rate_take(r, 3, 60, 1, T0), 0);
  assert_true(rate_take(r, 1, 60, 1, T0) > 0);
  assert_int_equal(rate_take(r, 2, 60, 1, T0), 0); /* had gone: begins anew */
}

/* ---- threads ---- */

struct crowd {
  struct brake *brake;
  struct rate *rate;
  int taken;
};

static void *one_of_many(void *arg) {
  struct crowd *c = arg;
  char key[32];
  for (int i = 0; i < 2000; i++) {
    snprintf(key, sizeof key, "k%d", i % 40);
    brake_failed(c->brake, key, T0);
    (void)!brake_wait_ms(c->brake, key, T0);
    if (i % 7 == 0) brake_passed(c->brake, key);
    if (rate_take(c->rate, 1, 60, 1000, T0) == 0) __atomic_add_fetch(&c->taken, 1, __ATOMIC_RELAXED);
    (void)!rate_take(c->rate, 2 + i % 40, 60, 10, T0);
  }
  return NULL;
}

static void many_threads(void **state) {
  struct crowd c = {.brake = brake_new(*state, 1, 1000, 60000, 20), .rate = rate_new(*state, 100)};
  pthread_t threads[4];
  for (size_t i = 0; i < ARRAY_LEN(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, &c), 0);
  for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
  assert_int_equal(c.taken, 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_first_failures_are_free_then_waits_double, setup, teardown),
      cmocka_unit_test_setup_teardown(a_thousand_failures_wait_no_longer_than_the_longest, setup, teardown),
      cmocka_unit_test_setup_teardown(success_forgets_and_only_its_own_key, setup, teardown),
      cmocka_unit_test_setup_teardown(a_quiet_day_forgets, setup, teardown),
      cmocka_unit_test_setup_teardown(the_key_idle_longest_makes_room, setup, teardown),
      cmocka_unit_test_setup_teardown(keys_of_any_length, setup, teardown),
      cmocka_unit_test_setup_teardown(a_burst_then_the_average, setup, teardown),
      cmocka_unit_test_setup_teardown(asking_all_the_time_gets_the_average, setup, teardown),
      cmocka_unit_test_setup_teardown(the_wait_is_exact, setup, teardown),
      cmocka_unit_test_setup_teardown(a_long_pause_fills_the_bucket_and_no_more, setup, teardown),
      cmocka_unit_test_setup_teardown(the_bucket_idle_longest_makes_room, setup, teardown),
      cmocka_unit_test_setup_teardown(many_threads, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
