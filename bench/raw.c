/* What SQLite can do at most: inserts the rows of our messages, with our statements and pragmas, and nothing around it.
 * Also fills stores for other measures.
 *   bench-raw --db FILE [--batch N] [--run N] [--customers N] (--seconds S | --messages N | --deliveries N)
 * A message: the customer is looked up, message, event, timeline and retry key are inserted, all at once; when filling
 * (--messages) the last two are moved from the log at the end. `run` consecutive messages have one customer.
 * A second thread moves the log into the store, as in the server. Prints one line of JSON. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "core/interaction.h"
#include "core/surface.h"
#include "store/event.h"
#include "store/queries.h"
#include "store/retry.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECKPOINT_PAGES 2000
#define WAL_MAX_PAGES    16384
#define PLACES_MAX       24
#define INSTANCE         INT64_C(1)
#define SLICE            1000000

static const char text[] = "Good morning, where is my parcel? I ordered it two weeks ago.";

struct options {
  const char *db;
  int64_t batch, run, customers, messages, deliveries;
  double seconds;
};

struct statement {
  sqlite3_stmt *handle;
  int places[PLACES_MAX];
};

struct raw {
  struct options o;
  sqlite3 *db;
  struct statement find, message, event, timeline, retry, delivery;
  int64_t next_event, service_id, stamp;
  int wal_pages;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t due;
  bool wanted, stop;
} checkpoint = {.lock = PTHREAD_MUTEX_INITIALIZER, .due = PTHREAD_COND_INITIALIZER};

static void check(sqlite3 *db, int code, const char *what) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  fprintf(stderr, "bench-raw: %s: %s\n", what, sqlite3_errmsg(db));
  exit(1);
}

static void run_script(sqlite3 *db, const char *sql) {
  check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void on_retry_hash(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  const char *ext_id = (const char *)sqlite3_value_text(values[1]);
  sqlite3_result_int64(context, retry_hash(sqlite3_value_int64(values[0]), ext_id, strlen(ext_id)));
}

static sqlite3 *open_db(const char *file) {
  sqlite3 *db = NULL;
  check(db, sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL),
        file);
  sqlite3_busy_timeout(db, 10000);
  check(db, sqlite3_create_function(db, "retry_hash", 2, SQLITE_UTF8, NULL, on_retry_hash, NULL, NULL), "function");
  run_script(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
                 "PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                 "PRAGMA journal_size_limit=67108864;");
  return db;
}

static struct statement prepare(sqlite3 *db, enum query query) {
  struct statement s = {.handle = NULL};
  const char *sql = query_texts[query].sqlite;
  check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s.handle, NULL), sql);
  for (int i = 0; i < sqlite3_bind_parameter_count(s.handle); i++) {
    char name[16];
    snprintf(name, sizeof name, "$%d", i + 1);
    s.places[i] = sqlite3_bind_parameter_index(s.handle, name);
  }
  return s;
}

static void bind_int(const struct statement *s, int n, int64_t value) {
  sqlite3_bind_int64(s->handle, s->places[n - 1], value);
}
static void bind_text(const struct statement *s, int n, const char *value) {
  sqlite3_bind_text(s->handle, s->places[n - 1], value, -1, SQLITE_STATIC);
}
static void step(sqlite3 *db, const struct statement *s) {
  check(db, sqlite3_step(s->handle), "step");
  sqlite3_reset(s->handle);
}

static int64_t one_int(sqlite3 *db, const char *sql) {
  sqlite3_stmt *s = NULL;
  check(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
  int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
  sqlite3_finalize(s);
  return n;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages) {
  (void)db, (void)name;
  ((struct raw *)arg)->wal_pages = pages;
  return SQLITE_OK;
}

static void *checkpoint_main(void *arg) {
  const struct raw *r = arg;
  sqlite3 *db = open_db(r->o.db);
  pthread_mutex_lock(&checkpoint.lock);
  while (!checkpoint.stop) {
    if (!checkpoint.wanted) {
      pthread_cond_wait(&checkpoint.due, &checkpoint.lock);
      continue;
    }
    checkpoint.wanted = false;
    pthread_mutex_unlock(&checkpoint.lock);
    sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    pthread_mutex_lock(&checkpoint.lock);
  }
  pthread_mutex_unlock(&checkpoint.lock);
  sqlite3_close(db);
  return NULL;
}

static void tell_checkpointer(const struct raw *r, bool stop) {
  if (!stop && r->wal_pages < CHECKPOINT_PAGES) return;
  if (r->wal_pages > WAL_MAX_PAGES) sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  pthread_mutex_lock(&checkpoint.lock);
  checkpoint.wanted = true;
  checkpoint.stop = stop;
  pthread_cond_signal(&checkpoint.due);
  pthread_mutex_unlock(&checkpoint.lock);
}

/* ---- rows ---- */

static void customer_name(int64_t n, char out[static 32]) {
  snprintf(out, 32, "customer-%07lld", (long long)n);
}

static int64_t find_customer(struct raw *r, const char *name, int64_t *ret_interaction) {
  bind_int(&r->find, 1, 1);
  bind_text(&r->find, 2, name);
  int64_t id = 0;
  if (sqlite3_step(r->find.handle) == SQLITE_ROW) {
    id = sqlite3_column_int64(r->find.handle, 0);
    *ret_interaction = sqlite3_column_int64(r->find.handle, 2);
  }
  sqlite3_reset(r->find.handle);
  return id;
}

static void insert_ints(struct raw *r, const struct statement *s, const int64_t *values, int count) {
  for (int i = 0; i < count; i++) bind_int(s, i + 1, values[i]);
  step(r->db, s);
}

static void insert_event(struct raw *r, enum event_kind kind, int64_t interaction_id, int64_t ref_id) {
  int64_t seq = INSTANCE << EVENT_NUMBER_BITS | r->next_event++;
  insert_ints(r, &r->event, (const int64_t[]){seq, clock_wall_ms(), (int64_t)kind, interaction_id, ref_id, 0}, 6);
  if (r->o.seconds > 0) insert_ints(r, &r->timeline, (const int64_t[]){interaction_id, seq}, 2);
}

/* What was only filled is moved into the tables in bulk, a million events at a time. */
static void move_indexes(struct raw *r, int64_t from, int64_t last) {
  struct statement timeline = prepare(r->db, Q_TIMELINE_MOVE), retry = prepare(r->db, Q_RETRY_MOVE);
  for (int64_t upto = from; upto < last; from = upto) {
    upto = last - from > SLICE ? from + SLICE : last;
    run_script(r->db, "BEGIN IMMEDIATE");
    insert_ints(r, &timeline, (const int64_t[]){from, upto}, 2);
    insert_ints(r, &retry,
                (const int64_t[]){from, upto, EVENT_MESSAGE_RECEIVED, EVENT_MESSAGE_SENT, EVENT_MESSAGE_HISTORY}, 5);
    run_script(r->db, "COMMIT");
    tell_checkpointer(r, false);
  }
  sqlite3_finalize(timeline.handle);
  sqlite3_finalize(retry.handle);
}

static void finish_indexes(struct raw *r) {
  int64_t first = INSTANCE << EVENT_NUMBER_BITS, last = (first | r->next_event) - 1;
  int64_t done = one_int(r->db, "SELECT max(timeline_seq) FROM index_mark WHERE instance_id = 1");
  struct statement mark = prepare(r->db, Q_INDEX_MARK_RAISE);
  if (r->o.seconds <= 0) move_indexes(r, done ? done : first, last);
  insert_ints(r, &mark, (const int64_t[]){INSTANCE, last, last}, 3);
  sqlite3_finalize(mark.handle);
}

static void make_customers(struct raw *r) {
  struct statement customer = prepare(r->db, Q_CUSTOMER_INSERT), interaction = prepare(r->db, Q_INTERACTION_INSERT);
  run_script(r->db, "BEGIN IMMEDIATE");
  for (int64_t n = 0; n < r->o.customers; n++) {
    char name[32];
    int64_t open = 0, id = id_next(), interaction_id = id_next(), now = clock_wall_ms();
    customer_name(n, name);
    if (find_customer(r, name, &open)) continue;
    const int64_t c[] = {id, INSTANCE, 1, 0, 0, interaction_id, now};
    for (int i = 0; i < 7; i++) bind_int(&customer, i + 1, c[i]);
    bind_text(&customer, 4, name);
    bind_text(&customer, 5, "Anna Example");
    step(r->db, &customer);
    const int64_t v[] = {interaction_id, INSTANCE, 1, id, r->service_id, INTERACTION_QUEUED, 0, now, 5, 0, 1, 0};
    for (int i = 0; i < 12; i++) bind_int(&interaction, i + 1, v[i]);
    step(r->db, &interaction);
    insert_event(r, EVENT_INTERACTION_OPENED, interaction_id, 0);
  }
  run_script(r->db, "COMMIT");
  sqlite3_finalize(customer.handle);
  sqlite3_finalize(interaction.handle);
}

static void insert_message(struct raw *r, int64_t n) {
  const struct statement *s = &r->message;
  char name[32], ext_id[48];
  int64_t interaction_id = 0, id = id_next(), now = clock_wall_ms();
  customer_name(n / r->o.run * 7919 % r->o.customers, name);
  snprintf(ext_id, sizeof ext_id, "%010lld-01-%09lld", (long long)r->stamp, (long long)n);
  int64_t customer_id = find_customer(r, name, &interaction_id);
  const int64_t front[] = {id, INSTANCE, interaction_id, customer_id, MESSAGE_IN};
  for (int i = 0; i < 5; i++) bind_int(s, i + 1, front[i]);
  bind_text(s, 6, ext_id);
  bind_int(s, 7, now / 1000);
  bind_int(s, 8, now);
  bind_int(s, 9, PARTY_HUMAN);
  bind_text(s, 10, name);
  bind_text(s, 11, "Anna Example");
  bind_int(s, 15, 0);
  bind_text(s, 16, text);
  bind_int(s, 19, 0);
  step(r->db, s);
  if (r->o.seconds > 0) {
    int64_t hash = retry_hash(customer_id, ext_id, strlen(ext_id));
    insert_ints(r, &r->retry, (const int64_t[]){now / 1000, hash, id}, 3);
  }
  insert_event(r, EVENT_MESSAGE_RECEIVED, interaction_id, id);
}

/* The bytes that an answer of an agent would send. */
static void insert_delivery(struct raw *r, int64_t n, void *pool) {
  const struct statement *s = &r->delivery;
  char name[32], id_text[ID_HEX_LEN];
  int64_t interaction_id = 0, id = id_next(), now = clock_wall_ms();
  customer_name(n % r->o.customers, name);
  int64_t customer_id = find_customer(r, name, &interaction_id);
  struct message_out m = {.id = id_format(INSTANCE, id, id_text),
                          .created_at = now / 1000,
                          .customer_id = name,
                          .sender = {.type = PARTY_HUMAN, .id = "Guichet", .name = "Guichet"},
                          .text = text};
  struct buf payload;
  buf_init(&payload, pool, 1024, 65536);
  surface_of(CHANNEL_KIAMO_IO)->render_message(&payload, &m);
  const int64_t v[] = {id, INSTANCE, 1, customer_id, interaction_id, now, now + 86400000};
  for (int i = 0; i < 7; i++) bind_int(s, i + 1, v[i]);
  sqlite3_bind_blob(s->handle, s->places[7], payload.data, (int)payload.len, SQLITE_STATIC);
  step(r->db, s);
}

/* ---- running ---- */

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(struct raw *r) {
  int64_t rows = 0, commits = 0, start = clock_mono_us(), until = start + (int64_t)(r->o.seconds * 1e6);
  int64_t most = r->o.deliveries ? r->o.deliveries : r->o.messages;
  double cpu = cpu_seconds();
  while (most ? rows < most : clock_mono_us() < until) {
    void *pool = mem_pool(NULL, 65536);
    run_script(r->db, "BEGIN IMMEDIATE");
    for (int64_t i = 0; i < r->o.batch && (!most || rows < most); i++, rows++) {
      if (r->o.deliveries)
        insert_delivery(r, rows, pool);
      else
        insert_message(r, rows);
    }
    run_script(r->db, "COMMIT");
    mem_free(pool);
    commits++;
    tell_checkpointer(r, false);
  }
  double seconds = (double)(clock_mono_us() - start) / 1e6;
  printf("{\"rows\":%lld,\"commits\":%lld,\"seconds\":%.6f,\"rate\":%.1f,\"cpu\":%.3f}\n", (long long)rows,
         (long long)commits, seconds, (double)rows / seconds, cpu_seconds() - cpu);
}

static struct options read_options(int argc, char **argv) {
  struct options o = {.batch = 64, .run = 1, .customers = 10000};
  struct {
    const char *name;
    int64_t *number;
  } numbers[] = {{"--batch", &o.batch},
                 {"--run", &o.run},
                 {"--customers", &o.customers},
                 {"--messages", &o.messages},
                 {"--deliveries", &o.deliveries}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--db") == 0) o.db = argv[i + 1];
    if (strcmp(argv[i], "--seconds") == 0) o.seconds = strtod(argv[i + 1], NULL);
    for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
      if (strcmp(argv[i], numbers[k].name) == 0) *numbers[k].number = strtoll(argv[i + 1], NULL, 10);
  }
  if (o.db && o.batch > 0 && o.run > 0 && o.customers > 0 && (o.seconds > 0 || o.messages || o.deliveries)) return o;
  fprintf(stderr, "usage: bench-raw --db FILE [--batch N] [--run N] [--customers N] "
                  "(--seconds S | --messages N | --deliveries N)\n");
  exit(2);
}

int main(int argc, char **argv) {
  struct raw r = {.o = read_options(argc, argv)};
  pthread_t thread;
  mem_init();
  r.db = open_db(r.o.db);
  sqlite3_wal_hook(r.db, on_wal, &r);
  id_init(0, one_int(r.db, query_texts[Q_ID_FLOOR].sqlite));
  r.service_id = one_int(r.db, "SELECT service_id FROM channel WHERE id = 1");
  r.next_event =
      (one_int(r.db, "SELECT coalesce(max(seq), 0) FROM event") & ((INT64_C(1) << EVENT_NUMBER_BITS) - 1)) + 1;
  r.stamp = clock_wall_ms() / 1000;
  r.find = prepare(r.db, Q_CUSTOMER_FIND);
  r.message = prepare(r.db, Q_MESSAGE_INSERT);
  r.event = prepare(r.db, Q_EVENT_INSERT);
  r.timeline = prepare(r.db, Q_TIMELINE_INSERT);
  r.retry = prepare(r.db, Q_RETRY_INSERT);
  r.delivery = prepare(r.db, Q_DELIVERY_INSERT);
  make_customers(&r);
  if (pthread_create(&thread, NULL, checkpoint_main, &r) != 0) panic("cannot start a thread");
  run(&r);
  finish_indexes(&r);
  tell_checkpointer(&r, true);
  pthread_join(thread, NULL);
  struct statement *all[] = {&r.find, &r.message, &r.event, &r.timeline, &r.retry, &r.delivery};
  for (size_t i = 0; i < ARRAY_LEN(all); i++) sqlite3_finalize(all[i]->handle);
  sqlite3_close(r.db);
  return 0;
}
