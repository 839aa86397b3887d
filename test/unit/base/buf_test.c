/* buf: growth, the maximum, sticky failure, the NUL behind the text. */
#include "base/buf.h"

#include "base/mem.h"

#include "capture.h"

static void grows_from_nothing(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 0, 1 << 20);
  assert_string_equal(b.data, "");
  for (int i = 0; i < 10000; i++) buf_puts(&b, "0123456789");
  assert_int_equal(b.len, 100000);
  assert_int_equal(strlen(b.data), 100000);
  assert_false(b.failed);
  for (size_t i = 0; i < b.len; i++) assert_int_equal(b.data[i], '0' + (int)(i % 10));
  talloc_free(ctx);
}

static void first_bytes_need_no_growth(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 64, 100);
  const char *data = b.data;
  for (int i = 0; i < 64; i++) buf_putc(&b, 'x');
  assert_ptr_equal(b.data, data);
  talloc_free(ctx);
}

/* Each way of writing, at the maximum and one byte beyond it. */
static void put7(struct buf *b) {
  buf_put(b, "1234567", 7);
}
static void puts7(struct buf *b) {
  buf_puts(b, "1234567");
}
static void printf7(struct buf *b) {
  buf_printf(b, "%d%s", 123, "4567");
}
static void int7(struct buf *b) {
  buf_put_int(b, 1234567);
}

static void putc7(struct buf *b) {
  for (char c = '1'; c <= '7'; c++) buf_putc(b, c);
}

static void maximum_is_kept(void **state) {
  (void)state;
  static void (*const writers[])(struct buf *) = {put7, puts7, printf7, int7, putc7};
  for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
    void *ctx = talloc_new(NULL);
    struct buf b;
    buf_init(&b, ctx, 0, 7);
    writers[i](&b);
    assert_false(b.failed);
    assert_string_equal(b.data, "1234567");
    buf_putc(&b, '8');
    assert_true(b.failed);
    assert_string_equal(b.data, "1234567");

    buf_init(&b, ctx, 2, 6);
    writers[i](&b);
    assert_true(b.failed);
    assert_true(b.len <= 6);
    assert_int_equal(strlen(b.data), b.len);
    buf_puts(&b, "x"); /* would fit, but a failed buffer takes nothing more */
    assert_null(strchr(b.data, 'x'));
    buf_reset(&b);
    assert_false(b.failed);
    buf_puts(&b, "x");
    assert_string_equal(b.data, "x");
    talloc_free(ctx);
  }
}

static void refused_printf_leaves_nothing(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 4, 10);
  buf_puts(&b, "abc");
  buf_printf(&b, "%s", "too long to fit");
  assert_true(b.failed);
  assert_string_equal(b.data, "abc");
  assert_int_equal(b.len, 3);
  talloc_free(ctx);
}

static void printf_in_place(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 64, 64);
  const char *data = b.data;
  buf_printf(&b, "%s-%d", "ab", 12);
  buf_printf(&b, "%s", "");
  buf_printf(&b, "%c", '!');
  assert_string_equal(b.data, "ab-12!");
  assert_int_equal(b.len, 6);
  assert_ptr_equal(b.data, data);
  talloc_free(ctx);
}

static void huge_requests_do_not_wrap(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 16, SIZE_MAX);
  buf_puts(&b, "abc");
  assert_false(buf_reserve(&b, SIZE_MAX));
  assert_true(b.failed);
  buf_reset(&b);
  assert_false(buf_reserve(&b, SIZE_MAX - 3));
  buf_reset(&b);
  assert_false(buf_reserve(&b, (size_t)256 << 20)); /* what talloc would refuse is refused before */
  buf_reset(&b);
  assert_true(buf_reserve(&b, 1000));
  talloc_free(ctx);
}

static void integers(void **state) {
  (void)state;
  static const struct {
    int64_t n;
    const char *text;
  } cases[] = {
      {0, "0"}, {7, "7"}, {-1, "-1"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"},
  };
  void *ctx = talloc_new(NULL);
  struct buf b;
  buf_init(&b, ctx, 0, 100);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    buf_reset(&b);
    buf_put_int(&b, cases[i].n);
    assert_string_equal(b.data, cases[i].text);
  }
  talloc_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grows_from_nothing), cmocka_unit_test(first_bytes_need_no_growth),
      cmocka_unit_test(maximum_is_kept),    cmocka_unit_test(refused_printf_leaves_nothing),
      cmocka_unit_test(printf_in_place),    cmocka_unit_test(huge_requests_do_not_wrap),
      cmocka_unit_test(integers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
