/* The setup in memory: found by id, client and token; replaced when it changes, here or in another process; old
 * snapshots live as long as somebody holds them; secrets open with their master key only. */
#include "box.h"
#include "second.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>

static void setup_of_a_new_store(void **state) {
  struct box *b = *state;
  const struct registry *r = box_registry(b);
  assert_int_equal(r->instance_count, 1);
  assert_int_equal(r->service_count + r->channel_count + r->agent_count + r->token_count, 0);
  assert_string_equal(registry_instance(r, 1)->name, "Test");
  assert_ptr_equal(registry_instance_named(r, NULL), registry_instance(r, 1));
  assert_ptr_equal(registry_instance_named(r, "Test"), registry_instance(r, 1));
  assert_null(registry_instance_named(r, "test"));
  assert_null(registry_instance(r, 2));
  assert_null(registry_service(r, 1));
  assert_null(registry_channel(r, 1));
  assert_null(registry_agent(r, 1));
  assert_null(registry_client(r, ""));
  assert_null(registry_token(r, (const uint8_t[SHA256_LEN]){0}));
}

struct made {
  int64_t channel_id, agent_id, token_id;
  char client_id[CLIENT_ID_LEN], secret[CLIENT_SECRET_LEN], token[API_TOKEN_LEN];
};

static struct made make_some(struct box *b) {
  struct made m;
  const struct setup_channel c = {.name = "Bot", .webhook_url = "https://example.com/hook?x=1", .show_agent = true};
  const struct setup_agent a = {.login = "ada",
                                .password = "correct horse",
                                .first_name = "Ada",
                                .last_name = "Lovelace",
                                .profile = PROFILE_SUPERVISOR};
  assert_true(setup_channel_create(b->store, 1, CHANNEL_KIAMO_IO, &c, &m.channel_id, m.client_id, m.secret, b->err));
  assert_true(setup_agent_create(b->store, 1, &a, &m.agent_id, b->err));
  assert_true(setup_token_create(b->store, 1, "wallboard", rights_bit(API_INTERACTION, VERB_GET), &m.token_id, m.token,
                                 b->err));
  return m;
}

static void everything_is_found(void **state) {
  struct box *b = *state;
  clock_fake(NOW);
  struct made m = make_some(b);
  const struct registry *r = box_registry(b);
  const struct channel *c = registry_channel(r, m.channel_id);
  assert_ptr_equal(registry_client(r, m.client_id), c);
  assert_int_equal(c->instance_id, 1);
  assert_int_equal(c->kind, CHANNEL_KIAMO_IO);
  assert_string_equal(c->name, "Bot");
  assert_true(c->enabled);
  assert_true(c->show_agent);
  assert_string_equal(c->webhook_url, "https://example.com/hook?x=1");
  assert_string_equal(registry_service(r, c->service_id)->name, "Default");
  assert_string_equal(c->secret, m.secret);
  uint8_t hash[SHA256_LEN];
  digest_sha256(m.secret, strlen(m.secret), hash);
  assert_memory_equal(c->secret_hash, hash, SHA256_LEN);
  assert_null(c->old_secret);
  assert_int_equal(c->generation, 1);
  assert_int_equal(c->created_at, NOW);
  const struct agent *a = registry_agent(r, m.agent_id);
  assert_string_equal(a->login, "ada");
  assert_string_equal(a->display_name, "Ada Lovelace");
  assert_int_equal(a->profile, PROFILE_SUPERVISOR);
  assert_true(a->enabled);
  digest_sha256(m.token, strlen(m.token), hash);
  const struct api_token *t = registry_token(r, hash);
  assert_int_equal(t->id, m.token_id);
  assert_string_equal(t->label, "wallboard");
  assert_int_equal(t->rights, rights_bit(API_INTERACTION, VERB_GET));
  hash[31] ^= 1;
  assert_null(registry_token(r, hash));
}

static void names_to_show(void **state) {
  struct box *b = *state;
  static const struct {
    const char *login, *first, *last, *shown;
  } rows[] = {
      {"a", "Ada", "Lovelace", "Ada Lovelace"},
      {"b", "Ada", "", "Ada"},
      {"c", "", "Lovelace", "Lovelace"},
      {"d", "", "", "d"},
      {"e", NULL, NULL, "e"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    int64_t id;
    const struct setup_agent a = {
        .login = rows[i].login, .password = "12345678", .first_name = rows[i].first, .last_name = rows[i].last};
    assert_true(setup_agent_create(b->store, 1, &a, &id, b->err));
    assert_string_equal(registry_agent(box_registry(b), id)->display_name, rows[i].shown);
  }
}

/* Nothing that opens anything lies readable in the files. */
static void no_secret_in_the_files(void **state) {
  struct box *b = *state;
  struct made m = make_some(b);
  box_close(b);
  static const char *const names[] = {"guichet.db", "guichet.db-wal", "guichet.db-shm", "epoch", "lock"};
  const char *const secrets[] = {m.secret, m.token, "correct horse"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    FILE *f = fopen(box_path(b, names[i]), "r");
    if (!f) continue;
    char *bytes = mem_bytes(b->ctx, 4 << 20);
    size_t len = fread(bytes, 1, 4 << 20, f);
    fclose(f);
    for (size_t k = 0; k < ARRAY_LEN(secrets); k++) assert_null(memmem(bytes, len, secrets[k], strlen(secrets[k])));
  }
}

static void set_sealed(struct box *b, int zeros, const char *besides) {
  char value[64];
  snprintf(value, sizeof value, b->url ? "decode(repeat('00', %d), 'hex')" : "zeroblob(%d)", zeros);
  box_sql_do(b, mem_printf(b->ctx, "UPDATE channel SET secret_sealed = %s%s WHERE name = 'Bot'", value, besides));
}

/* A channel whose secret was sealed with another key, or is damaged, is as good as disabled; the others are not. */
static void a_secret_that_does_not_open(void **state) {
  struct box *b = *state;
  struct made m = make_some(b);
  const struct channel *other = box_channel(b, "Other");
  set_sealed(b, 104, "");
  store_epoch_raise(b->store);
  const struct registry *r = box_registry(b);
  assert_null(registry_channel(r, m.channel_id)->secret);
  assert_false(registry_channel(r, m.channel_id)->enabled);
  assert_true(registry_channel(r, other->id)->enabled);
  static const int odd[] = {0, 40, 41, 500};
  for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
    set_sealed(b, odd[i], ", secret_hash = secret_sealed");
    store_epoch_raise(b->store);
    assert_null(registry_channel(box_registry(b), m.channel_id)->secret);
  }
}

static void the_same_snapshot_until_something_changes(void **state) {
  struct box *b = *state;
  const struct registry *before = box_registry(b);
  assert_ptr_equal(box_registry(b), before);
  int64_t id;
  assert_true(setup_service_create(b->store, 1, "Sales", 3, &id, b->err));
  const struct registry *after = box_registry(b);
  assert_ptr_not_equal(after, before);
  assert_true(after->epoch > before->epoch);
  assert_string_equal(registry_service(after, id)->name, "Sales");
  assert_int_equal(registry_service(after, id)->priority, 3);
  assert_null(registry_service(before, id)); /* whoever holds the old one still has it, unchanged */
  assert_string_equal(registry_instance(before, 1)->name, "Test");
}

static void more_than_the_first_room(void **state) {
  struct box *b = *state;
  int64_t ids[70];
  for (int i = 0; i < 70; i++)
    assert_true(setup_service_create(b->store, 1, mem_printf(b->ctx, "S%d", i), 1 + i % 10, &ids[i], b->err));
  const struct registry *r = box_registry(b);
  assert_int_equal(r->service_count, 70);
  for (int i = 0; i < 70; i++) assert_string_equal(registry_service(r, ids[i])->name, mem_printf(b->ctx, "S%d", i));
}

/* What belongs to others comes with them, sorted, and to nobody else. */
static void what_routing_needs(void **state) {
  struct box *b = *state;
  box_sql_do(b, "INSERT INTO service (id, instance_id, name, priority, created_at, weight, strategy, closed_reply)"
                " VALUES (1, 1, 'Care', 5, 1, 2, 1, 'Closed'), (2, 1, 'Sales', 5, 1, 1, 0, '');"
                "INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile, enabled,"
                " created_at, email, capacity) VALUES (1, 1, 'ada', 'x', '', '', 0, 1, 1, 'ada@example.com', 5),"
                " (2, 1, 'bob', 'x', '', '', 0, 1, 1, '', 3);"
                "INSERT INTO skill VALUES (1, 1, 'French'), (2, 1, 'Billing'); INSERT INTO team VALUES (7, 1, 'Night');"
                "INSERT INTO service_skill VALUES (2, 2, 3), (2, 1, 4);"
                "INSERT INTO agent_skill VALUES (2, 1, 5), (1, 2, 1);"
                "INSERT INTO agent_service VALUES (2, 1, 2), (1, 2, 3), (1, 1, 4);"
                "INSERT INTO agent_medium VALUES (1, 1, 2);"
                "INSERT INTO calendar VALUES (3, 1, 'Office', 'Europe/Paris'), (4, 1, 'Never', 'UTC');"
                "INSERT INTO calendar_interval VALUES (3, 2, 480, 720), (3, 1, 480, 1080);"
                "INSERT INTO calendar_exception VALUES (3, '2026-12-25', -1, 0, 'Christmas');"
                "INSERT INTO qualification VALUES (1, 1, 'Order', 'Late', 0, 1);"
                "INSERT INTO canned_reply VALUES (1, 1, 2, 'hi', 'Greeting', 'Hello');");
  store_epoch_raise(b->store);
  const struct registry *r = box_registry(b);
  const struct service *care = registry_service(r, 1), *sales = registry_service(r, 2);
  const struct agent *ada = registry_agent(r, 1), *bob = registry_agent(r, 2);
  assert_int_equal(care->weight, 2);
  assert_int_equal(care->strategy, STRATEGY_LEAST_LOADED);
  assert_string_equal(care->closed_reply, "Closed");
  assert_int_equal(care->skills.count, 0);
  assert_int_equal(sales->skills.count, 2);
  assert_int_equal(level_of(&sales->skills, 1), 4);
  assert_int_equal(level_of(&sales->skills, 2), 3);
  assert_int_equal(care->agents.count, 2);
  assert_int_equal(level_of(&care->agents, 1), 4);
  assert_int_equal(level_of(&care->agents, 2), 2);
  assert_int_equal(sales->agents.count, 1);
  assert_int_equal(level_of(&ada->services, 2), 3);
  assert_int_equal(level_of(&bob->services, 2), 0);
  assert_int_equal(level_of(&bob->skills, 1), 5);
  assert_string_equal(ada->email, "ada@example.com");
  assert_int_equal(ada->capacity, 5);
  assert_int_equal(ada->medium_most[MEDIUM_CHAT], 2);
  assert_int_equal(ada->medium_most[MEDIUM_MESSAGING], -1);
  assert_int_equal(bob->medium_most[MEDIUM_CHAT], -1);
  const struct calendar *office = registry_calendar(r, 3);
  assert_string_equal(office->zone, "Europe/Paris");
  assert_int_equal(office->interval_count, 2);
  assert_int_equal(office->intervals[0].weekday, 1);
  assert_int_equal(office->exception_count, 1);
  assert_string_equal(office->exceptions[0].day, "2026-12-25");
  assert_int_equal(registry_calendar(r, 4)->interval_count + registry_calendar(r, 4)->exception_count, 0);
  assert_string_equal(registry_skill(r, 1)->name, "French");
  assert_string_equal(registry_team(r, 7)->name, "Night");
  assert_null(registry_group(r, 1));
  assert_string_equal(registry_qualification(r, 1)->label, "Late");
  assert_int_equal(registry_canned_reply(r, 1)->service_id, 2);
}

static void states_of_every_new_instance(void **state) {
  struct box *b = *state;
  int64_t id;
  assert_true(setup_instance_create(b->store, "Second", &id, b->err));
  const struct registry *r = box_registry(b);
  assert_int_equal(r->state_count, 2 * STATE_DEFAULT_COUNT);
  for (int kind = 0; kind < STATE_KIND_COUNT; kind++) {
    const struct agent_state *first = registry_state_of_kind(r, 1, (enum state_kind)kind),
                             *second = registry_state_of_kind(r, id, (enum state_kind)kind);
    assert_int_equal(first->instance_id, 1);
    assert_int_equal(second->instance_id, id);
    assert_string_equal(first->label, second->label);
    assert_ptr_equal(registry_state(r, second->id), second);
  }
  assert_string_equal(registry_state_of_kind(r, 1, STATE_PAUSE)->label, "Break");
  box_sql_do(b, "UPDATE agent_state SET enabled = 0 WHERE label = 'Break'");
  store_epoch_raise(b->store);
  assert_string_equal(registry_state_of_kind(box_registry(b), 1, STATE_PAUSE)->label, "Lunch");
}

/* ---- another process changes it ---- */

static void rename_by_other(struct box *b) {
  int64_t id;
  if (!setup_service_create(b->store, 1, "By another process", 1, &id, b->err)) _exit(1);
}

static void a_change_by_another_process(void **state) {
  (void)state;
  struct box *b = box_new();
  static void (*const steps[])(struct box *) = {rename_by_other};
  struct second s;
  box_create(b);
  second_start(&s, b, steps);
  box_open(b, STORE_SERVE);
  assert_int_equal(box_registry(b)->service_count, 0);
  second_step(&s, 0);
  assert_int_equal(box_registry(b)->service_count, 1);
  assert_string_equal(box_registry(b)->services[0].name, "By another process");
  second_end(&s);
  box_free(b);
}

/* ---- many threads ---- */

struct reader {
  struct box *b;
  atomic_int *stop;
  int wrong;
};

static void *read_all_the_time(void *arg) {
  struct reader *r = arg;
  int seen = 0;
  while (!atomic_load(r->stop)) {
    const struct registry *g = registry_get(r->b->store);
    if (!g || g->service_count < seen) r->wrong++;
    for (int i = 0; g && i < g->service_count; i++) {
      if (strncmp(g->services[i].name, "S", 1) != 0 || registry_service(g, g->services[i].id) != &g->services[i])
        r->wrong++;
    }
    if (g) seen = g->service_count;
    registry_put(g);
  }
  return NULL;
}

static void many_threads_while_it_changes(void **state) {
  struct box *b = *state;
  atomic_int stop = 0;
  pthread_t threads[4];
  struct reader readers[4];
  for (int i = 0; i < 4; i++) {
    readers[i] = (struct reader){.b = b, .stop = &stop};
    assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
  }
  for (int i = 0; i < 60; i++) {
    int64_t id;
    assert_true(setup_service_create(b->store, 1, mem_printf(b->ctx, "S%d", i), 1, &id, b->err));
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(readers[i].wrong, 0);
  }
  assert_int_equal(box_registry(b)->service_count, 60);
}

int main(void) {
#define SQLITE(name) cmocka_unit_test_setup_teardown(name, box_setup_sqlite, box_teardown)
#define TEST(name)   cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(setup_of_a_new_store),
      TEST(everything_is_found),
      TEST(names_to_show),
      SQLITE(no_secret_in_the_files),
      TEST(a_secret_that_does_not_open),
      SQLITE(the_same_snapshot_until_something_changes),
      TEST(more_than_the_first_room),
      TEST(what_routing_needs),
      TEST(states_of_every_new_instance),
      cmocka_unit_test(a_change_by_another_process),
      TEST(many_threads_while_it_changes),
  };
  return BOX_RUN(tests);
}
