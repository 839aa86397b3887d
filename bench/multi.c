/* What libcurl's multi interface can send at most: the same signed POSTs to the same sink, and nothing around it.
 *   bench-multi URL COUNT [IN_FLIGHT]     prints one line of JSON
 * Sockets are driven by epoll and curl_multi_socket_action; handles are used again, connections are kept. */
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/secret.h"
#include "core/surface.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS_MAX 256

static const char text[] = "Good morning, where is my parcel? I ordered it two weeks ago.";

struct transfer {
  CURL *easy;
  struct curl_slist headers[SURFACE_HEADERS_MAX + 2];
  char lines[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN];
  char payload[1024];
};

static struct {
  CURLM *multi;
  int epoll;
  int64_t timer_at; /* us, -1: none */
  int64_t begun, done, failed, most;
} g = {.timer_at = -1};

static size_t ignore(char *bytes, size_t size, size_t count, void *arg) {
  (void)bytes, (void)arg;
  return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
  (void)easy, (void)arg;
  struct epoll_event e = {.data.fd = fd};
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(g.epoll, EPOLL_CTL_DEL, fd, NULL);
    return 0;
  }
  e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
  if (epoll_ctl(g.epoll, socket_arg ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0) panic("epoll_ctl");
  curl_multi_assign(g.multi, fd, &g);
  return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi, (void)arg;
  g.timer_at = timeout_ms < 0 ? -1 : clock_mono_us() + timeout_ms * 1000;
  return 0;
}

static void begin(struct transfer *t) {
  const struct surface *surface = surface_of(CHANNEL_KIAMO_IO);
  char id[ID_HEX_LEN], customer[32];
  void *pool = mem_pool(NULL, 2048);
  snprintf(id, sizeof id, "%024llx", (long long)g.begun);
  snprintf(customer, sizeof customer, "customer-%07lld", (long long)g.begun % 10000);
  struct message_out m = {.id = id,
                          .created_at = clock_wall_ms() / 1000,
                          .customer_id = customer,
                          .sender = {.type = PARTY_HUMAN, .id = "Guichet", .name = "Guichet"},
                          .text = text};
  struct buf payload;
  buf_init(&payload, pool, 1024, sizeof t->payload);
  surface->render_message(&payload, &m);
  memcpy(t->payload, payload.data, payload.len);
  struct surface_signing signing = {.secret = "0d0bb2d91ea708224009b34824c2d10941c0e58ee6b543a9846b4e6f919c9727",
                                    .delivery_id = id,
                                    .attempt_at_s = clock_wall_ms() / 1000,
                                    .body = t->payload,
                                    .body_len = payload.len};
  surface->headers(&signing, t->lines);
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload.len);
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->payload);
  curl_multi_add_handle(g.multi, t->easy);
  g.begun++;
  mem_free(pool);
}

static void make(struct transfer *t, const char *url) {
  static char type[] = "Content-Type: application/json", no_expect[] = "Expect:";
  struct surface_signing signing = {.secret = "", .delivery_id = "", .body = "", .body_len = 0};
  int n = surface_of(CHANNEL_KIAMO_IO)->headers(&signing, t->lines);
  t->headers[0] = (struct curl_slist){.data = type, .next = &t->headers[1]};
  for (int i = 0; i < n; i++) t->headers[1 + i] = (struct curl_slist){.data = t->lines[i], .next = &t->headers[2 + i]};
  t->headers[1 + n] = (struct curl_slist){.data = no_expect};
  t->easy = curl_easy_init();
  if (!t->easy) panic("out of memory");
  curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
  curl_easy_setopt(t->easy, CURLOPT_URL, url);
  curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 15000L);
}

static void collect(void) {
  CURLMsg *m;
  int left;
  while ((m = curl_multi_info_read(g.multi, &left))) {
    if (m->msg != CURLMSG_DONE) continue;
    long status = 0;
    char *private = NULL;
    CURL *easy = m->easy_handle;
    bool ok = m->data.result == CURLE_OK;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(g.multi, easy);
    g.done++;
    g.failed += !ok || status != 200;
    if (g.begun < g.most) begin((void *)private);
  }
}

static void turn(void) {
  struct epoll_event events[EVENTS_MAX];
  int running;
  int64_t now = clock_mono_us();
  int wait_ms = g.timer_at < 0 ? 1000 : g.timer_at > now ? (int)((g.timer_at - now + 999) / 1000) : 0;
  int n = epoll_wait(g.epoll, events, EVENTS_MAX, wait_ms);
  for (int i = 0; i < n; i++) {
    int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(g.multi, events[i].data.fd, mask, &running);
  }
  if (g.timer_at >= 0 && g.timer_at <= clock_mono_us()) {
    g.timer_at = -1;
    curl_multi_socket_action(g.multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  collect();
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  int64_t in_flight = argc > 3 ? atoll(argv[3]) : 64;
  if (argc < 3 || in_flight < 1) {
    fprintf(stderr, "usage: bench-multi URL COUNT [IN_FLIGHT]\n");
    return 2;
  }
  mem_init();
  secret_init();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  g.most = atoll(argv[2]);
  g.multi = curl_multi_init();
  g.epoll = epoll_create1(EPOLL_CLOEXEC);
  curl_multi_setopt(g.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(g.multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(g.multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
  int64_t start = clock_mono_us();
  struct transfer *transfers = mem_array(NULL, struct transfer, (size_t)in_flight);
  for (int64_t i = 0; i < in_flight && g.begun < g.most; i++) {
    make(&transfers[i], argv[1]);
    begin(&transfers[i]);
  }
  while (g.done < g.most) turn();
  double seconds = (double)(clock_mono_us() - start) / 1e6;
  printf("{\"count\":%lld,\"failed\":%lld,\"seconds\":%.6f,\"rate\":%.1f,\"cpu\":%.3f}\n", (long long)g.done,
         (long long)g.failed, seconds, (double)g.done / seconds, cpu_seconds());
  return g.failed ? 1 : 0;
}
