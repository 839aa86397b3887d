/* Accepts connections. Owns the listening socket, an event to stop by and one thread.
 * Never looks at what a client sends. Out of file descriptors: waits, the clients wait in the backlog. */
#include "http/listen.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BACKLOG      4096
#define EXHAUSTED_MS 50

struct listener {
  int fd;
  int stop_fd;
  int port;
  bool running;
  pthread_t thread;
  void (*accepted)(void *arg, int fd, const struct sockaddr *peer, socklen_t len);
  void *arg;
};

/* "[::1]:80" or "127.0.0.1:80" or ":80" into host (NULL: any) and port. */
static bool split(void *ctx, const char *address, char **ret_host, const char **ret_port) {
  const char *colon = strrchr(address, ':');
  if (!colon || !colon[1]) return false;
  const char *host = address;
  size_t len = (size_t)(colon - address);
  if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
    host++;
    len -= 2;
  } else if (memchr(host, ':', len)) {
    return false; /* IPv6 without brackets: which colon is it? */
  }
  *ret_host = len ? mem_strndup(ctx, host, len) : NULL;
  *ret_port = colon + 1;
  return true;
}

static int open_one(const struct addrinfo *ai) {
  int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1, off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  if (ai->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BACKLOG)) return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

static int port_of(int fd) {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } a = {.six = {0}};
  socklen_t len = sizeof a;
  if (getsockname(fd, &a.any, &len)) return 0;
  return ntohs(a.any.sa_family == AF_INET6 ? a.six.sin6_port : a.four.sin_port);
}

struct listener *listener_open(void *ctx, const char *address, char err[static 256]) {
  char *host;
  const char *port;
  if (!split(ctx, address, &host, &port)) {
    snprintf(err, 256, "listen: \"%s\" is not ADDR:PORT", address);
    return NULL;
  }
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *list = NULL;
  int rc = getaddrinfo(host, port, &hints, &list);
  mem_free(host);
  if (rc) {
    snprintf(err, 256, "listen: \"%s\": %s", address, gai_strerror(rc));
    return NULL;
  }
  int fd = open_one(list);
  int why = errno;
  freeaddrinfo(list);
  if (fd < 0) {
    snprintf(err, 256, "cannot listen on %s: %s", address, strerror(why));
    return NULL;
  }
  struct listener *l = mem_new(ctx, struct listener);
  l->fd = fd;
  l->port = port_of(fd);
  l->stop_fd = eventfd(0, EFD_CLOEXEC);
  if (l->stop_fd < 0) panic("eventfd: %s", strerror(errno));
  return l;
}

int listener_port(const struct listener *l) {
  return l->port;
}

/* An IPv4 client of a dual-stack socket is an IPv4 client to everybody else. */
static socklen_t unmap(struct sockaddr_storage *a, socklen_t len) {
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
  if (a->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) return len;
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six->sin6_port};
  memcpy(&four.sin_addr, &six->sin6_addr.s6_addr[12], 4);
  memset(a, 0, sizeof *a);
  memcpy(a, &four, sizeof four);
  return sizeof four;
}

/* Takes what waits. False when descriptors or memory have run out. */
static bool accept_all(struct listener *l) {
  for (;;) {
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      len = unmap(&peer, len);
      l->accepted(l->arg, fd, (struct sockaddr *)&peer, len);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return false;
    } else if (errno == EAGAIN) {
      return true;
    } /* else: that one client went away, EINTR, … */
  }
}

static void *run(void *arg) {
  struct listener *l = arg;
  struct pollfd fds[2] = {{.fd = l->stop_fd, .events = POLLIN}, {.fd = l->fd, .events = POLLIN}};
  bool exhausted = false;
  while (!fds[0].revents) {
    if (poll(fds, exhausted ? 1 : 2, exhausted ? EXHAUSTED_MS : -1) < 0 && errno != EINTR) {
      panic("listen: poll: %s", strerror(errno));
    }
    if (fds[0].revents) break;
    bool ok = accept_all(l);
    if (!ok && !exhausted) log_at(LOG_ERROR, "accept_failed", log_t("reason", strerror(errno)));
    exhausted = !ok;
  }
  return NULL;
}

void listener_run(struct listener *l, void (*accepted)(void *arg, int fd, const struct sockaddr *peer, socklen_t len),
                  void *arg) {
  l->accepted = accepted;
  l->arg = arg;
  int rc = pthread_create(&l->thread, NULL, run, l);
  if (rc) panic("cannot start a thread: %s", strerror(rc));
  l->running = true;
}

void listener_close(struct listener *l) {
  if (l->fd < 0) return;
  if (l->running) {
    const uint64_t one = 1;
    if (write(l->stop_fd, &one, sizeof one) != sizeof one) panic("eventfd: %s", strerror(errno));
    pthread_join(l->thread, NULL);
    l->running = false;
  }
  close(l->fd);
  close(l->stop_fd);
  l->fd = -1;
}
