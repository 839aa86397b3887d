/* Guarded outgoing HTTP on one libcurl multi handle, driven by epoll. Owns the handles, their connections and the
 * wake-up descriptor; everything but outbound_wake runs on the caller's one thread. libcurl itself is started by the
 * first request, so a server that sends nothing never pays for it. The guard looks at the address of every socket
 * before it connects, and again before a request goes out on a kept connection, so neither DNS tricks nor a tightened
 * allow-list let a request through. Waiting is done in real time even where tests fake the clock. A peer that is down,
 * slow or talks rubbish costs its own request only. */
#include "jobs/outbound.h"

#include "base/log.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define HEADERS_MAX        16
#define URL_MAX            2000
#define CONNECT_TIMEOUT_MS 10000
#define IDLE_CONNECTION_S  60L
#define FREE_MAX           64   /* easy handles kept for the next requests */
#define BODY_KEEP          4096 /* answer buffer kept with them */
#define EVENTS_MAX         256
#define RETRY_AFTER_MAX_S  604800

struct transfer {
  struct outbound *o;
  struct transfer *prev, *next;
  CURL *easy;
  void (*done)(void *arg, const struct outbound_result *result);
  void *arg;
  struct curl_slist headers[HEADERS_MAX + 1];
  char *header_text;
  char *body;
  size_t body_len, body_cap, body_max;
  bool body_cut;
  char refused[ADDRESS_TEXT_LEN]; /* "" or the address that the guard refused */
  char error[CURL_ERROR_SIZE];
};

/* What curl wants of a socket and what epoll was told. Told late and only on change: a kept connection that goes
 * from one request to the next costs no system call. */
struct watch {
  uint32_t wanted, told;
  bool ours; /* opened by socket_open, so its closing cannot be missed */
  bool dirty;
};

struct outbound {
  const struct conf *conf;
  int connections_max;
  CURLM *multi; /* NULL until the first request */
  CURLU *url;
  char *good_url; /* passed check_url last */
  int epoll, wake;
  int64_t timer_at; /* ms, -1: none */
  struct watch *watches;
  int watch_count;
  int *dirty;
  int dirty_count, dirty_cap;
  struct transfer *busy, *free;
  int busy_count, free_count;
};

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the guard ---- */

static bool target_allowed(struct transfer *t, const struct sockaddr *address) {
  const struct conf *conf = t->o->conf;
  if (!address_is_private(address)) return true;
  if (conf && conf->allow_private_targets && cidr_list_has(conf->allow_private_targets, address)) return true;
  address_text(address, t->refused);
  return false;
}

static curl_socket_t socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  struct transfer *t = arg;
  (void)purpose;
  if ((address->family != AF_INET && address->family != AF_INET6) || !target_allowed(t, &address->addr))
    return CURL_SOCKET_BAD;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the signature is curl's */
static int before_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port) {
  struct sockaddr_storage address;
  (void)local_ip, (void)remote_port, (void)local_port;
  bool ok = address_parse(remote_ip, &address) && target_allowed(arg, (const struct sockaddr *)&address);
  return ok ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static bool refuse(char err[static 160], const char *why) {
  snprintf(err, 160, "%s", why);
  return false;
}

static bool url_part(CURLU *url, CURLUPart which) {
  char *text = NULL;
  bool there = curl_url_get(url, which, &text, 0) == CURLUE_OK && text && *text;
  curl_free(text);
  return there;
}

static bool check_url(struct outbound *o, const char *url, char err[static 160]) {
  if (o->good_url && strcmp(o->good_url, url) == 0) return true;
  if (strlen(url) > URL_MAX) return refuse(err, "the URL is longer than 2000 characters");
  curl_url_set(o->url, CURLUPART_URL, NULL, 0); /* else a relative one would be joined to the last */
  CURLUcode code = curl_url_set(o->url, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return snprintf(err, 160, "the URL is not usable: %s", curl_url_strerror(code)), false;
  char *scheme = NULL;
  bool http = curl_url_get(o->url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
  curl_free(scheme);
  if (!http) return refuse(err, "the URL must begin with http:// or https://");
  if (url_part(o->url, CURLUPART_USER) || url_part(o->url, CURLUPART_PASSWORD))
    return refuse(err, "the URL must not contain a user or password");
  /* curl forgives http:///host; nobody else reads it that way. */
  if (!url_part(o->url, CURLUPART_HOST) || strstr(url, ":///")) return refuse(err, "the URL has no host");
  mem_free(o->good_url);
  o->good_url = mem_strdup(o, url);
  return true;
}

/* ---- sockets and timer ---- */

static struct watch *watch_of(struct outbound *o, int fd) {
  if (fd >= o->watch_count) {
    int count = fd + 64;
    struct watch *more = mem_array(o, struct watch, (size_t)count);
    if (o->watch_count) memcpy(more, o->watches, (size_t)o->watch_count * sizeof *more);
    mem_free(o->watches);
    o->watches = more;
    o->watch_count = count;
  }
  return &o->watches[fd];
}

static void watch_tell(struct outbound *o, int fd, struct watch *w, uint32_t events) {
  struct epoll_event e = {.events = events, .data.fd = fd};
  if (events == 0) {
    epoll_ctl(o->epoll, EPOLL_CTL_DEL, fd, NULL);
  } else if (epoll_ctl(o->epoll, w->told ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0) {
    int op = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(o->epoll, op, fd, &e) != 0) bug("epoll_ctl of socket %d: %s", fd, strerror(errno));
  }
  w->told = events;
}

static void watch_mark(struct outbound *o, int fd, struct watch *w) {
  if (w->dirty) return;
  if (o->dirty_count == o->dirty_cap) {
    int cap = o->dirty_cap ? 2 * o->dirty_cap : 64;
    int *more = mem_array(o, int, (size_t)cap);
    if (o->dirty_count) memcpy(more, o->dirty, (size_t)o->dirty_count * sizeof *more);
    mem_free(o->dirty);
    o->dirty = more;
    o->dirty_cap = cap;
  }
  w->dirty = true;
  o->dirty[o->dirty_count++] = fd;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
  struct outbound *o = arg;
  struct watch *w = watch_of(o, fd);
  (void)easy, (void)socket_arg;
  w->wanted = what == CURL_POLL_REMOVE
                  ? 0
                  : (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
  if (w->ours)
    watch_mark(o, fd, w);
  else if (w->wanted != w->told) /* the resolver's: closed behind our back once it is removed */
    watch_tell(o, fd, w, w->wanted);
  return 0;
}

static curl_socket_t socket_open_watched(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  struct transfer *t = arg;
  curl_socket_t fd = socket_open(arg, purpose, address);
  if (fd == CURL_SOCKET_BAD) return fd;
  struct watch *w = watch_of(t->o, fd);
  w->wanted = w->told = 0;
  w->ours = true;
  return fd;
}

static int socket_close(void *arg, curl_socket_t fd) {
  struct watch *w = watch_of(arg, fd);
  w->wanted = w->told = 0; /* the kernel forgets a closed descriptor by itself */
  w->ours = false;
  return close(fd);
}

static void tell_epoll(struct outbound *o) {
  for (int i = 0; i < o->dirty_count; i++) {
    int fd = o->dirty[i];
    struct watch *w = &o->watches[fd];
    w->dirty = false;
    if (w->wanted && w->wanted != w->told) watch_tell(o, fd, w, w->wanted);
  }
  o->dirty_count = 0;
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *arg) {
  struct outbound *o = arg;
  (void)multi;
  o->timer_at = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
  return 0;
}

/* ---- one transfer ---- */

static size_t body_arrived(char *bytes, size_t size, size_t count, void *arg) {
  struct transfer *t = arg;
  size_t len = size * count, room = t->body_max - t->body_len, take = len < room ? len : room;
  if (t->body_len + take > t->body_cap) {
    size_t cap = t->body_cap ? 2 * t->body_cap : 1024;
    while (cap < t->body_len + take) cap *= 2;
    if (cap > t->body_max) cap = t->body_max;
    char *more = mem_bytes(t, cap);
    if (t->body_len) memcpy(more, t->body, t->body_len);
    mem_free(t->body);
    t->body = more;
    t->body_cap = cap;
  }
  if (take) memcpy(t->body + t->body_len, bytes, take);
  t->body_len += take;
  t->body_cut = take < len;
  return take; /* less than len: curl stops reading and closes */
}

/* What is the same for every request of this handle's life. */
static void set_fixed(struct transfer *t) {
  CURL *e = t->easy;
  curl_easy_setopt(e, CURLOPT_PRIVATE, t);
  curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(e, CURLOPT_PROXY, "");
  curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
  curl_easy_setopt(e, CURLOPT_USERAGENT, "Guichet/" GUICHET_VERSION);
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, body_arrived);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, socket_open_watched);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
  curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
  curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, t->o);
  curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
  curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
}

static struct transfer *transfer_take(struct outbound *o) {
  struct transfer *t = o->free;
  if (t) {
    DL_DELETE(o->free, t);
    o->free_count--;
  } else {
    t = mem_new(o, struct transfer);
    t->o = o;
    t->easy = curl_easy_init();
    if (!t->easy) panic("out of memory for a curl handle");
    set_fixed(t);
  }
  DL_APPEND(o->busy, t);
  o->busy_count++;
  return t;
}

static void transfer_give_back(struct transfer *t) {
  struct outbound *o = t->o;
  DL_DELETE(o->busy, t);
  o->busy_count--;
  mem_free(t->header_text);
  t->header_text = NULL;
  if (t->body_cap > BODY_KEEP) {
    mem_free(t->body);
    t->body = NULL;
    t->body_cap = 0;
  }
  if (o->free_count >= FREE_MAX) {
    curl_easy_cleanup(t->easy);
    mem_free(t);
    return;
  }
  DL_PREPEND(o->free, t);
  o->free_count++;
}

/* curl only reads the list, so its nodes need not be curl's. */
static void set_headers(struct transfer *t, const char *const *headers) {
  size_t len = 0;
  int n = 0;
  for (; headers && headers[n] && n < HEADERS_MAX; n++) len += strlen(headers[n]) + 1;
  invariant(!headers || !headers[n]);
  char *at = t->header_text = mem_bytes(t, len + 1);
  for (int i = 0; i < n; i++) {
    size_t size = strlen(headers[i]) + 1;
    memcpy(at, headers[i], size);
    t->headers[i] = (struct curl_slist){.data = at, .next = &t->headers[i + 1]};
    at += size;
  }
  static char no_expect[] = "Expect:";
  t->headers[n] = (struct curl_slist){.data = no_expect};
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_request(struct transfer *t, const struct outbound_request *r) {
  CURL *e = t->easy;
  t->done = r->done;
  t->arg = r->arg;
  t->body_len = 0;
  t->body_max = r->body_max;
  t->body_cut = false;
  t->refused[0] = t->error[0] = '\0';
  set_headers(t, r->headers);
  curl_easy_setopt(e, CURLOPT_URL, r->url);
  curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
  curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                   (long)(r->timeout_ms < CONNECT_TIMEOUT_MS ? r->timeout_ms : CONNECT_TIMEOUT_MS));
  if (strcmp(r->method, "POST") == 0) {
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body_len ? r->body : "");
  } else {
    invariant(strcmp(r->method, "GET") == 0);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
  }
}

static void finish(struct transfer *t, CURLcode code) {
  long status = 0;
  curl_off_t retry_after_s = 0;
  char *type = NULL, text[320] = "";
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
  bool complete = (code == CURLE_OK || t->body_cut) && status > 0;
  if (!complete && t->refused[0])
    snprintf(text, sizeof text, "the address %s is private and allow_private_targets does not name it", t->refused);
  else if (!complete)
    snprintf(text, sizeof text, "%s", t->error[0] ? t->error : code ? curl_easy_strerror(code) : "no answer");
  if (retry_after_s < 0) retry_after_s = 0;
  if (retry_after_s > RETRY_AFTER_MAX_S) retry_after_s = RETRY_AFTER_MAX_S;
  const struct outbound_result result = {
      .status = (int)status,
      .complete = complete,
      .error = text,
      .retry_after_ms = (int64_t)retry_after_s * 1000,
      .content_type = type ? type : "",
      .body = t->body,
      .body_len = t->body_len,
      .body_cut = t->body_cut,
      .refused_address = !complete && t->refused[0],
  };
  t->done(t->arg, &result);
}

static bool finish_all(struct outbound *o) {
  bool any = false;
  CURLMsg *m;
  int left;
  while ((m = curl_multi_info_read(o->multi, &left))) {
    if (m->msg != CURLMSG_DONE) continue;
    CURLcode code = m->data.result;
    CURL *easy = m->easy_handle;
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(o->multi, easy);
    struct transfer *t = (void *)private;
    finish(t, code);
    transfer_give_back(t);
    any = true;
  }
  return any;
}

/* ---- for the caller ---- */

static void start_curl(struct outbound *o) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) panic("libcurl does not start");
  o->multi = curl_multi_init();
  o->url = curl_url();
  if (!o->multi || !o->url) panic("out of memory for libcurl");
  curl_multi_setopt(o->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
  curl_multi_setopt(o->multi, CURLMOPT_SOCKETDATA, o);
  curl_multi_setopt(o->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
  curl_multi_setopt(o->multi, CURLMOPT_TIMERDATA, o);
  curl_multi_setopt(o->multi, CURLMOPT_MAXCONNECTS, (long)o->connections_max);
}

struct outbound *outbound_new(void *ctx, int connections_max) {
  struct outbound *o = mem_new(ctx, struct outbound);
  o->connections_max = connections_max;
  o->timer_at = -1;
  o->epoll = epoll_create1(EPOLL_CLOEXEC);
  o->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = o->wake};
  if (o->epoll < 0 || o->wake < 0 || epoll_ctl(o->epoll, EPOLL_CTL_ADD, o->wake, &e) != 0)
    panic("cannot make the outgoing event loop: %s", strerror(errno));
  return o;
}

void outbound_set_conf(struct outbound *o, const struct conf *conf) {
  o->conf = conf;
}

bool outbound_send(struct outbound *o, const struct outbound_request *request, char err[static 160]) {
  if (!o->multi) start_curl(o);
  if (!check_url(o, request->url, err)) return false;
  struct transfer *t = transfer_take(o);
  set_request(t, request);
  CURLMcode code = curl_multi_add_handle(o->multi, t->easy);
  if (code != CURLM_OK) {
    transfer_give_back(t);
    return refuse(err, curl_multi_strerror(code));
  }
  return true;
}

/* True when somebody called outbound_wake. */
static bool handle_events(struct outbound *o, const struct epoll_event *events, int count) {
  bool woken = false;
  int running;
  for (int i = 0; i < count; i++) {
    int fd = events[i].data.fd;
    if (fd == o->wake) {
      uint64_t n;
      woken = read(o->wake, &n, sizeof n) > 0 || woken;
      continue;
    }
    struct watch *w = watch_of(o, fd);
    if (w->wanted == 0) { /* a kept connection that the other side closed: curl notices when it would use it */
      watch_tell(o, fd, w, 0);
      continue;
    }
    uint32_t got = events[i].events;
    int mask = (got & EPOLLIN ? CURL_CSELECT_IN : 0) | (got & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (got & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(o->multi, fd, mask, &running);
  }
  return woken;
}

void outbound_run(struct outbound *o, int wait_ms) {
  int64_t until = now_ms() + wait_ms;
  for (;;) {
    tell_epoll(o);
    int64_t now = now_ms(), next = o->timer_at >= 0 && o->timer_at < until ? o->timer_at : until;
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(o->epoll, events, EVENTS_MAX, next > now ? (int)(next - now) : 0);
    bool over = handle_events(o, events, n > 0 ? n : 0);
    now = now_ms();
    if (o->timer_at >= 0 && o->timer_at <= now) {
      int running;
      o->timer_at = -1;
      curl_multi_socket_action(o->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    if ((o->multi && finish_all(o)) || over || now >= until) return;
  }
}

void outbound_wake(struct outbound *o) {
  const uint64_t one = 1;
  ssize_t n = write(o->wake, &one, sizeof one);
  (void)n; /* EAGAIN: the counter is full, so the loop is awake anyhow */
}

int outbound_active(const struct outbound *o) {
  return o->busy_count;
}

void outbound_free(struct outbound *o) {
  if (!o) return;
  while (o->busy) {
    struct transfer *t = o->busy;
    curl_multi_remove_handle(o->multi, t->easy);
    snprintf(t->error, sizeof t->error, "broken off because the server is stopping");
    t->body_cut = false;
    finish(t, CURLE_ABORTED_BY_CALLBACK);
    DL_DELETE(o->busy, t);
    curl_easy_cleanup(t->easy);
  }
  struct transfer *t;
  DL_FOREACH(o->free, t) curl_easy_cleanup(t->easy);
  if (o->multi) {
    curl_multi_cleanup(o->multi);
    curl_url_cleanup(o->url);
    curl_global_cleanup();
  }
  close(o->epoll);
  close(o->wake);
  mem_free(o);
}
