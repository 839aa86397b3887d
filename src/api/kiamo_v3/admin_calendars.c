/* Package administration: holidays taken over from an iCalendar file, and when a calendar is open, to look at. */
#include "api/kiamo_v3/admin.h"

#include "api/errors.h"
#include "api/kiamo_v3/read.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/calendar.h"
#include "core/ical.h"
#include "http/form.h"

#include <string.h>

#define DAY_MS       INT64_C(86400000)
#define AHEAD_DAYS   (3 * 366) /* holidays further away are left for a later import */
#define PREVIEW_DAYS 14
#define PREVIEW_MOST 92
#define OPENINGS_MAX 2000

enum { LIST_EXCEPTIONS = 1 }; /* of the family's lists; its fields: day, start, end, label */

static const struct calendar *calendar_of(struct request *req, int64_t id) {
  const struct calendar *c = registry_calendar(caller_of(req)->registry, id);
  return c && c->instance_id == caller_of(req)->instance_id ? c : NULL;
}

static bool has_day(const struct setup_items *items, const char *day) {
  for (int i = 0; i < items->count; i++)
    if (strcmp(items->items[i].values[0].text, day) == 0) return true;
  return false;
}

/* Every holiday on a day that has no exception yet becomes a day that is closed. Returns how many. */
static int take_holidays(void *ctx, const struct ical *holidays, struct setup_items *items) {
  struct setup_item *all = mem_array(ctx, struct setup_item, (size_t)(items->count + holidays->count) + 1);
  int before = items->count;
  if (before) memcpy(all, items->items, (size_t)before * sizeof *all);
  items->items = all;
  for (int i = 0; i < holidays->count; i++) {
    char *day = mem_bytes(ctx, CALENDAR_DAY_LEN);
    calendar_day_format(holidays->days[i].day, day);
    if (has_day(items, day)) continue;
    all[items->count++] = (struct setup_item){.values = {{.text = day},
                                                         {.number = CALENDAR_CLOSED_DAY},
                                                         {.number = CALENDAR_CLOSED_DAY},
                                                         {.text = holidays->days[i].label}}};
  }
  return items->count - before;
}

static bool act_import(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  void *ctx = request_pool(w->req);
  struct setup_row old;
  if (!admin_find(tx, w, &old, out, ret_status)) return !db_failed(tx);
  struct setup_row row = old;
  size_t len = 0;
  const char *text = request_body(w->req, &len);
  char err[128];
  struct ical holidays;
  int64_t today = clock_wall_ms() / DAY_MS;
  if (!ical_read(ctx, text, len, today - 1, today + AHEAD_DAYS, &holidays, err)) {
    *ret_status = fail_body(out, ERR_1020, 400, err);
    return true;
  }
  int added = take_holidays(ctx, &holidays, &row.lists[LIST_EXCEPTIONS]);
  int status = admin_save(tx, w, &old, &row, out);
  if (status < 0) return false;
  *ret_status = status;
  if (status >= 300) return true;
  buf_reset(out);
  struct jw jw = jw_into(out);
  jw_object(&jw);
  jw_kint(&jw, "added", added);
  jw_kint(&jw, "already", holidays.count - added);
  jw_kint(&jw, "skipped", holidays.skipped);
  jw_key(&jw, "calendar");
  admin_answer(tx, w, &row, out);
  jw_object_end(&jw);
  return true;
}

void admin_calendar_import(struct request *req) {
  int64_t id;
  const char *type = request_header(req, "Content-Type");
  if (!v3_path_number(req, &id)) return;
  if (!calendar_of(req, id)) {
    fail(req, ERR_3000, 0, NULL);
    return;
  }
  if (!type || !media_type_is(type, "text/calendar")) {
    fail(req, ERR_1000, 415, "the body must be text/calendar");
    return;
  }
  struct admin_write *a = admin_write_new(req, &setup_calendars, NULL);
  a->id = id;
  struct v3_write *w = admin_write_of(req, a);
  w->act = act_import;
  v3_write_go(w);
}

/* ---- preview ---- */

static void put_openings(struct jw *w, const struct calendar_rules *rules, int64_t from_ms, int64_t to_ms, void *ctx) {
  struct calendar_opening *openings = mem_array(ctx, struct calendar_opening, OPENINGS_MAX);
  int n = calendar_openings(rules, from_ms, to_ms, openings, OPENINGS_MAX);
  jw_key(w, "items");
  jw_array(w);
  for (int i = 0; i < n; i++) {
    jw_object(w);
    jw_ktime(w, "from", openings[i].from_ms);
    jw_ktime(w, "to", openings[i].to_ms);
    jw_object_end(w);
  }
  jw_array_end(w);
}

void admin_calendar_preview(struct request *req) {
  struct decoder d;
  int64_t id, days = PREVIEW_DAYS, now_ms = clock_wall_ms(), from_ms = now_ms;
  if (!v3_path_number(req, &id)) return;
  const char *from = request_query(req, "from");
  decode_init(&d, request_pool(req), PATH_POINTER);
  if (from && !clock_parse(from, &from_ms)) decode_problem(&d, "from", 1150, "must be a time such as 2026-11-20");
  v3_query_int(req, &d, "days", 1, PREVIEW_MOST, &days);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_reading r;
  v3_reading_begin(&r, req);
  const struct calendar *c = calendar_of(req, id);
  struct zone *zone = c ? zone_new(request_pool(req), c->zone) : NULL;
  if (zone) {
    const struct calendar_rules rules = {.zone = zone,
                                         .intervals = c->intervals,
                                         .interval_count = c->interval_count,
                                         .exceptions = c->exceptions,
                                         .exception_count = c->exception_count};
    struct jw w = jw_into(r.body);
    jw_object(&w);
    jw_kbool(&w, "open", calendar_open(&rules, now_ms));
    jw_ktime(&w, "nextChangeAt", calendar_next_change(&rules, now_ms));
    put_openings(&w, &rules, from_ms, from_ms + days * DAY_MS, request_pool(req));
    jw_object_end(&w);
  }
  v3_reading_end(&r, zone != NULL);
}
