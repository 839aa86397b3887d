/* json_write: commas, escapes, and that what is written is read back the same. */
#include "base/json_write.h"

#include "base/mem.h"

#include "capture.h"

static struct buf out;
static void *ctx;

static int setup(void **state) {
  (void)state;
  ctx = talloc_new(NULL);
  buf_init(&out, ctx, 16, 1 << 20);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  talloc_free(ctx);
  return 0;
}

static void structure(void **state) {
  (void)state;
  struct jw w = jw_into(&out);
  jw_object(&w);
  jw_kstr(&w, "a", "x");
  jw_kint(&w, "b", -5);
  jw_key(&w, "c");
  jw_array(&w);
  jw_array(&w);
  jw_array_end(&w);
  jw_object(&w);
  jw_object_end(&w);
  jw_null(&w);
  jw_bool(&w, true);
  jw_bool(&w, false);
  jw_raw(&w, "{\"r\":1}", 7);
  jw_array_end(&w);
  jw_kbool(&w, "d", true);
  jw_kstr(&w, "e", NULL);
  jw_ktime(&w, "f", 1795183500123);
  jw_ktime(&w, "g", 0);
  jw_ktime(&w, "h", -1);
  jw_key(&w, "i");
  jw_base64(&w, "foob", 4);
  jw_key(&w, "j");
  jw_base64(&w, "", 0);
  jw_key(&w, "k");
  jw_strn(&w, "xyz", 2);
  jw_object_end(&w);
  assert_string_equal(
      out.data, "{\"a\":\"x\",\"b\":-5,\"c\":[[],{},null,true,false,{\"r\":1}],\"d\":true,\"e\":null,"
                "\"f\":\"2026-11-20T14:05:00.123Z\",\"g\":null,\"h\":null,\"i\":\"Zm9vYg==\",\"j\":\"\",\"k\":\"xy\"}");
}

static void escapes(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } cases[] = {
      {"", "\"\""},
      {"plain /", "\"plain /\""},
      {"\"\\", "\"\\\"\\\\\""},
      {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
      {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
      {"a\xe2\x80\xa8"
       "b\xe2\x80\xa9",
       "\"a\\u2028b\\u2029\""},
      {"\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac", "\"\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac\""},
      {"</script>", "\"</script>\""},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    buf_reset(&out);
    struct jw w = jw_into(&out);
    jw_str(&w, cases[i].text);
    assert_string_equal(out.data, cases[i].json);
  }
  buf_reset(&out);
  struct jw w = jw_into(&out);
  jw_strn(&w, "a\0b\xe2\x80", 5); /* a NUL is escaped; a text cut inside U+2028 is not read beyond its end */
  assert_memory_equal(out.data, "\"a\\u0000b\xe2\x80\"", out.len);
}

static void read_back(void **state) {
  (void)state;
  char text[512];
  size_t len = 0;
  for (int c = 1; c < 0x80; c++) text[len++] = (char)c;
  memcpy(text + len, "\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80", 13);
  len += 12;
  struct jw w = jw_into(&out);
  jw_array(&w);
  jw_strn(&w, text, len);
  jw_int(&w, INT64_MIN);
  jw_int(&w, INT64_MAX);
  jw_array_end(&w);
  struct jerror error;
  const struct jval *v = json_parse(ctx, out.data, out.len, &error);
  assert_non_null(v);
  size_t back_len = 0;
  const char *back = jval_str(jval_at(v, 0), &back_len);
  assert_int_equal(back_len, len);
  assert_memory_equal(back, text, len);
  assert_true(jval_int(jval_at(v, 1)) == INT64_MIN);
  assert_true(jval_int(jval_at(v, 2)) == INT64_MAX);
}

static void beyond_the_maximum(void **state) {
  (void)state;
  for (size_t max = 0; max < 90; max++) {
    struct buf small;
    buf_init(&small, ctx, 0, max);
    struct jw w = jw_into(&small);
    jw_object(&w);
    jw_kstr(&w, "key", "v\n\xe2\x80\xa8");
    jw_key(&w, "b");
    jw_base64(&w, "foobar", 6);
    jw_ktime(&w, "t", 1);
    jw_object_end(&w);
    bool fits = max >= strlen("{\"key\":\"v\\n\\u2028\",\"b\":\"Zm9vYmFy\",\"t\":\"1970-01-01T00:00:00.001Z\"}");
    assert_int_equal(small.failed, !fits);
    assert_true(small.len <= max);
    assert_int_equal(strlen(small.data), small.len);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(structure, setup, teardown),
      cmocka_unit_test_setup_teardown(escapes, setup, teardown),
      cmocka_unit_test_setup_teardown(read_back, setup, teardown),
      cmocka_unit_test_setup_teardown(beyond_the_maximum, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
