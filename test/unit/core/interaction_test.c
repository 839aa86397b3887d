/* The interaction's state machine: every state with every move, and the words. */
#include "core/interaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define REFUSED (-1)

static const int wanted[INTERACTION_STATE_COUNT][4] = {
    /* customer writes, accept, reply, close */
    [INTERACTION_SCHEDULED] = {REFUSED, REFUSED, REFUSED, REFUSED},
    [INTERACTION_QUEUED] = {INTERACTION_QUEUED, INTERACTION_ACTIVE, INTERACTION_ACTIVE, INTERACTION_CLOSED},
    [INTERACTION_OFFERED] = {REFUSED, REFUSED, REFUSED, REFUSED},
    [INTERACTION_ACTIVE] = {INTERACTION_ACTIVE, REFUSED, INTERACTION_ACTIVE, INTERACTION_CLOSED},
    [INTERACTION_WRAPUP] = {REFUSED, REFUSED, REFUSED, REFUSED},
    [INTERACTION_CLOSED] = {REFUSED, REFUSED, REFUSED, REFUSED},
};
static const enum interaction_move moves[4] = {INTERACTION_MOVE_CUSTOMER_WRITES, INTERACTION_MOVE_ACCEPT,
                                               INTERACTION_MOVE_AGENT_WRITES, INTERACTION_MOVE_CLOSE};

static void every_state_with_every_move(void **state) {
  (void)state;
  for (int from = 0; from < INTERACTION_STATE_COUNT; from++) {
    for (size_t m = 0; m < ARRAY_LEN(moves); m++) {
      enum interaction_state to = INTERACTION_OFFERED; /* must stay when refused */
      bool moved = interaction_step((enum interaction_state)from, moves[m], &to);
      int want = wanted[from][m];
      if (moved != (want != REFUSED) || (int)to != (moved ? want : INTERACTION_OFFERED))
        fail_msg("%s, %s: moved %d to %s", interaction_state_word((enum interaction_state)from),
                 interaction_move_word(moves[m]), moved, interaction_state_word(to));
    }
  }
}

static void words_and_back(void **state) {
  (void)state;
  static const char *const words[] = {"scheduled", "queued", "offered", "active", "wrapup", "closed"};
  assert_int_equal(ARRAY_LEN(words), INTERACTION_STATE_COUNT);
  for (int i = 0; i < INTERACTION_STATE_COUNT; i++) {
    enum interaction_state back = INTERACTION_STATE_COUNT;
    assert_string_equal(interaction_state_word((enum interaction_state)i), words[i]);
    assert_true(interaction_state_parse(words[i], &back));
    assert_int_equal(back, i);
  }
  static const char *const wrong[] = {"", "Queued", "queue", "queued ", "unknown", "5"};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    enum interaction_state kept = INTERACTION_WRAPUP;
    assert_false(interaction_state_parse(wrong[i], &kept));
    assert_int_equal(kept, INTERACTION_WRAPUP);
  }
  /* What a damaged row may hold. */
  assert_string_equal(interaction_state_word((enum interaction_state)6), "unknown");
  assert_string_equal(interaction_state_word((enum interaction_state)(-1)), "unknown");
}

/* The numbers stand in stored rows. */
static void numbers_never_change(void **state) {
  (void)state;
  assert_int_equal(INTERACTION_SCHEDULED, 0);
  assert_int_equal(INTERACTION_QUEUED, 1);
  assert_int_equal(INTERACTION_OFFERED, 2);
  assert_int_equal(INTERACTION_ACTIVE, 3);
  assert_int_equal(INTERACTION_WRAPUP, 4);
  assert_int_equal(INTERACTION_CLOSED, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_state_with_every_move),
      cmocka_unit_test(words_and_back),
      cmocka_unit_test(numbers_never_change),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
