/* /health says whether we can store and deliver, /metrics how much and how fast. On HTTP threads; reads only. */
#include "api/ops.h"

#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "store/conversation.h"
#include "store/delivery.h"

#include <stdio.h>
#include <string.h>

static struct buf *new_body(struct request *req, size_t max) {
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 1024, max);
  return b;
}

#define DELIVERER_SILENT_MS 30000

void ops_health(struct request *req) {
  const struct app *a = app();
  struct store_stats st;
  struct deliver_stats ds;
  store_stats(a->store, &st);
  a->deliver_stats(&ds);
  bool deliverer_ok = clock_wall_ms() - ds.last_progress_ms < DELIVERER_SILENT_MS;
  bool store_ok = !st.down && !st.full_now && !st.unreachable;
  bool ok = store_ok && deliverer_ok && !a->stopping;
  struct buf *b = new_body(req, 8192);
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_kstr(&w, "status", st.down ? "down" : a->stopping ? "stopping" : ok ? "ok" : "degraded");
  jw_key(&w, "store");
  jw_object(&w);
  jw_kbool(&w, "ok", store_ok);
  if (!store_ok)
    jw_kstr(&w, "why",
            st.down          ? "the store failed; the server must be restarted"
            : st.unreachable ? "PostgreSQL cannot be reached; it is tried again until it answers"
                             : "there is no room on the disk, or the store is locked");
  jw_kint(&w, "waiting", st.queue_len);
  jw_object_end(&w);
  jw_key(&w, "delivery");
  jw_object(&w);
  jw_kbool(&w, "ok", deliverer_ok);
  if (!deliverer_ok) jw_kstr(&w, "why", "the deliverer makes no progress");
  jw_kint(&w, "underWay", ds.active);
  jw_kint(&w, "waiting", ds.loaded);
  jw_kint(&w, "failingConnectors", ds.channels_failing);
  jw_object_end(&w);
  jw_kint(&w, "uptimeSeconds", (clock_wall_ms() - a->started_at) / 1000);
  jw_object_end(&w);
  reply_header(req, "Cache-Control", "no-store");
  reply_json(req, ok ? 200 : 503, b);
}

static int64_t resident_bytes(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return 0;
  if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
  fclose(f);
  return (int64_t)pages * 4096;
}

struct figure {
  const char *name, *type, *help;
  double value;
};

static void write_figures(struct buf *out, const struct figure *figures, size_t count) {
  for (size_t i = 0; i < count; i++)
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.10g\n", figures[i].name, figures[i].help, figures[i].name,
               figures[i].type, figures[i].name, figures[i].value);
}

/* Of one instance, for the figures that are asked of the store. */
struct instance_figures {
  long long id, queued, pending, parked;
  double queued_s, pending_s, parked_s; /* the oldest */
};

static double age_s(int64_t since_ms, int64_t now_ms) {
  return since_ms ? (double)(now_ms - since_ms) / 1000 : 0.0;
}

static struct instance_figures figures_of(struct db *db, int64_t id) {
  int64_t now = clock_wall_ms(), oldest = 0;
  struct instance_figures f = {.id = (long long)id};
  f.queued = interaction_count(db, id, INTERACTION_QUEUED, &oldest);
  f.queued_s = age_s(oldest, now);
  f.pending = delivery_count(db, id, DELIVERY_PENDING, &oldest);
  f.pending_s = age_s(oldest, now);
  f.parked = delivery_count(db, id, DELIVERY_PARKED, &oldest);
  f.parked_s = age_s(oldest, now);
  return f;
}

static void write_instances(struct request *req, struct buf *out) {
  const struct registry *r = caller_of(req)->registry;
  struct instance_figures *f = mem_array(request_pool(req), struct instance_figures, (size_t)r->instance_count);
  struct db *db = store_read_begin(app()->store);
  for (int i = 0; i < r->instance_count; i++) f[i] = figures_of(db, r->instances[i].id);
  store_read_end(app()->store, db);
  buf_puts(out, "# TYPE guichet_interactions_queued gauge\n");
  for (int i = 0; i < r->instance_count; i++)
    buf_printf(out, "guichet_interactions_queued{instance=\"%lld\"} %lld\n", f[i].id, f[i].queued);
  buf_puts(out, "# TYPE guichet_interactions_queued_oldest_seconds gauge\n");
  for (int i = 0; i < r->instance_count; i++)
    buf_printf(out, "guichet_interactions_queued_oldest_seconds{instance=\"%lld\"} %.3f\n", f[i].id, f[i].queued_s);
  buf_puts(out, "# TYPE guichet_deliveries gauge\n");
  for (int i = 0; i < r->instance_count; i++) {
    buf_printf(out, "guichet_deliveries{instance=\"%lld\",state=\"pending\"} %lld\n", f[i].id, f[i].pending);
    buf_printf(out, "guichet_deliveries{instance=\"%lld\",state=\"parked\"} %lld\n", f[i].id, f[i].parked);
  }
  buf_puts(out, "# TYPE guichet_deliveries_oldest_seconds gauge\n");
  for (int i = 0; i < r->instance_count; i++) {
    buf_printf(out, "guichet_deliveries_oldest_seconds{instance=\"%lld\",state=\"pending\"} %.3f\n", f[i].id,
               f[i].pending_s);
    buf_printf(out, "guichet_deliveries_oldest_seconds{instance=\"%lld\",state=\"parked\"} %.3f\n", f[i].id,
               f[i].parked_s);
  }
}

void ops_metrics(struct request *req) {
  const struct app *a = app();
  if (!cidr_list_has(request_conf(req)->metrics_from, request_peer(req))) {
    fail_by_path(req, 403, "metrics are not for this address; see the setting metrics_from");
    return;
  }
  struct store_stats st;
  struct deliver_stats ds;
  struct http_stats hs;
  struct routing_stats rs;
  store_stats(a->store, &st);
  a->deliver_stats(&ds);
  a->routing_stats(&rs);
  http_server_stats(a->http, &hs);
  const struct figure figures[] = {
      {"guichet_uptime_seconds", "gauge", "Since the start", (double)(clock_wall_ms() - a->started_at) / 1000},
      {"guichet_resident_bytes", "gauge", "Memory in use", (double)resident_bytes()},
      {"guichet_http_connections", "gauge", "Open client connections", hs.connections},
      {"guichet_http_body_bytes", "gauge", "Request bodies held in memory", (double)hs.body_bytes_held},
      {"guichet_http_refused_total", "counter", "Requests refused for their framing, a limit or a deadline",
       (double)hs.refused},
      {"guichet_live_streams", "gauge", "Open streams of live events", live_count(a->live)},
      {"guichet_store_commits_total", "counter", "Commits", (double)st.commits},
      {"guichet_store_jobs_total", "counter", "Jobs in these commits", (double)st.jobs},
      {"guichet_store_rejected_total", "counter", "Jobs undone by themselves", (double)st.rejected},
      {"guichet_store_no_room_total", "counter", "Jobs refused for want of room", (double)st.full},
      {"guichet_store_commit_seconds_total", "counter", "Time spent in commits", (double)st.commit_us_total / 1e6},
      {"guichet_store_commit_seconds_max", "gauge", "Longest commit since the last scrape",
       (double)st.commit_us_max / 1e6},
      {"guichet_store_commit_jobs_max", "gauge", "Most jobs in one commit since the last scrape",
       (double)st.jobs_in_commit_max},
      {"guichet_store_queue", "gauge", "Jobs waiting for the writer", (double)st.queue_len},
      {"guichet_store_log_bytes", "gauge", "Write-ahead log", (double)st.wal_bytes},
      {"guichet_store_bytes", "gauge", "The store's file", (double)st.db_bytes},
      {"guichet_store_down", "gauge", "1 when the store failed for good", st.down},
      {"guichet_store_unreachable", "gauge", "1 while PostgreSQL cannot be reached", st.unreachable},
      {"guichet_delivery_attempts_total", "counter", "Attempts to deliver", (double)ds.attempts},
      {"guichet_delivery_delivered_total", "counter", "Deliveries taken by partners", (double)ds.delivered},
      {"guichet_delivery_failed_total", "counter", "Attempts that failed", (double)ds.failed},
      {"guichet_delivery_parked_total", "counter", "Deliveries parked", (double)ds.parked},
      {"guichet_delivery_age_seconds_total", "counter", "From commit to delivery, summed",
       (double)ds.age_ms_total / 1000},
      {"guichet_delivery_under_way", "gauge", "Attempts under way", ds.active},
      {"guichet_delivery_loaded", "gauge", "Pending deliveries in memory", ds.loaded},
      {"guichet_routing_offers_total", "counter", "Offers made to agents", (double)rs.offers},
      {"guichet_routing_refused_total", "counter", "Decisions that had been overtaken", (double)rs.refused},
      {"guichet_routing_due_total", "counter", "Timers that fell due", (double)rs.due},
      {"guichet_routing_decision_seconds_max", "gauge", "Longest decision since the last scrape",
       (double)rs.decide_us_max / 1e6},
      {"guichet_delivery_failing_connectors", "gauge", "Connectors whose endpoint fails", ds.channels_failing},
  };
  struct buf *b = new_body(req, 4 << 20);
  write_figures(b, figures, ARRAY_LEN(figures));
  write_instances(req, b);
  metrics_write(a->metrics, b);
  reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", b);
}
