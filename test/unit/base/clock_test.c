/* clock: RFC 3339 texts, and clocks that stand when faked. */
#include "base/clock.h"

#include "capture.h"

#include <time.h>

static void texts(void **state) {
  (void)state;
  static const struct {
    int64_t ms;
    const char *text;
  } cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1, "1970-01-01T00:00:00.001Z"},
      {951782399999, "2000-02-28T23:59:59.999Z"},
      {951782400000, "2000-02-29T00:00:00.000Z"},
      {951868800000, "2000-03-01T00:00:00.000Z"},
      {1795183500123, "2026-11-20T14:05:00.123Z"},
      {4107542400000, "2100-03-01T00:00:00.000Z"}, /* no leap day in 2100 */
      {4107542399999, "2100-02-28T23:59:59.999Z"},
      {253402300799999, "9999-12-31T23:59:59.999Z"},
      {253402300800000, "9999-12-31T23:59:59.999Z"},
      {INT64_MAX, "9999-12-31T23:59:59.999Z"},
      {-1, "1970-01-01T00:00:00.000Z"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[CLOCK_RFC3339_LEN];
    assert_ptr_equal(clock_rfc3339(cases[i].ms, text), text);
    assert_string_equal(text, cases[i].text);
  }
}

static void times_that_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms;
  } good[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01", 0},
      {"2026-11-20T14:05:00.123Z", 1795183500123},
      {"2026-11-20T14:05:00.1239999Z", 1795183500123},
      {"2026-11-20t15:05:00.123+01:00", 1795183500123},
      {"2026-11-20 08:35:00.123-05:30", 1795183500123},
      {"2000-02-29T00:00:00z", 951782400000},
      {"2026-11-20", 1795132800000},
      {"2016-12-31T23:59:60Z", 1483228800000},
  };
  static const char *const bad[] = {"",
                                    "2026",
                                    "2026-11",
                                    "2026-13-01",
                                    "2026-00-01",
                                    "2026-02-29",
                                    "2026-11-3",
                                    "1969-12-31",
                                    "2026-11-20T",
                                    "x",
                                    "2026-11-20T14:05:00",
                                    "2026-11-20T24:00:00Z",
                                    "2026-11-20T14:60:00Z",
                                    "2026-11-20T14:05:61Z",
                                    "2026-11-20T14:05:00+1:00",
                                    "2026-11-20T14:05:00Zx",
                                    "2026-11-20T14:05Z",
                                    "2026-04-31",
                                    "+026-11-20"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t ms = -1;
    if (!clock_parse(good[i].text, &ms)) fail_msg("refused: %s", good[i].text);
    assert_int_equal(ms, good[i].ms);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t ms = -7;
    if (clock_parse(bad[i], &ms)) fail_msg("taken: %s", bad[i]);
    assert_int_equal(ms, -7);
  }
}

/* Every day of 230 years against the C library. */
static void dates_agree_with_libc(void **state) {
  (void)state;
  for (int64_t day = 0; day < 84000; day++) {
    time_t seconds = (time_t)(day * 86400 + day % 86400);
    struct tm tm;
    char expected[64];
    char text[CLOCK_RFC3339_LEN];
    gmtime_r(&seconds, &tm);
    strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    assert_string_equal(clock_rfc3339((int64_t)seconds * 1000, text), expected);
  }
}

static void faked_clocks_stand(void **state) {
  (void)state;
  clock_fake(1000000);
  assert_int_equal(clock_wall_ms(), 1000000);
  assert_int_equal(clock_mono_us(), 1000000000);
  assert_int_equal(clock_wall_ms(), 1000000);
  clock_fake_advance(500);
  assert_int_equal(clock_wall_ms(), 1000500);
  assert_int_equal(clock_mono_us(), 1000500000);
  clock_fake_advance(-500);
  assert_int_equal(clock_wall_ms(), 1000000);
  clock_unfake();
  assert_true(clock_wall_ms() > 1700000000000);
}

static void real_clock_is_the_kernels(void **state) {
  (void)state;
  struct timespec before;
  struct timespec after;
  clock_gettime(CLOCK_REALTIME, &before);
  int64_t ms = clock_wall_ms();
  clock_gettime(CLOCK_REALTIME, &after);
  assert_true(ms >= (int64_t)before.tv_sec * 1000 + before.tv_nsec / 1000000);
  assert_true(ms <= (int64_t)after.tv_sec * 1000 + after.tv_nsec / 1000000);
  int64_t first = clock_mono_us();
  assert_true(clock_mono_us() >= first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts),
      cmocka_unit_test(times_that_are_read),
      cmocka_unit_test(dates_agree_with_libc),
      cmocka_unit_test(faked_clocks_stand),
      cmocka_unit_test(real_clock_is_the_kernels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
