/* Timelines across the mark: whatever is in the tables, in memory or in the log alone, they are the same as a plain
 * query over the log in the same snapshot. With sweeps, crashes, other processes, older snapshots, instances. */
#include "box.h"
#include "second.h"

#include "base/mem.h"
#include "store/late.h"
#include "store/sqlite.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SWEEP_AT     50
#define SLOW_SWEEP   2000 /* takes many commits */
#define INSTANCES    3
#define INTERACTIONS 12
#define MOST         4000

static void open_at(struct box *b, uint32_t sweep_at) {
  b->sweep_at = sweep_at;
  box_open(b, STORE_SERVE);
}
static void open_small(struct box *b) {
  open_at(b, SWEEP_AT);
}

static int setup(void **state) {
  struct box *b = box_new();
  if (!store_create(b->dir, "Test", b->err)) fail_msg("%s", b->err);
  box_sql_do(b, "INSERT INTO instance VALUES (2, 'Second', 0), (3, 'Third', 0)");
  *state = b;
  return 0;
}

/* ---- writing ---- */

struct burst {
  int64_t instance_id;
  int64_t interaction_id; /* 0: any, each time another */
  int count;
  bool reject;
};

static enum job_result append(struct db *tx, void *arg) {
  const struct burst *burst = arg;
  for (int i = 0; i < burst->count; i++) {
    /* The same interaction id in each instance: no such thing in life, but they must not mix. */
    int64_t interaction = burst->interaction_id ? burst->interaction_id : 1 + rand() % INTERACTIONS;
    struct event e = {.at = NOW, .kind = EVENT_NOTE_ADDED, .interaction_id = interaction, .ref_id = i};
    if (i % 17 == 16) e.interaction_id = 0; /* the setup's */
    if (event_append(tx, burst->instance_id, &e) != DB_OK) return JOB_REJECT;
  }
  return burst->reject ? JOB_REJECT : JOB_COMMIT;
}

static void add(struct box *b, int64_t instance_id, int count) {
  struct burst burst = {.instance_id = instance_id, .count = count};
  box_run(b, append, &burst, STORE_OK);
}

/* ---- comparing ---- */

static int plain(struct db *db, int64_t instance_id, int64_t interaction_id, int64_t after, int64_t *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_EVENT_OF_INTERACTION_IN, v_int((instance_id << EVENT_NUMBER_BITS) + after),
          v_int((instance_id + 1) << EVENT_NUMBER_BITS), v_int(interaction_id), v_int(max));
  while (db_next(&rows)) out[n++] = col_int(&rows, 0) - (instance_id << EVENT_NUMBER_BITS);
  db_close(&rows);
  return n;
}

static int same(struct db *db, int64_t instance_id, int64_t interaction_id, int64_t after, int max) {
  struct event *events = mem_array(NULL, struct event, (size_t)max);
  int64_t *wanted = mem_array(events, int64_t, (size_t)max);
  int n = event_of_interaction(db, events, instance_id, interaction_id, after, events, max);
  int count = plain(db, instance_id, interaction_id, after, wanted, max);
  assert_false(db_failed(db));
  if (n != count)
    fail_msg("%d events instead of %d: instance %d, interaction %d, after %d, most %d", n, count, (int)instance_id,
             (int)interaction_id, (int)after, max);
  for (int i = 0; i < n; i++) {
    assert_int_equal(events[i].number, wanted[i]);
    assert_int_equal(events[i].interaction_id, interaction_id);
  }
  mem_free(events);
  return n;
}

static int all_same_in(struct db *db) {
  int n = 0;
  for (int64_t instance = 1; instance <= INSTANCES; instance++) {
    int64_t last = event_last(db, instance);
    for (int64_t i = 1; i <= INTERACTIONS; i++) {
      n += same(db, instance, i, 0, MOST);
      same(db, instance, i, last ? rand() % last : 0, 1 + rand() % 9);
      same(db, instance, i, last ? last - rand() % (last < 60 ? last : 60) : 0, 1 + rand() % 40);
    }
  }
  return n;
}

static int all_same(struct box *b) {
  struct db *db = store_read_begin(b->store);
  int n = all_same_in(db);
  store_read_end(b->store, db);
  return n;
}

static int64_t moved(struct box *b) {
  return box_sql(b, "SELECT count(*) FROM timeline t JOIN index_mark m ON m.instance_id = t.seq >> 40"
                    " WHERE t.seq <= m.timeline_seq");
}

/* ---- */

static void a_random_history(void **state) {
  struct box *b = *state;
  open_small(b);
  for (int round = 0; round < 400; round++) {
    struct burst burst = {.instance_id = 1 + rand() % INSTANCES, .count = rand() % 40, .reject = rand() % 7 == 0};
    if (rand() % 5 == 0) burst.interaction_id = 1 + rand() % INTERACTIONS;
    box_run(b, append, &burst, burst.reject ? STORE_REJECT : STORE_OK);
    if (round % 10 == 0) all_same(b);
    if (round % 90 == 89) {
      int64_t before = box_sql(b, "SELECT count(*) FROM event WHERE interaction_id <> 0");
      box_close(b);
      assert_int_equal(moved(b), before); /* an end in peace leaves nothing to be done */
      open_at(b, round % 180 == 89 ? SLOW_SWEEP : SWEEP_AT);
    }
  }
  assert_true(all_same(b) > 3000);
}

static void sweeps_happen_while_it_runs_and_what_is_below_the_mark_is_all_there_is(void **state) {
  struct box *b = *state;
  open_small(b);
  for (int i = 0; i < 60; i++) add(b, 1 + i % INSTANCES, 20);
  assert_true(moved(b) > 600);
  assert_int_equal(box_sql(b,
                           "SELECT count(*) FROM event e JOIN index_mark m ON m.instance_id = e.seq >> 40"
                           " WHERE e.seq <= m.timeline_seq AND e.interaction_id <> 0 AND NOT EXISTS"
                           " (SELECT 1 FROM timeline t WHERE t.interaction_id = e.interaction_id AND t.seq = e.seq)"),
                   0);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM timeline t WHERE NOT EXISTS (SELECT 1 FROM event e"
                              " WHERE e.seq = t.seq AND e.interaction_id = t.interaction_id)"),
                   0);
}

/* One that is much larger than all others, so that what is asked for is less than what is remembered. */
static void one_long_conversation(void **state) {
  struct box *b = *state;
  b->sweep_at = 100000;
  box_open(b, STORE_SERVE);
  struct burst burst = {.instance_id = 1, .interaction_id = 5, .count = 1000};
  box_run(b, append, &burst, STORE_OK);
  add(b, 1, 1000);
  struct db *db = store_read_begin(b->store);
  for (int max = 1; max < 1500; max += 97)
    for (int64_t after = 0; after < 2100; after += 199) same(db, 1, 5, after, max);
  assert_int_equal(event_of_interaction(db, b->ctx, 1, 5, 0, mem_array(b->ctx, struct event, 1), 1), 1);
  store_read_end(b->store, db);
}

static void jobs_undone_alone_leave_no_trace(void **state) {
  struct box *b = *state;
  open_small(b);
  for (int i = 0; i < 50; i++) {
    struct burst bad = {.instance_id = 2, .count = 30, .reject = true};
    box_run(b, append, &bad, STORE_REJECT);
    add(b, 2, 3);
  }
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 150);
  assert_int_equal(all_same(b), 150);
}

/* ---- readers at their time ---- */

static void an_older_snapshot_sees_what_was_then(void **state) {
  struct box *b = *state;
  open_small(b);
  for (int i = 0; i < 3; i++) add(b, 1, 15);
  struct db *old = store_read_begin(b->store);
  int then = same(old, 1, 3, 0, MOST);
  int all = all_same_in(old);
  for (int i = 0; i < 40; i++) add(b, 1 + i % 2, 30); /* sweeps come and go */
  assert_int_equal(same(old, 1, 3, 0, MOST), then);
  assert_int_equal(all_same_in(old), all);
  store_read_end(b->store, old);
  assert_true(all_same(b) > all);
}

static atomic_int writing_ended;

static void *read_on(void *arg) {
  struct box *b = arg;
  int64_t n = 0;
  unsigned seed = 5;
  while (!atomic_load(&writing_ended) || n < 50) {
    struct db *db = store_read_begin(b->store);
    for (int i = 0; i < 5; i++, n++) {
      int64_t instance = 1 + rand_r(&seed) % INSTANCES, last = event_last(db, instance);
      same(db, instance, 1 + rand_r(&seed) % INTERACTIONS, last > 80 ? last - rand_r(&seed) % 80 : 0,
           1 + rand_r(&seed) % 100);
    }
    store_read_end(b->store, db);
  }
  return NULL;
}

static void readers_beside_the_writer(void **state) {
  struct box *b = *state;
  pthread_t readers[3];
  open_small(b);
  atomic_store(&writing_ended, 0);
  for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&readers[i], NULL, read_on, b), 0);
  for (int i = 0; i < 500; i++) add(b, 1 + i % INSTANCES, 1 + i % 25);
  atomic_store(&writing_ended, 1);
  for (int i = 0; i < 3; i++) pthread_join(readers[i], NULL);
  all_same(b);
}

/* ---- other processes ---- */

static void step_few(struct box *b) {
  add(b, 1, 12);
  add(b, 3, 5);
}
static void step_many(struct box *b) {
  add(b, 2, 9000);
}
static void step_receive(struct box *b) {
  struct burst burst = {.instance_id = 1, .interaction_id = 7, .count = 1};
  box_run(b, append, &burst, STORE_OK);
}

static void events_of_other_processes(void **state) {
  struct box *b = *state;
  static void (*const steps[])(struct box *) = {step_few, step_many, step_receive};
  struct second s;
  second_start(&s, b, steps);
  open_small(b);
  for (int round = 0; round < 12; round++) {
    second_step(&s, 0);
    all_same(b); /* before our writer has met them */
    add(b, 1, 7);
    all_same(b);
    second_step(&s, 2);
    second_step(&s, 2);
    add(b, 1 + round % INSTANCES, 20);
    all_same(b);
  }
  second_step(&s, 1); /* more than are taken note of one by one */
  all_same(b);
  struct db *between = store_read_begin(b->store);
  int seen = all_same_in(between);
  add(b, 2, 3);
  assert_int_equal(all_same_in(between), seen);
  store_read_end(b->store, between);
  all_same(b);
  for (int i = 0; i < 20; i++) add(b, 2, 20);
  all_same(b);
  second_end(&s);
}

/* ---- crashes ---- */

/* A child writes until it is killed. */
static const char half_moved[] = "SELECT count(*) FROM timeline t LEFT JOIN index_mark m ON m.instance_id = t.seq >> 40"
                                 " WHERE t.seq > coalesce(m.timeline_seq, 0)";

static void crash_when(struct box *b, const char *sql, int64_t least, uint32_t sweep_at) {
  pid_t pid = fork();
  if (pid == 0) {
    srand((unsigned)least);
    open_at(b, sweep_at);
    for (int i = 0;; i++) add(b, 1 + i % INSTANCES, 1 + i % 19);
  }
  while (box_sql(b, sql) < least) {
    int status;
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
  }
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void crashes_between_the_moves(void **state) {
  struct box *b = *state;
  int caught = 0;
  for (int round = 0; round < 12; round++) {
    const char *count = "SELECT count(*) FROM event";
    if (round % 2)
      crash_when(b, half_moved, 1, SLOW_SWEEP);
    else
      crash_when(b, count, box_sql(b, count) + 500 + 50 * round, SWEEP_AT);
    caught += box_sql(b, half_moved) > 0;
    box_open(b, STORE_TOOL); /* one that knows nothing and moves nothing */
    all_same(b);
    box_close(b);
  }
  assert_true(caught > 0); /* some were in the middle of a sweep */
  open_small(b);
  all_same(b);
  add(b, 1, 5);
  all_same(b);
}

/* ---- a full disk ---- */

static void limit_files_to(rlim_t size) {
  struct rlimit l;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
  l.rlim_cur = size;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* It may be full for the jobs and what is moved with them, or for the jobs alone: what was answered is there, once. */
static void full_in_the_middle_of_moves(void **state) {
  struct box *b = *state;
  struct stat st;
  int stored = 0, refused = 0;
  signal(SIGXFSZ, SIG_IGN);
  open_at(b, 300);
  for (int round = 0; round < 150; round++) {
    struct burst burst = {.instance_id = 1 + round % INSTANCES, .count = 10};
    assert_int_equal(stat(box_path(b, "guichet.db-wal"), &st), 0);
    limit_files_to((rlim_t)st.st_size + (rlim_t)(rand() % 160000));
    for (int i = 0; i < 8; i++) {
      enum store_result r = store_run_now(b->store, append, &burst);
      assert_true(r == STORE_OK || r == STORE_FULL);
      stored += r == STORE_OK;
      refused += r == STORE_FULL;
    }
    limit_files_to(RLIM_INFINITY);
    if (round % 10 == 0) all_same(b);
  }
  all_same(b);
  assert_true(stored > 100 && refused > 100);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 10 * stored);
  assert_true(moved(b) > 0);
}

/* ---- a copy ---- */

static void a_copy_has_its_timelines(void **state) {
  struct box *b = *state, *copy = box_new();
  open_small(b);
  for (int i = 0; i < 70; i++) add(b, 1 + i % INSTANCES, 11);
  assert_int_equal(mkdir(copy->dir, 0700), 0);
  assert_true(store_backup(b->store, box_path(copy, "guichet.db"), NULL, NULL, b->err));
  char command[200];
  snprintf(command, sizeof command, "cp '%s' '%s'", box_path(b, "master.key"), copy->dir);
  assert_int_equal(system(command), 0);
  int n = all_same(b);
  open_small(copy);
  assert_int_equal(all_same(copy), n);
  add(copy, 2, 30);
  assert_true(all_same(copy) > n);
  box_free(copy);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_random_history),
      TEST(sweeps_happen_while_it_runs_and_what_is_below_the_mark_is_all_there_is),
      TEST(one_long_conversation),
      TEST(jobs_undone_alone_leave_no_trace),
      TEST(an_older_snapshot_sees_what_was_then),
      TEST(readers_beside_the_writer),
      TEST(events_of_other_processes),
      TEST(crashes_between_the_moves),
      TEST(full_in_the_middle_of_moves),
      TEST(a_copy_has_its_timelines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
