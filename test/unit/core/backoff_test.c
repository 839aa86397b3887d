/* Waits between attempts: doubling, ceiling, jitter, what the other side asked for. */
#include "core/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
  int attempts;
  int64_t first, max, retry_after;
  uint32_t random;
  int64_t want;
} cases[] = {
    {1, 1000, 900000, 0, 0, 1000},
    {2, 1000, 900000, 0, 0, 2000},
    {3, 1000, 900000, 0, 0, 4000},
    {10, 1000, 900000, 0, 0, 512000},
    {11, 1000, 900000, 0, 0, 900000},
    {1000000, 1000, 900000, 0, 0, 900000},
    {1, 1000, 900000, 0, UINT32_MAX, 801},
    {1, 1000, 900000, 0, UINT32_C(1) << 31, 900},
    {11, 1000, 900000, 0, UINT32_C(1) << 31, 810000},
    {1, 1000, 900000, 30000, 7, 30000},
    {1, 1000, 900000, 500, 0, 1000},
    {1, 1000, 900000, 90000000, 0, 900000},
    {4, 1000, 900000, 1, 0, 8000},
    {0, 1000, 900000, 0, 0, 1000},
    {3, 5000, 2000, 0, 0, 2000},
    {60, INT64_C(1) << 40, INT64_MAX, 0, 0, INT64_MAX},
};

static void waits_are_as_in_the_table(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int64_t got = backoff_ms(cases[i].attempts, cases[i].first, cases[i].max, cases[i].retry_after, cases[i].random);
    if (got != cases[i].want) fail_msg("row %zu: %lld, want %lld", i, (long long)got, (long long)cases[i].want);
  }
}

static void jitter_takes_off_at_most_a_fifth(void **state) {
  (void)state;
  for (uint32_t random = 0; random < UINT32_MAX - 10000000; random += 9999999) {
    int64_t got = backoff_ms(5, 1000, 900000, 0, random);
    assert_true(got > 12800 - 1 && got <= 16000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(waits_are_as_in_the_table),
      cmocka_unit_test(jitter_takes_off_at_most_a_fifth),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
