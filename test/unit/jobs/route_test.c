/* jobs/route on real rows and a clock that stands: matched at once, by the rows alone, over restarts; and a random
 * history after each step of which nobody holds more than they may and nothing waits for which there is room. */
#include "jobs/route.h"

#include "../../store/box.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/assign.h"
#include "store/routing.h"

#define MINUTE INT64_C(60000)

static const struct conf conf = {
    .offer_pause = MINUTE, .delivery_retention = 3600000, .agent_grace = 30000, .agent_gone_active = true};

struct scene {
  struct box *b;
  struct route *route;
  int64_t channel_id, messages;
  uint64_t seed;
};

static void change(struct scene *s, const char *sql) {
  box_sql_do(s->b, sql);
  store_epoch_raise(s->b->store);
}

static int set_up(void **state) {
  struct scene *s = mem_new(NULL, struct scene);
  s->b = box_make();
  clock_fake(NOW);
  s->channel_id = box_channel(s->b, "Bot")->id;
  change(
      s,
      "UPDATE service SET name = 'First';"
      "INSERT INTO service (id, instance_id, name, priority, created_at, strategy) VALUES (77, 1, 'Second', 2, 1, 1)");
  for (int id = 1; id <= 4; id++)
    change(s, mem_printf(s->b->ctx,
                         "INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile,"
                         " enabled, created_at) VALUES (%d, 1, 'a%d', '', '', '', 0, 1, 1);"
                         "INSERT INTO agent_service SELECT %d, id, 1 FROM service",
                         id, id, id));
  s->route = route_new(NULL, s->b->store, &conf);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct scene *s = *state;
  mem_free(s->route);
  box_free(s->b);
  mem_free(s);
  return 0;
}

/* ---- deeds ---- */

struct deed {
  const struct registry *registry;
  int64_t id, agent_id;
  const char *state;
  bool ready;
};

static enum job_result run_state(struct db *tx, void *arg) {
  const struct deed *d = arg;
  const struct assign_conf rules = {.pause_ms = MINUTE, .retention_ms = 1000, .gone_active = true};
  const struct agent_state *state = registry_state_of_kind(d->registry, 1, d->ready ? STATE_READY : STATE_LOGGED_OUT);
  return presence_set(tx, d->registry, &rules, d->agent_id, state, "", NULL, clock_wall_ms()) ? JOB_COMMIT : JOB_REJECT;
}
static enum job_result run_accept(struct db *tx, void *arg) {
  const struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  struct conversation_why why;
  return conversation_accept(tx, d->registry, 1, d->id, &actor, clock_wall_ms(), &why) == CONVERSATION_OK ? JOB_COMMIT
                                                                                                          : JOB_REJECT;
}
static enum job_result run_decline(struct db *tx, void *arg) {
  const struct deed *d = arg;
  const struct actor actor = {.agent_id = d->agent_id, .display_name = "x"};
  const struct assign_conf rules = {.pause_ms = MINUTE};
  struct conversation_why why;
  return assign_decline(tx, d->registry, &rules, 1, d->id, &actor, clock_wall_ms(), &why) == CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}
static enum job_result run_close(struct db *tx, void *arg) {
  const struct deed *d = arg;
  const struct actor actor = {.display_name = "x"};
  return conversation_close(tx, d->registry, 1, d->id, &actor, &(struct close_in){.retention_ms = 1000},
                            clock_wall_ms()) == CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}
static enum job_result run_transfer(struct db *tx, void *arg) {
  const struct deed *d = arg;
  const struct actor actor = {.display_name = "x"};
  const struct assign_conf rules = {.pause_ms = MINUTE};
  const struct transfer_in to = {.service_id = 77};
  struct conversation_why why;
  enum transfer_result target;
  return assign_transfer(tx, d->registry, &rules, 1, d->id, &actor, &to, clock_wall_ms(), &why, &target) ==
                 CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static bool perform(struct scene *s, enum job_result (*run)(struct db *tx, void *arg), struct deed d) {
  d.registry = box_registry(s->b);
  return store_run_now(s->b->store, run, &d) == STORE_OK;
}

static void ready(struct scene *s, int64_t agent_id, bool is) {
  assert_true(perform(s, run_state, (struct deed){.agent_id = agent_id, .ready = is}));
}

static int64_t opens(struct scene *s, const char *customer) {
  const struct channel *channel = registry_channel(box_registry(s->b), s->channel_id);
  struct message_in m = box_message(customer, mem_printf(s->b->ctx, "m%lld", (long long)++s->messages), "x");
  assert_int_equal(box_receive(s->b, channel, &m, clock_wall_ms()), CONVERSATION_OK);
  return box_interaction(s->b, channel, customer).id;
}

static struct interaction row(struct scene *s, int64_t id) {
  struct interaction i;
  struct db *db = store_read_begin(s->b->store);
  assert_true(interaction_get(db, s->b->ctx, 1, id, &i));
  store_read_end(s->b->store, db);
  return i;
}

static void is_offered(struct scene *s, int64_t id, int64_t agent_id) {
  struct interaction i = row(s, id);
  assert_int_equal(i.state, INTERACTION_OFFERED);
  assert_int_equal(i.agent_id, agent_id);
}

static void goes_on(struct scene *s, int64_t ms) {
  clock_fake_advance(ms);
  route_round(s->route);
}

/* ---- tests ---- */

static void everything_matches_at_once(void **state) {
  struct scene *s = *state;
  int64_t first = opens(s, "c1"), second = opens(s, "c2");
  goes_on(s, 0);
  assert_int_equal(row(s, first).state, INTERACTION_QUEUED);
  ready(s, 1, true); /* a state */
  change(s, "UPDATE agent SET capacity = 1");
  goes_on(s, 0);
  is_offered(s, first, 1);
  assert_int_equal(row(s, second).state, INTERACTION_QUEUED);
  assert_true(perform(s, run_accept, (struct deed){.id = first, .agent_id = 1}));
  goes_on(s, 0);
  assert_int_equal(row(s, second).state, INTERACTION_QUEUED);
  assert_true(perform(s, run_close, (struct deed){.id = first}));
  goes_on(s, 0); /* a freed slot */
  is_offered(s, second, 1);
  ready(s, 2, true);
  int64_t third = opens(s, "c3"); /* a message */
  goes_on(s, 0);
  is_offered(s, third, 2);
  change(s, "UPDATE agent SET capacity = 2 WHERE id = 2"); /* the setup */
  int64_t fourth = opens(s, "c4");
  goes_on(s, 0);
  is_offered(s, fourth, 2);
  struct route_stats st;
  route_stats(s->route, &st);
  assert_int_equal(st.offers, 4);
  assert_int_equal(st.refused, 0);
}

static void an_offer_passes_to_the_next(void **state) {
  struct scene *s = *state;
  ready(s, 1, true);
  int64_t id = opens(s, "c");
  goes_on(s, 0);
  is_offered(s, id, 1);
  ready(s, 2, true);
  goes_on(s, 29999);
  is_offered(s, id, 1);
  goes_on(s, 1);
  is_offered(s, id, 2);
  assert_true(perform(s, run_decline, (struct deed){.id = id, .agent_id = 2}));
  goes_on(s, 0);
  assert_int_equal(row(s, id).state, INTERACTION_QUEUED); /* both have been asked */
  goes_on(s, MINUTE - 1);
  assert_int_equal(row(s, id).state, INTERACTION_QUEUED);
  goes_on(s, 1); /* the pause of the first is over */
  is_offered(s, id, 1);
}

static void a_restart_forgets_nothing(void **state) {
  struct scene *s = *state;
  ready(s, 1, true);
  int64_t id = opens(s, "c"), waits;
  goes_on(s, 0);
  is_offered(s, id, 1);
  change(s, "UPDATE agent SET capacity = 1");
  waits = opens(s, "d");
  mem_free(s->route);
  box_close(s->b);
  box_open(s->b, STORE_SERVE);
  s->route = route_new(NULL, s->b->store, &conf);
  goes_on(s, 10000);
  is_offered(s, id, 1);
  ready(s, 2, true);
  goes_on(s, 0);
  is_offered(s, waits, 2);
  goes_on(s, 20000);
  assert_int_equal(row(s, id).state, INTERACTION_QUEUED);
  assert_true(row(s, id).front);
}

/* Whoever was kept there by a live stream has the time of grace after a start. */
static void who_does_not_come_back_is_gone(void **state) {
  struct scene *s = *state;
  ready(s, 1, true);
  ready(s, 2, true);
  box_sql_do(s->b, "UPDATE presence SET live = 1 WHERE agent_id = 1");
  mem_free(s->route);
  s->route = route_new(NULL, s->b->store, &conf);
  goes_on(s, 29999);
  assert_int_equal(box_sql(s->b, "SELECT count(*) FROM presence WHERE state_id = 1"), 2);
  goes_on(s, 1);
  assert_int_equal(box_sql(s->b, "SELECT count(*) FROM presence WHERE state_id = 1"), 1);
  assert_int_equal(box_sql(s->b, "SELECT agent_id FROM presence WHERE state_id = 1"), 2);
}

/* NOW is a Thursday, 13:05 in Paris. */
static void opening_time_comes(void **state) {
  struct scene *s = *state;
  change(s, "INSERT INTO calendar VALUES (5, 1, 'Afternoons', 'Europe/Paris');"
            "INSERT INTO calendar_interval VALUES (5, 4, 840, 900); UPDATE service SET calendar_id = 5 WHERE id <> 77");
  ready(s, 1, true);
  int64_t id = opens(s, "c");
  goes_on(s, 0);
  assert_int_equal(row(s, id).state, INTERACTION_QUEUED);
  goes_on(s, 54 * MINUTE);
  assert_int_equal(row(s, id).state, INTERACTION_QUEUED);
  goes_on(s, 1 * MINUTE);
  is_offered(s, id, 1);
}

static int64_t below(struct scene *s, int64_t n) {
  s->seed ^= s->seed << 13;
  s->seed ^= s->seed >> 7;
  s->seed ^= s->seed << 17;
  return (int64_t)(s->seed % (uint64_t)n);
}

static void holds(struct scene *s) {
  struct routing_offer o;
  assert_int_equal(box_sql(s->b, "SELECT count(*) FROM agent a WHERE a.capacity < (SELECT coalesce(sum(i.weight), 0)"
                                 " FROM interaction i WHERE i.agent_id = a.id AND i.state < 5)"),
                   0);
  assert_int_equal(box_sql(s->b, "SELECT count(*) FROM interaction WHERE (state = 1 AND agent_id <> 0)"
                                 " OR (state = 2 AND (agent_id = 0 OR offer_until = 0))"),
                   0);
  assert_int_equal(box_sql(s->b, "SELECT count(*) FROM due d LEFT JOIN interaction i ON i.id = d.ref_id"
                                 " WHERE d.kind = 1 AND (i.state IS NULL OR i.state <> 2)"),
                   0);
  struct routing *w = routing_new(NULL);
  struct db *db = store_read_begin(s->b->store);
  routing_load(db, box_registry(s->b), 0, clock_wall_ms(), w);
  store_read_end(s->b->store, db);
  assert_false(routing_next(w, clock_wall_ms(), &o)); /* nothing waits for which there is room */
  routing_free(w);
}

static int64_t any_of_state(struct scene *s, const char *states) {
  return box_sql(s->b,
                 mem_printf(s->b->ctx, "SELECT id FROM interaction WHERE state IN (%s) ORDER BY id LIMIT 1 OFFSET %lld",
                            states, (long long)below(s, 4)));
}

static void a_random_history(void **state) {
  struct scene *s = *state;
  int done = 0;
  s->seed = 20261120;
  change(s, "UPDATE service SET wrapup_ms = 5000, weight = 2 WHERE id = 77");
  for (int n = 0; n < 400; n++) {
    int64_t what = below(s, 10), agent = 1 + below(s, 4), offer = any_of_state(s, "2"), talk = any_of_state(s, "3"),
            open = any_of_state(s, "1, 2, 3");
    int64_t holder = offer ? row(s, offer).agent_id : 0;
    if (what < 3)
      opens(s, mem_printf(s->b->ctx, "c%d", n));
    else if (what < 5)
      ready(s, agent, below(s, 3) != 0);
    else if (what == 5 && offer)
      done += perform(s, run_accept, (struct deed){.id = offer, .agent_id = holder});
    else if (what == 6 && offer)
      done += perform(s, run_decline, (struct deed){.id = offer, .agent_id = holder});
    else if (what == 7 && talk)
      done += perform(s, run_close, (struct deed){.id = talk});
    else if (what == 8 && open)
      done += perform(s, run_transfer, (struct deed){.id = open});
    else if (open)
      perform(s, run_accept, (struct deed){.id = open, .agent_id = agent}); /* often refused */
    goes_on(s, below(s, 8000));
    holds(s);
  }
  assert_true(done > 60);
  assert_true(box_sql(s->b, "SELECT count(*) FROM interaction WHERE state = 5") > 5);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(everything_matches_at_once),     TEST(an_offer_passes_to_the_next), TEST(a_restart_forgets_nothing),
      TEST(who_does_not_come_back_is_gone), TEST(opening_time_comes),          TEST(a_random_history),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
