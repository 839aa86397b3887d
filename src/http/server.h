/* The HTTP server: bytes to requests, replies to bytes. The only user of microhttpd.h. Knows no domain word.
 * Two or more epoll threads; handlers run on them and must not block (no network, no password hashing, no waiting for a
 * commit). */
#pragma once

#include "conf/conf.h"
#include "http/router.h"

struct http_server;

/* What the application plugs in. */
struct http_app {
  const struct router *router;
  /* After the headers, before the body: who is asking, may they? Sets a reply (error) to refuse: the body is then not
   * read. */
  void (*admit)(struct request *req);
  /* The application's shape of a refusal the server itself makes (400, 404, 405, 408, 411, 413, 414, 431, 500, 501,
   * 503). Must set a reply. `reason` is for people. */
  void (*refuse)(struct request *req, int status, const char *reason);
  /* Called once per finished request: for metrics and the access log. route may be NULL. */
  void (*finished)(const struct request *req, int status, int64_t duration_us, uint64_t bytes_in, uint64_t bytes_out);
};

/* Opens the address and makes everything ready; clients wait until http_server_run(). NULL and one sentence in err when
 * it cannot. `conf` may be replaced by http_server_set_conf. */
struct http_server *http_server_start(void *ctx, const struct conf *conf, const struct http_app *app,
                                      char err[static 256]) MUST_CHECK;
int http_server_port(const struct http_server *s);
void http_server_run(struct http_server *s); /* once: from here on clients are served */
void http_server_set_conf(struct http_server *s,
                          const struct conf *conf); /* the old one must stay valid for requests under way */
/* Stops accepting; open keep-alive connections get `Connection: close` with their next reply. */
void http_server_quiesce(struct http_server *s);
/* Live streams and requests still under way. */
int http_server_busy(const struct http_server *s);
/* Closes everything and joins the threads. No request may be suspended. */
void http_server_stop(struct http_server *s);

struct http_stats {
  int connections;
  int64_t body_bytes_held;
  uint64_t refused; /* by guard, limits and time-outs */
};
void http_server_stats(const struct http_server *s, struct http_stats *ret);
