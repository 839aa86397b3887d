/* From a service of the setup to core/calendar. Reads the setup only; the zone is looked up each time, which GLib keeps
 * in memory. Any thread. */
#include "store/opening.h"

#include "base/log.h"
#include "base/mem.h"

/* False: it has no hours. */
static bool rules_of(const struct registry *registry, const struct service *service, void *ctx,
                     struct calendar_rules *ret) {
  const struct calendar *c = service->calendar_id ? registry_calendar(registry, service->calendar_id) : NULL;
  const struct zone *zone = c ? zone_new(ctx, c->zone) : NULL;
  if (c && !zone) log_at(LOG_WARN, "calendar.zone", log_i("calendar", c->id), log_t("unknown", c->zone));
  if (!zone) return false;
  *ret = (struct calendar_rules){.zone = zone,
                                 .intervals = c->intervals,
                                 .interval_count = c->interval_count,
                                 .exceptions = c->exceptions,
                                 .exception_count = c->exception_count};
  return true;
}

bool opening_now(const struct registry *registry, const struct service *service, int64_t now_ms) {
  void *pool = mem_pool(NULL, 256);
  struct calendar_rules rules;
  bool open = service->enabled && (!rules_of(registry, service, pool, &rules) || calendar_open(&rules, now_ms));
  mem_free(pool);
  return open;
}

int64_t opening_next(const struct registry *registry, const struct service *service, int64_t now_ms) {
  void *pool = mem_pool(NULL, 256);
  struct calendar_rules rules;
  bool timed = service->enabled && rules_of(registry, service, pool, &rules);
  int64_t at = timed ? calendar_next_change(&rules, now_ms) : 0;
  mem_free(pool);
  return at;
}
