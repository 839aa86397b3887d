/* Outgoing requests: answers of every kind, the guard against private addresses in all spellings, keep-alive, wake-up.
 */
#include "jobs/outbound.h"

#include "base/mem.h"
#include "sink.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct got {
  int calls, status;
  bool complete, body_cut, refused;
  char error[320], type[80];
  int64_t retry_after_ms;
  char body[64];
  size_t body_len;
};

struct world {
  struct outbound *o;
  struct conf conf;
  struct sink *sink;
  char head[4096], body[4096];
};

static void keep(void *arg, const struct outbound_result *r) {
  struct got *g = arg;
  g->calls++;
  g->status = r->status;
  g->complete = r->complete;
  g->body_cut = r->body_cut;
  g->refused = r->refused_address;
  g->retry_after_ms = r->retry_after_ms;
  snprintf(g->error, sizeof g->error, "%s", r->error);
  snprintf(g->type, sizeof g->type, "%s", r->content_type);
  g->body_len = r->body_len;
  if (r->body_len) memcpy(g->body, r->body, r->body_len < sizeof g->body ? r->body_len : sizeof g->body - 1);
}

static const struct {
  const char *path, *answer;
  bool close;
  int status;
  bool complete, body_cut;
  int64_t retry_after_ms;
  const char *body;
} answers[] = {
    {"/ok", SINK_OK, false, 200, true, false, 0, "ok"},
    {"/500", "HTTP/1.1 500 Broken\r\nContent-Length: 4\r\n\r\noops", false, 500, true, false, 0, "oops"},
    {"/302", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false, 302, true, false, 0, ""},
    {"/204", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, true, false, 0, ""},
    {"/503", "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", false, 503, true, false, 120000, ""},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", false, 200,
     true, false, 0, "abc"},
    {"/until-close", "HTTP/1.1 200 OK\r\n\r\nabc", true, 200, true, false, 0, "abc"},
    {"/big", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789", false, 200, true,
     true, 0, "01234567890123456789012345678901"},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nabc", true, 200, false, false, 0, "abc"},
    {"/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", true, 200, false, false, 0, ""},
    {"/nothing", NULL, true, 0, false, false, 0, ""},
    {"/garbage", "%PDF-1.7 this is no answer\r\n\r\n", true, 0, false, false, 0, ""},
    {"/half-line", "HTTP/1.1 2", true, 0, false, false, 0, ""},
    {"/continue-only", "HTTP/1.1 100 Continue\r\n\r\n", true, 0, false, false, 0, ""},
    {"/hang", NULL, false, 0, false, false, 0, ""},
    {"/hang-in-body", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", false, 200, false, false, 0, "ab"},
};

static void answer(void *arg, const struct sink_request *q, struct sink_reply *reply) {
  struct world *w = arg;
  snprintf(w->head, sizeof w->head, "%s", q->head);
  snprintf(w->body, sizeof w->body, "%s", q->body);
  for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
    if (strcmp(q->path, answers[i].path) != 0) continue;
    reply->answer = answers[i].answer;
    reply->close = answers[i].close;
  }
}

static const struct cidr_list *networks(void *ctx, const char *text) {
  const struct cidr_list *list;
  char err[120];
  assert_true(cidr_list_parse(ctx, text, &list, err));
  return list;
}

static int setup(void **state) {
  mem_init();
  struct world *w = mem_new(NULL, struct world);
  w->sink = sink_start(answer, w);
  w->o = outbound_new(w, 8);
  w->conf.allow_private_targets = networks(w, "127.0.0.0/8");
  outbound_set_conf(w->o, &w->conf);
  *state = w;
  return 0;
}

static int teardown(void **state) {
  struct world *w = *state;
  outbound_free(w->o);
  sink_stop(w->sink);
  mem_free(w);
  return 0;
}

static void run_until(struct outbound *o, const int *calls, int want) {
  time_t end = time(NULL) + 20;
  while (*calls < want && time(NULL) < end) outbound_run(o, 100);
  assert_int_equal(*calls, want);
}

static struct got request(struct world *w, const char *url, const char *method) {
  struct got g = {0};
  char err[160];
  static const char *const headers[] = {"Content-Type: application/json", "X-One: 1", NULL};
  const struct outbound_request r = {.method = method,
                                     .url = url,
                                     .headers = headers,
                                     .body = "{\"a\":1}",
                                     .body_len = 7,
                                     .timeout_ms = 400,
                                     .body_max = 32,
                                     .done = keep,
                                     .arg = &g};
  assert_true(outbound_send(w->o, &r, err));
  run_until(w->o, &g.calls, 1);
  return g;
}

static void answers_of_all_kinds(void **state) {
  struct world *w = *state;
  for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
    struct got g = request(w, sink_url(w->sink, answers[i].path), "POST");
    print_message("%s: %d %s\n", answers[i].path, g.status, g.error);
    assert_int_equal(g.complete, answers[i].complete);
    if (answers[i].status || g.complete) assert_int_equal(g.status, answers[i].status);
    assert_int_equal(g.body_cut, answers[i].body_cut);
    assert_int_equal(g.retry_after_ms, answers[i].retry_after_ms);
    assert_int_equal(g.body_len, strlen(answers[i].body));
    assert_memory_equal(g.body, answers[i].body, g.body_len);
    assert_true(g.complete ? !g.error[0] : g.error[0] != '\0');
    assert_false(g.refused);
  }
  assert_int_equal(outbound_active(w->o), 0);
}

static void a_post_is_sent_as_given(void **state) {
  struct world *w = *state;
  struct got g = request(w, sink_url(w->sink, "/ok"), "POST");
  assert_int_equal(g.status, 200);
  assert_string_equal(w->body, "{\"a\":1}");
  assert_non_null(strstr(w->head, "POST /ok HTTP/1.1\r\n"));
  assert_non_null(strstr(w->head, "\r\nContent-Type: application/json\r\n"));
  assert_non_null(strstr(w->head, "\r\nX-One: 1\r\n"));
  assert_non_null(strstr(w->head, "\r\nContent-Length: 7\r\n"));
  assert_non_null(strstr(w->head, "\r\nUser-Agent: Guichet/"));
  assert_null(strcasestr(w->head, "expect:"));
  assert_null(strcasestr(w->head, "cookie:"));
}

static void a_get_after_a_post_has_no_body(void **state) {
  struct world *w = *state;
  request(w, sink_url(w->sink, "/ok"), "POST");
  struct got g = request(w, sink_url(w->sink, "/ok"), "GET");
  assert_int_equal(g.status, 200);
  assert_non_null(strstr(w->head, "GET /ok HTTP/1.1\r\n"));
  assert_null(strcasestr(w->head, "content-length:"));
  assert_string_equal(w->body, "");
}

static void connections_are_kept(void **state) {
  struct world *w = *state;
  for (int i = 0; i < 50; i++) assert_int_equal(request(w, sink_url(w->sink, "/ok"), "POST").status, 200);
  assert_int_equal(sink_connections(w->sink), 1);
}

static void many_at_once(void **state) {
  struct world *w = *state;
  struct got g = {0};
  char err[160];
  const struct outbound_request r = {.method = "POST",
                                     .url = sink_url(w->sink, "/ok"),
                                     .body = "x",
                                     .body_len = 1,
                                     .timeout_ms = 10000,
                                     .body_max = 32,
                                     .done = keep,
                                     .arg = &g};
  for (int i = 0; i < 200; i++) assert_true(outbound_send(w->o, &r, err));
  assert_int_equal(outbound_active(w->o), 200);
  run_until(w->o, &g.calls, 200);
  assert_int_equal(g.status, 200);
  assert_int_equal(outbound_active(w->o), 0);
}

/* %d is the port of a listener on loopback that must see nobody. */
static const char *const private_urls[] = {
    "http://127.0.0.1:%d/",
    "http://127.0.0.2:%d/",
    "http://127.1:%d/",
    "http://127.0.1:%d/",
    "http://2130706433:%d/",
    "http://0x7f000001:%d/",
    "http://0x7f.1:%d/",
    "http://0x7f.0x0.0x0.0x1:%d/",
    "http://0177.0.0.1:%d/",
    "http://017700000001:%d/",
    "http://0177.1:%d/",
    "http://127.0.0.1.:%d/",
    "http://0:%d/",
    "http://0.0.0.0:%d/",
    "http://0x0:%d/",
    "http://localhost:%d/",
    "http://LOCALHOST:%d/",
    "http://localhost.:%d/",
    "http://[::1]:%d/",
    "http://[::]:%d/",
    "http://[0:0:0:0:0:0:0:1]:%d/",
    "http://[::ffff:127.0.0.1]:%d/",
    "http://[::ffff:7f00:1]:%d/",
    "http://[::127.0.0.1]:%d/",
    "http://[64:ff9b::127.0.0.1]:%d/",
    "http://[64:ff9b::7f00:1]:%d/",
    "http://[2002:7f00:1::]:%d/",
    "http://[fe80::1]:%d/",
    "http://[fe80::1%%25lo]:%d/",
    "http://[fc00::1]:%d/",
    "http://[fd00::1]:%d/",
    "http://[ff02::1]:%d/",
    "http://10.0.0.1:%d/",
    "http://172.16.0.1:%d/",
    "http://192.168.0.1:%d/",
    "http://169.254.169.254:%d/",
    "http://2852039166:%d/",
    "http://0xa9fea9fe:%d/",
    "http://100.64.0.1:%d/",
    "http://224.0.0.1:%d/",
    "http://255.255.255.255:%d/",
    "http://240.0.0.1:%d/",
    "http://127。0.0.1:%d/",
    "http://①②⑦.0.0.1:%d/",
    "http://127%%2e0%%2e0%%2e1:%d/",
    "https://127.0.0.1:%d/",
    "http://ip6-localhost:%d/",
};

static void private_addresses_are_refused_in_every_spelling(void **state) {
  struct world *w = *state;
  w->conf.allow_private_targets = networks(w, "");
  int refused = 0;
  for (size_t i = 0; i < ARRAY_LEN(private_urls); i++) {
    char url[256], err[160] = "";
    struct got g = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(url, sizeof url, private_urls[i], sink_port(w->sink));
#pragma GCC diagnostic pop
    const struct outbound_request r = {.method = "GET", .url = url, .timeout_ms = 3000, .done = keep, .arg = &g};
    if (outbound_send(w->o, &r, err)) {
      run_until(w->o, &g.calls, 1);
      print_message("%s: %s\n", url, g.error);
      assert_false(g.complete);
      assert_int_equal(g.status, 0);
      refused += g.refused;
    } else {
      print_message("%s: not sent: %s\n", url, err);
      assert_true(err[0]);
    }
  }
  assert_true(refused >= 35); /* the rest do not parse or do not resolve */
  assert_int_equal(sink_connections(w->sink), 0);
}

static void the_allow_list_holds_for_kept_connections_too(void **state) {
  struct world *w = *state;
  assert_int_equal(request(w, sink_url(w->sink, "/ok"), "POST").status, 200);
  w->head[0] = '\0';
  w->conf.allow_private_targets = networks(w, "10.0.0.0/8");
  struct got g = request(w, sink_url(w->sink, "/ok"), "POST");
  assert_false(g.complete);
  assert_true(g.refused);
  assert_string_equal(g.error, "the address 127.0.0.1 is private and allow_private_targets does not name it");
  assert_string_equal(w->head, "");
}

static void without_settings_all_private_addresses_are_refused(void **state) {
  struct world *w = *state;
  outbound_set_conf(w->o, NULL);
  assert_true(request(w, sink_url(w->sink, "/ok"), "POST").refused);
  assert_int_equal(sink_connections(w->sink), 0);
}

static void unusable_urls_are_not_sent(void **state) {
  struct world *w = *state;
  static const char *const urls[] = {
      "",
      "example.com/x",
      "ftp://example.com/",
      "file:///etc/passwd",
      "gopher://127.0.0.1:70/_x",
      "unix:/run/x",
      "dict://127.0.0.1/",
      "HTTPX://a/",
      "http://user@127.0.0.1/",
      "http://user:pw@127.0.0.1/",
      "http://:pw@127.0.0.1/",
      "http://",
      "http:///path",
      "/x",
      "?x",
      "x",
      "http://127.0.0.1:99999/",
      "http://a b/",
      "http://a\r\nHost: b/",
      "//127.0.0.1/",
      "javascript:alert(1)",
      "http://[::1/",
      "smb://a/b",
      "ldap://127.0.0.1/",
  };
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
    struct got g = {0};
    char err[160] = "";
    const struct outbound_request r = {.method = "GET", .url = urls[i], .timeout_ms = 300, .done = keep, .arg = &g};
    if (outbound_send(w->o, &r, err)) fail_msg("%s was sent", urls[i]);
    assert_true(err[0]);
    assert_int_equal(g.calls, 0);
  }
  char longer[2100], err[160];
  struct got g = {0};
  snprintf(longer, sizeof longer, "http://127.0.0.1/%01990d", 0);
  const struct outbound_request r = {.method = "GET", .url = longer, .timeout_ms = 300, .done = keep, .arg = &g};
  assert_false(outbound_send(w->o, &r, err));
  assert_string_equal(err, "the URL is longer than 2000 characters");
}

static void the_environment_proxy_is_ignored(void **state) {
  struct world *w = *state;
  setenv("http_proxy", "http://127.0.0.1:1/", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
  assert_int_equal(request(w, sink_url(w->sink, "/ok"), "POST").status, 200);
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

static void *wake_up(void *arg) {
  outbound_wake(arg);
  return NULL;
}

static void waking_ends_the_wait(void **state) {
  struct world *w = *state;
  pthread_t thread;
  pthread_create(&thread, NULL, wake_up, w->o);
  outbound_run(w->o, 3600000); /* would outlast the test's time limit */
  pthread_join(thread, NULL);
}

static void freeing_breaks_off_and_tells(void **state) {
  struct world *w = *state;
  struct got g = {0};
  char err[160];
  const struct outbound_request r = {
      .method = "GET", .url = sink_url(w->sink, "/hang"), .timeout_ms = 60000, .body_max = 1, .done = keep, .arg = &g};
  assert_true(outbound_send(w->o, &r, err));
  outbound_run(w->o, 20);
  assert_int_equal(g.calls, 0);
  outbound_free(w->o);
  w->o = NULL;
  assert_int_equal(g.calls, 1);
  assert_false(g.complete);
  assert_true(g.error[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(answers_of_all_kinds, setup, teardown),
      cmocka_unit_test_setup_teardown(a_post_is_sent_as_given, setup, teardown),
      cmocka_unit_test_setup_teardown(a_get_after_a_post_has_no_body, setup, teardown),
      cmocka_unit_test_setup_teardown(connections_are_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(private_addresses_are_refused_in_every_spelling, setup, teardown),
      cmocka_unit_test_setup_teardown(the_allow_list_holds_for_kept_connections_too, setup, teardown),
      cmocka_unit_test_setup_teardown(without_settings_all_private_addresses_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(unusable_urls_are_not_sent, setup, teardown),
      cmocka_unit_test_setup_teardown(the_environment_proxy_is_ignored, setup, teardown),
      cmocka_unit_test_setup_teardown(waking_ends_the_wait, setup, teardown),
      cmocka_unit_test_setup_teardown(freeing_breaks_off_and_tells, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
