/* What the handlers work with. One per process, set before serving; its parts are safe from any thread. */
#pragma once

#include "api/live.h"
#include "api/metrics.h"
#include "auth/brake.h"
#include "auth/token_use.h"
#include "base/work.h"
#include "http/server.h"
#include "store/delivery.h"
#include "store/store.h"

/* Only ever moves down. */
enum app_stopping {
  APP_RUNS,
  APP_STOPPING, /* what comes in is still served */
  APP_CLOSED    /* nothing is admitted any more */
};

/* What routing has done since the start. */
struct routing_stats {
  uint64_t offers, refused, due;
  int64_t decide_us_max; /* since the last call */
};

struct app {
  struct store *store;
  void (*deliver_stats)(struct deliver_stats *ret); /* the jobs stand behind a function: api does not know them */
  void (*routing_stats)(struct routing_stats *ret);
  struct http_server *http;
  struct live *live;
  struct metrics *metrics;
  struct work *work;          /* for password hashing and large bodies */
  struct brake *client_brake; /* guessing at connectors' secrets, per client and address */
  /* Guessing at passwords. Whoever's browser is known (auth/device.h) meets the first alone. */
  struct brake *pair_brake;    /* per network and login, or per browser */
  struct brake *login_brake;   /* per login, with more patience: guessing from many networks */
  struct brake *network_brake; /* per network, with yet more: guessing at many logins */
  struct rate *token_rate;
  struct token_use *token_use;
  int64_t started_at;
  _Atomic(const struct conf *) conf; /* for what happens outside of requests */
  _Atomic enum app_stopping stopping;
};

const struct app *app(void);
void app_set(struct app *a);
/* The router's callbacks for http_app. */
void api_admit(struct request *req);
void api_refuse(struct request *req, int status, const char *reason);
void api_finished(const struct request *req, int status, int64_t duration_us, uint64_t bytes_in, uint64_t bytes_out);
/* Where partners and browsers reach us: the setting, or what the server listens on. Borrowed; no slash at the end. */
const char *api_public_url(const struct conf *conf);
void api_set_own_url(const char *url);
