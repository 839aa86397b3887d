/* What may go out next: order inside a lane, freedom between lanes and channels, back-off, bounds. No clock but the
 * test's own. */
#include "jobs/lanes.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_US 1000000
#define DEADLINE 1000000000

static const struct lanes_limits usual = {
    .channel_rows = 2000,
    .failing_rows = 256,
    .total_rows = 20000,
    .guaranteed_rows = 64,
    .lane_rows = 512,
    .active_max = 1024,
    .window_max = 32,
    .backoff_first_ms = 1000,
    .backoff_max_ms = 900000,
};

static struct lanes *l;
static int64_t now;

static int setup(void **state) {
  (void)state;
  mem_init();
  l = lanes_new(NULL, &usual);
  now = 1000000;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  lanes_free(l);
  return 0;
}

static struct lanes_channel *channel(int64_t id) {
  struct lanes_channel *c = lanes_channel(l, id);
  c->open = true;
  return c;
}

static void add(struct lanes_channel *c, int64_t id, int64_t customer) {
  lanes_add(l, c, &(struct delivery){.id = id, .channel_id = c->id, .customer_id = customer, .deadline_at = DEADLINE},
            0, now);
}

static void expect_none(void) {
  assert_null(lanes_take(l, now));
}

static struct lanes_row *expect(int64_t id) {
  struct lanes_row *row = lanes_take(l, now);
  assert_non_null(row);
  assert_int_equal(row->d.id, id);
  return row;
}

static void deliver(struct lanes_row *row) {
  lanes_attempt_succeeded(l, row, now);
  lanes_gone(l, row, now);
}

static enum lanes_change fail_for(struct lanes_row *row, int64_t wait_ms) {
  enum lanes_change change = lanes_attempt_failed(l, row, 0, 0, now);
  row->d.attempts++;
  lanes_again(l, row, wait_ms * 1000, now);
  return change;
}

static void a_lane_is_strictly_in_order(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 3; id++) add(c, id, 7);
  struct lanes_row *row = expect(1);
  expect_none();
  lanes_attempt_succeeded(l, row, now);
  expect_none(); /* not before the outcome is stored */
  lanes_gone(l, row, now);
  row = expect(2);
  fail_for(row, 5000);
  expect_none(); /* the third waits behind the second */
  now += 5000000;
  deliver(expect(2));
  deliver(expect(3));
  expect_none();
  assert_int_equal(lanes_rows(l), 0);
}

static void the_window_grows_with_success_up_to_its_limit(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  struct lanes_row *rows[64];
  for (int id = 1; id <= 500; id++) add(c, id, id);
  int most = 0;
  for (int round = 0; round < 8; round++) {
    int n = 0;
    while (n < 64 && (rows[n] = lanes_take(l, now))) n++;
    if (round == 0) assert_int_equal(n, 4);
    if (n > most) most = n;
    for (int i = 0; i < n; i++) deliver(rows[i]);
  }
  assert_int_equal(most, 32);
}

static void a_dead_channel_gets_one_attempt_at_a_time_and_costs_nobody(void **state) {
  (void)state;
  struct lanes_channel *dead = channel(1), *good = channel(2);
  struct lanes_row *rows[4];
  for (int id = 1; id <= 100; id++) add(dead, id, id);
  for (int i = 0; i < 4; i++) rows[i] = expect(i + 1);
  assert_int_equal(fail_for(rows[0], 1000), LANES_SAME);
  assert_int_equal(fail_for(rows[1], 1000), LANES_SAME);
  assert_int_equal(fail_for(rows[2], 1000), LANES_FAILING);
  assert_int_equal(fail_for(rows[3], 1000), LANES_SAME);
  assert_int_equal(lanes_failing(l), 1);
  expect_none();
  for (int id = 1001; id <= 1100; id++) add(good, id, id);
  for (int id = 1001; id <= 1100; id++) deliver(expect(id));
  now += FIRST_US;
  struct lanes_row *probe = lanes_take(l, now);
  assert_non_null(probe);
  struct lanes_row *other = lanes_take(l, now);
  if (other) assert_true(other->retried != probe->retried); /* at most one of each sort */
  expect_none();
}

static void probes_of_a_dead_channel_slow_down(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 3; id++) add(c, id, id);
  int attempts = 0;
  /* Ten minutes in tenths of a second, each failed lane due again after its own growing wait. */
  for (int tick = 0; tick < 6000; tick++, now += 100000)
    for (struct lanes_row *row; (row = lanes_take(l, now)); attempts++)
      fail_for(row, 1000 << (row->d.attempts < 9 ? row->d.attempts : 9));
  assert_true(attempts > 15 && attempts < 45);
}

static void a_poisoned_message_holds_up_nobody_and_still_slows_down(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  add(c, 1, 1);
  int poison = 0, good = 0;
  int64_t id = 10, longest_us = 0;
  for (int tick = 0; tick < 36000; tick++, now += 100000) { /* an hour, a good message a second */
    if (tick % 10 == 0) {
      int64_t came = now;
      id++;
      add(c, id, id);
      for (bool gone = false; !gone; now += 100000, tick++) {
        for (struct lanes_row *row; (row = lanes_take(l, now));) {
          if (row->d.id == 1) {
            poison++;
            fail_for(row, row->d.attempts < 10 ? 1000 << row->d.attempts : 900000);
          } else {
            deliver(row);
            good++;
            gone = true;
          }
        }
      }
      if (now - came > longest_us) longest_us = now - came;
    }
  }
  assert_true(good > 2000);
  assert_true(poison >= 8 && poison <= 40);
  assert_true(longest_us <= FIRST_US + 200000);
}

static void slow_customers_leave_room_for_the_others(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 200; id++) add(c, id, id);
  struct lanes_row *row;
  struct lanes_row *first[4];
  for (int i = 0; i < 4; i++) first[i] = lanes_take(l, now);
  for (int i = 0; i < 4; i++) i < 2 ? (void)fail_for(first[i], 1000) : deliver(first[i]);
  /* Retried ones take a long time from now on: they are never given back. */
  int held = 0, good = 0;
  for (int tick = 0; tick < 200; tick++, now += 100000)
    while ((row = lanes_take(l, now))) {
      if (row->retried) {
        held++;
        continue;
      }
      deliver(row);
      good++;
    }
  assert_int_equal(good, 196);
  assert_int_equal(held, 2);
}

static void a_success_brings_forward_what_waits(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  add(c, 1, 1);
  add(c, 2, 2);
  struct lanes_row *a = expect(1), *b = expect(2);
  fail_for(a, 600000);
  fail_for(b, 600000);
  now += 200000;
  add(c, 3, 3);
  deliver(expect(3));
  expect_none(); /* not sooner than the first wait after its own attempt */
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 800000);
  now += 800000;
  deliver(expect(1));
  deliver(expect(2));
}

static void recovery_is_told_once(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 4; id++) add(c, id, id);
  struct lanes_row *rows[4];
  for (int i = 0; i < 4; i++) rows[i] = expect(i + 1);
  for (int i = 0; i < 4; i++) fail_for(rows[i], 1000);
  now += 2 * FIRST_US;
  struct lanes_row *row = lanes_take(l, now);
  assert_int_equal(lanes_attempt_succeeded(l, row, now), LANES_RECOVERED);
  lanes_gone(l, row, now);
  assert_int_equal(lanes_failing(l), 0);
  int rest = 0;
  while ((row = lanes_take(l, now))) {
    assert_int_equal(lanes_attempt_succeeded(l, row, now), LANES_SAME);
    lanes_gone(l, row, now);
    rest++;
  }
  assert_int_equal(rest, 3);
}

static void retry_after_holds_the_whole_channel(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  add(c, 1, 1);
  struct lanes_row *row = expect(1);
  lanes_attempt_failed(l, row, 30000, 0, now);
  row->d.attempts++;
  lanes_again(l, row, 30000000, now);
  add(c, 2, 2);
  expect_none();
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 30000000);
  now += 30000000;
  assert_non_null(lanes_take(l, now));
  assert_non_null(lanes_take(l, now));
}

static void a_fresh_start_forgets_failures(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 4; id++) add(c, id, id);
  struct lanes_row *rows[4];
  for (int i = 0; i < 4; i++) rows[i] = expect(i + 1);
  for (int i = 0; i < 4; i++) fail_for(rows[i], 900000);
  expect_none();
  lanes_fresh_start(l, c, now);
  assert_int_equal(lanes_failing(l), 0);
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 0);
  assert_non_null(lanes_take(l, now));
}

/* Both ways: failed after the change, and failed before it but stored after it. */
static void what_was_under_way_at_a_fresh_start_is_tried_at_once(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 3; id++) add(c, id, id);
  struct lanes_row *rows[3];
  for (int i = 0; i < 3; i++) rows[i] = expect(i + 1);
  now++;
  lanes_attempt_failed(l, rows[0], 0, 0, now);
  lanes_fresh_start(l, c, ++now);
  rows[0]->d.attempts++;
  lanes_again(l, rows[0], 3600000000, now);
  for (int i = 1; i < 3; i++) {
    assert_int_equal(lanes_attempt_failed(l, rows[i], 3600000, 0, now), LANES_SAME);
    rows[i]->d.attempts++;
    lanes_again(l, rows[i], 3600000000, now);
  }
  assert_false(c->failing);
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 0);
  struct lanes_row *row = lanes_take(l, now);
  assert_non_null(row);
  lanes_attempt_failed(l, row, 0, 0, now); /* at the new address: this one counts */
  row->d.attempts++;
  lanes_again(l, row, 3600000000, now);
  struct lanes_row *next = lanes_take(l, now);
  assert_true(next && next != row);
}

static void a_closed_channel_waits_but_expires(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  c->open = false;
  add(c, 1, 1);
  add(c, 2, 1);
  expect_none();
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 60000000);
  assert_int_equal(lanes_wait_us(l, now, DEADLINE - 1500, 60000000), 1500000);
  assert_null(lanes_take_expired(l, now, DEADLINE - 1));
  struct lanes_row *row = lanes_take_expired(l, now, DEADLINE);
  assert_int_equal(row->d.id, 1);
  assert_null(lanes_take_expired(l, now, DEADLINE)); /* the second is behind the first */
  lanes_gone(l, row, now);
  now += FIRST_US;
  row = lanes_take_expired(l, now, DEADLINE);
  assert_int_equal(row->d.id, 2);
  lanes_gone(l, row, now);
  assert_int_equal(lanes_rows(l), 0);
}

static void rows_in_memory_are_bounded(void **state) {
  (void)state;
  int64_t id = 1;
  for (int channels = 1; channels <= 20; channels++) {
    struct lanes_channel *c = channel(channels);
    while (lanes_room(l, c) > 0) {
      add(c, id, id);
      id++;
    }
    assert_int_equal(c->rows, channels <= 10 ? 2000 : 64);
  }
  assert_int_equal(lanes_rows(l), 20000 + 10 * 64);
}

static void a_long_lane_stays_in_the_store_and_is_read_again(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  for (int id = 1; id <= 600; id++) add(c, id, 1);
  add(c, 601, 2);
  assert_int_equal(c->rows, 513);
  assert_int_equal(c->cursor, 601);
  c->more = false;
  for (int id = 1; id <= 511; id++) {
    struct lanes_row *row = lanes_take(l, now);
    if (row->d.id == 601) {
      deliver(row);
      row = lanes_take(l, now);
    }
    assert_int_equal(row->d.id, id);
    deliver(row);
  }
  assert_false(c->more);
  add(c, 602, 1); /* comes while older ones are only in the store: must not be known yet */
  deliver(expect(512));
  assert_true(c->more);
  assert_int_equal(c->cursor, 512);
  expect_none();
  for (int id = 513; id <= 602; id++)
    if (id != 601) add(c, id, 1);
  for (int id = 513; id <= 602; id++)
    if (id != 601) deliver(expect(id));
}

static void known_rows_are_passed_over_and_replayed_ones_go_by_age(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  add(c, 10, 1);
  add(c, 20, 1);
  add(c, 10, 1);
  assert_int_equal(lanes_rows(l), 2);
  struct lanes_row *row = expect(10);
  add(c, 5, 1);
  add(c, 15, 1);
  expect_none();
  deliver(row);
  deliver(expect(5));
  add(c, 12, 1);
  deliver(expect(12));
  deliver(expect(15));
  deliver(expect(20));
  expect_none();
}

static void loaded_rows_keep_their_wait(void **state) {
  (void)state;
  struct lanes_channel *c = channel(1);
  lanes_add(l, c, &(struct delivery){.id = 1, .customer_id = 1, .attempts = 3, .deadline_at = DEADLINE}, 7000000, now);
  expect_none();
  assert_int_equal(lanes_wait_us(l, now, 0, 60000000), 7000000);
  now += 7000000;
  deliver(expect(1));
}

static void places_are_kept_for_channels_that_have_few(void **state) {
  (void)state;
  struct lanes_limits few = usual;
  few.active_max = 40;
  lanes_set_limits(l, &few);
  struct lanes_channel *busy = channel(1);
  for (int id = 1; id <= 300; id++) add(busy, id, id);
  struct lanes_row *rows[40];
  int n = 0;
  for (int round = 0; round < 8; round++) {
    for (n = 0; (rows[n] = lanes_take(l, now)); n++) {
    }
    if (round < 7)
      for (int i = 0; i < n; i++) deliver(rows[i]);
  }
  assert_int_equal(n, 30);
  for (int other = 2; other <= 4; other++) {
    struct lanes_channel *c = channel(other);
    for (int i = 1; i <= 5; i++) add(c, other * 1000 + i, i);
  }
  int more = 0;
  while (lanes_take(l, now)) more++;
  assert_int_equal(more, 10);
}

/* A random world: five channels, one dead until half time, one that poisons each hundredth message twice. Every message
 * must go out once, in its lane's order, by following lanes_wait_us alone. */
#define WORLD_ROWS 6000
static void a_random_world_comes_to_rest(void **state) {
  (void)state;
  static int64_t last[6][40];
  static bool out[WORLD_ROWS + 1];
  struct lanes_row *busy[2000];
  int busy_count = 0, delivered = 0, next_id = 1;
  unsigned seed = 12345;
  int64_t steps = 0, dead_until = now + 600 * INT64_C(1000000);
  memset(last, 0, sizeof last);
  memset(out, 0, sizeof out);
  while (delivered < WORLD_ROWS) {
    assert_true(++steps < 400000);
    for (int i = 0; i < 3 && next_id <= WORLD_ROWS; i++, next_id++) {
      struct lanes_channel *c = channel(1 + rand_r(&seed) % 5);
      add(c, next_id, rand_r(&seed) % 40);
    }
    struct lanes_row *row;
    while (busy_count < 2000 && (row = lanes_take(l, now))) busy[busy_count++] = row;
    if (busy_count == 0) {
      int64_t wait = lanes_wait_us(l, now, 0, 60000000);
      assert_true(wait > 0);
      now += wait;
      continue;
    }
    int i = rand_r(&seed) % busy_count;
    row = busy[i];
    busy[i] = busy[--busy_count];
    int64_t ch = lanes_row_channel(row)->id;
    now += rand_r(&seed) % 20000;
    if ((ch == 1 && now < dead_until) || (ch == 2 && row->d.id % 100 == 0 && row->d.attempts < 2)) {
      fail_for(row, 1000 << (row->d.attempts < 9 ? row->d.attempts : 9));
      continue;
    }
    assert_false(out[row->d.id]);
    assert_true(row->d.id > last[ch][row->d.customer_id]);
    last[ch][row->d.customer_id] = row->d.id;
    out[row->d.id] = true;
    delivered++;
    deliver(row);
  }
  assert_int_equal(lanes_rows(l), 0);
  assert_int_equal(lanes_failing(l), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_lane_is_strictly_in_order),
      T(the_window_grows_with_success_up_to_its_limit),
      T(a_dead_channel_gets_one_attempt_at_a_time_and_costs_nobody),
      T(probes_of_a_dead_channel_slow_down),
      T(a_poisoned_message_holds_up_nobody_and_still_slows_down),
      T(slow_customers_leave_room_for_the_others),
      T(a_success_brings_forward_what_waits),
      T(recovery_is_told_once),
      T(retry_after_holds_the_whole_channel),
      T(a_fresh_start_forgets_failures),
      T(what_was_under_way_at_a_fresh_start_is_tried_at_once),
      T(a_closed_channel_waits_but_expires),
      T(rows_in_memory_are_bounded),
      T(a_long_lane_stays_in_the_store_and_is_read_again),
      T(known_rows_are_passed_over_and_replayed_ones_go_by_age),
      T(loaded_rows_keep_their_wait),
      T(places_are_kept_for_channels_that_have_few),
      T(a_random_world_comes_to_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
