/* Sessions of people: login (argon2id on a worker's thread, guessing slowed down), logout. The cookie is
 * random and stored hashed. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/presence.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define SESSION_MS INT64_C(43200000) /* 12 hours: a long working day */
#define COOKIE_LEN 65

struct login {
  struct request *req;
  const char *login, *password, *instance;
  char brake_pair[160], brake_login[160];
  const struct agent *agent;
  char cookie[COOKIE_LEN];
  uint8_t hash[SHA256_LEN];
  struct store_job job;
};

static void render_agent(struct buf *b, const struct agent *a) {
  struct jw w = jw_into(b);
  jw_object(&w);
  jw_key(&w, "agent");
  jw_object(&w);
  jw_kint(&w, "id", a->id);
  jw_kstr(&w, "login", a->login);
  jw_kstr(&w, "displayName", a->display_name);
  jw_kstr(&w, "profile", agent_profile_word(a->profile));
  jw_object_end(&w);
  jw_object_end(&w);
}

static struct buf *agent_body(struct request *req, const struct agent *a) {
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 256, 65536);
  render_agent(b, a);
  return b;
}

static void set_cookie(struct request *req, const char *value, int64_t max_age_s) {
  bool secure = request_is_secure(req) || strncmp(request_conf(req)->public_url, "https:", 6) == 0;
  reply_header(req, "Set-Cookie",
               mem_printf(request_pool(req), "guichet_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                          value, (long long)max_age_s, secure ? "; Secure" : ""));
  reply_header(req, "Cache-Control", "no-store");
}

static enum job_result session_run(struct db *tx, void *arg) {
  const struct login *l = arg;
  int64_t now_ms = clock_wall_ms();
  if (db_exec(tx, Q_SESSION_EXPIRE, v_int(now_ms)) == DB_FAILED) return JOB_REJECT;
  return db_exec(tx, Q_SESSION_INSERT, v_bytes(l->hash, SHA256_LEN), v_int(l->agent->instance_id), v_int(l->agent->id),
                 v_int(now_ms), v_int(now_ms + SESSION_MS)) == DB_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static void session_done(void *arg, enum store_result result) {
  struct login *l = arg;
  if (result == STORE_OK) {
    set_cookie(l->req, l->cookie, SESSION_MS / 1000);
    reply_json(l->req, 200, agent_body(l->req, l->agent));
  } else {
    fail_unavailable(l->req, result == STORE_FULL ? UNAVAILABLE_NO_ROOM : UNAVAILABLE_DOWN);
  }
  request_resume(l->req);
}

/* The person this password belongs to, or NULL (*ret_failed: the store could not be read). An unknown login costs as
 * much time as a known one. */
static const struct agent *find_person(const struct login *l, bool *ret_failed) {
  static const char nobody[] =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const struct registry *r = caller_of(l->req)->registry;
  const struct agent *found = NULL;
  char *hash = NULL;
  struct db_rows rows;
  struct db *db = store_read_begin(app()->store);
  db_open(db, &rows, Q_AGENT_BY_LOGIN, v_text(l->login));
  while (!found && db_next(&rows)) {
    const struct agent *a = registry_agent(r, col_int(&rows, 0));
    const struct instance *i = a ? registry_instance(r, a->instance_id) : NULL;
    bool here = i && (!l->instance || strcmp(i->name, l->instance) == 0);
    if (!here || !a->enabled) continue;
    found = a;
    hash = col_dup(&rows, 2, request_pool(l->req));
  }
  db_close(&rows);
  *ret_failed = db_failed(db);
  store_read_end(app()->store, db);
  if (*ret_failed) return NULL;
  bool good = password_verify(hash ? hash : nobody, l->password);
  return good ? found : NULL;
}

static bool braked(struct request *req, const struct login *l) {
  int64_t now = clock_mono_us() / 1000;
  int64_t pair = brake_wait_ms(app()->login_brake, l->brake_pair, now),
          login = brake_wait_ms(app()->owner_brake, l->brake_login, now);
  int64_t wait = pair > login ? pair : login;
  if (wait == 0) return false;
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%lld", (long long)((wait + 999) / 1000));
  reply_header(req, "Retry-After", seconds);
  fail(req, ERR_1210, 429, "too many wrong passwords; wait");
  return true;
}

static void login_refused(struct login *l) {
  int64_t mono_ms = clock_mono_us() / 1000;
  brake_failed(app()->login_brake, l->brake_pair, mono_ms);
  brake_failed(app()->owner_brake, l->brake_login, mono_ms);
  log_at(LOG_INFO, "login.refused", log_t("login", l->login), log_t("request", request_id(l->req)));
  fail(l->req, ERR_1210, 401, "the login or the password is wrong");
}

static void login_check(void *arg) {
  struct login *l = arg;
  bool failed = false;
  /* Again: guesses that came all at once have waited here for each other. */
  if (braked(l->req, l)) {
    request_resume(l->req);
    return;
  }
  l->agent = find_person(l, &failed);
  if (!l->agent) {
    if (failed)
      fail_unavailable(l->req, UNAVAILABLE_DOWN);
    else
      login_refused(l);
    request_resume(l->req);
    return;
  }
  brake_passed(app()->login_brake, l->brake_pair);
  brake_passed(app()->owner_brake, l->brake_login);
  uint8_t bytes[32];
  random_bytes(bytes, sizeof bytes);
  for (int i = 0; i < 32; i++) snprintf(l->cookie + 2 * i, 3, "%02x", bytes[i]);
  digest_sha256(l->cookie, COOKIE_LEN - 1, l->hash);
  l->job = (struct store_job){.run = session_run, .done = session_done, .arg = l};
  if (store_submit(app()->store, &l->job)) return;
  fail_unavailable(l->req, UNAVAILABLE_BUSY);
  request_resume(l->req);
}

void v3_login(struct request *req) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  struct login *l = mem_new(request_pool(req), struct login);
  l->req = req;
  l->login = decode_text(&d, body, "login", REQUIRED, 1, 255);
  l->password = decode_text(&d, body, "password", REQUIRED, 1, 1000);
  l->instance = decode_text(&d, body, "instance", OPTIONAL, 1, 255);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  /* Per address and login, and per login alone: the second catches guessing from many addresses, with more patience for
   * the owner. */
  char peer[ADDRESS_TEXT_LEN];
  snprintf(l->brake_pair, sizeof l->brake_pair, "%s %.64s", address_text(request_peer(req), peer), l->login);
  snprintf(l->brake_login, sizeof l->brake_login, "* %.64s", l->login);
  if (braked(req, l)) return;
  request_suspend(req);
  if (work_submit(app()->work, login_check, l)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}

/* ---- logout ---- */

struct logout {
  struct request *req;
  struct store_job job;
};

static enum job_result logout_run(struct db *tx, void *arg) {
  const struct logout *l = arg;
  const struct caller *c = caller_of(l->req);
  const struct agent_state *out = registry_state_of_kind(c->registry, c->instance_id, STATE_LOGGED_OUT);
  struct assign_conf conf = v3_assign_conf(request_conf(l->req));
  struct actor actor = caller_actor(c);
  struct presence p;
  int64_t now_ms = clock_wall_ms();
  if (db_exec(tx, Q_SESSION_DELETE, v_bytes(c->session_hash, SHA256_LEN)) == DB_FAILED) return JOB_REJECT;
  /* In another browser they may still be there. */
  presence_get(tx, request_pool(l->req), c->agent->id, &p);
  bool leaves = out && presence_kind(c->registry, &p) != STATE_LOGGED_OUT &&
                db_int(tx, Q_SESSION_COUNT, 1, v_int(c->agent->id), v_int(now_ms)) == 0;
  bool ok = !leaves || presence_set(tx, c->registry, &conf, c->agent->id, out, "", &actor, now_ms);
  return ok && !db_failed(tx) ? JOB_COMMIT : JOB_REJECT;
}

static void logout_done(void *arg, enum store_result result) {
  struct logout *l = arg;
  if (result == STORE_OK) {
    store_epoch_raise(app()->store); /* live streams of this session end */
    set_cookie(l->req, "", 0);
    reply_empty(l->req, 204);
  } else {
    fail_unavailable(l->req, result == STORE_FULL ? UNAVAILABLE_NO_ROOM : UNAVAILABLE_DOWN);
  }
  request_resume(l->req);
}

void v3_logout(struct request *req) {
  struct logout *l = mem_new(request_pool(req), struct logout);
  l->req = req;
  l->job = (struct store_job){.run = logout_run, .done = logout_done, .arg = l};
  request_suspend(req);
  if (store_submit(app()->store, &l->job)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}
