/* The node's own connection: whether PostgreSQL is there, news from and for the other nodes, numbers and channels.
 * Once anybody has lost a connection it tries with growing pauses until it has one again; meanwhile writes are refused
 * and reads fail at once, so that no request waits for a server that is away. Being told is quick and may be lost: once
 * a second everything is looked at anyway. Never ends the process: a database comes back. */
#include "store/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "store/engine.h"
#include "store/event.h"
#include "store/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_PAUSE_MS   50
#define LONGEST_PAUSE_MS 2000
#define GATHER_MS        2 /* news of so long are told together */

struct keeper {
  pthread_t thread;
  struct db *db;
  int wake_fd;
  atomic_bool poked;
  int64_t epoch_seen; /* of the setup, as stored */
  uint64_t
      epoch_ticked; /* the folder's, at the last tick: a change may be a new channel, which is somebody's at once */
};

void keeper_poke(struct store *s) {
  struct keeper *k = s->keeper;
  uint64_t one = 1;
  if (k && !atomic_exchange(&k->poked, true) && write(k->wake_fd, &one, sizeof one) < 0) return; /* it is awake */
}

void keeper_lost(struct store *s, const char *why) {
  pthread_mutex_lock(&s->lock);
  bool news = !atomic_exchange(&s->unreachable, true);
  snprintf(s->stats.why, sizeof s->stats.why, "%s", why);
  pthread_mutex_unlock(&s->lock);
  keeper_poke(s);
  if (news)
    log_at(LOG_ERROR, "store.unreachable", log_t("why", why), log_t("do", "it is tried again until it answers"));
}

bool keeper_renew(struct store *s, struct db *db) {
  /* A tool has no keeper: each command tries for itself. */
  if (s->keeper && atomic_load(&s->unreachable)) return false;
  if (postgres_reopen(db)) return true;
  keeper_lost(s, db_error(db));
  return false;
}

/* ---- news ---- */

static struct store_hooks hooks_of(struct store *s) {
  pthread_mutex_lock(&s->lock);
  struct store_hooks hooks = s->hooks;
  pthread_mutex_unlock(&s->lock);
  return hooks;
}

static void hear_events(struct store *s, int64_t instance_id, int64_t last_number) {
  const struct store_hooks hooks = hooks_of(s);
  if (hooks.events && news_is_new(&s->news, instance_id, last_number))
    hooks.events(hooks.arg, instance_id, last_number);
}

static void hear(struct store *s, const char *line) {
  enum news_kind kind;
  int64_t instance_id, last_number;
  if (!news_parse(line, &kind, &instance_id, &last_number)) return;
  if (kind == NEWS_SETUP) folder_epoch_raise(&s->folder);
  if (kind == NEWS_EVENTS) hear_events(s, instance_id, last_number);
  const struct store_hooks hooks = hooks_of(s);
  if (kind == NEWS_DELIVERY && hooks.delivery) hooks.delivery(hooks.arg);
}

static void hear_all(struct store *s) {
  char line[NEWS_LEN];
  while (postgres_heard(s->keeper->db, line, sizeof line)) hear(s, line);
}

static void tell_all(struct store *s) {
  char line[NEWS_LEN];
  struct db *db = s->keeper->db;
  db_set_gathering(db, true);
  while (!db_failed(db) && news_take(&s->news, line)) (void)db_exec(db, Q_NOTIFY, v_text(line));
  db_set_gathering(db, false);
  (void)db_int(db, Q_EPOCH_STORED, 0); /* what was gathered goes with it */
}

/* ---- once a second ---- */

/* What nobody told us of. */
static void look_around(struct store *s) {
  struct keeper *k = s->keeper;
  struct db_rows rows;
  int64_t instances[NEWS_INSTANCES_MAX];
  int count = 0;
  int64_t epoch = db_int(k->db, Q_EPOCH_STORED, k->epoch_seen);
  if (epoch != k->epoch_seen) folder_epoch_raise(&s->folder);
  k->epoch_seen = epoch;
  db_open(k->db, &rows, Q_INSTANCE_ALL);
  while (count < NEWS_INSTANCES_MAX && db_next(&rows)) instances[count++] = col_int(&rows, 0);
  db_close(&rows);
  for (int i = 0; i < count && !db_failed(k->db); i++) {
    int64_t last = event_last(k->db, instances[i]);
    if (last) hear_events(s, instances[i], last);
  }
}

static bool tick(struct store *s) {
  bool changed = false;
  if (!nodes_tick(&s->nodes, s->keeper->db, &changed)) return false;
  if (changed) folder_epoch_raise(&s->folder); /* the deliverer looks at its channels again */
  look_around(s);
  s->keeper->epoch_ticked = folder_epoch(&s->folder);
  return !db_failed(s->keeper->db);
}

/* ---- the thread ---- */

static int64_t with_jitter(int64_t ms) {
  uint32_t random;
  random_bytes(&random, sizeof random);
  return ms / 2 + random % (ms / 2 + 1);
}

static void sleep_ms(int64_t ms) {
  struct pollfd none = {.fd = -1};
  poll(&none, 1, (int)ms);
}

/* A connection that works, listening, with our number on it. */
static bool reconnect(struct store *s) {
  struct db *db = s->keeper->db;
  if (db_trouble(db) == TROUBLE_LOST && !postgres_reopen(db)) return false;
  db_failed_clear(db);
  return postgres_listen(db) && tick(s);
}

static void be_patient(struct store *s, int64_t *pause_ms) {
  if (reconnect(s)) {
    pthread_mutex_lock(&s->lock);
    s->stats.why[0] = 0;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->unreachable, false);
    *pause_ms = FIRST_PAUSE_MS;
    log_at(LOG_INFO, "store.back", log_t("result", "PostgreSQL answers again"));
    return;
  }
  sleep_ms(with_jitter(*pause_ms));
  *pause_ms = *pause_ms * 2 < LONGEST_PAUSE_MS ? *pause_ms * 2 : LONGEST_PAUSE_MS;
}

static void keep(struct store *s, int64_t *next_us) {
  struct keeper *k = s->keeper;
  int64_t now_us = clock_mono_us(), wait_ms = (*next_us - now_us) / 1000;
  if (wait_ms > 0) postgres_wait(k->db, k->wake_fd, (int)wait_ms);
  if (atomic_load(&k->poked)) {
    uint64_t count;
    sleep_ms(GATHER_MS);
    if (read(k->wake_fd, &count, sizeof count) < 0) count = 0;
    atomic_store(&k->poked, false);
    if (!atomic_load(&s->unreachable)) tell_all(s);
  }
  bool due = clock_mono_us() >= *next_us || folder_epoch(&s->folder) != k->epoch_ticked;
  if (due && !db_failed(k->db)) {
    *next_us = clock_mono_us() + NODE_TICK_MS * INT64_C(1000);
    (void)tick(s);
  }
  hear_all(s);
  if (db_failed(k->db)) {
    if (db_trouble(k->db) == TROUBLE_LOST)
      keeper_lost(s, db_error(k->db));
    else
      log_at(LOG_WARN, "store.keeper", log_t("error", db_error(k->db)));
    db_failed_clear(k->db);
  }
}

static void *keeper_main(void *arg) {
  struct store *s = arg;
  int64_t pause_ms = FIRST_PAUSE_MS, next_us = 0;
  pthread_setname_np(pthread_self(), "keeper");
  while (!atomic_load(&s->side_stop)) {
    if (atomic_load(&s->unreachable))
      be_patient(s, &pause_ms);
    else
      keep(s, &next_us);
  }
  return NULL;
}

bool keeper_start(struct store *s, char err[static 256]) {
  struct keeper *k = mem_new(s, struct keeper);
  k->db = store_connect(s, s, true, err);
  if (!k->db) return false;
  k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (k->wake_fd < 0) fatal("cannot make an eventfd");
  k->epoch_seen = db_int(k->db, Q_EPOCH_STORED, 0);
  bool changed = false;
  if (!nodes_join(&s->nodes, k->db, err)) return false;
  if (!postgres_listen(k->db) || !nodes_tick(&s->nodes, k->db, &changed)) {
    snprintf(err, 256, "cannot join the nodes of this store: %.180s", db_error(k->db));
    return false;
  }
  s->keeper = k;
  if (pthread_create(&k->thread, NULL, keeper_main, s) != 0) fatal("cannot start the keeper's thread");
  return true;
}

/* The writers have ended: whatever there was to deliver or to tell is for the others now. */
void keeper_stop(struct store *s) {
  struct keeper *k = s->keeper;
  atomic_store(&s->side_stop, true);
  keeper_poke(s);
  pthread_join(k->thread, NULL);
  if (db_trouble(k->db) != TROUBLE_LOST) {
    tell_all(s);
    nodes_leave(&s->nodes, k->db);
  }
  close(k->wake_fd);
}
