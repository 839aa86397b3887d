/* Kinds of events: their words, and numbers that stand in stored rows. */
#include "core/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
  int number;
  const char *word;
} kinds[] = {
    {1, "interaction.opened"},
    {2, "interaction.accepted"},
    {3, "interaction.closed"},
    {4, "interaction.queued"},
    {5, "interaction.offered"},
    {6, "interaction.declined"},
    {7, "interaction.offer_expired"},
    {8, "interaction.transferred"},
    {9, "interaction.requeued"},
    {10, "message.received"},
    {11, "message.sent"},
    {12, "message.history"},
    {20, "note.added"},
    {24, "interaction.wrapup"},
    {25, "interaction.overflowed"},
    {26, "interaction.qualified"},
    {28, "agent.state"},
    {30, "delivery.delivered"},
    {31, "delivery.failed"},
    {32, "delivery.parked"},
    {33, "delivery.replayed"},
    {40, "file.fetched"},
    {41, "file.failed"},
    {42, "file.retrieved"},
    {90, "setup.changed"},
};

static void words_and_numbers(void **state) {
  (void)state;
  size_t known = 0;
  for (int n = -1; n < 1000; n++) {
    const char *word = event_kind_word((enum event_kind)n);
    if (!word) continue;
    if (known == sizeof kinds / sizeof kinds[0]) fail_msg("%d %s is not in the table", n, word);
    assert_int_equal(n, kinds[known].number);
    assert_string_equal(word, kinds[known].word);
    known++;
  }
  assert_int_equal(known, sizeof kinds / sizeof kinds[0]);
}

/* The word goes into a line of text/event-stream. */
static void words_are_one_line(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    assert_int_equal(strspn(kinds[i].word, "abcdefghijklmnopqrstuvwxyz_."), strlen(kinds[i].word));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_and_numbers),
      cmocka_unit_test(words_are_one_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
