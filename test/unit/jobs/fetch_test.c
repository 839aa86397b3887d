/* Files named by URL: fetched, typed and stored; refused, too large, missing; tried again, and at last given up. */
#include "jobs/fetch.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "outbox.h"
#include "sink.h"
#include "store/attachment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outbox *o;
static struct sink *sink;
static int64_t channel;
static atomic_int hits, good_after;
static char large[200000];

static void serve(void *arg, const struct sink_request *q, struct sink_reply *reply) {
  (void)arg;
  int n = atomic_fetch_add(&hits, 1);
  if (strcmp(q->path, "/png") == 0) {
    static const char png[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\nContent-Type: text/html\r\n\r\n"
                              "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08";
    reply->answer = png;
    reply->answer_len = sizeof png - 1;
  } else if (strcmp(q->path, "/empty") == 0) {
    reply->answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  } else if (strcmp(q->path, "/large") == 0) {
    reply->answer = large;
    reply->answer_len = sizeof large;
  } else if (strcmp(q->path, "/moody") == 0) {
    reply->answer = n < atomic_load(&good_after) ? SINK_500 : SINK_OK;
  } else if (strcmp(q->path, "/elsewhere") == 0) {
    reply->answer = "HTTP/1.1 302 Found\r\nLocation: /png\r\nContent-Length: 0\r\n\r\n";
  } else if (strcmp(q->path, "/hang") != 0) {
    reply->answer = SINK_500;
  }
}

static int setup(void **state) {
  (void)state;
  char secret[CLIENT_SECRET_LEN];
  atomic_store(&hits, 0);
  memset(large, 'x', sizeof large);
  int n = snprintf(large, sizeof large, "HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n");
  large[n] = 'x';
  sink = sink_start(serve, NULL);
  o = outbox_new();
  o->conf.delivery_backoff_first = 1; /* so the first wait is 60 ms */
  channel = outbox_channel(o, "a", "", secret);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  outbox_free(o);
  sink_stop(sink);
  return 0;
}

static enum job_result insert(struct db *tx, void *arg) {
  return attachment_insert(tx, arg, NULL, 0, clock_wall_ms()) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static int64_t add(const char *url) {
  char uid[ATTACHMENT_UID_LEN];
  id_random_hex(16, uid);
  struct attachment a = {.id = id_next(),
                         .instance_id = o->instance_id,
                         .channel_id = channel,
                         .interaction_id = 1,
                         .message_id = 1,
                         .uid = uid,
                         .ext_id = "1",
                         .name = "f",
                         .mime_type = "image/png",
                         .found_type = "",
                         .url = url};
  assert_int_equal(store_run_now(o->store, insert, &a), STORE_OK);
  return a.id;
}

struct found {
  struct attachment a;
  char type[64], error[200];
};

static struct found get(int64_t id) {
  struct found f = {0};
  void *pool = mem_pool(NULL, 4096);
  struct db *db = store_read_begin(o->store);
  assert_true(attachment_get(db, pool, o->instance_id, id, &f.a));
  snprintf(f.type, sizeof f.type, "%s", f.a.found_type ? f.a.found_type : "");
  snprintf(f.error, sizeof f.error, "%s", f.a.last_error ? f.a.last_error : "");
  store_read_end(o->store, db);
  mem_free(pool);
  return f;
}

static bool settled(void *arg) {
  return get(*(int64_t *)arg).a.state != ATTACHMENT_TO_FETCH;
}

static struct found wait_for(int64_t id) {
  outbox_wait(settled, &id, "the file is fetched or given up");
  return get(id);
}

static bool was_hit(void *arg) {
  (void)arg;
  return atomic_load(&hits) > 0;
}

static bool tried(void *arg) {
  return get(*(int64_t *)arg).a.attempts > 0;
}

static void a_file_is_fetched_typed_and_stored(void **state) {
  (void)state;
  outbox_start(o);
  int64_t id = add(sink_url(sink, "/png"));
  struct found f = wait_for(id);
  assert_int_equal(f.a.state, ATTACHMENT_STORED);
  assert_int_equal(f.a.size, 25);
  assert_string_equal(f.type, "image/png");
  char bytes[100];
  struct db *db = store_read_begin(o->store);
  assert_int_equal(attachment_read(db, id, 0, bytes, sizeof bytes), 25);
  store_read_end(o->store, db);
  assert_memory_equal(bytes, "\x89PNG", 4);
}

static void what_waited_before_the_start_is_fetched(void **state) {
  (void)state;
  int64_t ids[20];
  for (int i = 0; i < 20; i++) ids[i] = add(sink_url(sink, i % 2 ? "/png" : "/empty"));
  outbox_start(o);
  for (int i = 0; i < 20; i++) {
    struct found f = wait_for(ids[i]);
    assert_int_equal(f.a.state, ATTACHMENT_STORED);
    assert_int_equal(f.a.size, i % 2 ? 25 : 0);
  }
}

static void failures_are_tried_again(void **state) {
  (void)state;
  atomic_store(&good_after, 2);
  outbox_start(o);
  struct found f = wait_for(add(sink_url(sink, "/moody")));
  assert_int_equal(f.a.state, ATTACHMENT_STORED);
  assert_int_equal(f.a.attempts, 3);
  assert_int_equal(atomic_load(&hits), 3);
}

static void after_eight_attempts_it_is_given_up(void **state) {
  (void)state;
  o->conf.delivery_backoff_first = 0;
  outbox_start(o);
  struct found f = wait_for(add(sink_url(sink, "/gone")));
  assert_int_equal(f.a.state, ATTACHMENT_FAILED);
  assert_int_equal(f.a.attempts, 8);
  assert_int_equal(atomic_load(&hits), 8);
  assert_string_equal(f.error, "the address answered 500");
}

static void a_file_beyond_the_limit_is_given_up_at_once(void **state) {
  (void)state;
  outbox_start(o);
  struct found f = wait_for(add(sink_url(sink, "/large")));
  assert_int_equal(f.a.state, ATTACHMENT_FAILED);
  assert_int_equal(f.a.attempts, 1);
  assert_string_equal(f.error, "the file is larger than 65536 bytes");
}

static void an_unusable_address_is_given_up_at_once(void **state) {
  (void)state;
  outbox_start(o);
  static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/", "nonsense"};
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
    struct found f = wait_for(add(urls[i]));
    assert_int_equal(f.a.state, ATTACHMENT_FAILED);
    assert_true(f.error[0]);
  }
  assert_int_equal(sink_connections(sink), 0);
}

static void private_addresses_and_redirects_are_not_followed(void **state) {
  (void)state;
  int64_t id = add(sink_url(sink, "/elsewhere"));
  outbox_start(o);
  outbox_wait(tried, &id, "an attempt");
  outbox_stop(o, 5000);
  assert_string_equal(get(id).error, "the address answered 302");
  assert_int_equal(atomic_load(&hits), 1);
  outbox_allow(o, "");
  id = add(sink_url(sink, "/png"));
  outbox_start(o);
  outbox_wait(tried, &id, "an attempt");
  outbox_stop(o, 5000);
  assert_non_null(strstr(get(id).error, "is private"));
  assert_int_equal(atomic_load(&hits), 1);
}

static void a_stop_breaks_off_and_the_next_start_fetches(void **state) {
  (void)state;
  int64_t id = add(sink_url(sink, "/hang"));
  outbox_start(o);
  outbox_wait(was_hit, NULL, "a request");
  outbox_stop(o, 5000); /* does not wait for files */
  struct found f = get(id);
  assert_int_equal(f.a.state, ATTACHMENT_TO_FETCH);
  assert_int_equal(f.a.attempts, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_file_is_fetched_typed_and_stored),
      T(what_waited_before_the_start_is_fetched),
      T(failures_are_tried_again),
      T(after_eight_attempts_it_is_given_up),
      T(a_file_beyond_the_limit_is_given_up_at_once),
      T(an_unusable_address_is_given_up_at_once),
      T(private_addresses_and_redirects_are_not_followed),
      T(a_stop_breaks_off_and_the_next_start_fetches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
