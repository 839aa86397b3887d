/* Words of a message's parties. */
#include "core/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void words(void **state) {
  (void)state;
  assert_string_equal(party_type_word(PARTY_HUMAN), "human");
  assert_string_equal(party_type_word(PARTY_BOT), "bot");
}

/* The numbers stand in stored rows. */
static void numbers_never_change(void **state) {
  (void)state;
  assert_int_equal(PARTY_HUMAN, 0);
  assert_int_equal(PARTY_BOT, 1);
  assert_int_equal(MESSAGE_IN, 0);
  assert_int_equal(MESSAGE_OUT, 1);
  assert_int_equal(MESSAGE_HISTORY, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words),
      cmocka_unit_test(numbers_never_change),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
