/* A partner's webhook on the terminal, of either kind of channel: takes what is sent, verifies its signature, prints
 * it, and misbehaves on request. HTTP threads read and print; the answer is set at once or, with --delay, by the
 * command's own thread when its time has come, which waits on one poll() for signals, due answers and the end of the
 * count. At most LATE_MAX answers are held back. Never fetches what a message points to. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/term.h"
#include "core/surface.h"
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

/* What differs between the kinds of channel: how a request is signed and what its parts are called. */
struct kind {
  const char *word;
  const char *const *secrets; /* flags without which nothing is verified; NULL ends */
  enum verdict (*verify)(const struct request *req, const struct jval *m, const char *body, size_t len);
  void (*print)(void *ctx, const struct jval *m, enum verdict v, int status);
  const char *headers[4][2]; /* key of the JSON line, header */
  const char *type, *taken;  /* the answer */
};

struct late {
  struct request *req;
  int status;
  int64_t due_us;
};

/* The one webhook of this process; routes have no argument of their own. Guarded by lock once the server runs. */
static struct {
  pthread_mutex_t lock;
  const struct kind *kind;
  const char *secrets[2]; /* as the kind names them; NULL: not checked */
  int status;             /* of the share `rate` of answers */
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

static enum verdict kiamo_io_verify(const struct request *req, const struct jval *m, const char *body, size_t len) {
  (void)m;
  const char *given = request_header(req, "Body-Hash");
  if (!given) return SIGNATURE_MISSING;
  uint8_t mac[SHA1_LEN];
  char hex[SHA1_LEN * 2 + 1];
  hmac_sha1(hook.secrets[0], strlen(hook.secrets[0]), body, len, mac);
  hex_encode(mac, sizeof mac, hex);
  return secret_equal_text(hex, given) ? SIGNATURE_RIGHT : SIGNATURE_WRONG;
}

/* A check of the address has no event, and its signature none in it. */
static enum verdict voximplant_verify(const struct request *req, const struct jval *m, const char *body, size_t len) {
  (void)body, (void)len;
  const char *given = request_header(req, "Authorization");
  if (!given) return SIGNATURE_MISSING;
  char md5[SURFACE_MD5_LEN];
  const char *event_id = jval_str(jval_get(m, "event_id"), NULL);
  voximplant_signature(hook.secrets[0], hook.secrets[1], event_id, md5);
  return secret_equal_text(md5, given) ? SIGNATURE_RIGHT : SIGNATURE_WRONG;
}

static enum verdict verify(const struct request *req, const struct jval *m, const char *body, size_t len) {
  return hook.secrets[0] ? hook.kind->verify(req, m, body, len) : SIGNATURE_UNCHECKED;
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

static void kiamo_io_print(void *ctx, const struct jval *m, enum verdict v, int status) {
  const struct jval *sender = jval_get(m, "sender");
  const char *name = text_of(sender, "name");
  const struct jval *content = jval_get(m, "body");
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

static void voximplant_print(void *ctx, const struct jval *m, enum verdict v, int status) {
  const struct jval *data = jval_get(m, "event_data"), *sender = jval_get(data, "sender_data");
  const struct jval *message = jval_get(data, "message"), *items = jval_get(message, "payload");
  printf("%s%s%s to %s, %s %s, ", term_style(stdout, TERM_BOLD),
         term_clean(ctx, text_of(sender, "sender_display_name")), term_style(stdout, TERM_PLAIN),
         term_clean(ctx, text_of(jval_get(m, "client_data"), "client_id")), term_clean(ctx, text_of(m, "event_type")),
         term_clean(ctx, text_of(m, "event_id")));
  print_signature(v, status);
  if (*text_of(data, "close_reason")) printf("    %s\n", term_clean(ctx, text_of(data, "close_reason")));
  if (*text_of(message, "text")) printf("    %s\n", term_clean_lines(ctx, text_of(message, "text"), "    "));
  for (size_t i = 0; i < jval_count(items); i++) {
    const struct jval *f = jval_at(items, i);
    printf("    [%s, %s] %s\n", term_clean(ctx, text_of(f, "type")), term_clean(ctx, text_of(f, "file_name")),
           term_clean(ctx, text_of(f, "file_url")));
  }
}

static const struct kind kinds[] = {
    {
        .word = "kiamo_io",
        .secrets = (const char *const[]){"secret", NULL},
        .verify = kiamo_io_verify,
        .print = kiamo_io_print,
        .headers = {{"body_hash", "Body-Hash"}, {"api_version", "Api-Version"}},
        .type = "application/json",
        .taken = "{}",
    },
    {
        .word = "voximplant",
        .secrets = (const char *const[]){"salt", "token", NULL},
        .verify = voximplant_verify,
        .print = voximplant_print,
        .headers = {{"authorization", "Authorization"}},
        .type = "text/plain",
        .taken = "OK",
    },
};

static void print_people(void *ctx, const struct jval *m, const char *body, enum verdict v, int status) {
  printf("%s  ", term_time(ctx, clock_wall_ms()));
  if (m) {
    hook.kind->print(ctx, m, v, status);
    return;
  }
  print_signature(v, status);
  printf("    (not JSON) %s\n", term_clean_lines(ctx, body, "    "));
}

static void print_line(struct request *req, const struct jval *m, const char *body, size_t len, enum verdict v,
                       int status) {
  struct output o;
  output_begin(&o, request_pool(req));
  jw_object(&o.w);
  jw_ktime(&o.w, "at", clock_wall_ms());
  jw_kstr(&o.w, "path", request_path(req));
  jw_kstr(&o.w, "signature", verdict_words[v]);
  for (size_t i = 0; hook.kind->headers[i][0]; i++)
    jw_kstr(&o.w, hook.kind->headers[i][0], request_header(req, hook.kind->headers[i][1]));
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
    reply_static(req, 200, hook.kind->type, hook.kind->taken, strlen(hook.kind->taken));
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
  enum verdict v = verify(req, m, body, len);
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

/* A custom channel's address is asked before it is used: no message, so it does not count. */
static void take_check(struct request *req) {
  pthread_mutex_lock(&hook.lock);
  enum verdict v = verify(req, NULL, "", 0);
  int status = v == SIGNATURE_WRONG || v == SIGNATURE_MISSING ? 401 : 200;
  hook.bad += status == 401;
  if (hook.json) {
    print_line(req, NULL, "", 0, v, status);
  } else {
    printf("%s  a check of this address, ", term_time(request_pool(req), clock_wall_ms()));
    print_signature(v, status);
  }
  fflush(stdout);
  pthread_mutex_unlock(&hook.lock);
  answer(req, status);
}

static const struct route routes[] = {
    {HTTP_GET, "/", take_check, .summary = "Is this the right address?"},
    {HTTP_GET, "/{a}", take_check, .summary = "Is this the right address?"},
    {HTTP_GET, "/{a}/{b}", take_check, .summary = "Is this the right address?"},
    {HTTP_GET, "/{a}/{b}/{c}", take_check, .summary = "Is this the right address?"},
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
  if (!route || route->method != HTTP_POST) return;
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
          hook.secrets[0]
              ? ""
              : mem_printf(cli_ctx(args), " (without --%s signatures are not checked)", hook.kind->secrets[0]));
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

static int take_kind(const struct cli_args *args) {
  const char *word = cli_text(args, "kind", kinds[0].word);
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    if (!strcmp(kinds[i].word, word)) hook.kind = &kinds[i];
  if (!hook.kind) return cli_fail(CLI_USAGE, "--kind: \"%s\" is not one of kiamo_io, voximplant", word);
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    for (size_t k = 0; kinds[i].secrets[k]; k++)
      if (&kinds[i] != hook.kind && cli_has(args, kinds[i].secrets[k]))
        return cli_fail(CLI_USAGE, "--%s belongs to --kind %s", kinds[i].secrets[k], kinds[i].word);
  for (size_t k = 0; hook.kind->secrets[k]; k++) {
    hook.secrets[k] = cli_text(args, hook.kind->secrets[k], NULL);
    if (k && !hook.secrets[k] != !hook.secrets[0])
      return cli_fail(CLI_USAGE, "--%s and --%s go together", hook.kind->secrets[0], hook.kind->secrets[k]);
  }
  return CLI_OK;
}

int cli_listen(const struct cli_args *args) {
  if (cli_has(args, "rate") && !cli_has(args, "status")) {
    return cli_fail(CLI_USAGE, "--rate needs --status: which answer is to be given that often?");
  }
  int code = take_kind(args);
  if (code != CLI_OK) return code;
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
  code = serve_hook(args, conf, signals);
  close(signals);
  close(hook.wake);
  return code;
}
