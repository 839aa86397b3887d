/* The deliverer over a real store and a real endpoint: what arrives, in which order, how often, and what is written
 * down. */
#include "jobs/deliver.h"

#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "outbox.h"
#include "sink.h"
#include "store/event.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOT_MAX 4096

/* What the endpoint saw. Bodies are "customer number". */
struct seen {
  pthread_mutex_t lock;
  int count, ok;
  struct {
    int customer, number, status;
    char hash[41], id[25], path[16];
  } got[GOT_MAX];
  int (*status)(struct seen *s, int customer, int number); /* 0: break the connection; -1: say nothing; NULL: 200 */
  const char *answer;                                      /* for a status that is none of ours */
  bool awake;
  unsigned dice;
};

static struct seen seen;
static struct outbox *o;
static struct sink *sink;
static char secret[CLIENT_SECRET_LEN];

static void copy_header(const char *head, const char *name, char *out, size_t max) {
  const char *at = strcasestr(head, name);
  out[0] = '\0';
  if (at) snprintf(out, max, "%.*s", (int)strcspn(at + strlen(name) + 2, "\r"), at + strlen(name) + 2);
}

static void endpoint(void *arg, const struct sink_request *q, struct sink_reply *reply) {
  struct seen *s = arg;
  pthread_mutex_lock(&s->lock);
  int customer = 0, number = 0, n = s->count;
  sscanf(q->body, "%d %d", &customer, &number);
  int status = s->status ? s->status(s, customer, number) : 200;
  if (n < GOT_MAX) {
    s->got[n].customer = customer;
    s->got[n].number = number;
    s->got[n].status = status;
    copy_header(q->head, "Body-Hash", s->got[n].hash, sizeof s->got[n].hash);
    copy_header(q->head, "webhook-id", s->got[n].id, sizeof s->got[n].id);
    snprintf(s->got[n].path, sizeof s->got[n].path, "%s", q->path);
    s->count++;
  }
  s->ok += status == 200;
  reply->close = status == 0;
  if (status == 200)
    reply->answer = SINK_OK;
  else if (status > 0)
    reply->answer = s->answer ? s->answer : SINK_500;
  pthread_mutex_unlock(&s->lock);
}

static int setup(void **state) {
  (void)state;
  memset(&seen, 0, sizeof seen);
  pthread_mutex_init(&seen.lock, NULL);
  sink = sink_start(endpoint, &seen);
  o = outbox_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  outbox_free(o);
  sink_stop(sink);
  return 0;
}

static int64_t add(int64_t channel, int customer, int number) {
  char payload[32];
  snprintf(payload, sizeof payload, "%d %d", customer, number);
  return outbox_add(o, channel, customer, payload, 60000);
}

static bool attempts_reached(void *arg) {
  pthread_mutex_lock(&seen.lock);
  bool there = seen.count >= *(int *)arg;
  pthread_mutex_unlock(&seen.lock);
  return there;
}

static void wait_attempts(int count) {
  outbox_wait(attempts_reached, &count, "attempts at the endpoint");
}

static bool was_tried(void *arg) {
  return outbox_get(o, *(int64_t *)arg).attempts > 0;
}

static int events_of(enum event_kind kind) {
  static struct event events[1000];
  void *pool = mem_pool(NULL, 65536);
  struct db *db = store_read_begin(o->store);
  int n = event_after(db, pool, o->instance_id, 0, events, 1000), hits = 0;
  for (int i = 0; i < n; i++) hits += events[i].kind == kind;
  store_read_end(o->store, db);
  mem_free(pool);
  return hits;
}

/* Accepted ones: each (customer, number) once, numbers rising. */
static void assert_order(int customers, int numbers) {
  int next[64] = {0};
  for (int i = 0; i < seen.count; i++) {
    if (seen.got[i].status != 200) continue;
    assert_int_equal(seen.got[i].number, next[seen.got[i].customer]);
    next[seen.got[i].customer]++;
  }
  for (int c = 0; c < customers; c++) assert_int_equal(next[c], numbers);
}

/* The row is settled a moment before it is counted. */
static bool two_counted(void *arg) {
  struct deliver_stats stats;
  (void)arg;
  deliver_stats(o->deliver, &stats);
  return stats.delivered == 2;
}

static void what_waits_at_the_start_and_what_comes_later_is_sent_signed(void **state) {
  (void)state;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  int64_t before = add(channel, 1, 0);
  outbox_start(o);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  int64_t after = add(channel, 2, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 2);
  uint8_t mac[SHA1_LEN];
  char hex[2 * SHA1_LEN + 1], id[ID_HEX_LEN];
  hmac_sha1(secret, strlen(secret), "1 0", 3, mac);
  hex_encode(mac, sizeof mac, hex);
  assert_string_equal(seen.got[0].hash, hex);
  assert_string_equal(seen.got[0].id, id_format(o->instance_id, before, id));
  struct delivery d = outbox_get(o, after);
  assert_int_equal(d.attempts, 1);
  assert_int_equal(d.last_status, 200);
  assert_int_equal(events_of(EVENT_DELIVERY_DELIVERED), 2);
  outbox_wait(two_counted, NULL, "two deliveries counted");
  struct deliver_stats stats;
  deliver_stats(o->deliver, &stats);
  assert_int_equal(stats.attempts, 2);
  assert_int_equal(stats.failed, 0);
}

static int third_time(struct seen *s, int customer, int number) {
  (void)customer, (void)number;
  return s->count < 2 ? 500 : 200;
}

static void failures_are_tried_again_with_the_same_bytes_and_told_once(void **state) {
  (void)state;
  seen.status = third_time;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  int64_t id = add(channel, 5, 7);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  assert_int_equal(seen.count, 3);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(seen.got[i].customer, 5);
    assert_int_equal(seen.got[i].number, 7);
    assert_string_equal(seen.got[i].hash, seen.got[0].hash);
    assert_string_equal(seen.got[i].id, seen.got[0].id);
  }
  assert_int_equal(outbox_get(o, id).attempts, 3);
  assert_int_equal(events_of(EVENT_DELIVERY_FAILED), 1);
  assert_int_equal(events_of(EVENT_DELIVERY_DELIVERED), 1);
}

static const char *const refusals[] = {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
                                       "HTTP/1.1 204 No Content\r\n\r\n",
                                       "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                                       "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                       "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
                                       "what?\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"};

static int refuse_by_turns(struct seen *s, int customer, int number) {
  (void)customer, (void)number;
  if (s->count >= (int)ARRAY_LEN(refusals)) return 200;
  s->answer = refusals[s->count];
  return 999;
}

static void only_a_whole_200_counts(void **state) {
  (void)state;
  seen.status = refuse_by_turns;
  o->conf.delivery_timeout = 200;
  outbox_start(o);
  add(outbox_channel(o, "a", sink_url(sink, "/hook"), secret), 1, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  assert_int_equal(seen.count, ARRAY_LEN(refusals) + 1);
  for (int i = 0; i < seen.count; i++) assert_string_equal(seen.got[i].path, "/hook");
}

static int moody(struct seen *s, int customer, int number) {
  (void)customer, (void)number;
  s->dice = s->dice * 1103515245 + 12345;
  unsigned dice = s->dice >> 16 & 7;
  return dice == 0 ? 500 : dice == 1 ? 0 : 200;
}

static void order_holds_under_failures(void **state) {
  (void)state;
  seen.status = moody;
  o->conf.delivery_backoff_first = 10;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  for (int n = 0; n < 5; n++)
    for (int c = 0; c < 20; c++) add(channel, c, n);
  outbox_start(o);
  for (int n = 5; n < 10; n++)
    for (int c = 0; c < 20; c++) add(channel, c, n);
  outbox_wait_count(o, DELIVERY_DELIVERED, 200);
  assert_int_equal(seen.ok, 200);
  assert_order(20, 10);
}

static int silent_for_customer_1(struct seen *s, int customer, int number) {
  (void)s, (void)number;
  return customer == 1 ? -1 : 200;
}

static void a_silent_customer_holds_up_no_other(void **state) {
  (void)state;
  seen.status = silent_for_customer_1;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  add(channel, 1, 0);
  outbox_start(o);
  wait_attempts(1);
  for (int c = 2; c < 50; c++) add(channel, c, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 48);
  assert_int_equal(outbox_count(o, DELIVERY_PENDING), 1);
  outbox_stop(o, 0); /* breaks the silent one off; nothing is written of it */
  assert_int_equal(outbox_count(o, DELIVERY_PENDING), 1);
}

static int broken(struct seen *s, int customer, int number) {
  (void)s, (void)number;
  return customer == 1 ? 500 : 200;
}

static void a_dead_channel_costs_no_other(void **state) {
  (void)state;
  char other[CLIENT_SECRET_LEN];
  seen.status = broken;
  int64_t dead = outbox_channel(o, "dead", "http://127.0.0.1:1/", secret);
  int64_t bad = outbox_channel(o, "bad", sink_url(sink, "/hook"), other);
  int64_t good = outbox_channel(o, "good", sink_url(sink, "/hook"), other);
  for (int i = 0; i < 100; i++) outbox_add(o, dead, 1000 + i, "1 0", 60000);
  for (int i = 0; i < 100; i++) outbox_add(o, bad, 2000 + i, "1 0", 60000);
  outbox_start(o);
  for (int c = 2; c < 42; c++)
    for (int n = 0; n < 5; n++) add(good, c, n);
  outbox_wait_count(o, DELIVERY_DELIVERED, 200);
  assert_int_equal(outbox_count(o, DELIVERY_PENDING), 200);
}

static void after_its_time_a_delivery_is_parked_and_the_lane_goes_on(void **state) {
  (void)state;
  seen.status = broken;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  int64_t late = outbox_add(o, channel, 9, "1 0", 300), next = outbox_add(o, channel, 9, "2 0", 60000);
  outbox_wait_count(o, DELIVERY_PARKED, 1);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  assert_int_equal(outbox_get(o, late).state, DELIVERY_PARKED);
  assert_true(outbox_get(o, late).attempts >= 1);
  assert_int_equal(outbox_get(o, late).last_status, 500);
  assert_int_equal(outbox_get(o, next).state, DELIVERY_DELIVERED);
  assert_int_equal(events_of(EVENT_DELIVERY_PARKED), 1);
  assert_int_equal(events_of(EVENT_DELIVERY_FAILED), 1);
}

static void a_channel_without_address_parks_too(void **state) {
  (void)state;
  outbox_start(o);
  int64_t id = outbox_add(o, outbox_channel(o, "a", "", secret), 9, "1 0", 100);
  outbox_wait_count(o, DELIVERY_PARKED, 1);
  assert_int_equal(outbox_get(o, id).attempts, 0);
  assert_int_equal(seen.count, 0);
}

static enum job_result replay(struct db *tx, void *arg) {
  int64_t id = *(int64_t *)arg;
  return delivery_replay(tx, o->instance_id, id, 1, INT64_MAX) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static void a_replayed_delivery_goes_out_again(void **state) {
  (void)state;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  int64_t id = add(channel, 3, 0);
  for (int i = 0; i < 20; i++) add(channel, 4, i);
  outbox_wait_count(o, DELIVERY_DELIVERED, 21);
  assert_int_equal(store_run_now(o->store, replay, &id), STORE_OK);
  store_epoch_raise(o->store);
  wait_attempts(22);
  outbox_wait_count(o, DELIVERY_DELIVERED, 21);
  assert_string_equal(seen.got[21].hash, seen.got[0].hash);
}

static void a_changed_address_is_tried_at_once(void **state) {
  (void)state;
  char err[256];
  o->conf.delivery_backoff_first = o->conf.delivery_backoff_max = 3600000;
  int64_t channel = outbox_channel(o, "a", "http://127.0.0.1:1/", secret);
  outbox_start(o);
  int64_t ids[6];
  for (int c = 0; c < 6; c++) ids[c] = add(channel, c, 0);
  outbox_wait(was_tried, &ids[0], "an attempt");
  const struct setup_channel c = {.name = "a", .webhook_url = sink_url(sink, "/new")};
  assert_true(setup_channel_update(o->store, o->instance_id, channel, &c, err));
  outbox_wait_count(o, DELIVERY_DELIVERED, 6);
  assert_string_equal(seen.got[0].path, "/new");
}

static void a_disabled_channel_waits_for_being_enabled(void **state) {
  (void)state;
  char err[256];
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  char other[CLIENT_SECRET_LEN];
  int64_t open = outbox_channel(o, "b", sink_url(sink, "/hook"), other);
  assert_true(setup_channel_enable(o->store, o->instance_id, channel, false, err));
  outbox_start(o);
  add(channel, 1, 0);
  add(open, 2, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  assert_int_equal(seen.got[0].customer, 2);
  assert_true(setup_channel_enable(o->store, o->instance_id, channel, true, err));
  outbox_wait_count(o, DELIVERY_DELIVERED, 2);
}

static void a_rotated_secret_signs_from_then_on(void **state) {
  (void)state;
  char err[256], fresh[CLIENT_SECRET_LEN];
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  add(channel, 1, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  assert_true(setup_channel_rotate(o->store, o->instance_id, channel, 60000, fresh, err));
  add(channel, 1, 0);
  outbox_wait_count(o, DELIVERY_DELIVERED, 2);
  uint8_t mac[SHA1_LEN];
  char hex[2 * SHA1_LEN + 1];
  hmac_sha1(fresh, strlen(fresh), "1 0", 3, mac);
  hex_encode(mac, sizeof mac, hex);
  assert_string_equal(seen.got[1].hash, hex);
  assert_string_not_equal(seen.got[0].hash, hex);
}

static void private_addresses_are_refused_unless_allowed(void **state) {
  (void)state;
  struct conf open = o->conf;
  outbox_allow(o, "");
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  int64_t id = add(channel, 1, 0);
  outbox_wait(was_tried, &id, "an attempt");
  assert_int_equal(sink_connections(sink), 0);
  deliver_set_conf(o->deliver, &open);
  outbox_wait_count(o, DELIVERY_DELIVERED, 1);
  deliver_set_conf(o->deliver, &o->conf);
}

static int silent(struct seen *s, int customer, int number) {
  (void)s, (void)customer, (void)number;
  return s->awake ? 200 : -1;
}

static void what_a_stop_broke_off_is_sent_by_the_next_start(void **state) {
  (void)state;
  seen.status = silent;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  outbox_start(o);
  for (int n = 0; n < 3; n++) add(channel, 1, n);
  wait_attempts(1);
  outbox_stop(o, 50);
  assert_int_equal(outbox_count(o, DELIVERY_PENDING), 3);
  seen.awake = true;
  outbox_start(o);
  outbox_wait_count(o, DELIVERY_DELIVERED, 3);
  seen.got[0].status = 0;
  for (int n = 0; n < 3; n++) assert_int_equal(seen.got[1 + n].number, n);
}

static void a_backlog_larger_than_memory_is_delivered_in_order(void **state) {
  (void)state;
  int64_t channel = outbox_channel(o, "a", sink_url(sink, "/hook"), secret);
  for (int n = 0; n < 60; n++)
    for (int c = 0; c < 40; c++) add(channel, c, n);
  for (int n = 60; n < 700; n++) add(channel, 1, n); /* one lane longer than a lane in memory */
  outbox_start(o);
  outbox_wait_count(o, DELIVERY_DELIVERED, 40 * 60 + 640);
  int next[40] = {0};
  for (int i = 0; i < seen.count; i++) assert_int_equal(seen.got[i].number, next[seen.got[i].customer]++);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(what_waits_at_the_start_and_what_comes_later_is_sent_signed),
      T(failures_are_tried_again_with_the_same_bytes_and_told_once),
      T(only_a_whole_200_counts),
      T(order_holds_under_failures),
      T(a_silent_customer_holds_up_no_other),
      T(a_dead_channel_costs_no_other),
      T(after_its_time_a_delivery_is_parked_and_the_lane_goes_on),
      T(a_channel_without_address_parks_too),
      T(a_replayed_delivery_goes_out_again),
      T(a_changed_address_is_tried_at_once),
      T(a_disabled_channel_waits_for_being_enabled),
      T(a_rotated_secret_signs_from_then_on),
      T(private_addresses_are_refused_unless_allowed),
      T(what_a_stop_broke_off_is_sent_by_the_next_start),
      T(a_backlog_larger_than_memory_is_delivered_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
