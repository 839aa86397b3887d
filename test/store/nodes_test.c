/* Between nodes, without a database: who should have a channel, what is told and heard. */
#include "box.h"

#include "base/mem.h"
#include "store/news.h"
#include "store/nodes.h"

/* ---- who should have a channel ---- */

enum { CHANNELS = 4000 };

static void channels_are_spread_and_stay_where_they_are(void **state) {
  (void)state;
  static const int four[] = {0, 3, 7, 31}, three[] = {0, 3, 31};
  int counts[NODE_MAX] = {0}, moved = 0;
  for (int64_t channel = 1; channel <= CHANNELS; channel++) {
    int with = nodes_preferred(channel, four, 4), without = nodes_preferred(channel, three, 3);
    counts[with]++;
    if (with == 7)
      moved++;
    else
      assert_int_equal(with, without); /* only those of the node that went */
    assert_int_equal(nodes_preferred(channel, (const int[]){5}, 1), 5);
  }
  for (size_t i = 0; i < ARRAY_LEN(four); i++) assert_in_range(counts[four[i]], CHANNELS / 5, CHANNELS / 3);
  assert_int_equal(moved, counts[7]);
}

/* ---- news ---- */

static void news_are_gathered(void **state) {
  (void)state;
  static struct news n;
  char line[NEWS_LEN];
  news_init(&n);
  assert_false(news_take(&n, line));
  news_events(&n, 1, 5);
  news_events(&n, 1, 9);
  news_events(&n, 1, 7); /* of another writer, told later */
  news_events(&n, 2, 1);
  news_delivery(&n);
  news_delivery(&n);
  news_setup(&n);
  static const char *const wanted[] = {"setup", "delivery", "events 2 1", "events 1 9"};
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
    assert_true(news_take(&n, line));
    assert_string_equal(line, wanted[i]);
  }
  assert_false(news_take(&n, line));
  /* No more than there is room for; the others find the rest by themselves. */
  for (int64_t i = 1; i <= NEWS_INSTANCES_MAX + 10; i++) news_events(&n, i, i);
  int count = 0;
  while (news_take(&n, line)) count++;
  assert_int_equal(count, NEWS_INSTANCES_MAX);
}

static void news_are_read(void **state) {
  (void)state;
  static const struct {
    const char *line;
    bool good;
    enum news_kind kind;
    int64_t instance_id, last_number;
  } cases[] = {
      {"events 3 12345678901", true, NEWS_EVENTS, 3, INT64_C(12345678901)},
      {"delivery", true, NEWS_DELIVERY, 0, 0},
      {"setup", true, NEWS_SETUP, 0, 0},
      {"events 3", false},
      {"events", false},
      {"setup 1", false},
      {"", false},
      {"else", false},
      {"averylongwordthatnobodysends 1 2", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    enum news_kind kind = NEWS_EVENTS;
    int64_t instance_id = -1, last_number = -1;
    assert_int_equal(news_parse(cases[i].line, &kind, &instance_id, &last_number), cases[i].good);
    assert_int_equal(instance_id, cases[i].good ? cases[i].instance_id : -1);
    assert_int_equal(last_number, cases[i].good ? cases[i].last_number : -1);
    if (cases[i].good) assert_int_equal(kind, cases[i].kind);
  }
}

static void news_are_told_once(void **state) {
  (void)state;
  static struct news n;
  news_init(&n);
  assert_true(news_is_new(&n, 1, 5));
  assert_false(news_is_new(&n, 1, 5));
  assert_false(news_is_new(&n, 1, 4));
  assert_true(news_is_new(&n, 2, 4));
  assert_true(news_is_new(&n, 1, 6));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(channels_are_spread_and_stay_where_they_are),
      cmocka_unit_test(news_are_gathered),
      cmocka_unit_test(news_are_read),
      cmocka_unit_test(news_are_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
