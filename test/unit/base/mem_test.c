/* mem: copies, zeroing, pools, and that memory which does not exist ends the process. */
#include "base/mem.h"

#include "capture.h"

static struct capture capture;
static void *volatile sink;

static void copies(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  assert_null(mem_strdup(ctx, NULL));
  assert_string_equal(mem_strdup(ctx, "abc"), "abc");
  assert_string_equal(mem_strndup(ctx, "abcdef", 3), "abc");
  assert_memory_equal(mem_strndup(ctx, "a\0b", 3), "a\0b", 4);
  assert_string_equal(mem_strndup(ctx, NULL, 0), "");
  assert_string_equal(mem_printf(ctx, "%d-%s", 7, "x"), "7-x");
  talloc_free(ctx);
}

static void zeroed(void **state) {
  (void)state;
  void *ctx = mem_pool(NULL, 4096);
  char *dirty = mem_bytes(ctx, 1024);
  memset(dirty, 0xAA, 1024);
  mem_free(dirty);
  const int64_t *numbers = mem_array(ctx, int64_t, 128);
  for (int i = 0; i < 128; i++) assert_int_equal(numbers[i], 0);
  assert_int_equal(*mem_new(ctx, int), 0);
  assert_non_null(mem_array(ctx, int64_t, 0));
  mem_free(ctx);
  mem_free(NULL);
}

static void pool_children_lie_in_one_block(void **state) {
  (void)state;
  char *pool = mem_pool(NULL, 8192);
  char *a = mem_bytes(pool, 100);
  char *b = mem_bytes(pool, 100);
  assert_true(a > pool && a < pool + 9000);
  assert_true(b > a && b < pool + 9000);
  char *large = mem_bytes(pool, 100000); /* beyond the pool: from malloc, still a child */
  assert_ptr_equal(talloc_parent(large), pool);
  mem_free(pool);
}

static void ask_for_too_much(void) {
  mem_init();
  sink = mem_bytes(NULL, (size_t)1 << 40);
}
static void overflow_the_size(void) {
  mem_init();
  sink = mem_array(NULL, int64_t, SIZE_MAX / 4);
}
static void free_no_talloc_block(void) {
  mem_init();
  static char block[256];
  mem_free(block + 128);
}

static void panics(void **state) {
  (void)state;
  static const struct {
    void (*fn)(void);
    const char *text;
  } cases[] = {
      {ask_for_too_much, "out of memory"},
      {overflow_the_size, "out of memory"},
      {free_no_talloc_block, "talloc: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int status = run_in_child(&capture, cases[i].fn);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(capture.text, "event=panic"));
    assert_non_null(strstr(capture.text, cases[i].text));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(copies),
      cmocka_unit_test(zeroed),
      cmocka_unit_test(pool_children_lie_in_one_block),
      cmocka_unit_test(panics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
