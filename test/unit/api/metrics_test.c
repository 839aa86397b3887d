/* Request figures: counted by route and class, in buckets that add up, all lines of a figure together. */
#include "api/metrics.h"

#include "api/routes.h"
#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  talloc_free(*state);
  return 0;
}

static char *written(void *ctx, struct metrics *m) {
  struct buf out;
  buf_init(&out, ctx, 4096, 1 << 20);
  metrics_write(m, &out);
  assert_false(out.failed);
  return out.data;
}

static void has(const char *text, const char *line) {
  const char *at = strstr(text, line);
  size_t len = strlen(line);
  if (!at || (at > text && at[-1] != '\n') || at[len] != '\n') fail_msg("no line %s in\n%s", line, text);
}

static void counted_by_route_and_class(void **state) {
  struct metrics *m = metrics_new(*state, api_route_count);
  metrics_request(m, 0, 200, 400);
  metrics_request(m, 0, 201, 600);
  metrics_request(m, 0, 401, 2000000);
  metrics_request(m, 1, 503, 1000);
  metrics_request(m, api_route_count, 404, 1); /* no route */
  metrics_request(m, 99999, 404, 1);
  metrics_request(m, 1, 0, 1); /* the client went away */
  metrics_request(m, 1, 999, 1);
  const char *text = written(*state, m);
  has(text, "guichet_http_requests_total{method=\"POST\",route=\"/oauth2/v1/token\",status=\"2xx\"} 2");
  has(text, "guichet_http_requests_total{method=\"POST\",route=\"/oauth2/v1/token\",status=\"4xx\"} 1");
  has(text, "guichet_http_requests_total{method=\"POST\",route=\"/messaging/v1/messages\",status=\"5xx\"} 1");
  has(text, "guichet_http_requests_total{method=\"POST\",route=\"/messaging/v1/messages\",status=\"0xx\"} 2");
  has(text, "guichet_http_requests_total{method=\"\",route=\"\",status=\"4xx\"} 2");
  has(text, "guichet_http_request_seconds_bucket{method=\"POST\",route=\"/oauth2/v1/token\",le=\"0.0005\"} 1");
  has(text, "guichet_http_request_seconds_bucket{method=\"POST\",route=\"/oauth2/v1/token\",le=\"0.001\"} 2");
  has(text, "guichet_http_request_seconds_bucket{method=\"POST\",route=\"/oauth2/v1/token\",le=\"1\"} 2");
  has(text, "guichet_http_request_seconds_bucket{method=\"POST\",route=\"/oauth2/v1/token\",le=\"+Inf\"} 3");
  has(text, "guichet_http_request_seconds_count{method=\"POST\",route=\"/oauth2/v1/token\"} 3");
  has(text, "guichet_http_request_seconds_sum{method=\"POST\",route=\"/oauth2/v1/token\"} 2.001000");
  assert_null(strstr(text, "/metrics\"")); /* what was never asked for is not told */
}

/* The format asks for all lines of a figure in one group, behind its TYPE. */
static void each_figure_is_one_group(void **state) {
  struct metrics *m = metrics_new(*state, api_route_count);
  for (size_t i = 0; i <= api_route_count; i++)
    for (int status = 200; status < 600; status += 100) metrics_request(m, i, status, 700);
  char *text = written(*state, m);
  char group[128] = "";
  int groups = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (sscanf(line, "# TYPE %127s", group) == 1) {
      groups++;
      continue;
    }
    if (strncmp(line, group, strlen(group)) != 0) fail_msg("%s stands among %s", line, group);
  }
  assert_int_equal(groups, 2);
}

static void *count_many(void *arg) {
  for (int i = 0; i < 10000; i++) metrics_request(arg, 2, 200, i);
  return NULL;
}

static void nothing_is_lost_between_threads(void **state) {
  struct metrics *m = metrics_new(*state, api_route_count);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_many, m), 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  has(written(*state, m),
      "guichet_http_request_seconds_count{method=\"GET\",route=\"/messaging/attachments/{uid}/\"} 40000");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(counted_by_route_and_class), TEST(each_figure_is_one_group),
                                     TEST(nothing_is_lost_between_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
