/* Account tokens and custom channels: what is taken, every refusal with its words and nothing stored, nothing of
 * another instance, who speaks in what goes out. */
#include "box.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/setup_custom.h"

#define MINUTE INT64_C(60000)
#define DAY    (24 * 60 * MINUTE)

struct scene {
  struct box *b;
  int64_t other_instance, other_service, token_id, other_token_id;
};

static int64_t token_of(struct box *b, int64_t instance_id, const char *name) {
  int64_t id = 0;
  char value[ACCOUNT_TOKEN_LEN];
  if (!setup_account_token_create(b->store, instance_id, name, &id, value, b->err)) fail_msg("%s", b->err);
  return id;
}

static int setup(void **state) {
  box_setup(state);
  struct box *b = *state;
  struct scene *s = mem_new(b->ctx, struct scene);
  s->b = b;
  assert_true(setup_instance_create(b->store, "Second", &s->other_instance, b->err));
  assert_true(setup_service_create(b->store, s->other_instance, "Theirs", 1, &s->other_service, b->err));
  s->token_id = token_of(b, 1, "ours");
  s->other_token_id = token_of(b, s->other_instance, "ours");
  *state = s;
  return 0;
}

static int teardown(void **state) {
  void *box = ((struct scene *)*state)->b;
  return box_teardown(&box);
}

static void says(struct box *b, bool ok, const char *text) {
  if (ok) fail_msg("taken, should say: %s", text);
  if (!strstr(b->err, text)) fail_msg("\"%s\" does not say \"%s\"", b->err, text);
  b->err[0] = 0;
}

static struct setup_custom good(const struct scene *s) {
  return (struct setup_custom){.name = "kit",
                               .callback_url = "https://h/",
                               .token_id = s->token_id,
                               .access_ms = CUSTOM_ACCESS_MS,
                               .refresh_ms = CUSTOM_REFRESH_MS};
}

static bool create(struct scene *s, const struct setup_custom *c, int64_t *ret_id) {
  char salt[CHANNEL_SALT_LEN], uuid[CHANNEL_UUID_LEN];
  setup_custom_salt(salt);
  return setup_custom_create(s->b->store, 1, c, salt, ret_id, uuid, s->b->err);
}

static void tokens(void **state) {
  struct scene *s = *state;
  struct box *b = s->b;
  char value[ACCOUNT_TOKEN_LEN] = "as it was";
  int64_t id = -1, before = box_sql(b, "SELECT count(*) FROM account_token");
  says(b, setup_account_token_create(b->store, 1, "ours", &id, value, b->err), "name: is already in use");
  says(b, setup_account_token_create(b->store, 1, "", &id, value, b->err), "name: must be");
  says(b, setup_account_token_create(b->store, 99, "x", &id, value, b->err), "instance: there is none such");
  assert_int_equal(id, -1);
  assert_string_equal(value, "as it was");
  assert_int_equal(box_sql(b, "SELECT count(*) FROM account_token"), before);
  assert_true(setup_account_token_create(b->store, 1, "new", &id, value, b->err));
  assert_int_equal(strspn(value, "0123456789abcdef"), ACCOUNT_TOKEN_LEN - 1);
  /* Each change ends what was issued; another instance's are not to be had. */
  assert_int_equal(registry_account_token(box_registry(b), id)->generation, 1);
  says(b, setup_account_token_enable(b->store, s->other_instance, id, false, b->err), "id: there is none such");
  assert_true(registry_account_token(box_registry(b), id)->enabled);
  assert_true(setup_account_token_enable(b->store, 1, id, false, b->err));
  assert_false(registry_account_token(box_registry(b), id)->enabled);
  assert_true(setup_account_token_enable(b->store, 1, id, true, b->err));
  assert_int_equal(registry_account_token(box_registry(b), id)->generation, 3);
}

static void a_channel(void **state) {
  struct scene *s = *state;
  struct box *b = s->b;
  struct setup_custom c = good(s);
  int64_t id = 0;
  assert_true(create(s, &c, &id));
  const struct channel *made = registry_channel(box_registry(b), id);
  assert_int_equal(made->kind, CHANNEL_VOXIMPLANT);
  assert_true(text_is_uuid(made->client_id, strlen(made->client_id)));
  assert_int_equal(made->client_id[14], '4');
  assert_non_null(strchr("89ab", made->client_id[19]));
  assert_int_equal(strlen(made->secret), CHANNEL_SALT_LEN - 1);
  assert_int_equal(made->token_id, s->token_id);
  assert_non_null(made->token);
  c.name = "renamed";
  c.bot_close_ms = MINUTE;
  says(b, setup_custom_update(b->store, s->other_instance, id, &c, b->err), "there is none such");
  assert_true(setup_custom_update(b->store, 1, id, &c, b->err));
  made = registry_channel(box_registry(b), id);
  assert_string_equal(made->name, "renamed");
  assert_int_equal(made->bot_close_ms, MINUTE);
  /* One that signs with a disabled token signs with nothing. */
  assert_true(setup_account_token_enable(b->store, 1, s->token_id, false, b->err));
  assert_null(registry_channel(box_registry(b), id)->token);
}

static void channels_that_cannot_be(void **state) {
  struct scene *s = *state;
  struct box *b = s->b;
  int64_t id = -1, kept = 0;
  struct setup_custom c = good(s), bad;
  assert_true(create(s, &c, &kept));
  int64_t rows = box_sql(b, "SELECT count(*) FROM channel");
#define REFUSED(text, ...)                                                                                             \
  bad = c;                                                                                                             \
  bad.name = "other";                                                                                                  \
  __VA_ARGS__;                                                                                                         \
  says(b, create(s, &bad, &id), text);                                                                                 \
  says(b, setup_custom_update(b->store, 1, kept, &bad, b->err), text)
  REFUSED("name: must be", bad.name = "");
  REFUSED("callback: ", bad.callback_url = "ftp://h/");
  REFUSED("service: there is none such", bad.service_id = s->other_service);
  REFUSED("token: there is none such", bad.token_id = s->other_token_id);
  REFUSED("token: there is none such", bad.token_id = 0);
  REFUSED("access-lifetime: must be from 1 s", bad.access_ms = 999);
  REFUSED("refresh-lifetime: must be from 900 s", bad.refresh_ms = bad.access_ms - 1);
  REFUSED("refresh-lifetime: must be", bad.refresh_ms = 3650 * DAY + 1);
  REFUSED("close-idle: must be from 60 s to 1209600 s, or 0", bad.idle_close_ms = MINUTE - 1);
  REFUSED("close-idle: must be", bad.idle_close_ms = 14 * DAY + 1);
  REFUSED("close-bot: must be from 60 s to 604800 s, or 0", bad.bot_close_ms = MINUTE - 1);
  REFUSED("close-bot: must be", bad.bot_close_ms = 7 * DAY + 1);
  REFUSED("close-idle: must be", bad.idle_close_ms = -1);
  says(b, create(s, &c, &id), "name: is already in use");
  assert_int_equal(id, -1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM channel"), rows);
  assert_string_equal(registry_channel(box_registry(b), kept)->name, "kit");
}

static void nobody_who_may_still_wait_is_closed_as_silent(void **state) {
  struct scene *s = *state;
  struct box *b = s->b;
  struct setup_custom c = good(s);
  int64_t id = 0;
  assert_true(setup_service_create(b->store, 1, "Patient", 10, &c.service_id, b->err));
  box_sql_do(b, mem_printf(b->ctx, "UPDATE service SET max_wait_ms = 600000 WHERE id = %lld", (long long)c.service_id));
  c.idle_close_ms = 10 * MINUTE;
  says(b, create(s, &c, &id), "close-idle: must be longer than the 600 s that customers may wait in its service");
  c.idle_close_ms = 10 * MINUTE + 1;
  assert_true(create(s, &c, &id));
  c.idle_close_ms = 9 * MINUTE;
  says(b, setup_custom_update(b->store, 1, id, &c, b->err), "close-idle: must be longer");
  c.idle_close_ms = 0; /* never */
  c.bot_close_ms = MINUTE;
  assert_true(setup_custom_update(b->store, 1, id, &c, b->err));
}

/* ---- who speaks ---- */

struct talk {
  const struct registry *r;
  int64_t channel_id, interaction_id, message_id;
  struct actor actor;
};

static enum job_result do_reply(struct db *tx, void *arg) {
  struct talk *t = arg;
  const struct reply_in in = {.text = "hello", .public_url = "", .retention_ms = DAY};
  int bad;
  return conversation_reply(tx, t->r, 1, t->interaction_id, &t->actor, &in, NOW, &t->message_id, &bad) ==
                 CONVERSATION_OK
             ? JOB_COMMIT
             : JOB_REJECT;
}

static void partners_are_told_who_speaks(void **state) {
  struct scene *s = *state;
  struct box *b = s->b;
  struct setup_custom c = good(s);
  struct talk t;
  int64_t agent_id = 0;
  const struct setup_agent ada = {
      .login = "ada", .password = "correct horse", .first_name = "Ada", .last_name = "Lovelace"};
  if (!setup_agent_create(b->store, 1, &ada, &agent_id, b->err)) fail_msg("%s", b->err);
  box_sql_do(b, mem_printf(b->ctx, "UPDATE agent SET email = 'ada@h', avatar_url = 'https://h/a' WHERE id = %lld",
                           (long long)agent_id));
  assert_true(create(s, &c, &t.channel_id));
  t.r = box_registry(b);
  t.actor = (struct actor){.agent_id = agent_id, .display_name = "Ada Lovelace"};
  struct message_in m = box_message("ann", "1", "x");
  m.event_id = "e1";
  assert_int_equal(box_receive(b, registry_channel(t.r, t.channel_id), &m, NOW), CONVERSATION_OK);
  t.interaction_id = box_interaction(b, registry_channel(t.r, t.channel_id), "ann").id;
  box_run(b, do_reply, &t, STORE_OK);
  size_t len = 0;
  struct db *db = store_read_begin(b->store);
  const char *payload = delivery_payload(db, b->ctx, t.message_id, &len);
  store_read_end(b->store, db);
  const char *wanted =
      mem_printf(b->ctx,
                 "\"sender_data\":{\"sender_id\":%lld,\"sender_username\":\"ada\",\"sender_display_name\":\"Ada "
                 "Lovelace\",\"sender_avatar\":\"https://h/a\",\"sender_email\":\"ada@h\",\"sender_type\":\"agent\"",
                 (long long)agent_id);
  if (!strstr(payload, wanted)) fail_msg("%s", payload);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(tokens),
      TEST(a_channel),
      TEST(channels_that_cannot_be),
      TEST(nobody_who_may_still_wait_is_closed_as_silent),
      TEST(partners_are_told_who_speaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
