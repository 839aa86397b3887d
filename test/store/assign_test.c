/* store/assign, store/moves and store/presence on real rows: who gets what, who does not and what is said of why, what
 * follows a move, and every timer; all on a clock that is told. */
#include "box.h"

#include "base/clock.h"
#include "base/mem.h"
#include "core/due.h"
#include "store/assign.h"
#include "store/moves.h"
#include "store/routing.h"

#define MINUTE INT64_C(60000)
#define ANN    1
#define BOB    2

static const struct assign_conf conf = {
    .pause_ms = MINUTE, .retention_ms = 1000, .grace_ms = 30000, .gone_active = true};

struct deed {
  struct box *b;
  const struct registry *registry;
  int64_t id, agent_id, service_id, now_ms;
  struct assign_conf conf;
  const char *state;
  struct conversation_why why;
  enum conversation_result result;
  enum transfer_result target;
  bool ok;
};

static struct deed deed(struct box *b, int64_t id, int64_t agent_id, int64_t now_ms) {
  return (struct deed){
      .b = b, .registry = box_registry(b), .id = id, .agent_id = agent_id, .now_ms = now_ms, .conf = conf};
}

static enum job_result end(const struct deed *d) {
  return d->result == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}

static enum job_result run_offer(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct routing_offer o = {.interaction_id = d->id,
                                  .agent_id = d->agent_id,
                                  .service_id = box_sql(d->b, "SELECT min(id) FROM service"),
                                  .able = 2};
  d->result = assign_offer(tx, d->registry, 1, &o, d->now_ms);
  return end(d);
}
static enum job_result run_accept(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  d->result = conversation_accept(tx, d->registry, 1, d->id, &actor, d->now_ms, &d->why);
  return end(d);
}
static enum job_result run_decline(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  d->result = assign_decline(tx, d->registry, &d->conf, 1, d->id, &actor, d->now_ms, &d->why);
  return end(d);
}
static enum job_result run_close(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  d->result =
      conversation_close(tx, d->registry, 1, d->id, &actor, &(struct close_in){.retention_ms = 1000}, d->now_ms);
  return end(d);
}
static enum job_result run_wrapup(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  d->result = assign_end_wrapup(tx, d->registry, 1, d->id, &actor, d->now_ms, &d->why);
  return end(d);
}
static enum job_result run_transfer(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct actor token = {.display_name = "token"};
  const struct transfer_in to = {.service_id = d->service_id, .agent_id = d->service_id ? 0 : d->agent_id};
  d->result = assign_transfer(tx, d->registry, &d->conf, 1, d->id, &token, &to, d->now_ms, &d->why, &d->target);
  return end(d);
}
static enum job_result run_state(struct db *tx, void *arg) {
  struct deed *d = arg;
  const struct agent_state *state = NULL;
  for (int i = 0; i < d->registry->state_count; i++)
    if (strcmp(d->registry->states[i].label, d->state) == 0) state = &d->registry->states[i];
  assert_non_null(state);
  return presence_set(tx, d->registry, &d->conf, d->agent_id, state, "why \"so\"", NULL, d->now_ms) ? JOB_COMMIT
                                                                                                    : JOB_REJECT;
}
static enum job_result run_gone(struct db *tx, void *arg) {
  struct deed *d = arg;
  return presence_live(tx, d->registry, &d->conf, d->agent_id, d->ok, d->now_ms) ? JOB_COMMIT : JOB_REJECT;
}
static enum job_result run_due(struct db *tx, void *arg) {
  struct deed *d = arg;
  struct due list[32];
  int n = due_list(tx, d->now_ms, list, 32);
  for (int i = 0; i < n; i++)
    if (!assign_due(tx, d->registry, &d->conf, &list[i], d->now_ms)) return JOB_REJECT;
  return JOB_COMMIT;
}

static enum conversation_result tried(struct deed *d, enum job_result (*run)(struct db *tx, void *arg)) {
  enum store_result r = store_run_now(d->b->store, run, d);
  assert_int_equal(r, d->result == CONVERSATION_OK ? STORE_OK : STORE_REJECT);
  return d->result;
}

static void in_state(struct box *b, int64_t agent_id, const char *state, int64_t now_ms) {
  struct deed d = deed(b, 0, agent_id, now_ms);
  d.state = state;
  box_run(b, run_state, &d, STORE_OK);
}

static void time_is(struct box *b, int64_t now_ms) {
  struct deed d = deed(b, 0, 0, now_ms);
  box_run(b, run_due, &d, STORE_OK);
}

/* ---- the scene: a service of weight 1, two agents in it, each with room for three ---- */

static const struct channel *channel;

static void change(struct box *b, const char *sql) {
  box_sql_do(b, sql);
  store_epoch_raise(b->store);
}

static int set_up(void **state) {
  struct box *b = box_make();
  channel = box_channel(b, "Bot");
  change(
      b,
      "INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile, enabled, created_at)"
      " VALUES (1, 1, 'ann', '', 'Ann', '', 0, 1, 1), (2, 1, 'bob', '', 'Bob', '', 0, 1, 1);"
      "INSERT INTO service (id, instance_id, name, priority, created_at, weight) VALUES (77, 1, 'Second', 2, 1, 2);"
      "INSERT INTO agent_service SELECT agent.id, service.id, 1 FROM agent, service;");
  channel = registry_channel(box_registry(b), channel->id);
  in_state(b, ANN, "Ready", NOW);
  in_state(b, BOB, "Ready", NOW);
  *state = b;
  return 0;
}

static int64_t opens(struct box *b, const char *customer, int64_t now_ms) {
  struct message_in m = box_message(customer, mem_printf(b->ctx, "%lld", (long long)now_ms), "question");
  assert_int_equal(box_receive(b, registry_channel(box_registry(b), channel->id), &m, now_ms), CONVERSATION_OK);
  return box_interaction(b, channel, customer).id;
}

static struct interaction row(struct box *b, int64_t id) {
  struct interaction i;
  struct db *db = store_read_begin(b->store);
  assert_true(interaction_get(db, b->ctx, 1, id, &i));
  store_read_end(b->store, db);
  return i;
}

static struct event last_event(struct box *b, int64_t id) {
  struct event e[100];
  struct db *db = store_read_begin(b->store);
  int n = event_of_interaction(db, b->ctx, 1, id, 0, e, 100);
  store_read_end(b->store, db);
  assert_true(n > 0);
  return e[n - 1];
}

static int64_t count_due(struct box *b, int64_t id) {
  return box_sql(b, mem_printf(b->ctx, "SELECT count(*) FROM due WHERE ref_id = %lld", (long long)id));
}

static void offered(struct box *b, int64_t id, int64_t agent_id, int64_t now_ms) {
  struct deed d = deed(b, id, agent_id, now_ms);
  assert_int_equal(tried(&d, run_offer), CONVERSATION_OK);
}
static void accepted(struct box *b, int64_t id, int64_t agent_id, int64_t now_ms) {
  struct deed d = deed(b, id, agent_id, now_ms);
  assert_int_equal(tried(&d, run_accept), CONVERSATION_OK);
}

/* ---- tests ---- */

static void an_offer_is_one_agents_and_passes(void **state) {
  struct box *b = *state;
  int64_t id = opens(b, "c", NOW);
  offered(b, id, ANN, NOW + 10);
  struct interaction i = row(b, id);
  assert_int_equal(i.state, INTERACTION_OFFERED);
  assert_int_equal(i.agent_id, ANN);
  assert_int_equal(i.offer_until, NOW + 10 + 30000);
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_OFFERED);
  assert_int_equal(last_event(b, id).agent_id, ANN);
  assert_non_null(strstr(last_event(b, id).data, "\"by\":\"longest_idle\",\"of\":2"));
  /* Not again, not to another, and nobody else takes or declines it. */
  struct deed again = deed(b, id, BOB, NOW + 20);
  assert_int_equal(tried(&again, run_offer), CONVERSATION_REFUSED);
  assert_int_equal(tried(&again, run_accept), CONVERSATION_TAKEN);
  assert_int_equal(again.why.agent_id, ANN);
  assert_int_equal(tried(&again, run_decline), CONVERSATION_TAKEN);
  /* Its time. */
  time_is(b, NOW + 10 + 29999);
  assert_int_equal(row(b, id).state, INTERACTION_OFFERED);
  time_is(b, NOW + 10 + 30000);
  i = row(b, id);
  assert_int_equal(i.state, INTERACTION_QUEUED);
  assert_int_equal(i.agent_id, 0);
  assert_true(i.front);
  assert_int_equal(i.queued_at, NOW); /* it has waited all the time */
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_OFFER_EXPIRED);
  assert_int_equal(last_event(b, id).agent_id, ANN);
  assert_int_equal(box_sql(b, "SELECT refused_until FROM refusal WHERE agent_id = 1"), NOW + 10 + 30000 + MINUTE);
  assert_int_equal(count_due(b, id), 0);
}

static void an_accepted_offer_has_no_timer(void **state) {
  struct box *b = *state;
  int64_t id = opens(b, "c", NOW);
  offered(b, id, ANN, NOW);
  accepted(b, id, ANN, NOW + 5);
  assert_int_equal(count_due(b, id), 0);
  time_is(b, NOW + 10 * MINUTE);
  assert_int_equal(row(b, id).state, INTERACTION_ACTIVE);
  struct deed late = deed(b, id, BOB, NOW + 20);
  assert_int_equal(tried(&late, run_accept), CONVERSATION_REFUSED);
  assert_int_equal(late.why.agent_id, ANN); /* the loser is told who won */
}

static void only_who_is_ready_is_offered_anything(void **state) {
  struct box *b = *state;
  int64_t id = opens(b, "c", NOW);
  in_state(b, ANN, "Lunch", NOW);
  struct deed d = deed(b, id, ANN, NOW);
  assert_int_equal(tried(&d, run_offer), CONVERSATION_REFUSED);
  accepted(b, id, ANN, NOW); /* picking by hand is another thing */
}

static void nobody_gets_more_than_their_capacity(void **state) {
  struct box *b = *state;
  int64_t id[5];
  for (int k = 0; k < 5; k++) id[k] = opens(b, mem_printf(b->ctx, "c%d", k), NOW + k);
  offered(b, id[0], ANN, NOW);
  accepted(b, id[1], ANN, NOW);
  accepted(b, id[2], ANN, NOW);
  struct deed d = deed(b, id[3], ANN, NOW);
  assert_int_equal(tried(&d, run_offer), CONVERSATION_NO_ROOM);
  assert_int_equal(tried(&d, run_accept), CONVERSATION_NO_ROOM);
  assert_int_equal(d.why.used, 3);
  assert_int_equal(d.why.capacity, 3);
  accepted(b, id[0], ANN, NOW); /* what is offered counts already */
  change(b, "INSERT INTO agent_medium VALUES (2, 0, 1)");
  accepted(b, id[3], BOB, NOW);
  d = deed(b, id[4], BOB, NOW);
  assert_int_equal(tried(&d, run_accept), CONVERSATION_NO_ROOM);
  assert_true(d.why.medium);
}

static void wrapping_up_keeps_the_agents_room_and_frees_the_customer(void **state) {
  struct box *b = *state;
  change(b, "UPDATE service SET wrapup_ms = 60000; UPDATE agent SET capacity = 1 WHERE id = 1");
  int64_t id = opens(b, "c", NOW), other = opens(b, "d", NOW);
  accepted(b, id, ANN, NOW);
  struct deed d = deed(b, id, ANN, NOW + 7);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  struct interaction i = row(b, id);
  assert_int_equal(i.state, INTERACTION_WRAPUP);
  assert_int_equal(i.wrapup_until, NOW + 7 + MINUTE);
  assert_string_equal(i.close_reason, "agent");
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_WRAPUP);
  struct deed more = deed(b, other, ANN, NOW + 8);
  assert_int_equal(tried(&more, run_accept), CONVERSATION_NO_ROOM);
  /* The customer begins anew. */
  int64_t next = opens(b, "c", NOW + 9);
  assert_int_not_equal(next, id);
  assert_int_equal(row(b, next).previous_id, id);
  assert_int_equal(tried(&d, run_wrapup), CONVERSATION_OK);
  assert_int_equal(row(b, id).state, INTERACTION_CLOSED);
  assert_int_equal(count_due(b, id), 0);
  accepted(b, other, ANN, NOW + 10);
  /* Or its time ends it. */
  d = deed(b, other, ANN, NOW + 20);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  time_is(b, NOW + 20 + MINUTE);
  assert_int_equal(row(b, other).state, INTERACTION_CLOSED);
  assert_int_equal(row(b, other).closed_at, NOW + 20 + MINUTE);
  /* What nobody worked on needs none. */
  d = deed(b, next, 0, NOW + 30);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  assert_int_equal(row(b, next).state, INTERACTION_CLOSED);
}

static void transfers(void **state) {
  struct box *b = *state;
  int64_t id = opens(b, "c", NOW);
  accepted(b, id, ANN, NOW);
  struct deed d = deed(b, id, 0, NOW + 50);
  d.service_id = 77;
  assert_int_equal(tried(&d, run_transfer), CONVERSATION_OK);
  struct interaction i = row(b, id);
  assert_int_equal(i.state, INTERACTION_QUEUED);
  assert_int_equal(i.service_id, 77);
  assert_int_equal(i.priority, 2);
  assert_int_equal(i.weight, 2);
  assert_int_equal(i.queued_at, NOW + 50);
  assert_true(i.front);
  assert_int_not_equal(i.service_first_id, 77);
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_TRANSFERRED);
  assert_int_equal(box_sql(b, "SELECT agent_id FROM refusal"), ANN); /* who gave it away is not the next */
  /* To an agent: an offer at once. */
  d = deed(b, id, BOB, NOW + 60);
  assert_int_equal(tried(&d, run_transfer), CONVERSATION_OK);
  assert_int_equal(row(b, id).state, INTERACTION_OFFERED);
  assert_int_equal(row(b, id).agent_id, BOB);
  /* Not to who is not ready, has no room, or is nobody; nothing changes then. */
  in_state(b, ANN, "Busy", NOW + 61);
  d = deed(b, id, ANN, NOW + 62);
  assert_int_equal(tried(&d, run_transfer), CONVERSATION_REFUSED);
  assert_int_equal(d.target, TRANSFER_NOT_READY);
  d.agent_id = 999;
  assert_int_equal(tried(&d, run_transfer), CONVERSATION_REFUSED);
  assert_int_equal(d.target, TRANSFER_NO_TARGET);
  in_state(b, ANN, "Ready", NOW + 63);
  change(b, "UPDATE agent SET capacity = 1 WHERE id = 1");
  d = deed(b, id, ANN, NOW + 64);
  assert_int_equal(tried(&d, run_transfer), CONVERSATION_NO_ROOM);
  assert_int_equal(row(b, id).agent_id, BOB);
}

static void who_leaves_gives_back(void **state) {
  struct box *b = *state;
  int64_t offer = opens(b, "c1", NOW), talk = opens(b, "c2", NOW), wrap = opens(b, "c3", NOW);
  change(b, "UPDATE service SET wrapup_ms = 60000");
  accepted(b, talk, ANN, NOW);
  accepted(b, wrap, ANN, NOW);
  struct deed d = deed(b, wrap, ANN, NOW);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  offered(b, offer, ANN, NOW);
  in_state(b, ANN, "Break", NOW + 1);
  assert_int_equal(row(b, offer).state, INTERACTION_QUEUED);
  assert_int_equal(last_event(b, offer).kind, EVENT_INTERACTION_REQUEUED);
  assert_non_null(strstr(last_event(b, offer).data, "agent_not_ready"));
  assert_int_equal(row(b, talk).state, INTERACTION_ACTIVE);
  in_state(b, ANN, "Logged out", NOW + 2);
  assert_int_equal(row(b, talk).state, INTERACTION_QUEUED);
  assert_int_equal(row(b, talk).queued_at, NOW + 2);
  assert_true(row(b, talk).front);
  assert_int_equal(row(b, wrap).state, INTERACTION_CLOSED);
  struct presence p;
  struct db *db = store_read_begin(b->store);
  presence_get(db, b->ctx, ANN, &p);
  assert_int_equal(presence_kind(box_registry(b), &p), STATE_LOGGED_OUT);
  assert_string_equal(p.reason, "why \"so\"");
  store_read_end(b->store, db);
}

static void conversations_may_wait_for_who_is_gone(void **state) {
  struct box *b = *state;
  int64_t talk = opens(b, "c", NOW);
  accepted(b, talk, ANN, NOW);
  struct deed d = deed(b, 0, ANN, NOW + 1);
  d.conf.gone_active = false;
  d.state = "Logged out";
  box_run(b, run_state, &d, STORE_OK);
  assert_int_equal(row(b, talk).state, INTERACTION_ACTIVE);
}

static void a_lost_connection_counts_after_the_grace(void **state) {
  struct box *b = *state;
  int64_t id = opens(b, "c", NOW);
  offered(b, id, ANN, NOW);
  struct deed d = deed(b, 0, ANN, NOW + 100);
  box_run(b, run_gone, &d, STORE_OK);
  d.ok = true; /* back again */
  d.now_ms = NOW + 200;
  box_run(b, run_gone, &d, STORE_OK);
  assert_int_equal(count_due(b, ANN), 0);
  d.ok = false;
  d.now_ms = NOW + 300;
  box_run(b, run_gone, &d, STORE_OK);
  time_is(b, NOW + 300 + 29000);
  assert_int_equal(row(b, id).state, INTERACTION_OFFERED);
  time_is(b, NOW + 300 + 30000);
  assert_int_equal(row(b, id).state, INTERACTION_QUEUED);
  assert_string_equal(box_sql_text(b, "SELECT reason FROM presence WHERE agent_id = 1"), "connection lost");
  assert_int_equal(box_sql(b, "SELECT state_id FROM presence WHERE agent_id = 2"),
                   box_sql(b, "SELECT id FROM agent_state WHERE label = 'Ready'"));
}

static void overflow_goes_on_with_its_age(void **state) {
  struct box *b = *state;
  change(b, "UPDATE service SET overflow_service_id = 77, overflow_after_ms = 60000 WHERE id <> 77");
  int64_t id = opens(b, "c", NOW), taken = opens(b, "d", NOW), held = opens(b, "e", NOW);
  accepted(b, taken, ANN, NOW + 1);
  offered(b, held, ANN, NOW + 50000);
  time_is(b, NOW + MINUTE - 1);
  assert_int_not_equal(row(b, id).service_id, 77);
  time_is(b, NOW + MINUTE);
  assert_int_equal(row(b, id).service_id, 77);
  assert_int_equal(row(b, id).state, INTERACTION_QUEUED);
  assert_false(row(b, id).front);
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_OVERFLOWED);
  assert_int_not_equal(row(b, taken).service_id, 77);
  /* One that is being offered has its turn first. */
  assert_int_not_equal(row(b, held).service_id, 77);
  time_is(b, NOW + 80001);
  assert_int_equal(row(b, held).service_id, 77);
}

static void nothing_waits_longer_than_it_may(void **state) {
  struct box *b = *state;
  change(b, "UPDATE service SET max_wait_ms = 60000");
  int64_t id = opens(b, "c", NOW);
  time_is(b, NOW + MINUTE);
  assert_int_equal(row(b, id).state, INTERACTION_CLOSED);
  assert_string_equal(row(b, id).close_reason, "max_wait");
  assert_int_equal(count_due(b, id), 0);
}

static void silence_ends_it_where_the_service_says_so(void **state) {
  struct box *b = *state;
  change(b, "UPDATE service SET idle_close_ms = 60000");
  int64_t id = opens(b, "c", NOW);
  accepted(b, id, ANN, NOW + 10);
  opens(b, "c", NOW + 30000); /* says more */
  time_is(b, NOW + MINUTE);
  assert_int_equal(row(b, id).state, INTERACTION_ACTIVE);
  time_is(b, NOW + 30000 + MINUTE);
  assert_int_equal(row(b, id).state, INTERACTION_CLOSED);
  assert_string_equal(row(b, id).close_reason, "timeout");
}

/* NOW is Thursday 2025-11-20, 13:05 in Paris. */
static void out_of_hours(void **state) {
  struct box *b = *state;
  change(b, "INSERT INTO calendar VALUES (5, 1, 'Mornings', 'Europe/Paris');"
            "INSERT INTO calendar_interval VALUES (5, 4, 540, 720), (5, 5, 540, 720);"
            "UPDATE service SET calendar_id = 5, closed_reply = 'Come back at nine' WHERE id <> 77");
  int64_t id = opens(b, "c", NOW);
  time_is(b, NOW);
  assert_int_equal(row(b, id).state, INTERACTION_QUEUED);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message WHERE text = 'Come back at nine' AND direction = 1"), 1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM delivery"), 1);
  opens(b, "c", NOW + 5); /* told once */
  time_is(b, NOW + 5);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM delivery"), 1);
  change(b, "UPDATE service SET closed_policy = 1");
  int64_t other = opens(b, "d", NOW + 10);
  time_is(b, NOW + 10);
  assert_int_equal(row(b, other).state, INTERACTION_CLOSED);
  assert_string_equal(row(b, other).close_reason, "out_of_hours");
  /* In the morning nobody is told anything. */
  int64_t morning = NOW + 21 * 60 * MINUTE, early = opens(b, "e", morning);
  time_is(b, morning);
  assert_int_equal(row(b, early).state, INTERACTION_QUEUED);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM delivery"), 2);
}

static void the_last_agent_is_remembered_for_a_while(void **state) {
  struct box *b = *state;
  change(b, "UPDATE service SET sticky_ms = 60000");
  int64_t id = opens(b, "c", NOW);
  accepted(b, id, BOB, NOW);
  struct deed d = deed(b, id, BOB, NOW + 10);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  id = opens(b, "c", NOW + 10 + MINUTE - 1);
  assert_int_equal(row(b, id).last_agent_id, BOB);
  d = deed(b, id, 0, NOW + 2 * MINUTE);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  id = opens(b, "c", NOW + 4 * MINUTE);
  assert_int_equal(row(b, id).last_agent_id, 0);
}

static void the_world_is_what_the_rows_say(void **state) {
  struct box *b = *state;
  struct routing_offer o;
  int64_t held = opens(b, "c1", NOW), refused = opens(b, "c2", NOW + 1), waits = opens(b, "c3", NOW + 2);
  accepted(b, held, ANN, NOW + 3);
  offered(b, refused, BOB, NOW + 3);
  struct deed d = deed(b, refused, BOB, NOW + 4);
  assert_int_equal(tried(&d, run_decline), CONVERSATION_OK);
  struct routing *w = routing_new(NULL);
  struct db *db = store_read_begin(b->store);
  routing_load(db, box_registry(b), 0, NOW + 5, w);
  assert_int_equal(routing_used(w, ANN), 1);
  assert_int_equal(routing_position(w, refused), 1);
  assert_int_equal(routing_position(w, waits), 2);
  struct routing_verdict v[3];
  assert_int_equal(routing_explain(w, refused, NOW + 5, v, 3), 2);
  assert_int_equal(v[0].agent_id, ANN);
  assert_int_equal(v[1].reasons[0].why, ROUTING_REFUSED);
  assert_int_equal(v[1].reasons[0].until, NOW + 4 + MINUTE);
  /* It follows the events: an end, a state, a decline. */
  int64_t at = event_last(db, 1);
  store_read_end(b->store, db);
  d = deed(b, held, ANN, NOW + 6);
  assert_int_equal(tried(&d, run_close), CONVERSATION_OK);
  in_state(b, ANN, "Lunch", NOW + 7);
  bool more;
  db = store_read_begin(b->store);
  assert_int_equal(routing_follow(db, box_registry(b), 1, at, NOW + 8, w, &more), event_last(db, 1));
  store_read_end(b->store, db);
  assert_false(more);
  assert_int_equal(routing_used(w, ANN), 0);
  assert_true(routing_next(w, NOW + 8, &o)); /* Ann is at lunch, Bob declined the first */
  assert_int_equal(o.interaction_id, waits);
  assert_int_equal(o.agent_id, BOB);
  assert_false(routing_next(w, NOW + 8, &o));
  routing_free(w);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(an_offer_is_one_agents_and_passes),
      TEST(an_accepted_offer_has_no_timer),
      TEST(only_who_is_ready_is_offered_anything),
      TEST(nobody_gets_more_than_their_capacity),
      TEST(wrapping_up_keeps_the_agents_room_and_frees_the_customer),
      TEST(transfers),
      TEST(who_leaves_gives_back),
      TEST(conversations_may_wait_for_who_is_gone),
      TEST(a_lost_connection_counts_after_the_grace),
      TEST(overflow_goes_on_with_its_age),
      TEST(nothing_waits_longer_than_it_may),
      TEST(silence_ends_it_where_the_service_says_so),
      TEST(out_of_hours),
      TEST(the_last_agent_is_remembered_for_a_while),
      TEST(the_world_is_what_the_rows_say),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
