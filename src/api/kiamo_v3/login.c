/* Sessions of people: login (argon2id on a worker's thread, guessing slowed down), logout. The cookie is
 * random and stored hashed. A browser in which its owner has logged in before is marked (auth/device.h), so that
 * others' guesses do not keep them out. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/presence.h"
#include "api/kiamo_v3/write.h"
#include "auth/credentials.h"
#include "auth/device.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define SESSION_MS INT64_C(43200000) /* 12 hours: a long working day */
#define COOKIE_LEN 65
#define DEVICE_S   31536000 /* a year */
#define SAME_MAX   16       /* instances that know one login */

enum { BRAKE_PAIR, BRAKE_LOGIN, BRAKE_NETWORK, BRAKE_COUNT };

struct login {
  struct request *req;
  const char *login, *password, *instance;
  char keys[BRAKE_COUNT][160]; /* "": that brake does not count */
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

static void set_cookie(struct request *req, const char *name, const char *value, const char *path, int64_t max_age_s) {
  bool secure = request_is_secure(req) || strncmp(request_conf(req)->public_url, "https:", 6) == 0;
  reply_header(req, "Set-Cookie",
               mem_printf(request_pool(req), "%s=%s; Path=%s; HttpOnly; SameSite=Strict; Max-Age=%lld%s", name, value,
                          path, (long long)max_age_s, secure ? "; Secure" : ""));
}

static void set_session(struct request *req, const char *value, int64_t max_age_s) {
  set_cookie(req, "guichet_session", value, "/", max_age_s);
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
    char device[DEVICE_LEN];
    device_issue(l->login, device);
    set_cookie(l->req, "guichet_device", device, "/api/v3/agent/login", DEVICE_S);
    set_session(l->req, l->cookie, SESSION_MS / 1000);
    reply_json(l->req, 200, agent_body(l->req, l->agent));
  } else {
    fail_unavailable(l->req, result == STORE_FULL ? UNAVAILABLE_NO_ROOM : UNAVAILABLE_DOWN);
  }
  request_resume(l->req);
}

struct candidate {
  const struct agent *agent;
  const char *hash;
};

/* Who has this login, in the instance asked for or in any. -1: the store could not be read. */
static int find_candidates(const struct login *l, struct candidate out[static SAME_MAX]) {
  const struct registry *r = caller_of(l->req)->registry;
  int n = 0;
  struct db_rows rows;
  struct db *db = store_read_begin(app()->store);
  db_open(db, &rows, Q_AGENT_BY_LOGIN, v_text(l->login));
  while (n < SAME_MAX && db_next(&rows)) {
    const struct agent *a = registry_agent(r, col_int(&rows, 0));
    const struct instance *i = a ? registry_instance(r, a->instance_id) : NULL;
    bool here = i && (!l->instance || strcmp(i->name, l->instance) == 0);
    if (here && a->enabled) out[n++] = (struct candidate){a, col_dup(&rows, 2, request_pool(l->req))};
  }
  db_close(&rows);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  return failed ? -1 : n;
}

enum found { FOUND_NOBODY, FOUND_ONE, FOUND_SEVERAL, FOUND_FAILED };

/* The person this password belongs to. An unknown login costs as much time as a known one. */
static enum found find_person(struct login *l) {
  static const char nobody[] =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  struct candidate candidates[SAME_MAX] = {{NULL, nobody}};
  int n = find_candidates(l, candidates), good = 0;
  if (n < 0) return FOUND_FAILED;
  for (int i = 0; i < (n ? n : 1); i++) {
    if (!password_verify(candidates[i].hash, l->password) || !candidates[i].agent) continue;
    l->agent = candidates[i].agent;
    good++;
  }
  return good > 1 ? FOUND_SEVERAL : good ? FOUND_ONE : FOUND_NOBODY;
}

/* ---- guessing ---- */

static struct brake *brake_at(int i) {
  struct brake *const brakes[BRAKE_COUNT] = {app()->pair_brake, app()->login_brake, app()->network_brake};
  return brakes[i];
}

/* A browser that is known answers for itself alone; all others also for what is tried at their login and from their
 * network. */
static void set_keys(struct login *l) {
  char network[ADDRESS_TEXT_LEN], nonce[DEVICE_NONCE_LEN];
  char *mark = cookie_value(request_pool(l->req), request_header(l->req, "Cookie"), "guichet_device");
  if (device_check(l->login, mark, nonce)) {
    snprintf(l->keys[BRAKE_PAIR], sizeof l->keys[0], "device %s", nonce);
    return;
  }
  address_network_text(request_peer(l->req), network);
  snprintf(l->keys[BRAKE_PAIR], sizeof l->keys[0], "%s %.64s", network, l->login);
  snprintf(l->keys[BRAKE_LOGIN], sizeof l->keys[0], "%.64s", l->login);
  snprintf(l->keys[BRAKE_NETWORK], sizeof l->keys[0], "%s", network);
}

static bool braked(struct request *req, const struct login *l) {
  int64_t now = clock_mono_us() / 1000, longest = 0;
  for (int i = 0; i < BRAKE_COUNT; i++) {
    int64_t wait = *l->keys[i] ? brake_wait_ms(brake_at(i), l->keys[i], now) : 0;
    if (wait > longest) longest = wait;
  }
  if (longest == 0) return false;
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%lld", (long long)((longest + 999) / 1000));
  reply_header(req, "Retry-After", seconds);
  fail(req, ERR_1210, 429, "too many wrong passwords; wait");
  return true;
}

static void login_refused(struct login *l) {
  int64_t mono_ms = clock_mono_us() / 1000;
  for (int i = 0; i < BRAKE_COUNT; i++)
    if (*l->keys[i]) brake_failed(brake_at(i), l->keys[i], mono_ms);
  log_at(LOG_INFO, "login.refused", log_t("login", l->login), log_t("request", request_id(l->req)));
  fail(l->req, ERR_1210, 401, "the login or the password is wrong");
}

/* Who knows one password does not make others' guesses from the same network forgotten. */
static void login_passed(const struct login *l) {
  for (int i = BRAKE_PAIR; i <= BRAKE_LOGIN; i++)
    if (*l->keys[i]) brake_passed(brake_at(i), l->keys[i]);
}

/* Only told to those who know the password. */
static void login_ambiguous(struct login *l) {
  struct decoder d;
  decode_init(&d, request_pool(l->req), PATH_POINTER);
  decode_problem(&d, "instance", 1010, "is required: several instances know this login with this password");
  fail_fields(l->req, &d);
}

static void login_check(void *arg) {
  struct login *l = arg;
  /* Again: guesses that came all at once have waited here for each other. */
  if (braked(l->req, l)) {
    request_resume(l->req);
    return;
  }
  enum found found = find_person(l);
  if (found == FOUND_ONE || found == FOUND_SEVERAL) login_passed(l);
  switch (found) {
  case FOUND_ONE: break;
  case FOUND_SEVERAL: login_ambiguous(l); break;
  case FOUND_NOBODY: login_refused(l); break;
  case FOUND_FAILED: fail_unavailable(l->req, UNAVAILABLE_DOWN); break;
  }
  if (found != FOUND_ONE) {
    request_resume(l->req);
    return;
  }
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
  set_keys(l);
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
    set_session(l->req, "", 0);
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
