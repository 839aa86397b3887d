/* The interaction's state machine: every state with every move, and the words. */
#include "core/interaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NO (-1)
#define S  INTERACTION_SCHEDULED
#define Q  INTERACTION_QUEUED
#define O  INTERACTION_OFFERED
#define A  INTERACTION_ACTIVE
#define W  INTERACTION_WRAPUP
#define C  INTERACTION_CLOSED

/* What each move makes of scheduled, queued, offered, active, wrapup, closed. */
static const struct {
  enum interaction_move move;
  int to[INTERACTION_STATE_COUNT];
} wanted[] = {
    {INTERACTION_MOVE_COME_DUE, {Q, NO, NO, NO, NO, NO}},   {INTERACTION_MOVE_CUSTOMER_WRITES, {S, Q, O, A, NO, NO}},
    {INTERACTION_MOVE_OFFER, {NO, O, NO, NO, NO, NO}},      {INTERACTION_MOVE_ACCEPT, {NO, A, A, NO, NO, NO}},
    {INTERACTION_MOVE_DECLINE, {NO, NO, Q, NO, NO, NO}},    {INTERACTION_MOVE_OFFER_EXPIRED, {NO, NO, Q, NO, NO, NO}},
    {INTERACTION_MOVE_WITHDRAW, {NO, NO, Q, NO, NO, NO}},   {INTERACTION_MOVE_AGENT_WRITES, {NO, A, A, A, NO, NO}},
    {INTERACTION_MOVE_BOT_WRITES, {NO, Q, O, A, NO, NO}},   {INTERACTION_MOVE_TRANSFER, {NO, Q, Q, Q, NO, NO}},
    {INTERACTION_MOVE_AGENT_GONE, {NO, NO, Q, Q, C, NO}},   {INTERACTION_MOVE_WRAPUP, {NO, NO, NO, W, NO, NO}},
    {INTERACTION_MOVE_END_WRAPUP, {NO, NO, NO, NO, C, NO}}, {INTERACTION_MOVE_CLOSE, {C, C, C, C, NO, NO}},
};

static void every_state_with_every_move(void **state) {
  (void)state;
  assert_int_equal(ARRAY_LEN(wanted), INTERACTION_MOVE_CLOSE + 1);
  for (size_t m = 0; m < ARRAY_LEN(wanted); m++) {
    for (int from = 0; from < INTERACTION_STATE_COUNT; from++) {
      enum interaction_state to = INTERACTION_STATE_COUNT; /* must stay when refused */
      bool moved = interaction_step((enum interaction_state)from, wanted[m].move, &to);
      int want = wanted[m].to[from];
      if (moved != (want != NO) || (int)to != (moved ? want : INTERACTION_STATE_COUNT))
        fail_msg("%s, %s: moved %d to %s", interaction_state_word((enum interaction_state)from),
                 interaction_move_word(wanted[m].move), moved, interaction_state_word(to));
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
