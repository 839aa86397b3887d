/* text: tables of right and wrong texts for each function. */
#include "base/text.h"

#include "capture.h"

static void hex(void **state) {
  (void)state;
  char out[9];
  uint8_t raw[4] = {0};
  hex_encode("\x00\xff\x0a\xc3", 4, out);
  assert_string_equal(out, "00ff0ac3");
  hex_encode("", 0, out);
  assert_string_equal(out, "");
  assert_true(hex_decode("00FF0aC3", 8, raw));
  assert_memory_equal(raw, "\x00\xff\x0a\xc3", 4);
  assert_true(hex_decode("", 0, raw));
  static const char *const wrong[] = {"0", "000", "0g", "g0", "0x", " 0", "0:", "0@", "0/", "0`", "\xc3\xa9"};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_false(hex_decode(wrong[i], strlen(wrong[i]), raw));
}

static void base64_texts(void **state) {
  (void)state;
  static const struct {
    const char *plain, *text;
  } cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff\xbf", "+/+/"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    size_t len = strlen(cases[i].plain);
    char text[32];
    uint8_t back[32];
    size_t back_len = 99;
    assert_int_equal(base64_encoded_len(len), strlen(cases[i].text));
    base64_encode(cases[i].plain, len, text);
    assert_string_equal(text, cases[i].text);
    assert_true(base64_decode(text, strlen(text), back, &back_len));
    assert_int_equal(back_len, len);
    assert_memory_equal(back, cases[i].plain, len);
    size_t bare = strcspn(text, "="); /* padding is optional */
    assert_true(base64_decode(text, bare, back, &back_len));
    assert_int_equal(back_len, len);
  }
}

static void base64_round_trip(void **state) {
  (void)state;
  uint8_t raw[260];
  char text[400];
  uint8_t back[400];
  for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)(i * 7);
  for (size_t len = 0; len <= sizeof raw; len++) {
    size_t n = 0;
    base64_encode(raw, len, text);
    assert_int_equal(strlen(text), base64_encoded_len(len));
    assert_true(base64_decode(text, strlen(text), back, &n));
    assert_int_equal(n, len);
    assert_memory_equal(back, raw, len);
  }
}

static void base64_accepted(void **state) {
  (void)state;
  static const struct {
    const char *text, *plain;
  } cases[] = {
      {"-_-_", "\xfb\xff\xbf"}, {" Zm 9v\r\nYm\tFy\n", "foobar"},
      {"Zg = =\n", "f"},        {"Zm8 = ", "fo"},
      {" \r\n\t", ""},          {"Z\nm\n9\nv", "foo"},
      {"Zm9vZg", "foof"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    uint8_t out[32];
    size_t n = 99;
    assert_true(base64_decode(cases[i].text, strlen(cases[i].text), out, &n));
    assert_int_equal(n, strlen(cases[i].plain));
    assert_memory_equal(out, cases[i].plain, n);
  }
}

static void base64_refused(void **state) {
  (void)state;
  static const char *const cases[] = {
      "Z",        "Zm9vY",  "=",         "==",   "====",  "Zg=",   "Zm8==", "Zm9v=", "Zm9v==",
      "Zg==Zg==", "Zg===",  "Z===",      "Zg=a", "Zg==a", "Zm9v!", "Zm9v.", "Zm%3D", "Zm9\x01",
      "\xc3\xa9", "Zm9v\v", "Zm9v,Zm9v", "Zh==", "Zh",    "Zm9=",  "Zm9", /* bits beyond the last byte that are not zero
                                                                           */
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    uint8_t out[32];
    size_t n = 99;
    assert_false(base64_decode(cases[i], strlen(cases[i]), out, &n));
    assert_int_equal(n, 99);
  }
  uint8_t out[32];
  size_t n;
  assert_false(base64_decode("Zm9\0", 4, out, &n));
}

static void utf8(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t len;
    bool valid;
    size_t count;
  } cases[] = {
      {"", 0, true, 0},
      {"plain ascii, more than eight bytes", 34, true, 34},
      {"a\0b", 3, true, 3},
      {"caf\xc3\xa9", 5, true, 4},
      {"\xc2\x80\xdf\xbf", 4, true, 2},
      {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12, true, 4},
      {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, true, 2},
      {"12345678\xf0\x9f\x98\x80"
       "12345678",
       20, true, 17},
      {"\x80", 1, false, 0}, /* continuation alone */
      {"a\xbf", 2, false, 0},
      {"\xc3", 1, false, 0}, /* cut short */
      {"\xe2\x82", 2, false, 0},
      {"\xf0\x9f\x98", 3, false, 0},
      {"\xc3\x28", 2, false, 0}, /* wrong second byte */
      {"\xe2\x28\xa1", 3, false, 0},
      {"\xe2\x82\x28", 3, false, 0},
      {"\xf0\x9f\x28\x80", 4, false, 0},
      {"\xf0\x9f\x98\x28", 4, false, 0},
      {"\xc0\x80", 2, false, 0}, /* overlong */
      {"\xc1\xbf", 2, false, 0},
      {"\xe0\x9f\xbf", 3, false, 0},
      {"\xf0\x8f\xbf\xbf", 4, false, 0},
      {"\xed\xa0\x80", 3, false, 0}, /* surrogates */
      {"\xed\xbf\xbf", 3, false, 0},
      {"\xf4\x90\x80\x80", 4, false, 0}, /* beyond U+10FFFF */
      {"\xf5\x80\x80\x80", 4, false, 0},
      {"\xf8\x88\x80\x80\x80", 5, false, 0}, /* five bytes */
      {"\xfe", 1, false, 0},
      {"\xff", 1, false, 0},
      {"1234567\xff", 8, false, 0},
      {"12345678\xff", 9, false, 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    assert_int_equal(utf8_valid(cases[i].text, cases[i].len), cases[i].valid);
    if (cases[i].valid) assert_int_equal(utf8_count(cases[i].text, cases[i].len), cases[i].count);
  }
}

/* Every sequence of up to three bytes against the ranges of RFC 3629, written differently. */
static bool utf8_by_value(const uint8_t *s, size_t len) {
  for (size_t i = 0; i < len;) {
    int more = s[i] < 0x80 ? 0 : s[i] >> 5 == 6 ? 1 : s[i] >> 4 == 14 ? 2 : s[i] >> 3 == 30 ? 3 : -1;
    if (more < 0 || i + (size_t)more >= len) return false;
    uint32_t c = more ? s[i] & (0x3F >> more) : s[i];
    for (int k = 1; k <= more; k++) {
      if (s[i + (size_t)k] >> 6 != 2) return false;
      c = c << 6 | (s[i + (size_t)k] & 0x3F);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
    i += (size_t)more + 1;
  }
  return true;
}

static void utf8_exhaustive(void **state) {
  (void)state;
  for (uint32_t n = 0; n < 1u << 24; n++) {
    char s[3] = {(char)(n >> 16), (char)(n >> 8), (char)n};
    if (utf8_valid(s, 3) != utf8_by_value((const uint8_t *)s, 3)) fail_msg("%06x", n);
  }
}

static void percent(void **state) {
  (void)state;
  static const struct {
    const char *in;
    bool plus;
    const char *out; /* NULL: refused */
  } cases[] = {
      {"", false, ""},      {"abc", false, "abc"}, {"a%20b", false, "a b"},       {"a+b", false, "a+b"},
      {"a+b", true, "a b"}, {"%2B+", true, "+ "},  {"%c3%A9", false, "\xc3\xa9"}, {"%25", false, "%"},
      {"%", false, NULL},   {"%2", false, NULL},   {"abc%", false, NULL},         {"%zz", false, NULL},
      {"%2g", false, NULL}, {"%%20", false, NULL}, {"% 2", false, NULL},          {"%252e", false, "%2e"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char work[32];
    size_t len = strlen(cases[i].in);
    size_t n = 99;
    memcpy(work, cases[i].in, len);
    bool ok = percent_decode(work, len, cases[i].plus, work, &n); /* in place */
    assert_int_equal(ok, cases[i].out != NULL);
    if (!ok) {
      assert_int_equal(n, 99);
      continue;
    }
    assert_int_equal(n, strlen(cases[i].out));
    assert_memory_equal(work, cases[i].out, n);
  }
  char out[4];
  size_t n = 0;
  assert_true(percent_decode("%00x", 4, false, out, &n));
  assert_int_equal(n, 2);
  assert_memory_equal(out, "\0x", 2);
}

static void integers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t min, max;
    bool ok;
    int64_t value;
  } cases[] = {
      {"0", 0, 10, true, 0},
      {"10", 0, 10, true, 10},
      {"11", 0, 10, false, 0},
      {"-1", 0, 10, false, 0},
      {"-1", -1, 10, true, -1},
      {"007", 0, 10, true, 7},
      {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
      {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
      {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
      {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
      {"18446744073709551616", INT64_MIN, INT64_MAX, false, 0},
      {"99999999999999999999999", INT64_MIN, INT64_MAX, false, 0},
      {"", 0, 10, false, 0},
      {"-", -10, 10, false, 0},
      {"+1", 0, 10, false, 0},
      {" 1", 0, 10, false, 0},
      {"1 ", 0, 10, false, 0},
      {"1.0", 0, 10, false, 0},
      {"1e1", 0, 10, false, 0},
      {"0x1", 0, 10, false, 0},
      {"--1", -10, 10, false, 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    int64_t n = 4711;
    assert_int_equal(parse_int(cases[i].text, cases[i].min, cases[i].max, &n), cases[i].ok);
    assert_int_equal(n, cases[i].ok ? cases[i].value : 4711);
  }
}

static void durations_and_sizes(void **state) {
  (void)state;
  static const struct {
    bool (*parse)(const char *, int64_t *);
    const char *text;
    int64_t value; /* -1: refused */
  } cases[] = {
      {parse_duration_ms, "0", 0},
      {parse_duration_ms, "250ms", 250},
      {parse_duration_ms, "15s", 15000},
      {parse_duration_ms, "15", 15000},
      {parse_duration_ms, "10m", 600000},
      {parse_duration_ms, "72h", 259200000},
      {parse_duration_ms, "14d", 1209600000},
      {parse_duration_ms, "9223372036854775807ms", INT64_MAX},
      {parse_duration_ms, "9223372036854775808ms", -1},
      {parse_duration_ms, "9223372036854776s", -1},
      {parse_duration_ms, "106751991168d", -1},
      {parse_duration_ms, "", -1},
      {parse_duration_ms, "s", -1},
      {parse_duration_ms, "-1s", -1},
      {parse_duration_ms, "1.5h", -1},
      {parse_duration_ms, "1 s", -1},
      {parse_duration_ms, "1h30m", -1},
      {parse_duration_ms, "1w", -1},
      {parse_duration_ms, "1mss", -1},
      {parse_size, "4096", 4096},
      {parse_size, "64k", 65536},
      {parse_size, "64K", 65536},
      {parse_size, "25M", 26214400},
      {parse_size, "1G", 1073741824},
      {parse_size, "8589934591G", INT64_MAX - 1073741823},
      {parse_size, "8589934592G", -1},
      {parse_size, "1T", -1},
      {parse_size, "1kb", -1},
      {parse_size, "-1", -1},
      {parse_size, "", -1},
      {parse_size, "k", -1},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    int64_t n = 4711;
    bool ok = cases[i].parse(cases[i].text, &n);
    if (ok != (cases[i].value >= 0)) fail_msg("%s", cases[i].text);
    assert_int_equal(n, ok ? cases[i].value : 4711);
  }
}

static void booleans(void **state) {
  (void)state;
  static const char *const yes[] = {"true", "TRUE", "yes", "on", "1"};
  static const char *const no[] = {"false", "No", "off", "0"};
  static const char *const wrong[] = {"", "2", "y", "truee", " true", "01"};
  for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
    bool b = false;
    assert_true(parse_bool(yes[i], &b) && b);
  }
  for (size_t i = 0; i < ARRAY_LEN(no); i++) {
    bool b = true;
    assert_true(parse_bool(no[i], &b) && !b);
  }
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    bool b = true;
    assert_false(parse_bool(wrong[i], &b));
    assert_true(b);
  }
}

static void comparing_and_controls(void **state) {
  (void)state;
  assert_true(text_equal_nocase("", ""));
  assert_true(text_equal_nocase("Content-TYPE", "content-type"));
  assert_false(text_equal_nocase("abc", "ab"));
  assert_false(text_equal_nocase("ab", "abc"));
  assert_false(text_equal_nocase("[", "{")); /* differ in the same bit as letters do */
  assert_false(text_equal_nocase("@", "`"));
  assert_false(text_equal_nocase("\xc3\x89", "\xc3\xa9"));
  assert_false(text_has_control("", 0));
  assert_false(text_has_control(" ~\xc3\xa9\xff", 5));
  assert_true(text_has_control("a\n", 2));
  assert_true(text_has_control("a\0b", 3));
  assert_true(text_has_control("\x1f", 1));
  assert_true(text_has_control("\x7f", 1));
}

static void uuids(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool is;
  } rows[] = {
      {"8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", true},        {"8F14E45F-CEEA-467F-A0E6-1A2B3C4D5E6F", true},
      {"00000000-0000-0000-0000-000000000000", true},        {"", false},
      {"8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6", false},        {"8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f0", false},
      {"8f14e45fceea467fa0e61a2b3c4d5e6f", false},           {"8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6g", false},
      {"8f14e45f-ceea-467f-a0e61-a2b3c4d5e6f", false},       {"{8f14e45f-ceea-467f-a0e6-1a2b3c4d5e}", false},
      {"8f14e45f-ceea-467f-a0e6-1a2b3c4d5e\xc3\xa9", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (text_is_uuid(rows[i].text, strlen(rows[i].text)) != rows[i].is) fail_msg("%s", rows[i].text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uuids),
      cmocka_unit_test(hex),
      cmocka_unit_test(base64_texts),
      cmocka_unit_test(base64_round_trip),
      cmocka_unit_test(base64_accepted),
      cmocka_unit_test(base64_refused),
      cmocka_unit_test(utf8),
      cmocka_unit_test(utf8_exhaustive),
      cmocka_unit_test(percent),
      cmocka_unit_test(integers),
      cmocka_unit_test(durations_and_sizes),
      cmocka_unit_test(booleans),
      cmocka_unit_test(comparing_and_controls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
