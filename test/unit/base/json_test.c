/* json: what is accepted, what is refused and where, reading values, and verbatim spans. */
#include "base/json.h"

#include "base/mem.h"
#include "base/text.h"

#include "capture.h"

static void *ctx;

static int setup(void **state) {
  (void)state;
  ctx = talloc_new(NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  talloc_free(ctx);
  return 0;
}

static const struct jval *parse(const char *text) {
  struct jerror error = {.text = ""};
  const struct jval *v = json_parse(ctx, text, strlen(text), &error);
  if (!v) fail_msg("%s: %s", text, error.text);
  return v;
}

static void types(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum jtype type;
    const char *name;
    size_t count;
  } cases[] = {
      {"null", JT_NULL, "null", 0},
      {"true", JT_BOOL, "a boolean", 0},
      {" false\n", JT_BOOL, "a boolean", 0},
      {"0", JT_INT, "an integer", 0},
      {"-0", JT_INT, "an integer", 0},
      {"9223372036854775807", JT_INT, "an integer", 0},
      {"-9223372036854775808", JT_INT, "an integer", 0},
      {"1.0", JT_REAL, "a number", 0},
      {"1e3", JT_REAL, "a number", 0},
      {"\"x\"", JT_STRING, "a string", 0},
      {"[]", JT_ARRAY, "an array", 0},
      {"[1,[2,3]]", JT_ARRAY, "an array", 2},
      {"{}", JT_OBJECT, "an object", 0},
      {"{\"a\":1,\"b\":2,\"A\":3}", JT_OBJECT, "an object", 3},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    const struct jval *v = parse(cases[i].text);
    assert_int_equal(jval_type(v), cases[i].type);
    assert_string_equal(jval_type_name(v), cases[i].name);
    assert_int_equal(jval_count(v), cases[i].count);
  }
  assert_int_equal(jval_type(NULL), JT_MISSING);
  assert_string_equal(jval_type_name(NULL), "missing");
}

static void refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t len; /* 0: strlen */
    const char *says;
    size_t near; /* the offset is at most this far into the text … */
  } cases[] = {
      {"", 0, "too early", 0},
      {"   ", 0, "too early", 3},
      {"{", 0, "too early", 1},
      {"[1,", 0, "too early", 3},
      {"\"abc", 0, "too early", 4},
      {"[1] x", 0, "more text behind", 5},
      {"{}{}", 0, "more text behind", 3},
      {"1 2", 0, "more text behind", 3},
      {"[1,]", 0, "at byte", 4},
      {"{\"a\":1,}", 0, "at byte", 8},
      {"{a:1}", 0, "at byte", 2},
      {"{'a':1}", 0, "at byte", 2},
      {"[01]", 0, "at byte", 3},
      {"[+1]", 0, "at byte", 2},
      {"[1.]", 0, "at byte", 3},
      {"[.5]", 0, "at byte", 2},
      {"[NaN]", 0, "at byte", 4},
      {"[Infinity]", 0, "at byte", 9},
      {"[tru]", 0, "at byte", 4},
      {"// c\n1", 0, "at byte", 1},
      {"\xef\xbb\xbf{}", 0, "at byte", 3}, /* byte order mark */
      {"[\"a\tb\"]", 0, "at byte", 4},     /* control character in a string */
      {"[\"\\x\"]", 0, "at byte", 4},
      {"[\"\\u12\"]", 0, "at byte", 7},
      {"[\"\\ud800\"]", 0, "at byte", 9}, /* half a surrogate pair */
      {"[\"\\udc00\"]", 0, "at byte", 9},
      {"[\"\\u0000\"]", 0, "NUL", 9},
      {"{\"a\\u0000\":1}", 0, "NUL", 11},
      {"[\"a\0b\"]", 7, "at byte", 4},
      {"[1]\0", 4, "more text behind", 4},
      {"[\"\xc3\"]", 0, "UTF-8", 4},
      {"[\"\xed\xa0\x80\"]", 0, "UTF-8", 5},
      {"[\"\xc0\x80\"]", 0, "UTF-8", 4},
      {"[\xff]", 0, "UTF-8", 2},
      {"{\"a\":1,\"a\":2}", 0, "duplicate", 11},
      {"{\"a\":1,\"\\u0061\":2}", 0, "duplicate", 16},
      {"[{\"x\":{\"b\":1,\"c\":2,\"b\":1}}]", 0, "duplicate", 25},
      {"9223372036854775808", 0, "too large", 19},
      {"-9223372036854775809", 0, "too large", 20},
      {"[99999999999999999999999999999999999999999]", 0, "too large", 43},
      {"[1e999]", 0, "too large", 7},
      {"]", 0, "at byte", 1},
      {"}}}}", 0, "at byte", 1},
      {"[}", 0, "at byte", 2},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct jerror error = {.text = "", .offset = 4711};
    size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
    if (json_parse(ctx, cases[i].text, len, &error)) fail_msg("%s was taken", cases[i].text);
    if (!strstr(error.text, cases[i].says)) fail_msg("%s: %s", cases[i].text, error.text);
    if (error.offset > cases[i].near || error.offset > len) fail_msg("%s: %s", cases[i].text, error.text);
    char position[32];
    snprintf(position, sizeof position, " at byte %zu", error.offset);
    assert_non_null(strstr(error.text, position));
    assert_true(utf8_valid(error.text, strlen(error.text)));
  }
  assert_int_equal(talloc_total_blocks(ctx), 1); /* refused texts leave nothing */
}

static char *nested(size_t depth, const char *open, const char *inside, const char *close) {
  size_t len = depth * (strlen(open) + strlen(close)) + strlen(inside);
  char *text = mem_bytes(ctx, len + 1);
  char *at = text;
  for (size_t i = 0; i < depth; i++) at = stpcpy(at, open);
  at = stpcpy(at, inside);
  for (size_t i = 0; i < depth; i++) at = stpcpy(at, close);
  return text;
}

static void depth_is_bounded(void **state) {
  (void)state;
  static const struct { const char *open, *close; } kinds[] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"]\\\"\":", "}]"}};
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
    size_t levels = i == 2 ? 2 : 1;
    const char *fits = nested(JSON_DEPTH_MAX / levels, kinds[i].open, "1", kinds[i].close);
    struct jerror error;
    assert_non_null(json_parse(ctx, fits, strlen(fits), &error));
    const char *deep = nested(JSON_DEPTH_MAX / levels, kinds[i].open, "[]", kinds[i].close);
    assert_null(json_parse(ctx, deep, strlen(deep), &error));
    assert_non_null(strstr(error.text, "nested deeper than 64 levels at byte "));
    assert_int_equal(error.offset, strlen(kinds[i].open) * (JSON_DEPTH_MAX / levels));
  }
  /* A million levels do not touch the stack; brackets inside strings are no levels. */
  const char *mad = nested(1000000, "[", "", "");
  struct jerror error;
  assert_null(json_parse(ctx, mad, 1000000, &error));
  assert_int_equal(error.offset, JSON_DEPTH_MAX);
  const char *text = nested(1000, "\\\"[{", "", "");
  char *quoted = mem_printf(ctx, "[\"%s\"]", text);
  assert_non_null(json_parse(ctx, quoted, strlen(quoted), &error));
  /* Side by side is not deep. */
  char *wide = mem_printf(ctx, "[%s[]]", nested(10000, "[],", "", ""));
  assert_int_equal(jval_count(json_parse(ctx, wide, strlen(wide), &error)), 10001);
}

static void values_are_bounded(void **state) {
  (void)state;
  static const char *const items[] = {"1,", "{},", "[],", "\"a,b[\","};
  static const size_t values_each[] = {1, 2, 2, 1}; /* brackets count beside their comma */
  for (size_t i = 0; i < ARRAY_LEN(items); i++) {
    size_t most = (JSON_VALUES_MAX - 2) / values_each[i];
    struct jerror error;
    char *fits = mem_printf(ctx, "[%s1]", nested(most, items[i], "", ""));
    const struct jval *v = json_parse(ctx, fits, strlen(fits), &error);
    assert_int_equal(jval_count(v), most + 1);
    char *many = mem_printf(ctx, "[%s1]", nested(most + 1, items[i], "", ""));
    assert_null(json_parse(ctx, many, strlen(many), &error));
    assert_non_null(strstr(error.text, "more than 100000 values at byte "));
  }
}

static void note_key(void *arg, const char *key, const struct jval *value) {
  char *order = arg;
  snprintf(order + strlen(order), 100 - strlen(order), "%s%lld ", key, (long long)jval_int(value));
}

static void reading(void **state) {
  (void)state;
  const struct jval *v =
      parse("{\"s\":\"caf\\u00e9 "
            "\\ud83d\\ude00\",\"n\":-7,\"t\":true,\"f\":false,\"z\":null,\"r\":1.5,\"a\":[10,20],\"o\":{}}");
  size_t len = 0;
  assert_string_equal(jval_str(jval_get(v, "s"), &len), "caf\xc3\xa9 \xf0\x9f\x98\x80");
  assert_int_equal(len, 10);
  assert_int_equal(jval_int(jval_get(v, "n")), -7);
  assert_true(jval_bool(jval_get(v, "t")));
  assert_false(jval_bool(jval_get(v, "f")));
  assert_int_equal(jval_type(jval_get(v, "z")), JT_NULL);
  assert_int_equal(jval_int(jval_at(jval_get(v, "a"), 1)), 20);
  assert_null(jval_at(jval_get(v, "a"), 2));
  assert_null(jval_at(jval_get(v, "a"), SIZE_MAX));
  assert_null(jval_get(v, "S"));
  /* The wrong type is answered with nothing, never with a crash. */
  static const char *const keys[] = {"s", "n", "t", "z", "r", "a", "o", "absent"};
  for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
    const struct jval *m = jval_get(v, keys[i]);
    if (*keys[i] != 's') assert_null(jval_str(m, NULL));
    if (*keys[i] != 'n') assert_int_equal(jval_int(m), 0);
    if (*keys[i] != 't') assert_false(jval_bool(m));
    if (*keys[i] != 'a' || keys[i][1]) assert_null(jval_at(m, 0));
    assert_null(jval_get(m, "x"));
    char order[100] = "";
    jval_each(m, note_key, order);
    assert_string_equal(order, "");
  }
}

static void members_in_written_order(void **state) {
  (void)state;
  char order[100] = "";
  jval_each(parse("{\"z\":1,\"a\":2,\"m\":3,\"b\":4,\"y\":5,\"c\":6,\"x\":7,\"d\":8,\"w\":9}"), note_key, order);
  assert_string_equal(order, "z1 a2 m3 b4 y5 c6 x7 d8 w9 ");
}

static void document_dies_with_its_context(void **state) {
  (void)state;
  void *inner = mem_pool(ctx, 1024); /* LeakSanitizer sees what is left */
  struct jerror error;
  assert_non_null(json_parse(inner, "[{\"a\":\"b\"}]", 11, &error));
  talloc_free(inner);
}

static void assert_span(struct jspan span, const char *expected) {
  if (!expected) {
    assert_null(span.text);
    assert_int_equal(span.len, 0);
    return;
  }
  assert_non_null(span.text);
  assert_int_equal(span.len, strlen(expected));
  assert_memory_equal(span.text, expected, span.len);
}

static void span_members(void **state) {
  (void)state;
  static const char text[] = " \n{ \"a\" : 1 ,\"b\":\"x,}\\\"]\", \"c\" :{\"d\":[1, {\"e\":2}],\"a\":3} ,\"d\":[ ],"
                             "\"\":null,\"t\":true,\"n\":-1.5e+3 , \"\\u0065\\n\\\"\":4,\"\\ud83d\\ude00\":5,"
                             "\"\\u00e9\":6,\"x\\ty\":7,\"last\":  \"z\"}\t";
  assert_non_null(parse(text));
  static const struct {
    const char *key, *value;
  } cases[] = {
      {"a", "1"},        {"b", "\"x,}\\\"]\""}, {"c", "{\"d\":[1, {\"e\":2}],\"a\":3}"},
      {"d", "[ ]"},      {"", "null"},          {"t", "true"},
      {"n", "-1.5e+3"},  {"e\n\"", "4"},        {"\xf0\x9f\x98\x80", "5"},
      {"\xc3\xa9", "6"}, {"last", "\"z\""},     {"e", NULL},
      {"las", NULL},     {"lasts", NULL},       {"e\n", NULL},
      {"x\t", NULL},     {"x\tyz", NULL},       {"e\n\"x", NULL},
  };
  struct jspan all = jspan_of(text, strlen(text));
  assert_int_equal(all.text[0], '{');
  assert_int_equal(all.text[all.len - 1], '}');
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_span(jspan_member(all, cases[i].key), cases[i].value);
  struct jspan inner = jspan_member(jspan_member(all, "c"), "d");
  assert_span(inner, "[1, {\"e\":2}]");
}

static void span_arrays(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *items[5];
  } cases[] = {
      {"[]", {NULL}},
      {" [ ] ", {NULL}},
      {"[1]", {"1", NULL}},
      {"[ 1 , \"]\" ,[2,[3]], {\"a\":[4]} ]", {"1", "\"]\"", "[2,[3]]", "{\"a\":[4]}", NULL}},
      {"[true,\n\"\\\\\",\"\\\"\"]", {"true", "\"\\\\\"", "\"\\\"\"", NULL}},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    assert_non_null(parse(cases[i].text));
    struct jspan array = jspan_of(cases[i].text, strlen(cases[i].text));
    struct jspan item = {NULL, 0};
    for (const char *const *expected = cases[i].items; *expected; expected++) {
      assert_true(jspan_next(array, &item));
      assert_span(item, *expected);
    }
    assert_false(jspan_next(array, &item));
  }
}

static void spans_of_other_things(void **state) {
  (void)state;
  assert_span(jspan_of("", 0), NULL);
  assert_span(jspan_of(NULL, 0), NULL);
  assert_span(jspan_of(" \r\n\t", 4), NULL);
  assert_span(jspan_of(" 1 ", 3), "1");
  static const char *const texts[] = {"1", "\"{\"", "[1]", "null"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    assert_span(jspan_member(jspan_of(texts[i], strlen(texts[i])), "a"), NULL);
  }
  struct jspan item = {NULL, 0};
  assert_false(jspan_next(jspan_of("{}", 2), &item));
  assert_false(jspan_next((struct jspan){NULL, 0}, &item));
  assert_span(jspan_member((struct jspan){NULL, 0}, "a"), NULL);
}

#define JSON_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      JSON_TEST(types),
      JSON_TEST(refused),
      JSON_TEST(depth_is_bounded),
      JSON_TEST(values_are_bounded),
      JSON_TEST(reading),
      JSON_TEST(members_in_written_order),
      JSON_TEST(document_dies_with_its_context),
      JSON_TEST(span_members),
      JSON_TEST(span_arrays),
      JSON_TEST(spans_of_other_things),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
