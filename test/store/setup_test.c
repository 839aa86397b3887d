/* Changing the setup: what is taken, every refusal with its words and nothing stored, rotation and disabling. */
#include "box.h"

#include "base/clock.h"
#include "base/mem.h"

#define LONG_100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char *const bad_names[] = {NULL, "", LONG_100 "x", "a\nb", "a\tb", "\x7f", "\xff", "\xc3", "\xed\xa0\x80"};
static const char *const good_names[] = {"x", LONG_100, "é", "Größe & 🙂 \"x\" '; --", " "};

static void says(struct box *b, bool ok, const char *text) {
  if (ok) fail_msg("taken, should say: %s", text);
  if (!strstr(b->err, text)) fail_msg("\"%s\" does not say \"%s\"", b->err, text);
  b->err[0] = 0;
}

static int64_t rows(struct box *b) {
  return box_sql(
      b, "SELECT (SELECT count(*) FROM instance) + (SELECT count(*) FROM service) + (SELECT count(*) FROM channel) "
         "+ (SELECT count(*) FROM agent) + (SELECT count(*) FROM api_token) + (SELECT count(*) FROM event)");
}

/* By as many changes. Where there are other nodes it also rises for what they may have done. */
static void epoch_rose(struct box *b, uint64_t *kept, uint64_t wanted) {
  uint64_t before = *kept;
  *kept = store_epoch(b->store);
  if (b->url)
    assert_true(*kept - before >= wanted);
  else
    assert_int_equal(*kept - before, wanted);
}

/* ---- instances and services ---- */

static void instances(void **state) {
  struct box *b = *state;
  int64_t id = -1, before = rows(b);
  for (size_t i = 0; i < ARRAY_LEN(bad_names); i++)
    says(b, setup_instance_create(b->store, bad_names[i], &id, b->err), "name: must be 1 to 100 characters");
  says(b, setup_instance_create(b->store, "Test", &id, b->err), "name: is already in use");
  assert_int_equal(id, -1);
  assert_int_equal(rows(b), before);
  for (size_t i = 0; i < ARRAY_LEN(good_names); i++) {
    assert_true(setup_instance_create(b->store, good_names[i], &id, b->err));
    assert_int_equal(id, 2 + (int64_t)i);
    assert_string_equal(registry_instance(box_registry(b), id)->name, good_names[i]);
  }
}

static void services(void **state) {
  struct box *b = *state;
  int64_t id = -1, other;
  uint64_t epoch = store_epoch(b->store);
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  epoch_rose(b, &epoch, 1);
  int64_t before = rows(b);
  for (size_t i = 0; i < ARRAY_LEN(bad_names); i++)
    says(b, setup_service_create(b->store, 1, bad_names[i], 1, &id, b->err), "name: must be");
  static const int64_t bad_priorities[] = {0, -1, 11, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < ARRAY_LEN(bad_priorities); i++)
    says(b, setup_service_create(b->store, 1, "S", bad_priorities[i], &id, b->err), "priority: must be 1");
  says(b, setup_service_create(b->store, 99, "S", 1, &id, b->err), "instance: there is none such");
  assert_int_equal(id, -1);
  assert_int_equal(rows(b), before);
  epoch_rose(b, &epoch, 0); /* what was refused changed nothing */
  assert_true(setup_service_create(b->store, 1, "S", 10, &id, b->err));
  says(b, setup_service_create(b->store, 1, "S", 1, &id, b->err), "name: is already in use");
  assert_true(setup_service_create(b->store, other, "S", 1, &id, b->err)); /* names are an instance's own */
  epoch_rose(b, &epoch, 2);
  assert_int_equal(rows(b), before + 4); /* with an event each */
}

/* Every change stands in the instance's event log. */
static void changes_are_events(void **state) {
  struct box *b = *state;
  int64_t id, other;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  assert_true(setup_service_create(b->store, other, "S", 1, &id, b->err));
  assert_string_equal(box_sql_text(b, "SELECT kind || data FROM event WHERE seq = 1099511627776 + 1"),
                      "90{\"change\":\"instance\",\"by\":\"command\"}");
  assert_string_equal(box_sql_text(b, "SELECT kind || data FROM event WHERE seq = 2199023255552 + 1"),
                      "90{\"change\":\"service\",\"by\":\"command\"}");
}

/* ---- connectors ---- */

static bool create(struct box *b, int64_t instance_id, struct setup_channel c, int64_t *id) {
  char client_id[CLIENT_ID_LEN], secret[CLIENT_SECRET_LEN];
  return setup_channel_create(b->store, instance_id, CHANNEL_KIAMO_IO, &c, id, client_id, secret, b->err);
}

static const struct {
  const char *url;
  bool ok;
} urls[] = {
    {"", true},
    {"http://h", true},
    {"https://example.com:8443/a/b?c=d&e=%20#f", true},
    {"http://[::1]:80/", true},
    {"http://h/a@b", true},
    {"https://h\xc3\xa9/", true},
    {"ftp://h/", false},
    {"//h/", false},
    {"h", false},
    {"HTTP://h/", false},
    {"http://", false},
    {"http:///path", false},
    {"https://?q", false},
    {"http://user@h/", false},
    {"http://user:password@h/", false},
    {"http://h/ b", false},
    {"http://h/\r\nX: y", false},
    {"http://h/\x7f", false},
    {"http://h/\xff", false},
};

static void webhooks(void **state) {
  struct box *b = *state;
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
    int64_t id = -1;
    bool ok =
        create(b, 1, (struct setup_channel){.name = mem_printf(b->ctx, "C%zu", i), .webhook_url = urls[i].url}, &id);
    if (ok != urls[i].ok) fail_msg("%s: %d", urls[i].url, ok);
    if (!ok) says(b, ok, "webhook: must be an http:// or https:// address");
    if (ok) assert_string_equal(registry_channel(box_registry(b), id)->webhook_url, urls[i].url);
  }
  char *longest = mem_printf(b->ctx, "http://h/%01991d", 0);
  int64_t id;
  assert_int_equal(strlen(longest), 2000);
  assert_true(create(b, 1, (struct setup_channel){.name = "long", .webhook_url = longest}, &id));
  longest = mem_printf(b->ctx, "%s0", longest);
  says(b, create(b, 1, (struct setup_channel){.name = "longer", .webhook_url = longest}, &id), "webhook: must be");
}

static void connectors(void **state) {
  struct box *b = *state;
  int64_t id = -1, other, service, foreign;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  assert_true(setup_service_create(b->store, other, "S", 1, &foreign, b->err));
  int64_t before = rows(b);
  for (size_t i = 0; i < ARRAY_LEN(bad_names); i++)
    says(b, create(b, 1, (struct setup_channel){.name = bad_names[i], .webhook_url = ""}, &id), "name: must be");
  says(b, create(b, 1, (struct setup_channel){.name = "C", .webhook_url = "", .service_id = 99}, &id),
       "service: there is none such in this instance");
  says(b, create(b, 1, (struct setup_channel){.name = "C", .webhook_url = "", .service_id = foreign}, &id),
       "service: there is none such in this instance");
  says(b, create(b, 99, (struct setup_channel){.name = "C", .webhook_url = ""}, &id), "there is none such");
  assert_int_equal(id, -1);
  assert_int_equal(rows(b), before);
  /* Without a service the first one; a default is made only where there is none. */
  assert_true(create(b, 1, (struct setup_channel){.name = "C", .webhook_url = ""}, &id));
  service = registry_channel(box_registry(b), id)->service_id;
  assert_string_equal(registry_service(box_registry(b), service)->name, "Default");
  says(b, create(b, 1, (struct setup_channel){.name = "C", .webhook_url = ""}, &id), "name: is already in use");
  assert_true(create(b, 1, (struct setup_channel){.name = "D", .webhook_url = ""}, &id));
  assert_int_equal(registry_channel(box_registry(b), id)->service_id, service);
  assert_true(create(b, other, (struct setup_channel){.name = "C", .webhook_url = ""}, &id));
  assert_int_equal(registry_channel(box_registry(b), id)->service_id, foreign);
}

static void two_connectors_share_no_secret(void **state) {
  struct box *b = *state;
  char ids[2][CLIENT_ID_LEN], secrets[2][CLIENT_SECRET_LEN];
  for (int i = 0; i < 2; i++) {
    int64_t id;
    const struct setup_channel c = {.name = i ? "A" : "B", .webhook_url = ""};
    assert_true(setup_channel_create(b->store, 1, CHANNEL_KIAMO_IO, &c, &id, ids[i], secrets[i], b->err));
    assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
    assert_int_equal(strlen(ids[i]), 32);
    assert_int_equal(strspn(secrets[i], "0123456789abcdef"), 64);
    assert_int_equal(strlen(secrets[i]), 64);
  }
  assert_string_not_equal(ids[0], ids[1]);
  assert_string_not_equal(secrets[0], secrets[1]);
}

static void updating_a_connector(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  int64_t other, service, foreign, bystander;
  assert_true(create(b, 1, (struct setup_channel){.name = "Bystander", .webhook_url = "http://by/"}, &bystander));
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  assert_true(setup_service_create(b->store, other, "S", 1, &foreign, b->err));
  assert_true(setup_service_create(b->store, 1, "Sales", 1, &service, b->err));
  const struct setup_channel good = {
      .name = "New", .webhook_url = "http://new/", .service_id = service, .show_agent = true};
  struct setup_channel k = good;
  k.name = "";
  says(b, setup_channel_update(b->store, 1, c->id, &k, b->err), "name: must be");
  k.name = "Bystander";
  says(b, setup_channel_update(b->store, 1, c->id, &k, b->err), "name: is already in use");
  k = good;
  k.webhook_url = "gopher://h/";
  says(b, setup_channel_update(b->store, 1, c->id, &k, b->err), "webhook: must be");
  k = good;
  k.service_id = foreign;
  says(b, setup_channel_update(b->store, 1, c->id, &k, b->err), "service: there is none such");
  says(b, setup_channel_update(b->store, 1, 99, &good, b->err), "id: there is none such in this instance");
  k.service_id = 0;
  says(b, setup_channel_update(b->store, other, c->id, &k, b->err), "id: there is none such in this instance");
  assert_string_equal(registry_channel(box_registry(b), c->id)->name, "Bot");
  assert_true(setup_channel_update(b->store, 1, c->id, &good, b->err));
  const struct channel *after = registry_channel(box_registry(b), c->id);
  assert_string_equal(after->name, "New");
  assert_string_equal(after->webhook_url, "http://new/");
  assert_int_equal(after->service_id, service);
  assert_true(after->show_agent);
  assert_int_equal(after->generation, c->generation); /* its tokens go on */
  assert_string_equal(after->secret, c->secret);
  assert_string_equal(registry_channel(box_registry(b), bystander)->webhook_url, "http://by/");
}

static void disabling_and_enabling_a_connector(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  int64_t other;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  says(b, setup_channel_enable(b->store, other, c->id, false, b->err), "id: there is none such in this instance");
  says(b, setup_channel_enable(b->store, 1, 99, false, b->err), "id: there is none such in this instance");
  assert_true(registry_channel(box_registry(b), c->id)->enabled);
  assert_true(setup_channel_enable(b->store, 1, c->id, false, b->err));
  const struct channel *off = registry_channel(box_registry(b), c->id);
  assert_false(off->enabled);
  assert_true(off->generation > c->generation); /* tokens issued so far end */
  assert_true(setup_channel_enable(b->store, 1, c->id, true, b->err));
  const struct channel *on = registry_channel(box_registry(b), c->id);
  assert_true(on->enabled);
  assert_true(on->generation > off->generation); /* … and do not come back */
}

static void rotating_a_secret(void **state) {
  struct box *b = *state;
  char secret[CLIENT_SECRET_LEN] = "kept";
  clock_fake(NOW);
  const struct channel *c = box_channel(b, "Bot");
  int64_t other;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  says(b, setup_channel_rotate(b->store, other, c->id, 1000, secret, b->err), "id: there is none such");
  static const int64_t bad[] = {-1, INT64_C(31536000001), INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    says(b, setup_channel_rotate(b->store, 1, c->id, bad[i], secret, b->err), "keep: the old secret");
  assert_string_equal(secret, "kept");
  assert_string_equal(registry_channel(box_registry(b), c->id)->secret, c->secret);
  assert_true(setup_channel_rotate(b->store, 1, c->id, 60000, secret, b->err));
  const struct channel *after = registry_channel(box_registry(b), c->id);
  assert_string_equal(after->secret, secret);
  assert_string_not_equal(after->secret, c->secret);
  assert_string_equal(after->old_secret, c->secret);
  assert_memory_equal(after->old_hash, c->secret_hash, SHA256_LEN);
  assert_int_equal(after->old_until, NOW + 60000);
  assert_int_equal(after->generation, c->generation + 1);
  char third[CLIENT_SECRET_LEN];
  assert_true(setup_channel_rotate(b->store, 1, c->id, 0, third, b->err));
  assert_string_equal(registry_channel(box_registry(b), c->id)->old_secret, secret); /* never more than two */
}

/* ---- agents ---- */

static bool create_agent(struct box *b, int64_t instance_id, const char *login, const char *password, int64_t *id) {
  return setup_agent_create(b->store, instance_id, &(struct setup_agent){.login = login, .password = password}, id,
                            b->err);
}

static void agents(void **state) {
  struct box *b = *state;
  int64_t id = -1, other;
  char password[1002];
  memset(password, 'p', sizeof password);
  password[1001] = 0;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  int64_t before = rows(b);
  for (size_t i = 0; i < ARRAY_LEN(bad_names); i++)
    says(b, create_agent(b, 1, bad_names[i], "12345678", &id), "login: must be 1 to 100 characters");
  static const char *const bad_passwords[] = {NULL, "", "1234567"};
  for (size_t i = 0; i < ARRAY_LEN(bad_passwords); i++)
    says(b, create_agent(b, 1, "ada", bad_passwords[i], &id), "password: must be 8 to 1000 bytes");
  says(b, create_agent(b, 1, "ada", password, &id), "password: must be 8 to 1000 bytes");
  for (size_t i = 2; i < ARRAY_LEN(bad_names); i++) { /* NULL and "" are fine here */
    struct setup_agent a = {.login = "ada", .password = "12345678", .first_name = bad_names[i]};
    says(b, setup_agent_create(b->store, 1, &a, &id, b->err), "first name: must be 0 to 100 characters");
    a = (struct setup_agent){.login = "ada", .password = "12345678", .last_name = bad_names[i]};
    says(b, setup_agent_create(b->store, 1, &a, &id, b->err), "last name: must be 0 to 100 characters");
  }
  says(b, create_agent(b, 99, "ada", "12345678", &id), "instance: there is none such");
  assert_int_equal(id, -1);
  assert_int_equal(rows(b), before);
  password[1000] = 0;
  assert_true(create_agent(b, 1, "ada", password, &id));
  says(b, create_agent(b, 1, "ada", "12345678", &id), "login: is already in use");
  assert_true(create_agent(b, other, "ada", "12345678", &id));
}

static bool password_is(struct box *b, int64_t id, const char *password) {
  const char *hash =
      box_sql_text(b, mem_printf(b->ctx, "SELECT password_hash FROM agent WHERE id = %lld", (long long)id));
  assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
  return password_verify(hash, password);
}

static void open_session(struct box *b, int64_t agent_id, const char *hash) {
  box_sql_do(b, mem_printf(b->ctx, "INSERT INTO session VALUES (CAST('%s' AS %s), 1, %lld, 1, 2)", hash,
                           b->url ? "BYTEA" : "BLOB", (long long)agent_id));
}

static void passwords_and_sessions(void **state) {
  struct box *b = *state;
  int64_t ada, bob, other;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  assert_true(create_agent(b, 1, "ada", "first password", &ada));
  assert_true(create_agent(b, 1, "bob", "first password", &bob));
  assert_true(password_is(b, ada, "first password"));
  open_session(b, ada, "a1");
  open_session(b, ada, "a2");
  open_session(b, bob, "b1");
  says(b, setup_agent_password(b->store, 1, ada, "short", b->err), "password: must be");
  says(b, setup_agent_password(b->store, other, ada, "long enough", b->err), "id: there is none such");
  says(b, setup_agent_enable(b->store, other, ada, false, b->err), "id: there is none such");
  says(b, setup_agent_enable(b->store, 1, 99, false, b->err), "id: there is none such");
  assert_int_equal(box_sql(b, "SELECT count(*) FROM session"), 3);
  assert_true(setup_agent_password(b->store, 1, ada, "second password", b->err));
  assert_true(password_is(b, ada, "second password"));
  assert_false(password_is(b, ada, "first password"));
  assert_int_equal(box_sql(b, "SELECT count(*) FROM session"), 1); /* a new password ends her sessions, not his */
  open_session(b, ada, "a3");
  assert_true(setup_agent_enable(b->store, 1, ada, true, b->err));
  assert_int_equal(box_sql(b, "SELECT count(*) FROM session"), 2);
  assert_true(setup_agent_enable(b->store, 1, ada, false, b->err));
  assert_int_equal(box_sql(b, "SELECT count(*) FROM session"), 1);
  assert_false(registry_agent(box_registry(b), ada)->enabled);
  assert_true(registry_agent(box_registry(b), bob)->enabled);
}

/* ---- API tokens ---- */

static void tokens(void **state) {
  struct box *b = *state;
  char token[API_TOKEN_LEN] = "kept", again[API_TOKEN_LEN];
  int64_t id = -1, other, right = rights_bit(API_AGENT, VERB_GET);
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  int64_t before = rows(b);
  for (size_t i = 0; i < ARRAY_LEN(bad_names); i++)
    says(b, setup_token_create(b->store, 1, bad_names[i], right, &id, token, b->err), "label: must be");
  static const int64_t bad[] = {0, INT64_C(1) << 28, INT64_C(1) << 40, -1, INT64_MIN};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    says(b, setup_token_create(b->store, 1, "t", bad[i], &id, token, b->err), "rights: at least one");
  says(b, setup_token_create(b->store, 99, "t", right, &id, token, b->err), "instance: there is none such");
  assert_int_equal(id, -1);
  assert_string_equal(token, "kept");
  assert_int_equal(rows(b), before);
  assert_true(setup_token_create(b->store, 1, "t", right, &id, token, b->err));
  assert_true(setup_token_create(b->store, 1, "t", right, &id, again, b->err)); /* labels are for people */
  assert_int_equal(strspn(token, "0123456789abcdef"), 40);
  assert_int_equal(strlen(token), 40);
  assert_string_not_equal(token, again);
  says(b, setup_token_enable(b->store, other, id, false, b->err), "id: there is none such");
  says(b, setup_token_enable(b->store, 1, 99, false, b->err), "id: there is none such");
  assert_true(setup_token_enable(b->store, 1, id, false, b->err));
  uint8_t hash[SHA256_LEN];
  digest_sha256(again, 40, hash);
  assert_false(registry_token(box_registry(b), hash)->enabled);
  digest_sha256(token, 40, hash);
  assert_true(registry_token(box_registry(b), hash)->enabled);
}

/* ---- when the store cannot ---- */

static void beside_a_server_too(void **state) {
  struct box *b = *state;
  int64_t id;
  struct store *tool = box_try(b, STORE_TOOL, 0);
  assert_non_null(tool);
  assert_int_equal(box_registry(b)->service_count, 0);
  assert_true(setup_service_create(tool, 1, "By a tool", 1, &id, b->err));
  store_close(tool);
  assert_string_equal(registry_service(box_registry(b), id)->name, "By a tool");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(instances),
      TEST(services),
      TEST(changes_are_events),
      TEST(webhooks),
      TEST(connectors),
      TEST(two_connectors_share_no_secret),
      TEST(updating_a_connector),
      TEST(disabling_and_enabling_a_connector),
      TEST(rotating_a_secret),
      TEST(agents),
      TEST(passwords_and_sessions),
      TEST(tokens),
      TEST(beside_a_server_too),
  };
  return BOX_RUN(tests);
}
