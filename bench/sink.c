/* Where deliveries go: a partner's webhook that answers 200 at once and only counts.
 *   bench-sink     prints "listening on http://127.0.0.1:PORT"
 * GET /stats answers {"count":…,"seconds":…}, seconds from the first to the last POST; GET /reset begins anew. */
#include "base/clock.h"
#include "base/mem.h"
#include "http/epoll.h"
#include "http/listen.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic int64_t count, first_us, last_us;
static char seen; /* marks a request whose headers we had */

static void note(void) {
  int64_t now = clock_mono_us(), none = 0;
  atomic_compare_exchange_strong(&first_us, &none, now);
  atomic_store(&last_us, now);
  atomic_fetch_add(&count, 1);
}

static enum MHD_Result reply(struct MHD_Connection *c, const char *bytes) {
  struct MHD_Response *r =
      MHD_create_response_from_buffer(strlen(bytes), (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
  enum MHD_Result result = MHD_queue_response(c, 200, r);
  MHD_destroy_response(r);
  return result;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_len, void **context) {
  (void)arg, (void)version, (void)upload;
  if (!*context) {
    *context = &seen;
    return MHD_YES;
  }
  if (*upload_len) {
    *upload_len = 0;
    return MHD_YES;
  }
  if (strcmp(method, "POST") == 0) {
    note();
    return reply(c, "");
  }
  char text[96] = "";
  if (strcmp(url, "/stats") == 0)
    snprintf(text, sizeof text, "{\"count\":%lld,\"seconds\":%.6f}", (long long)atomic_load(&count),
             (double)(atomic_load(&last_us) - atomic_load(&first_us)) / 1e6);
  if (strcmp(url, "/reset") == 0) {
    atomic_store(&count, 0);
    atomic_store(&first_us, 0);
  }
  return reply(c, text);
}

static void on_accepted(void *arg, int fd, const struct sockaddr *peer, socklen_t len) {
  MHD_add_connection(*(struct MHD_Daemon **)arg, fd, peer, len);
}

int main(void) {
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
  if (!epoll_is_ours()) panic("cannot start");
  struct listener *l = listener_open(NULL, "127.0.0.1:0", err);
  if (!l) fatal("%s", err);
  daemon =
      MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_access,
                       NULL, MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_CONNECTION_LIMIT, 4000u, MHD_OPTION_END);
  if (!daemon) panic("libmicrohttpd did not start");
  listener_run(l, on_accepted, &daemon);
  printf("listening on http://127.0.0.1:%d\n", listener_port(l));
  fflush(stdout);
  sigwait(&set, &signal_number);
  return 0;
}
