/* File types by content. */
#include "base/filetype.h"

#include "base/fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) text, sizeof(text) - 1

static const struct {
  const char *bytes;
  size_t size;
  const char *want;
} cases[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"), "image/png"},
    {BYTES("GIF89a\1\0\1\0\0\0\0"), "image/gif"},
    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1"), "image/jpeg"},
    {BYTES("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "application/pdf"},
    {BYTES("just words\n"), "text/plain"},
    {BYTES("<!DOCTYPE html><html><script>alert(1)</script></html>"), "text/html"},
    {BYTES("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"), "image/svg+xml"},
    {BYTES(""), "application/octet-stream"},
    {BYTES("\1\2\3\4\5\6\7"), "application/octet-stream"},
};

static void types_are_told_by_content(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(cases); i++)
    assert_string_equal(filetype_of(cases[i].bytes, cases[i].size), cases[i].want);
}

static void only_the_beginning_counts(void **state) {
  (void)state;
  /* Sixteen megabytes of text, then what would make it something else. */
  const size_t size = 16 << 20;
  char *bytes = malloc(size);
  assert_non_null(bytes);
  memset(bytes, 'a', size);
  memset(bytes + 65536, '\1', size - 65536);
  assert_string_equal(filetype_of(bytes, size), "text/plain");
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types_are_told_by_content),
      cmocka_unit_test(only_the_beginning_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
