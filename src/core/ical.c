/* A bounded reader of iCalendar: unfolds lines, takes DTSTART, DTEND, DURATION, SUMMARY, STATUS, EXDATE and a yearly
 * RRULE of each VEVENT, and turns whole days into days. What it does not know it counts as skipped and never guesses.
 * Reads only what it is given; owns nothing but the answer. */
#include "core/ical.h"

#include "base/mem.h"
#include "base/text.h"
#include "core/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX     4096 /* bytes of an unfolded line; the rest is left out */
#define EXCLUDED_MAX 64
#define EVENTS_MAX   20000
#define NO_DAY       INT64_MIN

struct event {
  int64_t start, end; /* end: the first day after it */
  int64_t span;       /* by DURATION, in days; 0 none */
  int64_t interval, count, until;
  bool yearly, strange, cancelled;
  char label[4 * ICAL_LABEL_MAX + 1];
  int64_t excluded[EXCLUDED_MAX];
  int excluded_count;
};

struct reader {
  const char *at, *end;
  char line[LINE_MAX];
  struct event event;
  bool in_event;
  int depth; /* of components inside the event (alarms) */
  int64_t first_day, last_day;
  struct ical *out;
  void *ctx;
  bool full;
};

/* ---- lines ---- */

static void line_add(struct reader *r, size_t *len, const char *from, size_t count) {
  if (count > LINE_MAX - 1 - *len) count = LINE_MAX - 1 - *len;
  memcpy(r->line + *len, from, count);
  *len += count;
}

/* The next line without its folds, NUL-terminated. */
static bool next_line(struct reader *r) {
  size_t len = 0;
  if (r->at >= r->end) return false;
  do {
    const char *nl = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *stop = nl ? nl : r->end;
    size_t count = (size_t)(stop - r->at);
    if (count && stop[-1] == '\r') count--;
    line_add(r, &len, r->at, count);
    r->at = nl ? nl + 1 : r->end;
  } while (r->at < r->end && (*r->at == ' ' || *r->at == '\t') && r->at++);
  r->line[len] = 0;
  return true;
}

/* "NAME;PARAM=x:VALUE" → name ends, value begins; colons inside quotes are the parameter's. */
static char *value_of(char *line, char **ret_params) {
  bool quoted = false;
  *ret_params = NULL;
  for (char *c = line; *c; c++) {
    if (*c == '"') quoted = !quoted;
    if (quoted || (*c != ':' && *c != ';')) continue;
    bool is_value = *c == ':';
    if (is_value || !*ret_params) *c = 0;
    if (is_value) return c + 1;
    if (!*ret_params) *ret_params = c + 1;
  }
  return NULL;
}

/* ---- values ---- */

/* "20261225", which must be all of it; a time of day makes it no whole day. */
static int64_t day_of(const char *text, size_t len) {
  int64_t n = 0;
  if (len != 8) return NO_DAY;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') return NO_DAY;
    n = n * 10 + (text[i] - '0');
  }
  bool valid = calendar_date_valid(n / 10000, n / 100 % 100, n % 100);
  return valid ? calendar_day(n / 10000, n / 100 % 100, n % 100) : NO_DAY;
}

/* P3D, P2W; hours and the like are no whole days. */
static int64_t duration_days(const char *text) {
  char *end;
  if (text[0] != 'P' || text[1] < '0' || text[1] > '9' || strlen(text) > 6) return 0;
  int64_t n = strtol(text + 1, &end, 10);
  if (strcmp(end, "D") == 0) return n;
  return strcmp(end, "W") == 0 ? 7 * n : 0;
}

static void take_label(struct event *e, const char *value) {
  size_t out = 0;
  for (const char *c = value; *c && out < sizeof e->label - 1; c++) {
    char next = *c;
    if (next == '\\' && c[1]) {
      next = *++c;
      if (next == 'n' || next == 'N') next = ' ';
    }
    e->label[out++] = (unsigned char)next < ' ' || next == 127 ? ' ' : next;
  }
  e->label[out] = 0;
  /* What is cut off is cut between characters. */
  while (out > 0 && (!utf8_valid(e->label, out) || utf8_count(e->label, out) > ICAL_LABEL_MAX)) e->label[--out] = 0;
}

static void take_rule(struct event *e, char *value) {
  char *save = NULL;
  int64_t year, month, day;
  calendar_date(e->start == NO_DAY ? 0 : e->start, &year, &month, &day);
  for (char *part = strtok_r(value, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
    char *eq = strchr(part, '=');
    if (!eq) {
      e->strange = true;
      return;
    }
    *eq++ = 0;
    char *rest;
    int64_t n = strtol(eq, &rest, 10);
    bool number = rest != eq && !*rest && n > 0;
    if (strcasecmp(part, "FREQ") == 0 && strcasecmp(eq, "YEARLY") == 0)
      e->yearly = true;
    else if (strcasecmp(part, "INTERVAL") == 0 && number && n < 1000)
      e->interval = n;
    else if (strcasecmp(part, "COUNT") == 0 && number)
      e->count = n;
    else if (strcasecmp(part, "UNTIL") == 0 && day_of(eq, strcspn(eq, "T")) != NO_DAY)
      e->until = day_of(eq, strcspn(eq, "T"));
    else if (strcasecmp(part, "WKST") != 0 && !(strcasecmp(part, "BYMONTH") == 0 && number && n == month) &&
             !(strcasecmp(part, "BYMONTHDAY") == 0 && number && n == day))
      e->strange = true; /* the second Monday of May, and the like */
  }
}

static void take_excluded(struct event *e, char *value) {
  char *save = NULL;
  for (char *part = strtok_r(value, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
    int64_t day = day_of(part, strcspn(part, "T"));
    if (day != NO_DAY && e->excluded_count < EXCLUDED_MAX) e->excluded[e->excluded_count++] = day;
  }
}

/* ---- events ---- */

static bool excluded(const struct event *e, int64_t day) {
  for (int i = 0; i < e->excluded_count; i++)
    if (e->excluded[i] == day) return true;
  return false;
}

static void add_days(struct reader *r, int64_t start, int64_t span) {
  const struct event *e = &r->event;
  if (excluded(e, start)) return;
  for (int64_t day = start; day < start + span; day++) {
    if (day < r->first_day || day > r->last_day) continue;
    if (r->out->count == ICAL_DAYS_MAX) {
      r->full = true;
      return;
    }
    r->out->days[r->out->count++] = (struct ical_day){.day = day, .label = mem_strdup(r->ctx, e->label)};
  }
}

static void add_years(struct reader *r, int64_t span) {
  const struct event *e = &r->event;
  int64_t year, month, day, n = 0;
  calendar_date(e->start, &year, &month, &day);
  for (; year <= 9999 && !r->full; year += e->interval) {
    /* The 29th of February has its years. */
    if (!calendar_date_valid(year, month, day)) continue;
    int64_t start = calendar_day(year, month, day);
    if (start > r->last_day || (e->until != NO_DAY && start > e->until) || (e->count && n >= e->count)) return;
    n++;
    add_days(r, start, span);
  }
}

static void event_begin(struct event *e) {
  *e = (struct event){.start = NO_DAY, .end = NO_DAY, .until = NO_DAY, .interval = 1};
}

static void event_end(struct reader *r) {
  const struct event *e = &r->event;
  bool placed = e->start != NO_DAY;
  int64_t span = placed && e->end != NO_DAY ? e->end - e->start : e->span ? e->span : 1;
  bool whole = placed && !e->strange && !e->cancelled && span >= 1;
  r->out->events++;
  if (!whole) {
    r->out->skipped++;
    return;
  }
  if (span > ICAL_SPAN_MAX) span = ICAL_SPAN_MAX;
  if (e->yearly)
    add_years(r, span);
  else
    add_days(r, e->start, span);
}

/* The rule must be read after the start that it goes by, wherever it stands: it is kept until the event's end. */
static void take_property(struct reader *r, const char *name, char *value, char rule[static LINE_MAX]) {
  struct event *e = &r->event;
  if (strcasecmp(name, "DTSTART") == 0) {
    e->start = day_of(value, strlen(value));
  } else if (strcasecmp(name, "DTEND") == 0) {
    e->end = day_of(value, strlen(value));
    e->strange |= e->end == NO_DAY;
  } else if (strcasecmp(name, "DURATION") == 0) {
    e->span = duration_days(value);
    e->strange |= e->span == 0;
  } else if (strcasecmp(name, "SUMMARY") == 0) {
    take_label(e, value);
  } else if (strcasecmp(name, "STATUS") == 0) {
    e->cancelled = strcasecmp(value, "CANCELLED") == 0;
  } else if (strcasecmp(name, "EXDATE") == 0) {
    take_excluded(e, value);
  } else if (strcasecmp(name, "RRULE") == 0) {
    e->strange |= rule[0] != 0;
    snprintf(rule, LINE_MAX, "%s", value);
  } else if (strcasecmp(name, "RDATE") == 0 || strcasecmp(name, "RECURRENCE-ID") == 0) {
    e->strange = true;
  }
}

static void take_line(struct reader *r, const char *name, char *value, char rule[static LINE_MAX]) {
  bool begins = strcasecmp(name, "BEGIN") == 0, ends = strcasecmp(name, "END") == 0;
  if (!r->in_event) {
    r->in_event = begins && strcasecmp(value, "VEVENT") == 0;
    event_begin(&r->event);
    r->depth = 0;
    rule[0] = 0;
  } else if (begins) {
    r->depth++;
  } else if (ends && r->depth > 0) {
    r->depth--;
  } else if (ends) {
    if (rule[0]) take_rule(&r->event, rule);
    event_end(r);
    r->in_event = false;
  } else if (r->depth == 0) {
    take_property(r, name, value, rule);
  }
}

static int day_order(const void *a, const void *b) {
  int64_t x = ((const struct ical_day *)a)->day, y = ((const struct ical_day *)b)->day;
  return x < y ? -1 : x > y;
}

/* Of several events on one day the first in the file stays: the sort below keeps no order, so ties go by place. */
static void sort_days(struct ical *out, void *ctx) {
  int n = 0;
  struct ical_day *sorted = mem_array(ctx, struct ical_day, (size_t)out->count + 1);
  for (int i = 0; i < out->count; i++) {
    bool known = false;
    for (int k = 0; !known && k < n; k++) known = sorted[k].day == out->days[i].day;
    if (!known) sorted[n++] = out->days[i];
  }
  qsort(sorted, (size_t)n, sizeof *sorted, day_order);
  out->days = sorted;
  out->count = n;
}

bool ical_read(void *ctx, const char *text, size_t len, int64_t first_day, int64_t last_day, struct ical *ret,
               char err[static 128]) {
  if (len > ICAL_SIZE_MAX) {
    snprintf(err, 128, "the calendar is larger than %d bytes", ICAL_SIZE_MAX);
    return false;
  }
  struct reader *r = mem_new(ctx, struct reader);
  char *rule = mem_bytes(r, LINE_MAX);
  struct ical out = {.days = mem_array(ctx, struct ical_day, ICAL_DAYS_MAX)};
  *r = (struct reader){
      .at = text, .end = text + len, .first_day = first_day, .last_day = last_day, .out = &out, .ctx = ctx};
  bool is_calendar = false;
  rule[0] = 0;
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) r->at += 3;
  while (next_line(r) && !r->full && out.events < EVENTS_MAX) {
    char *params, *value = value_of(r->line, &params);
    if (!value) continue;
    if (strcasecmp(r->line, "BEGIN") == 0 && strcasecmp(value, "VCALENDAR") == 0) is_calendar = true;
    if (is_calendar) take_line(r, r->line, value, rule);
  }
  bool full = r->full || out.events == EVENTS_MAX;
  mem_free(r);
  if (!is_calendar || full) {
    snprintf(err, 128, "%s",
             full ? "the calendar has too many days" : "this is no iCalendar file (no BEGIN:VCALENDAR)");
    return false;
  }
  sort_days(&out, ctx);
  *ret = out;
  return true;
}
