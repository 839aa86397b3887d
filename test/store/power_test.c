/* The power goes at any moment: below the store stands a file system of our own that remembers what has been synced.
 * At random writes and syncs it lays out what a disk would hold then (all that was synced, and any part of the rest),
 * and that must be a sound store with everything that was answered. Also when a sync fails and its bytes are lost. */
#include "box.h"

#include "../unit/base/capture.h"
#include "base/fail.h"
#include "base/mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECTOR   512
#define KEYS     32
#define VALUE    100000 /* bytes */
#define FILES    2
#define HANDLES  64
#define WAITING  48                       /* jobs at most */
#define LOG_JOBS (32000 / (VALUE / 4096)) /* so many make the log long enough to be moved */

/* ---- a disk ---- */

/* Written or cut off (bytes NULL), and not synced. */
struct change {
  char *bytes;
  sqlite3_int64 at;
  size_t len;
};

struct disk_file {
  char name[80];
  int synced; /* a file with what is on the disk for certain */
  struct change *changes;
  size_t count, room;
};

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk_file disk[FILES]; /* the store's file, and its log */
static struct handle {
  sqlite3_file *file;
  int kind;             /* of FILES */
  struct disk_file *on; /* NULL: another store's */
} handles[HANDLES];
static sqlite3_vfs *below;
static sqlite3_vfs disk_vfs;
/* Of each of the two: the default layer has other methods for files that are never locked. */
static const sqlite3_io_methods *below_methods[FILES];
static sqlite3_io_methods disk_methods[FILES];

static uint64_t chance_state;
static uint64_t chance(void) {
  chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return chance_state >> 33;
}

/* Under the lock; only for files that have our methods. */
static struct handle *handle_of(const sqlite3_file *file) {
  int i = 0;
  while (handles[i].file != file) i++;
  return &handles[i];
}

static void change(struct disk_file *f, const void *bytes, size_t len, sqlite3_int64 at) {
  if (f->count == f->room) {
    f->room = f->room ? 2 * f->room : 64;
    f->changes = realloc(f->changes, f->room * sizeof *f->changes);
    invariant(f->changes);
  }
  char *copy = NULL;
  if (bytes) {
    copy = malloc(len);
    invariant(copy);
    memcpy(copy, bytes, len);
  }
  f->changes[f->count++] = (struct change){.bytes = copy, .at = at, .len = len};
}

static void put(int fd, const void *bytes, size_t len, sqlite3_int64 at) {
  ssize_t n = pwrite(fd, bytes, len, (off_t)at);
  invariant(n == (ssize_t)len);
}
static void cut(int fd, sqlite3_int64 at) {
  struct stat st;
  int code = fstat(fd, &st);
  if (!code && st.st_size > at) code = ftruncate(fd, (off_t)at);
  invariant(!code);
}

/* keep false: the bytes are lost, as after a sync that failed. */
static void settle(struct disk_file *f, bool keep) {
  for (size_t i = 0; i < f->count; i++) {
    const struct change *c = &f->changes[i];
    if (keep && c->bytes) put(f->synced, c->bytes, c->len, c->at);
    if (keep && !c->bytes) cut(f->synced, c->at);
    free(c->bytes);
  }
  f->count = 0;
}

/* ---- what was answered, and is it there? ---- */

static atomic_int answered[KEYS]; /* the highest version that was */
static char wrong[400];           /* what was found first; looked at when all threads have ended */
static char image[80];
static int images, images_in_checkpoint;

static void copy_file(int from, int to) {
  static char block[1 << 20];
  ssize_t n;
  for (off_t at = 0; (n = pread(from, block, sizeof block, at)) > 0; at += n) put(to, block, (size_t)n, at);
}

/* What was synced, and any of the rest. */
static void lay_out(const struct disk_file *f, const char *to) {
  int fd = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
  invariant(fd >= 0);
  copy_file(f->synced, fd);
  for (size_t i = 0; i < f->count; i++) {
    const struct change *c = &f->changes[i];
    if (!c->bytes && chance() % 2) cut(fd, c->at);
    for (size_t k = 0; c->bytes && k < c->len; k += SECTOR)
      if (chance() % 2) put(fd, c->bytes + k, c->len - k < SECTOR ? c->len - k : SECTOR, c->at + (sqlite3_int64)k);
  }
  close(fd);
}

static void say_wrong(const char *what, int key, int version, int wanted) {
  if (!wrong[0])
    snprintf(wrong, sizeof wrong, "%s: key %d, version %d, answered %d, image %d", what, key, version, wanted, images);
}

static void look_at_values(sqlite3 *db, const int *wanted) {
  sqlite3_stmt *s = NULL;
  bool seen[KEYS] = {false};
  if (sqlite3_prepare_v2(db, "SELECT key, value FROM meta WHERE key GLOB 'v[0-9]*'", -1, &s, NULL) != SQLITE_OK) {
    snprintf(wrong, sizeof wrong, "image %d: %.200s", images, sqlite3_errmsg(db));
    return;
  }
  while (sqlite3_step(s) == SQLITE_ROW) {
    int key = atoi((const char *)sqlite3_column_text(s, 0) + 1);
    const char *value = (const char *)sqlite3_column_text(s, 1);
    int version = atoi(value);
    size_t mixed = strspn(value + 8, (char[]){(char)('a' + version % 26), 0});
    seen[key] = true;
    if (version < wanted[key]) say_wrong("lost", key, version, wanted[key]);
    if (mixed != VALUE - 8) say_wrong("mixed", key, version, wanted[key]);
  }
  sqlite3_finalize(s);
  for (int i = 0; i < KEYS; i++)
    if (wanted[i] && !seen[i]) say_wrong("gone", i, 0, wanted[i]);
}

/* Under the lock: nobody writes meanwhile. */
static void look_at_disk(void) {
  char path[100];
  int wanted[KEYS];
  sqlite3 *db = NULL;
  for (int i = 0; i < KEYS; i++) wanted[i] = atomic_load(&answered[i]);
  for (int i = 0; i < FILES; i++) {
    snprintf(path, sizeof path, "%s%s", image, i ? "-wal" : "");
    lay_out(&disk[i], path);
  }
  snprintf(path, sizeof path, "%s-shm", image);
  unlink(path);
  images++;
  if (sqlite3_open_v2(image, &db, SQLITE_OPEN_READWRITE, below->zName) == SQLITE_OK) {
    sqlite3_stmt *s = NULL;
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    const char *says = sqlite3_step(s) == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : sqlite3_errmsg(db);
    if (strcmp(says, "ok") != 0 && !wrong[0]) snprintf(wrong, sizeof wrong, "image %d: %.200s", images, says);
    sqlite3_finalize(s);
    look_at_values(db, wanted);
  }
  sqlite3_close(db);
}

/* ---- the file system ---- */

static struct {
  atomic_bool on;
  int one_in[FILES];    /* the disk is looked at after about so many writes and syncs; 0: never */
  int until[FILES];     /* the next look */
  int lose_sync[FILES]; /* the so manyth from now on; 0: none */
  long store_sync_ns;   /* so long a sync of the store's file takes */
} plan;
static int syncs[FILES];
static sqlite3_int64 ends[FILES]; /* the farthest that was written */

static void maybe_look(const struct handle *h) {
  int one_in = plan.one_in[h->kind];
  if (!atomic_load(&plan.on) || !one_in || --plan.until[h->kind] > 0) return;
  plan.until[h->kind] = one_in / 2 + (int)(chance() % (uint64_t)one_in);
  look_at_disk();
  images_in_checkpoint += h->kind == 0;
}

static int disk_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
  pthread_mutex_lock(&disk_lock);
  const struct handle *h = handle_of(file);
  int rc = below_methods[h->kind]->xWrite(file, bytes, len, at);
  if (h->on && rc == SQLITE_OK) {
    change(h->on, bytes, (size_t)len, at);
    if (at + len > ends[h->kind]) ends[h->kind] = at + len;
    maybe_look(h);
  }
  pthread_mutex_unlock(&disk_lock);
  return rc;
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size) {
  pthread_mutex_lock(&disk_lock);
  const struct handle *h = handle_of(file);
  int rc = below_methods[h->kind]->xTruncate(file, size);
  if (h->on && rc == SQLITE_OK) {
    change(h->on, NULL, 0, size);
    maybe_look(h);
  }
  pthread_mutex_unlock(&disk_lock);
  return rc;
}

static int disk_sync(sqlite3_file *file, int flags) {
  bool lost = false;
  (void)flags;
  pthread_mutex_lock(&disk_lock);
  const struct handle *h = handle_of(file);
  if (atomic_load(&plan.on) && h->on && h->kind == 0 && plan.store_sync_ns) {
    pthread_mutex_unlock(&disk_lock);
    nanosleep(&(struct timespec){.tv_nsec = plan.store_sync_ns}, NULL);
    pthread_mutex_lock(&disk_lock);
  }
  if (h->on) {
    int *lose = &plan.lose_sync[h->kind];
    lost = atomic_load(&plan.on) && *lose > 0 && h->on->count > 0 && --*lose == 0;
    settle(h->on, !lost);
    syncs[h->kind]++;
    maybe_look(h);
  }
  pthread_mutex_unlock(&disk_lock);
  return lost ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int disk_close(sqlite3_file *file) {
  pthread_mutex_lock(&disk_lock);
  struct handle *h = handle_of(file);
  const sqlite3_io_methods *below_it = below_methods[h->kind];
  h->file = NULL;
  pthread_mutex_unlock(&disk_lock);
  return below_it->xClose(file);
}

static void take_handle(sqlite3_file *file, const char *name, int kind) {
  pthread_mutex_lock(&disk_lock);
  if (!below_methods[kind]) {
    sqlite3_io_methods *ours = &disk_methods[kind];
    below_methods[kind] = file->pMethods;
    *ours = *file->pMethods;
    ours->xWrite = disk_write;
    ours->xTruncate = disk_truncate;
    ours->xSync = disk_sync;
    ours->xClose = disk_close;
  }
  struct handle *h = handle_of(NULL);
  invariant(h < handles + HANDLES - 1);
  *h = (struct handle){.file = file, .kind = kind, .on = strcmp(disk[kind].name, name) == 0 ? &disk[kind] : NULL};
  file->pMethods = &disk_methods[kind];
  pthread_mutex_unlock(&disk_lock);
}

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags) {
  (void)vfs;
  int rc = below->xOpen(below, name, file, flags, ret_flags);
  if (rc == SQLITE_OK && name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
    take_handle(file, name, flags & SQLITE_OPEN_WAL ? 1 : 0);
  return rc;
}

/* ---- the store above it ---- */

/* A store is made under other names. */
static void take_as_synced(void) {
  for (int i = 0; i < FILES; i++) {
    settle(&disk[i], true);
    int fd = open(disk[i].name, O_RDONLY);
    if (fd < 0) continue;
    copy_file(fd, disk[i].synced);
    close(fd);
  }
}

static int disk_setup(void **state) {
  struct box *b = box_new();
  memset(&plan, 0, sizeof plan);
  memset(answered, 0, sizeof answered);
  memset(syncs, 0, sizeof syncs);
  memset(ends, 0, sizeof ends);
  wrong[0] = 0;
  images = images_in_checkpoint = 0;
  snprintf(image, sizeof image, "%s/image", b->base);
  for (int i = 0; i < FILES; i++) {
    char path[80];
    snprintf(disk[i].name, sizeof disk[i].name, "%s/guichet.db%s", b->dir, i ? "-wal" : "");
    snprintf(path, sizeof path, "%s/synced%d", b->base, i);
    disk[i].synced = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(disk[i].synced >= 0);
  }
  if (!store_create(b->dir, "Test", b->err)) fail_msg("%s", b->err);
  take_as_synced();
  box_open(b, STORE_SERVE);
  *state = b;
  return 0;
}

static int disk_teardown(void **state) {
  box_free(*state);
  for (int i = 0; i < FILES; i++) {
    settle(&disk[i], false);
    free(disk[i].changes);
    close(disk[i].synced);
    memset(&disk[i], 0, sizeof disk[i]);
  }
  return 0;
}

struct writing {
  struct store_job job;
  int key, version;
};

static atomic_int done_count, ok_count, down_count;

static enum job_result run_write(struct db *tx, void *arg) {
  const struct writing *w = arg;
  char key[16], *value = mem_bytes(NULL, VALUE + 1);
  snprintf(key, sizeof key, "v%d", w->key);
  memset(value, 'a' + w->version % 26, VALUE);
  char head[16];
  snprintf(head, sizeof head, "%-8d", w->version);
  memcpy(value, head, 8);
  value[VALUE] = 0;
  enum db_result r = db_exec(tx, Q_META_SET, v_text(key), v_text(value));
  mem_free(value);
  return r == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

/* More than the page cache holds, all of it twice: pages go to the log before the end, some are written over there. */
static enum job_result run_large(struct db *tx, void *arg) {
  static char value[VALUE + 1];
  char key[16];
  memset(value, 'x', VALUE);
  for (int i = 0; i < 500; i++) {
    snprintf(key, sizeof key, "large%d", i % 250);
    if (db_exec(tx, Q_META_SET, v_text(key), v_text(value)) != DB_OK) return JOB_REJECT;
  }
  return run_write(tx, arg);
}

static void write_done(void *arg, enum store_result result) {
  const struct writing *w = arg;
  if (result == STORE_OK) {
    atomic_store(&answered[w->key], w->version);
    atomic_fetch_add(&ok_count, 1);
  }
  if (result == STORE_DOWN) atomic_fetch_add(&down_count, 1);
  atomic_fetch_add(&done_count, 1);
}

/* Versions 1 … count over all keys in turn, until the store takes no more. */
static void write_versions(struct box *b, int count) {
  struct writing *all = mem_array(b->ctx, struct writing, count);
  int taken = 0;
  atomic_store(&done_count, 0);
  atomic_store(&ok_count, 0);
  atomic_store(&down_count, 0);
  for (; taken < count; taken++) {
    struct writing *w = &all[taken];
    *w = (struct writing){.key = taken % KEYS, .version = taken + 1};
    w->job = (struct store_job){.run = run_write, .done = write_done, .arg = w, .weight = VALUE};
    if (taken >= WAITING) box_wait(&done_count, taken - WAITING);
    if (!store_submit(b->store, &w->job)) break;
  }
  box_wait(&done_count, taken);
}

static void nothing_answered_is_lost(void **state) {
  struct box *b = *state;
  int jobs = 2 * LOG_JOBS; /* the log is moved, and begins anew, while others write */
  plan.one_in[1] = 1500;
  plan.one_in[0] = 300;
  atomic_store(&plan.on, true);
  write_versions(b, jobs);
  atomic_store(&plan.on, false);
  box_close(b);
  if (wrong[0]) fail_msg("%s", wrong);
  assert_int_equal(atomic_load(&ok_count), jobs);
  assert_true(images > 3);
  assert_true(images_in_checkpoint > 0);
  assert_true(syncs[0] > 20); /* a checkpoint is paced */
}

static void one_commit_larger_than_the_cache(void **state) {
  struct box *b = *state;
  plan.one_in[1] = 200;
  atomic_store(&plan.on, true);
  for (int i = 1; i < 4; i++) {
    struct writing w = {.key = 1, .version = i};
    box_run(b, run_large, &w, STORE_OK);
    write_done(&w, STORE_OK);
    pthread_mutex_lock(&disk_lock);
    look_at_disk();
    pthread_mutex_unlock(&disk_lock);
  }
  atomic_store(&plan.on, false);
  if (wrong[0]) fail_msg("%s", wrong);
}

/* A disk that is slow for the store's file alone: the log does not grow for ever, the writer waits instead. */
static void a_log_of_bounded_length(void **state) {
  struct box *b = *state;
  const int64_t longest = INT64_C(140) << 20;
  const struct store_options options = {
      .dir = b->dir, .mode = STORE_SERVE, .queue_max = 4096, .wal_max_bytes = 32 << 20};
  box_close(b);
  b->store = store_open(NULL, &options, b->err);
  assert_non_null(b->store);
  plan.store_sync_ns = 10000000;
  atomic_store(&plan.on, true);
  write_versions(b, 2 * LOG_JOBS);
  atomic_store(&plan.on, false);
  assert_in_range(ends[1], 1, longest);
}

/* The store is down, and what was answered until then is on the disk without the lost bytes. */
static void lose_a_sync(struct box *b, int jobs) {
  struct capture c;
  capture_start(&c);
  atomic_store(&plan.on, true);
  write_versions(b, jobs);
  atomic_store(&plan.on, false);
  capture_end(&c);
  struct store_stats st;
  store_stats(b->store, &st);
  assert_true(st.down);
  pthread_mutex_lock(&disk_lock);
  look_at_disk();
  pthread_mutex_unlock(&disk_lock);
  if (wrong[0]) fail_msg("%s", wrong);
}

static void a_lost_sync_of_the_log(void **state) {
  struct box *b = *state;
  plan.lose_sync[1] = 20 + (int)(chance() % 20);
  lose_a_sync(b, 400);
  assert_true(atomic_load(&ok_count) > 0);
  assert_true(atomic_load(&down_count) > 0);
}

static void a_lost_sync_of_a_checkpoint(void **state) {
  struct box *b = *state;
  plan.lose_sync[0] = 1 + (int)(chance() % 30);
  lose_a_sync(b, 2 * LOG_JOBS);
  assert_true(atomic_load(&ok_count) >= LOG_JOBS / 2);
}

int main(void) {
  const char *seed = getenv("GUICHET_TEST_SEED");
  chance_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)getpid();
  print_message("GUICHET_TEST_SEED=%llu\n", (unsigned long long)chance_state);
  below = sqlite3_vfs_find(NULL);
  disk_vfs = *below;
  disk_vfs.pNext = NULL;
  disk_vfs.zName = "disk";
  disk_vfs.xOpen = disk_open;
  if (sqlite3_vfs_register(&disk_vfs, 1) != SQLITE_OK) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
  const struct CMUnitTest tests[] = {
      TEST(nothing_answered_is_lost), TEST(one_commit_larger_than_the_cache), TEST(a_log_of_bounded_length),
      TEST(a_lost_sync_of_the_log),   TEST(a_lost_sync_of_a_checkpoint),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
