/* The decoder: what each rule takes and refuses, in which words, at which path. */
#include "api/decode.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  talloc_free(*state);
  return 0;
}

static const struct jval *parsed(void *ctx, const char *text) {
  struct jerror error;
  const struct jval *v = json_parse(ctx, text, strlen(text), &error);
  if (!v) fail_msg("%s: %s", text, error.text);
  return v;
}

static void one_problem(const struct decoder *d, const char *path, int code, const char *says, const char *what) {
  if (d->problem_count != 1) fail_msg("%s: %d problems", what, d->problem_count);
  if (strcmp(d->problems[0].path, path) != 0 || d->problems[0].code != code || strcmp(d->problems[0].text, says) != 0)
    fail_msg("%s: %s %d \"%s\"", what, d->problems[0].path, d->problems[0].code, d->problems[0].text);
}

enum rule { TEXT_0_5, TEXT_1_5, TEXT_3_5, INT_1_9, OBJECT, ARRAY_0_2, ARRAY_1_2, ARRAY_2_3 };

static const struct {
  enum rule rule;
  const char *object;
  enum need need;
  bool taken; /* a value came back */
  int code;
  const char *says; /* NULL: no problem */
} rows[] = {
    {TEXT_0_5, "{\"k\":\"\"}", REQUIRED, true, 0, NULL},
    {TEXT_0_5, "{\"k\":\"12345\"}", REQUIRED, true, 0, NULL},
    {TEXT_0_5, "{\"k\":\"123456\"}", REQUIRED, false, 1020, "must be at most 5 bytes long, not 6"},
    {TEXT_0_5, "{\"k\":\"12345\"}", OPTIONAL, true, 0, NULL},
    {TEXT_0_5, "{\"k\":\"123456\"}", OPTIONAL, false, 1020, "must be at most 5 bytes long, not 6"},
    {TEXT_0_5, "{\"k\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", REQUIRED, false, 1020, "must be at most 5 bytes long, not 6"},
    {TEXT_1_5, "{\"k\":\"\"}", REQUIRED, false, 1020, "must not be empty"},
    {TEXT_3_5, "{\"k\":\"12\"}", REQUIRED, false, 1020, "must be at least 3 bytes long"},
    {TEXT_1_5, "{}", REQUIRED, false, 1010, "is required"},
    {TEXT_1_5, "{}", OPTIONAL, false, 0, NULL},
    {TEXT_1_5, "{\"k\":null}", OPTIONAL, false, 0, NULL},
    {TEXT_1_5, "{\"k\":null}", REQUIRED, false, 1020, "must be a string, not null"},
    {TEXT_1_5, "{\"k\":1}", OPTIONAL, false, 1020, "must be a string, not an integer"},
    {TEXT_1_5, "{\"k\":1.5}", REQUIRED, false, 1020, "must be a string, not a number"},
    {TEXT_1_5, "{\"k\":true}", REQUIRED, false, 1020, "must be a string, not a boolean"},
    {TEXT_1_5, "{\"k\":[\"x\"]}", REQUIRED, false, 1020, "must be a string, not an array"},
    {TEXT_1_5, "{\"k\":{}}", REQUIRED, false, 1020, "must be a string, not an object"},
    {TEXT_1_5, "[]", REQUIRED, false, 1010, "is required"},
    {INT_1_9, "{\"k\":1}", REQUIRED, true, 0, NULL},
    {INT_1_9, "{\"k\":9}", REQUIRED, true, 0, NULL},
    {INT_1_9, "{\"k\":0}", REQUIRED, false, 1020, "must be from 1 to 9"},
    {INT_1_9, "{\"k\":10}", OPTIONAL, false, 1020, "must be from 1 to 9"},
    {INT_1_9, "{\"k\":-9223372036854775808}", REQUIRED, false, 1020, "must be from 1 to 9"},
    {INT_1_9, "{\"k\":1.0}", REQUIRED, false, 1020, "must be an integer, not a number"},
    {INT_1_9, "{\"k\":1e0}", REQUIRED, false, 1020, "must be an integer, not a number"},
    {INT_1_9, "{\"k\":\"1\"}", REQUIRED, false, 1020, "must be an integer, not a string"},
    {INT_1_9, "{\"k\":null}", OPTIONAL, false, 0, NULL},
    {INT_1_9, "{}", REQUIRED, false, 1010, "is required"},
    {OBJECT, "{\"k\":{}}", REQUIRED, true, 0, NULL},
    {OBJECT, "{\"k\":[]}", REQUIRED, false, 1020, "must be an object, not an array"},
    {OBJECT, "{\"k\":\"{}\"}", OPTIONAL, false, 1020, "must be an object, not a string"},
    {OBJECT, "{\"k\":null}", OPTIONAL, false, 0, NULL},
    {OBJECT, "{}", REQUIRED, false, 1010, "is required"},
    {ARRAY_0_2, "{\"k\":[]}", REQUIRED, true, 0, NULL},
    {ARRAY_0_2, "{\"k\":[1,2]}", REQUIRED, true, 0, NULL},
    {ARRAY_0_2, "{\"k\":[1,2,3]}", REQUIRED, false, 1020, "must have at most 2 items, not 3"},
    {ARRAY_1_2, "{\"k\":[]}", OPTIONAL, false, 1020, "must not be empty"},
    {ARRAY_2_3, "{\"k\":[1]}", REQUIRED, false, 1020, "must have at least 2 items"},
    {ARRAY_0_2, "{\"k\":{}}", REQUIRED, false, 1020, "must be an array, not an object"},
    {ARRAY_0_2, "{\"k\":null}", OPTIONAL, false, 0, NULL},
};

static bool take(struct decoder *d, enum rule rule, const struct jval *v, enum need need) {
  int64_t n = -77;
  bool taken;
  switch (rule) {
  case TEXT_0_5: return decode_text(d, v, "k", need, 0, 5) != NULL;
  case TEXT_1_5: return decode_text(d, v, "k", need, 1, 5) != NULL;
  case TEXT_3_5: return decode_text(d, v, "k", need, 3, 5) != NULL;
  case INT_1_9:
    taken = decode_int(d, v, "k", need, 1, 9, &n);
    assert_int_equal(taken, n != -77); /* untouched when there is none */
    return taken;
  case OBJECT: return decode_object(d, v, "k", need) != NULL;
  case ARRAY_0_2: return decode_array(d, v, "k", need, 0, 2) != NULL;
  case ARRAY_1_2: return decode_array(d, v, "k", need, 1, 2) != NULL;
  case ARRAY_2_3: return decode_array(d, v, "k", need, 2, 3) != NULL;
  }
  return false;
}

static void rules(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct decoder d;
    decode_init(&d, *state, PATH_DOTS);
    bool taken = take(&d, rows[i].rule, parsed(*state, rows[i].object), rows[i].need);
    if (taken != rows[i].taken) fail_msg("row %zu %s: %d", i, rows[i].object, taken);
    if (rows[i].says)
      one_problem(&d, "k", rows[i].code, rows[i].says, rows[i].object);
    else if (d.problem_count)
      fail_msg("row %zu %s: %s", i, rows[i].object, d.problems[0].text);
  }
}

static void paths_in_both_styles(void **state) {
  static const struct {
    enum path_style style;
    const char *root, *key, *deep, *deep_place, *index_first;
  } styles[] = {
      {PATH_DOTS, "", "k", "messages[3].body.attachments[0].content.data", "messages[3].body.attachments[0].content",
       "[7].x"},
      {PATH_POINTER, "", "/k", "/messages/3/body/attachments/0/content/data", "/messages/3/body/attachments/0/content",
       "/7/x"},
  };
  for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
    struct decoder d;
    decode_init(&d, *state, styles[i].style);
    decode_problem(&d, NULL, 1, "a");
    decode_problem(&d, "k", 1, "a");
    decode_in_key(&d, "messages");
    decode_in_index(&d, 3);
    decode_in_key(&d, "body");
    decode_in_key(&d, "attachments");
    decode_in_index(&d, 0);
    decode_in_key(&d, "content");
    decode_problem(&d, "data", 1, "a");
    decode_problem(&d, NULL, 1, "a");
    for (int k = 0; k < 6; k++) decode_out(&d);
    decode_in_index(&d, 7);
    decode_problem(&d, "x", 1, "a");
    decode_out(&d);
    assert_string_equal(d.problems[0].path, styles[i].root);
    assert_string_equal(d.problems[1].path, styles[i].key);
    assert_string_equal(d.problems[2].path, styles[i].deep);
    assert_string_equal(d.problems[3].path, styles[i].deep_place);
    assert_string_equal(d.problems[4].path, styles[i].index_first);
    assert_int_equal(d.depth, 0);
  }
}

static void long_words_are_cut_not_overrun(void **state) {
  struct decoder d;
  char *text = mem_printf(*state, "%05000d", 0);
  decode_init(&d, *state, PATH_DOTS);
  decode_problem(&d, "k", 1020, "%s", text);
  assert_int_equal(strlen(d.problems[0].text), 255);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(rules), TEST(paths_in_both_styles), TEST(long_words_are_cut_not_overrun)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
