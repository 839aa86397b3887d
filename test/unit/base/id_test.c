/* id: rising always, over threads, over clocks that stand or go back, over restarts; the outside form. */
#include "base/id.h"

#include "base/clock.h"
#include "base/secret.h"

#include "capture.h"

#include <pthread.h>

#define NOW 1795183500123

static int setup(void **state) {
  (void)state;
  clock_fake(NOW);
  id_init(3, 0);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  clock_unfake();
  return 0;
}

static void carries_time_and_node(void **state) {
  (void)state;
  int64_t id = id_next();
  assert_int_equal(id_time_ms(id), NOW);
  assert_int_equal(id >> 16 & 31, 3);
  assert_int_equal(id & 0xFFFF, 0);
  assert_int_equal(id_next(), id + 1);
}

static void rises_when_the_clock_goes_back(void **state) {
  (void)state;
  int64_t before = id_next();
  clock_fake(NOW - 3600000);
  int64_t after = id_next();
  assert_true(after > before);
  clock_fake(-5); /* before 2020, even before 1970 */
  assert_true(id_next() > after);
  clock_fake(NOW + 10);
  assert_int_equal(id_time_ms(id_next()), NOW + 10);
}

static void a_full_millisecond_borrows_from_the_next(void **state) {
  (void)state;
  int64_t last = id_next();
  for (int i = 0; i < 200000; i++) {
    int64_t id = id_next();
    assert_true(id > last);
    assert_int_equal(id >> 16 & 31, 3);
    last = id;
  }
  assert_int_equal(id_time_ms(last), NOW + 3);
}

static void starts_above_the_floor(void **state) {
  (void)state;
  clock_fake(NOW + 86400000);
  id_init(31, 0);
  int64_t floor = id_next();
  clock_fake(NOW);
  static const int nodes[] = {0, 31};
  for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
    id_init(nodes[i], floor);
    assert_true(id_next() > floor);
  }
}

static void is_63_bits(void **state) {
  (void)state;
  clock_fake(INT64_C(1577836800000) + (INT64_C(1) << 42) - 1); /* the last millisecond, in the year 2159 */
  id_init(31, 0);
  int64_t id = id_next();
  assert_true(id > 0);
  assert_int_equal(id, INT64_MAX - 0xFFFF);
}

enum { THREADS = 4, PER_THREAD = 50000 };
static int64_t made[THREADS][PER_THREAD];

static void *make_ids(void *arg) {
  int64_t *mine = arg;
  for (int i = 0; i < PER_THREAD; i++) mine[i] = id_next();
  return NULL;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void unique_and_rising_over_threads(void **state) {
  (void)state;
  clock_unfake();
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) assert_int_equal(pthread_create(&threads[t], NULL, make_ids, made[t]), 0);
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
  for (int t = 0; t < THREADS; t++) {
    for (int i = 1; i < PER_THREAD; i++) assert_true(made[t][i] > made[t][i - 1]);
  }
  int64_t *all = &made[0][0];
  qsort(all, THREADS * PER_THREAD, sizeof *all, compare);
  for (int i = 1; i < THREADS * PER_THREAD; i++) assert_true(all[i] != all[i - 1]);
}

static void outside_form(void **state) {
  (void)state;
  static const struct {
    int64_t instance, id;
    const char *hex;
  } cases[] = {
      {0, 0, "000000000000000000000000"},
      {1, 0x1234567890abcdef, "000000011234567890abcdef"},
      {0xFFFFFFFF, INT64_MAX, "ffffffff7fffffffffffffff"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char hex[ID_HEX_LEN];
    int64_t instance = -1;
    int64_t id = -1;
    assert_string_equal(id_format(cases[i].instance, cases[i].id, hex), cases[i].hex);
    assert_true(id_parse(hex, &instance, &id));
    assert_int_equal(instance, cases[i].instance);
    assert_int_equal(id, cases[i].id);
  }
}

static void refused_forms(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "",
      "0",
      "00000001000000000000001",
      "0000000100000000000000011",
      "00000001000000000000000g",
      "0x0000010000000000000001",
      " 00000100000000000000001",
      "000000010000000000000001 ",
      "00000001-000000000000001",
      "000000018000000000000000", /* would be negative */
      "00000001ffffffffffffffff",
      "00000001000000000000\xc3\xa9\xc3\xa9",
  };
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    int64_t instance = -7;
    int64_t id = -7;
    assert_false(id_parse(wrong[i], &instance, &id));
    assert_int_equal(instance, -7);
    assert_int_equal(id, -7);
  }
}

static void random_names(void **state) {
  (void)state;
  secret_init();
  char a[33];
  char b[33];
  id_random_hex(16, a);
  id_random_hex(16, b);
  assert_int_equal(strlen(a), 32);
  assert_int_equal(strspn(a, "0123456789abcdef"), 32);
  assert_string_not_equal(a, b);
  char one[3];
  id_random_hex(1, one);
  assert_int_equal(strlen(one), 2);
}

#define ID_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ID_TEST(carries_time_and_node),
      ID_TEST(rises_when_the_clock_goes_back),
      ID_TEST(a_full_millisecond_borrows_from_the_next),
      ID_TEST(starts_above_the_floor),
      ID_TEST(is_63_bits),
      ID_TEST(unique_and_rising_over_threads),
      ID_TEST(outside_form),
      ID_TEST(refused_forms),
      ID_TEST(random_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
