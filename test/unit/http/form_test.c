/* http/form: bodies and what they hold, as a table. */
#include "http/form.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define URL        "application/x-www-form-urlencoded"
#define MULTI      "multipart/form-data; boundary=b"
#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

struct row {
  const char *type;
  const char *body;
  size_t len;
  enum form_result result;
  const char *fields; /* name=value; with NUL in values written as a dot */
};
#define ROW(type, body, result, fields)                                                                                \
  { type, body, sizeof(body) - 1, result, fields }

static const struct row rows[] = {
    ROW(NULL, "a=b", FORM_WRONG_TYPE, NULL),
    ROW("", "a=b", FORM_WRONG_TYPE, NULL),
    ROW("application/json", "{}", FORM_WRONG_TYPE, NULL),
    ROW("application/x-www-form-urlencodedx", "a=b", FORM_WRONG_TYPE, NULL),
    ROW("text/plain; application/x-www-form-urlencoded", "a=b", FORM_WRONG_TYPE, NULL),
    /* urlencoded */
    ROW(URL, "", FORM_OK, ""),
    ROW(URL, "a=b", FORM_OK, "a=b;"),
    ROW(URL "; charset=UTF-8", "a=b", FORM_OK, "a=b;"),
    ROW(" Application/X-WWW-Form-URLencoded ;x", "a=b", FORM_OK, "a=b;"),
    ROW(URL, "a=b&c=d&a=e", FORM_OK, "a=b;c=d;a=e;"),
    ROW(URL, "a+b=c+d&%61%3D=%26%2b", FORM_OK, "a b=c d;a==&+;"),
    ROW(URL, "a&b=&=c&&d=e=f&", FORM_OK, "a=;b=;=c;d=e=f;"),
    ROW(URL, "%C3%A9=%E2%82%AC", FORM_OK, "\xc3\xa9=\xe2\x82\xac;"),
    ROW(URL, "a=%00b", FORM_OK, "a=.b;"),
    ROW(URL, "a=\xff", FORM_OK, "a=\xff;"), /* values are bytes */
    ROW(URL, "a%00=b", FORM_BROKEN, NULL),
    ROW(URL, "a\0b=c", FORM_BROKEN, NULL),
    ROW(URL, "%ff=b", FORM_BROKEN, NULL),
    ROW(URL, "a=%", FORM_BROKEN, NULL),
    ROW(URL, "a=%2", FORM_BROKEN, NULL),
    ROW(URL, "a=%2&b=1", FORM_BROKEN, NULL),
    ROW(URL, "a=%g1", FORM_BROKEN, NULL),
    ROW(URL, "%zz=1", FORM_BROKEN, NULL),
    /* multipart */
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--b--\r\n", FORM_OK, "a=1;"),
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--b--", FORM_OK, "a=1;"),
    ROW("Multipart/Form-Data;charset=x; Boundary=\"b\"", "--b\r\n" PART("a") "1\r\n--b--\r\n", FORM_OK, "a=1;"),
    ROW("multipart/form-data; boundary=\"b\\\"c\"", "--b\"c\r\n" PART("a") "1\r\n--b\"c--\r\n", FORM_OK, "a=1;"),
    ROW(MULTI, "--b--\r\n", FORM_OK, ""),
    ROW(MULTI, "--b\r\n" PART("a") "\r\n--b\r\n" PART("b") "2\r\n--b--\r\n", FORM_OK, "a=;b=2;"),
    ROW(MULTI, "--b\r\n" PART("a") "--b--\r\n", FORM_OK, "a=;"), /* no line for an empty value: seen from old clients */
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--b\r\n" PART("a") "2\r\n--b--\r\n", FORM_OK, "a=1;a=2;"),
    ROW(MULTI, "preamble\r\n--b\r\n" PART("a") "1\r\n--b--\r\nepilogue\r\n--b\r\n", FORM_OK, "a=1;"),
    ROW(MULTI, "--bx\r\n--b\r\n" PART("a") "1\r\n--b--\r\n", FORM_OK, "a=1;"),
    ROW(MULTI, "--b \t\r\n" PART("a") "1\r\n--b  \r\n" PART("c") "2\r\n--b-- \r\n", FORM_OK, "a=1;c=2;"),
    ROW(MULTI, "--b\r\n" PART("a") "x--b\r\n\r\n--bc\r\n--b\r\n--b--\r\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a") "x--b\r\n\r\n--bc\r\n-\r\n--b--\r\n", FORM_OK, "a=x--b\r\n\r\n--bc\r\n-;"),
    ROW(MULTI, "--b\r\n" PART("a") "\r\n\r\n--b--\r\n", FORM_OK, "a=\r\n;"),
    ROW(MULTI, "--b\r\n" PART("a") "x\0y\xff\r\n--b--\r\n", FORM_OK, "a=x.y\xff;"),
    ROW(MULTI,
        "--b\r\ncontent-type: image/png\r\nCONTENT-disposition: Form-Data; filename=\"x; name=evil\"; "
        "name=f\r\n\r\n1\r\n--b--",
        FORM_OK, "f=1;"),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\\\"b\\\\\"\r\n\r\n1\r\n--b--", FORM_OK, "a\"b\\=1;"),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--b--", FORM_OK, "=1;"),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n1\r\n--b--",
        FORM_OK, "a=1;"),
    /* broken: no boundary, truncated in every place, wrong line ends, no name */
    ROW("multipart/form-data", "--b--", FORM_BROKEN, NULL),
    ROW("multipart/form-data; boundary=", "----", FORM_BROKEN, NULL),
    ROW("multipart/form-data; boundary=\"b", "--b--", FORM_BROKEN, NULL),
    ROW("multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890", "x",
        FORM_BROKEN, NULL),
    ROW(MULTI, "", FORM_BROKEN, NULL),
    ROW(MULTI, "x", FORM_BROKEN, NULL),
    ROW(MULTI, "--b", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n\r\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a"), FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a") "1", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--b", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--b\r\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\n" PART("a") "1\r\n--c--\r\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\\\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI,
        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n--b--",
        FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nno colon\r\n" PART("a") "1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nX: a\0b\r\n" PART("a") "1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI, "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n--b--", FORM_BROKEN, NULL),
    ROW(MULTI,
        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--b--",
        FORM_BROKEN, NULL),
};

static char *describe(void *ctx, const struct form *f) {
  char *text = mem_strdup(ctx, "");
  for (int i = 0; i < f->count; i++) {
    assert_int_equal(f->fields[i].value[f->fields[i].len], 0);
    char *value = mem_strndup(ctx, f->fields[i].value, f->fields[i].len);
    for (size_t k = 0; k < f->fields[i].len; k++) value[k] = value[k] ? value[k] : '.';
    text = mem_printf(ctx, "%s%s=%s;", text, f->fields[i].name, value);
  }
  return text;
}

static void parses(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    void *ctx = mem_pool(NULL, 4096);
    struct form f = {.count = -1};
    char *body = mem_bytes(NULL, rows[i].len ? rows[i].len : 1); /* its own block, so that reading beyond it is seen */
    memcpy(body, rows[i].body, rows[i].len);
    enum form_result result = form_parse(ctx, rows[i].type, body, rows[i].len, &f);
    mem_free(body);
    if (result != rows[i].result) fail_msg("row %zu: %d, not %d: %s", i, result, rows[i].result, rows[i].body);
    if (result == FORM_OK) {
      assert_string_equal(describe(ctx, &f), rows[i].fields);
    } else {
      assert_int_equal(f.count, -1);
    }
    mem_free(ctx);
  }
}

static char *many(void *ctx, int count, const char *each, const char *end) {
  char *text = mem_strdup(ctx, "");
  for (int i = 0; i < count; i++) text = mem_printf(ctx, "%s%s", text, each);
  return mem_printf(ctx, "%s%s", text, end);
}

static void bounds_fields(void **state) {
  (void)state;
  void *ctx = mem_pool(NULL, 4096);
  struct form f;
  static const char part[] = "--b\r\n" PART("a") "1\r\n";
  for (int n = FORM_FIELDS_MAX - 1; n <= 1000; n += n > FORM_FIELDS_MAX ? 967 : 1) {
    enum form_result expected = n > FORM_FIELDS_MAX ? FORM_TOO_MANY : FORM_OK;
    char *body = many(ctx, n, "a=1&", "");
    assert_int_equal(form_parse(ctx, URL, body, strlen(body), &f), expected);
    body = many(ctx, n, part, "--b--");
    assert_int_equal(form_parse(ctx, MULTI, body, strlen(body), &f), expected);
    if (expected == FORM_OK) assert_int_equal(f.count, n);
  }
  char *body = mem_printf(ctx, "--b\r\n%s%s1\r\n--b--", many(ctx, 100, "X: y\r\n", ""), PART("a"));
  assert_int_equal(form_parse(ctx, MULTI, body, strlen(body), &f), FORM_BROKEN);
  mem_free(ctx);
}

static void gets(void **state) {
  (void)state;
  void *ctx = mem_pool(NULL, 1024);
  struct form f;
  int count = 9;
  assert_int_equal(form_parse(ctx, URL, "a=1&b=2&a=3", 11, &f), FORM_OK);
  assert_string_equal(form_get(&f, "a", &count), "1");
  assert_int_equal(count, 2);
  assert_string_equal(form_get(&f, "b", NULL), "2");
  assert_null(form_get(&f, "A", &count));
  assert_int_equal(count, 0);
  mem_free(ctx);
}

static void finds_params(void **state) {
  (void)state;
  static const struct {
    const char *header, *name, *value;
  } table[] = {
      {"text/plain; charset=utf-8", "charset", "utf-8"},
      {"text/plain;charset=utf-8;x=y", "CHARSET", "utf-8"},
      {"text/plain ; charset = \"utf-8\" ; x=y", "charset", "utf-8"},
      {"a; x=\"b; charset=evil\"; charset=good", "charset", "good"},
      {"a; x=\"\\\"; charset=evil\"; charset=good", "charset", "good"},
      {"a; xcharset=evil; charset=good", "charset", "good"},
      {"a; charset", "charset", NULL},
      {"a; charset=", "charset", ""},
      {"a; charset=\"", "charset", NULL},
      {"a; charset=\"x\\", "charset", NULL},
      {"a", "charset", NULL},
      {"charset=x", "charset", NULL},
      {"", "charset", NULL},
      {";;;", "charset", NULL},
      {"a; charset=one; charset=two", "charset", "one"},
  };
  void *ctx = mem_pool(NULL, 1024);
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    char *value = header_param(ctx, table[i].header, table[i].name);
    if (!value != !table[i].value) fail_msg("%s: %s", table[i].header, value ? value : "nothing");
    if (value) assert_string_equal(value, table[i].value);
  }
  mem_free(ctx);
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(bounds_fields), cmocka_unit_test(gets),
                                     cmocka_unit_test(finds_params)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
