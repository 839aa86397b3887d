/* Words of the setup: their numbers stand in stored rows. */
#include "core/setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void words_and_numbers(void **state) {
  (void)state;
  static const struct {
    const char *const *words;
    int number, count;
    const char *word;
  } rows[] = {
      {medium_words, 0, MEDIUM_COUNT, "messaging"},
      {medium_words, 1, MEDIUM_COUNT, "chat"},
      {medium_words, 2, MEDIUM_COUNT, "email"},
      {medium_words, 3, MEDIUM_COUNT, "callback"},
      {medium_words, 4, MEDIUM_COUNT, "call"},
      {strategy_words, 0, STRATEGY_COUNT, "longest_idle"},
      {strategy_words, 1, STRATEGY_COUNT, "least_loaded"},
      {strategy_words, 2, STRATEGY_COUNT, "best_skill"},
      {closed_policy_words, 0, CLOSED_POLICY_COUNT, "wait"},
      {closed_policy_words, 1, CLOSED_POLICY_COUNT, "refuse"},
      {state_kind_words, 0, STATE_KIND_COUNT, "logged_out"},
      {state_kind_words, 1, STATE_KIND_COUNT, "ready"},
      {state_kind_words, 2, STATE_KIND_COUNT, "busy"},
      {state_kind_words, 3, STATE_KIND_COUNT, "pause"},
  };
  int counted = 0;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_string_equal(rows[i].words[rows[i].number], rows[i].word);
    counted += rows[i].number == rows[i].count - 1;
  }
  assert_int_equal(counted, 4); /* the last word of each table was among them */
}

static void a_new_instance_can_be_worked_in(void **state) {
  (void)state;
  int of_kind[STATE_KIND_COUNT] = {0};
  for (int i = 0; i < STATE_DEFAULT_COUNT; i++) {
    of_kind[state_defaults[i].kind]++;
    assert_int_equal(strlen(state_defaults[i].color), 7);
    for (int k = 0; k < i; k++) assert_string_not_equal(state_defaults[i].label, state_defaults[k].label);
  }
  for (int kind = 0; kind < STATE_KIND_COUNT; kind++) assert_true(of_kind[kind] > 0);
  assert_int_equal(state_defaults[0].kind, STATE_READY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_and_numbers),
      cmocka_unit_test(a_new_instance_can_be_worked_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
