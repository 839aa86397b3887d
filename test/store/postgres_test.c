/* What PostgreSQL does that SQLite has no need of: nodes that start together, several writers, transactions that meet,
 * connections that are lost and come back. */
#include "box_postgres.h"

#include "../unit/base/capture.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/nodes.h"
#include "store/postgres.h"
#include "store/schema.h"

#include <pthread.h>
#include <unistd.h>

static struct store *open_with(struct box *b, const char *url, enum store_mode mode, int writers) {
  const struct store_options options = {.dir = b->dir, .url = url, .mode = mode, .queue_max = 4096, .writers = writers};
  b->err[0] = 0;
  return store_open(NULL, &options, b->err);
}

static void every_statement_can_be_prepared(void **state) {
  struct box *b = *state;
  if (!store_prepare_all(b->store, b->err)) fail_msg("%s", b->err);
}

/* ---- the schema ---- */

/* A store as the first version made it, in a database of its own. */
static void make_first_schema(struct box *b, struct box *old) {
  const char *word = box_sql_text(b, "SELECT value FROM meta WHERE key = 'key_check'");
  struct db *db = postgres_open(b->ctx, old->url, POSTGRES_WRITER, b->err);
  assert_non_null(db);
  assert_true(db_begin(db));
  assert_true(schema_apply(db, &migrations[0], b->err));
  assert_int_equal(db_exec(db, Q_INSTANCE_INSERT, v_int(1), v_text("Old"), v_int(1)), DB_OK);
  assert_int_equal(db_exec(db, Q_META_SET, v_text("key_check"), v_text(word)), DB_OK);
  assert_int_equal(db_commit(db), TROUBLE_NONE);
  assert_int_equal(schema_version(db), migrations[0].number);
}

struct starting {
  struct box *b;
  const char *url;
  struct store *store;
  char err[256];
};

static void *start(void *arg) {
  struct starting *s = arg;
  const struct store_options options = {.dir = s->b->dir, .url = s->url, .mode = STORE_TOOL};
  s->store = store_open(NULL, &options, s->err);
  return NULL;
}

static void nodes_may_start_together_on_an_old_schema(void **state) {
  struct box *b = *state, *old = box_new();
  enum { NODES = 4 };
  struct starting s[NODES];
  pthread_t threads[NODES];
  make_first_schema(b, old);
  for (int i = 0; i < NODES; i++) {
    s[i] = (struct starting){.b = b, .url = old->url};
    assert_int_equal(pthread_create(&threads[i], NULL, start, &s[i]), 0);
  }
  for (int i = 0; i < NODES; i++) {
    pthread_join(threads[i], NULL);
    if (!s[i].store) fail_msg("%s", s[i].err);
    store_close(s[i].store);
  }
  assert_int_equal(box_sql(old, "SELECT value FROM meta WHERE key = 'schema_version'"), schema_known());
  assert_string_equal(box_sql_text(old, "SELECT name FROM instance"), "Old");
  box_free(old);
}

static void what_is_not_ours_is_left_alone(void **state) {
  struct box *b = *state, *other = box_new();
  assert_null(open_with(b, other->url, STORE_TOOL, 1)); /* an empty database */
  assert_non_null(strstr(b->err, "guichet init"));
  assert_false(store_create_remote(other->dir, b->url, "Second", b->err));
  assert_non_null(strstr(b->err, "already a store"));
  assert_int_equal(box_sql(b, "SELECT count(*) FROM instance"), 1);
  box_create(other);
  assert_null(open_with(b, other->url, STORE_TOOL, 1)); /* of another key */
  assert_non_null(strstr(b->err, "master key"));
  box_sql_do(b, "UPDATE meta SET value = '9999' WHERE key = 'schema_version'");
  assert_null(open_with(b, b->url, STORE_TOOL, 1));
  assert_non_null(strstr(b->err, "newer"));
  box_free(other);
}

static void an_address_that_nobody_answers(void **state) {
  struct box *b = *state;
  assert_null(open_with(b, "postgresql://guichet:secret@/nothing?host=/nowhere", STORE_TOOL, 1));
  assert_non_null(strstr(b->err, "cannot connect to PostgreSQL"));
  assert_null(strstr(b->err, "secret"));
  assert_null(open_with(b, "mysql://localhost/x", STORE_TOOL, 1));
  assert_non_null(strstr(b->err, "postgresql://"));
}

/* ---- jobs ---- */

struct writing {
  struct store_job job;
  struct box *b;
  int number, events;
  const char *value;
  bool reject;
  atomic_int *done;
  enum store_result result;
};

static enum job_result run_writing(struct db *tx, void *arg) {
  struct writing *w = arg;
  char key[24];
  snprintf(key, sizeof key, "n%06d", w->number);
  bool ok = db_exec(tx, Q_META_SET, v_text(key), v_text(w->value ? w->value : "x")) == DB_OK;
  for (int i = 0; ok && i < w->events; i++)
    ok = event_append(tx, 1, &(struct event){.at = NOW, .kind = EVENT_NOTE_ADDED, .ref_id = w->number}) == DB_OK;
  return ok && !w->reject ? JOB_COMMIT : JOB_REJECT;
}

static void writing_done(void *arg, enum store_result result) {
  struct writing *w = arg;
  w->result = result;
  atomic_fetch_add(w->done, 1);
}

static atomic_int at_gate, gate_open;
static enum job_result run_gate(struct db *tx, void *arg) {
  (void)tx, (void)arg;
  atomic_store(&at_gate, 1);
  box_wait(&gate_open, 1);
  return JOB_COMMIT;
}

/* What a statement cannot be fails the job that has it, and nobody who shares its transaction. */
static void a_faulty_statement_is_its_jobs_alone(void **state) {
  struct box *b = *state;
  enum { N = 20 };
  static struct writing n[N], gate;
  atomic_int done = 0;
  atomic_store(&at_gate, 0);
  atomic_store(&gate_open, 0);
  gate = (struct writing){.done = &done};
  gate.job = (struct store_job){.run = run_gate, .done = writing_done, .arg = &gate};
  assert_true(store_submit(b->store, &gate.job));
  box_wait(&at_gate, 1);
  for (int i = 0; i < N; i++) {
    n[i] = (struct writing){.b = b, .number = i, .events = 1, .value = i == 7 ? "no \xff UTF-8" : "x", .done = &done};
    n[i].job = (struct store_job){.run = run_writing, .done = writing_done, .arg = &n[i]};
    assert_true(store_submit(b->store, &n[i].job));
  }
  struct capture c;
  capture_start(&c);
  atomic_store(&gate_open, 1);
  box_wait(&done, N + 1);
  assert_non_null(strstr(capture_end(&c), "meta_set"));
  for (int i = 0; i < N; i++) assert_int_equal(n[i].result, i == 7 ? STORE_DOWN : STORE_OK);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM meta WHERE key LIKE 'n0%'"), N - 1);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), N - 1);
}

/* Two transactions that each hold what the other wants: one of them is run again. */
static atomic_int crossing, crossing_runs;
static enum job_result run_crossing(struct db *tx, void *arg) {
  const struct writing *w = arg;
  static const char *const keys[] = {"crossing a", "crossing b"};
  atomic_fetch_add(&crossing_runs, 1);
  bool ok = db_exec(tx, Q_META_SET, v_text(keys[w->number]), v_text("x")) == DB_OK;
  atomic_fetch_add(&crossing, 1);
  box_wait(&crossing, 2);
  ok = ok && db_exec(tx, Q_META_SET, v_text(keys[!w->number]), v_text("x")) == DB_OK;
  return ok ? JOB_COMMIT : JOB_REJECT;
}

static void a_deadlock_is_run_again(void **state) {
  struct box *b = *state;
  static struct writing n[2];
  atomic_int done = 0;
  atomic_store(&crossing, 0);
  atomic_store(&crossing_runs, 0);
  box_sql_do(b, "INSERT INTO meta VALUES ('crossing a', ''), ('crossing b', '')");
  for (int i = 0; i < 2; i++) {
    n[i] = (struct writing){.b = b, .number = i, .done = &done};
    n[i].job = (struct store_job){.run = run_crossing, .done = writing_done, .arg = &n[i], .key = (uint64_t)i};
    assert_true(store_submit(b->store, &n[i].job));
  }
  box_wait(&done, 2);
  for (int i = 0; i < 2; i++) assert_int_equal(n[i].result, STORE_OK);
  assert_true(atomic_load(&crossing_runs) > 2);
}

/* ---- event numbers ---- */

enum { WRITERS = 4, THREADS = 4, JOBS = 400 };
struct submitter {
  struct store *store;
  struct writing n[JOBS];
  int first;
  atomic_int *done;
};

static void *submit_all(void *arg) {
  struct submitter *s = arg;
  for (int i = 0; i < JOBS; i++) {
    struct writing *w = &s->n[i];
    *w = (struct writing){.number = s->first + i, .events = 1 + i % 3, .reject = i % 17 == 5, .done = s->done};
    w->job = (struct store_job){.run = run_writing, .done = writing_done, .arg = w, .key = (uint64_t)(s->first + i)};
    while (!store_submit(s->store, &w->job)) sched_yield();
  }
  return NULL;
}

/* Whoever has seen a number has seen all below it, however many commit at once: else a live stream would lose what
 * becomes visible late. */
static void numbers_become_visible_in_their_order(void **state) {
  struct box *b = *state;
  static struct submitter s[THREADS];
  pthread_t threads[THREADS];
  atomic_int done = 0;
  box_close(b);
  b->store = open_with(b, NULL, STORE_SERVE, WRITERS);
  assert_non_null(b->store);
  for (int i = 0; i < THREADS; i++) {
    s[i].store = b->store;
    s[i].first = i * JOBS;
    s[i].done = &done;
    assert_int_equal(pthread_create(&threads[i], NULL, submit_all, &s[i]), 0);
  }
  int64_t seen = 0;
  for (bool last = false; !last;) {
    struct event events[64];
    last = atomic_load(&done) == THREADS * JOBS;
    int n;
    do {
      void *pool = mem_pool(NULL, 4096);
      struct db *db = store_read_begin(b->store);
      n = event_after(db, pool, 1, seen, events, 64);
      store_read_end(b->store, db);
      for (int i = 0; i < n; i++) assert_int_equal(events[i].number, ++seen);
      mem_free(pool);
    } while (n);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  int64_t wanted = 0;
  for (int i = 0; i < THREADS * JOBS; i++) {
    const struct writing *w = &s[i / JOBS].n[i % JOBS];
    assert_int_equal(w->result, w->reject ? STORE_REJECT : STORE_OK);
    if (!w->reject) wanted += w->events;
  }
  assert_int_equal(seen, wanted);
}

/* ---- nodes ---- */

struct node {
  struct nodes n;
  struct db *db;
};

static void join(struct box *b, struct node *n) {
  nodes_init(&n->n);
  n->db = postgres_open(b->ctx, b->url, POSTGRES_WRITER, b->err);
  assert_non_null(n->db);
  if (!nodes_join(&n->n, n->db, b->err)) fail_msg("%s", b->err);
}

static bool turn(struct node *n) {
  bool changed = false;
  assert_true(nodes_tick(&n->n, n->db, &changed));
  return changed;
}

enum { CHANNELS = 12, NODES = 3 };

/* Which node holds each channel; no two do. */
static void holders(struct node *nodes, const int64_t *ids, int *holder) {
  for (int c = 0; c < CHANNELS; c++) {
    holder[c] = -1;
    for (int i = 0; i < NODES; i++) {
      if (!nodes_hold(&nodes[i].n, ids[c])) continue;
      assert_int_equal(holder[c], -1);
      holder[c] = i;
    }
  }
}

/* What a node leaves or lets run out is another's, and only then. */
static void channels_are_held_by_one_node(void **state) {
  struct box *b = *state;
  static struct node nodes[NODES];
  int64_t ids[CHANNELS];
  int holder[CHANNELS], now[CHANNELS];
  for (int i = 0; i < CHANNELS; i++) {
    char name[20];
    snprintf(name, sizeof name, "channel %d", i);
    ids[i] = box_channel(b, name)->id;
  }
  box_close(b); /* its own node leaves */
  for (int i = 0; i < NODES; i++) {
    join(b, &nodes[i]);
    assert_int_equal(nodes[i].n.number, i);
  }
  for (int round = 0; round < 6; round++)
    for (int i = 0; i < NODES; i++) turn(&nodes[i]);
  for (int i = 0; i < NODES; i++) assert_false(turn(&nodes[i]));
  holders(nodes, ids, holder);
  for (int c = 0; c < CHANNELS; c++) assert_true(holder[c] >= 0);
  /* The first says goodbye and asks no more. */
  nodes_leave(&nodes[0].n, nodes[0].db);
  nodes[0].n.count = 0;
  for (int round = 0; round < 6; round++) turn(&nodes[2]);
  holders(nodes, ids, now);
  for (int c = 0; c < CHANNELS; c++) assert_int_equal(now[c], holder[c] == 1 ? 1 : 2);
  /* The second was away for too long: it learns that its channels are another's. */
  box_sql_do(b, "UPDATE channel_lease SET until = 0 WHERE node = 1; UPDATE node SET until = 0 WHERE number = 1");
  for (int round = 0; round < 6; round++) turn(&nodes[2]);
  turn(&nodes[1]);
  holders(nodes, ids, now);
  for (int c = 0; c < CHANNELS; c++) assert_int_equal(now[c], 2);
  for (int i = 0; i < NODES; i++) nodes_done(&nodes[i].n);
  box_open(b, STORE_SERVE);
}

static void a_number_is_nobody_elses(void **state) {
  struct box *b = *state;
  static struct node first, second;
  join(b, &first); /* the box's own node has 0 */
  assert_int_equal(first.n.number, 1);
  box_sql_do(b, "UPDATE node SET until = 0 WHERE number = 1"); /* away for too long */
  join(b, &second);
  assert_int_equal(second.n.number, 1);
  turn(&first);
  assert_int_equal(first.n.number, 2);
  nodes_done(&first.n);
  nodes_done(&second.n);
}

/* ---- connections ---- */

static void lost_connections_come_back(void **state) {
  struct box *b = *state;
  struct capture c;
  atomic_int done = 0;
  struct writing before = {.number = 1, .done = &done}, after = {.number = 2, .done = &done};
  box_run(b, run_writing, &before, STORE_OK);
  capture_start(&c);
  box_sql_do(b, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                "datname = current_database()");
  enum store_result r = STORE_DOWN;
  for (int i = 0; i < 1000 && r != STORE_OK; i++) {
    r = store_run_now(b->store, run_writing, &after);
    if (r != STORE_OK) usleep(10000);
  }
  assert_int_equal(r, STORE_OK);
  struct db *db = NULL;
  bool failed = true;
  for (int i = 0; i < 1000 && failed; i++) {
    db = store_read_begin(b->store);
    failed = db_int(db, Q_INSTANCE_MAX, 0) != 1;
    store_read_end(b->store, db);
    if (failed) usleep(10000);
  }
  assert_false(failed);
  capture_end(&c);
  struct store_stats st;
  store_stats(b->store, &st);
  assert_false(st.down);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM meta WHERE key LIKE 'n0%'"), 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(every_statement_can_be_prepared),
      TEST(nodes_may_start_together_on_an_old_schema),
      TEST(what_is_not_ours_is_left_alone),
      TEST(an_address_that_nobody_answers),
      TEST(a_faulty_statement_is_its_jobs_alone),
      TEST(a_deadlock_is_run_again),
      TEST(numbers_become_visible_in_their_order),
      TEST(channels_are_held_by_one_node),
      TEST(a_number_is_nobody_elses),
      TEST(lost_connections_come_back),
  };
  return BOX_RUN(tests);
}
