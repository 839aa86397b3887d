/* jobs/housekeep on a clock that stands: what goes when it is old enough, what stays, that much goes in many jobs. */
#include "jobs/housekeep.h"

#include "outbox.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/attachment.h"
#include "store/conversation.h"
#include "store/event.h"
#include "store/setup_custom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START  INT64_C(1763640300000)
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct scene {
  struct outbox *o;
  struct housekeep *h;
  int64_t channel_id;
};

static int setup(void **state) {
  clock_fake(START);
  struct scene *s = mem_new(NULL, struct scene);
  char token[ACCOUNT_TOKEN_LEN], salt[CHANNEL_SALT_LEN], uuid[CHANNEL_UUID_LEN], err[256];
  s->o = outbox_new();
  s->o->conf.event_id_keep = 7 * DAY;
  s->o->conf.delivered_keep = 30 * DAY;
  s->o->conf.upload_keep = DAY;
  struct setup_custom c = {
      .name = "kit", .callback_url = "", .access_ms = CUSTOM_ACCESS_MS, .refresh_ms = CUSTOM_REFRESH_MS};
  assert_true(setup_account_token_create(s->o->store, s->o->instance_id, "t", &c.token_id, token, err));
  setup_custom_salt(salt);
  assert_true(setup_custom_create(s->o->store, s->o->instance_id, &c, salt, &s->channel_id, uuid, err));
  s->h = housekeep_start(s, s->o->store, token_use_new(s, 16), &s->o->conf);
  *state = s;
  return 0;
}

static int teardown(void **state) {
  struct scene *s = *state;
  housekeep_stop(s->h);
  registry_forget();
  outbox_free(s->o);
  mem_free(s);
  clock_unfake();
  return 0;
}

/* ---- event ids ---- */

struct events {
  struct scene *s;
  const struct registry *r;
  int from, count;
};

static enum job_result do_receive(struct db *tx, void *arg) {
  const struct events *e = arg;
  for (int i = e->from; i < e->from + e->count; i++) {
    char id[24];
    snprintf(id, sizeof id, "e%d", i);
    const struct message_in m = {.event_id = id,
                                 .ext_id = id,
                                 .created_at = 1,
                                 .customer_id = "ann",
                                 .sender = {.type = PARTY_HUMAN, .id = "ann"},
                                 .text = "hello"};
    if (conversation_receive(tx, e->r, registry_channel(e->r, e->s->channel_id), &m, clock_wall_ms()) !=
        CONVERSATION_OK)
      return JOB_REJECT;
  }
  return JOB_COMMIT;
}

/* Receives events e<from> …; returns how many rows of the event log that made: 0 for repeats. */
static int64_t receive(struct scene *s, int from, int count) {
  struct events e = {.s = s, .r = registry_get(s->o->store), .from = from, .count = count};
  struct db *db = store_read_begin(s->o->store);
  int64_t before = event_last(db, s->o->instance_id);
  store_read_end(s->o->store, db);
  assert_int_equal(store_run_now(s->o->store, do_receive, &e), STORE_OK);
  registry_put(e.r);
  db = store_read_begin(s->o->store);
  int64_t after = event_last(db, s->o->instance_id);
  store_read_end(s->o->store, db);
  return after - before;
}

static void an_event_id_is_remembered_for_as_long_as_set(void **state) {
  struct scene *s = *state;
  assert_int_equal(receive(s, 0, 1), 2); /* opened, received */
  clock_fake_advance(HOUR);
  assert_int_equal(receive(s, 1, 1), 1);
  clock_fake_advance(7 * DAY - HOUR);
  housekeep_round(s->h);
  assert_int_equal(receive(s, 0, 2), 0); /* both are still known */
  clock_fake_advance(1);
  housekeep_round(s->h);
  assert_int_equal(receive(s, 1, 1), 0);
  assert_int_equal(receive(s, 0, 1), 1); /* the older one is forgotten */
}

static void more_than_one_job_can_remove_goes_in_one_round(void **state) {
  struct scene *s = *state;
  int count = 2 * EXPIRE_EVENTS + 1;
  receive(s, 0, count);
  clock_fake_advance(7 * DAY + 1);
  receive(s, count, 1);
  housekeep_round(s->h);
  assert_int_equal(receive(s, count, 1), 0);
  assert_int_equal(receive(s, 0, count), count);
}

static void other_settings_hold_from_the_next_round_on(void **state) {
  struct scene *s = *state;
  struct conf next = s->o->conf;
  next.event_id_keep = HOUR;
  receive(s, 0, 1);
  clock_fake_advance(2 * HOUR);
  housekeep_round(s->h);
  assert_int_equal(receive(s, 0, 1), 0);
  housekeep_set_conf(s->h, &next);
  housekeep_round(s->h);
  assert_int_equal(receive(s, 0, 1), 1);
  housekeep_set_conf(s->h, &s->o->conf);
}

/* ---- deliveries ---- */

static enum job_result do_settle(struct db *tx, void *arg) {
  const struct delivery *d = arg;
  enum db_result r = d->state == DELIVERY_DELIVERED ? delivery_settle_delivered(tx, d, 200, clock_wall_ms())
                                                    : delivery_settle_parked(tx, d, true, 500, "no", clock_wall_ms());
  return r == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static int64_t settled(struct scene *s, enum delivery_state how) {
  struct delivery d = outbox_get(s->o, outbox_add(s->o, s->channel_id, 1, "{}", DAY));
  d.state = how;
  assert_int_equal(store_run_now(s->o->store, do_settle, &d), STORE_OK);
  return d.id;
}

static bool is_there(struct scene *s, int64_t id) {
  struct delivery d;
  void *pool = mem_pool(NULL, 1024);
  struct db *db = store_read_begin(s->o->store);
  bool found = delivery_get(db, pool, s->o->instance_id, id, &d);
  store_read_end(s->o->store, db);
  mem_free(pool);
  return found;
}

static void delivered_rows_go_and_others_stay(void **state) {
  struct scene *s = *state;
  int64_t pending = outbox_add(s->o, s->channel_id, 1, "{}", DAY), parked = settled(s, DELIVERY_PARKED),
          delivered = settled(s, DELIVERY_DELIVERED);
  clock_fake_advance(HOUR);
  int64_t later = settled(s, DELIVERY_DELIVERED);
  clock_fake_advance(30 * DAY - HOUR);
  housekeep_round(s->h);
  assert_true(is_there(s, delivered));
  clock_fake_advance(1);
  housekeep_round(s->h);
  assert_false(is_there(s, delivered));
  assert_true(is_there(s, later));
  assert_true(is_there(s, pending));
  assert_true(is_there(s, parked)); /* until somebody replays it */
}

static void many_delivered_rows(void **state) {
  struct scene *s = *state;
  for (int i = 0; i < EXPIRE_DELIVERIES + 5; i++) settled(s, DELIVERY_DELIVERED);
  assert_int_equal(outbox_count(s->o, DELIVERY_DELIVERED), EXPIRE_DELIVERIES + 5);
  clock_fake_advance(31 * DAY);
  housekeep_round(s->h);
  assert_int_equal(outbox_count(s->o, DELIVERY_DELIVERED), 0);
}

/* ---- uploads ---- */

struct upload {
  struct scene *s;
  int64_t id, message_id;
};

static enum job_result do_upload(struct db *tx, void *arg) {
  static const char bytes[ATTACHMENT_CHUNK + 1] = "file";
  struct upload *u = arg;
  char uid[ATTACHMENT_UID_LEN];
  id_random_hex(16, uid);
  u->id = id_next();
  const struct attachment a = {.id = u->id,
                               .instance_id = u->s->o->instance_id,
                               .channel_id = u->s->channel_id,
                               .interaction_id = 1,
                               .message_id = u->message_id,
                               .direction = MESSAGE_OUT,
                               .uid = uid,
                               .ext_id = "",
                               .name = "f",
                               .mime_type = "a/b",
                               .found_type = "a/b"};
  return attachment_insert(tx, &a, bytes, sizeof bytes, clock_wall_ms()) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static int64_t uploaded(struct scene *s, int64_t message_id) {
  struct upload u = {.s = s, .message_id = message_id};
  assert_int_equal(store_run_now(s->o->store, do_upload, &u), STORE_OK);
  return u.id;
}

/* The row and both chunks, or neither. */
static bool has_file(struct scene *s, int64_t id) {
  struct attachment a;
  char byte;
  void *pool = mem_pool(NULL, 1024);
  struct db *db = store_read_begin(s->o->store);
  bool row = attachment_get(db, pool, s->o->instance_id, id, &a);
  assert_int_equal(attachment_read(db, id, 0, &byte, 1), row);
  assert_int_equal(attachment_read(db, id, ATTACHMENT_CHUNK, &byte, 1), row);
  store_read_end(s->o->store, db);
  mem_free(pool);
  return row;
}

static void uploads_that_no_answer_took_go(void **state) {
  struct scene *s = *state;
  int64_t lost[3], sent = uploaded(s, 5);
  for (int i = 0; i < 3; i++) lost[i] = uploaded(s, 0);
  clock_fake_advance(HOUR);
  int64_t later = uploaded(s, 0);
  clock_fake_advance(DAY - HOUR);
  housekeep_round(s->h);
  for (int i = 0; i < 3; i++) assert_true(has_file(s, lost[i]));
  clock_fake_advance(1);
  housekeep_round(s->h);
  for (int i = 0; i < 3; i++) assert_false(has_file(s, lost[i]));
  assert_true(has_file(s, sent));
  assert_true(has_file(s, later));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(an_event_id_is_remembered_for_as_long_as_set),
      TEST(more_than_one_job_can_remove_goes_in_one_round),
      TEST(other_settings_hold_from_the_next_round_on),
      TEST(delivered_rows_go_and_others_stay),
      TEST(many_delivered_rows),
      TEST(uploads_that_no_answer_took_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
