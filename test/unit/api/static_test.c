/* Pages: media types, what a client accepts, what it has already, and the table of embedded files. */
#include "api/static.h"

#include "api/embedded.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void knows_types(void **state) {
  (void)state;
  assert_string_equal(static_type("docs/index.html"), "text/html; charset=utf-8");
  assert_string_equal(static_type("a.b/app.js"), "text/javascript; charset=utf-8");
  assert_string_equal(static_type("x.webmanifest"), "application/manifest+json");
  static const char *const none[] = {"", "js", "a/b", "a.", "a.exe", "a.js.map", "a.JS", "a.html~", "v1.0/file"};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    if (static_type(none[i])) fail_msg("%s has a type", none[i]);
}

static void reads_accept_encoding(void **state) {
  (void)state;
  static const struct {
    const char *header;
    bool gzip;
  } rows[] = {
      {NULL, false},
      {"", false},
      {"gzip", true},
      {"GZip", true},
      {"identity", false},
      {"gzipped", false},
      {"br, gzip", true},
      {"deflate,gzip;q=1.0, *;q=0.5", true},
      {"gzip;q=0", false},
      {"gzip; q=0.000", false},
      {"gzip;q=0.001", true},
      {"*", true},
      {"*;q=0", false},
      {"*, gzip;q=0", false},
      {"br;q=1, *;q=0, gzip", true},
      {", ,gzip", true},
      {";", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (static_accepts_gzip(rows[i].header) != rows[i].gzip) fail_msg("Accept-Encoding: %s", rows[i].header);
}

static void compares_etags(void **state) {
  (void)state;
  static const struct {
    const char *header;
    bool known;
  } rows[] = {
      {NULL, false},
      {"", false},
      {"W/\"abc\"", true},
      {"\"abc\"", true},
      {"\"x\", W/\"abc\"", true},
      {"\"x,y\" , \"abc\"", true},
      {"*", true},
      {"\"ab\"", false},
      {"abc", false},
      {"\"abcd\"", false},
      {"\"x\" \"abc", false},
      {"\"", false},
      {"W/", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (static_etag_known(rows[i].header, "W/\"abc\"") != rows[i].known) fail_msg("If-None-Match: %s", rows[i].header);
}

/* What is found by bisection must be sorted; what is embedded must be servable, and not be what tests or people read.
 */
static void embedded_is_sound(void **state) {
  (void)state;
  bool index = false;
  assert_true(embedded_file_count > 0);
  for (size_t i = 0; i < embedded_file_count; i++) {
    const struct embedded_file *f = &embedded_files[i];
    if (i) assert_true(strcmp(embedded_files[i - 1].path, f->path) < 0);
    if (!static_type(f->path)) fail_msg("ui/%s cannot be served", f->path);
    if (strstr(f->path, ".test.") || strstr(f->path, "/.")) fail_msg("ui/%s is embedded", f->path);
    assert_int_equal(strlen(f->etag), 28);
    assert_true(f->len > 0);
    if (f->gzip_len) assert_memory_equal(f->gzip, "\x1f\x8b", 2);
    index = index || strcmp(f->path, "docs/index.html") == 0;
  }
  assert_true(index);
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(knows_types), cmocka_unit_test(reads_accept_encoding),
                                     cmocka_unit_test(compares_etags), cmocka_unit_test(embedded_is_sound)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
