/* The data folder. Owns the lock, the key in memory and the mapped epoch; any thread may read the epoch.
 * Never overwrites a store or a key. When the folder is missing or not ours it says what to do and nothing is changed.
 */
#include "store/folder.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/postgres.h"
#include "store/remote.h"
#include "store/schema.h"
#include "store/setup_impl.h"
#include "store/sqlite.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL_MAX 2000

static bool read_key(const char *file, struct master_key *key, char err[static 256]) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    snprintf(err, 256, "cannot read the master key %.120s: %s", file, strerror(errno));
    return false;
  }
  char more;
  bool ok = read(fd, key->bytes, MASTER_KEY_LEN) == MASTER_KEY_LEN && read(fd, &more, 1) == 0;
  close(fd);
  if (!ok) snprintf(err, 256, "the master key %.120s is not %d bytes long", file, MASTER_KEY_LEN);
  return ok;
}

static bool map_epoch(void *ctx, struct folder *f, char err[static 256]) {
  char *file = mem_printf(ctx, "%s/epoch", f->dir);
  int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  /* Its block must be there: on a full disk a write through the mapping would be a bus error. */
  int why = fd < 0 ? errno : posix_fallocate(fd, 0, sizeof *f->epoch);
  if (why) {
    snprintf(err, 256, "cannot write %.160s: %s", file, strerror(why));
    if (fd >= 0) close(fd);
    return false;
  }
  void *map = mmap(NULL, sizeof *f->epoch, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map == MAP_FAILED) {
    snprintf(err, 256, "cannot map %.160s: %s", file, strerror(errno));
    return false;
  }
  f->epoch = map;
  return true;
}

static void drop_lock(struct folder *f) {
  if (f->lock_fd >= 0) close(f->lock_fd);
  f->lock_fd = -1;
}

static bool take_lock(void *ctx, struct folder *f, char err[static 256]) {
  char *file = mem_printf(ctx, "%s/lock", f->dir);
  f->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (f->lock_fd >= 0 && flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0) return true;
  snprintf(err, 256, errno == EWOULDBLOCK ? "another server is running on %.160s" : "cannot lock %.160s", f->dir);
  drop_lock(f);
  return false;
}

char *store_url(void *ctx, const char *dir) {
  char *file = mem_printf(ctx, "%s/store", dir);
  char text[URL_MAX + 2];
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
  if (fd >= 0) close(fd);
  if (len <= 0) return NULL;
  text[len] = 0;
  text[strcspn(text, "\r\n")] = 0;
  return mem_strdup(ctx, text);
}

bool store_is_there(const char *dir) {
  void *pool = mem_pool(NULL, 4096);
  bool there = access(mem_printf(pool, "%s/guichet.db", dir), F_OK) == 0 || store_url(pool, dir);
  mem_free(pool);
  return there;
}

bool folder_open(void *ctx, struct folder *f, const char *dir, const char *url, bool lock, char err[static 256]) {
  f->lock_fd = -1;
  f->dir = mem_strdup(ctx, dir);
  f->db_file = mem_printf(ctx, "%s/guichet.db", dir);
  f->key_file = mem_printf(ctx, "%s/master.key", dir);
  f->url = url && *url ? mem_strdup(ctx, url) : store_url(ctx, dir);
  if (f->url && !postgres_is_url(f->url)) {
    snprintf(err, 256, "the store's address must begin with postgresql://");
    return false;
  }
  if (!f->url && access(f->db_file, F_OK) != 0) {
    snprintf(err, 256, "there is no store in %.120s: make one with `guichet init --data %.60s`", dir, dir);
    return false;
  }
  return (!lock || take_lock(ctx, f, err)) && read_key(f->key_file, &f->key, err) && map_epoch(ctx, f, err);
}

void folder_close(struct folder *f) {
  secret_wipe(&f->key, sizeof f->key);
  if (f->epoch) munmap(f->epoch, sizeof *f->epoch);
  f->epoch = NULL;
  drop_lock(f);
}

uint64_t folder_epoch(const struct folder *f) {
  return __atomic_load_n(f->epoch, __ATOMIC_ACQUIRE);
}
void folder_epoch_raise(const struct folder *f) {
  __atomic_add_fetch(f->epoch, 1, __ATOMIC_ACQ_REL);
}

int64_t folder_db_bytes(const struct folder *f) {
  struct stat st;
  return stat(f->db_file, &st) == 0 ? (int64_t)st.st_size : 0;
}

static bool apply(struct db *db, const struct migration *m, char err[static 256]) {
  bool ok = db_begin(db) && schema_apply(db, m, err);
  ok = db_commit(db) == TROUBLE_NONE && ok;
  if (!ok && db_failed(db)) snprintf(err, 256, "migration %.40s: %.180s", m->name, db_error(db));
  return ok;
}

static bool migrate_from(const struct folder *f, struct db *db, int version, char err[static 256]) {
  char copy[600];
  snprintf(copy, sizeof copy, "%s.before-%04d", f->db_file, schema_known());
  if (!sqlite_backup(db, copy, NULL, NULL, err)) return false;
  log_at(LOG_INFO, "store.migrate", log_i("from", version), log_i("to", schema_known()), log_t("copy", copy));
  for (int i = 0; i < migration_count; i++)
    if (migrations[i].number > version && !apply(db, &migrations[i], err)) return false;
  return true;
}

bool folder_migrate(struct folder *f, struct db *db, char err[static 256]) {
  int version = schema_version(db);
  if (version == schema_known()) return true;
  if (version < 0) {
    snprintf(err, 256, "%.110s cannot be read as a store of Guichet: %.90s", f->db_file,
             db_failed(db) ? db_error(db) : "it has no schema version");
    return false;
  }
  if (version > schema_known()) {
    snprintf(err, 256,
             "the store in %.100s is of a newer version (schema %d, this program knows %d): use the newer program",
             f->dir, version, schema_known());
    return false;
  }
  bool is_server = f->lock_fd >= 0;
  /* Not under the feet of a server, which may be of the older version. */
  if (!is_server && !take_lock(db, f, err)) return false;
  version = schema_version(db);
  bool ok = version == schema_known() || migrate_from(f, db, version, err);
  if (!is_server) drop_lock(f);
  return ok;
}

static bool write_key(const char *file, const struct master_key *key, char err[static 256]) {
  int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && write(fd, key->bytes, MASTER_KEY_LEN) == (ssize_t)MASTER_KEY_LEN && fsync(fd) == 0;
  if (!ok) snprintf(err, 256, "cannot write the master key %.150s: %s", file, strerror(errno));
  if (fd >= 0) close(fd);
  return ok;
}

/* A key without a store is what an interrupted attempt left, or what somebody has put there: it is the store's then. */
static bool make_key(const char *file, struct master_key *key, char err[static 256]) {
  if (access(file, F_OK) == 0) return read_key(file, key, err);
  random_bytes(key->bytes, sizeof key->bytes);
  return write_key(file, key, err);
}

/* An empty file of the owner's alone; what an interrupted attempt left is gone, its log above all. */
static bool begin_building(const char *file, char building[static 600], char err[static 256]) {
  static const char *const endings[] = {"-wal", "-shm", ""};
  for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
    snprintf(building, 600, "%s.new%s", file, endings[i]);
    unlink(building);
  }
  int fd = open(building, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) snprintf(err, 256, "cannot write %.150s: %s", building, strerror(errno));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/* Built beside and renamed at the end, so that a folder never holds half a store. */
static bool make_store(const char *file, const struct master_key *key, const char *instance_name,
                       char err[static 256]) {
  char building[600];
  if (!begin_building(file, building, err)) return false;
  struct db *db = sqlite_open(NULL, building, SQLITE_WRITER, err);
  bool ok = db != NULL;
  for (int i = 0; ok && i < migration_count; i++) ok = apply(db, &migrations[i], err);
  ok = ok && schema_fill(db, key, instance_name, err);
  ok = ok && db_script(db, "PRAGMA journal_mode=DELETE", err);
  mem_free(db);
  if (ok && rename(building, file) != 0) {
    snprintf(err, 256, "cannot rename %.150s: %s", building, strerror(errno));
    ok = false;
  }
  return ok;
}

static bool sync_dir(const char *dir) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return ok;
}

/* The address, for commands to come; what an interrupted attempt left is replaced. */
static bool write_url(const char *file, const char *url, char err[static 256]) {
  unlink(file);
  int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  size_t len = strlen(url);
  bool ok = fd >= 0 && write(fd, url, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
  if (!ok) snprintf(err, 256, "cannot write %.150s: %s", file, strerror(errno));
  if (fd >= 0) close(fd);
  return ok;
}

bool store_create_remote(const char *dir, const char *url, const char *instance_name, char err[static 256]) {
  if (!setup_text_ok("name", instance_name, 1, 100, err)) return false;
  void *pool = mem_pool(NULL, 4096);
  bool ok = false, exists = false;
  struct master_key key;
  if (!postgres_is_url(url) || strlen(url) > URL_MAX)
    snprintf(err, 256, "the store's address must begin with postgresql:// and have at most %d characters", URL_MAX);
  else if (access(mem_printf(pool, "%s/guichet.db", dir), F_OK) == 0)
    snprintf(err, 256, "there is already a store in %.180s", dir);
  else if (mkdir(dir, 0700) != 0 && errno != EEXIST)
    snprintf(err, 256, "cannot make the folder %.150s: %s", dir, strerror(errno));
  else
    ok = make_key(mem_printf(pool, "%s/master.key", dir), &key, err) &&
         remote_make(url, &key, instance_name, &exists, err) && write_url(mem_printf(pool, "%s/store", dir), url, err);
  secret_wipe(&key, sizeof key);
  if (ok && !sync_dir(dir)) {
    snprintf(err, 256, "cannot sync the folder %.150s: %s", dir, strerror(errno));
    ok = false;
  }
  mem_free(pool);
  return ok;
}

bool store_create(const char *dir, const char *instance_name, char err[static 256]) {
  if (!setup_text_ok("name", instance_name, 1, 100, err)) return false;
  void *pool = mem_pool(NULL, 4096);
  char *file = mem_printf(pool, "%s/guichet.db", dir);
  bool ok = false;
  struct master_key key;
  if (access(file, F_OK) == 0)
    snprintf(err, 256, "there is already a store in %.180s", dir);
  else if (mkdir(dir, 0700) != 0 && errno != EEXIST)
    snprintf(err, 256, "cannot make the folder %.150s: %s", dir, strerror(errno));
  else
    ok = make_key(mem_printf(pool, "%s/master.key", dir), &key, err) && make_store(file, &key, instance_name, err);
  secret_wipe(&key, sizeof key);
  if (ok && !sync_dir(dir)) {
    snprintf(err, 256, "cannot sync the folder %.150s: %s", dir, strerror(errno));
    ok = false;
  }
  mem_free(pool);
  return ok;
}
