/* A server with a few routes that do nothing but use the HTTP layer, for test/api/framing.test.js and bench. Not
 * installed. http_echo name=value…: settings as in conf.def. Prints "port N", then serves until its standard input
 * ends. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "conf/conf.h"
#include "http/form.h"
#include "http/reply.h"
#include "http/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct http_server *server;
static _Atomic int64_t handled; /* how often a handler ran: a request that was refused must not raise it */
static _Atomic int64_t ended_complete, ended_broken;

/* ---- requests that another thread answers ---- */

struct waiting {
  struct waiting *next;
  struct request *req;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct waiting *queue;
static bool stopping;

static void push(struct request *req) {
  struct waiting *w = mem_new(request_pool(req), struct waiting);
  w->req = req;
  request_suspend(req);
  pthread_mutex_lock(&lock);
  w->next = queue;
  queue = w;
  pthread_cond_signal(&more);
  pthread_mutex_unlock(&lock);
}

static void *answer(void *arg) {
  (void)arg;
  pthread_mutex_lock(&lock);
  while (!stopping || queue) {
    if (!queue) {
      pthread_cond_wait(&more, &lock);
      continue;
    }
    struct request *req = queue->req;
    queue = queue->next;
    pthread_mutex_unlock(&lock);
    size_t len;
    const char *body = request_body(req, &len);
    reply_bytes(req, 200, "text/plain", body, len);
    request_resume(req);
    pthread_mutex_lock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* ---- live streams: each byte posted to /wake goes to all ---- */

struct live {
  struct live *next, *prev;
  struct request *req;
  uint64_t seen;
  bool waits;
};
static struct live *lives;
static uint64_t events;
static bool streams_end;

static ssize_t live_read(void *arg, uint64_t offset, char *out, size_t max) {
  struct live *l = arg;
  ssize_t n = 0;
  (void)offset;
  pthread_mutex_lock(&lock);
  if (streams_end) {
    n = STREAM_END;
  } else if (l->seen < events) {
    n = snprintf(out, max, "data: %llu\n\n", (unsigned long long)++l->seen);
  } else {
    request_suspend(l->req);
    l->waits = true;
  }
  pthread_mutex_unlock(&lock);
  return n;
}

static void live_done(void *arg) {
  struct live *l = arg;
  pthread_mutex_lock(&lock);
  if (l->prev) {
    l->prev->next = l->next;
  } else {
    lives = l->next;
  }
  if (l->next) l->next->prev = l->prev;
  pthread_mutex_unlock(&lock);
}

static void wake_all(void) {
  for (struct live *l = lives; l; l = l->next) {
    if (!l->waits) continue;
    l->waits = false;
    request_resume(l->req);
  }
}

static void on_live(struct request *req) {
  struct live *l = mem_new(request_pool(req), struct live);
  l->req = req;
  pthread_mutex_lock(&lock);
  l->seen = events;
  l->next = lives;
  if (lives) lives->prev = l;
  lives = l;
  pthread_mutex_unlock(&lock);
  reply_stream(req, 200, "text/event-stream", -1, 512, (struct stream){.read = live_read, .done = live_done, .arg = l});
}

static void on_wake(struct request *req) {
  pthread_mutex_lock(&lock);
  events++;
  wake_all();
  pthread_mutex_unlock(&lock);
  reply_empty(req, 204);
}

/* ---- plain routes ---- */

static void on_constant(struct request *req) {
  reply_static(req, 200, "text/plain", "hello, world", 12);
}

static void on_echo(struct request *req) {
  size_t len;
  handled++;
  const char *body = request_body(req, &len);
  char head[64];
  snprintf(head, sizeof head, "%zu", len);
  reply_header(req, "X-Length", head);
  reply_bytes(req, 200, "application/octet-stream", body, len);
}

static void on_delayed(struct request *req) {
  push(req);
}

static void count_end(void *arg, bool complete) {
  (void)arg;
  (*(complete ? &ended_complete : &ended_broken))++;
}

static ssize_t file_read(void *arg, uint64_t offset, char *out, size_t max) {
  (void)arg;
  for (size_t i = 0; i < max; i++) out[i] = (char)('a' + (offset + i) % 26);
  return (ssize_t)max;
}

static void on_file(struct request *req) {
  int64_t size;
  const char *text = request_query(req, "size");
  if (!text || !parse_size(text, &size)) size = 1 << 20;
  request_on_end(req, count_end, NULL);
  reply_stream(req, 200, "application/octet-stream", size, 16384, (struct stream){.read = file_read});
}

static void on_item(struct request *req) {
  char peer[ADDRESS_TEXT_LEN];
  const char *q = request_query(req, "q");
  char *text = mem_printf(request_pool(req), "%s|%s|%s|%s|%s", request_path(req), request_param(req, 0), q ? q : "-",
                          address_text(request_peer(req), peer), request_is_secure(req) ? "https" : "http");
  reply_static(req, 200, "text/plain", text, strlen(text));
}

static void on_form(struct request *req) {
  size_t len;
  struct form f;
  const char *body = request_body(req, &len);
  enum form_result r = form_parse(request_pool(req), request_header(req, "Content-Type"), body, len, &f);
  if (r != FORM_OK) {
    reply_bytes(req, r == FORM_WRONG_TYPE ? 415 : 400, "text/plain", "form", 4);
    return;
  }
  char *text = mem_strdup(request_pool(req), "");
  for (int i = 0; i < f.count; i++) {
    text = mem_printf(request_pool(req), "%s%s=%zu;", text, f.fields[i].name, f.fields[i].len);
  }
  reply_static(req, 200, "text/plain", text, strlen(text));
}

static void on_stats(struct request *req) {
  struct http_stats st;
  http_server_stats(server, &st);
  char *text =
      mem_printf(request_pool(req),
                 "{\"connections\":%d,\"held\":%lld,\"refused\":%llu,\"busy\":%d,\"handled\":%lld,"
                 "\"complete\":%lld,\"broken\":%lld}",
                 st.connections, (long long)st.body_bytes_held, (unsigned long long)st.refused,
                 http_server_busy(server), (long long)handled, (long long)ended_complete, (long long)ended_broken);
  reply_static(req, 200, "application/json", text, strlen(text));
}

static const struct route routes[] = {
    {HTTP_GET, "/", on_constant, 0, 0, 0, "constant"},
    {HTTP_POST, "/echo", on_echo, 0, 0, -1, "the body again"},
    {HTTP_PUT, "/echo", on_echo, 0, 0, 1000, "the same, smaller"},
    {HTTP_POST, "/refused", on_echo, 1, 0, -1, "admit refuses it"},
    {HTTP_GET, "/refused", on_echo, 1, 0, 0, "admit refuses it"},
    {HTTP_POST, "/delayed", on_delayed, 0, 0, -1, "the body again, from another thread"},
    {HTTP_POST, "/constant", on_constant, 0, 0, -1, "constant"},
    {HTTP_GET, "/live", on_live, 0, 0, 0, "live stream"},
    {HTTP_POST, "/wake", on_wake, 0, 0, 0, "an event for all live streams"},
    {HTTP_GET, "/file", on_file, 0, 0, 0, "?size= bytes"},
    {HTTP_GET, "/item/{id}", on_item, 0, 0, 0, "what was understood"},
    {HTTP_POST, "/form", on_form, 0, 0, 65536, "fields and their lengths"},
    {HTTP_GET, "/stats", on_stats, 0, 0, 0, "numbers"},
};

static void admit(struct request *req) {
  if (request_route(req)->access == 1) reply_static(req, 401, "text/plain", "who are you?", 12);
}

static void refuse(struct request *req, int status, const char *reason) {
  reply_bytes(req, status, "text/plain", reason, strlen(reason));
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  mem_init();
  secret_init();
  struct conf_flag flags[32];
  int count = 0;
  flags[count++] = (struct conf_flag){"listen", "127.0.0.1:0"};
  for (int i = 1; i < argc && count < 32; i++) {
    char *equals = strchr(argv[i], '=');
    if (!equals) fatal("not name=value: %s", argv[i]);
    *equals = '\0';
    flags[count++] = (struct conf_flag){argv[i], equals + 1};
  }
  char err[256];
  void *ctx = mem_bytes(NULL, 1);
  const struct conf *conf = conf_load(ctx, NULL, flags, count, err);
  if (!conf) fatal("%s", err);
  log_set_level(conf->log_level);
  struct http_app app = {.router = router_new(ctx, routes, ARRAY_LEN(routes)), .admit = admit, .refuse = refuse};
  server = http_server_start(ctx, conf, &app, err);
  if (!server) fatal("%s", err);
  pthread_t thread;
  pthread_create(&thread, NULL, answer, NULL);
  http_server_run(server);
  printf("port %d\n", http_server_port(server));
  fflush(stdout);

  char c;
  while (read(STDIN_FILENO, &c, 1) > 0) {
    if (c == 'q') http_server_quiesce(server);
    if (c == 'q') printf("quiet\n"), fflush(stdout);
  }
  http_server_quiesce(server);
  pthread_mutex_lock(&lock);
  stopping = streams_end = true;
  pthread_cond_signal(&more);
  wake_all();
  pthread_mutex_unlock(&lock);
  pthread_join(thread, NULL);
  for (int i = 0; i < 5000 && http_server_busy(server); i++) usleep(1000); /* what is under way may end */
  http_server_stop(server);
  mem_free(ctx);
  return 0;
}
