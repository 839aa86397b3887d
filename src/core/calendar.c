/* Opening hours. Each local day gives its openings, as moments; everything else is joining those of neighbouring days.
 * Pure: no clock, no SQL; the zone's rules come from base/zone. Any thread. */
#include "core/calendar.h"

#include "base/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S        86400
#define DAY_OPENINGS 64 /* of one day; more are left out */

/* ---- dates (proleptic Gregorian; years counted from March, so that the leap day comes last) ---- */

int64_t calendar_day(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) year--;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void calendar_date(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t of_era = days - era * 146097;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t march_month = (5 * of_year + 2) / 153;
  *ret_day = of_year - (153 * march_month + 2) / 5 + 1;
  *ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
  *ret_year = year + era * 400 + (*ret_month <= 2);
}

bool calendar_date_valid(int64_t year, int64_t month, int64_t day) {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  int64_t y, m, d;
  calendar_date(calendar_day(year, month, day), &y, &m, &d);
  return y == year && m == month && d == day;
}

bool calendar_day_parse(const char *text, int64_t *ret_day) {
  for (int i = 0; i < CALENDAR_DAY_LEN - 1; i++) {
    bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  if (text[CALENDAR_DAY_LEN - 1]) return false;
  int64_t year = strtol(text, NULL, 10), month = strtol(text + 5, NULL, 10), day = strtol(text + 8, NULL, 10);
  if (!calendar_date_valid(year, month, day)) return false;
  *ret_day = calendar_day(year, month, day);
  return true;
}

char *calendar_day_format(int64_t day, char buf[static CALENDAR_DAY_LEN]) {
  int64_t y, m, d;
  calendar_date(day, &y, &m, &d);
  if (y < 1) y = m = d = 1;
  if (y > 9999) y = 9999, m = 12, d = 31;
  snprintf(buf, CALENDAR_DAY_LEN, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100, (unsigned)d % 100);
  return buf;
}

/* ---- openings ---- */

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

static int64_t local_day(const struct calendar_rules *c, int64_t at_ms) {
  int64_t utc_s = floor_div(at_ms, 1000);
  return floor_div(utc_s + zone_offset_s(c->zone, utc_s), DAY_S);
}

/* 1970-01-01 was a Thursday. */
static int64_t weekday_of(int64_t day) {
  return ((day + 3) % 7 + 7) % 7 + 1;
}

static int opening_order(const void *a, const void *b) {
  const struct calendar_opening *x = a, *y = b;
  if (x->from_ms != y->from_ms) return x->from_ms < y->from_ms ? -1 : 1;
  return x->to_ms < y->to_ms ? -1 : x->to_ms > y->to_ms;
}

static void add_opening(const struct calendar_rules *c, int64_t day, int64_t start_min, int64_t end_min,
                        struct calendar_opening *out, int *count) {
  if (*count == DAY_OPENINGS || start_min < 0) return;
  if (end_min <= start_min) end_min += DAY_MINUTES;
  struct calendar_opening o = {.from_ms = zone_to_utc_s(c->zone, day * DAY_S + start_min * 60, false) * 1000,
                               .to_ms = zone_to_utc_s(c->zone, day * DAY_S + end_min * 60, true) * 1000};
  if (o.to_ms > o.from_ms) out[(*count)++] = o;
}

/* Those that begin on that local day, in order. */
static int openings_of_day(const struct calendar_rules *c, int64_t day, struct calendar_opening out[DAY_OPENINGS]) {
  int n = 0;
  bool excepted = false;
  char name[CALENDAR_DAY_LEN];
  calendar_day_format(day, name);
  for (int i = 0; i < c->exception_count; i++) {
    const struct calendar_exception *e = &c->exceptions[i];
    if (strcmp(e->day, name) != 0) continue;
    excepted = true;
    add_opening(c, day, e->start_min, e->end_min, out, &n);
  }
  for (int i = 0; !excepted && i < c->interval_count; i++)
    if (c->intervals[i].weekday == weekday_of(day))
      add_opening(c, day, c->intervals[i].start_min, c->intervals[i].end_min, out, &n);
  qsort(out, (size_t)n, sizeof *out, opening_order);
  return n;
}

/* Goes over the days from the one before at_ms's, joining as it goes. */
struct walk {
  const struct calendar_rules *c;
  int64_t day;
  int at, count;
  struct calendar_opening of_day[DAY_OPENINGS];
};

static void walk_from(struct walk *w, const struct calendar_rules *c, int64_t at_ms) {
  w->c = c;
  w->day = local_day(c, at_ms) - 1; /* its openings may reach into this one */
  w->at = 0;
  w->count = openings_of_day(c, w->day, w->of_day);
}

/* The next opening, not yet joined with what follows; false: none until last_day. */
static bool walk_peek(struct walk *w, int64_t last_day, struct calendar_opening *ret) {
  while (w->at == w->count) {
    if (w->day >= last_day) return false;
    w->at = 0;
    w->count = openings_of_day(w->c, ++w->day, w->of_day);
  }
  *ret = w->of_day[w->at];
  return true;
}

static bool walk_next(struct walk *w, int64_t last_day, struct calendar_opening *ret) {
  struct calendar_opening more;
  if (!walk_peek(w, last_day, ret)) return false;
  w->at++;
  while (walk_peek(w, last_day, &more) && more.from_ms <= ret->to_ms) {
    if (more.to_ms > ret->to_ms) ret->to_ms = more.to_ms;
    w->at++;
  }
  return true;
}

int calendar_openings(const struct calendar_rules *c, int64_t from_ms, int64_t to_ms, struct calendar_opening *out,
                      int max) {
  struct walk w;
  struct calendar_opening o;
  int n = 0;
  int64_t last_day = local_day(c, to_ms) + 1;
  walk_from(&w, c, from_ms);
  while (n < max && walk_next(&w, last_day, &o) && o.from_ms < to_ms)
    if (o.to_ms > from_ms) out[n++] = o;
  return n;
}

bool calendar_open(const struct calendar_rules *c, int64_t at_ms) {
  struct calendar_opening o;
  return calendar_openings(c, at_ms, at_ms + 1, &o, 1) == 1;
}

int64_t calendar_next_change(const struct calendar_rules *c, int64_t at_ms) {
  struct walk w;
  struct calendar_opening o;
  int64_t last_day = local_day(c, at_ms) + CALENDAR_LOOK_DAYS;
  walk_from(&w, c, at_ms);
  while (walk_next(&w, last_day, &o)) {
    if (o.from_ms > at_ms) return o.from_ms;
    /* An opening that reaches the end of what we look at never closes, as far as anybody can see. */
    if (o.to_ms > at_ms) return w.day >= last_day && w.at == w.count ? 0 : o.to_ms;
  }
  return 0;
}

const char *calendar_label(const struct calendar_rules *c, int64_t at_ms) {
  char day[CALENDAR_DAY_LEN];
  calendar_day_format(local_day(c, at_ms), day);
  for (int i = 0; i < c->exception_count; i++)
    if (strcmp(c->exceptions[i].day, day) == 0 && c->exceptions[i].label) return c->exceptions[i].label;
  return NULL;
}
