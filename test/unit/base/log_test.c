/* log: the form of a line, that no value can forge one, levels, context, and that lines of threads never mix. */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

static struct capture capture;

#define HEAD "ts=2026-11-20T14:05:00.123Z level=info event=x"

static int setup(void **state) {
  (void)state;
  clock_fake(1795183500123);
  log_set_level(LOG_INFO);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  clock_unfake();
  log_set_level(LOG_INFO);
  return 0;
}

static void a_line(void **state) {
  (void)state;
  capture_start(&capture);
  log_at(LOG_WARN, "stored", log_t("path", "/a/b"), log_i("count", -3), log_i("big", INT64_MIN));
  log_at(LOG_ERROR, "empty");
  assert_string_equal(
      capture_end(&capture),
      "ts=2026-11-20T14:05:00.123Z level=warn event=stored path=/a/b count=-3 big=-9223372036854775808\n"
      "ts=2026-11-20T14:05:00.123Z level=error event=empty\n");
}

static void values_are_escaped(void **state) {
  (void)state;
  static const struct {
    const char *value, *shown;
  } cases[] = {
      {"plain", "plain"},
      {"", "\"\""},
      {NULL, "\"\""},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"say \"hi\"", "\"say \\\"hi\\\"\""},
      {"back\\slash", "\"back\\\\slash\""},
      {"line\nts=forged level=error", "\"line\\nts=forged level=error\""},
      {"\r\t", "\"\\r\\t\""},
      {"\x01\x1b[31m\x7f", "\"\\x01\\x1b[31m\\x7f\""},
      {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
      {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
      {"\xc3", "\"\\xc3\""},          /* cut short */
      {"\xff\xfe", "\"\\xff\\xfe\""}, /* never UTF-8 */
      {"\xc0\x8a", "\"\\xc0\\x8a\""}, /* overlong newline */
      {"\xc2\x9b"
       "31m",
       "\"\\xc2\\x9b"
       "31m\""}, /* C1: control sequence introducer */
      {"a\xe2\x80\xa8"
       "b\xe2\x80\xa9",
       "\"a\\xe2\\x80\\xa8"
       "b\\xe2\\x80\\xa9\""},
      {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* surrogate */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char expected[256];
    snprintf(expected, sizeof expected, HEAD " v=%s\n", cases[i].shown);
    capture_start(&capture);
    log_at(LOG_INFO, "x", log_t("v", cases[i].value));
    assert_string_equal(capture_end(&capture), expected);
  }
}

static void long_lines_are_cut_and_marked(void **state) {
  (void)state;
  static char value[10000];
  static const char *const units[] = {"a", "\xc3\xa9", "\n", "\x01"}; /* a cut falls into none of their forms */
  for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
    value[0] = '\0';
    size_t step = strlen(units[u]);
    for (size_t at = 0; at + step < sizeof value; at += step) memcpy(value + at, units[u], step + 1);
    capture_start(&capture);
    log_at(LOG_INFO, "x", log_t("v", value), log_t("after", "never seen"));
    const char *line = capture_end(&capture);
    size_t len = strlen(line);
    assert_in_range(len, 3000, 4096);
    assert_string_equal(line + len - strlen(" cut=true\n"), " cut=true\n");
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_true(utf8_valid(line, len));
    assert_null(strstr(line, "never seen"));
  }
}

static void levels(void **state) {
  (void)state;
  enum log_level level = LOG_DEBUG;
  assert_true(log_level_parse("error", &level) && level == LOG_ERROR);
  assert_true(log_level_parse("Debug", &level) && level == LOG_DEBUG);
  assert_false(log_level_parse("verbose", &level));
  assert_false(log_level_parse("", &level));
  assert_int_equal(level, LOG_DEBUG);
  for (int now = LOG_ERROR; now <= LOG_DEBUG; now++) {
    log_set_level((enum log_level)now);
    for (int l = LOG_ERROR; l <= LOG_DEBUG; l++) {
      assert_int_equal(log_enabled((enum log_level)l), l <= now);
      capture_start(&capture);
      log_at((enum log_level)l, "x");
      assert_int_equal(*capture_end(&capture) != '\0', l <= now);
    }
  }
}

static void context_is_appended(void **state) {
  (void)state;
  char changing[] = "r1";
  capture_start(&capture);
  log_push("request", changing);
  changing[1] = '9'; /* the value was copied */
  log_push("channel", "a b");
  log_at(LOG_INFO, "x", log_i("n", 1));
  log_pop();
  log_at(LOG_INFO, "x");
  log_pop();
  log_at(LOG_INFO, "x");
  assert_string_equal(capture_end(&capture), HEAD " n=1 request=r1 channel=\"a b\"\n" HEAD " request=r1\n" HEAD "\n");
}

static void context_is_bounded(void **state) {
  (void)state;
  char long_value[200];
  memset(long_value, 'v', sizeof long_value);
  long_value[sizeof long_value - 1] = '\0';
  capture_start(&capture);
  for (int i = 0; i < 12; i++) log_push("k", long_value);
  log_at(LOG_INFO, "x");
  const char *line = capture_end(&capture);
  int pairs = 0;
  for (const char *at = line; (at = strstr(at, " k=")); at++) {
    pairs++;
    assert_int_equal(strspn(at + 3, "v"), 63);
  }
  assert_int_equal(pairs, 8);
  for (int i = 0; i < 12; i++) log_pop(); /* as many as pushes */
  capture_start(&capture);
  log_at(LOG_INFO, "x");
  assert_string_equal(capture_end(&capture), HEAD "\n");
}

static void *write_many(void *arg) {
  log_push("thread", arg);
  for (int i = 0; i < 1000; i++) log_at(LOG_INFO, "x", log_t("v", arg));
  log_pop();
  return NULL;
}

static void threads_do_not_mix(void **state) {
  (void)state;
  static char names[4][2] = {"a", "b", "c", "d"};
  FILE *file = tmpfile();
  int saved = dup(STDERR_FILENO);
  /* O_APPEND as when stderr is a log file: each write(2) lands behind the others. */
  assert_true(fcntl(fileno(file), F_SETFL, O_APPEND) == 0);
  dup2(fileno(file), STDERR_FILENO);
  pthread_t threads[4];
  for (int t = 0; t < 4; t++) pthread_create(&threads[t], NULL, write_many, names[t]);
  for (int t = 0; t < 4; t++) pthread_join(threads[t], NULL);
  dup2(saved, STDERR_FILENO);
  close(saved);
  rewind(file);
  char line[256];
  int lines = 0;
  for (; fgets(line, sizeof line, file); lines++) {
    char expected[256];
    size_t head = strlen(HEAD " v=");
    snprintf(expected, sizeof expected, HEAD " v=%c thread=%c\n", line[head], line[head]);
    assert_string_equal(line, expected);
  }
  assert_int_equal(lines, 4000);
  fclose(file);
}

static void a_lost_stderr_is_survived(void **state) {
  (void)state;
  int saved = dup(STDERR_FILENO);
  close(STDERR_FILENO);
  errno = 12345;
  log_at(LOG_INFO, "x");
  int kept = errno;
  dup2(saved, STDERR_FILENO);
  close(saved);
  assert_int_equal(kept, 12345); /* and errno is the caller's */
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOG_TEST(a_line),
      LOG_TEST(values_are_escaped),
      LOG_TEST(long_lines_are_cut_and_marked),
      LOG_TEST(levels),
      LOG_TEST(context_is_appended),
      LOG_TEST(context_is_bounded),
      LOG_TEST(threads_do_not_mix),
      LOG_TEST(a_lost_stderr_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
