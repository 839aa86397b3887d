/* Marks of browsers: ours for this login only, and nothing made up. */
#include "auth/device.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
  static const struct master_key key = {.bytes = {1, 2, 3}};
  (void)state;
  mem_init();
  secret_init();
  device_setup(&key);
  return 0;
}

static void ours_is_known_and_named_by_its_nonce(void **state) {
  (void)state;
  char mark[DEVICE_LEN], other[DEVICE_LEN], nonce[DEVICE_NONCE_LEN] = "";
  device_issue("ada", mark);
  device_issue("ada", other);
  assert_int_equal(strlen(mark), DEVICE_LEN - 1);
  assert_true(device_check("ada", mark, nonce));
  assert_int_equal(strlen(nonce), DEVICE_NONCE_LEN - 1);
  assert_memory_equal(mark, nonce, strlen(nonce));
  assert_string_not_equal(mark, other);
}

static void nothing_else_is(void **state) {
  (void)state;
  char mark[DEVICE_LEN], nonce[DEVICE_NONCE_LEN] = "as it was";
  device_issue("ada", mark);
  assert_false(device_check("bob", mark, nonce)); /* another's */
  assert_false(device_check("", mark, nonce));
  assert_false(device_check("ada", NULL, nonce));
  assert_false(device_check("ada", "", nonce));
  for (size_t i = 0; i < DEVICE_LEN - 1; i++) {
    char changed[DEVICE_LEN];
    memcpy(changed, mark, sizeof changed);
    changed[i] = changed[i] == 'f' ? 'e' : 'f';
    assert_false(device_check("ada", changed, nonce));
    memcpy(changed, mark, sizeof changed);
    changed[i] = 0; /* cut off */
    assert_false(device_check("ada", changed, nonce));
  }
  assert_string_equal(nonce, "as it was");
}

static void a_mark_of_another_store_is_none(void **state) {
  (void)state;
  static const struct master_key other = {.bytes = {9}};
  char mark[DEVICE_LEN], nonce[DEVICE_NONCE_LEN];
  device_issue("ada", mark);
  device_setup(&other);
  assert_false(device_check("ada", mark, nonce));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(ours_is_known_and_named_by_its_nonce, setup),
      cmocka_unit_test_setup(nothing_else_is, setup),
      cmocka_unit_test_setup(a_mark_of_another_store_is_none, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
