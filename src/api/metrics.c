/* Request counters: one row of atomics per route, so that counting takes no lock. */
#include "api/metrics.h"

#include "api/routes.h"
#include "base/mem.h"

#include <stdatomic.h>

#define CLASSES 6 /* 1xx … 5xx, and others */
#define STEPS   8
static const int64_t step_us[STEPS] = {500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000};

struct counters {
  atomic_uint_fast64_t by_class[CLASSES], steps[STEPS + 1], us_total;
};

struct metrics {
  size_t route_count;
  struct counters *rows;
};

struct metrics *metrics_new(void *ctx, size_t route_count) {
  struct metrics *m = mem_new(ctx, struct metrics);
  m->route_count = route_count;
  m->rows = mem_array(m, struct counters, route_count + 1);
  return m;
}

void metrics_request(struct metrics *m, size_t route, int status, int64_t duration_us) {
  struct counters *c = &m->rows[route <= m->route_count ? route : m->route_count];
  int class = status / 100;
  int step = 0;
  while (step < STEPS && duration_us > step_us[step]) step++;
  atomic_fetch_add_explicit(&c->by_class[class > 0 && class < CLASSES ? class : 0], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&c->steps[step], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&c->us_total, (uint64_t)duration_us, memory_order_relaxed);
}

static void write_row(const struct metrics *m, size_t i, struct buf *out) {
  struct counters *c = &m->rows[i];
  const char *method = i < m->route_count ? http_method_name(api_routes[i].method) : "";
  const char *pattern = i < m->route_count ? api_routes[i].pattern : "";
  uint64_t total = 0;
  for (int k = 0; k < CLASSES; k++) {
    uint64_t n = atomic_load(&c->by_class[k]);
    total += n;
    if (n)
      buf_printf(out, "guichet_http_requests_total{method=\"%s\",route=\"%s\",status=\"%dxx\"} %llu\n", method, pattern,
                 k, (unsigned long long)n);
  }
  if (!total) return;
  uint64_t below = 0;
  for (int k = 0; k <= STEPS; k++) {
    char le[32] = "+Inf";
    if (k < STEPS) snprintf(le, sizeof le, "%g", (double)step_us[k] / 1e6);
    below += atomic_load(&c->steps[k]);
    buf_printf(out, "guichet_http_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} %llu\n", method, pattern,
               le, (unsigned long long)below);
  }
  buf_printf(out, "guichet_http_request_seconds_sum{method=\"%s\",route=\"%s\"} %.6f\n", method, pattern,
             (double)atomic_load(&c->us_total) / 1e6);
  buf_printf(out, "guichet_http_request_seconds_count{method=\"%s\",route=\"%s\"} %llu\n", method, pattern,
             (unsigned long long)total);
}

void metrics_write(struct metrics *m, struct buf *out) {
  buf_puts(out, "# TYPE guichet_http_requests_total counter\n# TYPE guichet_http_request_seconds histogram\n");
  for (size_t i = 0; i <= m->route_count; i++) write_row(m, i, out);
}
