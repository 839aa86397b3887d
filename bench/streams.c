/* Opens many live streams, then sees how long one event takes to reach all of them.
 *   bench-streams PORT STREAMS_PATH API_TOKEN COUNT
 * Prints {"open":N,"ms":…} when every stream has had its first bytes. Then each line on stdin is a
 * Bearer token, a blank and the body of a message; it is posted, and
 * prints {"answer_ms":…,"reached_ms":…,"after_answer_ms":…}: from the sending of the message to its answer (which
 * follows its commit), to the last stream that has it, and from the one to the other (0 when streams were earlier). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define OPENING_MAX 200
#define EVENTS_MAX  512

struct stream {
  int fd;
  bool open;
  bool reached;
};

static struct {
  struct sockaddr_in to;
  const char *path, *token;
  int epoll, count, open, reached;
  struct stream *streams;
} g;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  fprintf(stderr, "bench-streams: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0 || connect(fd, (const struct sockaddr *)&g.to, sizeof g.to)) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void stream_begin(int i) {
  char request[1024];
  int len = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nKiamo-Api-Token: %s\r\n\r\n",
                     g.path, g.token);
  g.streams[i].fd = dial();
  if (write(g.streams[i].fd, request, (size_t)len) != len) fail("write");
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
  if (epoll_ctl(g.epoll, EPOLL_CTL_ADD, g.streams[i].fd, &e)) fail("epoll_ctl");
}

static void stream_read(struct stream *s) {
  char bytes[8192];
  ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("a stream ended");
  if (!s->open && memmem(bytes, (size_t)n, "retry:", 6)) {
    s->open = true;
    g.open++;
  }
  if (!s->reached && memmem(bytes, (size_t)n, "event: message", 14)) {
    s->reached = true;
    g.reached++;
  }
}

static void turn(int wait_ms) {
  struct epoll_event events[EVENTS_MAX];
  int n = epoll_wait(g.epoll, events, EVENTS_MAX, wait_ms);
  for (int i = 0; i < n; i++) stream_read(&g.streams[events[i].data.u32]);
}

static void open_all(void) {
  double begun = now_ms();
  for (int i = 0; i < g.count; i++) {
    stream_begin(i);
    while (i + 1 - g.open >= OPENING_MAX) turn(1000);
  }
  while (g.open < g.count) turn(1000);
  printf("{\"open\":%d,\"ms\":%.1f}\n", g.open, now_ms() - begun);
  fflush(stdout);
}

static void post(int fd, char *line) {
  char request[4096], answer[2048];
  char *body = strchr(line, ' ');
  if (!body) fail("no body");
  *body++ = '\0';
  int len = snprintf(request, sizeof request,
                     "POST /messaging/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     line, strlen(body), body);
  double begun = now_ms(), answered = 0;
  g.reached = 0;
  for (int i = 0; i < g.count; i++) g.streams[i].reached = false;
  if (write(fd, request, (size_t)len) != len) fail("write");
  while (!answered || g.reached < g.count) {
    turn(answered ? 1000 : 0);
    if (answered) continue;
    ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    if (n < 12) continue;
    answered = now_ms();
    if (strncmp(answer + 9, "200", 3) != 0) fail("the message was refused");
  }
  double reached = now_ms();
  printf("{\"answer_ms\":%.2f,\"reached_ms\":%.2f,\"after_answer_ms\":%.2f}\n", answered - begun, reached - begun,
         reached - answered);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: bench-streams PORT STREAMS_PATH API_TOKEN COUNT\n");
    return 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  g.to = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  g.path = argv[2];
  g.token = argv[3];
  g.count = atoi(argv[4]);
  g.epoll = epoll_create1(EPOLL_CLOEXEC);
  g.streams = calloc((size_t)g.count, sizeof *g.streams);
  if (!g.streams) fail("calloc");
  open_all();
  int fd = dial();
  char line[3072];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    post(fd, line);
  }
  return 0;
}
