/* What is more than fields: agents have passwords (hashed on a worker's thread), connectors secrets, tokens a value.
 * They are made here, told once in the answer, and stored as hashes or sealed. */
#include "api/kiamo_v3/admin.h"

#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/read.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "http/reply.h"
#include "store/setup_custom.h"

#include <string.h>

#define KEEP_OLD_S INT64_C(86400)

/* ---- passwords ---- */

struct hashing {
  struct v3_write *write;
  struct admin_write *admin;
  const char *password;
  char hash[PASSWORD_HASH_LEN];
};

static void hash_and_go(void *arg) {
  struct hashing *h = arg;
  password_hash(h->password, h->hash);
  h->admin->extras[0] = v_text(h->hash);
  v3_write_go(h->write);
}

/* The rest of the body is looked at in the transaction, where nothing is stored when it is wrong. */
static void hash_later(struct request *req, struct hashing *h) {
  h->write->suspended = true;
  request_suspend(req);
  if (work_submit(app()->work, hash_and_go, h)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}

static struct hashing *hashing_new(struct request *req, const struct jval *body) {
  struct decoder d;
  struct hashing *h = mem_new(request_pool(req), struct hashing);
  decode_init(&d, request_pool(req), PATH_POINTER);
  h->password = decode_text(&d, body, "password", REQUIRED, 8, 1000);
  if (d.problem_count) {
    fail_fields(req, &d);
    return NULL;
  }
  h->admin = admin_write_new(req, &setup_agents, body);
  h->write = admin_write_of(req, h->admin);
  return h;
}

void admin_agent_create(struct request *req) {
  const struct jval *body = v3_body(req, false);
  struct hashing *h = body ? hashing_new(req, body) : NULL;
  if (!h) return;
  h->admin->extra_count = 1;
  h->write->act = admin_act_create;
  hash_later(req, h);
}

static bool act_password(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  struct setup_row row;
  struct setup_author by = admin_author(w);
  if (!admin_find(tx, w, &row, out, ret_status)) return !db_failed(tx);
  if (db_exec(tx, Q_AGENT_SET_PASSWORD, v_int(row.id), v_int(w->caller->instance_id), a->extras[0]) != DB_OK ||
      db_exec(tx, Q_SESSION_DELETE_AGENT, v_int(row.id)) == DB_FAILED ||
      setup_audit(tx, w->caller->instance_id, a->family, NULL, &row, "given another password", &by) != DB_OK)
    return false;
  *ret_status = 204;
  return true;
}

void admin_agent_password(struct request *req) {
  int64_t id;
  if (!v3_path_number(req, &id)) return;
  const struct jval *body = v3_body(req, false);
  struct hashing *h = body ? hashing_new(req, body) : NULL;
  if (!h) return;
  h->admin->id = id;
  h->write->act = act_password;
  hash_later(req, h);
}

/* ---- connectors, channels, account tokens ---- */

static struct setup_secret *secret_new(struct request *req, const char *purpose) {
  struct setup_secret *s = mem_new(request_pool(req), struct setup_secret);
  setup_secret_make(app()->store, purpose, s);
  return s;
}

/* A new row with a secret of its own, which the answer has as `told`. client_id NULL: it has none. */
static void create_with_secret(struct request *req, const struct setup_family *f, const char *purpose,
                               const char *client_id, const char *told) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct admin_write *a = admin_write_new(req, f, body);
  struct setup_secret *s = secret_new(req, purpose);
  if (client_id) a->extras[a->extra_count++] = v_text(client_id);
  a->extras[a->extra_count++] = v_bytes(s->sealed, sizeof s->sealed);
  a->extras[a->extra_count++] = v_bytes(s->hash, SHA256_LEN);
  a->secret_name = told;
  a->secret = s->text;
  struct v3_write *w = admin_write_of(req, a);
  w->act = admin_act_create;
  v3_write_go(w);
}

void admin_connector_create(struct request *req) {
  char *client_id = mem_bytes(request_pool(req), CLIENT_ID_LEN);
  id_random_hex((CLIENT_ID_LEN - 1) / 2, client_id);
  create_with_secret(req, &setup_connectors, SETUP_SEAL_CHANNEL, client_id, "clientSecret");
}

void admin_channel_create(struct request *req) {
  char *uuid = mem_bytes(request_pool(req), CHANNEL_UUID_LEN);
  setup_custom_uuid(uuid);
  create_with_secret(req, &setup_channels, SETUP_SEAL_CHANNEL, uuid, "salt");
}

void admin_account_token_create(struct request *req) {
  create_with_secret(req, &setup_account_tokens, SETUP_SEAL_ACCOUNT, NULL, "token");
}

static bool act_rotate(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  struct setup_row row;
  struct setup_author by = admin_author(w);
  if (!admin_find(tx, w, &row, out, ret_status)) return !db_failed(tx);
  if (db_exec(tx, Q_CHANNEL_ROTATE, v_int(row.id), v_int(w->caller->instance_id), a->extras[0], a->extras[1],
              a->extras[2]) != DB_OK ||
      setup_audit(tx, w->caller->instance_id, a->family, NULL, &row, "given another secret", &by) != DB_OK)
    return false;
  admin_answer(tx, w, &row, out);
  *ret_status = 200;
  return true;
}

void admin_connector_rotate(struct request *req) {
  int64_t id, keep_s = KEEP_OLD_S;
  if (!v3_path_number(req, &id)) return;
  const struct jval *body = v3_body(req, true);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  decode_int(&d, body, "keepOldSeconds", OPTIONAL, 0, KEEP_OLD_MAX_MS / 1000, &keep_s);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct admin_write *a = admin_write_new(req, &setup_connectors, body);
  struct setup_secret *s = secret_new(req, SETUP_SEAL_CHANNEL);
  a->id = id;
  a->extras[0] = v_bytes(s->sealed, sizeof s->sealed);
  a->extras[1] = v_bytes(s->hash, SHA256_LEN);
  a->extras[2] = v_int(clock_wall_ms() + keep_s * 1000);
  a->secret_name = "clientSecret";
  a->secret = s->text;
  struct v3_write *w = admin_write_of(req, a);
  w->act = act_rotate;
  v3_write_go(w);
}

/* ---- tokens ---- */

void admin_token_create(struct request *req) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct admin_write *a = admin_write_new(req, &setup_tokens, body);
  char *token = mem_bytes(request_pool(req), API_TOKEN_LEN);
  uint8_t *hash = (uint8_t *)mem_bytes(request_pool(req), SHA256_LEN);
  id_random_hex((API_TOKEN_LEN - 1) / 2, token);
  digest_sha256(token, API_TOKEN_LEN - 1, hash);
  a->extras[0] = v_bytes(hash, SHA256_LEN);
  a->extra_count = 1;
  a->secret_name = "token";
  a->secret = token;
  struct v3_write *w = admin_write_of(req, a);
  w->act = admin_act_create;
  v3_write_go(w);
}
