/* The ring: a random life beside a plain list that does the same. */
#include "box.h"

#include "base/mem.h"
#include "store/ring.h"

#define KEYS 40
#define LIFE 60000

struct list {
  struct ring_entry items[LIFE];
  uint64_t first, end;
};

static void same_as(const struct ring *r, const struct list *l) {
  assert_int_equal(r->first, l->first);
  assert_int_equal(r->end, l->end);
  for (int64_t key = 0; key <= KEYS; key++) {
    struct ring_walk walk = ring_walk(r, key);
    for (uint64_t i = l->end; i > l->first; i--) {
      if (l->items[i - 1].key != key) continue;
      const struct ring_entry *e = ring_next(&walk);
      assert_non_null(e);
      assert_int_equal(e->key, key);
      assert_int_equal(e->ref, l->items[i - 1].ref);
      assert_int_equal(e->order, l->items[i - 1].order);
    }
    assert_null(ring_next(&walk));
  }
}

static void found_newest_first_whatever_came_and_went(void **state) {
  (void)state;
  struct ring r = {.room = 0};
  struct list *l = mem_new(NULL, struct list);
  srand(7);
  same_as(&r, l);
  for (int step = 0; l->end < LIFE - 3000; step++) {
    for (int n = rand() % 300; n > 0; n--) {
      struct ring_entry e = {.key = rand() % KEYS, .order = rand(), .ref = step * 1000 + n};
      l->items[l->end++] = e;
      ring_add(&r, e.key, e.order, e.ref);
    }
    uint64_t count = l->end - l->first;
    if (rand() % 5 == 0) ring_cut(&r, l->end -= (uint64_t)rand() % (count + 1) / 4);
    if (rand() % 60 == 0) ring_drop(&r, l->first += (l->end - l->first) * 3 / 4);
    if (step % 20 == 0) same_as(&r, l);
  }
  same_as(&r, l);
  assert_true(r.room > 4096); /* it has grown */
  ring_free(&r);
  mem_free(l);
}

static void some_as_a_sorted_copy(void **state) {
  (void)state;
  struct ring r = {.room = 0};
  static const int64_t added[][3] = {{9, 9, 9}, {5, 2, 3}, {5, 2, 1}, {4, 2, 8}, {7, 1, 0}, {1, 1, 1}};
  for (size_t i = 0; i < ARRAY_LEN(added); i++) ring_add(&r, added[i][0], added[i][1], added[i][2]);
  struct ring_entry sorted[4];
  ring_drop(&r, 1);
  ring_sorted(&r, 1, 5, sorted); /* by order, key, ref */
  static const int64_t wanted[][3] = {{7, 1, 0}, {4, 2, 8}, {5, 2, 1}, {5, 2, 3}};
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
    assert_int_equal(sorted[i].key, wanted[i][0]);
    assert_int_equal(sorted[i].order, wanted[i][1]);
    assert_int_equal(sorted[i].ref, wanted[i][2]);
  }
  ring_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(found_newest_first_whatever_came_and_went),
      cmocka_unit_test(some_as_a_sorted_copy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
