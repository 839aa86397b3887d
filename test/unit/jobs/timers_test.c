/* jobs/timers on a clock that stands: what silence ends, when, what it tells the partner, over restarts. */
#include "jobs/timers.h"

#include "outbox.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/conversation.h"
#include "store/setup_custom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START  INT64_C(1763640300000)
#define MINUTE INT64_C(60000)
#define KEEP   INT64_C(3600000)

struct scene {
  struct outbox *o;
  int64_t channel_id, token_id;
  int events;
};

static int setup(void **state) {
  clock_fake(START);
  struct scene *s = mem_new(NULL, struct scene);
  char token[ACCOUNT_TOKEN_LEN], salt[CHANNEL_SALT_LEN], uuid[CHANNEL_UUID_LEN], err[256];
  s->o = outbox_new();
  assert_true(setup_account_token_create(s->o->store, s->o->instance_id, "t", &s->token_id, token, err));
  setup_custom_salt(salt);
  const struct setup_custom c = {.name = "kit",
                                 .callback_url = "http://127.0.0.1:1/",
                                 .token_id = s->token_id,
                                 .access_ms = CUSTOM_ACCESS_MS,
                                 .refresh_ms = CUSTOM_REFRESH_MS,
                                 .idle_close_ms = 10 * MINUTE,
                                 .bot_close_ms = 2 * MINUTE};
  if (!setup_custom_create(s->o->store, s->o->instance_id, &c, salt, &s->channel_id, uuid, err)) fail_msg("%s", err);
  *state = s;
  return 0;
}

static int teardown(void **state) {
  struct scene *s = *state;
  registry_forget();
  outbox_free(s->o);
  mem_free(s);
  clock_unfake();
  return 0;
}

/* ---- deeds, each a job ---- */

struct deed {
  struct scene *s;
  const struct registry *r;
  const char *customer, *text;
  bool as_bot;
  int64_t interaction_id;
};

static enum job_result do_write(struct db *tx, void *arg) {
  struct deed *d = arg;
  char event_id[32];
  snprintf(event_id, sizeof event_id, "e%d", ++d->s->events);
  const struct message_in m = {.event_id = event_id,
                               .ext_id = "m",
                               .created_at = clock_wall_ms() / 1000,
                               .customer_id = d->customer,
                               .sender = {.type = PARTY_HUMAN, .id = d->customer},
                               .text = d->text};
  const struct channel *channel = registry_channel(d->r, d->s->channel_id);
  return conversation_receive(tx, d->r, channel, &m, clock_wall_ms()) == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}

static enum job_result do_reply(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor token = {.display_name = "token"};
  const struct reply_in in = {.text = d->text, .as_bot = d->as_bot, .public_url = "", .retention_ms = KEEP};
  int64_t id;
  int bad;
  return conversation_reply(tx, d->r, d->s->o->instance_id, d->interaction_id, &token, &in, clock_wall_ms(), &id,
                            &bad) == CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static const struct actor ada = {.agent_id = 7, .display_name = "Ada"};

static enum job_result do_accept(struct db *tx, void *arg) {
  struct deed *d = arg;
  struct conversation_why why;
  enum conversation_result r =
      conversation_accept(tx, d->r, d->s->o->instance_id, d->interaction_id, &ada, clock_wall_ms(), &why);
  return r == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}

static void perform(struct scene *s, enum job_result (*run)(struct db *tx, void *arg), struct deed d) {
  d.s = s;
  d.r = registry_get(s->o->store);
  assert_int_equal(store_run_now(s->o->store, run, &d), STORE_OK);
  registry_put(d.r);
}

static void writes(struct scene *s, const char *customer) {
  perform(s, do_write, (struct deed){.customer = customer, .text = "hello"});
}

/* The customer's newest interaction, its texts in a pool of the scene. */
static struct interaction latest(struct scene *s, const char *customer) {
  struct interaction list[8];
  struct db *db = store_read_begin(s->o->store);
  int n = interaction_list_customer(db, s, s->o->instance_id, s->channel_id, customer, 0, list, 8);
  store_read_end(s->o->store, db);
  assert_true(n > 0);
  return list[n - 1];
}

static void replies(struct scene *s, const char *customer, bool as_bot) {
  perform(s, do_reply, (struct deed){.text = "yes?", .as_bot = as_bot, .interaction_id = latest(s, customer).id});
}

static void accepts(struct scene *s, const char *customer) {
  perform(s, do_accept, (struct deed){.interaction_id = latest(s, customer).id});
}

/* Offered to Ada, as routing would. */
static enum job_result do_offer(struct db *tx, void *arg) {
  struct deed *d = arg;
  struct interaction i;
  void *pool = mem_pool(NULL, 1024);
  assert_true(interaction_get(tx, pool, d->s->o->instance_id, d->interaction_id, &i));
  enum db_result r =
      db_exec(tx, Q_INTERACTION_CHANGE, v_int(i.id), v_int(i.instance_id), v_int(i.version), v_int(i.service_id),
              v_int(INTERACTION_OFFERED), v_int(ada.agent_id), v_int(i.priority), v_int(i.medium), v_int(i.weight),
              v_int(i.queued_at), v_int(0), v_int(clock_wall_ms() + MINUTE), v_int(0), v_int(0), v_int(i.state_at),
              v_int(0), v_null());
  mem_free(pool);
  return r == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static void is_offered(struct scene *s, const char *customer) {
  perform(s, do_offer, (struct deed){.interaction_id = latest(s, customer).id});
}

static bool is_closed(struct scene *s, const char *customer) {
  return latest(s, customer).state == INTERACTION_CLOSED;
}

static int64_t round_now(struct scene *s) {
  return timers_round(s->o->store, KEEP);
}

/* ---- tests ---- */

static void silence_ends_it(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  clock_fake_advance(10 * MINUTE - 1);
  assert_int_equal(round_now(s), 1); /* a millisecond is left */
  assert_false(is_closed(s, "ann"));
  clock_fake_advance(1);
  round_now(s);
  struct interaction i = latest(s, "ann");
  assert_int_equal(i.state, INTERACTION_CLOSED);
  assert_string_equal(i.close_reason, "timeout");
  assert_int_equal(i.closed_at, START + 10 * MINUTE);
  /* The partner is told, once. */
  assert_int_equal(outbox_count(s->o, DELIVERY_PENDING), 1);
  struct delivery d[2];
  struct db *db = store_read_begin(s->o->store);
  assert_int_equal(delivery_list(db, s, s->o->instance_id, DELIVERY_PENDING, 0, d, 2), 1);
  size_t len = 0;
  char *payload = delivery_payload(db, s, d[0].id, &len);
  store_read_end(s->o->store, db);
  char uuid[SURFACE_UUID_LEN], id[ID_HEX_LEN];
  surface_event_uuid(id_format(s->o->instance_id, d[0].id, id), uuid);
  char *expected = mem_printf(s,
                              "{\"client_data\":{\"client_id\":\"ann\"},\"event_id\":\"%s\","
                              "\"event_type\":\"close_conversation\",\"event_data\":{\"close_reason\":"
                              "\"CLOSED_BY_CLIENT_TIMEOUT\"}}",
                              uuid);
  assert_string_equal(mem_strndup(s, payload, len), expected);
  assert_int_equal(d[0].deadline_at, START + 10 * MINUTE + KEEP);
  round_now(s);
  assert_int_equal(outbox_count(s->o, DELIVERY_PENDING), 1);
  /* What the customer writes next opens another. */
  writes(s, "ann");
  assert_false(is_closed(s, "ann"));
  assert_int_equal(latest(s, "ann").previous_id, i.id);
}

static void every_move_begins_anew(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  for (int i = 0; i < 3; i++) {
    clock_fake_advance(9 * MINUTE);
    round_now(s);
    assert_false(is_closed(s, "ann"));
    if (i % 2)
      writes(s, "ann");
    else
      replies(s, "ann", false);
  }
  clock_fake_advance(10 * MINUTE);
  round_now(s);
  assert_true(is_closed(s, "ann"));
}

static void a_bots_question_waits_shorter(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  writes(s, "bob");
  replies(s, "ann", true);
  replies(s, "bob", true);
  clock_fake_advance(MINUTE);
  writes(s, "bob"); /* now it is the other timer's */
  clock_fake_advance(MINUTE);
  round_now(s);
  assert_true(is_closed(s, "ann"));
  assert_false(is_closed(s, "bob"));
  assert_int_equal(latest(s, "bob").state, INTERACTION_QUEUED); /* a bot's answer takes nothing out of the queue */
  clock_fake_advance(9 * MINUTE);
  round_now(s);
  assert_true(is_closed(s, "bob"));
}

static void a_person_who_serves_has_the_longer_time(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  replies(s, "ann", true);
  clock_fake_advance(MINUTE);
  accepts(s, "ann");
  clock_fake_advance(5 * MINUTE);
  round_now(s);
  assert_false(is_closed(s, "ann"));
  replies(s, "ann", true); /* a bot beside the person */
  clock_fake_advance(5 * MINUTE);
  round_now(s);
  assert_false(is_closed(s, "ann"));
  clock_fake_advance(5 * MINUTE);
  round_now(s);
  assert_true(is_closed(s, "ann"));
}

static void who_is_only_offered_it_does_not_serve_yet(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  is_offered(s, "ann");
  replies(s, "ann", true);
  assert_int_equal(latest(s, "ann").state, INTERACTION_OFFERED);
  clock_fake_advance(2 * MINUTE);
  round_now(s);
  assert_true(is_closed(s, "ann"));
}

static void survives_a_restart(void **state) {
  struct scene *s = *state;
  char err[256];
  writes(s, "ann");
  registry_forget();
  store_close(s->o->store);
  clock_fake_advance(60 * MINUTE);
  s->o->store = store_open(s->o, &(struct store_options){.dir = s->o->dir, .mode = STORE_SERVE, .queue_max = 64}, err);
  assert_non_null(s->o->store);
  round_now(s);
  assert_true(is_closed(s, "ann"));
}

static void a_changed_timer_counts_at_once(void **state) {
  struct scene *s = *state;
  char err[256];
  struct setup_custom c = {.name = "kit",
                           .callback_url = "",
                           .token_id = s->token_id,
                           .access_ms = CUSTOM_ACCESS_MS,
                           .refresh_ms = CUSTOM_REFRESH_MS};
  writes(s, "ann");
  assert_true(setup_custom_update(s->o->store, s->o->instance_id, s->channel_id, &c, err)); /* never */
  clock_fake_advance(5 * MINUTE);
  assert_int_equal(round_now(s), TIMERS_LOOK_MS);
  assert_false(is_closed(s, "ann"));
  c.idle_close_ms = MINUTE;
  assert_true(setup_custom_update(s->o->store, s->o->instance_id, s->channel_id, &c, err));
  round_now(s);
  assert_true(is_closed(s, "ann"));
}

static void many_at_once(void **state) {
  struct scene *s = *state;
  char name[16];
  for (int i = 0; i < 250; i++) {
    snprintf(name, sizeof name, "c%d", i);
    writes(s, name);
  }
  clock_fake_advance(10 * MINUTE);
  round_now(s);
  assert_int_equal(outbox_count(s->o, DELIVERY_PENDING), 250);
}

static bool ann_is_closed(void *arg) {
  return is_closed(arg, "ann");
}

static void the_thread_does_it(void **state) {
  struct scene *s = *state;
  writes(s, "ann");
  clock_fake_advance(10 * MINUTE);
  struct timers *t = timers_start(s, s->o->store, &s->o->conf);
  outbox_wait(ann_is_closed, s, "closed by the thread");
  timers_stop(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(silence_ends_it, setup, teardown),
      cmocka_unit_test_setup_teardown(every_move_begins_anew, setup, teardown),
      cmocka_unit_test_setup_teardown(a_bots_question_waits_shorter, setup, teardown),
      cmocka_unit_test_setup_teardown(a_person_who_serves_has_the_longer_time, setup, teardown),
      cmocka_unit_test_setup_teardown(who_is_only_offered_it_does_not_serve_yet, setup, teardown),
      cmocka_unit_test_setup_teardown(survives_a_restart, setup, teardown),
      cmocka_unit_test_setup_teardown(a_changed_timer_counts_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(the_thread_does_it, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
