/* Opening hours: what a calendar is made of. Minutes are after midnight in the calendar's zone. */
#pragma once

#include <stdint.h>

#define DAY_MINUTES         1440
#define CALENDAR_CLOSED_DAY (-1)
#define CALENDAR_DAY_LEN    11 /* "YYYY-MM-DD" and NUL */

/* weekday: 1 Monday to 7 Sunday. end_min <= start_min: past midnight, into the next day. */
struct calendar_interval {
  int64_t calendar_id, weekday, start_min, end_min;
};
/* Instead of the weekday's intervals on that day; several a day are allowed. start_min CALENDAR_CLOSED_DAY: closed. */
struct calendar_exception {
  int64_t calendar_id;
  const char *day;
  int64_t start_min, end_min;
  const char *label;
};
