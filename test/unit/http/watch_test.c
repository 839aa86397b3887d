/* http/watch: when a connection is cut off, by a clock that only the test moves. */
#include "http/watch.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL    INT64_C(1800000000000)
#define IDLE    75000
#define REQUEST 400 /* the thread then looks every 100 ms of real time */
#define WAIT_MS 20000

static struct watch *watch;
static _Atomic uint64_t cuts;

struct pair {
  int server, client;
  struct connection *c;
};

static struct pair open_pair(void) {
  struct pair p;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
  assert_int_equal(listen(listener, 1), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
  p.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(p.client, (struct sockaddr *)&a, len), 0);
  p.server = accept(listener, NULL, NULL);
  assert_true(p.server >= 0);
  close(listener);
  p.c = watch_add(watch, p.server);
  return p;
}

static void close_pair(struct pair *p) {
  watch_remove(watch, p->c);
  close(p->server);
  close(p->client);
}

static bool ends_within(int fd, int ms) {
  struct pollfd f = {.fd = fd, .events = POLLIN};
  char c;
  return poll(&f, 1, ms) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0;
}

/* The thread has looked at everything since: it has cut off a connection that was made for it, twice. */
static void let_it_look(void) {
  for (int i = 0; i < 2; i++) {
    struct pair probe = open_pair();
    watch_sending(watch, probe.c, clock_mono_us() - 1000 * INT64_C(3600000), 0);
    assert_true(ends_within(probe.client, WAIT_MS));
    close_pair(&probe);
  }
}

static int setup(void **state) {
  (void)state;
  clock_fake(WALL);
  cuts = 0;
  watch = watch_start(NULL, IDLE, REQUEST, &cuts);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  watch_stop(watch);
  mem_free(watch);
  clock_unfake();
  return 0;
}

/* What the connection does, and after how many ms it must have ended. */
static void check(const char *what, struct pair *p, int64_t ms) {
  clock_fake_advance(ms - 1);
  let_it_look();
  if (ends_within(p->client, 0)) fail_msg("%s: cut too early", what);
  assert_false(watch_has_cut(p->c));
  uint64_t before = cuts;
  clock_fake_advance(1);
  if (!ends_within(p->client, WAIT_MS)) fail_msg("%s: not cut", what);
  assert_true(watch_has_cut(p->c));
  assert_int_equal(cuts, before + 1);
  close_pair(p);
}

static void cuts_in_time(void **state) {
  (void)state;
  struct pair p = open_pair();
  assert_int_equal(send(p.client, "GET", 3, 0), 3);
  check("headers that do not end", &p, REQUEST);

  p = open_pair();
  watch_receiving(watch, p.c, clock_mono_us(), 0);
  check("no body", &p, REQUEST);

  p = open_pair();
  watch_receiving(watch, p.c, clock_mono_us(), 1 << 20);
  check("a body of a megabyte", &p, REQUEST + 64000);

  p = open_pair();
  watch_sending(watch, p.c, clock_mono_us(), 1 << 20);
  check("a reply of a megabyte", &p, REQUEST + 256000);

  p = open_pair();
  watch_sending(watch, p.c, clock_mono_us(), 0);
  watch_streaming(p.c, clock_mono_us());
  check("a live stream whose client takes nothing", &p, 30000);

  p = open_pair();
  assert_int_equal(send(p.client, "x", 1, 0), 1);
  watch_sending(watch, p.c, clock_mono_us(), 0);
  watch_idle(watch, p.c, clock_mono_us());
  check("between two requests", &p, IDLE + REQUEST);
}

static void leaves_alone(void **state) {
  (void)state;
  struct pair waiting = open_pair();
  watch_sending(watch, waiting.c, clock_mono_us(), 0);
  watch_never(waiting.c);
  struct pair silent = open_pair();
  struct pair endless = open_pair();
  watch_receiving(watch, endless.c, clock_mono_us(), INT64_MAX);
  clock_fake_advance(IDLE - 1);
  let_it_look();
  assert_false(ends_within(silent.client, 0));
  clock_fake_advance(1);
  assert_true(ends_within(silent.client, WAIT_MS));
  clock_fake_advance(INT64_C(1000) * 3600000);
  let_it_look();
  assert_false(ends_within(waiting.client, 0));
  assert_false(ends_within(endless.client, 0));
  assert_int_equal(watch_count(watch), 3);
  close_pair(&waiting);
  close_pair(&silent);
  close_pair(&endless);
  assert_int_equal(watch_count(watch), 0);
}

/* The socket is closed by its owner, and yet the client can send and then read what was written before. */
static void lingers(void **state) {
  (void)state;
  struct pair p = open_pair();
  assert_int_equal(send(p.client, "unread", 6, 0), 6);
  assert_int_equal(send(p.server, "answer", 6, 0), 6);
  watch_linger(watch, p.server);
  shutdown(p.server, SHUT_WR);
  watch_remove(watch, p.c);
  close(p.server);
  static char waste[1 << 20];
  size_t sent = 0;
  while (sent < 4 * sizeof waste) {
    ssize_t n = send(p.client, waste, sizeof waste, MSG_NOSIGNAL);
    if (n < 0) fail_msg("after %zu bytes: %s", sent, strerror(errno));
    sent += (size_t)n;
  }
  char text[8];
  assert_int_equal(recv(p.client, text, sizeof text, 0), 6);
  assert_memory_equal(text, "answer", 6);
  assert_int_equal(recv(p.client, text, sizeof text, 0), 0);
  /* but not for ever */
  clock_fake_advance(5000);
  struct pollfd f = {.fd = p.client, .events = 0};
  ssize_t n = 1;
  for (int i = 0; i < WAIT_MS / 10 && n > 0; i++) {
    n = send(p.client, "x", 1, MSG_NOSIGNAL);
    poll(&f, 1, 10);
  }
  assert_int_equal(n, -1);
  close(p.client);
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(cuts_in_time, setup, teardown),
      cmocka_unit_test_setup_teardown(leaves_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(lingers, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
