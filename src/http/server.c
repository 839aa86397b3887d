/* Bytes to requests, replies to bytes, by libmicrohttpd with epoll threads. Owns the daemon, its threads and every
 * request under way. One HTTP thread serves a connection from its first byte to its last; between request_suspend() and
 * request_resume() a request belongs to whom it was given to. Never blocks, never knows a domain word. Library and
 * clients are not trusted to frame requests: guard.c looks first, watch.c cuts off who dawdles. When the application
 * falls behind, requests wait suspended and cost memory only. */
#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "http/epoll.h"
#include "http/forwarded.h"
#include "http/guard.h"
#include "http/listen.h"
#include "http/request_impl.h"

#include <errno.h>
#include <linux/sockios.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HEADERS_MAX 256
#define POOL_SIZE   880 /* with talloc's own, the largest block that malloc keeps at hand for a thread */
#define BODY_SMALL  (64 * 1024)
#define BODY_FIRST  (16 * 1024) /* reserved at first; more as it comes */
#define BODY_DISCARD_MAX                                                                                               \
  (64 * 1024)           /* a refused body up to this is read and dropped, so that the connection can go on */
#define RECORD_SIZE  64 /* what the library needs for each header, cookie and query parameter */
#define REPLY_ROOM   768
#define TLS_FILE_MAX (1 << 20)
#define LIMIT_SLACK  64 /* a connection is counted a little longer by the library than by us */

/* One a thread or so, so that counting is no quarrel over a cache line. */
#define TALLIES 16
struct tally {
  _Atomic int64_t busy;
  char apart[120];
};

struct http_server {
  struct http_app app;
  const struct conf *_Atomic conf;
  struct MHD_Daemon *daemon;
  struct listener *listener;
  struct watch *watch;
  bool is_tls;
  bool started;
  char *start_error; /* 256 bytes; where the library's complaints go until it has started */
  atomic_bool quiesced;
  _Atomic int64_t body_held;
  _Atomic uint64_t refused;
  _Atomic int64_t taken; /* connections accepted and not yet closed, also those the library has not looked at */
  int64_t taken_max;
  struct tally tallies[TALLIES];
};

static struct tally *tally_of(struct http_server *s) {
  static _Atomic unsigned given;
  static _Thread_local unsigned mine;
  if (!mine) mine = 1 + atomic_fetch_add(&given, 1) % TALLIES;
  return &s->tallies[mine - 1];
}

/* A counter from a random start, mixed so that neighbours look unrelated (the finaliser of SplitMix64). */
static void make_id(char out[static REQUEST_ID_LEN]) {
  static _Thread_local uint64_t next;
  if (!next) random_bytes(&next, sizeof next);
  uint64_t z = next += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  for (int i = 0; i < 16; i++) out[i] = "0123456789abcdef"[z >> (4 * i) & 15];
  out[16] = '\0';
}

static void count_refusal(struct http_server *s) {
  atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
}

static void refuse(struct request *req, int status, const char *reason) {
  req->server->app.refuse(req, status, reason);
  if (!reply_is_set(req)) panic("refuse() set no reply");
}

/* ---- what a request needs of the library (http/request.h) ---- */

const char *request_header(const struct request *req, const char *name) {
  return MHD_lookup_connection_value(req->library, MHD_HEADER_KIND, name);
}

void request_suspend(struct request *req) {
  invariant(req->stage == STAGE_HANDLING || req->stage == STAGE_SENDING);
  if (req->stage == STAGE_HANDLING) {
    req->stage = STAGE_SUSPENDED;
  } else {
    req->stream_waits = true;
  }
  watch_never(req->connection);
  MHD_suspend_connection(req->library);
}

void request_resume(struct request *req) {
  MHD_resume_connection(req->library);
}

int request_unacked(const struct request *req) {
  int bytes;
  struct pollfd broken = {.fd = req->connection->fd}; /* after a reset the count stays as it was for ever */
  if (poll(&broken, 1, 0) > 0) return -1;
  return ioctl(req->connection->fd, SIOCOUTQ, &bytes) ? -1 : bytes;
}

static const struct sockaddr *tcp_peer(const struct request *req) {
  return MHD_get_connection_info(req->library, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

struct forwarded_list {
  const char *values[FORWARDED_MAX];
  int count;
};

static enum MHD_Result collect_forwarded(void *arg, enum MHD_ValueKind kind, const char *name, const char *value) {
  struct forwarded_list *list = arg;
  (void)kind;
  if (!value || strcasecmp(name, "X-Forwarded-For")) return MHD_YES;
  if (list->count == FORWARDED_MAX) return MHD_NO;
  list->values[list->count++] = value;
  return MHD_YES;
}

static void find_peer(struct request *req) {
  const struct sockaddr *tcp = tcp_peer(req);
  req->peer = mem_new(req->pool, struct sockaddr_storage);
  memcpy(req->peer, tcp, tcp->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
  if (!cidr_list_has(req->conf->trusted_proxies, tcp)) return;
  struct forwarded_list list = {.count = 0};
  MHD_get_connection_values(req->library, MHD_HEADER_KIND, collect_forwarded, &list);
  forwarded_client(list.values, list.count, req->conf->trusted_proxies, req->peer);
}

const struct sockaddr *request_peer(const struct request *req) {
  if (!req->peer) find_peer((struct request *)(uintptr_t)req); /* found when first asked for */
  return (const struct sockaddr *)req->peer;
}

bool request_is_secure(const struct request *req) {
  if (req->server->is_tls) return true;
  if (!cidr_list_has(req->conf->trusted_proxies, tcp_peer(req))) return false;
  const char *scheme = request_header(req, "X-Forwarded-Proto");
  return scheme && forwarded_is_https(scheme);
}

/* ---- sending ---- */

static ssize_t read_stream(void *arg, uint64_t offset, char *out, size_t max) {
  struct request *req = arg;
  struct reply *r = &req->reply;
  req->stream_waits = false;
  ssize_t n = r->stream.read(r->stream.arg, offset, out, max);
  if (n > 0) {
    invariant((size_t)n <= max);
    req->bytes_out += (uint64_t)n;
    if (r->stream_len < 0) {
      watch_streaming(req->connection, clock_mono_us());
    } else if (!atomic_load_explicit(&req->connection->deadline_us, memory_order_relaxed)) {
      watch_sending(req->server->watch, req->connection, clock_mono_us(), r->stream_len - (int64_t)offset);
    }
    return n;
  }
  if (!n && !req->stream_waits) {
    bug("a stream had nothing to say and did not suspend its request");
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  if (!n) return 0;
  return n == STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void add_headers(struct request *req, struct MHD_Response *response) {
  const struct reply *r = &req->reply;
  MHD_add_response_header(response, "X-Request-Id", req->id);
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (r->content_type) MHD_add_response_header(response, "Content-Type", r->content_type);
  for (const struct extra_header *h = r->extra; h; h = h->next) {
    if (MHD_add_response_header(response, h->name, h->value) != MHD_YES) bug("reply header %s was not taken", h->name);
  }
  if (request_is_secure(req)) MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
  if (r->close || atomic_load_explicit(&req->server->quiesced, memory_order_relaxed)) {
    MHD_add_response_header(response, "Connection", "close");
  }
}

static void free_body(struct request *req) {
  if (req->body_cap) {
    atomic_fetch_sub_explicit(&req->server->body_held, (int64_t)req->body_cap, memory_order_relaxed);
  }
  free(req->body);
  req->body = NULL;
  req->body_cap = req->body_len = 0;
}

static enum MHD_Result send_reply(struct request *req) {
  struct reply *r = &req->reply;
  struct MHD_Response *response;
  int64_t size = (int64_t)r->len;
  req->stage = STAGE_SENDING;
  if (r->is_stream) {
    free_body(req); /* a stream may live for days */
    size = r->stream_len;
    /* A live stream in chunks is written straight into the connection's memory: the response's own block would lie
     * idle. */
    size_t block = size < 0 && !req->is_old ? 1 : r->block;
    response =
        MHD_create_response_from_callback(size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size, block, read_stream, req, NULL);
  } else {
    response = MHD_create_response_from_buffer(r->len, (void *)(uintptr_t)r->bytes, MHD_RESPMEM_PERSISTENT);
  }
  if (!response) panic("out of memory: response");
  add_headers(req, response);
  watch_sending(req->server->watch, req->connection, clock_mono_us(), size < 0 ? 0 : size);
  enum MHD_Result result = MHD_queue_response(req->library, (unsigned)r->status, response);
  MHD_destroy_response(response);
  return result;
}

/* ---- receiving ---- */

static void refuse_while_reading(struct request *req, int status, const char *reason) {
  count_refusal(req->server);
  free_body(req);
  req->refuse_status = status;
  req->refuse_reason = reason;
  req->discard_body = true;
}

/* The last eighth is kept for small bodies: a few large ones that never end must not keep everybody out. */
static int64_t body_limit(const struct request *req, size_t cap) {
  int64_t all = req->conf->body_total_max;
  return cap <= BODY_SMALL + 1 ? all : all - all / 8;
}

/* Makes room for more bytes and a NUL; what is announced but has not come costs nothing. */
static bool reserve_body(struct request *req, size_t more) {
  struct http_server *s = req->server;
  size_t need = req->body_len + more + 1;
  if (need <= req->body_cap) return true;
  size_t cap = req->body_cap ? 2 * req->body_cap : BODY_FIRST;
  size_t most = (size_t)(req->is_chunked ? req->body_max : req->content_length) + 1;
  if (cap > most) cap = most;
  if (cap < need) cap = need;
  int64_t grown = (int64_t)(cap - req->body_cap);
  int64_t held = atomic_fetch_add_explicit(&s->body_held, grown, memory_order_relaxed) + grown;
  if (held > body_limit(req, cap)) {
    atomic_fetch_sub_explicit(&s->body_held, grown, memory_order_relaxed);
    return false;
  }
  char *body = realloc(req->body, cap);
  if (!body) panic("out of memory: body of %zu bytes", cap);
  req->body = body;
  req->body_cap = cap;
  return true;
}

/* Sends the reply past the library, which takes none while it reads a body. Only without TLS, and as far as the socket
 * takes it. */
static bool send_past_library(struct request *req) {
  const struct reply *r = &req->reply;
  if (req->server->is_tls || r->is_stream) return false;
  struct buf out;
  buf_init(&out, req->pool, 512 + r->len, 512 + r->len);
  buf_printf(&out, "HTTP/1.1 %d %s\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n", r->status,
             MHD_get_reason_phrase_for((unsigned)r->status), req->id);
  if (r->content_type) buf_printf(&out, "Content-Type: %s\r\n", r->content_type);
  buf_printf(&out, "Connection: close\r\nContent-Length: %zu\r\n\r\n", r->len);
  buf_put(&out, r->bytes, r->len);
  if (!out.failed) (void)!send(req->connection->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
  return true;
}

static enum MHD_Result refuse_endless(struct request *req) {
  refuse(req, req->refuse_status, req->refuse_reason);
  send_past_library(req);
  return MHD_NO;
}

/* MHD_NO cuts the connection. */
static enum MHD_Result take_body(struct request *req, const char *bytes, size_t *len) {
  size_t n = *len;
  *len = 0;
  req->bytes_in += n;
  if (req->is_chunked) watch_receiving(req->server->watch, req->connection, req->begun_us, (int64_t)req->bytes_in);
  if (!req->discard_body && (int64_t)req->bytes_in > req->body_max) {
    refuse_while_reading(req, 413, "the body is too large");
  } else if (!req->discard_body && !reserve_body(req, n)) {
    refuse_while_reading(req, 503, "too many request bodies at once");
  }
  if (!req->discard_body) {
    memcpy(req->body + req->body_len, bytes, n);
    req->body_len += n;
    req->body[req->body_len] = '\0';
    return MHD_YES;
  }
  if (req->is_chunked && (int64_t)req->bytes_in > req->body_max + BODY_DISCARD_MAX) return refuse_endless(req);
  return MHD_YES;
}

struct header_list {
  struct guard_header headers[HEADERS_MAX];
  size_t count;
  bool too_many;
};

static enum MHD_Result collect_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                      const char *value, size_t value_len) {
  struct header_list *list = arg;
  (void)kind;
  if (list->count == HEADERS_MAX) {
    list->too_many = true;
    return MHD_NO;
  }
  list->headers[list->count++] =
      (struct guard_header){.name = name, .name_len = name_len, .value = value, .value_len = value_len};
  return MHD_YES;
}

/* The head of the reply goes into the same memory as that of the request; where it does not fit the library says
 * nothing at all. */
static bool leaves_room(const struct request *req, size_t size) {
  const int kinds = MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND;
  size_t used = size + RECORD_SIZE * (size_t)MHD_get_connection_values(req->library, kinds, NULL, NULL);
  const char *cookies = request_header(req, "Cookie");
  if (cookies) used += strlen(cookies); /* the library keeps a copy */
  return used + REPLY_ROOM <= (size_t)req->conf->connection_memory;
}

static struct guard_verdict look_at(struct request *req, const char *method, const char *version) {
  const struct head *head = req->head;
  struct header_list list; /* too large to be zeroed for each request */
  list.count = 0;
  list.too_many = false;
  MHD_get_connection_values_n(req->library, MHD_HEADER_KIND, collect_header, &list);
  if (list.too_many) return (struct guard_verdict){.status = 431, .reason = "too many headers", .close = true};
  size_t size = MHD_get_connection_info(req->library, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  if (!leaves_room(req, size))
    return (struct guard_verdict){.status = 431, .reason = "the headers are too large", .close = true};
  /* Method, target and version stand one blank apart; a NUL in one of them would show as a gap. */
  if (method + strlen(method) + 1 != head->raw || head->raw + head->len + 1 != version) {
    return (struct guard_verdict){.status = 400, .reason = "malformed request line", .close = true};
  }
  return guard_check(&(struct guard_request){.method = method,
                                             .target = head->text,
                                             .version = version,
                                             .headers = list.headers,
                                             .count = list.count,
                                             .end = method + size});
}

static void refuse_method(struct request *req) {
  char allow[96];
  router_allow_header(req->match.allowed, allow);
  reply_header(req, "Allow", allow);
  refuse(req, 405, "the resource has no such method");
}

/* Everything that is decided before the body; a reply that is set afterwards is a refusal. */
static void admit(struct request *req) {
  struct http_server *s = req->server;
  const char *wrong = request_take_target(req);
  if (wrong) {
    count_refusal(s);
    refuse(req, 400, wrong);
    return;
  }
  enum route_result found = router_find(s->app.router, req->pool, req->method, req->raw_path, &req->match);
  if (found == ROUTE_NO_PATH) {
    refuse(req, 404, "there is no such resource");
  } else if (found == ROUTE_NO_METHOD) {
    refuse_method(req);
  } else {
    int64_t max = req->match.route->body_max;
    req->body_max = max < 0 ? req->conf->body_max : max;
    if (req->content_length > req->body_max) {
      count_refusal(s);
      refuse(req, 413, "the body is too large");
    } else {
      s->app.admit(req);
    }
  }
}

static struct request *request_new(struct http_server *s, struct MHD_Connection *library, const char *method) {
  void *pool = mem_pool(NULL, POOL_SIZE);
  struct request *req = mem_new(pool, struct request);
  req->half.is_request = true;
  req->pool = pool;
  req->method = http_method_of(method);
  req->server = s;
  req->library = library;
  req->conf = atomic_load_explicit(&s->conf, memory_order_acquire);
  req->connection = MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  req->begun_us = clock_mono_us();
  req->path = "";
  make_id(req->id);
  atomic_fetch_add_explicit(&tally_of(s)->busy, 1, memory_order_relaxed);
  return req;
}

/* The guard has seen to it that digits are digits; what does not fit 64 bits is larger than any limit. */
static void take_framing(struct request *req, const struct guard_verdict *verdict) {
  req->is_chunked = verdict->close;
  req->reply.close = verdict->close;
  if (!verdict->length) return;
  if (!parse_int(verdict->length, 0, INT64_MAX, &req->content_length)) req->content_length = INT64_MAX;
}

/* The headers are complete. A reply sent from here makes the library close the connection, whatever follows on it. */
static enum MHD_Result begin(struct request *req, const char *method, const char *version) {
  struct guard_verdict verdict = look_at(req, method, version);
  if (verdict.status) {
    count_refusal(req->server);
    req->early = true;
    refuse(req, verdict.status, verdict.reason);
    return verdict.status == 431 && send_past_library(req) ? MHD_NO : send_reply(req);
  }
  req->is_old = !strcmp(version, "HTTP/1.0");
  take_framing(req, &verdict);
  watch_receiving(req->server->watch, req->connection, req->begun_us, req->content_length);
  admit(req);
  req->stage = STAGE_BODY;
  if (!reply_is_set(req) || (!req->content_length && !req->is_chunked)) return MHD_YES;
  req->discard_body = !req->is_chunked && req->content_length <= BODY_DISCARD_MAX && !request_header(req, "Expect");
  if (req->discard_body) return MHD_YES;
  req->early = true;
  return send_reply(req);
}

/* The request is complete, or has been resumed. */
static enum MHD_Result proceed(struct request *req) {
  if (req->stage == STAGE_BODY) {
    req->stage = STAGE_HANDLING;
    if (req->refuse_status) {
      if (req->refuse_status == 503) reply_header(req, "Retry-After", "1");
      refuse(req, req->refuse_status, req->refuse_reason);
    } else if (!reply_is_set(req)) {
      watch_never(req->connection);
      log_push("request", req->id);
      req->match.route->handler(req);
      log_pop();
      if (req->stage == STAGE_SUSPENDED) return MHD_YES; /* it is somebody else's now */
    }
  }
  if (!reply_is_set(req)) {
    bug("no reply to %s %s", http_method_name(req->method), req->match.route->pattern);
    refuse(req, 500, "internal error");
  }
  return send_reply(req);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *library, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_len, void **context) {
  struct half *half = *context;
  (void)url;
  if (!half) return MHD_NO;
  if (!half->is_request) {
    struct request *req = request_new(arg, library, method);
    req->head = (struct head *)half;
    *context = req;
    return begin(req, method, version);
  }
  struct request *req = (struct request *)half;
  if (*upload_len) return take_body(req, upload, upload_len);
  return proceed(req);
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *library) {
  (void)arg;
  (void)library;
  size_t len = target ? strlen(target) : 0;
  struct head *head = malloc(sizeof *head + len + 1);
  if (!head) panic("out of memory: request target");
  *head = (struct head){.raw = target, .len = len};
  if (len) memcpy(head->text, target, len);
  head->text[len] = '\0';
  return head;
}

static size_t on_unescape(void *arg, struct MHD_Connection *library, char *text) {
  (void)arg;
  (void)library;
  return strlen(text); /* paths and queries are decoded by us */
}

/* ---- the end ---- */

static bool was_complete(const struct request *req, enum MHD_RequestTerminationCode how) {
  const struct reply *r = &req->reply;
  if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK || !r->status) return false;
  return !r->is_stream || r->stream_len < 0 || req->method == HTTP_HEAD || req->bytes_out == (uint64_t)r->stream_len;
}

/* For the log: what the library answered, or what would have been the answer. */
static int status_without_reply(const struct request *req, enum MHD_RequestTerminationCode how) {
  if (watch_has_cut(req->connection) || how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED) return 408;
  return how == MHD_REQUEST_TERMINATED_WITH_ERROR ? 400 : 499; /* 499: the client went away */
}

static void finish(struct request *req, enum MHD_RequestTerminationCode how) {
  struct http_server *s = req->server;
  const struct reply *r = &req->reply;
  int64_t now = clock_mono_us();
  bool complete = was_complete(req, how);
  if (complete && !r->is_stream) req->bytes_out = r->len;
  if (r->is_stream && r->stream.done) r->stream.done(r->stream.arg);
  if (req->on_end) req->on_end(req->on_end_arg, complete);
  int status = r->status ? r->status : status_without_reply(req, how);
  if (s->app.finished) s->app.finished(req, status, now - req->begun_us, req->bytes_in, req->bytes_out);
  watch_idle(s->watch, req->connection, now);
  if (req->early || how == MHD_REQUEST_TERMINATED_WITH_ERROR) watch_linger(s->watch, req->connection->fd);
  free_body(req);
  free(req->head);
  atomic_fetch_sub_explicit(&tally_of(s)->busy, 1, memory_order_relaxed);
  mem_free(req->pool);
}

static void on_completed(void *arg, struct MHD_Connection *library, void **context,
                         enum MHD_RequestTerminationCode how) {
  struct http_server *s = arg;
  struct half *half = *context;
  if (!half) return;
  *context = NULL;
  if (half->is_request) {
    finish((struct request *)half, how);
    return;
  }
  free(half); /* the library itself refused the headers, or they never ended */
  const struct connection *c = MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  if (how != MHD_REQUEST_TERMINATED_WITH_ERROR || watch_has_cut(c)) return;
  count_refusal(s);
  watch_linger(s->watch, c->fd);
}

static void on_connection(void *arg, struct MHD_Connection *library, void **context,
                          enum MHD_ConnectionNotificationCode code) {
  struct http_server *s = arg;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = watch_add(s->watch, MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
  } else if (*context) {
    watch_remove(s->watch, *context);
    *context = NULL;
    atomic_fetch_sub_explicit(&s->taken, 1, memory_order_relaxed);
  }
}

/* ---- the daemon ---- */

__attribute__((format(printf, 2, 0))) static void on_library_log(void *arg, const char *format, va_list args) {
  struct http_server *s = arg;
  char text[256];
  if (s->started && !log_enabled(LOG_DEBUG)) return;
  vsnprintf(text, sizeof text, format, args);
  text[strcspn(text, "\n")] = '\0';
  if (!s->started) snprintf(s->start_error, 256, "%s", text);
  if (s->started) log_at(LOG_DEBUG, "http_library", log_t("text", text));
}

/* A library's thread that finds itself above its limit waits for itself for ever, so the limit is kept here and the
 * library's is out of reach. */
static void on_accepted(void *arg, int fd, const struct sockaddr *peer, socklen_t len) {
  struct http_server *s = arg;
  bool room = atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed) < s->taken_max;
  if (room && MHD_add_connection(s->daemon, fd, peer, len) == MHD_YES) return;
  if (!room) close(fd); /* the library closes what it does not take */
  atomic_fetch_sub_explicit(&s->taken, 1, memory_order_relaxed);
  count_refusal(s);
}

static char *read_text(void *ctx, const char *path, char err[static 256]) {
  FILE *f = fopen(path, "re");
  if (!f) {
    snprintf(err, 256, "%s: %s", path, strerror(errno));
    return NULL;
  }
  char *text = mem_bytes(ctx, TLS_FILE_MAX + 1);
  size_t len = fread(text, 1, TLS_FILE_MAX, f);
  fclose(f);
  text[len] = '\0';
  return text;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, const struct conf *conf, char *cert, char *key) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
                   MHD_USE_ERROR_LOG | (cert ? MHD_USE_TLS : 0);
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)conf->threads, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)((conf->connection_max + LIMIT_SLACK) * conf->threads),
       NULL}, /* shared out */
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)conf->connection_memory, NULL},
      {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)((conf->idle_timeout + 999) / 1000), NULL},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, s},
      {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)on_unescape, s},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s},
      {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
      {cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
      {MHD_OPTION_END, 0, NULL},
  };
  return MHD_start_daemon(flags, 0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, s,
                          MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

struct http_server *http_server_start(void *ctx, const struct conf *conf, const struct http_app *app,
                                      char err[static 256]) {
  char *scratch = mem_bytes(NULL, 1);
  char *cert = NULL, *key = NULL;
  struct http_server *s = NULL;
  struct listener *listener = NULL;
  if (!epoll_is_ours()) bug("epoll_wait is not ours: the HTTP library may stall");
  if (!conf->tls_cert[0] != !conf->tls_key[0]) {
    snprintf(err, 256, "tls_cert and tls_key go together");
    goto out;
  }
  if (conf->tls_cert[0]) {
    cert = read_text(scratch, conf->tls_cert, err);
    key = cert ? read_text(scratch, conf->tls_key, err) : NULL;
    if (!key) goto out;
  }
  listener = listener_open(ctx, conf->listen, err);
  if (!listener) goto out;
  s = mem_new(ctx, struct http_server);
  s->app = *app;
  s->listener = listener;
  s->is_tls = cert != NULL;
  s->start_error = err;
  s->taken_max = conf->connection_max;
  atomic_init(&s->conf, conf);
  s->watch = watch_start(s, conf->idle_timeout, conf->request_timeout, &s->refused);
  snprintf(err, 256, "the HTTP library did not start");
  s->daemon = start_daemon(s, conf, cert, key);
  if (!s->daemon) {
    watch_stop(s->watch);
    listener_close(listener);
    mem_free(listener);
    mem_free(s);
    s = NULL;
    goto out;
  }
  s->started = true;
out:
  mem_free(scratch);
  return s;
}

void http_server_run(struct http_server *s) {
  listener_run(s->listener, on_accepted, s);
}

int http_server_port(const struct http_server *s) {
  return listener_port(s->listener);
}

void http_server_set_conf(struct http_server *s, const struct conf *conf) {
  atomic_store_explicit(&s->conf, conf, memory_order_release);
}

void http_server_quiesce(struct http_server *s) {
  atomic_store(&s->quiesced, true);
  listener_close(s->listener);
}

int http_server_busy(const struct http_server *s) {
  int64_t n = 0;
  for (int i = 0; i < TALLIES; i++) n += atomic_load_explicit(&s->tallies[i].busy, memory_order_relaxed);
  return (int)n;
}

void http_server_stop(struct http_server *s) {
  listener_close(s->listener);
  MHD_stop_daemon(s->daemon);
  watch_stop(s->watch);
  mem_free(s->listener);
  mem_free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *ret) {
  *ret = (struct http_stats){
      .connections = watch_count(s->watch),
      .body_bytes_held = atomic_load_explicit(&s->body_held, memory_order_relaxed),
      .refused = atomic_load_explicit(&s->refused, memory_order_relaxed),
  };
}
