/* A partner's webhook on the terminal: takes messages, verifies their signature, prints them, and misbehaves on
 * request. HTTP threads read and print; the answer is set at once or, with --delay, by the command's own thread when
 * its time has come, which waits on one poll() for signals, due answers and the end of the count. At most LATE_MAX
 * answers are held back. Never fetches what a message points to. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/term.h"
#include "http/reply.h"
#include "http/server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LATE_MAX   10000
#define LET_OUT_US 2000000

enum verdict { SIGNATURE_UNCHECKED, SIGNATURE_RIGHT, SIGNATURE_WRONG, SIGNATURE_MISSING };
static const char *const verdict_words[] = {"unchecked", "right", "wrong", "missing"};

struct late {
  struct request *req;
  int status;
  int64_t due_us;
};

/* The one webhook of this process; routes have no argument of their own. Guarded by lock once the server runs. */
static struct {
  pthread_mutex_t lock;
  const char *secret; /* NULL: not checked */
  int status;         /* of the share `rate` of answers */
  double rate;
  int64_t delay_ms;
  int64_t count; /* 0: no end */
  bool json;
  int wake; /* eventfd */
  int64_t taken, answered, bad;
  struct late late[LATE_MAX]; /* a ring in order of arrival, which is the order in which they are due */
  int late_first, late_len;
} hook = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void wake(void) {
  uint64_t one = 1;
  if (write(hook.wake, &one, sizeof one) < 0) bug("listen: cannot wake the main thread");
}

/* ---- looking at a message ---- */

static enum verdict verify(const struct request *req, const char *body, size_t len) {
  if (!hook.secret) return SIGNATURE_UNCHECKED;
  const char *given = request_header(req, "Body-Hash");
  if (!given) return SIGNATURE_MISSING;
  uint8_t mac[SHA1_LEN];
  char hex[SHA1_LEN * 2 + 1];
  hmac_sha1(hook.secret, strlen(hook.secret), body, len, mac);
  hex_encode(mac, sizeof mac, hex);
  return secret_equal_text(hex, given) ? SIGNATURE_RIGHT : SIGNATURE_WRONG;
}

static const char *text_of(const struct jval *v, const char *key) {
  const char *text = jval_str(jval_get(v, key), NULL);
  return text ? text : "";
}

static void print_signature(enum verdict v, int status) {
  static const enum term_style styles[] = {TERM_DIM, TERM_GOOD, TERM_BAD, TERM_BAD};
  printf("%ssignature %s%s, answered %d\n", term_style(stdout, styles[v]), verdict_words[v],
         term_style(stdout, TERM_PLAIN), status);
}

static void print_people(void *ctx, const struct jval *m, const char *body, enum verdict v, int status) {
  const struct jval *sender = jval_get(m, "sender");
  const char *name = text_of(sender, "name");
  const struct jval *content = jval_get(m, "body");
  printf("%s  ", term_time(ctx, clock_wall_ms()));
  if (!m) {
    print_signature(v, status);
    printf("    (not JSON) %s\n", term_clean_lines(ctx, body, "    "));
    return;
  }
  printf("%s%s%s to %s, message %s, ", term_style(stdout, TERM_BOLD),
         term_clean(ctx, *name ? name : text_of(sender, "id")), term_style(stdout, TERM_PLAIN),
         term_clean(ctx, text_of(m, "customer_id")), term_clean(ctx, text_of(m, "id")));
  print_signature(v, status);
  if (*text_of(content, "message")) printf("    %s\n", term_clean_lines(ctx, text_of(content, "message"), "    "));
  const struct jval *files = jval_get(content, "attachments");
  for (size_t i = 0; i < jval_count(files); i++) {
    const struct jval *f = jval_at(files, i);
    printf("    [%s, %s] %s\n", term_clean(ctx, text_of(f, "name")), term_clean(ctx, text_of(f, "mime_type")),
           term_clean(ctx, text_of(jval_get(f, "content"), "data")));
  }
}

static void print_line(struct request *req, const struct jval *m, const char *body, size_t len, enum verdict v,
                       int status) {
  struct output o;
  output_begin(&o, request_pool(req));
  jw_object(&o.w);
  jw_ktime(&o.w, "at", clock_wall_ms());
  jw_kstr(&o.w, "path", request_path(req));
  jw_kstr(&o.w, "signature", verdict_words[v]);
  jw_kstr(&o.w, "body_hash", request_header(req, "Body-Hash"));
  jw_kstr(&o.w, "api_version", request_header(req, "Api-Version"));
  jw_kint(&o.w, "status", status);
  if (m) {
    struct jspan span = jspan_of(body, len);
    char *line = mem_strndup(o.text.ctx, span.text, span.len);
    /* Outside strings these are white space, inside they cannot be: a line stays a line. */
    for (char *c = line; *c; c++) {
      if (*c == '\n' || *c == '\r') *c = ' ';
    }
    jw_key(&o.w, "message");
    jw_raw(&o.w, line, span.len);
  } else {
    jw_key(&o.w, "message");
    jw_null(&o.w);
    if (utf8_valid(body, len)) {
      jw_key(&o.w, "body");
      jw_strn(&o.w, body, len);
    }
  }
  jw_object_end(&o.w);
  output_end(&o);
}

/* ---- answering ---- */

static void answer(struct request *req, int status) {
  if (status == 200) {
    reply_static(req, 200, "application/json", "{}", 2);
  } else {
    reply_empty(req, status);
  }
}

/* A share of answers, spread by chance. */
static bool misbehaves(void) {
  uint32_t r;
  random_bytes(&r, sizeof r);
  return hook.status && r < hook.rate * 4294967296.0;
}

/* True when the request was put aside. Under the lock. */
static bool put_aside(struct request *req, int status) {
  if (!hook.delay_ms || hook.late_len == LATE_MAX) return false;
  request_suspend(req);
  int at = (hook.late_first + hook.late_len++) % LATE_MAX;
  hook.late[at] = (struct late){req, status, clock_mono_us() + hook.delay_ms * 1000};
  wake();
  return true;
}

static void take_message(struct request *req) {
  size_t len = 0;
  const char *body = request_body(req, &len);
  struct jerror wrong;
  const struct jval *m = json_parse(request_pool(req), body, len, &wrong);
  if (m && jval_type(m) != JT_OBJECT) m = NULL;
  pthread_mutex_lock(&hook.lock);
  if (hook.count && hook.taken >= hook.count) {
    pthread_mutex_unlock(&hook.lock);
    reply_empty(req, 503);
    return;
  }
  enum verdict v = verify(req, body, len);
  bool bad = v == SIGNATURE_WRONG || v == SIGNATURE_MISSING;
  int status = misbehaves() ? hook.status : bad ? 401 : 200;
  hook.taken++;
  hook.bad += bad;
  if (hook.json) {
    print_line(req, m, body, len, v, status);
  } else {
    print_people(request_pool(req), m, body, v, status);
  }
  fflush(stdout);
  bool late = put_aside(req, status);
  pthread_mutex_unlock(&hook.lock);
  if (!late) answer(req, status);
}

static const struct route routes[] = {
    {HTTP_POST, "/", take_message, .body_max = -1, .summary = "A message"},
    {HTTP_POST, "/{a}", take_message, .body_max = -1, .summary = "A message"},
    {HTTP_POST, "/{a}/{b}", take_message, .body_max = -1, .summary = "A message"},
    {HTTP_POST, "/{a}/{b}/{c}", take_message, .body_max = -1, .summary = "A message"},
};

static void admit(struct request *req) {
  (void)req;
}

static void refuse(struct request *req, int status, const char *reason) {
  reply_bytes(req, status, "text/plain; charset=utf-8", reason, strlen(reason));
}

static void finished(const struct request *req, int status, int64_t duration_us, uint64_t bytes_in,
                     uint64_t bytes_out) {
  (void)status, (void)duration_us, (void)bytes_in, (void)bytes_out;
  const struct route *route = request_route(req);
  if (!route) return;
  pthread_mutex_lock(&hook.lock);
  hook.answered++;
  pthread_mutex_unlock(&hook.lock);
  wake();
}

/* ---- the command's own thread ---- */

/* Answers what is due (everything when `all`); returns ms until the next is, -1 for none. */
static int answer_due(bool all) {
  for (;;) {
    pthread_mutex_lock(&hook.lock);
    struct late next = hook.late[hook.late_first];
    int64_t left_us = next.due_us - clock_mono_us();
    bool none = !hook.late_len;
    if (!none && (all || left_us <= 0)) {
      hook.late_first = (hook.late_first + 1) % LATE_MAX;
      hook.late_len--;
      pthread_mutex_unlock(&hook.lock);
      answer(next.req, next.status);
      request_resume(next.req);
      continue;
    }
    pthread_mutex_unlock(&hook.lock);
    return none ? -1 : (int)(left_us / 1000) + 1;
  }
}

static bool count_reached(void) {
  pthread_mutex_lock(&hook.lock);
  bool reached = hook.count && hook.taken >= hook.count && hook.answered >= hook.taken;
  pthread_mutex_unlock(&hook.lock);
  return reached;
}

static void run_until_end(int signals) {
  struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = hook.wake, .events = POLLIN}};
  while (!count_reached()) {
    int wait_ms = answer_due(false);
    if (poll(fds, ARRAY_LEN(fds), wait_ms) < 0) continue;
    uint64_t n;
    if (fds[1].revents && read(hook.wake, &n, sizeof n) < 0) return;
    if (fds[0].revents) return;
  }
}

/* What was answered last must also get out; a partner that does not take it is not waited for. */
static void let_out(const struct http_server *server) {
  int64_t until_us = clock_mono_us() + LET_OUT_US;
  while (http_server_busy(server) > 0 && clock_mono_us() < until_us) poll(NULL, 0, 5);
}

static const struct conf *listen_conf(const struct cli_args *args) {
  char address[32];
  snprintf(address, sizeof address, "127.0.0.1:%lld", (long long)cli_int(args, "port", 9099));
  const struct conf_flag flags[] = {{"listen", address}, {"tls-cert", ""}, {"tls-key", ""}};
  char err[256];
  const struct conf *conf = conf_load(cli_ctx(args), NULL, flags, ARRAY_LEN(flags), err);
  if (!conf) cli_fail(CLI_USAGE, "%s", err);
  return conf;
}

static int serve_hook(const struct cli_args *args, const struct conf *conf, int signals) {
  const struct http_app app = {router_new(cli_ctx(args), routes, ARRAY_LEN(routes)), admit, refuse, finished};
  char err[256];
  struct http_server *server = http_server_start(cli_ctx(args), conf, &app, err);
  if (!server) return cli_fail(CLI_FAILED, "%s", err);
  http_server_run(server);
  fprintf(cli_json(args) ? stderr : stdout, "listening on http://127.0.0.1:%d/webhook%s\n", http_server_port(server),
          hook.secret ? "" : " (without --secret signatures are not checked)");
  fflush(stdout);
  run_until_end(signals);
  http_server_quiesce(server);
  answer_due(true);
  let_out(server);
  http_server_stop(server);
  if (!hook.bad) return CLI_OK;
  return cli_fail(CLI_FAILED, "%lld of %lld messages had a wrong signature or none", (long long)hook.bad,
                  (long long)hook.taken);
}

int cli_listen(const struct cli_args *args) {
  if (cli_has(args, "rate") && !cli_has(args, "status")) {
    return cli_fail(CLI_USAGE, "--rate needs --status: which answer is to be given that often?");
  }
  hook.secret = cli_text(args, "secret", NULL);
  hook.status = (int)cli_int(args, "status", 0);
  hook.rate = cli_real(args, "rate", 1);
  hook.delay_ms = cli_int(args, "delay", 0);
  hook.count = cli_int(args, "count", 0);
  hook.json = cli_json(args);
  const struct conf *conf = listen_conf(args);
  if (!conf) return CLI_USAGE;
  /* Before any thread begins, so that none of them is interrupted. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, SFD_CLOEXEC);
  hook.wake = eventfd(0, EFD_CLOEXEC);
  if (signals < 0 || hook.wake < 0) return cli_fail(CLI_FAILED, "the system has no file descriptors left");
  int code = serve_hook(args, conf, signals);
  close(signals);
  close(hook.wake);
  return code;
}
