/* The endpoint of sink.h: one poll loop, requests with Content-Length only, at most CONNECTIONS_MAX connections. */
#include "sink.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define REQUEST_MAX     (1 << 20)

struct sink {
  sink_fn *fn;
  void *arg;
  int port, stop;
  atomic_int accepted;
  pthread_t thread;
  struct pollfd fds[CONNECTIONS_MAX + 2];
  struct {
    char *data;
    size_t len;
  } in[CONNECTIONS_MAX + 2];
  char url[256];
};

static void drop(struct sink *s, int i) {
  close(s->fds[i].fd);
  s->fds[i].fd = -1;
  free(s->in[i].data);
  s->in[i].data = NULL;
  s->in[i].len = 0;
}

static bool send_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    len -= (size_t)n;
  }
  return true;
}

/* Answers one whole request at the front of the buffer; false when there is none or the connection is gone. */
static bool serve_one(struct sink *s, int i) {
  char *data = s->in[i].data;
  char *end = memmem(data, s->in[i].len, "\r\n\r\n", 4);
  if (!end) return false;
  size_t head_len = (size_t)(end - data) + 4, body_len = 0;
  char *head = strndup(data, head_len);
  const char *length = strcasestr(head, "\r\nContent-Length:");
  if (length) body_len = strtoul(length + 17, NULL, 10);
  bool whole = s->in[i].len >= head_len + body_len, open = whole;
  if (whole) {
    char *body = strndup(data + head_len, body_len), path[2048] = "";
    sscanf(head, "%*s %2047s", path);
    struct sink_reply reply = {0};
    s->fn(s->arg, &(struct sink_request){.head = head, .path = path, .body = body, .body_len = body_len}, &reply);
    s->in[i].len -= head_len + body_len;
    memmove(data, data + head_len + body_len, s->in[i].len);
    if (reply.answer &&
        !send_all(s->fds[i].fd, reply.answer, reply.answer_len ? reply.answer_len : strlen(reply.answer)))
      reply.close = true;
    free(body);
    if (reply.close) drop(s, i);
    open = !reply.close;
  }
  free(head);
  return open;
}

static void read_some(struct sink *s, int i) {
  if (!s->in[i].data) s->in[i].data = malloc(REQUEST_MAX);
  ssize_t n = recv(s->fds[i].fd, s->in[i].data + s->in[i].len, REQUEST_MAX - s->in[i].len, 0);
  if (n <= 0) {
    drop(s, i);
    return;
  }
  s->in[i].len += (size_t)n;
  while (s->fds[i].fd >= 0 && serve_one(s, i)) {
  }
}

static void take_connection(struct sink *s) {
  int fd = accept(s->fds[0].fd, NULL, NULL);
  atomic_fetch_add(&s->accepted, 1);
  for (int i = 2; i < CONNECTIONS_MAX + 2; i++) {
    if (s->fds[i].fd >= 0) continue;
    s->fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    return;
  }
  close(fd);
}

static void *run(void *arg) {
  struct sink *s = arg;
  for (;;) {
    if (poll(s->fds, CONNECTIONS_MAX + 2, -1) < 0) continue;
    if (s->fds[1].revents) return NULL;
    for (int i = 2; i < CONNECTIONS_MAX + 2; i++)
      if (s->fds[i].fd >= 0 && s->fds[i].revents) read_some(s, i);
    if (s->fds[0].revents) take_connection(s);
  }
}

struct sink *sink_start(sink_fn *fn, void *arg) {
  struct sink *s = calloc(1, sizeof *s);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  s->fn = fn;
  s->arg = arg;
  for (int i = 0; i < CONNECTIONS_MAX + 2; i++) s->fds[i].fd = -1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 512) != 0) abort();
  getsockname(fd, (struct sockaddr *)&a, &len);
  s->port = ntohs(a.sin_port);
  s->stop = eventfd(0, EFD_CLOEXEC);
  s->fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
  s->fds[1] = (struct pollfd){.fd = s->stop, .events = POLLIN};
  if (pthread_create(&s->thread, NULL, run, s) != 0) abort();
  return s;
}

int sink_port(const struct sink *s) {
  return s->port;
}

int sink_connections(const struct sink *s) {
  return atomic_load(&s->accepted);
}

void sink_stop(struct sink *s) {
  uint64_t one = 1;
  if (write(s->stop, &one, sizeof one) != sizeof one) abort();
  pthread_join(s->thread, NULL);
  for (int i = 0; i < CONNECTIONS_MAX + 2; i++)
    if (s->fds[i].fd >= 0) drop(s, i);
  free(s);
}

const char *sink_url(struct sink *s, const char *path) {
  snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d%s", s->port, path);
  return s->url;
}
