/* guichet serve: puts the parts together, waits for signals, takes them apart again. The main thread only waits.
 * SIGTERM and SIGINT stop cleanly within stop_deadline, SIGHUP rereads the settings. When the store fails for good the
 * process ends with 1. */
#include "cli/cli.h"

#include "api/app.h"
#include "api/kiamo_v3/presence.h"
#include "api/routes.h"
#include "auth/access.h"
#include "auth/device.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "cli/run.h"
#include "jobs/deliver.h"
#include "jobs/housekeep.h"
#include "jobs/route.h"
#include "jobs/timers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORKERS          2
#define WORK_MAX         256
#define BRAKES_MAX       10000
#define TOKENS_MAX       1000
#define DOWN_DEADLINE_MS 1000
#define SIGNAL_DOWN      SIGUSR1 /* to ourselves: the store failed for good */

struct server {
  const struct cli_args *args;
  const struct conf *conf;
  struct app app;
  struct http_app http_app;
  pthread_mutex_t deliver_lock; /* the store's hook and the figures may ask while the deliverer is being stopped */
  struct deliver *deliver;
  struct housekeep *housekeep;
  struct timers *timers;
  struct route *route; /* set before serving, stopped after the last request */
  sigset_t signals;
  char url[128]; /* what we listen on, as an address for people on this machine */
};

static struct server the_server = {.deliver_lock = PTHREAD_MUTEX_INITIALIZER};

static void stats_of_deliverer(struct deliver_stats *ret) {
  *ret = (struct deliver_stats){.last_progress_ms = 0};
  pthread_mutex_lock(&the_server.deliver_lock);
  if (the_server.deliver) deliver_stats(the_server.deliver, ret);
  pthread_mutex_unlock(&the_server.deliver_lock);
}

static void stats_of_routing(struct routing_stats *ret) {
  struct route_stats st;
  *ret = (struct routing_stats){.offers = 0};
  if (!the_server.route) return;
  route_stats(the_server.route, &st);
  *ret = (struct routing_stats){
      .offers = st.offers, .refused = st.refused, .due = st.due, .decide_us_max = st.decide_us_max};
}

static void on_events(void *arg, int64_t instance_id, int64_t last_number) {
  struct server *s = arg;
  live_committed(s->app.live, instance_id, last_number);
  if (s->route) route_wake(s->route, instance_id);
}
static void on_delivery(void *arg) {
  struct server *s = arg;
  pthread_mutex_lock(&s->deliver_lock);
  if (s->deliver) deliver_wake(s->deliver);
  pthread_mutex_unlock(&s->deliver_lock);
}

static void on_down(void *arg) {
  (void)arg;
  kill(getpid(), SIGNAL_DOWN);
}

/* The address the world sees when public_url is not set. */
static void set_own_url(struct server *s) {
  char host[80] = "127.0.0.1";
  const char *listen = s->conf->listen, *colon = strrchr(listen, ':');
  size_t len = colon ? (size_t)(colon - listen) : 0;
  bool any = len == 0 || strncmp(listen, "0.0.0.0", len) == 0 || strncmp(listen, "[::]", len) == 0;
  if (!any) snprintf(host, sizeof host, "%.*s", (int)(len < 79 ? len : 79), listen);
  snprintf(s->url, sizeof s->url, "%s://%s:%d", *s->conf->tls_cert ? "https" : "http", host,
           http_server_port(s->app.http));
  api_set_own_url(s->url);
}

static bool open_parts(struct server *s, void *ctx, const char *dir) {
  char err[256];
  struct store_options options = {.dir = dir,
                                  .url = s->conf->store,
                                  .mode = STORE_SERVE,
                                  .queue_max = s->conf->store_queue_max,
                                  .writers = s->conf->store_writers};
  s->app.store = store_open(ctx, &options, err);
  if (!s->app.store) {
    cli_fail(CLI_FAILED, "%s", err);
    return false;
  }
  access_setup(store_key(s->app.store));
  device_setup(store_key(s->app.store));
  s->app.metrics = metrics_new(ctx, api_route_count);
  s->app.work = work_new(ctx, "work", WORKERS, WORK_MAX);
  s->app.client_brake = brake_new(ctx, 10, 1000, 60000, BRAKES_MAX);
  s->app.pair_brake = brake_new(ctx, 5, 1000, 900000, BRAKES_MAX);
  s->app.login_brake = brake_new(ctx, 50, 1000, 60000, BRAKES_MAX);
  s->app.network_brake = brake_new(ctx, 100, 1000, 60000, BRAKES_MAX);
  s->app.token_rate = rate_new(ctx, BRAKES_MAX);
  s->app.token_use = token_use_new(ctx, TOKENS_MAX);
  s->app.live = live_new(ctx, s->app.store);
  s->app.conf = s->conf;
  live_on_agent(s->app.live, v3_presence_live);
  s->app.started_at = clock_wall_ms();
  s->app.deliver_stats = stats_of_deliverer;
  s->app.routing_stats = stats_of_routing;
  app_set(&s->app);
  s->route = route_new(ctx, s->app.store, s->conf);
  struct store_hooks hooks = {.events = on_events, .delivery = on_delivery, .down = on_down, .arg = s};
  store_set_hooks(s->app.store, &hooks);
  s->housekeep = housekeep_start(ctx, s->app.store, s->app.token_use, s->conf);
  s->timers = timers_start(ctx, s->app.store, s->conf);
  route_start(s->route);
  struct deliver *deliver = deliver_start(ctx, s->app.store, s->conf);
  pthread_mutex_lock(&s->deliver_lock);
  s->deliver = deliver;
  pthread_mutex_unlock(&s->deliver_lock);
  s->http_app = (struct http_app){.router = router_new(ctx, api_routes, api_route_count),
                                  .admit = api_admit,
                                  .refuse = api_refuse,
                                  .finished = api_finished};
  s->app.http = http_server_start(ctx, s->conf, &s->http_app, err);
  if (!s->app.http) {
    cli_fail(CLI_FAILED, "%s", err);
    return false;
  }
  set_own_url(s);
  http_server_run(s->app.http);
  return true;
}

static bool is_down(struct server *s) {
  struct store_stats st;
  store_stats(s->app.store, &st);
  return st.down;
}

/* Waits until requests under way have ended; streams end by themselves once live_stop was called. */
static bool drain(const struct server *s, int64_t until_us) {
  while (http_server_busy(s->app.http) > 0) {
    if (clock_mono_us() > until_us) return false;
    usleep(2000);
  }
  return true;
}

static void stop_deliverer(struct server *s, int64_t deadline_ms) {
  pthread_mutex_lock(&s->deliver_lock);
  struct deliver *deliver = s->deliver;
  s->deliver = NULL;
  pthread_mutex_unlock(&s->deliver_lock);
  if (deliver) deliver_stop(deliver, deadline_ms);
}

/* The deadline has passed. Clients that dawdle may be cut off; but if writes still wait, somebody hears of a failure.
 * Everything answered is on disk, so there is nothing to tidy: just end. */
_Noreturn static void end_now(struct server *s) {
  struct store_stats st;
  stop_deliverer(s, 100);
  store_stats(s->app.store, &st);
  bool clean = st.queue_len == 0 && !st.down;
  log_at(LOG_WARN, "serve.stop",
         log_t("result", clean ? "deadline passed, clients cut off" : "deadline passed, writes given up"));
  fflush(NULL);
  _exit(clean ? CLI_OK : CLI_FAILED);
}

static int close_parts(struct server *s) {
  /* A store that is down takes nothing any more: only answers on their way out are worth waiting for. */
  int64_t deadline_ms = s->conf->stop_deadline;
  if (is_down(s) && deadline_ms > DOWN_DEADLINE_MS) deadline_ms = DOWN_DEADLINE_MS;
  int64_t until_us = clock_mono_us() + deadline_ms * 1000;
  s->app.stopping = APP_STOPPING;
  bool drained = true;
  if (s->app.http) http_server_quiesce(s->app.http);
  if (s->app.live) live_stop(s->app.live);
  if (s->app.http) drained = drain(s, until_us);
  /* Open connections may still ask. From here on they hear 503, so that nobody waits for the store when the server of
   * requests stops; who was admitted just before is waited for. */
  s->app.stopping = APP_CLOSED;
  if (s->app.http && drained) drained = drain(s, until_us);
  if (!drained) end_now(s);
  int64_t left_ms = (until_us - clock_mono_us()) / 1000;
  stop_deliverer(s, left_ms > 100 ? left_ms : 100);
  if (s->app.http) http_server_stop(s->app.http);
  if (s->app.work) work_close(s->app.work);
  if (s->timers) timers_stop(s->timers);
  if (s->route) route_stop(s->route);
  if (s->housekeep) housekeep_stop(s->housekeep);
  timer_stop();
  bool down = is_down(s);
  store_close(s->app.store);
  registry_forget();
  access_forget();
  log_at(LOG_INFO, "serve.stop", log_t("result", down ? "store failed" : "clean"));
  return down ? CLI_FAILED : CLI_OK;
}

static void reread(struct server *s, void *ctx) {
  const struct conf *next = cli_conf(s->args);
  if (!next) {
    log_at(LOG_ERROR, "serve.reread", log_t("result", "the settings are not usable; the old ones stay"));
    return;
  }
  /* Requests under way keep the settings they began with: all of them live until the end. */
  s->conf = conf_reload(ctx, s->conf, next);
  log_set_level(s->conf->log_level);
  http_server_set_conf(s->app.http, s->conf);
  deliver_set_conf(s->deliver, s->conf);
  timers_set_conf(s->timers, s->conf);
  housekeep_set_conf(s->housekeep, s->conf);
  route_set_conf(s->route, s->conf);
  s->app.conf = s->conf;
  store_epoch_raise(s->app.store);
  log_at(LOG_INFO, "serve.reread", log_t("result", "ok"));
}

static void block_signals(sigset_t *set) {
  sigemptyset(set);
  int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGNAL_DOWN};
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++) sigaddset(set, wanted[i]);
  /* Before any thread starts, so that all inherit it and only the main thread sees them. */
  pthread_sigmask(SIG_BLOCK, set, NULL);
  signal(SIGPIPE, SIG_IGN);
}

int cli_serve(const struct cli_args *args) {
  struct server *s = &the_server;
  s->args = args;
  s->conf = cli_conf(args);
  if (!s->conf) return CLI_USAGE;
  if (cli_has(args, "print-config")) {
    (cli_json(args) ? conf_print_json : conf_print)(s->conf, stdout);
    return CLI_OK;
  }
  const char *dir = cli_data(args);
  if (!dir) return CLI_USAGE;
  log_set_level(s->conf->log_level);
  block_signals(&s->signals);
  bool ready = open_parts(s, cli_ctx(args), dir);
  if (!ready) {
    if (s->app.store) close_parts(s);
    return CLI_FAILED;
  }
  /* What programs and people wait for. */
  printf("listening on %s\n", s->url);
  fflush(stdout);
  mem_after_start();
  int signal_number = 0;
  do {
    if (sigwait(&s->signals, &signal_number) != 0) continue;
    if (signal_number == SIGHUP) reread(s, cli_ctx(args));
  } while (signal_number == SIGHUP);
  log_at(LOG_INFO, "serve.stopping",
         log_t("signal", signal_number == SIGNAL_DOWN ? "store down" : strsignal(signal_number)));
  return close_parts(s);
}
