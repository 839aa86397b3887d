/* conf: order of the sources, sentences for wrong settings, reload, and that a printed file reads back the same. */
#include "conf/conf.h"

#include "base/json.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void *ctx;
static char path[64];

static int setup(void **state) {
  (void)state;
  ctx = talloc_new(NULL);
  *path = '\0';
  return 0;
}

static int teardown(void **state) {
  (void)state;
  talloc_free(ctx);
  if (*path) unlink(path);
  extern char **environ;
  for (char **e = environ; *e;) {
    if (strncmp(*e, "GUICHET_", 8) != 0) {
      e++;
      continue;
    }
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
    unsetenv(name);
    e = environ;
  }
  return 0;
}

static const char *file_with(const char *text, size_t len) {
  snprintf(path, sizeof path, "/tmp/guichet-conf-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, len), len);
  close(fd);
  return path;
}

static const char *file(const char *text) {
  return file_with(text, strlen(text));
}

static const struct conf *load(const char *settings, const struct conf_flag *flags, int count) {
  char err[256] = "";
  const struct conf *c = conf_load(ctx, settings ? file(settings) : NULL, flags, count, err);
  if (!c) fail_msg("%s", err);
  return c;
}

static void defaults(void **state) {
  (void)state;
  const struct conf *c = load(NULL, NULL, 0);
  assert_int_equal(c->threads, 2);
  assert_int_equal(c->attachment_max, 25 << 20);
  assert_int_equal(c->delivery_retention, 72 * 3600 * 1000);
  assert_string_equal(c->listen, "127.0.0.1:8080");
  assert_string_equal(c->tls_cert, "");
  assert_int_equal(c->log_level, LOG_INFO);
  struct sockaddr_storage ss;
  assert_true(address_parse("10.0.0.1", &ss));
  assert_false(cidr_list_has(c->trusted_proxies, (const struct sockaddr *)&ss));
}

static void flags_win_over_environment_over_file(void **state) {
  (void)state;
  setenv("GUICHET_THREADS", "5", 1);
  setenv("GUICHET_TOKEN_RATE", "50", 1);
  setenv("GUICHET_TEST_ANYTHING", "x", 1);
  static const struct conf_flag flags[] = {{"threads", "7"}, {"idle-timeout", "8s"}};
  const struct conf *c = load("threads = 3\ntoken_rate=30\nconnection_max = 300\n", flags, 2);
  assert_int_equal(c->threads, 7);
  assert_int_equal(c->token_rate, 50);
  assert_int_equal(c->connection_max, 300);
  assert_int_equal(c->idle_timeout, 8000);
}

static void file_syntax(void **state) {
  (void)state;
  const struct conf *c = load("\xef\xbb\xbf# comment\r\n; comment\n\n  public_url   =  http://x/;a ; b  \r\n"
                              "trusted-proxies = 10.0.0.0/8, ::1\nlog_level: debug\ntls_cert =\nthreads=256",
                              NULL, 0);
  assert_string_equal(c->public_url, "http://x/;a ; b");
  assert_int_equal(c->log_level, LOG_DEBUG);
  assert_int_equal(c->threads, 256);
  struct sockaddr_storage ss;
  assert_true(address_parse("10.9.9.9", &ss));
  assert_true(cidr_list_has(c->trusted_proxies, (const struct sockaddr *)&ss));
}

static void long_lines_are_whole(void **state) {
  (void)state;
  char text[20000] = "trusted_proxies = ";
  for (int i = 0; i < 1000; i++) snprintf(text + strlen(text), 32, "10.0.%d.%d, ", i / 250, i % 250);
  const struct conf *c = load(text, NULL, 0);
  struct sockaddr_storage ss;
  assert_true(address_parse("10.0.3.249", &ss));
  assert_true(cidr_list_has(c->trusted_proxies, (const struct sockaddr *)&ss));
}

static void wrong_files(void **state) {
  (void)state;
  static const struct {
    const char *text, *says; /* %s: the path */
  } cases[] = {
      {"threads = abc\n", "threads: \"abc\" is not a whole number from 2 to 256 (from %s:1)"},
      {"\nthreads = 1\n", "threads: \"1\" is not a whole number from 2 to 256 (from %s:2)"},
      {"threads = 257", "threads: \"257\" is not a whole number from 2 to 256 (from %s:1)"},
      {"threads =", "threads: \"\" is not a whole number from 2 to 256 (from %s:1)"},
      {"threads = 2 ; two", "threads: \"2 ; two\" is not a whole number from 2 to 256 (from %s:1)"},
      {"thread = 2\n", "thread: there is no such setting (from %s:1)"},
      {"THREADS = 2\n", "THREADS: there is no such setting (from %s:1)"},
      {"[http]\nthreads = 2\n", "threads: sections such as [http] are not used here (from %s:2)"},
      {"threads = 2\n\nthreads = 3\n", "threads: set twice, in lines 1 and 3 (from %s:3)"},
      {"threads = 2\nwhat is this\n", "%s:2: not a line such as \"threads = 2\""},
      {"idle_timeout = 1ms",
       "idle_timeout: \"1ms\" is not a duration from 1s to 1h (such as 250ms, 15s or 2h) (from %s:1)"},
      {"idle_timeout = 99999999999999999999h", "idle_timeout: \"99999999999999999999h\" is not a duration from 1s to "
                                               "1h (such as 250ms, 15s or 2h) (from %s:1)"},
      /* more does not go into one block of memory */
      {"attachment_max = 200M",
       "attachment_max: \"200M\" is not a size from 1k to 192M (such as 64k or 25M) (from %s:1)"},
      {"body_max = 1k", "body_max: \"1k\" is not a size from 64k to 1G (such as 64k or 25M) (from %s:1)"},
      {"log_level = loud", "log_level: \"loud\" is not error, warn, info or debug (from %s:1)"},
      {"trusted_proxies = 10.0.0.0/8, x",
       "trusted_proxies: \"x\" is not a network such as 10.0.0.0/8 or ::1 (from %s:1)"},
      {"public_url = a\x01"
       "b",
       "public_url: \"a?b\" is not UTF-8 text without control characters (from %s:1)"},
      {"public_url = a\xff", "public_url: \"a?\" is not UTF-8 text without control characters (from %s:1)"},
      {"tls_cert = x.pem", "tls_cert: needs tls_key too (from %s:1)"},
      {"tls_key = x.pem", "tls_key: needs tls_cert too (from %s:1)"},
      {"delivery_backoff_first = 20m", "delivery_backoff_first: is longer than delivery_backoff_max (from %s:1)"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char err[256] = "";
    char expected[300];
    const char *name = file(cases[i].text);
    const char *where = strstr(cases[i].says, "%s");
    snprintf(expected, sizeof expected, "%.*s%s%s", (int)(where - cases[i].says), cases[i].says, name, where + 2);
    assert_null(conf_load(ctx, name, NULL, 0, err));
    assert_string_equal(err, expected);
    unlink(name);
  }
  assert_int_equal(talloc_total_blocks(ctx), 1);
}

static void unreadable_files(void **state) {
  (void)state;
  char err[256] = "";
  assert_null(conf_load(ctx, "/nonexistent/guichet.conf", NULL, 0, err));
  assert_string_equal(err, "cannot read the settings file /nonexistent/guichet.conf: No such file or directory");
  assert_null(conf_load(ctx, "/", NULL, 0, err));
  assert_string_equal(err, "cannot read the settings file /: Is a directory");
  assert_null(conf_load(ctx, file_with("threads = 2\0threads = 3\n", 24), NULL, 0, err));
  assert_non_null(strstr(err, ":1: the line is too long or holds a NUL byte"));
  unlink(path);
  char *big = mem_bytes(ctx, 100000);
  memset(big, 'x', 100000);
  assert_null(conf_load(ctx, file_with(big, 100000), NULL, 0, err));
  assert_non_null(strstr(err, ":1: the line is too long"));
}

static void wrong_environment_and_flags(void **state) {
  (void)state;
  static const struct {
    const char *name, *value, *says;
  } cases[] = {
      {"GUICHET_THREADS", "abc", "threads: \"abc\" is not a whole number from 2 to 256 (from GUICHET_THREADS)"},
      {"GUICHET_THREAD", "2", "GUICHET_THREAD: there is no such setting (from the environment)"},
      {"GUICHET_", "2", "GUICHET_: there is no such setting (from the environment)"},
  };
  char err[256];
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    setenv(cases[i].name, cases[i].value, 1);
    assert_null(conf_load(ctx, NULL, NULL, 0, err));
    assert_string_equal(err, cases[i].says);
    unsetenv(cases[i].name);
  }
  static const struct conf_flag wrong = {"token_rate", "0"};
  assert_null(conf_load(ctx, NULL, &wrong, 1, err));
  assert_string_equal(err, "token_rate: \"0\" is not a whole number from 1 to 100000000 (from --token-rate)");
  static const struct conf_flag unknown = {"nonsense", "0"};
  assert_null(conf_load(ctx, NULL, &unknown, 1, err));
  assert_string_equal(err, "--nonsense: there is no such setting");
}

static void long_values_make_short_sentences(void **state) {
  (void)state;
  char value[1000];
  memset(value, 'x', sizeof value);
  value[sizeof value - 1] = '\0';
  setenv("GUICHET_THREADS", value, 1);
  char err[256];
  assert_null(conf_load(ctx, NULL, NULL, 0, err));
  assert_true(strlen(err) < 200);
  assert_non_null(strstr(err, "xxx...\" is not a whole number"));
  assert_non_null(strstr(err, "(from GUICHET_THREADS)"));
}

static void names(void **state) {
  (void)state;
  assert_true(conf_is_name("threads"));
  assert_true(conf_is_name("body_max"));
  assert_true(conf_is_name("body-max"));
  assert_false(conf_is_name("body"));
  assert_false(conf_is_name("body_max_"));
  assert_false(conf_is_name(""));
  assert_false(conf_is_name("Threads"));
}

static void reload_keeps_what_must_not_change(void **state) {
  (void)state;
  void *first = talloc_new(NULL);
  void *second = talloc_new(NULL);
  char err[256];
  static const struct conf_flag old[] = {{"threads", "4"}, {"listen", "1.2.3.4:5"}, {"token-rate", "10"}};
  static const struct conf_flag new[] = {{"threads", "8"},
                                         {"listen", "5.4.3.2:1"},
                                         {"token-rate", "20"},
                                         {"public-url", "u"},
                                         {"trusted-proxies", "10.0.0.0/8"}};
  const struct conf *now = conf_load(first, NULL, old, 3, err);
  const struct conf *next = conf_load(second, NULL, new, 5, err);
  assert_non_null(now);
  assert_non_null(next);
  FILE *log = tmpfile();
  int saved = dup(STDERR_FILENO);
  dup2(fileno(log), STDERR_FILENO);
  const struct conf *c = conf_reload(ctx, now, next);
  dup2(saved, STDERR_FILENO);
  close(saved);
  talloc_free(first); /* nothing of the new conf lives in the old ones */
  talloc_free(second);
  assert_int_equal(c->threads, 4);
  assert_string_equal(c->listen, "1.2.3.4:5");
  assert_int_equal(c->token_rate, 20);
  assert_string_equal(c->public_url, "u");
  struct sockaddr_storage ss;
  assert_true(address_parse("10.9.9.9", &ss));
  assert_true(cidr_list_has(c->trusted_proxies, (const struct sockaddr *)&ss));
  char text[4096];
  rewind(log);
  text[fread(text, 1, sizeof text - 1, log)] = '\0';
  fclose(log);
  assert_non_null(strstr(text, "event=setting_needs_restart setting=threads now=4 wanted=8\n"));
  assert_non_null(strstr(text, "setting=listen now=1.2.3.4:5 wanted=5.4.3.2:1\n"));
  assert_null(strstr(text, "token_rate"));
}

static char *printed(void (*print)(const struct conf *, FILE *), const struct conf *c) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  print(c, out);
  fclose(out);
  char *copy = mem_strdup(ctx, text);
  free(text);
  return copy;
}

static void print_reads_back(void **state) {
  (void)state;
  setenv("GUICHET_TOKEN_RATE", "50", 1);
  static const struct conf_flag flags[] = {{"public-url", "http://h/#a;b = c"}, {"trusted-proxies", "10.0.0.0/8,::1"}};
  const struct conf *c = load("threads = 9\n", flags, 2);
  char *text = printed(conf_print, c);
  char expected[200];
  snprintf(expected, sizeof expected, "# HTTP threads\n# from %s:1\nthreads = 9\n", path);
  assert_non_null(strstr(text, expected));
  assert_non_null(strstr(text, "# from GUICHET_TOKEN_RATE\ntoken_rate = 50\n"));
  assert_non_null(strstr(text, "# from --public-url\npublic_url = http://h/#a;b = c\n"));
  assert_non_null(strstr(text, "# from default\nlog_level = info\n"));
  unsetenv("GUICHET_TOKEN_RATE");
  unlink(path);
  const struct conf *again = load(text, NULL, 0);
#define CONF(name, type, default_, min, max, reload, help) assert_non_null(strstr(text, "\n" #name " = "));
#include "conf/conf.def"
#undef CONF
  assert_int_equal(again->threads, 9);
  assert_int_equal(again->token_rate, 50);
  assert_string_equal(again->public_url, "http://h/#a;b = c");
  assert_int_equal(again->delivery_retention, c->delivery_retention);
}

static void print_json_is_json(void **state) {
  (void)state;
  static const struct conf_flag flags[] = {{"public-url", "a\"b"}, {"attachment-grace", "5m"}};
  char *text = printed(conf_print_json, load(NULL, flags, 2));
  struct jerror error;
  const struct jval *v = json_parse(ctx, text, strlen(text), &error);
  assert_non_null(v);
  size_t count = 0;
#define CONF(name, type, default_, min, max, reload, help)                                                             \
  assert_int_equal(jval_type(jval_get(v, #name)), JT_OBJECT);                                                          \
  count++;
#include "conf/conf.def"
#undef CONF
  assert_int_equal(jval_count(v), count);
  const struct jval *row = jval_get(v, "attachment_grace");
  assert_int_equal(jval_int(jval_get(row, "value")), 300000);
  assert_string_equal(jval_str(jval_get(row, "text"), NULL), "5m");
  assert_string_equal(jval_str(jval_get(row, "from"), NULL), "--attachment-grace");
  assert_true(jval_bool(jval_get(row, "reloadable")));
  assert_string_equal(jval_str(jval_get(jval_get(v, "public_url"), "value"), NULL), "a\"b");
  assert_string_equal(jval_str(jval_get(jval_get(v, "log_level"), "value"), NULL), "info");
}

static void doc_of(const struct conf *c, FILE *out) {
  (void)c;
  conf_print_doc(out);
}

static void doc_has_every_row(void **state) {
  (void)state;
  char *text = printed(doc_of, NULL);
  const char *last = text;
  /* In the order of the table, each one line with help. */
#define CONF(name, type, default_, min, max, reload, help)                                                             \
  last = strstr(last, "\n| `" #name "` |");                                                                            \
  assert_non_null(last);                                                                                               \
  assert_non_null(strstr(last, help " |\n"));
#include "conf/conf.def"
#undef CONF
  assert_non_null(strstr(text, "| `threads` | `2` | a whole number from 2 to 256 | start | HTTP threads |"));
}

static void table_is_sorted(void **state) {
  (void)state;
  const char *before = "";
#define CONF(name, type, default_, min, max, reload, help)                                                             \
  assert_true(strcmp(before, #name) < 0);                                                                              \
  before = #name;
#include "conf/conf.def"
#undef CONF
}

#define CONF_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CONF_TEST(defaults),
      CONF_TEST(flags_win_over_environment_over_file),
      CONF_TEST(file_syntax),
      CONF_TEST(long_lines_are_whole),
      CONF_TEST(wrong_files),
      CONF_TEST(unreadable_files),
      CONF_TEST(wrong_environment_and_flags),
      CONF_TEST(long_values_make_short_sentences),
      CONF_TEST(names),
      CONF_TEST(reload_keeps_what_must_not_change),
      CONF_TEST(print_reads_back),
      CONF_TEST(print_json_is_json),
      CONF_TEST(doc_has_every_row),
      CONF_TEST(table_is_sorted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
