/* Changing the setup: each function checks its texts, runs one job, raises the epoch. For commands and the
 * administration API; waits for the commit, so never on an HTTP thread. Secrets are made here, given out once, stored
 * sealed and hashed. */
#include "store/setup.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/event.h"
#include "store/setup_defaults.h"
#include "store/setup_impl.h"

#include <stdio.h>
#include <string.h>

/* ---- checks ---- */

bool setup_text_ok(const char *field, const char *text, size_t min, size_t max, char err[static 256]) {
  size_t len = text ? strlen(text) : 0;
  if (text && utf8_valid(text, len) && !text_has_control(text, len)) {
    size_t count = utf8_count(text, len);
    if (count >= min && count <= max) return true;
  }
  snprintf(err, 256, "%s: must be %zu to %zu characters without control characters", field, min, max);
  return false;
}

bool setup_url_ok(const char *field, const char *url, char err[static 256]) {
  if (!*url) return true;
  bool scheme = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
  size_t len = strlen(url);
  const char *host = scheme ? strstr(url, "://") + 3 : url;
  bool clean = utf8_valid(url, len) && !text_has_control(url, len) && !strchr(url, ' ');
  size_t host_len = strcspn(host, "/?#");
  if (scheme && clean && len <= 2000 && host_len > 0 && !memchr(host, '@', host_len)) return true;
  snprintf(err, 256, "%s: must be an http:// or https:// address of at most 2000 characters, without user and password",
           field);
  return false;
}

/* ---- running a change ---- */

static enum job_result run_change(struct db *tx, void *arg) {
  struct change *c = arg;
  /* One after the other: new rows take the number after the highest. */
  if (db_exec(tx, Q_SETUP_LOCK) == DB_FAILED) return JOB_REJECT;
  c->result = c->run(tx, c->arg);
  if (c->result != CHANGE_DONE) return JOB_REJECT;
  char data[128];
  snprintf(data, sizeof data, "{\"change\":\"%s\",\"by\":\"command\"}", c->what);
  if (db_exec(tx, Q_EPOCH_BUMP) == DB_FAILED) return JOB_REJECT;
  event_append(tx, c->instance_id, &(struct event){.at = clock_wall_ms(), .kind = EVENT_SETUP_CHANGED, .data = data});
  return JOB_COMMIT;
}

bool setup_change(struct store *s, struct change *c, const char *field, char err[static 256]) {
  c->result = CHANGE_FAILED;
  enum store_result r = store_run_now(s, run_change, c);
  if (r == STORE_OK) {
    store_epoch_raise(s);
    return true;
  }
  if (r == STORE_REJECT && c->result == CHANGE_TAKEN)
    snprintf(err, 256, "%s: is already in use", field);
  else if (r == STORE_REJECT && c->result == CHANGE_UNKNOWN)
    snprintf(err, 256, "%s: there is none such in this instance", c->missing ? c->missing : field);
  else if (r == STORE_REJECT && c->result == CHANGE_REFUSED)
    snprintf(err, 256, "%s", c->refused);
  else if (r == STORE_FULL)
    snprintf(err, 256, "no room on disk, or the store is locked by another program; nothing was changed");
  else
    snprintf(err, 256, "the store failed; nothing was changed");
  return false;
}

enum change_result setup_from_db(enum db_result r) {
  static const enum change_result map[] = {
      [DB_OK] = CHANGE_DONE, [DB_NONE] = CHANGE_UNKNOWN, [DB_CONFLICT] = CHANGE_TAKEN, [DB_FAILED] = CHANGE_FAILED};
  return map[r];
}

/* ---- instances and services ---- */

struct new_name {
  int64_t instance_id, id, priority;
  const char *name;
};

static enum change_result insert_instance(struct db *tx, void *arg) {
  struct new_name *n = arg;
  n->id = db_int(tx, Q_INSTANCE_MAX, 0) + 1;
  n->instance_id = n->id;
  enum db_result r = db_exec(tx, Q_INSTANCE_INSERT, v_int(n->id), v_text(n->name), v_int(clock_wall_ms()));
  return setup_from_db(r == DB_OK ? setup_defaults_insert(tx, n->id) : r);
}

bool setup_instance_create(struct store *s, const char *name, int64_t *ret_id, char err[static 256]) {
  if (!setup_text_ok("name", name, 1, 100, err)) return false;
  struct new_name n = {.name = name};
  struct change c = {.run = insert_instance, .arg = &n, .instance_id = 1, .what = "instance"};
  if (!setup_change(s, &c, "name", err)) return false;
  *ret_id = n.id;
  return true;
}

static enum change_result insert_service(struct db *tx, void *arg) {
  struct new_name *n = arg;
  n->id = db_int(tx, Q_SERVICE_MAX, 0) + 1;
  enum db_result r = db_exec(tx, Q_SERVICE_INSERT, v_int(n->id), v_int(n->instance_id), v_text(n->name),
                             v_int(n->priority), v_int(clock_wall_ms()));
  if (r == DB_OK && db_exec(tx, Q_SERVICE_OF_ALL, v_int(n->id), v_int(n->instance_id)) == DB_FAILED) r = DB_FAILED;
  return setup_from_db(r);
}

bool setup_service_create(struct store *s, int64_t instance_id, const char *name, int64_t priority, int64_t *ret_id,
                          char err[static 256]) {
  if (!setup_text_ok("name", name, 1, 100, err)) return false;
  if (priority < 1 || priority > 10) {
    snprintf(err, 256, "priority: must be 1 (first) to 10");
    return false;
  }
  struct new_name n = {.instance_id = instance_id, .name = name, .priority = priority};
  struct change c = {
      .run = insert_service, .arg = &n, .instance_id = instance_id, .what = "service", .missing = "instance"};
  if (!setup_change(s, &c, "name", err)) return false;
  *ret_id = n.id;
  return true;
}

/* ---- channels ---- */

void setup_secret_make(struct store *s, const char *purpose, struct setup_secret *ret) {
  id_random_hex((CLIENT_SECRET_LEN - 1) / 2, ret->text);
  digest_sha256(ret->text, CLIENT_SECRET_LEN - 1, ret->hash);
  secret_seal(store_key(s), purpose, ret->text, CLIENT_SECRET_LEN - 1, ret->sealed);
}

struct channel_change {
  struct store *store;
  int64_t instance_id, id, until;
  enum channel_kind kind;
  const struct setup_channel *c;
  char client_id[CLIENT_ID_LEN];
  struct setup_secret secret;
  bool enabled, bad_service;
};

int64_t setup_service_for(struct db *tx, int64_t instance_id, int64_t wanted) {
  struct db_rows rows;
  int64_t found = 0;
  db_open(tx, &rows, Q_SERVICE_ALL);
  while (!found && db_next(&rows))
    if (col_int(&rows, 1) == instance_id && (wanted == 0 || col_int(&rows, 0) == wanted)) found = col_int(&rows, 0);
  db_close(&rows);
  if (found || wanted) return found;
  struct new_name n = {.instance_id = instance_id, .name = "Default", .priority = 10};
  return insert_service(tx, &n) == CHANGE_DONE ? n.id : 0;
}

static enum change_result insert_channel(struct db *tx, void *arg) {
  struct channel_change *k = arg;
  int64_t service_id = setup_service_for(tx, k->instance_id, k->c->service_id);
  if (!service_id) {
    k->bad_service = true;
    return CHANGE_UNKNOWN;
  }
  k->id = db_int(tx, Q_CHANNEL_MAX, 0) + 1;
  return setup_from_db(db_exec(
      tx, Q_CHANNEL_INSERT, v_int(k->id), v_int(k->instance_id), v_int((int64_t)k->kind), v_text(k->c->name),
      v_int(service_id), v_text(k->c->webhook_url), v_int(k->c->show_agent), v_text(k->client_id),
      v_bytes(k->secret.sealed, sizeof k->secret.sealed), v_bytes(k->secret.hash, SHA256_LEN), v_int(clock_wall_ms())));
}

static bool channel_ok(const struct setup_channel *c, char err[static 256]) {
  return setup_text_ok("name", c->name, 1, 100, err) && setup_url_ok("webhook", c->webhook_url, err);
}

bool setup_channel_create(struct store *s, int64_t instance_id, enum channel_kind kind, const struct setup_channel *c,
                          int64_t *ret_id, char ret_client_id[static CLIENT_ID_LEN],
                          char ret_secret[static CLIENT_SECRET_LEN], char err[static 256]) {
  if (!channel_ok(c, err)) return false;
  struct channel_change k = {.store = s, .instance_id = instance_id, .kind = kind, .c = c};
  id_random_hex((CLIENT_ID_LEN - 1) / 2, k.client_id);
  setup_secret_make(s, SETUP_SEAL_CHANNEL, &k.secret);
  struct change ch = {.run = insert_channel, .arg = &k, .instance_id = instance_id, .what = "connector"};
  bool ok = setup_change(s, &ch, "name", err);
  if (!ok && k.bad_service) snprintf(err, 256, "service: there is none such in this instance");
  if (ok) {
    *ret_id = k.id;
    memcpy(ret_client_id, k.client_id, CLIENT_ID_LEN);
    memcpy(ret_secret, k.secret.text, CLIENT_SECRET_LEN);
  }
  secret_wipe(&k.secret, sizeof k.secret);
  return ok;
}

static enum change_result update_channel(struct db *tx, void *arg) {
  struct channel_change *k = arg;
  int64_t service_id = setup_service_for(tx, k->instance_id, k->c->service_id);
  k->bad_service = service_id == 0;
  if (!service_id) return CHANGE_UNKNOWN;
  return setup_from_db(db_exec(tx, Q_CHANNEL_UPDATE, v_int(k->id), v_int(k->instance_id), v_text(k->c->name),
                               v_text(k->c->webhook_url), v_int(service_id), v_int(k->c->show_agent)));
}

bool setup_channel_update(struct store *s, int64_t instance_id, int64_t id, const struct setup_channel *c,
                          char err[static 256]) {
  if (!channel_ok(c, err)) return false;
  struct channel_change k = {.store = s, .instance_id = instance_id, .id = id, .c = c};
  struct change ch = {.run = update_channel, .arg = &k, .instance_id = instance_id, .what = "connector"};
  bool ok = setup_change(s, &ch, ch.result == CHANGE_TAKEN ? "name" : "id", err);
  if (!ok && k.bad_service) snprintf(err, 256, "service: there is none such in this instance");
  if (!ok && ch.result == CHANGE_TAKEN) snprintf(err, 256, "name: is already in use");
  return ok;
}

static enum change_result enable_channel(struct db *tx, void *arg) {
  struct channel_change *k = arg;
  return setup_from_db(db_exec(tx, Q_CHANNEL_ENABLE, v_int(k->id), v_int(k->instance_id), v_int(k->enabled)));
}

bool setup_channel_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled, char err[static 256]) {
  struct channel_change k = {.instance_id = instance_id, .id = id, .enabled = enabled};
  struct change ch = {.run = enable_channel, .arg = &k, .instance_id = instance_id, .what = "connector"};
  return setup_change(s, &ch, "id", err);
}

static enum change_result rotate_channel(struct db *tx, void *arg) {
  struct channel_change *k = arg;
  return setup_from_db(db_exec(tx, Q_CHANNEL_ROTATE, v_int(k->id), v_int(k->instance_id),
                               v_bytes(k->secret.sealed, sizeof k->secret.sealed), v_bytes(k->secret.hash, SHA256_LEN),
                               v_int(k->until)));
}

bool setup_channel_rotate(struct store *s, int64_t instance_id, int64_t id, int64_t keep_old_ms,
                          char ret_secret[static CLIENT_SECRET_LEN], char err[static 256]) {
  if (keep_old_ms < 0 || keep_old_ms > KEEP_OLD_MAX_MS) {
    snprintf(err, 256, "keep: the old secret can stay good for at most 365 days");
    return false;
  }
  struct channel_change k = {.instance_id = instance_id, .id = id, .until = clock_wall_ms() + keep_old_ms};
  setup_secret_make(s, SETUP_SEAL_CHANNEL, &k.secret);
  struct change ch = {.run = rotate_channel, .arg = &k, .instance_id = instance_id, .what = "connector"};
  bool ok = setup_change(s, &ch, "id", err);
  if (ok) memcpy(ret_secret, k.secret.text, CLIENT_SECRET_LEN);
  secret_wipe(&k.secret, sizeof k.secret);
  return ok;
}

/* ---- agents ---- */

struct agent_change {
  int64_t instance_id, id;
  const struct setup_agent *a;
  char password_hash[PASSWORD_HASH_LEN];
  bool enabled;
};

static bool password_ok(const char *password, char err[static 256]) {
  size_t len = password ? strlen(password) : 0;
  if (len >= 8 && len <= 1000) return true;
  snprintf(err, 256, "password: must be 8 to 1000 bytes long");
  return false;
}

static enum change_result insert_agent(struct db *tx, void *arg) {
  struct agent_change *k = arg;
  k->id = db_int(tx, Q_AGENT_MAX, 0) + 1;
  enum db_result r =
      db_exec(tx, Q_AGENT_INSERT, v_int(k->id), v_int(k->instance_id), v_text(k->a->login), v_text(k->password_hash),
              v_text(k->a->first_name ? k->a->first_name : ""), v_text(k->a->last_name ? k->a->last_name : ""),
              v_int((int64_t)k->a->profile), v_int(clock_wall_ms()));
  if (r == DB_OK && db_exec(tx, Q_AGENT_SERVES_ALL, v_int(k->id), v_int(k->instance_id)) == DB_FAILED) r = DB_FAILED;
  return setup_from_db(r);
}

bool setup_agent_create(struct store *s, int64_t instance_id, const struct setup_agent *a, int64_t *ret_id,
                        char err[static 256]) {
  if (!setup_text_ok("login", a->login, 1, 100, err) || !password_ok(a->password, err)) return false;
  if (a->first_name && !setup_text_ok("first name", a->first_name, 0, 100, err)) return false;
  if (a->last_name && !setup_text_ok("last name", a->last_name, 0, 100, err)) return false;
  struct agent_change k = {.instance_id = instance_id, .a = a};
  password_hash(a->password, k.password_hash);
  struct change c = {
      .run = insert_agent, .arg = &k, .instance_id = instance_id, .what = "agent", .missing = "instance"};
  if (!setup_change(s, &c, "login", err)) return false;
  *ret_id = k.id;
  return true;
}

static enum change_result enable_agent(struct db *tx, void *arg) {
  struct agent_change *k = arg;
  enum change_result r =
      setup_from_db(db_exec(tx, Q_AGENT_ENABLE, v_int(k->id), v_int(k->instance_id), v_int(k->enabled)));
  if (r == CHANGE_DONE && !k->enabled && db_exec(tx, Q_SESSION_DELETE_AGENT, v_int(k->id)) == DB_FAILED)
    return CHANGE_FAILED;
  return r;
}

bool setup_agent_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled, char err[static 256]) {
  struct agent_change k = {.instance_id = instance_id, .id = id, .enabled = enabled};
  struct change c = {.run = enable_agent, .arg = &k, .instance_id = instance_id, .what = "agent"};
  return setup_change(s, &c, "id", err);
}

static enum change_result set_password(struct db *tx, void *arg) {
  struct agent_change *k = arg;
  enum change_result r =
      setup_from_db(db_exec(tx, Q_AGENT_SET_PASSWORD, v_int(k->id), v_int(k->instance_id), v_text(k->password_hash)));
  if (r == CHANGE_DONE && db_exec(tx, Q_SESSION_DELETE_AGENT, v_int(k->id)) == DB_FAILED) return CHANGE_FAILED;
  return r;
}

bool setup_agent_password(struct store *s, int64_t instance_id, int64_t id, const char *password,
                          char err[static 256]) {
  if (!password_ok(password, err)) return false;
  struct agent_change k = {.instance_id = instance_id, .id = id};
  password_hash(password, k.password_hash);
  struct change c = {.run = set_password, .arg = &k, .instance_id = instance_id, .what = "agent"};
  return setup_change(s, &c, "id", err);
}

/* ---- API tokens ---- */

struct token_change {
  int64_t instance_id, id, rights;
  const char *label;
  uint8_t hash[SHA256_LEN];
  bool enabled;
};

static enum change_result insert_token(struct db *tx, void *arg) {
  struct token_change *k = arg;
  k->id = db_int(tx, Q_TOKEN_MAX, 0) + 1;
  return setup_from_db(db_exec(tx, Q_TOKEN_INSERT, v_int(k->id), v_int(k->instance_id), v_text(k->label),
                               v_bytes(k->hash, SHA256_LEN), v_int(k->rights), v_int(clock_wall_ms())));
}

bool setup_token_create(struct store *s, int64_t instance_id, const char *label, int64_t rights, int64_t *ret_id,
                        char ret_token[static API_TOKEN_LEN], char err[static 256]) {
  if (!setup_text_ok("label", label, 1, 100, err)) return false;
  if (rights <= 0 || rights >> (API_COUNT * VERB_COUNT)) {
    snprintf(err, 256, "rights: at least one");
    return false;
  }
  struct token_change k = {.instance_id = instance_id, .label = label, .rights = rights};
  char token[API_TOKEN_LEN];
  id_random_hex((API_TOKEN_LEN - 1) / 2, token);
  digest_sha256(token, API_TOKEN_LEN - 1, k.hash);
  struct change c = {
      .run = insert_token, .arg = &k, .instance_id = instance_id, .what = "token", .missing = "instance"};
  if (!setup_change(s, &c, "label", err)) return false;
  *ret_id = k.id;
  memcpy(ret_token, token, API_TOKEN_LEN);
  secret_wipe(token, sizeof token);
  return true;
}

static enum change_result enable_token(struct db *tx, void *arg) {
  struct token_change *k = arg;
  return setup_from_db(db_exec(tx, Q_TOKEN_ENABLE, v_int(k->id), v_int(k->instance_id), v_int(k->enabled)));
}

bool setup_token_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled, char err[static 256]) {
  struct token_change k = {.instance_id = instance_id, .id = id, .enabled = enabled};
  struct change c = {.run = enable_token, .arg = &k, .instance_id = instance_id, .what = "token"};
  return setup_change(s, &c, "id", err);
}
