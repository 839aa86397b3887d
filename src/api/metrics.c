/* Request counters: one row of atomics per route, so that counting takes no lock. */
#include "api/metrics.h"

#include "api/routes.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>

#define CLASSES    6 /* 1xx … 5xx, and others */
#define STEPS      8
#define LABELS_LEN 256
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

/* The labels that name a row. */
static const char *labels_of(const struct metrics *m, size_t i, char out[static LABELS_LEN]) {
  const char *method = i < m->route_count ? http_method_name(api_routes[i].method) : "";
  const char *pattern = i < m->route_count ? api_routes[i].pattern : "";
  snprintf(out, LABELS_LEN, "method=\"%s\",route=\"%s\"", method, pattern);
  return out;
}

static void write_requests(const struct metrics *m, size_t i, struct buf *out) {
  char labels[LABELS_LEN];
  for (int k = 0; k < CLASSES; k++) {
    uint64_t n = atomic_load(&m->rows[i].by_class[k]);
    if (n)
      buf_printf(out, "guichet_http_requests_total{%s,status=\"%dxx\"} %llu\n", labels_of(m, i, labels), k,
                 (unsigned long long)n);
  }
}

static void write_seconds(const struct metrics *m, size_t i, struct buf *out) {
  struct counters *c = &m->rows[i];
  char labels[LABELS_LEN];
  uint64_t total = 0;
  for (int k = 0; k <= STEPS; k++) total += atomic_load(&c->steps[k]);
  if (!total) return;
  labels_of(m, i, labels);
  uint64_t below = 0;
  for (int k = 0; k <= STEPS; k++) {
    char le[32] = "+Inf";
    if (k < STEPS) snprintf(le, sizeof le, "%g", (double)step_us[k] / 1e6);
    below += atomic_load(&c->steps[k]);
    buf_printf(out, "guichet_http_request_seconds_bucket{%s,le=\"%s\"} %llu\n", labels, le, (unsigned long long)below);
  }
  buf_printf(out, "guichet_http_request_seconds_sum{%s} %.6f\n", labels, (double)atomic_load(&c->us_total) / 1e6);
  buf_printf(out, "guichet_http_request_seconds_count{%s} %llu\n", labels, (unsigned long long)below);
}

/* All lines of a figure stand together, as the format asks. */
void metrics_write(struct metrics *m, struct buf *out) {
  buf_puts(out, "# TYPE guichet_http_requests_total counter\n");
  for (size_t i = 0; i <= m->route_count; i++) write_requests(m, i, out);
  buf_puts(out, "# TYPE guichet_http_request_seconds histogram\n");
  for (size_t i = 0; i <= m->route_count; i++) write_seconds(m, i, out);
}
