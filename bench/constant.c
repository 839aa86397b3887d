/* What libmicrohttpd can do at most: the server's own flags, accepting and reading of bodies, and a constant reply.
 * POST anything answers {}; GET /bytes/N answers N bytes (at most 16 MiB). Nothing is looked at and nothing is kept.
 *   bench-constant [THREADS]     prints "listening on http://127.0.0.1:PORT" */
#include "base/mem.h"
#include "http/epoll.h"
#include "http/listen.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_FIRST (16 * 1024)
#define BYTES_MAX  (16 << 20)

struct body {
  char *bytes;
  size_t len, cap;
};

static char *payload;

static enum MHD_Result reply(struct MHD_Connection *c, const char *bytes, size_t len, const char *type) {
  struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
  MHD_add_response_header(r, "Content-Type", type);
  enum MHD_Result result = MHD_queue_response(c, 200, r);
  MHD_destroy_response(r);
  return result;
}

static void keep(struct body *b, const char *bytes, size_t len) {
  if (b->len + len > b->cap) {
    b->cap = b->cap ? 2 * b->cap : BODY_FIRST;
    if (b->cap < b->len + len) b->cap = b->len + len;
    b->bytes = realloc(b->bytes, b->cap);
    if (!b->bytes) panic("out of memory");
  }
  memcpy(b->bytes + b->len, bytes, len);
  b->len += len;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_len, void **context) {
  (void)arg, (void)version;
  struct body *b = *context;
  if (!b) {
    *context = calloc(1, sizeof *b);
    return *context ? MHD_YES : MHD_NO;
  }
  if (*upload_len) {
    keep(b, upload, *upload_len);
    *upload_len = 0;
    return MHD_YES;
  }
  size_t len = strncmp(url, "/bytes/", 7) == 0 ? strtoul(url + 7, NULL, 10) : 0;
  if (strcmp(method, "GET") == 0 && len <= BYTES_MAX) return reply(c, payload, len, "application/octet-stream");
  return reply(c, "{}", 2, "application/json");
}

static void on_completed(void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how) {
  (void)arg, (void)c, (void)how;
  struct body *b = *context;
  if (!b) return;
  free(b->bytes);
  free(b);
  *context = NULL;
}

static void on_accepted(void *arg, int fd, const struct sockaddr *peer, socklen_t len) {
  MHD_add_connection(*(struct MHD_Daemon **)arg, fd, peer, len);
}

int main(int argc, char **argv) {
  char err[256];
  struct MHD_Daemon *daemon = NULL;
  sigset_t set;
  int signal_number;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  mem_init();
  payload = calloc(1, BYTES_MAX);
  if (!payload || !epoll_is_ours()) panic("cannot start");
  struct listener *l = listener_open(NULL, "127.0.0.1:0", err);
  if (!l) fatal("%s", err);
  daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
      on_access, NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)(argc > 1 ? atoi(argv[1]) : 2),
      MHD_OPTION_CONNECTION_LIMIT, 12000u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)6144,
      MHD_OPTION_CONNECTION_TIMEOUT, 75u, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
  if (!daemon) panic("libmicrohttpd did not start");
  listener_run(l, on_accepted, &daemon);
  printf("listening on http://127.0.0.1:%d\n", listener_port(l));
  fflush(stdout);
  sigwait(&set, &signal_number);
  return 0;
}
