/* Holidays out of an iCalendar file (RFC 5545): events of whole days, once or every year. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICAL_SIZE_MAX  (4 << 20) /* bytes of a file */
#define ICAL_DAYS_MAX  4096      /* days that come out of one */
#define ICAL_SPAN_MAX  366       /* days of one event; more are left out */
#define ICAL_LABEL_MAX 100       /* characters of a label, the rest is cut off */

struct ical_day {
  int64_t day; /* since 1970-01-01 */
  const char *label;
};
struct ical {
  struct ical_day *days; /* sorted, one a day: the first event's */
  int count;
  int events, skipped; /* skipped: with a time of day, cancelled, or repeating in a way not known here */
};
/* The days from first_day to last_day that events cover. False with a sentence when it is no calendar or too large. */
bool ical_read(void *ctx, const char *text, size_t len, int64_t first_day, int64_t last_day, struct ical *ret,
               char err[static 128]);
