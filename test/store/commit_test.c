/* The shared commit: many jobs in one, each with its own outcome; order, undoing one alone, full queues, full disks,
 * locks of others, a store that failed for good; readers and their snapshots. */
#include "box.h"
#include "second.h"

#include "../unit/base/capture.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#define MANY 500

/* ---- jobs ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int at_gate, done_count, runs;

/* One row of table meta, and an event, as most jobs write; then as told. */
struct writing {
  struct store_job job;
  struct box *b;
  int number, runs, done_at;
  bool reject, reject_empty;
  size_t extra; /* bytes more to write */
  enum store_result result;
};

static enum job_result run_gate(struct db *tx, void *arg) {
  (void)tx, (void)arg;
  atomic_fetch_add(&at_gate, 1);
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  return JOB_COMMIT;
}

static enum job_result run_note(struct db *tx, void *arg) {
  struct writing *n = arg;
  char key[24];
  n->runs++;
  atomic_fetch_add(&runs, 1);
  if (n->reject_empty) return JOB_REJECT;
  snprintf(key, sizeof key, "n%06d", n->number);
  char *value = mem_bytes(NULL, n->extra + 8);
  memset(value, 'x', n->extra);
  snprintf(value + n->extra, 8, "end");
  bool ok = db_exec(tx, Q_META_SET, v_text(key), v_text(value)) == DB_OK &&
            event_append(tx, 1, &(struct event){.at = NOW, .kind = EVENT_NOTE_ADDED, .ref_id = n->number}) == DB_OK;
  mem_free(value);
  return ok && !n->reject ? JOB_COMMIT : JOB_REJECT;
}

static void note_done(void *arg, enum store_result result) {
  struct writing *n = arg;
  n->result = result;
  n->done_at = atomic_load(&done_count); /* the writer alone counts; what is seen of us is seen after it did */
  atomic_fetch_add(&done_count, 1);
}

static void done_nothing(void *arg, enum store_result result) {
  *(enum store_result *)arg = result;
}

static struct writing writing(struct box *b, int number) {
  return (struct writing){.b = b, .number = number};
}

static bool submit(struct writing *n) {
  n->job = (struct store_job){.run = run_note, .done = note_done, .arg = n, .weight = n->extra};
  return store_submit(n->b->store, &n->job);
}

static enum store_result gate_result;
static struct store_job gate_job;

/* The writer stands inside a job until open_gate: what is submitted meanwhile goes into one commit. */
static void close_gate(struct box *b) {
  atomic_store(&at_gate, 0);
  atomic_store(&done_count, 0);
  atomic_store(&runs, 0);
  pthread_mutex_lock(&gate);
  gate_job = (struct store_job){.run = run_gate, .done = done_nothing, .arg = &gate_result};
  assert_true(store_submit(b->store, &gate_job));
  box_wait(&at_gate, 1);
}
static void open_gate(void) {
  pthread_mutex_unlock(&gate);
}

static int64_t notes_stored(struct box *b) {
  return box_sql(b, "SELECT count(*) FROM meta WHERE key LIKE 'n0%'");
}

static struct store_stats stats_of(struct box *b) {
  struct store_stats st;
  store_stats(b->store, &st);
  return st;
}

/* ---- one commit for many ---- */

static void many_jobs_one_commit_in_order(void **state) {
  struct box *b = *state;
  struct writing *n = mem_array(b->ctx, struct writing, MANY);
  close_gate(b);
  struct store_stats before = stats_of(b);
  for (int i = 0; i < MANY; i++) {
    n[i] = writing(b, i);
    assert_true(submit(&n[i]));
  }
  assert_int_equal(stats_of(b).queue_len, MANY);
  assert_int_equal(notes_stored(b), 0);
  assert_int_equal(atomic_load(&done_count), 0);
  open_gate();
  box_wait(&done_count, MANY);
  struct store_stats after = stats_of(b);
  assert_int_equal(after.commits - before.commits, 2); /* the gate's and ours */
  assert_int_equal(after.jobs_in_commit_max, MANY);
  assert_int_equal(after.queue_len, 0);
  assert_int_equal(notes_stored(b), MANY);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(n[i].result, STORE_OK);
    assert_int_equal(n[i].runs, 1);
    assert_int_equal(n[i].done_at, i);
  }
  /* The events have the jobs' order. */
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event a JOIN event b ON b.seq = a.seq + 1 "
                              "WHERE a.kind = 20 AND b.kind = 20 AND b.ref_id <> a.ref_id + 1"),
                   0);
}

/* done runs when the row can be seen by everybody, never before. */
static int seen_in_done;
static void look_when_done(void *arg, enum store_result result) {
  struct writing *n = arg;
  seen_in_done = (int)notes_stored(n->b);
  note_done(arg, result);
}

static void told_after_the_commit(void **state) {
  struct box *b = *state;
  struct writing n = writing(b, 1);
  n.job = (struct store_job){.run = run_note, .done = look_when_done, .arg = &n};
  atomic_store(&done_count, 0);
  assert_true(store_submit(b->store, &n.job));
  box_wait(&done_count, 1);
  assert_int_equal(seen_in_done, 1);
}

static void one_is_undone_alone(void **state) {
  struct box *b = *state;
  enum { N = 40 };
  static struct writing n[N];
  int64_t first = box_sql(b, "SELECT count(*) FROM event");
  close_gate(b);
  for (int i = 0; i < N; i++) {
    n[i] = writing(b, i);
    n[i].reject = i % 10 == 3;
    n[i].reject_empty = i % 10 == 6;
    assert_true(submit(&n[i]));
  }
  open_gate();
  box_wait(&done_count, N);
  for (int i = 0; i < N; i++) {
    bool rejected = n[i].reject || n[i].reject_empty;
    assert_int_equal(n[i].result, rejected ? STORE_REJECT : STORE_OK);
    assert_int_equal(n[i].done_at, i);
    /* Those before the first that must be undone ran once and again; those behind it only again. */
    assert_int_equal(n[i].runs, i <= 3 ? 2 : 1);
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM meta WHERE key = 'n%06d'", i);
    assert_int_equal(box_sql(b, sql), !rejected);
  }
  assert_int_equal(notes_stored(b), 32);
  /* The numbers of the undone events were given to others: no gap. */
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event") - first, 32);
  assert_int_equal(box_sql(b, "SELECT max(seq) - 1099511627776 FROM event"), first + 32);
  assert_int_equal(stats_of(b).rejected, 8);
}

/* A job that changed nothing needs no undoing: nobody is run again for it. */
static void a_rejection_without_changes_costs_the_others_nothing(void **state) {
  struct box *b = *state;
  static struct writing n[10];
  close_gate(b);
  for (int i = 0; i < 10; i++) {
    n[i] = writing(b, i);
    n[i].reject_empty = i == 5;
    assert_true(submit(&n[i]));
  }
  open_gate();
  box_wait(&done_count, 10);
  for (int i = 0; i < 10; i++) assert_int_equal(n[i].runs, 1);
  assert_int_equal(n[5].result, STORE_REJECT);
  assert_int_equal(notes_stored(b), 9);
}

static void all_rejected(void **state) {
  struct box *b = *state;
  static struct writing n[5];
  int64_t events = box_sql(b, "SELECT count(*) FROM event");
  close_gate(b);
  for (int i = 0; i < 5; i++) {
    n[i] = writing(b, i);
    n[i].reject = true;
    assert_true(submit(&n[i]));
  }
  open_gate();
  box_wait(&done_count, 5);
  for (int i = 0; i < 5; i++) assert_int_equal(n[i].result, STORE_REJECT);
  assert_int_equal(notes_stored(b), 0);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), events);
}

static void heavy_jobs_do_not_share(void **state) {
  struct box *b = *state;
  static struct writing n[3];
  close_gate(b);
  struct store_stats before = stats_of(b);
  for (int i = 0; i < 3; i++) {
    n[i] = writing(b, i);
    n[i].extra = 5 << 20; /* two are more than a commit should weigh */
    assert_true(submit(&n[i]));
  }
  open_gate();
  box_wait(&done_count, 3);
  assert_int_equal(stats_of(b).commits - before.commits, 4);
  assert_int_equal(notes_stored(b), 3);
}

/* ---- the queue ---- */

static void a_full_queue_says_no(void **state) {
  struct box *b = *state;
  static struct writing n[6];
  box_close(b);
  b->store = box_try(b, STORE_SERVE, 3);
  close_gate(b);
  for (int i = 0; i < 6; i++) n[i] = writing(b, i);
  for (int i = 0; i < 3; i++) assert_true(submit(&n[i]));
  for (int i = 3; i < 5; i++) assert_false(submit(&n[i]));
  open_gate();
  box_wait(&done_count, 3);
  assert_true(submit(&n[5]));
  box_wait(&done_count, 4);
  assert_int_equal(n[3].runs, 0);
  assert_int_equal(n[4].runs, 0);
  assert_int_equal(atomic_load(&done_count), 4); /* a refused job hears nothing */
  assert_int_equal(notes_stored(b), 4);
}

static void closing_writes_what_was_taken(void **state) {
  struct box *b = *state;
  struct writing *n = mem_array(NULL, struct writing, MANY);
  close_gate(b);
  for (int i = 0; i < MANY; i++) {
    n[i] = writing(b, i);
    assert_true(submit(&n[i]));
  }
  open_gate();
  box_close(b);
  assert_int_equal(atomic_load(&done_count), MANY);
  for (int i = 0; i < MANY; i++) assert_int_equal(n[i].result, STORE_OK);
  mem_free(n);
  box_open(b, STORE_SERVE);
  assert_int_equal(notes_stored(b), MANY);
}

/* ---- many threads ---- */

struct submitter {
  struct box *b;
  int first, refused;
};

static void *submit_many(void *arg) {
  struct submitter *s = arg;
  static struct writing all[4][250];
  struct writing *n = all[s->first / 250];
  for (int i = 0; i < 250; i++) {
    n[i] = writing(s->b, s->first + i);
    n[i].reject = i % 50 == 49;
    while (!submit(&n[i])) s->refused++;
  }
  return NULL;
}

static void many_threads(void **state) {
  struct box *b = *state;
  pthread_t threads[4];
  struct submitter s[4];
  atomic_store(&done_count, 0);
  for (int i = 0; i < 4; i++) {
    s[i] = (struct submitter){.b = b, .first = 250 * i};
    assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &s[i]), 0);
  }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  box_wait(&done_count, 1000);
  assert_int_equal(notes_stored(b), 980);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event WHERE kind = 20"), 980);
  assert_int_equal(box_sql(b, "SELECT max(seq) - min(seq) FROM event"), 979);
}

/* ---- store_run_now ---- */

static void waited_for_beside_and_inside_a_server(void **state) {
  struct box *b = *state;
  static const enum store_mode modes[] = {STORE_SERVE, STORE_TOOL};
  int stored = 0;
  for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
    box_close(b);
    box_open(b, modes[m]);
    atomic_store(&done_count, 0);
    struct writing yes = writing(b, 10 * (int)m), no = writing(b, 10 * (int)m + 1);
    no.reject = true;
    box_run(b, run_note, &yes, STORE_OK);
    assert_int_equal(notes_stored(b), ++stored);
    box_run(b, run_note, &no, STORE_REJECT);
    assert_int_equal(notes_stored(b), stored);
    struct writing never = writing(b, 99);
    assert_int_equal(submit(&never), modes[m] == STORE_SERVE); /* a tool has no queue */
    if (modes[m] == STORE_SERVE) {
      box_wait(&done_count, 1);
      stored++;
    }
  }
}

/* ---- hooks ---- */

static struct {
  atomic_int events, deliveries, downs;
  int64_t instance_id, last_number, seen;
  struct box *b;
} told;

static void tell_events(void *arg, int64_t instance_id, int64_t last_number) {
  (void)arg;
  told.instance_id = instance_id;
  told.last_number = last_number;
  told.seen = box_sql(told.b, "SELECT max(seq) - 1099511627776 FROM event");
  atomic_fetch_add(&told.events, 1);
}
static void tell_delivery(void *arg) {
  (void)arg;
  atomic_fetch_add(&told.deliveries, 1);
}
static void tell_down(void *arg) {
  (void)arg;
  atomic_fetch_add(&told.downs, 1);
}

static void listen_to(struct box *b) {
  memset(&told, 0, sizeof told);
  told.b = b;
  store_set_hooks(b->store, &(struct store_hooks){.events = tell_events, .delivery = tell_delivery, .down = tell_down});
}

static enum job_result run_note_delivery(struct db *tx, void *arg) {
  store_note_delivery(tx);
  return run_note(tx, arg);
}
static enum job_result run_silent(struct db *tx, void *arg) {
  (void)arg;
  return db_exec(tx, Q_META_SET, v_text("silent"), v_text("x")) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static void who_listens_hears_after_the_commit(void **state) {
  struct box *b = *state;
  listen_to(b);
  struct writing n = writing(b, 1);
  box_run(b, run_note, &n, STORE_OK);
  assert_int_equal(atomic_load(&told.events), 1);
  assert_int_equal(told.instance_id, 1);
  assert_int_equal(told.last_number, 1);
  assert_int_equal(told.seen, 1);
  assert_int_equal(atomic_load(&told.deliveries), 0);
  box_run(b, run_note_delivery, &n, STORE_OK);
  assert_int_equal(told.last_number, 2);
  assert_int_equal(atomic_load(&told.deliveries), 1);
  box_run(b, run_silent, NULL, STORE_OK);
  assert_int_equal(atomic_load(&told.events), 2);
  assert_int_equal(atomic_load(&told.deliveries), 1);
  assert_int_equal(atomic_load(&told.downs), 0);
}

/* Many instances in one commit: each is told. */
static enum job_result run_for_each_instance(struct db *tx, void *arg) {
  (void)arg;
  for (int64_t i = 1; i <= 300; i++)
    if (event_append(tx, i, &(struct event){.at = NOW, .kind = EVENT_NOTE_ADDED}) != DB_OK ||
        event_append(tx, i, &(struct event){.at = NOW, .kind = EVENT_NOTE_ADDED}) != DB_OK)
      return JOB_REJECT;
  return JOB_COMMIT;
}

static void three_hundred_instances_in_one_commit(void **state) {
  struct box *b = *state;
  listen_to(b);
  box_run(b, run_for_each_instance, NULL, STORE_OK);
  assert_int_equal(atomic_load(&told.events), 300);
  assert_int_equal(told.last_number, 2);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM event"), 600);
}

/* ---- no room ---- */

static rlim_t limit_files_to(rlim_t size) {
  struct rlimit l;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
  rlim_t before = l.rlim_cur;
  l.rlim_cur = size;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
  return before;
}

static void no_room_then_room_again(void **state) {
  struct box *b = *state;
  static struct writing n[4];
  signal(SIGXFSZ, SIG_IGN);
  struct writing first = writing(b, 100);
  box_run(b, run_note, &first, STORE_OK);
  close_gate(b);
  for (int i = 0; i < 4; i++) {
    n[i] = writing(b, i);
    n[i].extra = i == 2 ? 4 << 20 : 0;
    assert_true(submit(&n[i]));
  }
  rlim_t before = limit_files_to(2 << 20);
  struct capture c;
  capture_start(&c);
  open_gate();
  box_wait(&done_count, 4);
  const char *log = capture_end(&c);
  /* The one that found no room hears so; its small neighbours get through. */
  for (int i = 0; i < 4; i++) assert_int_equal(n[i].result, i == 2 ? STORE_FULL : STORE_OK);
  assert_null(strstr(log, "store.down"));
  assert_int_equal(notes_stored(b), 4);
  struct store_stats st = stats_of(b);
  assert_int_equal(st.full, 1);
  assert_false(st.down);
  n[2].runs = 0;
  box_run(b, run_note, &n[2], STORE_FULL);
  assert_true(stats_of(b).full_now);
  limit_files_to(before);
  box_run(b, run_note, &n[2], STORE_OK);
  assert_false(stats_of(b).full_now);
  assert_int_equal(notes_stored(b), 5);
  if (!store_check(b->store, b->err)) fail_msg("%s", b->err);
}

/* Who takes us out of service while we say "full" would never send the write that shows that there is room again. */
static void full_is_forgotten_after_a_while(void **state) {
  struct box *b = *state;
  signal(SIGXFSZ, SIG_IGN);
  clock_fake(NOW);
  struct writing n = writing(b, 1);
  n.extra = 4 << 20;
  rlim_t before = limit_files_to(2 << 20);
  box_run(b, run_note, &n, STORE_FULL);
  limit_files_to(before);
  clock_fake_advance(29999);
  assert_true(stats_of(b).full_now);
  clock_fake_advance(1);
  assert_false(stats_of(b).full_now);
}

/* ---- somebody else's lock ---- */

static void take_lock_when_done(void *arg, enum store_result result) {
  assert_int_equal(result, STORE_OK);
  assert_true(db_begin(arg)); /* between the writer's commit and its next transaction */
}

/* Each job would wait for the lock as long as the first (ten seconds): they hear it together, once the wait is over. */
static void a_lock_not_to_be_had_is_waited_for_once(void **state) {
  struct box *b = *state;
  static struct writing n[5];
  struct db *other = sqlite_open(b->ctx, box_path(b, "guichet.db"), SQLITE_WRITER, b->err);
  assert_non_null(other);
  close_gate(b);
  gate_job.done = take_lock_when_done;
  gate_job.arg = other;
  for (int i = 0; i < 5; i++) {
    n[i] = writing(b, i);
    assert_true(submit(&n[i]));
  }
  struct capture c;
  log_set_level(LOG_WARN);
  capture_start(&c);
  open_gate();
  box_wait(&done_count, 5);
  const char *log = capture_end(&c);
  const char *once = strstr(log, "store.no_room");
  assert_non_null(once);
  assert_null(strstr(once + 1, "store.no_room"));
  for (int i = 0; i < 5; i++) assert_int_equal(n[i].result, STORE_FULL);
  assert_int_equal(notes_stored(b), 0);
  db_rollback(other);
  struct writing after = writing(b, 9);
  box_run(b, run_note, &after, STORE_OK);
}

/* ---- it failed for good ---- */

/* Overwrites the table's pages in the file, so that the next write to it finds garbage. */
static void damage(struct box *b, const char *table) {
  char sql[100];
  box_sql_do(b, "PRAGMA wal_checkpoint(TRUNCATE)");
  snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
  int64_t page = box_sql(b, sql);
  int fd = open(box_path(b, "guichet.db"), O_RDWR);
  char garbage[4096];
  memset(garbage, 0x5a, sizeof garbage);
  assert_int_equal(pwrite(fd, garbage, sizeof garbage, (off_t)(page - 1) * 4096), 4096);
  close(fd);
}

static enum job_result run_into_damage(struct db *tx, void *arg) {
  (void)arg;
  enum db_result r = db_exec(tx, Q_IDEMPOTENCY_INSERT, v_int(1), v_text("token:1"), v_text("key"), v_bytes("f", 1),
                             v_int(200), v_text("{}"), v_int(1));
  return r == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

static void a_failed_store_is_down_for_all_and_for_good(void **state) {
  struct box *b = *state;
  static struct writing n[6];
  box_close(b);
  damage(b, "idempotency");
  box_open(b, STORE_SERVE);
  listen_to(b);
  struct writing before = writing(b, 50);
  box_run(b, run_note, &before, STORE_OK);
  struct capture c;
  capture_start(&c);
  close_gate(b);
  for (int i = 0; i < 6; i++) {
    n[i] = writing(b, i);
    if (i == 3) {
      n[i].job = (struct store_job){.run = run_into_damage, .done = note_done, .arg = &n[i]};
      assert_true(store_submit(b->store, &n[i].job));
    } else {
      assert_true(submit(&n[i]));
    }
  }
  open_gate();
  box_wait(&done_count, 6);
  for (int i = 0; i < 6; i++) assert_int_equal(n[i].result, STORE_DOWN);
  struct writing later = writing(b, 60);
  assert_false(submit(&later));
  assert_int_equal(store_run_now(b->store, run_note, &later), STORE_DOWN);
  const char *log = capture_end(&c);
  assert_int_equal(later.runs, 0);
  assert_int_equal(atomic_load(&told.downs), 1);
  const char *said = strstr(log, "event=store.down");
  assert_non_null(said);
  assert_null(strstr(said + 1, "event=store.down"));
  struct store_stats st = stats_of(b);
  assert_true(st.down);
  assert_non_null(strstr(st.why, "idempotency_insert"));
  /* What was answered is there, what was not is not; reading goes on. */
  assert_int_equal(notes_stored(b), 1);
  struct db *db = store_read_begin(b->store);
  assert_int_equal(db_int(db, Q_INSTANCE_MAX, 0), 1);
  store_read_end(b->store, db);
  box_close(b);
  box_open(b, STORE_SERVE); /* the next start recovers */
  assert_int_equal(notes_stored(b), 1);
}

/* ---- readers ---- */

static int64_t count_events(struct db *db) {
  return event_last(db, 1);
}

static void a_reader_sees_one_moment(void **state) {
  struct box *b = *state;
  struct writing n = writing(b, 1);
  struct db *early = store_read_begin(b->store);
  assert_int_equal(count_events(early), 0);
  box_run(b, run_note, &n, STORE_OK);
  struct db *late = store_read_begin(b->store);
  assert_ptr_not_equal(early, late);
  assert_int_equal(count_events(late), 1);
  assert_int_equal(count_events(early), 0);
  box_run(b, run_note, &n, STORE_OK);
  assert_int_equal(count_events(late), 1);
  store_read_end(b->store, late);
  store_read_end(b->store, early);
  struct db *db = store_read_begin(b->store);
  assert_int_equal(count_events(db), 2);
  store_read_end(b->store, db);
}

static void a_reader_cannot_write(void **state) {
  struct box *b = *state;
  struct db *db = store_read_begin(b->store);
  struct capture c;
  capture_start(&c);
  assert_int_equal(db_exec(db, Q_META_SET, v_text("n000001"), v_text("x")), DB_FAILED);
  assert_true(db_failed(db));
  assert_int_equal(db_int(db, Q_INSTANCE_MAX, -5), -5); /* nothing more until it is given back */
  store_read_end(b->store, db);
  capture_end(&c);
  assert_int_equal(notes_stored(b), 0);
}

/* One broken reader must not fail every later request that happens to get it. */
static void a_broken_reader_is_renewed(void **state) {
  struct box *b = *state;
  struct capture c;
  for (int i = 0; i < 40; i++) {
    capture_start(&c);
    struct db *db = store_read_begin(b->store);
    assert_false(db_failed(db));
    assert_int_equal(db_int(db, Q_INSTANCE_MAX, 0), 1);
    assert_int_equal(db_exec(db, Q_META_SET, v_text("a"), v_text("x")), DB_FAILED);
    store_read_end(b->store, db);
    assert_non_null(strstr(capture_end(&c), "store.read"));
  }
  assert_false(stats_of(b).down);
}

struct waiting {
  struct box *b;
  atomic_int begun, got;
  int64_t read;
};

static void *read_waiting(void *arg) {
  struct waiting *w = arg;
  atomic_fetch_add(&w->begun, 1);
  struct db *db = store_read_begin(w->b->store);
  w->read = db_int(db, Q_INSTANCE_MAX, 0);
  atomic_fetch_add(&w->got, 1);
  store_read_end(w->b->store, db);
  return NULL;
}

static void the_seventeenth_reader_waits(void **state) {
  struct box *b = *state;
  struct db *taken[16];
  struct waiting w = {.b = b};
  pthread_t thread;
  for (int i = 0; i < 16; i++) {
    taken[i] = store_read_begin(b->store);
    for (int k = 0; k < i; k++) assert_ptr_not_equal(taken[i], taken[k]);
  }
  assert_int_equal(pthread_create(&thread, NULL, read_waiting, &w), 0);
  box_wait(&w.begun, 1);
  struct writing n = writing(b, 1);
  box_run(b, run_note, &n, STORE_OK); /* time enough; and writing needs no reader */
  assert_int_equal(atomic_load(&w.got), 0);
  store_read_end(b->store, taken[7]);
  box_wait(&w.got, 1);
  pthread_join(thread, NULL);
  assert_int_equal(w.read, 1);
  for (int i = 0; i < 16; i++)
    if (i != 7) store_read_end(b->store, taken[i]);
}

/* With no file descriptor left another reader cannot be opened: whoever needs one waits for one that is open. */
static void no_descriptors_left(void **state) {
  struct box *b = *state;
  struct rlimit l, none;
  struct db *only = store_read_begin(b->store);
  struct waiting w = {.b = b};
  pthread_t thread;
  struct capture c;
  capture_start(&c);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
  none = (struct rlimit){.rlim_cur = 0, .rlim_max = l.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  int failed = pthread_create(&thread, NULL, read_waiting, &w);
  if (!failed) box_wait(&w.begun, 1);
  struct writing n = writing(b, 1);
  enum store_result wrote = store_run_now(b->store, run_note, &n);
  int got_early = atomic_load(&w.got);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
  store_read_end(b->store, only);
  assert_int_equal(failed, 0);
  box_wait(&w.got, 1);
  pthread_join(thread, NULL);
  capture_end(&c);
  assert_int_equal(wrote, STORE_OK);
  assert_int_equal(got_early, 0);
  assert_int_equal(w.read, 1);
}

/* ---- two processes ---- */

static void write_200(struct box *b) {
  for (int i = 0; i < 200; i++) {
    struct writing n = writing(b, 1000 + i);
    n.reject = i % 10 == 5;
    if (store_run_now(b->store, run_note, &n) != (n.reject ? STORE_REJECT : STORE_OK)) _exit(1);
  }
}

static void two_processes_number_events_without_gaps(void **state) {
  struct box *b = box_new();
  (void)state;
  static void (*const steps[])(struct box *) = {write_200};
  struct second s;
  box_create(b);
  second_start(&s, b, steps);
  box_open(b, STORE_SERVE);
  second_begin(&s, 0);
  for (int i = 0; i < 200; i++) {
    struct writing n = writing(b, i);
    n.reject = i % 7 == 3;
    box_run(b, run_note, &n, n.reject ? STORE_REJECT : STORE_OK);
  }
  second_finished(&s, 0);
  second_end(&s);
  int64_t count = box_sql(b, "SELECT count(*) FROM event");
  assert_int_equal(count, 180 + 171);
  assert_int_equal(box_sql(b, "SELECT min(seq) - 1099511627776 FROM event"), 1);
  assert_int_equal(box_sql(b, "SELECT max(seq) - 1099511627776 FROM event"), count);
  box_free(b);
}

/* More than the page cache holds, so that pages of it are in the log before it ends; then into the damage. */
static enum job_result run_much_into_damage(struct db *tx, void *arg) {
  static char block[1 << 17];
  for (int i = 0; i < 150; i++) {
    random_bytes(block, sizeof block);
    if (db_exec(tx, Q_ATTACHMENT_CHUNK_INSERT, v_int(77), v_int(i), v_bytes(block, sizeof block)) != DB_OK)
      return JOB_COMMIT;
  }
  return run_into_damage(tx, arg);
}

/* Another program's commit comes to lie in the log where the undone pages were: nothing of those may come over it. */
static void what_was_undone_never_comes_over_others(void **state) {
  struct box *b = *state;
  struct capture c;
  box_close(b);
  damage(b, "idempotency");
  box_open(b, STORE_SERVE);
  capture_start(&c);
  box_run(b, run_much_into_damage, NULL, STORE_DOWN);
  box_sql_do(b, "PRAGMA wal_autocheckpoint=0; CREATE TABLE other (x, number); WITH RECURSIVE n(i) AS (SELECT 1 UNION "
                "ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO other SELECT printf('%0*d', 1000, i), i FROM n");
  box_close(b);
  capture_end(&c);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM other WHERE x = printf('%0*d', 1000, number)"), 20000);
  assert_int_equal(box_sql(b, "SELECT count(*) FROM attachment_chunk"), 0);
}

int main(void) {
#define SQLITE(name) cmocka_unit_test_setup_teardown(name, box_setup_sqlite, box_teardown)
#define TEST(name)   cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = {
      TEST(many_jobs_one_commit_in_order),
      TEST(told_after_the_commit),
      TEST(one_is_undone_alone),
      TEST(a_rejection_without_changes_costs_the_others_nothing),
      TEST(all_rejected),
      TEST(heavy_jobs_do_not_share),
      TEST(a_full_queue_says_no),
      TEST(closing_writes_what_was_taken),
      TEST(many_threads),
      TEST(waited_for_beside_and_inside_a_server),
      TEST(who_listens_hears_after_the_commit),
      TEST(three_hundred_instances_in_one_commit),
      SQLITE(no_room_then_room_again),
      SQLITE(full_is_forgotten_after_a_while),
      SQLITE(a_lock_not_to_be_had_is_waited_for_once),
      SQLITE(a_failed_store_is_down_for_all_and_for_good),
      TEST(a_reader_sees_one_moment),
      TEST(a_reader_cannot_write),
      TEST(a_broken_reader_is_renewed),
      TEST(the_seventeenth_reader_waits),
      SQLITE(no_descriptors_left),
      cmocka_unit_test(two_processes_number_events_without_gaps),
      SQLITE(what_was_undone_never_comes_over_others),
  };
  return BOX_RUN(tests);
}
