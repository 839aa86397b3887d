/* Custom channels and account tokens: checks, then one job each, as in setup.c. Salts and tokens are made here and
 * stored sealed and hashed. A channel's UUID is random, since whoever guesses one learns that it exists. */
#include "store/setup_custom.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/setup_impl.h"

#include <stdio.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define DAY_MS    (24 * 60 * MINUTE_MS)

/* ---- account tokens ---- */

struct token_change {
  int64_t instance_id, id;
  const char *name;
  uint8_t hash[SHA256_LEN];
  uint8_t sealed[ACCOUNT_TOKEN_LEN - 1 + SEAL_OVERHEAD];
  bool enabled;
};

static enum change_result insert_token(struct db *tx, void *arg) {
  struct token_change *k = arg;
  k->id = db_int(tx, Q_ACCOUNT_TOKEN_MAX, 0) + 1;
  return setup_from_db(db_exec(tx, Q_ACCOUNT_TOKEN_INSERT, v_int(k->id), v_int(k->instance_id), v_text(k->name),
                               v_bytes(k->sealed, sizeof k->sealed), v_bytes(k->hash, SHA256_LEN),
                               v_int(clock_wall_ms())));
}

bool setup_account_token_create(struct store *s, int64_t instance_id, const char *name, int64_t *ret_id,
                                char ret_token[static ACCOUNT_TOKEN_LEN], char err[static 256]) {
  if (!setup_text_ok("name", name, 1, 100, err)) return false;
  struct token_change k = {.instance_id = instance_id, .name = name};
  char token[ACCOUNT_TOKEN_LEN];
  id_random_hex((ACCOUNT_TOKEN_LEN - 1) / 2, token);
  digest_sha256(token, ACCOUNT_TOKEN_LEN - 1, k.hash);
  secret_seal(store_key(s), "account.token", token, ACCOUNT_TOKEN_LEN - 1, k.sealed);
  struct change c = {
      .run = insert_token, .arg = &k, .instance_id = instance_id, .what = "account-token", .missing = "instance"};
  bool ok = setup_change(s, &c, "name", err);
  if (ok) {
    *ret_id = k.id;
    memcpy(ret_token, token, ACCOUNT_TOKEN_LEN);
  }
  secret_wipe(token, sizeof token);
  return ok;
}

static enum change_result enable_token(struct db *tx, void *arg) {
  struct token_change *k = arg;
  return setup_from_db(db_exec(tx, Q_ACCOUNT_TOKEN_ENABLE, v_int(k->id), v_int(k->instance_id), v_int(k->enabled)));
}

bool setup_account_token_enable(struct store *s, int64_t instance_id, int64_t id, bool enabled, char err[static 256]) {
  struct token_change k = {.instance_id = instance_id, .id = id, .enabled = enabled};
  struct change c = {.run = enable_token, .arg = &k, .instance_id = instance_id, .what = "account-token"};
  return setup_change(s, &c, "id", err);
}

/* ---- channels ---- */

static bool within(const char *field, int64_t ms, int64_t min_ms, int64_t max_ms, bool or_never, char err[static 256]) {
  if ((ms >= min_ms && ms <= max_ms) || (or_never && ms == 0)) return true;
  snprintf(err, 256, "%s: must be from %lld s to %lld s%s", field, (long long)(min_ms / 1000),
           (long long)(max_ms / 1000), or_never ? ", or 0 for never" : "");
  return false;
}

static bool custom_ok(const struct setup_custom *c, char err[static 256]) {
  if (!setup_text_ok("name", c->name, 1, 100, err) || !setup_url_ok("callback", c->callback_url, err)) return false;
  return within("access-lifetime", c->access_ms, SECOND_MS, 3650 * DAY_MS, false, err) &&
         within("refresh-lifetime", c->refresh_ms, c->access_ms, 3650 * DAY_MS, false, err) &&
         within("close-idle", c->idle_close_ms, MINUTE_MS, 14 * DAY_MS, true, err) &&
         within("close-bot", c->bot_close_ms, MINUTE_MS, 7 * DAY_MS, true, err);
}

struct custom_change {
  int64_t instance_id, id, service_id;
  const struct setup_custom *c;
  char uuid[CHANNEL_UUID_LEN];
  uint8_t hash[SHA256_LEN];
  uint8_t sealed[CHANNEL_SALT_LEN - 1 + SEAL_OVERHEAD];
  struct change *change;
};

/* Service and token, and whether they fit: who still may wait is not closed as silent. */
static enum change_result find_parts(struct db *tx, struct custom_change *k) {
  k->service_id = setup_service_for(tx, k->instance_id, k->c->service_id);
  bool token = db_int(tx, Q_ACCOUNT_TOKEN_OF, 0, v_int(k->c->token_id), v_int(k->instance_id)) != 0;
  k->change->missing = !k->service_id ? "service" : !token ? "token" : "id";
  if (!k->service_id || !token) return CHANGE_UNKNOWN;
  int64_t wait_ms = db_int(tx, Q_SERVICE_MAX_WAIT, 0, v_int(k->service_id), v_int(k->instance_id));
  if (!k->c->idle_close_ms || k->c->idle_close_ms > wait_ms) return CHANGE_DONE;
  snprintf(k->change->refused, sizeof k->change->refused,
           "close-idle: must be longer than the %lld s that customers may wait in its service",
           (long long)(wait_ms / 1000));
  return CHANGE_REFUSED;
}

static enum change_result insert_custom(struct db *tx, void *arg) {
  struct custom_change *k = arg;
  const struct setup_custom *c = k->c;
  enum change_result r = find_parts(tx, k);
  if (r != CHANGE_DONE) return r;
  k->id = db_int(tx, Q_CHANNEL_MAX, 0) + 1;
  r = setup_from_db(db_exec(tx, Q_CHANNEL_INSERT, v_int(k->id), v_int(k->instance_id), v_int(CHANNEL_VOXIMPLANT),
                            v_text(c->name), v_int(k->service_id), v_text(c->callback_url), v_int(1), v_text(k->uuid),
                            v_bytes(k->sealed, sizeof k->sealed), v_bytes(k->hash, SHA256_LEN),
                            v_int(clock_wall_ms())));
  if (r != CHANGE_DONE) return r;
  return setup_from_db(db_exec(tx, Q_CUSTOM_CHANNEL_INSERT, v_int(k->id), v_int(c->token_id), v_int(c->access_ms),
                               v_int(c->refresh_ms), v_int(c->idle_close_ms), v_int(c->bot_close_ms)));
}

void setup_custom_uuid(char ret_uuid[static CHANNEL_UUID_LEN]) {
  char hex[33];
  id_random_hex(16, hex);
  hex[12] = '4'; /* version and variant of RFC 9562 */
  hex[16] = "89ab"[hex[16] & 3];
  snprintf(ret_uuid, CHANNEL_UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void setup_custom_salt(char ret_salt[static CHANNEL_SALT_LEN]) {
  id_random_hex((CHANNEL_SALT_LEN - 1) / 2, ret_salt);
}

bool setup_custom_create(struct store *s, int64_t instance_id, const struct setup_custom *c, const char *salt,
                         int64_t *ret_id, char ret_uuid[static CHANNEL_UUID_LEN], char err[static 256]) {
  if (!custom_ok(c, err)) return false;
  struct custom_change k = {.instance_id = instance_id, .c = c};
  setup_custom_uuid(k.uuid);
  digest_sha256(salt, CHANNEL_SALT_LEN - 1, k.hash);
  secret_seal(store_key(s), "channel.secret", salt, CHANNEL_SALT_LEN - 1, k.sealed);
  struct change ch = {.run = insert_custom, .arg = &k, .instance_id = instance_id, .what = "channel"};
  k.change = &ch;
  if (!setup_change(s, &ch, "name", err)) return false;
  *ret_id = k.id;
  memcpy(ret_uuid, k.uuid, CHANNEL_UUID_LEN);
  return true;
}

static enum change_result update_custom(struct db *tx, void *arg) {
  struct custom_change *k = arg;
  const struct setup_custom *c = k->c;
  enum change_result r = find_parts(tx, k);
  if (r != CHANGE_DONE) return r;
  r = setup_from_db(db_exec(tx, Q_CHANNEL_UPDATE, v_int(k->id), v_int(k->instance_id), v_text(c->name),
                            v_text(c->callback_url), v_int(k->service_id), v_int(1)));
  if (r != CHANGE_DONE) return r;
  return setup_from_db(db_exec(tx, Q_CUSTOM_CHANNEL_UPDATE, v_int(k->id), v_int(c->token_id), v_int(c->access_ms),
                               v_int(c->refresh_ms), v_int(c->idle_close_ms), v_int(c->bot_close_ms)));
}

bool setup_custom_update(struct store *s, int64_t instance_id, int64_t id, const struct setup_custom *c,
                         char err[static 256]) {
  if (!custom_ok(c, err)) return false;
  struct custom_change k = {.instance_id = instance_id, .id = id, .c = c};
  struct change ch = {.run = update_custom, .arg = &k, .instance_id = instance_id, .what = "channel"};
  k.change = &ch;
  return setup_change(s, &ch, "name", err);
}
