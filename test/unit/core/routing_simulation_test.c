/* core/routing at full size on a clock of its own: 1000 agents, 50 services, 100 000 conversations that arrive faster
 * than they are worked off at times. Nobody above capacity, every conversation served, within one service and priority
 * in the order of arrival, and the same seed gives the same decisions to the last one. */
#include "core/routing.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define AGENTS        1000
#define SERVICES      50
#define CONVERSATIONS 100000
#define START         INT64_C(1763640300000)

struct end {
  int64_t at, id, agent;
};
struct simulation {
  uint64_t seed, digest;
  struct routing *r;
  int64_t capacity[AGENTS + 1], used[AGENTS + 1];
  int64_t last_of[SERVICES + 1][4]; /* arrival of the last one served, by priority */
  int64_t queued_at[CONVERSATIONS + 1];
  uint8_t priority[CONVERSATIONS + 1];
  struct end *ends; /* a heap by time */
  int end_count, served, longest_queue, waiting;
};

static int64_t below(struct simulation *s, int64_t n) {
  s->seed ^= s->seed << 13;
  s->seed ^= s->seed >> 7;
  s->seed ^= s->seed << 17;
  return (int64_t)(s->seed % (uint64_t)n);
}

static bool sooner(const struct end *a, const struct end *b) {
  return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static void end_push(struct simulation *s, struct end e) {
  int at = s->end_count++;
  for (; at > 0 && sooner(&e, &s->ends[(at - 1) / 2]); at = (at - 1) / 2) s->ends[at] = s->ends[(at - 1) / 2];
  s->ends[at] = e;
}

static struct end end_pop(struct simulation *s) {
  struct end first = s->ends[0], last = s->ends[--s->end_count];
  int at = 0;
  for (int child; (child = 2 * at + 1) < s->end_count; at = child) {
    if (child + 1 < s->end_count && sooner(&s->ends[child + 1], &s->ends[child])) child++;
    if (!sooner(&s->ends[child], &last)) break;
    s->ends[at] = s->ends[child];
  }
  s->ends[at] = last;
  return first;
}

static void make_world(struct simulation *s) {
  for (int64_t id = 1; id <= SERVICES; id++) {
    const struct routing_level skill = {1 + id % 20, 2};
    routing_set_service(s->r, &(struct routing_service){.id = id,
                                                        .instance_id = 1,
                                                        .weight = 1 + id % 2,
                                                        .strategy = (enum strategy)(id % 3),
                                                        .open = true,
                                                        .skills = &skill,
                                                        .skill_count = id % 4 == 0});
  }
  for (int64_t id = 1; id <= AGENTS; id++) {
    struct routing_level services[10], skills[10];
    for (int k = 0; k < 10; k++) services[k] = (struct routing_level){1 + (id * 7 + k * 5) % SERVICES, 1 + below(s, 5)};
    for (int k = 0; k < 10; k++) skills[k] = (struct routing_level){1 + (id + 2 * k) % 20, 1 + below(s, 5)};
    struct routing_agent a = {.id = id,
                              .instance_id = 1,
                              .ready = true,
                              .idle_since = START,
                              .capacity = 3 + id % 3,
                              .most = {-1, -1, -1, -1, -1},
                              .skills = skills,
                              .skill_count = 10,
                              .services = services,
                              .service_count = 10};
    s->capacity[id] = a.capacity;
    routing_set_agent(s->r, &a);
  }
}

static void decide(struct simulation *s, int64_t now) {
  struct routing_offer o;
  while (routing_next(s->r, now, &o)) {
    s->used[o.agent_id] += o.weight;
    assert_true(s->used[o.agent_id] <= s->capacity[o.agent_id]);
    int64_t *last = &s->last_of[o.service_id][s->priority[o.interaction_id]];
    assert_true(s->queued_at[o.interaction_id] >= *last);
    *last = s->queued_at[o.interaction_id];
    end_push(s, (struct end){.at = now + 30000 + below(s, 600000), .id = o.interaction_id, .agent = o.agent_id});
    s->served++;
    s->waiting--;
    s->digest = (s->digest ^ (uint64_t)(o.interaction_id << 20 ^ o.agent_id)) * UINT64_C(1099511628211);
  }
}

static void end_one(struct simulation *s) {
  struct end e = end_pop(s);
  s->used[e.agent] -= 1 + (e.id % SERVICES + 1) % 2;
  routing_drop(s->r, e.id);
  routing_set_presence(s->r, e.agent, true, e.at);
  decide(s, e.at);
}

static struct simulation *run(uint64_t seed) {
  struct simulation *s = mem_new(NULL, struct simulation);
  s->seed = seed;
  s->r = routing_new(s);
  s->ends = mem_array(s, struct end, CONVERSATIONS);
  make_world(s);
  int64_t now = START;
  for (int64_t id = 1; id <= CONVERSATIONS; id++) {
    /* In waves: at times twice as many as can be worked off. */
    now += below(s, id / 10000 % 2 ? 400 : 110);
    while (s->end_count && s->ends[0].at <= now) end_one(s);
    s->priority[id] = (uint8_t)(1 + id % 3);
    s->queued_at[id] = now;
    routing_put(s->r, &(struct routing_item){
                          .id = id, .service_id = id % SERVICES + 1, .priority = 1 + id % 3, .queued_at = now});
    if (++s->waiting > s->longest_queue) s->longest_queue = s->waiting;
    decide(s, now);
  }
  while (s->end_count) end_one(s);
  return s;
}

static void a_day_of_a_large_centre(void **state) {
  (void)state;
  struct simulation *a = run(20261120), *b = run(20261120), *c = run(1);
  assert_int_equal(a->served, CONVERSATIONS);
  assert_int_equal(b->served, CONVERSATIONS);
  assert_true(a->digest == b->digest);
  assert_false(a->digest == c->digest);
  assert_true(a->longest_queue > 2000); /* or it would prove little */
  for (int64_t id = 1; id <= AGENTS; id++) assert_int_equal(routing_used(a->r, id), 0);
  mem_free(a);
  mem_free(b);
  mem_free(c);
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_day_of_a_large_centre)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
