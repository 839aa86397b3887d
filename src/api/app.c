/* The application behind the HTTP server: admits, refuses, counts. Holds the one struct app of the process. */
#include "api/app.h"

#include "api/caller.h"
#include "api/errors.h"
#include "api/routes.h"
#include "api/voximplant/voximplant.h"
#include "auth/access.h"
#include "auth/credentials.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static struct app *the_app;
static char own_url[128];

const struct app *app(void) {
  return the_app;
}
void app_set(struct app *a) {
  the_app = a;
}
void api_set_own_url(const char *url) {
  snprintf(own_url, sizeof own_url, "%s", url);
}
const char *api_public_url(const struct conf *conf) {
  return *conf->public_url ? conf->public_url : own_url;
}

const struct caller *caller_of(const struct request *req) {
  return request_user(req);
}

struct actor caller_actor(const struct caller *c) {
  if (c->agent) return (struct actor){.agent_id = c->agent->id, .display_name = c->agent->display_name};
  return (struct actor){.display_name = c->token ? c->token->label : ""};
}

void caller_key(const struct caller *c, char out[static 40]) {
  if (c->agent)
    snprintf(out, 40, "agent:%lld", (long long)c->agent->id);
  else
    snprintf(out, 40, "token:%lld", (long long)(c->token ? c->token->id : 0));
}

static int caller_destroy(struct caller *c) {
  registry_put(c->registry);
  return 0;
}

static struct caller *caller_new(struct request *req) {
  const struct registry *r = registry_get(the_app->store);
  if (!r) {
    fail_unavailable(req, UNAVAILABLE_DOWN);
    return NULL;
  }
  struct caller *c = mem_new(request_pool(req), struct caller);
  c->registry = r;
  talloc_set_destructor(c, caller_destroy);
  request_set_user(req, c);
  return c;
}

/* ---- a connector's Bearer token ---- */

static void refuse_bearer(struct request *req, const char *authorization, const char *why) {
  reply_header(req, "WWW-Authenticate", authorization ? "Bearer error=\"invalid_token\"" : "Bearer");
  kiamo_io_fail(req, 401, why);
}

static void admit_connector(struct request *req, struct caller *c) {
  const char *authorization = request_header(req, "Authorization");
  struct access_claims claims;
  size_t len = 0;
  const char *token = bearer_token(authorization, &len);
  enum access_result r =
      token ? access_check(ACCESS_MESSAGING, token, len, clock_wall_ms() / 1000, &claims) : ACCESS_FORGED;
  if (r == ACCESS_EXPIRED) {
    refuse_bearer(req, authorization, "the access token has expired");
    return;
  }
  const struct channel *channel = r == ACCESS_OK ? registry_channel(c->registry, claims.channel_id) : NULL;
  bool good = channel && channel->enabled && channel->instance_id == claims.instance_id &&
              channel->generation == claims.generation && channel->kind == CHANNEL_KIAMO_IO;
  if (!good) {
    refuse_bearer(req, authorization, "the access token is not valid");
    return;
  }
  c->channel = channel;
  c->instance_id = channel->instance_id;
}

/* ---- API tokens and sessions ---- */

static enum api_verb verb_of(enum http_method method) {
  static const enum api_verb verbs[] = {
      [HTTP_GET] = VERB_GET,       [HTTP_HEAD] = VERB_GET,    [HTTP_POST] = VERB_POST, [HTTP_PUT] = VERB_PUT,
      [HTTP_DELETE] = VERB_DELETE, [HTTP_OPTIONS] = VERB_GET, [HTTP_PATCH] = VERB_PUT, [HTTP_OTHER] = VERB_GET};
  return verbs[method];
}

static void admit_token(struct request *req, struct caller *c, const char *text) {
  uint8_t hash[SHA256_LEN];
  size_t len = strlen(text);
  const struct route *route = request_route(req);
  digest_sha256(text, len, hash);
  const struct api_token *token = len == 40 ? registry_token(c->registry, hash) : NULL;
  if (!token || !token->enabled || !(token->rights & rights_of_api((enum api_name)route->api)) ||
      route->access == ACCESS_PERSON) {
    fail_token(req, 401);
    return;
  }
  if (!(token->rights & rights_bit((enum api_name)route->api, verb_of(request_method(req))))) {
    fail_token(req, 403);
    return;
  }
  int64_t per_minute = request_conf(req)->token_rate;
  int64_t burst = per_minute >= 6 ? per_minute / 6 : 1;
  int64_t wait = rate_take(the_app->token_rate, token->id, per_minute, burst, clock_mono_us() / 1000);
  if (wait > 0) {
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((wait + 999) / 1000));
    reply_header(req, "Retry-After", seconds);
    fail(req, ERR_1020, 429, "too many requests with this token");
    return;
  }
  token_use_note(the_app->token_use, token->id, clock_wall_ms());
  c->token = token;
  c->instance_id = token->instance_id;
}

/* A browser adds the cookie by itself, also to requests that another site makes it send: writing needs the Origin to be
 * ours. */
static bool origin_ok(const struct request *req) {
  const char *origin = request_header(req, "Origin"), *host = request_header(req, "Host");
  if (verb_of(request_method(req)) == VERB_GET || !origin) return true;
  const char *public_url = request_conf(req)->public_url;
  if (*public_url && strcmp(origin, public_url) == 0) return true;
  const char *at = strstr(origin, "://");
  return at && host && strcmp(at + 3, host) == 0;
}

static void admit_session(struct request *req, struct caller *c, const char *cookie) {
  const struct route *route = request_route(req);
  struct db_rows rows;
  int64_t agent_id = 0, instance_id = 0;
  digest_sha256(cookie, strlen(cookie), c->session_hash);
  struct db *db = store_read_begin(the_app->store);
  db_open(db, &rows, Q_SESSION_GET, v_bytes(c->session_hash, SHA256_LEN));
  if (db_next(&rows) && col_int(&rows, 2) > clock_wall_ms()) {
    instance_id = col_int(&rows, 0);
    agent_id = col_int(&rows, 1);
  }
  db_close(&rows);
  bool failed = db_failed(db);
  store_read_end(the_app->store, db);
  if (failed) { /* nobody is logged out by our trouble */
    fail_unavailable(req, UNAVAILABLE_DOWN);
    return;
  }
  const struct agent *agent = agent_id ? registry_agent(c->registry, agent_id) : NULL;
  if (!agent || !agent->enabled || agent->instance_id != instance_id) {
    fail_token(req, 401);
    return;
  }
  if (!(agent_profile_rights(agent->profile) & rights_bit((enum api_name)route->api, verb_of(request_method(req))))) {
    fail_token(req, 403);
    return;
  }
  if (!origin_ok(req)) {
    fail(req, ERR_2500, 403, "the Origin of the request is not this server's");
    return;
  }
  c->agent = agent;
  c->instance_id = instance_id;
}

static void admit_api(struct request *req, struct caller *c) {
  const char *token = request_header(req, "Kiamo-Api-Token");
  const char *cookie = token ? NULL : cookie_value(request_pool(req), request_header(req, "Cookie"), "guichet_session");
  if (token)
    admit_token(req, c, token);
  else if (cookie && strlen(cookie) == 64)
    admit_session(req, c, cookie);
  else
    fail_token(req, 401);
}

void api_admit(struct request *req) {
  static void (*const admit[])(struct request *, struct caller *) = {[ACCESS_PUBLIC] = NULL,
                                                                     [ACCESS_CONNECTOR] = admit_connector,
                                                                     [ACCESS_CHANNEL] = kit_admit,
                                                                     [ACCESS_API] = admit_api,
                                                                     [ACCESS_PERSON] = admit_api};
  if (the_app->stopping == APP_CLOSED) {
    reply_close(req);
    fail_unavailable(req, UNAVAILABLE_STOPPING);
    return;
  }
  struct caller *c = caller_new(req);
  int access = request_route(req)->access;
  if (c && admit[access]) admit[access](req, c);
}

void api_refuse(struct request *req, int status, const char *reason) {
  fail_by_path(req, status, reason);
}

void api_finished(const struct request *req, int status, int64_t duration_us, uint64_t bytes_in, uint64_t bytes_out) {
  const struct route *route = request_route(req);
  metrics_request(the_app->metrics, route ? (size_t)(route - api_routes) : api_route_count, status, duration_us);
  enum log_level level = status >= 500 ? LOG_WARN : LOG_DEBUG;
  if (!log_enabled(level)) return;
  char peer[ADDRESS_TEXT_LEN];
  /* The path only: queries can carry tokens. */
  log_at(level, "request", log_t("id", request_id(req)), log_t("method", http_method_name(request_method(req))),
         log_t("path", request_path(req)), log_i("status", status), log_i("us", duration_us),
         log_i("in", (int64_t)bytes_in), log_i("out", (int64_t)bytes_out),
         log_t("peer", address_text(request_peer(req), peer)));
}
