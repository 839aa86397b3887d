/* When a service is open: weekly hours, several a day and past midnight, exception days, in a time zone. Pure. */
#pragma once

#include "base/zone.h"

#include <stddef.h>

#define DAY_MINUTES         1440
#define CALENDAR_CLOSED_DAY (-1)
#define CALENDAR_DAY_LEN    11  /* "YYYY-MM-DD" and NUL */
#define CALENDAR_LOOK_DAYS  400 /* how far ahead the next change is looked for */

/* Local times in minutes after midnight. weekday: 1 Monday to 7 Sunday. end_min <= start_min: past midnight, into the
 * next day. */
struct calendar_interval {
  int64_t calendar_id, weekday, start_min, end_min;
};
/* Instead of the intervals that begin on that day; several of one day add up. start_min CALENDAR_CLOSED_DAY: closed. */
struct calendar_exception {
  int64_t calendar_id;
  const char *day;
  int64_t start_min, end_min;
  const char *label;
};
/* Nothing of it is copied. */
struct calendar_rules {
  const struct zone *zone;
  const struct calendar_interval *intervals;
  int interval_count;
  const struct calendar_exception *exceptions;
  int exception_count;
};
struct calendar_opening {
  int64_t from_ms, to_ms; /* to: closed from then on */
};

bool calendar_open(const struct calendar_rules *c, int64_t at_ms);
/* The first moment after at_ms when it opens or closes; 0: none in sight. */
int64_t calendar_next_change(const struct calendar_rules *c, int64_t at_ms);
/* Openings that touch [from_ms, to_ms), in order, joined where they meet, cut to nothing; at most max. */
int calendar_openings(const struct calendar_rules *c, int64_t from_ms, int64_t to_ms, struct calendar_opening *out,
                      int max);
/* The label of the exception that rules that moment's day, NULL: none. */
const char *calendar_label(const struct calendar_rules *c, int64_t at_ms);

/* Days since 1970-01-01 and dates of years 1 to 9999. */
int64_t calendar_day(int64_t year, int64_t month, int64_t day);
bool calendar_date_valid(int64_t year, int64_t month, int64_t day);
void calendar_date(int64_t day, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day);
bool calendar_day_parse(const char *text, int64_t *ret_day); /* "2026-12-25" */
char *calendar_day_format(int64_t day, char buf[static CALENDAR_DAY_LEN]);
