/* core/ical: what files of holidays hold, and what is no whole day. */
#include "core/ical.h"

#include "base/fail.h"
#include "base/mem.h"
#include "core/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  mem_free(*state);
  return 0;
}

static struct ical read(void *ctx, const char *text) {
  struct ical out;
  char err[128] = "";
  if (!ical_read(ctx, text, strlen(text), calendar_day(2026, 1, 1), calendar_day(2029, 12, 31), &out, err))
    fail_msg("%s", err);
  return out;
}

static struct ical event(void *ctx, const char *lines) {
  return read(ctx, mem_printf(ctx, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", lines));
}

/* "2026-12-25 2027-12-25" */
static const char *days(void *ctx, const struct ical *c) {
  char *all = mem_strdup(ctx, "");
  char day[CALENDAR_DAY_LEN];
  for (int i = 0; i < c->count; i++)
    all = mem_printf(ctx, "%s%s%s", all, i ? " " : "", calendar_day_format(c->days[i].day, day));
  return all;
}

static void which_days(void **state) {
  static const struct {
    const char *lines, *days;
    int skipped;
  } rows[] = {
      {"DTSTART;VALUE=DATE:20261225", "2026-12-25", 0},
      {"DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227", "2026-12-25 2026-12-26", 0},
      {"DTSTART:20261225\r\nDURATION:P3D", "2026-12-25 2026-12-26 2026-12-27", 0},
      {"DTSTART:20261230\r\nDURATION:P1W",
       "2026-12-30 2026-12-31 2027-01-01 2027-01-02 2027-01-03 2027-01-04 2027-01-05", 0},
      {"RRULE:FREQ=YEARLY\r\nDTSTART;VALUE=DATE:20200101", "2026-01-01 2027-01-01 2028-01-01 2029-01-01", 0},
      {"DTSTART:20260714\r\nRRULE:FREQ=YEARLY;COUNT=2", "2026-07-14 2027-07-14", 0},
      {"DTSTART:20200714\r\nRRULE:FREQ=YEARLY;UNTIL=20280713T000000Z;WKST=MO", "2026-07-14 2027-07-14", 0},
      {"DTSTART:20200714\r\nRRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=7;BYMONTHDAY=14", "2028-07-14", 0},
      {"DTSTART:20240229\r\nRRULE:FREQ=YEARLY", "2028-02-29", 0},
      {"DTSTART:20260101\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20270101,20280101", "2026-01-01 2029-01-01", 0},
      {"DTSTART:20200101", "", 0},
      {"DTSTART:20260101T090000Z", "", 1},
      {"DTSTART:20260101\r\nDTEND:20260101T120000", "", 1},
      {"DTSTART:20260102\r\nDTEND:20260101", "", 1},
      {"DTSTART:20260101\r\nDURATION:PT5H", "", 1},
      {"DTSTART:20260101\r\nSTATUS:CANCELLED", "", 1},
      {"DTSTART:20260511\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=2MO", "", 1},
      {"DTSTART:20260511\r\nRRULE:FREQ=WEEKLY", "", 1},
      {"DTSTART:20260511\r\nRRULE:FREQ=YEARLY;BYMONTH=6", "", 1},
      {"DTSTART:20260511\r\nRRULE:nonsense", "", 1},
      {"DTSTART:20260230", "", 1},
      {"SUMMARY:no start", "", 1},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct ical c = event(*state, rows[i].lines);
    if (strcmp(days(*state, &c), rows[i].days) != 0) fail_msg("%s: %s", rows[i].lines, days(*state, &c));
    assert_int_equal(c.events, 1);
    assert_int_equal(c.skipped, rows[i].skipped);
  }
}

static void labels_folds_and_alarms(void **state) {
  struct ical c = read(
      *state, "\xef\xbb\xbf"
              "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Jours f\xc3\xa9ri\xc3\xa9s\nBEGIN:VTIMEZONE\n"
              "DTSTART:19700101\nEND:VTIMEZONE\nbegin:vevent\ndtstart;value=date:20261225\n"
              "SUMMARY;LANGUAGE=\"a:b\":No\xc3\xabl\\, f\n \xc3\xaate\\nde\n\t fin\nBEGIN:VALARM\nDTSTART:20250101\n"
              "SUMMARY:x\nEND:VALARM\nend:vevent\nBEGIN:VEVENT\nDTSTART:20261225\nSUMMARY:again\nEND:VEVENT\n"
              "BEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\nEND:VCALENDAR");
  assert_int_equal(c.events, 3);
  assert_int_equal(c.skipped, 0);
  assert_string_equal(days(*state, &c), "2026-01-01 2026-12-25");
  assert_string_equal(c.days[0].label, "");
  assert_string_equal(c.days[1].label, "No\xc3\xabl, f\xc3\xaate de fin");
}

static void a_label_is_cut_between_characters(void **state) {
  char *text = mem_strdup(*state, "DTSTART:20260101\r\nSUMMARY:");
  for (int i = 0; i < 150; i++) text = mem_printf(*state, "%s\xe2\x82\xac", text);
  struct ical c = event(*state, text);
  assert_int_equal(strlen(c.days[0].label), 3 * ICAL_LABEL_MAX);
}

static void what_is_refused(void **state) {
  char err[128] = "";
  struct ical out;
  assert_false(ical_read(*state, "hello", 5, 0, 1, &out, err));
  assert_non_null(strstr(err, "BEGIN:VCALENDAR"));
  assert_false(ical_read(*state, "", (4 << 20) + 1, 0, 1, &out, err));
  char *many = mem_bytes(*state, 4 << 20);
  size_t len = (size_t)snprintf(many, 64, "BEGIN:VCALENDAR\n");
  for (int i = 0; i < 20; i++)
    len += (size_t)snprintf(many + len, 128, "BEGIN:VEVENT\nDTSTART:%d0101\nDTEND:%d1231\nEND:VEVENT\n", 2026 + i,
                            2026 + i);
  assert_false(ical_read(*state, many, len, 0, 1 << 30, &out, err));
  assert_non_null(strstr(err, "too many"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(which_days),
      TEST(labels_folds_and_alarms),
      TEST(a_label_is_cut_between_characters),
      TEST(what_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
