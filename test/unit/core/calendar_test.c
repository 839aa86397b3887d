/* core/calendar: hours of several intervals, past midnight, exception days, both changes of the clocks; and against a
 * look at every minute. */
#include "core/calendar.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR   INT64_C(3600000)
#define DAY    INT64_C(86400000)

static int setup(void **state) {
  mem_init();
  struct calendar_rules *c = mem_new(NULL, struct calendar_rules);
  c->zone = zone_new(c, "Europe/Paris");
  *state = c;
  return 0;
}
static int teardown(void **state) {
  mem_free(*state);
  return 0;
}

/* The moment when Paris shows that date and time. */
static int64_t at(const struct calendar_rules *c, const char *day, int64_t hour, int64_t minute) {
  int64_t days = 0;
  assert_true(calendar_day_parse(day, &days));
  return zone_to_utc_s(c->zone, days * 86400 + hour * 3600 + minute * 60, false) * 1000;
}

#define HOURS(c, rows)                                                                                                 \
  do {                                                                                                                 \
    (c)->intervals = rows;                                                                                             \
    (c)->interval_count = (int)ARRAY_LEN(rows);                                                                        \
  } while (0)

static void several_intervals_a_day(void **state) {
  struct calendar_rules *c = *state;
  static const struct calendar_interval hours[] = {{0, 1, 840, 1080}, {0, 1, 540, 720}, {0, 2, 540, 720}};
  HOURS(c, hours);
  /* 2026-11-23 is a Monday. */
  assert_false(calendar_open(c, at(c, "2026-11-23", 8, 59)));
  assert_true(calendar_open(c, at(c, "2026-11-23", 9, 0)));
  assert_false(calendar_open(c, at(c, "2026-11-23", 12, 0)));
  assert_true(calendar_open(c, at(c, "2026-11-23", 14, 0)));
  assert_false(calendar_open(c, at(c, "2026-11-23", 18, 0)));
  assert_false(calendar_open(c, at(c, "2026-11-22", 10, 0)));
  static const struct {
    const char *day;
    int64_t hour;
    const char *next_day;
    int64_t next_hour;
  } rows[] = {
      {"2026-11-22", 10, "2026-11-23", 9},  {"2026-11-23", 9, "2026-11-23", 12}, {"2026-11-23", 12, "2026-11-23", 14},
      {"2026-11-23", 14, "2026-11-23", 18}, {"2026-11-23", 18, "2026-11-24", 9}, {"2026-11-24", 12, "2026-11-30", 9},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_int_equal(calendar_next_change(c, at(c, rows[i].day, rows[i].hour, 0)),
                     at(c, rows[i].next_day, rows[i].next_hour, 0));
  struct calendar_opening o[9];
  int64_t from = at(c, "2026-11-23", 10, 0);
  assert_int_equal(calendar_openings(c, from, from + 2 * DAY, o, 9), 3);
  assert_int_equal(o[0].from_ms, at(c, "2026-11-23", 9, 0));
  assert_int_equal(o[2].to_ms, at(c, "2026-11-24", 12, 0));
  assert_int_equal(calendar_openings(c, from, from + 2 * DAY, o, 2), 2);
}

static void past_midnight_and_joined(void **state) {
  struct calendar_rules *c = *state;
  static const struct calendar_interval hours[] = {{0, 5, 1320, 120}, {0, 6, 120, 240}, {0, 6, 200, 300}, {0, 7, 0, 0}};
  HOURS(c, hours);
  /* 2026-11-20 is a Friday: open from 22:00 to 05:00, and all Sunday. */
  int64_t friday = at(c, "2026-11-20", 22, 0), end = at(c, "2026-11-21", 5, 0);
  assert_false(calendar_open(c, friday - 1));
  assert_int_equal(calendar_next_change(c, friday - 1), friday);
  assert_int_equal(calendar_next_change(c, friday), end);
  assert_int_equal(calendar_next_change(c, at(c, "2026-11-21", 1, 0)), end);
  assert_true(calendar_open(c, end - 1));
  assert_false(calendar_open(c, end));
  assert_int_equal(calendar_next_change(c, end), at(c, "2026-11-22", 0, 0));
  assert_int_equal(calendar_next_change(c, at(c, "2026-11-22", 0, 0)), at(c, "2026-11-23", 0, 0));
}

static void exception_days(void **state) {
  struct calendar_rules *c = *state;
  static const struct calendar_interval hours[] = {{0, 3, 540, 1080}, {0, 4, 540, 1080}, {0, 5, 540, 1080}};
  /* The 24th is a Thursday. */
  static const struct calendar_exception e[] = {{0, "2026-12-24", 600, 660, "Eve"},
                                                {0, "2026-12-24", 900, 960, "Eve"},
                                                {0, "2026-12-25", CALENDAR_CLOSED_DAY, 0, "Christmas"}};
  HOURS(c, hours);
  c->exceptions = e;
  c->exception_count = 3;
  assert_true(calendar_open(c, at(c, "2026-12-23", 9, 30)));
  assert_false(calendar_open(c, at(c, "2026-12-24", 9, 30)));
  assert_true(calendar_open(c, at(c, "2026-12-24", 10, 30)));
  assert_true(calendar_open(c, at(c, "2026-12-24", 15, 30)));
  assert_false(calendar_open(c, at(c, "2026-12-25", 10, 30)));
  assert_int_equal(calendar_next_change(c, at(c, "2026-12-24", 16, 0)), at(c, "2026-12-30", 9, 0));
  assert_string_equal(calendar_label(c, at(c, "2026-12-25", 10, 0)), "Christmas");
  assert_null(calendar_label(c, at(c, "2026-12-26", 10, 0)));
}

static void the_clocks_change(void **state) {
  struct calendar_rules *c = *state;
  static const struct calendar_interval hours[] = {{0, 6, 1320, 360}, {0, 7, 600, 720}};
  HOURS(c, hours);
  struct calendar_opening o[2];
  /* The night from Saturday 22:00 to Sunday 06:00 is an hour shorter in March and an hour longer in October. */
  assert_int_equal(calendar_openings(c, at(c, "2026-03-28", 23, 0), at(c, "2026-03-29", 23, 0), o, 2), 2);
  assert_int_equal(o[0].to_ms - o[0].from_ms, 7 * HOUR);
  assert_int_equal(o[1].to_ms - o[1].from_ms, 2 * HOUR);
  assert_int_equal(calendar_openings(c, at(c, "2026-10-24", 23, 0), at(c, "2026-10-25", 23, 0), o, 2), 2);
  assert_int_equal(o[0].to_ms - o[0].from_ms, 9 * HOUR);
  assert_int_equal(o[1].from_ms, at(c, "2026-10-25", 10, 0));
  /* Hours that lie in the hour that is skipped are none; in the hour that comes twice they are both. */
  static const struct calendar_interval night[] = {{0, 7, 120, 180}};
  HOURS(c, night);
  assert_int_equal(calendar_openings(c, at(c, "2026-03-29", 0, 0), at(c, "2026-03-29", 12, 0), o, 2), 0);
  assert_int_equal(calendar_openings(c, at(c, "2026-10-25", 0, 0), at(c, "2026-10-25", 12, 0), o, 2), 1);
  assert_int_equal(o[0].to_ms - o[0].from_ms, 2 * HOUR);
}

static void always_and_never(void **state) {
  struct calendar_rules *c = *state;
  int64_t now = at(c, "2026-11-23", 10, 0);
  assert_false(calendar_open(c, now));
  assert_int_equal(calendar_next_change(c, now), 0);
  static const struct calendar_interval all[] = {{0, 1, 0, 1440}, {0, 2, 0, 1440}, {0, 3, 0, 1440}, {0, 4, 0, 1440},
                                                 {0, 5, 0, 1440}, {0, 6, 0, 1440}, {0, 7, 0, 1440}};
  HOURS(c, all);
  assert_true(calendar_open(c, now));
  assert_int_equal(calendar_next_change(c, now), 0);
}

/* What is said of a moment by looking at its own local clock. Not so where hours begin or end in an hour that comes
 * twice: they begin with the first and end with the last. */
static bool open_by_the_clock(const struct calendar_rules *c, int64_t at_ms) {
  int64_t local = at_ms / 1000 + zone_offset_s(c->zone, at_ms / 1000);
  int64_t day = local / 86400, minute = local % 86400 / 60;
  for (int back = 0; back < 2; back++) {
    for (int i = 0; i < c->interval_count; i++) {
      int64_t start = c->intervals[i].start_min, end = c->intervals[i].end_min, m = minute + 1440 * back;
      if (end <= start) end += 1440;
      if (c->intervals[i].weekday == (day - back + 3) % 7 + 1 && m >= start && m < end) return true;
    }
  }
  return false;
}

static void every_minute_of_weeks_with_and_without_change(void **state) {
  struct calendar_rules *c = *state;
  static const struct calendar_interval hours[] = {{0, 1, 0, 60},    {0, 1, 540, 720},  {0, 2, 1380, 300},
                                                   {0, 3, 250, 700}, {0, 5, 1439, 1},   {0, 6, 100, 90},
                                                   {0, 7, 90, 181},  {0, 7, 1200, 1440}};
  static const char *const days[] = {"2026-03-23", "2026-10-19", "2026-11-16", "2027-12-27"};
  static const char *const zones[] = {"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"};
  HOURS(c, hours);
  for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
    c->zone = zone_new(c, zones[z]);
    for (size_t d = 0; d < ARRAY_LEN(days); d++) {
      int64_t from = at(c, days[d], 0, 0), next = calendar_next_change(c, from - 1);
      bool was = open_by_the_clock(c, from - MINUTE);
      for (int64_t t = from; t < from + 8 * DAY; t += MINUTE) {
        bool now = open_by_the_clock(c, t);
        assert_int_equal(calendar_open(c, t), now);
        if (now != was) {
          assert_int_equal(next, t);
          next = calendar_next_change(c, t);
        }
        was = now;
      }
    }
  }
}

static void dates(void **state) {
  (void)state;
  int64_t day;
  char buf[CALENDAR_DAY_LEN];
  static const char *const bad[] = {"",           "2026-1-01",   "2026-13-01", "2026-02-29", "2026-02-30",
                                    "0000-01-01", "2026-12-25x", "2026/12/25", "20261225"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(calendar_day_parse(bad[i], &day));
  assert_true(calendar_day_parse("2028-02-29", &day));
  assert_string_equal(calendar_day_format(day, buf), "2028-02-29");
  assert_int_equal(calendar_day(1970, 1, 1), 0);
  for (int64_t d = -1000; d < 40000; d++) {
    int64_t y, m, n;
    calendar_date(d, &y, &m, &n);
    assert_int_equal(calendar_day(y, m, n), d);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(several_intervals_a_day),
      TEST(past_midnight_and_joined),
      TEST(exception_days),
      TEST(the_clocks_change),
      TEST(always_and_never),
      TEST(every_minute_of_weeks_with_and_without_change),
      TEST(dates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
