/* core/routing case by case: order, eligibility, each strategy, refusals, preference, and the reasons it gives. */
#include "core/routing.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1763640300000)

static int setup(void **state) {
  mem_init();
  *state = routing_new(NULL);
  return 0;
}
static int teardown(void **state) {
  routing_free(*state);
  return 0;
}

static void service(struct routing *r, int64_t id, enum strategy strategy) {
  routing_set_service(
      r, &(struct routing_service){.id = id, .instance_id = 1, .weight = 1, .strategy = strategy, .open = true});
}

/* Ready, in services 1 and 2 at `level`, without skills. */
static void agent(struct routing *r, int64_t id, int64_t capacity, int64_t level, int64_t idle_since) {
  const struct routing_level services[] = {{1, level}, {2, level}};
  routing_set_agent(r, &(struct routing_agent){.id = id,
                                               .instance_id = 1,
                                               .ready = true,
                                               .idle_since = idle_since,
                                               .capacity = capacity,
                                               .most = {-1, -1, -1, -1, -1},
                                               .services = services,
                                               .service_count = 2});
}

static void waits(struct routing *r, int64_t id, int64_t service_id, int64_t priority, int64_t queued_at) {
  routing_put(r,
              &(struct routing_item){.id = id, .service_id = service_id, .priority = priority, .queued_at = queued_at});
}

static void next_is(struct routing *r, int64_t interaction, int64_t agent_id) {
  struct routing_offer o;
  assert_true(routing_next(r, NOW, &o));
  assert_int_equal(o.interaction_id, interaction);
  assert_int_equal(o.agent_id, agent_id);
}
static void next_is_none(struct routing *r) {
  struct routing_offer o;
  assert_false(routing_next(r, NOW, &o));
}

static void priority_then_front_then_age_then_id(void **state) {
  struct routing *r = *state;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  service(r, 2, STRATEGY_LONGEST_IDLE);
  waits(r, 14, 1, 5, NOW);
  waits(r, 13, 2, 5, NOW);
  waits(r, 12, 1, 5, NOW - 1);
  waits(r, 11, 2, 1, NOW + 5);
  routing_put(r, &(struct routing_item){.id = 15, .service_id = 1, .priority = 5, .front = true, .queued_at = NOW + 9});
  next_is_none(r);
  agent(r, 7, 5, 1, NOW);
  static const int64_t wanted[] = {11, 15, 12, 13, 14};
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++) next_is(r, wanted[i], 7);
  next_is_none(r);
  assert_int_equal(routing_used(r, 7), 5);
}

static void each_strategy_chooses_its_own(void **state) {
  (void)state;
  static const int64_t wanted[STRATEGY_COUNT] = {
      [STRATEGY_LONGEST_IDLE] = 1, [STRATEGY_LEAST_LOADED] = 2, [STRATEGY_BEST_SKILL] = 3};
  for (int s = 0; s < STRATEGY_COUNT; s++) {
    struct routing *r = routing_new(NULL);
    service(r, 1, (enum strategy)s);
    agent(r, 1, 4, 2, NOW - 900); /* waits longest, has one of four */
    agent(r, 2, 8, 2, NOW - 500); /* one of eight */
    agent(r, 3, 2, 5, NOW - 100); /* the best, one of two */
    for (int64_t a = 1; a <= 3; a++)
      routing_put(r, &(struct routing_item){.id = 90 + a, .service_id = 1, .agent_id = a, .weight = 1});
    waits(r, 50, 1, 5, NOW);
    next_is(r, 50, wanted[s]);
    routing_free(r);
  }
}

static void who_got_something_goes_to_the_end(void **state) {
  struct routing *r = *state;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  for (int64_t a = 1; a <= 3; a++) agent(r, a, 10, 1, NOW - 100 + a);
  for (int64_t i = 0; i < 6; i++) {
    struct routing_offer o;
    waits(r, 100 + i, 1, 1, NOW);
    assert_true(routing_next(r, NOW + i, &o));
    assert_int_equal(o.agent_id, 1 + i % 3);
  }
}

static void only_who_may(void **state) {
  struct routing *r = *state;
  const struct routing_level asked[] = {{31, 4}, {30, 2}};
  routing_set_service(
      r, &(struct routing_service){
             .id = 1, .instance_id = 1, .medium = 1, .weight = 2, .open = true, .skills = asked, .skill_count = 2});
  const struct routing_level weak[] = {{30, 5}, {31, 3}}, good[] = {{31, 4}, {29, 5}, {30, 2}};
  const struct routing_level in[] = {{1, 3}}, elsewhere[] = {{2, 3}};
  struct routing_agent like = {.instance_id = 1,
                               .ready = true,
                               .capacity = 3,
                               .most = {-1, -1, -1, -1, -1},
                               .skills = good,
                               .skill_count = 3,
                               .services = in,
                               .service_count = 1},
                       a;
  waits(r, 50, 1, 1, NOW);
  a = like, a.id = 1, a.ready = false, routing_set_agent(r, &a);
  a = like, a.id = 2, a.skills = weak, a.skill_count = 2, routing_set_agent(r, &a);
  a = like, a.id = 3, a.services = elsewhere, routing_set_agent(r, &a);
  a = like, a.id = 4, a.capacity = 1, routing_set_agent(r, &a);
  a = like, a.id = 5, a.most[1] = 0, routing_set_agent(r, &a);
  a = like, a.id = 6, a.instance_id = 2, a.services = elsewhere, routing_set_agent(r, &a);
  next_is_none(r);
  struct routing_verdict v[9];
  assert_int_equal(routing_explain(r, 50, NOW, v, 9), 5); /* not the one of another instance */
  static const struct {
    int64_t agent;
    struct routing_reason reason;
  } wanted[] = {
      {1, {.why = ROUTING_NOT_READY}},
      {2, {.why = ROUTING_SKILL_MISSING, .ref = 31, .have = 3, .need = 4}},
      {4, {.why = ROUTING_NO_ROOM, .have = 0, .need = 2, .most = 1}},
      {5, {.why = ROUTING_MEDIUM_FULL, .have = 0, .most = 0}},
      {3, {.why = ROUTING_NOT_IN_SERVICE}},
  };
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
    assert_int_equal(v[i].agent_id, wanted[i].agent);
    assert_false(v[i].eligible);
    assert_int_equal(v[i].reason_count, 1);
    assert_memory_equal(&v[i].reasons[0], &wanted[i].reason, sizeof wanted[i].reason);
  }
  assert_int_equal(routing_slots(r, 1), 1); /* agent 5 alone is ready, skilled and large enough */
  /* Each may once what was in the way is gone. */
  routing_set_presence(r, 1, true, NOW);
  assert_int_equal(routing_explain(r, 50, NOW, v, 9), 5);
  assert_int_equal(v[0].agent_id, 1);
  assert_true(v[0].eligible);
  assert_int_equal(v[0].score, 3 + 4 + 2);
  next_is(r, 50, 1);
  assert_int_equal(routing_used(r, 1), 2);
  assert_int_equal(routing_explain(r, 50, NOW, v, 9), -1);
  waits(r, 51, 1, 1, NOW);
  next_is_none(r); /* one left of three, two are needed */
  routing_drop(r, 50);
  next_is(r, 51, 1);
}

static void a_closed_service_keeps_what_waits(void **state) {
  struct routing *r = *state;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  agent(r, 1, 1, 1, NOW);
  routing_set_open(r, 1, false);
  waits(r, 50, 1, 1, NOW);
  next_is_none(r);
  routing_set_open(r, 1, true);
  next_is(r, 50, 1);
}

static void the_preferred_one_comes_first_but_is_not_waited_for(void **state) {
  struct routing *r = *state;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  agent(r, 1, 1, 1, NOW - 9);
  agent(r, 2, 1, 1, NOW - 5);
  routing_put(r, &(struct routing_item){.id = 50, .service_id = 1, .priority = 1, .prefer = 2});
  struct routing_verdict v[3];
  assert_int_equal(routing_explain(r, 50, NOW, v, 3), 2);
  assert_int_equal(v[0].agent_id, 2);
  assert_true(v[0].preferred);
  next_is(r, 50, 2);
  routing_put(r, &(struct routing_item){.id = 51, .service_id = 1, .priority = 1, .prefer = 2});
  next_is(r, 51, 1);
}

static void who_refused_is_not_asked_again_for_a_while(void **state) {
  struct routing *r = *state;
  struct routing_offer o;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  agent(r, 1, 9, 1, NOW - 9);
  waits(r, 50, 1, 1, NOW);
  waits(r, 51, 1, 2, NOW);
  routing_refuse(r, 50, 1, NOW + 60);
  struct routing_verdict v[3];
  assert_int_equal(routing_explain(r, 50, NOW, v, 3), 1);
  assert_int_equal(v[0].reasons[0].why, ROUTING_REFUSED);
  assert_int_equal(v[0].reasons[0].until, NOW + 60);
  next_is(r, 51, 1); /* others pass it */
  next_is_none(r);
  assert_int_equal(routing_look_at(r), NOW + 60);
  assert_false(routing_next(r, NOW + 59, &o));
  assert_true(routing_next(r, NOW + 60, &o));
  assert_int_equal(o.interaction_id, 50);
  assert_int_equal(routing_look_at(r), 0);
  /* More than it remembers: the oldest may be asked again, nothing else is lost. */
  waits(r, 52, 1, 1, NOW);
  for (int64_t a = 1; a <= ROUTING_REFUSALS_MAX; a++) routing_refuse(r, 52, a, NOW + 60);
  next_is_none(r);
  routing_refuse(r, 52, ROUTING_REFUSALS_MAX + 1, NOW + 60);
  next_is(r, 52, 1);
}

static void positions_and_estimates(void **state) {
  struct routing *r = *state;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  for (int64_t i = 0; i < 1000; i++) waits(r, 100 + i * 7919 % 1000, 1, 1 + i % 3, NOW - i);
  assert_int_equal(routing_waiting(r, 1), 1000);
  bool seen[1001] = {false};
  for (int64_t i = 0; i < 1000; i++) {
    int64_t at = routing_position(r, 100 + i);
    assert_in_range(at, 1, 1000);
    assert_false(seen[at]);
    seen[at] = true;
  }
  agent(r, 1, 1000, 1, NOW);
  for (int64_t i = 1; i <= 1000; i++) {
    struct routing_offer o;
    assert_int_equal(routing_waiting(r, 1), 1001 - i);
    assert_true(routing_next(r, NOW, &o));
    assert_int_equal(routing_position(r, o.interaction_id), 0);
  }
  assert_int_equal(routing_position(r, 99), 0);
  assert_int_equal(routing_estimate(3, 2, 60000), 90000);
  assert_int_equal(routing_estimate(3, 0, 60000), -1);
  assert_int_equal(routing_estimate(0, 2, 60000), -1);
  assert_int_equal(routing_estimate(1, 2, 0), -1);
}

static void a_long_queue_keeps_its_first_ones(void **state) {
  struct routing *r = *state;
  struct routing_offer o;
  service(r, 1, STRATEGY_LONGEST_IDLE);
  int64_t all = ROUTING_WAITING_MAX + 500;
  for (int64_t i = 0; i < all; i++) waits(r, 1 + i * 7919 % all, 1, 5, NOW + i * 7919 % all);
  assert_int_equal(routing_waiting(r, 1), ROUTING_WAITING_MAX);
  assert_int_equal(routing_position(r, ROUTING_WAITING_MAX), ROUTING_WAITING_MAX);
  assert_int_equal(routing_position(r, ROUTING_WAITING_MAX + 1), 0);
  assert_false(routing_wants_more(r));
  waits(r, 9999, 1, 1, NOW); /* one of a higher priority puts the last one out */
  assert_int_equal(routing_position(r, 9999), 1);
  assert_int_equal(routing_position(r, ROUTING_WAITING_MAX), 0);
  agent(r, 1, all + 1, 1, NOW);
  int64_t served = 0;
  for (; !routing_wants_more(r); served++) assert_true(routing_next(r, NOW, &o));
  assert_in_range(routing_waiting(r, 1), 1, ROUTING_WAITING_MAX / 2);
  routing_all_told(r);
  for (int64_t id = served; id <= all; id++) waits(r, id, 1, 5, NOW + id - 1);
  assert_false(routing_wants_more(r));
  for (int64_t id = served; id <= all; id++) next_is(r, id, 1);
  next_is_none(r);
}

static void setup_changes_count_at_once(void **state) {
  struct routing *r = *state;
  waits(r, 50, 1, 1, NOW); /* of a service that is not known yet */
  agent(r, 1, 1, 1, NOW);
  next_is_none(r);
  service(r, 1, STRATEGY_BEST_SKILL);
  next_is(r, 50, 1);
  waits(r, 51, 1, 1, NOW);
  next_is_none(r);
  agent(r, 1, 2, 1, NOW); /* more capacity; what is held stays held */
  assert_int_equal(routing_used(r, 1), 1);
  routing_remove_agent(r, 1);
  next_is_none(r);
  agent(r, 1, 2, 1, NOW);
  next_is(r, 51, 1);
  routing_drop(r, 51);
  routing_drop(r, 51);
  assert_int_equal(routing_used(r, 1), 1);
  routing_put(r, &(struct routing_item){.id = 50, .service_id = 1, .agent_id = 1, .weight = 1});
  assert_int_equal(routing_used(r, 1), 1); /* the same again changes nothing */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(priority_then_front_then_age_then_id),       TEST(each_strategy_chooses_its_own),
      TEST(who_got_something_goes_to_the_end),          TEST(only_who_may),
      TEST(a_closed_service_keeps_what_waits),          TEST(the_preferred_one_comes_first_but_is_not_waited_for),
      TEST(who_refused_is_not_asked_again_for_a_while), TEST(positions_and_estimates),
      TEST(a_long_queue_keeps_its_first_ones),          TEST(setup_changes_count_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
