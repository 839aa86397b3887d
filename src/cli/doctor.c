/* Looks at everything a server needs and says what to do about what is wrong: settings, folder, key, store, disk,
 * clock, port, webhooks. One function a check, in one table, each adds one or more rows. Changes nothing: it opens the
 * store for reading and migrates nothing. Works beside a running server. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/term.h"
#include "http/listen.h"
#include "jobs/outbound.h"
#include "store/delivery.h"
#include "store/schema.h"
#include "store/sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_FAIL_BYTES (64LL << 20)
#define DISK_WARN_BYTES (1LL << 30)
#define CLOCK_SLACK_MS  60000
#define CONNECT_TIMEOUT 3000
#define HEALTH_TIMEOUT  3000

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL };
static const char *const level_words[] = {"ok", "warn", "fail"};

struct row {
  enum level level;
  const char *check, *found, *advice;
};
#define ROWS_MAX 1000

struct doctor {
  const struct cli_args *args;
  void *ctx;
  const struct conf *conf;
  const char *dir, *db_file, *key_file;
  const char *url;               /* of a PostgreSQL; NULL: the store is db_file */
  const struct cli_store *store; /* NULL: it could not be opened */
  struct row rows[ROWS_MAX];
  int count;
};

/* A row; advice "" when there is nothing to do. The text of `found` is formatted. */
static void add(struct doctor *d, enum level level, const char *check, const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void add(struct doctor *d, enum level level, const char *check, const char *advice, const char *format, ...) {
  if (d->count == ROWS_MAX) return;
  va_list values;
  va_start(values, format);
  char text[400];
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  d->rows[d->count++] = (struct row){level, check, mem_strdup(d->ctx, text), advice};
}

/* ---- the folder ---- */

static void check_folder(struct doctor *d) {
  struct stat st;
  if (stat(d->dir, &st)) {
    add(d, LEVEL_FAIL, "data folder", mem_printf(d->ctx, "make it: guichet init --data %s", d->dir), "%s: %s", d->dir,
        strerror(errno));
    return;
  }
  if (!S_ISDIR(st.st_mode)) {
    add(d, LEVEL_FAIL, "data folder", "name a folder with --data", "%s is no folder", d->dir);
  } else if (st.st_uid != geteuid() && geteuid() != 0) {
    add(d, LEVEL_WARN, "data folder", "run this as the user that the server runs as", "%s belongs to user %u", d->dir,
        st.st_uid);
  } else if (access(d->dir, R_OK | W_OK | X_OK)) {
    add(d, LEVEL_FAIL, "data folder", mem_printf(d->ctx, "chmod 700 %s", d->dir), "%s is not writable", d->dir);
  } else if (st.st_mode & 077) {
    add(d, LEVEL_WARN, "data folder", mem_printf(d->ctx, "chmod 700 %s", d->dir),
        "%s is open to other users (mode %04o)", d->dir, st.st_mode & 07777);
  } else {
    add(d, LEVEL_OK, "data folder", "", "%s, mode %04o", d->dir, st.st_mode & 07777);
  }
}

static void check_key(struct doctor *d) {
  struct stat st;
  /* Without a store there is nothing that a key would open: one row about that is enough. */
  if (!d->url && access(d->db_file, F_OK)) return;
  if (stat(d->key_file, &st)) {
    add(d, LEVEL_FAIL, "master key",
        mem_printf(d->ctx, "put the copy of it back as %s, mode 0600; no new one can open the secrets", d->key_file),
        "%s: %s", d->key_file, strerror(errno));
  } else if (st.st_mode & 077) {
    add(d, LEVEL_FAIL, "master key",
        mem_printf(d->ctx, "chmod 600 %s, and rotate the connectors' secrets if others had access", d->key_file),
        "other users can reach it (mode %04o)", st.st_mode & 07777);
  } else if (st.st_size != MASTER_KEY_LEN) {
    add(d, LEVEL_FAIL, "master key", "put the copy of it back", "it has %lld bytes instead of %d",
        (long long)st.st_size, MASTER_KEY_LEN);
  } else {
    add(d, LEVEL_OK, "master key", "", "%s, mode %04o", d->key_file, st.st_mode & 07777);
  }
}

static void check_file(struct doctor *d) {
  char err[256];
  struct db *db = sqlite_open(NULL, d->db_file, SQLITE_READER, err);
  if (!db) {
    add(d, LEVEL_FAIL, "store", "guichet restore a backup into a new folder", "%s", err);
    return;
  }
  if (sqlite_check(db, err)) {
    add(d, LEVEL_OK, "store", "", "whole (quick check)");
  } else {
    add(d, LEVEL_FAIL, "store", "stop the server, keep this folder, guichet restore a backup into a new one", "%s",
        err);
  }
  mem_free(db);
}

static void check_schema(struct doctor *d) {
  char err[256];
  int schema = 0, known = schema_known();
  if (!store_schema(d->dir, d->url, &schema, err)) {
    if (d->url) add(d, LEVEL_FAIL, "store", "start PostgreSQL, or correct its address", "%s", err);
    schema = 0;
  } else if (d->url && schema < 0) {
    add(d, LEVEL_FAIL, "store", "make it: guichet init --store …", "the database holds no store yet");
  } else if (d->url) {
    add(d, LEVEL_OK, "store", "", "in PostgreSQL");
  }
  if (d->url && schema <= 0) return;
  const char *advice =
      schema > known ? "use the newer program that wrote it" : "the next guichet serve brings it forward, after a copy";
  if (schema == known) {
    add(d, LEVEL_OK, "schema", "", "%d", schema);
  } else {
    add(d, schema > known || schema <= 0 ? LEVEL_FAIL : LEVEL_WARN, "schema", advice, "%d; this program knows %d",
        schema > 0 ? schema : 0, known);
  }
}

static void check_store(struct doctor *d) {
  if (!d->url && access(d->db_file, F_OK)) {
    add(d, LEVEL_FAIL, "store", mem_printf(d->ctx, "make it: guichet init --data %s; or guichet restore", d->dir),
        "%s: %s", d->db_file, strerror(errno));
    return;
  }
  if (!d->url) check_file(d);
  if (d->count && !strcmp(d->rows[d->count - 1].check, "store") && d->rows[d->count - 1].level == LEVEL_FAIL) return;
  check_schema(d);
}

static void check_disk(struct doctor *d) {
  struct statvfs v;
  if (statvfs(d->dir, &v)) return;
  int64_t bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
  enum level level = bytes < DISK_FAIL_BYTES ? LEVEL_FAIL : bytes < DISK_WARN_BYTES ? LEVEL_WARN : LEVEL_OK;
  add(d, level, "free disk space", level == LEVEL_OK ? "" : "make room: without it every message is answered 503", "%s",
      term_size(d->ctx, bytes));
}

/* ---- the machine ---- */

static void check_clock(struct doctor *d) {
  int64_t now_ms = clock_wall_ms();
  int64_t built_ms = (int64_t)GUICHET_BUILT * 1000;
  const char *files[] = {d->db_file, mem_printf(d->ctx, "%s-wal", d->db_file), d->key_file};
  const char *advice = "set the clock, by NTP for example: tokens and retries go by it";
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    struct stat st;
    if (stat(files[i], &st) || (int64_t)st.st_mtime * 1000 < now_ms + CLOCK_SLACK_MS) continue;
    add(d, LEVEL_FAIL, "clock", advice, "it is %s, but %s was written at %s", term_time(d->ctx, now_ms), files[i],
        term_time(d->ctx, (int64_t)st.st_mtime * 1000));
    return;
  }
  if (now_ms < built_ms) {
    add(d, LEVEL_FAIL, "clock", advice, "it is %s, before this program was built", term_time(d->ctx, now_ms));
  } else {
    add(d, LEVEL_OK, "clock", "", "%s", term_time(d->ctx, now_ms));
  }
}

static void check_files(struct doctor *d) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  int64_t needed = d->conf->connection_max + 256;
  /* The program raises the soft limit to the hard one by itself. */
  if (limit.rlim_max != RLIM_INFINITY && (int64_t)limit.rlim_max < needed) {
    add(d, LEVEL_WARN, "open files", "raise it (LimitNOFILE= of the service, or ulimit -n), or lower connection_max",
        "at most %lld, connection_max wants %lld", (long long)limit.rlim_max, (long long)needed);
  } else {
    add(d, LEVEL_OK, "open files", "", "enough for %lld connections", (long long)d->conf->connection_max);
  }
}

struct health {
  bool done, ours;
  int status;
};

static void health_arrived(void *arg, const struct outbound_result *r) {
  struct health *h = arg;
  h->done = true;
  h->status = r->status;
  struct jerror wrong;
  void *ctx = mem_pool(NULL, 4096);
  const struct jval *json = r->body_len ? json_parse(ctx, r->body, r->body_len, &wrong) : NULL;
  h->ours = jval_str(jval_get(json, "status"), NULL) && jval_type(jval_get(json, "store")) == JT_OBJECT;
  mem_free(ctx);
}

/* Asks whoever listens there whether it is a Guichet. */
static struct health ask_health(struct doctor *d) {
  const char *port = strrchr(d->conf->listen, ':');
  size_t host_len = port ? (size_t)(port - d->conf->listen) : 0;
  const char *host = mem_strndup(d->ctx, d->conf->listen, host_len);
  if (!strcmp(host, "[::]") || !strcmp(host, "0.0.0.0")) host = "127.0.0.1";
  struct conf everywhere = {0};
  struct health h = {0};
  char err[160];
  if (!cidr_list_parse(d->ctx, "*", &everywhere.allow_private_targets, err)) panic("%s", err);
  struct outbound *o = outbound_new(d->ctx, 1);
  outbound_set_conf(o, &everywhere);
  const struct outbound_request request = {
      .method = "GET",
      .url = mem_printf(d->ctx, "%s://%s%s/health", *d->conf->tls_cert ? "https" : "http", host, port ? port : ""),
      .headers = (const char *const[]){NULL},
      .timeout_ms = HEALTH_TIMEOUT,
      .body_max = 65536,
      .done = health_arrived,
      .arg = &h,
  };
  if (outbound_send(o, &request, err)) {
    while (!h.done) outbound_run(o, 100);
  }
  outbound_free(o);
  return h;
}

static void check_port(struct doctor *d) {
  char err[256];
  struct listener *l = listener_open(d->ctx, d->conf->listen, err);
  if (l) {
    listener_close(l);
    add(d, LEVEL_OK, "listen address", "", "%s is free: no server runs there now", d->conf->listen);
    return;
  }
  struct health h = ask_health(d);
  if (!h.ours) {
    add(d, LEVEL_FAIL, "listen address", "end the program that has it, or name another address with --listen", "%s",
        err);
  } else if (h.status == 200) {
    add(d, LEVEL_OK, "listen address", "", "%s is served by Guichet, which is well", d->conf->listen);
  } else {
    add(d, LEVEL_FAIL, "listen address", "look into its log, and at /health there",
        "%s is served by Guichet, whose /health answers %d", d->conf->listen, h.status);
  }
}

static void check_tls(struct doctor *d) {
  const char *const files[][2] = {{"tls_cert", d->conf->tls_cert}, {"tls_key", d->conf->tls_key}};
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    if (!*files[i][1]) continue;
    if (access(files[i][1], R_OK)) {
      add(d, LEVEL_FAIL, files[i][0], "name a PEM file that this user may read", "%s: %s", files[i][1],
          strerror(errno));
    } else {
      add(d, LEVEL_OK, files[i][0], "", "%s", files[i][1]);
    }
  }
}

static void check_public_url(struct doctor *d) {
  bool local = !strncmp(d->conf->listen, "127.", 4) || !strncmp(d->conf->listen, "[::1]", 5) ||
               !strncmp(d->conf->listen, "localhost", 9);
  if (*d->conf->public_url) {
    add(d, LEVEL_OK, "public_url", "", "%s", d->conf->public_url);
  } else if (local) {
    add(d, LEVEL_OK, "public_url", "", "not set; fine for trying on this machine");
  } else {
    add(d, LEVEL_WARN, "public_url", "set public_url to the https:// address that partners use",
        "not set: links to attachments point to %s", d->conf->listen);
  }
}

/* ---- what is set up ---- */

static void check_secrets(struct doctor *d) {
  const struct registry *r = d->store->registry;
  int closed = 0;
  for (int i = 0; i < r->channel_count; i++) closed += !r->channels[i].secret;
  if (closed) {
    add(d, LEVEL_FAIL, "secrets", "put the master key back that belongs to this store",
        "the master key does not open %d of %d", closed, r->channel_count);
  } else {
    add(d, LEVEL_OK, "secrets", "", "the master key opens all of them (%d)", r->channel_count);
  }
}

static const char *how_to_set(const struct channel *c) {
  return c->kind == CHANNEL_KIAMO_IO ? "guichet connector set … --webhook URL" : "guichet channel set … --callback URL";
}

static void check_webhook(struct doctor *d, const struct channel *c) {
  static const struct {
    enum level level;
    const char *advice;
  } outcomes[] = {
      [PROBE_REACHED] = {LEVEL_OK, ""},
      [PROBE_BAD_URL] = {LEVEL_FAIL, NULL}, /* as how_to_set says */
      [PROBE_NO_NAME] = {LEVEL_FAIL, "correct the address, or this machine's DNS"},
      [PROBE_REFUSED] = {LEVEL_FAIL,
                         "if that is meant, allow its network: allow_private_targets (GUICHET_ALLOW_PRIVATE_TARGETS)"},
      [PROBE_NO_CONNECTION] = {LEVEL_FAIL,
                               "start the partner's side, or open the way to it; deliveries wait and are tried again"},
  };
  const char *check = mem_printf(d->ctx, "webhook of %s", c->name);
  if (c->enabled && c->token_id && !c->token) {
    add(d, LEVEL_FAIL, check, "guichet account-token enable …, or guichet channel set … --token TOKEN",
        "the account token that it signs with is disabled: nothing is sent");
    return;
  }
  if (!c->enabled || !*c->webhook_url) {
    const char *advice = c->enabled ? mem_printf(d->ctx, "%s; until then answers stay here", how_to_set(c)) : "";
    add(d, c->enabled ? LEVEL_WARN : LEVEL_OK, check, advice, "%s", c->enabled ? "none is set" : "it is disabled");
    return;
  }
  char why[200];
  enum probe_result result = probe_url(c->webhook_url, d->conf->allow_private_targets, CONNECT_TIMEOUT, why);
  const char *advice = outcomes[result].advice ? outcomes[result].advice : how_to_set(c);
  add(d, outcomes[result].level, check, advice, "%.150s: %s", c->webhook_url, why);
}

static void check_deliveries(struct doctor *d) {
  int64_t oldest = 0;
  struct db *db = store_read_begin(d->store->store);
  int64_t parked = delivery_count(db, d->store->instance->id, DELIVERY_PARKED, &oldest);
  int64_t pending = delivery_count(db, d->store->instance->id, DELIVERY_PENDING, &oldest);
  store_read_end(d->store->store, db);
  add(d, parked ? LEVEL_WARN : LEVEL_OK, "deliveries",
      parked ? "guichet deliveries list --state parked says why; replay sends them again" : "",
      "%lld pending, %lld parked", (long long)pending, (long long)parked);
}

static void check_setup(struct doctor *d) {
  check_secrets(d);
  check_deliveries(d);
  for (int i = 0; i < d->store->registry->channel_count; i++) check_webhook(d, &d->store->registry->channels[i]);
}

/* ---- the command ---- */

static void (*const checks[])(struct doctor *d) = {
    check_folder, check_key, check_store, check_disk, check_clock, check_files, check_port, check_tls, check_public_url,
};

static bool any_failed(const struct doctor *d) {
  for (int i = 0; i < d->count; i++) {
    if (d->rows[i].level == LEVEL_FAIL) return true;
  }
  return false;
}

/* Only what is sound and of our schema is opened as a store: opening would bring an older one forward. */
static void look_inside(struct doctor *d) {
  for (int i = 0; i < d->count; i++) {
    const struct row *r = &d->rows[i];
    bool shut =
        !strcmp(r->check, "schema") ? r->level != LEVEL_OK : r->level == LEVEL_FAIL && !strcmp(r->check, "store");
    if (shut) return;
  }
  if (access(d->key_file, R_OK)) return;
  char err[256];
  struct store_options options = {.dir = d->dir, .url = d->url, .mode = STORE_TOOL};
  struct store *trial = store_open(d->ctx, &options, err);
  if (!trial) {
    add(d, LEVEL_FAIL, "secrets", "put the master key back that belongs to this store", "%s", err);
    return;
  }
  store_close(trial);
  struct cli_store s;
  if (cli_store_begin(d->args, &s) != CLI_OK) {
    add(d, LEVEL_FAIL, "setup", "the line on standard error says why", "it cannot be read");
    return;
  }
  d->store = &s;
  check_setup(d);
  d->store = NULL;
  cli_store_end(&s);
}

static int print_json(const struct doctor *d) {
  struct output o;
  output_begin(&o, d->ctx);
  jw_object(&o.w);
  jw_kbool(&o.w, "ok", !any_failed(d));
  jw_key(&o.w, "checks");
  jw_array(&o.w);
  for (int i = 0; i < d->count; i++) {
    jw_object(&o.w);
    jw_kstr(&o.w, "check", d->rows[i].check);
    jw_kstr(&o.w, "result", level_words[d->rows[i].level]);
    jw_kstr(&o.w, "found", d->rows[i].found);
    jw_kstr(&o.w, "advice", d->rows[i].advice);
    jw_object_end(&o.w);
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  return output_end(&o);
}

static void print_table(const struct doctor *d) {
  static const enum term_style styles[] = {TERM_GOOD, TERM_POOR, TERM_BAD};
  struct term_table *t = term_table_new(d->ctx, (const char *const[]){"", "CHECK", "FOUND", NULL});
  for (int i = 0; i < d->count; i++) {
    const struct row *r = &d->rows[i];
    term_table_add(t, (const char *const[]){level_words[r->level], r->check, r->found});
    term_table_style(t, styles[r->level]);
    if (*r->advice) term_table_add(t, (const char *const[]){"", "", mem_printf(d->ctx, "-> %s", r->advice)});
  }
  term_table_print(t, stdout, "nothing to check");
}

int cli_doctor(const struct cli_args *args) {
  struct doctor *d = mem_new(cli_ctx(args), struct doctor);
  d->args = args;
  d->ctx = cli_ctx(args);
  d->dir = cli_data(args);
  if (!d->dir) return CLI_USAGE;
  d->conf = cli_conf(args);
  if (!d->conf) return CLI_USAGE;
  d->url = *d->conf->store ? d->conf->store : store_url(d->ctx, d->dir);
  d->db_file = mem_printf(d->ctx, "%s/guichet.db", d->dir);
  d->key_file = mem_printf(d->ctx, "%s/master.key", d->dir);
  for (size_t i = 0; i < ARRAY_LEN(checks); i++) checks[i](d);
  look_inside(d);
  bool failed = any_failed(d);
  if (cli_json(args)) {
    print_json(d);
  } else {
    print_table(d);
  }
  return failed ? CLI_FAILED : CLI_OK;
}
