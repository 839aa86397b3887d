/* Time zones, by GLib, which reads the system's zone files; the only file that knows GLib. Owns one handle a zone.
 * Any thread: a handle never changes. Never guesses: an unknown name is no zone. */
#include "base/zone.h"

#include "base/mem.h"

#include <glib.h>
#include <string.h>

#define DAY_S         86400
#define ZONE_NAME_MAX 64

struct zone {
  GTimeZone *tz;
};

static int zone_destroy(struct zone *z) {
  g_time_zone_unref(z->tz);
  return 0;
}

/* Offsets ("+01:00") and rules are zones to GLib, files outside the system's too; to us only names are. */
static bool is_name(const char *name) {
  size_t len = strlen(name);
  bool fits = len > 0 && len < ZONE_NAME_MAX && g_ascii_isalpha(name[0]) && !strstr(name, "..");
  for (const char *c = name; fits && *c; c++) fits = g_ascii_isalnum(*c) || strchr("/_+-", *c);
  return fits && (strchr(name, '/') || strcmp(name, "UTC") == 0);
}

struct zone *zone_new(void *ctx, const char *name) {
  GTimeZone *tz = is_name(name) ? g_time_zone_new_identifier(name) : NULL;
  if (!tz) return NULL;
  struct zone *z = mem_new(ctx, struct zone);
  z->tz = tz;
  talloc_set_destructor(z, zone_destroy);
  return z;
}

bool zone_known(const char *name) {
  struct zone *z = zone_new(NULL, name);
  mem_free(z);
  return z != NULL;
}

int64_t zone_offset_s(const struct zone *z, int64_t utc_s) {
  int interval = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, utc_s);
  return g_time_zone_get_offset(z->tz, interval);
}

/* The clocks change once between the two moments: when? */
static int64_t change_between(const struct zone *z, int64_t before, int64_t after) {
  int64_t offset = zone_offset_s(z, before);
  while (after - before > 1) {
    int64_t middle = before + (after - before) / 2;
    if (zone_offset_s(z, middle) == offset)
      before = middle;
    else
      after = middle;
  }
  return after;
}

int64_t zone_to_utc_s(const struct zone *z, int64_t local_s, bool last) {
  /* By the clock as it stood a day before and as it stands a day after; where they differ, a change is near. */
  int64_t early = local_s - zone_offset_s(z, local_s - DAY_S), late = local_s - zone_offset_s(z, local_s + DAY_S);
  bool early_fits = local_s - zone_offset_s(z, early) == early, late_fits = local_s - zone_offset_s(z, late) == late;
  if (early_fits && late_fits) return (early < late) == last ? late : early;
  if (early_fits || late_fits) return early_fits ? early : late;
  return change_between(z, local_s - DAY_S, local_s + DAY_S);
}
