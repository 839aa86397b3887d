/* What customers and bots write: interactions are opened and continued, each message is stored once however often it
 * comes, files and verbatim parts with it; nothing of it is seen by another connector or instance. */
#include "box.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

static int64_t count(struct box *b, const char *table) {
  return box_sql(b, mem_printf(b->ctx, "SELECT count(*) FROM %s", table));
}

static struct event *events_of(struct box *b, int64_t interaction_id, int *n) {
  struct event *out = mem_array(b->ctx, struct event, 100);
  struct db *db = store_read_begin(b->store);
  *n = event_of_interaction(db, b->ctx, 1, interaction_id, 0, out, 100);
  store_read_end(b->store, db);
  return out;
}

static struct message message_of(struct box *b, int64_t instance_id, int64_t id) {
  struct message m = {0};
  struct db *db = store_read_begin(b->store);
  bool found = message_get(db, b->ctx, instance_id, id, &m);
  store_read_end(b->store, db);
  if (!found) m.id = 0;
  return m;
}

struct closing {
  const struct registry *registry;
  int64_t instance_id, id, now_ms;
  enum conversation_result result;
};
static enum job_result run_close(struct db *tx, void *arg) {
  struct closing *c = arg;
  const struct actor actor = {.agent_id = 1, .display_name = "A"};
  c->result = conversation_close(tx, c->registry, c->instance_id, c->id, &actor,
                                 &(struct close_in){.retention_ms = 1000}, c->now_ms);
  return c->result == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}
static void close_it(struct box *b, int64_t id) {
  struct closing c = {.registry = box_registry(b), .instance_id = 1, .id = id, .now_ms = NOW + 1000};
  box_run(b, run_close, &c, STORE_OK);
}

/* ---- the first message ---- */

static void a_message_opens_an_interaction(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("cust-é", "001", "Bonjour 🙂");
  m.rich_content = jspan_of("{ \"a\" : 1 }", 11);
  m.metadata = jspan_of("{\n\"k\":[1,2]}", 12);
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  struct interaction i = box_interaction(b, c, "cust-é");
  assert_int_equal(i.instance_id, 1);
  assert_int_equal(i.channel_id, c->id);
  assert_int_equal(i.service_id, c->service_id);
  assert_int_equal(i.state, INTERACTION_QUEUED);
  assert_int_equal(i.agent_id, 0);
  assert_int_equal(i.previous_id, 0);
  assert_int_equal(i.version, 1);
  assert_int_equal(i.opened_at, NOW);
  assert_int_equal(i.state_at, NOW);
  assert_int_equal(i.closed_at, 0);
  assert_null(i.close_reason);
  assert_string_equal(i.customer_ext_id, "cust-é");
  assert_string_equal(i.customer_name, "John Doe");
  int n;
  struct event *e = events_of(b, i.id, &n);
  assert_int_equal(n, 2);
  assert_int_equal(e[0].kind, EVENT_INTERACTION_OPENED);
  assert_int_equal(e[1].kind, EVENT_MESSAGE_RECEIVED);
  assert_int_equal(e[1].at, NOW);
  struct message s = message_of(b, 1, e[1].ref_id);
  assert_int_equal(s.interaction_id, i.id);
  assert_int_equal(s.customer_id, i.customer_id);
  assert_int_equal(s.direction, MESSAGE_IN);
  assert_string_equal(s.ext_id, "001");
  assert_int_equal(s.created_at, 1763640000);
  assert_int_equal(s.stored_at, NOW);
  assert_int_equal(s.sender.type, PARTY_HUMAN);
  assert_string_equal(s.sender.id, "cust-é");
  assert_string_equal(s.sender.name, "John Doe");
  assert_null(s.recipient.id);
  assert_string_equal(s.text, "Bonjour 🙂");
  assert_string_equal(s.rich_content, "{ \"a\" : 1 }");
  assert_string_equal(s.metadata, "{\n\"k\":[1,2]}");
  assert_int_equal(s.attachments, 0);
  /* Of another instance it is nothing. */
  assert_int_equal(message_of(b, 2, e[1].ref_id).id, 0);
  struct interaction foreign;
  struct db *db = store_read_begin(b->store);
  assert_false(interaction_get(db, b->ctx, 2, i.id, &foreign));
  assert_true(interaction_get(db, b->ctx, 1, i.id, &foreign));
  store_read_end(b->store, db);
}

static void without_name_metadata_or_rich_content(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("c", "1", "");
  m.sender.name = NULL;
  m.sender.type = PARTY_BOT;
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "c").customer_name, "");
  struct message s = message_of(b, 1, box_sql(b, "SELECT id FROM message"));
  assert_null(s.sender.name);
  assert_int_equal(s.sender.type, PARTY_BOT);
  assert_null(s.rich_content);
  assert_null(s.metadata);
  assert_string_equal(s.text, "");
}

static void a_second_message_continues(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in first = box_message("c", "1", "a"), second = box_message("c", "2", "b");
  assert_int_equal(box_receive(b, c, &first, NOW), CONVERSATION_OK);
  assert_int_equal(box_receive(b, c, &second, NOW + 5), CONVERSATION_OK);
  assert_int_equal(count(b, "interaction"), 1);
  assert_int_equal(count(b, "customer"), 1);
  int n;
  struct event *e = events_of(b, box_interaction(b, c, "c").id, &n);
  assert_int_equal(n, 3);
  assert_string_equal(message_of(b, 1, e[1].ref_id).text, "a");
  assert_string_equal(message_of(b, 1, e[2].ref_id).text, "b");
}

/* A bot's hand-over: transcript first, in its order; both speakers stand beside each other. */
static void history_opens_and_queues(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  for (int k = 0; k < 4; k++) {
    bool customer_speaks = k % 2 == 0;
    struct message_in m = box_message("c", mem_printf(b->ctx, "%03d", k), mem_printf(b->ctx, "text %d", k));
    struct party bot = {.type = PARTY_BOT, .id = "bot", .name = "Bot"}, customer = m.sender;
    m.has_recipient = true;
    m.sender = customer_speaks ? customer : bot;
    m.recipient = customer_speaks ? bot : customer;
    m.created_at = 1763640000 - k; /* the partner's clock orders nothing */
    assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  }
  struct interaction i = box_interaction(b, c, "c");
  assert_int_equal(i.state, INTERACTION_QUEUED);
  assert_string_equal(i.customer_name, "John Doe");
  int n;
  struct event *e = events_of(b, i.id, &n);
  assert_int_equal(n, 5);
  for (int k = 0; k < 4; k++) {
    assert_int_equal(e[k + 1].kind, EVENT_MESSAGE_HISTORY);
    struct message s = message_of(b, 1, e[k + 1].ref_id);
    assert_int_equal(s.direction, MESSAGE_HISTORY);
    assert_string_equal(s.text, mem_printf(b->ctx, "text %d", k));
    assert_string_equal(s.sender.id, k % 2 ? "bot" : "c");
    assert_string_equal(s.recipient.id, k % 2 ? "c" : "bot");
    assert_int_equal(s.recipient.type, k % 2 ? PARTY_HUMAN : PARTY_BOT);
  }
}

/* The first message may be the platform's: the customer's name is the recipient's then. */
static void the_customers_name_comes_from_whichever_side(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("c", "1", "x");
  m.sender = (struct party){.type = PARTY_BOT, .id = "bot", .name = "Bot"};
  m.has_recipient = true;
  m.recipient = (struct party){.type = PARTY_HUMAN, .id = "c", .name = "Jane"};
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "c").customer_name, "Jane");
  /* A third party speaks for the customer: its name is not theirs. */
  m = box_message("d", "1", "x");
  m.sender = (struct party){.type = PARTY_BOT, .id = "bot", .name = "Bot"};
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "d").customer_name, "");
  /* A name that comes later is taken; an empty or missing one takes none away. */
  m = box_message("d", "2", "x");
  m.sender.name = "Dora";
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "d").customer_name, "Dora");
  m.ext_id = "3";
  m.sender.name = "";
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  m.ext_id = "4";
  m.sender.name = NULL;
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "d").customer_name, "Dora");
}

/* ---- retries ---- */

static void a_retry_is_stored_once(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  static const uint8_t bytes[] = "file";
  const struct file_in file = {
      .ext_id = "f", .name = "f.txt", .mime_type = "text/plain", .found_type = "text/plain", .bytes = bytes, .size = 4};
  struct message_in m = box_message("c", "1", "a");
  m.files = &file;
  m.file_count = 1;
  for (int k = 0; k < 3; k++) assert_int_equal(box_receive(b, c, &m, NOW + k), CONVERSATION_OK);
  assert_int_equal(count(b, "message"), 1);
  assert_int_equal(count(b, "attachment"), 1);
  assert_int_equal(count(b, "event WHERE kind <> 90"), 2);
  assert_int_equal(box_sql(b, "SELECT stored_at FROM message"), NOW);
}

static void a_retry_after_the_close_opens_nothing(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("c", "1", "a");
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  int64_t first = box_interaction(b, c, "c").id;
  close_it(b, first);
  int64_t events = count(b, "event");
  assert_int_equal(box_receive(b, c, &m, NOW + 2000), CONVERSATION_OK);
  assert_int_equal(count(b, "interaction"), 1);
  assert_int_equal(count(b, "message"), 1);
  assert_int_equal(count(b, "event"), events);
  assert_int_equal(box_interaction(b, c, "c").state, INTERACTION_CLOSED);
  /* Something new opens the next, which knows the one before. */
  struct message_in next = box_message("c", "2", "b");
  assert_int_equal(box_receive(b, c, &next, NOW + 3000), CONVERSATION_OK);
  struct interaction i = box_interaction(b, c, "c");
  assert_int_not_equal(i.id, first);
  assert_int_equal(i.previous_id, first);
  assert_int_equal(i.state, INTERACTION_QUEUED);
  int n;
  struct event *e = events_of(b, i.id, &n);
  assert_int_equal(e[0].kind, EVENT_INTERACTION_OPENED);
  assert_int_equal(e[0].ref_id, first);
  /* And the retry is known in the second interaction too. */
  assert_int_equal(box_receive(b, c, &m, NOW + 4000), CONVERSATION_OK);
  assert_int_equal(count(b, "message"), 2);
}

/* A repeat that was on its way while the customer changed their name must not bring the old one back. */
static void a_retry_renames_nobody(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in first = box_message("c", "1", "a"), second = box_message("c", "2", "b");
  second.sender.name = "Jane Doe";
  assert_int_equal(box_receive(b, c, &first, NOW), CONVERSATION_OK);
  assert_int_equal(box_receive(b, c, &second, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "c").customer_name, "Jane Doe");
  assert_int_equal(box_receive(b, c, &first, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "c").customer_name, "Jane Doe");
  close_it(b, box_interaction(b, c, "c").id);
  assert_int_equal(box_receive(b, c, &first, NOW), CONVERSATION_OK);
  assert_string_equal(box_interaction(b, c, "c").customer_name, "Jane Doe");
}

/* The key is (connector, customer, id, created_at): partners number messages anew in each conversation. */
static void what_is_no_retry(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot"), *other = box_channel(b, "Other");
  struct message_in m = box_message("c", "1", "a");
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  m.created_at++;
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  m.created_at--;
  m.customer_id = m.sender.id = "C";
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  m.customer_id = m.sender.id = "c";
  assert_int_equal(box_receive(b, other, &m, NOW), CONVERSATION_OK);
  m.ext_id = "01";
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  assert_int_equal(count(b, "message"), 5);
  assert_int_equal(count(b, "customer"), 3);
  assert_int_equal(count(b, "interaction"), 3);
}

/* An id that is taken already is a failure, never a "repeat" that is answered and not stored. */
static enum job_result receive_with_taken_id(struct db *tx, void *arg) {
  struct box *b = arg;
  struct message_in second = box_message("c", "2", "b");
  enum conversation_result r = conversation_receive(tx, box_registry(b), &box_registry(b)->channels[0], &second, NOW);
  return r == CONVERSATION_FAILED && !db_failed(tx) ? JOB_REJECT : JOB_COMMIT;
}

static void a_taken_id_is_no_retry(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct message_in m = box_message("c", "1", "a");
  clock_fake(NOW);
  id_init(0, 0);
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  id_init(0, 0); /* the ids begin again: the third is the first message's */
  assert_int_equal(id_next() + 2, box_sql(b, "SELECT id FROM message"));
  (void)id_next();
  box_run(b, receive_with_taken_id, b, STORE_REJECT);
  assert_int_equal(count(b, "message"), 1);
}

/* ---- files ---- */

static void files_come_with_it(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  static const uint8_t bytes[300000] = {1, 2, 3};
  const struct file_in files[] = {
      {.ext_id = "f1",
       .name = "a.bin",
       .mime_type = "application/x",
       .found_type = "text/plain",
       .bytes = bytes,
       .size = 300000},
      {.ext_id = "f2", .name = "b.png", .mime_type = "image/png", .found_type = "", .url = "https://h/b.png"},
      {.ext_id = "f3",
       .name = "empty",
       .mime_type = "text/plain",
       .found_type = "application/octet-stream",
       .bytes = bytes,
       .size = 0},
  };
  struct message_in m = box_message("c", "1", "");
  m.files = files;
  m.file_count = 3;
  assert_int_equal(box_receive(b, c, &m, NOW), CONVERSATION_OK);
  int64_t id = box_sql(b, "SELECT id FROM message");
  assert_int_equal(message_of(b, 1, id).attachments, 3);
  struct attachment a[4];
  struct db *db = store_read_begin(b->store);
  assert_int_equal(attachment_of_message(db, b->ctx, 1, id, a, 4), 3);
  assert_int_equal(attachment_of_message(db, b->ctx, 2, id, a + 3, 1), 0);
  store_read_end(b->store, db);
  for (int k = 0; k < 3; k++) {
    assert_string_equal(a[k].ext_id, files[k].ext_id);
    assert_string_equal(a[k].name, files[k].name);
    assert_string_equal(a[k].mime_type, files[k].mime_type);
    assert_string_equal(a[k].found_type, files[k].found_type);
    assert_int_equal(a[k].size, files[k].size);
    assert_int_equal(a[k].state, k == 1 ? ATTACHMENT_TO_FETCH : ATTACHMENT_STORED);
    assert_int_equal(a[k].direction, MESSAGE_IN);
    assert_int_equal(a[k].channel_id, c->id);
    assert_int_equal(strspn(a[k].uid, "0123456789abcdef"), 32);
  }
  assert_string_equal(a[1].url, "https://h/b.png");
  assert_int_equal(count(b, "attachment_chunk"), 3);
}

/* ---- lists ---- */

static void lists_by_state_service_agent_and_place(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  struct interaction out[20];
  for (int k = 0; k < 10; k++) {
    struct message_in m = box_message(mem_printf(b->ctx, "c%d", k), "1", "x");
    assert_int_equal(box_receive(b, c, &m, NOW + k), CONVERSATION_OK);
  }
  close_it(b, box_interaction(b, c, "c3").id);
  struct db *db = store_read_begin(b->store);
  struct interaction_filter f = {.state = INTERACTION_QUEUED};
  int n = interaction_list(db, b->ctx, 1, &f, out, 20);
  assert_int_equal(n, 9);
  for (int k = 1; k < n; k++) assert_true(out[k].id > out[k - 1].id);
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 4), 4);
  f.after = out[3].id;
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 20), 5);
  f.after = 0;
  f.service_id = c->service_id;
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 20), 9);
  f.service_id++;
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 20), 0);
  f = (struct interaction_filter){.state = INTERACTION_CLOSED};
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 20), 1);
  f.agent_id = 5;
  assert_int_equal(interaction_list(db, b->ctx, 1, &f, out, 20), 0);
  f = (struct interaction_filter){.state = INTERACTION_QUEUED};
  assert_int_equal(interaction_list(db, b->ctx, 2, &f, out, 20), 0);
  assert_int_equal(interaction_list_customer(db, b->ctx, 2, c->id, "c1", 0, out, 20), 0);
  assert_int_equal(interaction_list_customer(db, b->ctx, 1, c->id + 1, "c1", 0, out, 20), 0);
  assert_int_equal(interaction_list_customer(db, b->ctx, 1, c->id, "c", 0, out, 20), 0);
  assert_int_equal(interaction_list_customer(db, b->ctx, 1, c->id, "c1", 0, out, 20), 1);
  assert_int_equal(interaction_list_customer(db, b->ctx, 1, c->id, "c1", out[0].id, out, 20), 0);
  int64_t oldest;
  assert_int_equal(interaction_count(db, 1, INTERACTION_QUEUED, &oldest), 9);
  assert_true(oldest > 0);
  assert_int_equal(interaction_count(db, 1, INTERACTION_ACTIVE, &oldest), 0);
  assert_int_equal(oldest, 0);
  assert_int_equal(interaction_count(db, 2, INTERACTION_QUEUED, &oldest), 0);
  store_read_end(b->store, db);
}

/* Closed ones have queries of their own: every filter finds what it would find by looking at all of them. */
static void lists_of_closed_ones(void **state) {
  struct box *b = *state;
  const struct channel *c = box_channel(b, "Bot");
  int64_t ids[12];
  for (int k = 0; k < 12; k++) {
    const char *customer = mem_printf(b->ctx, "c%d", k);
    struct message_in m = box_message(customer, "1", "x");
    assert_int_equal(box_receive(b, c, &m, NOW + k), CONVERSATION_OK);
    ids[k] = box_interaction(b, c, customer).id;
    if (k != 11) close_it(b, ids[k]);
    box_sql_do(b, mem_printf(b->ctx, "UPDATE interaction SET agent_id = %d, service_id = %d WHERE id = %lld", k % 3,
                             100 + k % 2, (long long)ids[k]));
  }
  for (int agent = 0; agent < 4; agent++)
    for (int service = 0; service < 4; service++)
      for (int after = -1; after < 12; after += 4) {
        struct interaction_filter f = {.state = INTERACTION_CLOSED,
                                       .agent_id = agent,
                                       .service_id = service ? 99 + service : 0,
                                       .after = after < 0 ? 0 : ids[after]};
        struct interaction out[3];
        struct db *db = store_read_begin(b->store);
        int n = interaction_list(db, b->ctx, 1, &f, out, 3), expected = 0;
        for (int k = after + 1; k < 11 && expected < 3; k++) {
          if ((agent && k % 3 != agent) || (service && k % 2 != service - 1)) continue;
          assert_true(expected < n);
          assert_int_equal(out[expected++].id, ids[k]);
        }
        assert_int_equal(n, expected);
        assert_int_equal(interaction_list(db, b->ctx, 2, &f, out, 3), 0);
        store_read_end(b->store, db);
      }
}

int main(void) {
#define SQLITE(name) cmocka_unit_test_setup_teardown(name, box_setup_sqlite, box_teardown)
#define TEST(name)   cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_message_opens_an_interaction),
      TEST(without_name_metadata_or_rich_content),
      TEST(a_second_message_continues),
      TEST(history_opens_and_queues),
      TEST(the_customers_name_comes_from_whichever_side),
      TEST(a_retry_is_stored_once),
      TEST(a_retry_after_the_close_opens_nothing),
      TEST(a_retry_renames_nobody),
      TEST(what_is_no_retry),
      SQLITE(a_taken_id_is_no_retry),
      TEST(files_come_with_it),
      TEST(lists_by_state_service_agent_and_place),
      TEST(lists_of_closed_ones),
  };
  return BOX_RUN(tests);
}
