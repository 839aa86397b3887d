/* What agents do: answering with files, notes, taking over, closing. Each result, in each state, for persons and
 * tokens; the answer, its delivery and its event are one commit; a refusal leaves nothing. */
#include "box.h"

#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"

static int64_t count(struct box *b, const char *table) {
  return box_sql(b, mem_printf(b->ctx, "SELECT count(*) FROM %s", table));
}

enum deed { REPLY, NOTE, ACCEPT, CLOSE };

struct doing {
  enum deed deed;
  const struct registry *registry;
  int64_t instance_id, id, now_ms;
  struct actor actor;
  struct conversation_why why;
  struct reply_in reply;
  const char *note;
  /* what came of it */
  enum conversation_result result;
  int64_t made;
  int bad_file;
};

static enum job_result run_deed(struct db *tx, void *arg) {
  struct doing *d = arg;
  switch (d->deed) {
  case REPLY:
    d->result = conversation_reply(tx, d->registry, d->instance_id, d->id, &d->actor, &d->reply, d->now_ms, &d->made,
                                   &d->bad_file);
    break;
  case NOTE: d->result = conversation_note(tx, d->instance_id, d->id, &d->actor, d->note, d->now_ms, &d->made); break;
  case ACCEPT:
    d->result = conversation_accept(tx, d->registry, d->instance_id, d->id, &d->actor, d->now_ms, &d->why);
    break;
  case CLOSE:
    d->result = conversation_close(tx, d->registry, d->instance_id, d->id, &d->actor,
                                   &(struct close_in){.retention_ms = 1000}, d->now_ms);
    break;
  }
  return d->result == CONVERSATION_OK ? JOB_COMMIT : JOB_REJECT;
}

static struct doing deed(struct box *b, enum deed what, int64_t id) {
  return (struct doing){.deed = what,
                        .registry = box_registry(b),
                        .instance_id = 1,
                        .id = id,
                        .now_ms = NOW + 500,
                        .actor = {.agent_id = 7, .display_name = "Ada Lovelace"},
                        .reply = {.text = "Hello", .public_url = "https://desk.example", .retention_ms = 1000},
                        .note = "mind the gap",
                        .bad_file = -9};
}

static enum conversation_result do_it(struct box *b, struct doing *d) {
  enum store_result r = store_run_now(b->store, run_deed, d);
  assert_int_equal(r, d->result == CONVERSATION_OK ? STORE_OK : STORE_REJECT);
  return d->result;
}

static const struct channel *channel;

static int64_t opened(struct box *b, const char *customer) {
  if (!channel) channel = box_channel(b, "Bot");
  struct message_in m = box_message(customer, "1", "question");
  assert_int_equal(box_receive(b, channel, &m, NOW), CONVERSATION_OK);
  return box_interaction(b, channel, customer).id;
}

static int setup(void **state) {
  channel = NULL;
  return box_setup(state);
}

static struct interaction now_of(struct box *b, int64_t id) {
  struct interaction i;
  struct db *db = store_read_begin(b->store);
  assert_true(interaction_get(db, b->ctx, 1, id, &i));
  store_read_end(b->store, db);
  return i;
}

static struct event last_event(struct box *b, int64_t id) {
  struct event e[100];
  struct db *db = store_read_begin(b->store);
  int n = event_of_interaction(db, b->ctx, 1, id, 0, e, 100);
  store_read_end(b->store, db);
  assert_true(n > 0);
  return e[n - 1];
}

static struct delivery delivery_of(struct box *b, int64_t id) {
  struct delivery d;
  struct db *db = store_read_begin(b->store);
  assert_true(delivery_get(db, b->ctx, 1, id, &d));
  store_read_end(b->store, db);
  return d;
}

static char *payload_of(struct box *b, int64_t id) {
  size_t len = 0;
  struct db *db = store_read_begin(b->store);
  char *payload = delivery_payload(db, b->ctx, id, &len);
  store_read_end(b->store, db);
  assert_non_null(payload);
  return payload;
}

/* ---- every deed in every state ---- */

static void results_by_state(void **state) {
  struct box *b = *state;
  static const struct {
    enum interaction_state from;
    enum deed deed;
    enum conversation_result result;
    enum interaction_state to;
  } rows[] = {
      {INTERACTION_QUEUED, REPLY, CONVERSATION_OK, INTERACTION_ACTIVE},
      {INTERACTION_QUEUED, NOTE, CONVERSATION_OK, INTERACTION_QUEUED},
      {INTERACTION_QUEUED, ACCEPT, CONVERSATION_OK, INTERACTION_ACTIVE},
      {INTERACTION_QUEUED, CLOSE, CONVERSATION_OK, INTERACTION_CLOSED},
      {INTERACTION_ACTIVE, REPLY, CONVERSATION_OK, INTERACTION_ACTIVE},
      {INTERACTION_ACTIVE, NOTE, CONVERSATION_OK, INTERACTION_ACTIVE},
      {INTERACTION_ACTIVE, ACCEPT, CONVERSATION_REFUSED, INTERACTION_ACTIVE},
      {INTERACTION_ACTIVE, CLOSE, CONVERSATION_OK, INTERACTION_CLOSED},
      {INTERACTION_CLOSED, REPLY, CONVERSATION_REFUSED, INTERACTION_CLOSED},
      {INTERACTION_CLOSED, NOTE, CONVERSATION_OK, INTERACTION_CLOSED},
      {INTERACTION_CLOSED, ACCEPT, CONVERSATION_REFUSED, INTERACTION_CLOSED},
      {INTERACTION_CLOSED, CLOSE, CONVERSATION_REFUSED, INTERACTION_CLOSED},
  };
  for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
    int64_t id = opened(b, mem_printf(b->ctx, "c%zu", k));
    struct doing before = deed(b, rows[k].from == INTERACTION_ACTIVE ? ACCEPT : CLOSE, id);
    if (rows[k].from != INTERACTION_QUEUED) assert_int_equal(do_it(b, &before), CONVERSATION_OK);
    int64_t events = count(b, "event"), messages = count(b, "message"), deliveries = count(b, "delivery");
    struct doing d = deed(b, rows[k].deed, id);
    if (do_it(b, &d) != rows[k].result) fail_msg("row %zu: %d", k, d.result);
    assert_int_equal(now_of(b, id).state, rows[k].to);
    if (rows[k].result == CONVERSATION_OK) continue;
    assert_int_equal(count(b, "event"), events);
    assert_int_equal(count(b, "message"), messages);
    assert_int_equal(count(b, "delivery"), deliveries);
  }
}

static void what_is_not_there_or_not_ours(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c"), other;
  assert_true(setup_instance_create(b->store, "Second", &other, b->err));
  int64_t events = count(b, "event");
  for (enum deed what = REPLY; what <= CLOSE; what++) {
    struct doing d = deed(b, what, id + 12345);
    assert_int_equal(do_it(b, &d), CONVERSATION_UNKNOWN);
    d = deed(b, what, id);
    d.instance_id = other;
    assert_int_equal(do_it(b, &d), CONVERSATION_UNKNOWN);
  }
  assert_int_equal(count(b, "event"), events);
  assert_int_equal(now_of(b, id).version, 1);
}

/* ---- who owns it ---- */

static void taking_over_and_closing(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  struct doing d = deed(b, ACCEPT, id);
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  struct interaction i = now_of(b, id);
  assert_int_equal(i.agent_id, 7);
  assert_int_equal(i.state_at, NOW + 500);
  assert_int_equal(i.version, 2);
  struct event e = last_event(b, id);
  assert_int_equal(e.kind, EVENT_INTERACTION_ACCEPTED);
  assert_int_equal(e.agent_id, 7);
  assert_null(e.data);
  /* A colleague's answer does not take it away. */
  d = deed(b, REPLY, id);
  d.actor = (struct actor){.agent_id = 8, .display_name = "Bob"};
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  assert_int_equal(now_of(b, id).agent_id, 7);
  d = deed(b, CLOSE, id);
  d.now_ms = NOW + 9000;
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  i = now_of(b, id);
  assert_int_equal(i.closed_at, NOW + 9000);
  assert_string_equal(i.close_reason, "agent");
  assert_int_equal(i.agent_id, 7);
  assert_int_equal(i.version, 3);
  assert_int_equal(last_event(b, id).kind, EVENT_INTERACTION_CLOSED);
  assert_int_equal(box_sql(b, "SELECT open_interaction_id FROM customer"), 0);
}

static void a_token_acts_by_its_label(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  struct doing d = deed(b, ACCEPT, id);
  d.actor = (struct actor){.display_name = "wall \"board\""};
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  assert_int_equal(now_of(b, id).agent_id, 0);
  struct event e = last_event(b, id);
  assert_int_equal(e.agent_id, 0);
  assert_string_equal(e.data, "{\"by\":\"wall \\\"board\\\"\"}");
  d.deed = NOTE;
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  struct note n;
  struct db *db = store_read_begin(b->store);
  assert_true(note_get(db, b->ctx, 1, d.made, &n));
  assert_string_equal(n.author, "wall \"board\"");
  assert_int_equal(n.agent_id, 0);
  assert_false(note_get(db, b->ctx, 2, d.made, &n));
  store_read_end(b->store, db);
}

static void a_note(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  struct doing d = deed(b, NOTE, id);
  d.note = "first line\nsecond é";
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  struct note n;
  struct db *db = store_read_begin(b->store);
  assert_true(note_get(db, b->ctx, 1, d.made, &n));
  store_read_end(b->store, db);
  assert_int_equal(n.id, d.made);
  assert_int_equal(n.agent_id, 7);
  assert_string_equal(n.author, "Ada Lovelace");
  assert_string_equal(n.content, "first line\nsecond é");
  assert_int_equal(n.created_at, NOW + 500);
  assert_int_equal(last_event(b, id).kind, EVENT_NOTE_ADDED);
  assert_int_equal(last_event(b, id).ref_id, d.made);
  assert_int_equal(count(b, "delivery"), 0); /* the customer never sees it */
}

/* ---- answering ---- */

static void an_answer_and_its_delivery(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "cust \"é\"");
  struct doing d = deed(b, REPLY, id);
  d.reply.text = "Bonjour é\n\"x\"";
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  assert_int_equal(d.bad_file, -1);
  struct interaction i = now_of(b, id);
  assert_int_equal(i.state, INTERACTION_ACTIVE);
  assert_int_equal(i.agent_id, 7);
  struct message m;
  struct db *db = store_read_begin(b->store);
  assert_true(message_get(db, b->ctx, 1, d.made, &m));
  store_read_end(b->store, db);
  char hex[ID_HEX_LEN];
  assert_int_equal(m.direction, MESSAGE_OUT);
  assert_string_equal(m.ext_id, id_format(1, d.made, hex));
  assert_string_equal(m.text, "Bonjour é\n\"x\"");
  assert_int_equal(m.agent_id, 7);
  assert_int_equal(m.created_at, (NOW + 500) / 1000);
  assert_string_equal(m.sender.id, "Test"); /* the instance, not the person */
  struct delivery v = delivery_of(b, d.made);
  assert_int_equal(v.state, DELIVERY_PENDING);
  assert_int_equal(v.channel_id, channel->id);
  assert_int_equal(v.customer_id, i.customer_id);
  assert_int_equal(v.interaction_id, id);
  assert_int_equal(v.attempts, 0);
  assert_int_equal(v.created_at, NOW + 500);
  assert_int_equal(v.next_at, NOW + 500);
  assert_int_equal(v.deadline_at, NOW + 1500);
  assert_string_equal(
      payload_of(b, d.made),
      mem_printf(b->ctx,
                 "{\"id\":\"%s\",\"created_at\":1763640300,\"customer_id\":\"cust \\\"é\\\"\","
                 "\"sender\":{\"type\":\"human\",\"id\":\"Test\",\"name\":\"Test\"},"
                 "\"body\":{\"message\":\"Bonjour é\\n\\\"x\\\"\",\"attachments\":[],\"rich_content\":{}},"
                 "\"metadata\":{}}",
                 hex));
  struct event e = last_event(b, id);
  assert_int_equal(e.kind, EVENT_MESSAGE_SENT);
  assert_int_equal(e.ref_id, d.made);
  assert_int_equal(e.agent_id, 7);
}

static void the_agents_name_where_the_connector_shows_it(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  const struct setup_channel shown = {.name = "Bot", .webhook_url = "http://h/", .show_agent = true};
  assert_true(setup_channel_update(b->store, 1, channel->id, &shown, b->err));
  struct doing d = deed(b, REPLY, id);
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  char *payload = payload_of(b, d.made);
  assert_non_null(strstr(payload, "\"sender\":{\"type\":\"human\",\"id\":\"7\",\"name\":\"Ada Lovelace\"}"));
  d = deed(b, REPLY, id);
  d.actor = (struct actor){.display_name = "a token"}; /* nobody to show */
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  payload = payload_of(b, d.made);
  assert_non_null(strstr(payload, "\"sender\":{\"type\":\"human\",\"id\":\"Test\",\"name\":\"Test\"}"));
}

struct upload {
  int64_t interaction_id, id;
  const char *uid;
};
static enum job_result run_upload(struct db *tx, void *arg) {
  struct upload *u = arg;
  u->id = id_next();
  const struct attachment a = {.id = u->id,
                               .instance_id = 1,
                               .channel_id = channel->id,
                               .interaction_id = u->interaction_id,
                               .direction = MESSAGE_OUT,
                               .uid = u->uid,
                               .ext_id = "",
                               .name = "up.txt",
                               .mime_type = "text/plain",
                               .found_type = "text/plain"};
  return attachment_insert(tx, &a, "uploaded", 8, NOW) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}
static int64_t uploaded(struct box *b, int64_t interaction_id, const char *uid) {
  struct upload u = {.interaction_id = interaction_id, .uid = uid};
  box_run(b, run_upload, &u, STORE_OK);
  return u.id;
}

static void an_answer_with_files(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  int64_t up = uploaded(b, id, "0123456789abcdef0123456789abcdef");
  const struct file_in file = {.ext_id = "",
                               .name = "new.png",
                               .mime_type = "image/png",
                               .found_type = "image/png",
                               .bytes = (const uint8_t *)"png",
                               .size = 3};
  struct doing d = deed(b, REPLY, id);
  d.reply.text = "";
  d.reply.files = &file;
  d.reply.file_count = 1;
  d.reply.uploaded = &up;
  d.reply.uploaded_count = 1;
  assert_int_equal(do_it(b, &d), CONVERSATION_OK);
  struct attachment a[3];
  struct message m;
  struct db *db = store_read_begin(b->store);
  assert_int_equal(attachment_of_message(db, b->ctx, 1, d.made, a, 3), 2);
  assert_true(message_get(db, b->ctx, 1, d.made, &m));
  store_read_end(b->store, db);
  assert_int_equal(m.attachments, 2);
  assert_int_equal(a[0].id, up);
  assert_string_equal(a[1].name, "new.png");
  char *payload = payload_of(b, d.made);
  for (int k = 0; k < 2; k++) {
    char *url = mem_printf(b->ctx, "\"https://desk.example/messaging/attachments/%s/\"", a[k].uid);
    assert_non_null(strstr(payload, url));
  }
  /* Taken once: a second answer cannot have it. */
  struct doing again = deed(b, REPLY, id);
  again.reply.uploaded = &up;
  again.reply.uploaded_count = 1;
  int64_t messages = count(b, "message");
  assert_int_equal(do_it(b, &again), CONVERSATION_REFUSED);
  assert_int_equal(again.bad_file, 0);
  assert_int_equal(count(b, "message"), messages);
}

static void files_that_are_not_to_be_had(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c"), other = opened(b, "d");
  struct message_in m = box_message("c", "2", "with file");
  const struct file_in theirs = {
      .ext_id = "f", .name = "n", .mime_type = "a/b", .found_type = "a/b", .bytes = (const uint8_t *)"x", .size = 1};
  m.files = &theirs;
  m.file_count = 1;
  assert_int_equal(box_receive(b, channel, &m, NOW), CONVERSATION_OK);
  int64_t inbound = box_sql(b, "SELECT id FROM attachment WHERE direction = 0");
  int64_t good = uploaded(b, id, "0123456789abcdef0123456789abcdef");
  int64_t elsewhere = uploaded(b, other, "1123456789abcdef0123456789abcdef");
  const int64_t lists[][2] = {{good, 999}, {good, inbound}, {good, elsewhere}, {good, good}};
  int64_t messages = count(b, "message"), deliveries = count(b, "delivery"), events = count(b, "event");
  for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
    struct doing d = deed(b, REPLY, id);
    d.reply.uploaded = lists[k];
    d.reply.uploaded_count = 2;
    assert_int_equal(do_it(b, &d), CONVERSATION_REFUSED);
    assert_int_equal(d.bad_file, 1);
    /* Nothing of it: not even the state moved, and the good file is free still. */
    assert_int_equal(now_of(b, id).state, INTERACTION_QUEUED);
    assert_int_equal(count(b, "message"), messages);
    assert_int_equal(count(b, "delivery"), deliveries);
    assert_int_equal(count(b, "event"), events);
    assert_int_equal(count(b, "attachment WHERE direction = 1 AND message_id <> 0"), 0);
  }
}

/* The queue hears of it in the same commit, the deliverer is woken. */
static atomic_int woken;
static void on_delivery(void *arg) {
  (void)arg;
  atomic_fetch_add(&woken, 1);
}

static void the_deliverer_is_woken_by_answers_only(void **state) {
  struct box *b = *state;
  int64_t id = opened(b, "c");
  atomic_store(&woken, 0);
  store_set_hooks(b->store, &(struct store_hooks){.delivery = on_delivery});
  struct doing d = deed(b, NOTE, id);
  do_it(b, &d);
  d = deed(b, ACCEPT, id);
  do_it(b, &d);
  assert_int_equal(atomic_load(&woken), 0);
  d = deed(b, REPLY, id);
  do_it(b, &d);
  assert_int_equal(atomic_load(&woken), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(results_by_state),
      TEST(what_is_not_there_or_not_ours),
      TEST(taking_over_and_closing),
      TEST(a_token_acts_by_its_label),
      TEST(a_note),
      TEST(an_answer_and_its_delivery),
      TEST(the_agents_name_where_the_connector_shows_it),
      TEST(an_answer_with_files),
      TEST(files_that_are_not_to_be_had),
      TEST(the_deliverer_is_woken_by_answers_only),
  };
  return BOX_RUN(tests);
}
