/* Authorization and Cookie headers: tables of what is taken and what is not. */
#include "auth/credentials.h"

#include "base/mem.h"
#include "base/text.h"

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

static const struct {
  const char *header, *token; /* NULL: none */
} bearers[] = {
    {NULL, NULL},
    {"", NULL},
    {"Bearer", NULL},
    {"Bearer ", NULL},
    {"Bearer    ", NULL},
    {"Bearer \t", NULL},
    {"Bearer\tabc", NULL},
    {"Bearerabc", NULL},
    {"Basic abc", NULL},
    {" Bearer abc", NULL},
    {"Bear", NULL},
    {"Bearer abc", "abc"},
    {"bearer abc", "abc"},
    {"BEARER   abc \t ", "abc"},
    {"Bearer a.b-c_d~+/=", "a.b-c_d~+/="},
    {"Bearer a b", "a b"}, /* one that cannot be verified */
};

static void bearer(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(bearers); i++) {
    size_t len = 77;
    const char *token = bearer_token(bearers[i].header, &len);
    if (!token != !bearers[i].token) fail_msg("row %zu", i);
    if (!token) {
      assert_int_equal(len, 77);
      continue;
    }
    assert_int_equal(len, strlen(bearers[i].token));
    assert_memory_equal(token, bearers[i].token, len);
  }
}

static const struct {
  const char *plain; /* encoded here */
  enum basic_result result;
  const char *user, *password;
} plains[] = {
    {"id:secret", BASIC_OK, "id", "secret"},
    {"id:", BASIC_OK, "id", ""},
    {":secret", BASIC_OK, "", "secret"},
    {":", BASIC_OK, "", ""},
    {"id:a:b", BASIC_OK, "id", "a:b"},
    {"a%3Ab:c%20d+e", BASIC_OK, "a:b", "c d e"},
    {"%C3%A9:\xc3\xa9", BASIC_OK, "\xc3\xa9", "\xc3\xa9"},
    {"", BASIC_BROKEN, NULL, NULL},
    {"no colon", BASIC_BROKEN, NULL, NULL},
    {"a%3Ab", BASIC_BROKEN, NULL, NULL},
    {"a%:b", BASIC_BROKEN, NULL, NULL},
    {"a:b%4", BASIC_BROKEN, NULL, NULL},
    {"a:b%zz", BASIC_BROKEN, NULL, NULL},
    {"a%00b:c", BASIC_BROKEN, NULL, NULL},
    {"a:b%00", BASIC_BROKEN, NULL, NULL},
    {"\xff:b", BASIC_BROKEN, NULL, NULL},
    {"a:\xc3", BASIC_BROKEN, NULL, NULL},
};

static void basic_contents(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(plains); i++) {
    char header[256] = "Basic ";
    struct basic_credentials c = {.user = "kept"};
    base64_encode(plains[i].plain, strlen(plains[i].plain), header + 6);
    enum basic_result r = basic_parse(*state, header, &c);
    if (r != plains[i].result) fail_msg("%s: %d", plains[i].plain, r);
    assert_string_equal(c.user, r == BASIC_OK ? plains[i].user : "kept");
    if (r == BASIC_OK) assert_string_equal(c.password, plains[i].password);
  }
}

static const struct {
  const char *header;
  enum basic_result result;
} headers[] = {
    {NULL, BASIC_NONE},
    {"", BASIC_NONE},
    {"Basic", BASIC_NONE},
    {"Bearer YTpi", BASIC_NONE},
    {"Basicx YTpi", BASIC_NONE},
    {"Basic ", BASIC_BROKEN},
    {"Basic !!!!", BASIC_BROKEN},
    {"Basic YTpi", BASIC_OK},
    {"basic   YTpi ", BASIC_OK},
    {"BASIC YTpi", BASIC_OK},
    {"Basic YTp", BASIC_BROKEN},
    {"Basic YT", BASIC_BROKEN},
    {"Basic AAAA", BASIC_BROKEN}, /* NULs and no colon */
    {"Basic ADpi", BASIC_BROKEN}, /* a NUL in the name */
    {"Basic YTpi, Bearer x", BASIC_BROKEN},
};

static void basic_headers(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
    struct basic_credentials c;
    enum basic_result r = basic_parse(*state, headers[i].header, &c);
    if (r != headers[i].result) fail_msg("row %zu: %d", i, r);
  }
}

static void basic_is_bounded(void **state) {
  char *header = mem_bytes(*state, 6 + 2052 + 1);
  struct basic_credentials c;
  memcpy(header, "Basic YTpi", 10);
  for (int at = 10; at <= 6 + 2048; at += 4) memcpy(header + at, "YWFh", 4);
  header[6 + 2048] = 0;
  assert_int_equal(basic_parse(*state, header, &c), BASIC_OK);
  assert_int_equal(strlen(c.password), 2048 / 4 * 3 - 2);
  header[6 + 2048] = 'Y';
  header[6 + 2052] = 0;
  assert_int_equal(basic_parse(*state, header, &c), BASIC_BROKEN);
}

static const struct {
  const char *header, *value; /* of cookie "sid"; NULL: none */
} cookies[] = {
    {NULL, NULL},
    {"", NULL},
    {"sid", NULL},
    {"sid=", ""},
    {"sid=a", "a"},
    {"sid=a;", "a"},
    {"x=1; sid=a; y=2", "a"},
    {"x=1;sid=a", "a"},
    {"sid=a; sid=b", "a"},
    {"xsid=a", NULL},
    {"sidx=a", NULL},
    {"SID=a", NULL},
    {"x=sid=a", NULL},
    {"x; sid=a", "a"},
    {";;; sid=a", "a"},
    {"sid=a b \t; x=1", "a b"},
    {"sid=\"a\"", "\"a\""},
    {"sid =a", NULL},
    {" sid=a=b", "a=b"},
    {"x=1;", NULL},
    {";", NULL},
};

static void cookie(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(cookies); i++) {
    const char *value = cookie_value(*state, cookies[i].header, "sid");
    if (!value != !cookies[i].value || (value && strcmp(value, cookies[i].value) != 0))
      fail_msg("row %zu: %s", i, value ? value : "none");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(bearer, setup, teardown),
      cmocka_unit_test_setup_teardown(basic_contents, setup, teardown),
      cmocka_unit_test_setup_teardown(basic_headers, setup, teardown),
      cmocka_unit_test_setup_teardown(basic_is_bounded, setup, teardown),
      cmocka_unit_test_setup_teardown(cookie, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
