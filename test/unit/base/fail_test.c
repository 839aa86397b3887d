/* fail: what each of the four writes, and which of them return. */
#include "base/fail.h"

#include "base/log.h"

#include "capture.h"

static struct capture capture;

static void bug_goes_on(void **state) {
  (void)state;
  capture_start(&capture);
  bug("wrong %d\nlevel=info", 7);
  const char *text = capture_end(&capture);
  assert_non_null(strstr(text, " level=error event=bug text=\"wrong 7\\nlevel=info\"\n"));
  assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void peer_fault_goes_on(void **state) {
  (void)state;
  capture_start(&capture);
  peer_fault("they sent %s", "nonsense");
  assert_non_null(strstr(capture_end(&capture), " level=info event=peer_fault text=\"they sent nonsense\"\n"));
}

static void long_texts_are_cut(void **state) {
  (void)state;
  static char text[20000];
  memset(text, 'a', sizeof text - 1);
  capture_start(&capture);
  bug("%s", text);
  const char *line = capture_end(&capture);
  assert_in_range(strlen(line), 1000, 2000);
  assert_int_equal(line[strlen(line) - 1], '\n');
}

static void be_fatal(void) {
  fatal("no %s", "file");
}
static void be_in_panic(void) {
  panic("broken: %d", 1);
}
static void break_invariant(void) {
  invariant(1 + 1 == 3);
}

static void fatal_exits_with_1(void **state) {
  (void)state;
  int status = run_in_child(&capture, be_fatal);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 1);
  assert_non_null(strstr(capture.text, "event=fatal text=\"no file\""));
}

static void panic_aborts(void **state) {
  (void)state;
  int status = run_in_child(&capture, be_in_panic);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGABRT);
  assert_non_null(strstr(capture.text, "event=panic text=\"broken: 1\""));
}

static void invariant_tells_where(void **state) {
  (void)state;
  int status = run_in_child(&capture, break_invariant);
  assert_true(WIFSIGNALED(status));
  assert_non_null(strstr(capture.text, "broken invariant: 1 + 1 == 3 ("));
  assert_non_null(strstr(capture.text, "fail_test.c:"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bug_goes_on),        cmocka_unit_test(peer_fault_goes_on),
      cmocka_unit_test(long_texts_are_cut), cmocka_unit_test(fatal_exits_with_1),
      cmocka_unit_test(panic_aborts),       cmocka_unit_test(invariant_tells_where),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
