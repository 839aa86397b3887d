/* The data folder: making it, opening it, what is refused and with which words, and that a refusal changes nothing. */
#include "box.h"
#include "second.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static int setup(void **state) {
  *state = box_new();
  return 0;
}

static void create(struct box *b) {
  if (!store_create(b->dir, "First & last", b->err)) fail_msg("%s", b->err);
}

static int mode_of(struct box *b, const char *name) {
  struct stat st;
  assert_int_equal(stat(name ? box_path(b, name) : b->dir, &st), 0);
  return st.st_mode & 0777;
}

static char *digest_of(struct box *b, const char *name) {
  uint8_t hash[SHA256_LEN];
  FILE *f = fopen(box_path(b, name), "r");
  assert_non_null(f);
  char *bytes = mem_bytes(b->ctx, 4 << 20), *hex = mem_bytes(b->ctx, 2 * SHA256_LEN + 1);
  digest_sha256(bytes, fread(bytes, 1, 4 << 20, f), hash);
  fclose(f);
  hex_encode(hash, sizeof hash, hex);
  return hex;
}

static void put_file(struct box *b, const char *name, const void *bytes, size_t len) {
  FILE *f = fopen(box_path(b, name), "w");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  fclose(f);
}

static void refused(struct box *b, enum store_mode mode, const char *says) {
  b->store = box_try(b, mode, 0);
  assert_null(b->store);
  if (!strstr(b->err, says)) fail_msg("\"%s\" does not say \"%s\"", b->err, says);
}

static int count_files(struct box *b) {
  DIR *d = opendir(b->dir);
  int n = 0;
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

/* ---- making ---- */

static void made_for_its_owner_alone(void **state) {
  struct box *b = *state;
  umask(0);
  create(b);
  assert_int_equal(mode_of(b, NULL), 0700);
  assert_int_equal(mode_of(b, "master.key"), 0600);
  assert_int_equal(mode_of(b, "guichet.db"), 0600);
  assert_int_equal(count_files(b), 2); /* nothing is left of building it */
  box_open(b, STORE_SERVE);
  const struct registry *r = box_registry(b);
  assert_int_equal(r->instance_count, 1);
  assert_int_equal(r->instances[0].id, 1);
  assert_string_equal(r->instances[0].name, "First & last");
  assert_int_equal(mode_of(b, "guichet.db-wal"), 0600);
  assert_int_equal(mode_of(b, "guichet.db-shm"), 0600);
  assert_int_equal(mode_of(b, "epoch"), 0600);
  assert_int_equal(mode_of(b, "lock"), 0600);
  assert_string_equal(store_dir(b->store), b->dir);
  umask(022);
}

static void in_a_folder_that_others_may_read(void **state) {
  struct box *b = *state;
  umask(0);
  assert_int_equal(mkdir(b->dir, 0755), 0);
  create(b);
  assert_int_equal(mode_of(b, "master.key"), 0600);
  assert_int_equal(mode_of(b, "guichet.db"), 0600);
  umask(022);
}

static void never_over_another(void **state) {
  struct box *b = *state;
  create(b);
  const char *db = digest_of(b, "guichet.db"), *key = digest_of(b, "master.key");
  assert_false(store_create(b->dir, "Second", b->err));
  assert_non_null(strstr(b->err, "there is already a store in"));
  assert_string_equal(digest_of(b, "guichet.db"), db);
  assert_string_equal(digest_of(b, "master.key"), key);
}

static void two_have_two_keys(void **state) {
  struct box *b = *state, *other = box_new();
  create(b);
  create(other);
  assert_string_not_equal(digest_of(b, "master.key"), digest_of(other, "master.key"));
  box_free(other);
}

static void where_none_can_be(void **state) {
  struct box *b = *state;
  close(open(b->dir, O_CREAT | O_WRONLY, 0600)); /* a file where the folder should be */
  assert_false(store_create(b->dir, "Test", b->err));
  assert_non_null(strstr(b->err, "cannot write the master key"));
  assert_false(store_create("/proc/guichet", "Test", b->err));
  assert_non_null(strstr(b->err, "cannot make the folder /proc/guichet"));
}

/* An attempt that was cut off has left its key, and perhaps half a store with a log that belongs to nothing. */
/* The first instance is named as any other: its name goes into tokens and answers. */
static void a_name_that_is_none(void **state) {
  struct box *b = *state;
  static const char *const names[] = {"", "a\nb", "\xff"};
  char *longer = mem_bytes(b->ctx, 102), *longest = mem_bytes(b->ctx, 101);
  memset(longer, 'x', 101);
  memset(longest, 'x', 100);
  longer[101] = longest[100] = 0;
  for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_false(store_create(b->dir, names[i], b->err));
  assert_false(store_create(b->dir, longer, b->err));
  assert_non_null(strstr(b->err, "name: must be"));
  assert_int_equal(access(b->dir, F_OK), -1);
  assert_true(store_create(b->dir, longest, b->err));
}

static void an_interrupted_attempt_can_be_repeated(void **state) {
  struct box *b = *state;
  create(b);
  static const char *const names[] = {"guichet.db.new", "guichet.db.new-wal", "guichet.db.new-shm"};
  assert_int_equal(rename(box_path(b, "guichet.db"), box_path(b, names[0])), 0);
  put_file(b, names[1], "what a log left behind", 22);
  put_file(b, names[2], "its index", 9);
  const char *key = digest_of(b, "master.key");
  create(b);
  assert_string_equal(digest_of(b, "master.key"), key);
  for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_int_equal(access(box_path(b, names[i]), F_OK), -1);
  box_open(b, STORE_SERVE);
}

static void a_key_of_the_wrong_size_makes_no_store(void **state) {
  struct box *b = *state;
  create(b);
  unlink(box_path(b, "guichet.db"));
  put_file(b, "master.key", "short", 5);
  assert_false(store_create(b->dir, "Test", b->err));
  assert_non_null(strstr(b->err, "is not 32 bytes long"));
  assert_int_equal(access(box_path(b, "guichet.db"), F_OK), -1);
}

/* ---- opening ---- */

static void there_is_none(void **state) {
  struct box *b = *state;
  refused(b, STORE_SERVE, "guichet init --data");
  assert_int_equal(access(b->dir, F_OK), -1);
  assert_int_equal(mkdir(b->dir, 0700), 0);
  refused(b, STORE_TOOL, "there is no store in");
  assert_int_equal(count_files(b), 0);
}

static void one_server_at_a_time_and_tools_beside_it(void **state) {
  struct box *b = *state, second = *b;
  create(b);
  box_open(b, STORE_SERVE);
  refused(&second, STORE_SERVE, "another server is running on");
  for (int i = 0; i < 3; i++) {
    struct store *tool = box_try(b, STORE_TOOL, 0);
    assert_non_null(tool);
    store_close(tool);
  }
  refused(&second, STORE_SERVE, "another server is running on"); /* a tool's end frees no lock */
  box_close(b);
  box_open(b, STORE_SERVE);
}

static void keys_that_do_not_fit(void **state) {
  struct box *b = *state;
  create(b);
  static const uint8_t other[33] = {7};
  put_file(b, "master.key", other, 32);
  refused(b, STORE_SERVE, "is not the one this store was made with");
  refused(b, STORE_TOOL, "is not the one this store was made with");
  put_file(b, "master.key", other, 31);
  refused(b, STORE_SERVE, "is not 32 bytes long");
  put_file(b, "master.key", other, 33);
  refused(b, STORE_SERVE, "is not 32 bytes long");
  put_file(b, "master.key", other, 0);
  refused(b, STORE_SERVE, "is not 32 bytes long");
  unlink(box_path(b, "master.key"));
  refused(b, STORE_SERVE, "cannot read the master key");
  /* Each refusal has given the lock back. */
  refused(b, STORE_SERVE, "cannot read the master key");
}

static void a_newer_store_is_left_alone(void **state) {
  struct box *b = *state;
  create(b);
  box_open(b, STORE_SERVE);
  box_close(b);
  box_sql_do(b, "UPDATE meta SET value = '9999' WHERE key = 'schema_version'; PRAGMA wal_checkpoint(TRUNCATE)");
  const char *before = digest_of(b, "guichet.db");
  refused(b, STORE_SERVE, "is of a newer version (schema 9999, this program knows");
  refused(b, STORE_TOOL, "use the newer program");
  assert_string_equal(digest_of(b, "guichet.db"), before);
}

static void what_is_no_store_of_ours_is_left_alone(void **state) {
  struct box *b = *state;
  create(b);
  static char garbage[8192];
  memset(garbage, 'x', sizeof garbage);
  put_file(b, "guichet.db", garbage, sizeof garbage);
  refused(b, STORE_SERVE, "guichet.db");
  put_file(b, "guichet.db", "", 0); /* to SQLite an empty database */
  refused(b, STORE_SERVE, "cannot be read as a store of Guichet");
  box_sql_do(b, "CREATE TABLE meta (key TEXT, value TEXT); CREATE TABLE other (x)");
  refused(b, STORE_SERVE, "it has no schema version");
  assert_int_equal(box_sql(b, "SELECT count(*) FROM sqlite_schema"), 2);
}

/* A migration as the first programs ran it. */
static void run_script(struct box *b, const char *sql) {
  static const char *const words[][2] = {{"@ID@", "INTEGER PRIMARY KEY"}, {"@BYTES@", "BLOB"}, {"@SQLITE_ONLY@", ""}};
  char *out = mem_bytes(b->ctx, 2 * strlen(sql) + 1), *end = out;
  while (*sql) {
    size_t i = 0;
    while (i < ARRAY_LEN(words) && strncmp(sql, words[i][0], strlen(words[i][0])) != 0) i++;
    if (i == ARRAY_LEN(words)) {
      *end++ = *sql++;
      continue;
    }
    end = stpcpy(end, words[i][1]);
    sql += strlen(words[i][0]);
  }
  *end = 0;
  box_sql_do(b, out);
}

/* In place of the store: one of that schema, with a message, a service and somebody who takes what comes. */
static void make_old(struct box *b, int version) {
  create(b);
  const char *check = box_sql_text(b, "SELECT value FROM meta WHERE key = 'key_check'");
  put_file(b, "guichet.db", "", 0);
  for (int i = 0; migrations[i].number <= version; i++) run_script(b, migrations[i].sql);
  box_sql_do(
      b, mem_printf(b->ctx, "INSERT INTO meta VALUES ('key_check', '%s'), ('schema_version', '%d')", check, version));
  box_sql_do(b,
             "INSERT INTO instance VALUES (1, 'First', 1), (2, 'Second', 2);"
             "INSERT INTO service (id, instance_id, name, priority, created_at)"
             " VALUES (1, 1, 'Care', 5, 1), (2, 2, 'Sales', 5, 1), (3, 1, 'Repairs', 5, 1);"
             "INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile, enabled,"
             " created_at) VALUES (4, 1, 'ada', 'x', '', '', 0, 1, 1);"
             "INSERT INTO message (id, instance_id, interaction_id, customer_id, direction, ext_id, created_at,"
             " stored_at, sender_type, sender_id, agent_id, text, attachments)"
             " VALUES (5, 1, 2, 3, 0, 'm', 4, 5, 0, 's', 0, 'kept', 0);"
             "INSERT INTO customer VALUES (3, 1, 1, 'c', '', 2, 1);"
             "INSERT INTO interaction (id, instance_id, channel_id, customer_id, service_id, state, agent_id,"
             " previous_id, version, opened_at, state_at, closed_at) VALUES (2, 1, 1, 3, 3, 1, 0, 0, 1, 77, 78, 0);");
  /* What that program gave every instance. */
  if (version >= 3)
    box_sql_do(
        b, "INSERT INTO agent_state SELECT (i.id - 1) * 6 + s.id, i.id, s.label, s.kind, '', s.id, 1 FROM instance i,"
           " (SELECT 1 id, 'Ready' label, 1 kind UNION SELECT 2, 'Busy', 2 UNION SELECT 3, 'Break', 3"
           "  UNION SELECT 4, 'Lunch', 3 UNION SELECT 5, 'Training', 2 UNION SELECT 6, 'Logged out', 0) s;"
           "INSERT INTO agent_service VALUES (4, 1, 1), (4, 3, 1)");
}

/* What the third migration gives to instances, services and people that are there already. */
static void assert_routing_was_given(struct box *b) {
  const struct registry *r = box_registry(b);
  assert_int_equal(r->state_count, 2 * STATE_DEFAULT_COUNT);
  for (int64_t instance_id = 1; instance_id <= 2; instance_id++) {
    const struct agent_state *ready = registry_state_of_kind(r, instance_id, STATE_READY);
    assert_string_equal(ready->label, "Ready");
    assert_int_equal(ready->instance_id, instance_id);
  }
  const struct agent *ada = registry_agent(r, 4);
  assert_int_equal(ada->services.count, 2); /* of her instance, not of the other */
  assert_int_equal(level_of(&ada->services, 1), 1);
  assert_int_equal(level_of(&ada->services, 2), 0);
  assert_int_equal(level_of(&registry_service(r, 3)->agents, 4), 1);
  assert_int_equal(ada->capacity, 3);
  assert_int_equal(registry_service(r, 1)->offer_ms, 30000);
  assert_true(registry_service(r, 1)->enabled);
}

static void old_stores_are_carried_over(void **state) {
  (void)state;
  char copy[40];
  snprintf(copy, sizeof copy, "guichet.db.before-%04d", schema_known());
  /* The eighth needs a function that only the store's own connection has: see indexes_are_carried_over. */
  for (int version = 1; version < 8; version++) {
    struct box *b = box_new();
    make_old(b, version);
    box_open(b, STORE_SERVE);
    if (version < 3) assert_routing_was_given(b);
    box_close(b);
    assert_int_equal(box_sql(b, "SELECT value FROM meta WHERE key = 'schema_version'"), schema_known());
    assert_string_equal(box_sql_text(b, "SELECT text FROM message WHERE id = 5 AND event_id IS NULL"), "kept");
    assert_int_equal(box_sql(b, "SELECT message_id FROM retry_key"), 5);
    /* What waited goes on waiting, since it was opened and with its service's priority. */
    if (version < 4)
      assert_int_equal(box_sql(b, "SELECT queued_at FROM interaction WHERE id = 2 AND priority = 5 AND front = 0"), 77);
    assert_int_equal(access(box_path(b, copy), F_OK), 0);
    box_free(b);
  }
}

/* Conversations of a store that had indexes: their timelines and retry keys are there as before, of every instance. */
static void indexes_are_carried_over(void **state) {
  struct box *b = *state;
  create(b);
  b->instance_id = 1;
  box_open(b, STORE_SERVE);
  const struct channel *channel = box_channel(b, "c");
  int64_t channel_id = channel->id;
  struct message_in m = box_message("anna", "1", "one"), other = box_message("bert", "1", "two");
  for (int i = 0; i < 30; i++) {
    m.ext_id = mem_printf(b->ctx, "%d", i);
    assert_int_equal(box_receive(b, channel, &m, NOW + i), CONVERSATION_OK);
    if (i % 3 == 0) assert_int_equal(box_receive(b, channel, &other, NOW + i), CONVERSATION_OK);
  }
  int64_t anna = box_interaction(b, channel, "anna").id;
  box_close(b);
  m.ext_id = "29"; /* what the box gave is gone with its context */
  box_sql_do(
      b, "DROP TABLE timeline; DROP TABLE retry_key; DROP TABLE index_mark; DROP TABLE node; DROP TABLE channel_lease;"
         "CREATE INDEX event_interaction ON event (interaction_id, seq);"
         "CREATE UNIQUE INDEX message_key ON message (created_at, customer_id, ext_id) WHERE event_id IS NULL;"
         "INSERT INTO event VALUES (2 * 1099511627776 + 1, 1, 20, 77, 1, 0, NULL);"
         "UPDATE meta SET value = '7' WHERE key = 'schema_version'");
  box_open(b, STORE_SERVE);
  channel = registry_channel(box_registry(b), channel_id);
  assert_int_equal(box_receive(b, channel, &m, NOW + 100), CONVERSATION_OK);     /* known */
  assert_int_equal(box_receive(b, channel, &other, NOW + 100), CONVERSATION_OK); /* known */
  m.ext_id = "new";
  assert_int_equal(box_receive(b, channel, &m, NOW + 100), CONVERSATION_OK);
  struct event events[40];
  struct db *db = store_read_begin(b->store);
  assert_int_equal(event_of_interaction(db, b->ctx, 1, anna, 0, events, 40), 32);
  for (int i = 1; i < 32; i++) assert_int_equal(events[i].at, i < 31 ? NOW + i - 1 : NOW + 100);
  assert_int_equal(event_of_interaction(db, b->ctx, 2, 77, 0, events, 40), 1);
  store_read_end(b->store, db);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM message"), 32);
}

/* A number before the first: its migration cannot succeed. */
static void an_older_store_is_copied_before_anything_is_tried(void **state) {
  struct box *b = *state;
  create(b);
  box_sql_do(b, "UPDATE meta SET value = '0' WHERE key = 'schema_version'");
  char copy[40];
  snprintf(copy, sizeof copy, "guichet.db.before-%04d", schema_known());
  umask(0);
  refused(b, STORE_SERVE, "already exists");
  umask(022);
  assert_int_equal(access(box_path(b, copy), F_OK), 0);
  assert_int_equal(mode_of(b, copy), 0600);
  assert_string_equal(box_sql_text(b, "SELECT value FROM meta WHERE key = 'schema_version'"), "0");
  assert_int_equal(box_sql(b, "SELECT count(*) FROM instance"), 1);
}

static void no_migration_under_a_running_server(void **state) {
  struct box *b = *state;
  create(b);
  box_open(b, STORE_SERVE);
  box_sql_do(b, "UPDATE meta SET value = '0' WHERE key = 'schema_version'");
  struct store *server = b->store;
  refused(b, STORE_TOOL, "another server is running on");
  b->store = server;
}

static void every_statement_can_be_prepared(void **state) {
  struct box *b = *state;
  create(b);
  box_open(b, STORE_SERVE);
  if (!store_prepare_all(b->store, b->err)) fail_msg("%s", b->err);
  assert_string_equal(query_texts[Q_META_GET].name, "meta_get");
  for (int i = 0; i < Q_COUNT; i++)
    assert_true(strlen(query_texts[i].sqlite) > 0 || strlen(query_texts[i].postgres) > 0);
}

static void sound_or_damaged(void **state) {
  struct box *b = *state;
  create(b);
  box_sql_do(b,
             "PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 "
             "FROM n WHERE i < 2000) INSERT INTO t SELECT randomblob(1000) FROM n; PRAGMA wal_checkpoint(TRUNCATE)");
  box_open(b, STORE_TOOL);
  if (!store_check(b->store, b->err)) fail_msg("%s", b->err);
  box_close(b);
  int fd = open(box_path(b, "guichet.db"), O_RDWR);
  struct stat st;
  char garbage[4096];
  memset(garbage, 0x5a, sizeof garbage);
  assert_int_equal(fstat(fd, &st), 0);
  for (off_t at = st.st_size - 20 * 4096; at < st.st_size; at += 4096)
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
  close(fd);
  box_open(b, STORE_TOOL);
  assert_false(store_check(b->store, b->err));
  assert_non_null(strstr(b->err, "the store is damaged: "));
}

static void damage_that_the_start_meets_is_said(void **state) {
  struct box *b = *state;
  create(b);
  int64_t page = box_sql(b, "SELECT rootpage FROM sqlite_schema WHERE name = 'message'");
  int fd = open(box_path(b, "guichet.db"), O_RDWR);
  char garbage[4096];
  memset(garbage, 0x5a, sizeof garbage);
  assert_int_equal(pwrite(fd, garbage, sizeof garbage, (off_t)(page - 1) * 4096), 4096);
  close(fd);
  refused(b, STORE_SERVE, "the store cannot be read: ");
}

/* ---- the epoch ---- */

static void raise_epoch(struct box *b) {
  store_epoch_raise(b->store);
}

static void a_change_by_another_process_is_seen_at_once(void **state) {
  struct box *b = *state;
  static void (*const steps[])(struct box *) = {raise_epoch};
  struct second s;
  create(b);
  second_start(&s, b, steps);
  box_open(b, STORE_SERVE);
  uint64_t before = store_epoch(b->store);
  for (uint64_t i = 1; i <= 5; i++) {
    second_step(&s, 0);
    assert_int_equal(store_epoch(b->store), before + i);
  }
  store_epoch_raise(b->store);
  assert_int_equal(store_epoch(b->store), before + 6);
  second_end(&s);
  /* It only ever rises, also over restarts. */
  box_close(b);
  box_open(b, STORE_SERVE);
  assert_int_equal(store_epoch(b->store), before + 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(made_for_its_owner_alone, setup, box_teardown),
      cmocka_unit_test_setup_teardown(in_a_folder_that_others_may_read, setup, box_teardown),
      cmocka_unit_test_setup_teardown(never_over_another, setup, box_teardown),
      cmocka_unit_test_setup_teardown(two_have_two_keys, setup, box_teardown),
      cmocka_unit_test_setup_teardown(where_none_can_be, setup, box_teardown),
      cmocka_unit_test_setup_teardown(a_name_that_is_none, setup, box_teardown),
      cmocka_unit_test_setup_teardown(an_interrupted_attempt_can_be_repeated, setup, box_teardown),
      cmocka_unit_test_setup_teardown(a_key_of_the_wrong_size_makes_no_store, setup, box_teardown),
      cmocka_unit_test_setup_teardown(there_is_none, setup, box_teardown),
      cmocka_unit_test_setup_teardown(one_server_at_a_time_and_tools_beside_it, setup, box_teardown),
      cmocka_unit_test_setup_teardown(keys_that_do_not_fit, setup, box_teardown),
      cmocka_unit_test_setup_teardown(a_newer_store_is_left_alone, setup, box_teardown),
      cmocka_unit_test_setup_teardown(what_is_no_store_of_ours_is_left_alone, setup, box_teardown),
      cmocka_unit_test_setup_teardown(an_older_store_is_copied_before_anything_is_tried, setup, box_teardown),
      cmocka_unit_test(old_stores_are_carried_over),
      cmocka_unit_test_setup_teardown(indexes_are_carried_over, setup, box_teardown),
      cmocka_unit_test_setup_teardown(no_migration_under_a_running_server, setup, box_teardown),
      cmocka_unit_test_setup_teardown(every_statement_can_be_prepared, setup, box_teardown),
      cmocka_unit_test_setup_teardown(sound_or_damaged, setup, box_teardown),
      cmocka_unit_test_setup_teardown(damage_that_the_start_meets_is_said, setup, box_teardown),
      cmocka_unit_test_setup_teardown(a_change_by_another_process_is_seen_at_once, setup, box_teardown),
  };
  return BOX_RUN(tests);
}
