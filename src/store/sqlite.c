/* SQLite as the engine: one struct db is one connection with its prepared statements.
 * Owns the connection; used by one thread at a time. WAL, synchronous=FULL: a commit has been fsynced.
 * Never retries a failed fsync: any I/O error but a full disk is final (TROUBLE_FATAL) and the store goes down. */
#include "store/sqlite.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/retry.h"
#include "store/sqlite_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PARAMETERS_MAX 24

/* $1 is a *named* parameter to SQLite, numbered by first appearance: its place is looked up once. */
struct statement {
  sqlite3_stmt *handle;
  int count;
  uint8_t places[PARAMETERS_MAX];
};

struct sqlite {
  struct db base; /* first: a connection is what it begins with */
  sqlite3 *handle;
  struct statement statements[Q_COUNT];
  sqlite3_stmt *begin, *commit, *rollback, *savepoint, *release, *rollback_to;
  enum sqlite_role role;
  int wal_pages;
};

static struct sqlite *own(const struct db *db) {
  return (struct sqlite *)(uintptr_t)db;
}

static const struct db_engine engine;

/* A write that found no room, whichever limit it ran into; never a sync, whose failure is final. errno is still that of
 * the write: SQLite's own note of it is not kept for commits. */
static bool is_no_room(int extended) {
  if (extended != SQLITE_IOERR_WRITE && extended != SQLITE_IOERR_SHMSIZE && extended != SQLITE_IOERR_TRUNCATE)
    return false;
  return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
}

static enum engine_trouble classify(sqlite3 *handle, int code) {
  switch (code & 0xff) {
  case SQLITE_FULL: return TROUBLE_FULL;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL: return TROUBLE_BUSY;
  default: return is_no_room(sqlite3_extended_errcode(handle)) ? TROUBLE_FULL : TROUBLE_FATAL;
  }
}

static void note_trouble(struct sqlite *db, int code, const char *what) {
  if (db->base.trouble == TROUBLE_FATAL) return;
  int extended = sqlite3_extended_errcode(db->handle);
  db->base.trouble = classify(db->handle, code);
  snprintf(db->base.error, sizeof db->base.error, "%s: %s (code %d)", what, sqlite3_errmsg(db->handle), extended);
}

static int on_wal(void *arg, sqlite3 *handle, const char *name, int pages) {
  (void)handle;
  (void)name;
  ((struct sqlite *)arg)->wal_pages = pages;
  return SQLITE_OK;
}

static int destroy(struct sqlite *db) {
  sqlite_close(&db->base);
  return 0;
}

static sqlite3_stmt *prepare(struct sqlite *db, const char *sql) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
  if (code != SQLITE_OK) note_trouble(db, code, sql);
  return statement;
}

/* For statements: retry_hash(customer_id, ext_id). */
static void on_retry_hash(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  const char *ext_id = (const char *)sqlite3_value_text(values[1]);
  size_t len = ext_id ? (size_t)sqlite3_value_bytes(values[1]) : 0;
  sqlite3_result_int64(context, retry_hash(sqlite3_value_int64(values[0]), ext_id ? ext_id : "", len));
}

struct db *sqlite_open(void *ctx, const char *file, enum sqlite_role role, char err[static 256]) {
  static const char *const pragmas[] = {
      [SQLITE_WRITER] =
          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=0;"
          "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA "
          "journal_size_limit=67108864;",
      [SQLITE_READER] =
          "PRAGMA query_only=ON; PRAGMA cache_size=-2000; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF;"
          "PRAGMA temp_store=MEMORY;",
  };
  struct sqlite *db = mem_new(ctx, struct sqlite);
  db->base.engine = &engine;
  db->role = role;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  if (role == SQLITE_WRITER) flags |= SQLITE_OPEN_CREATE;
  int code = sqlite3_open_v2(file, &db->handle, flags, role == SQLITE_WRITER ? sqlite_log_vfs() : NULL);
  if (code == SQLITE_OK) {
    sqlite3_busy_timeout(db->handle, 10000);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    code = sqlite3_create_function(db->handle, "retry_hash", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, on_retry_hash,
                                   NULL, NULL);
    if (code == SQLITE_OK) code = sqlite3_exec(db->handle, pragmas[role], NULL, NULL, NULL);
  }
  if (code != SQLITE_OK) {
    snprintf(err, 256, "cannot open %.120s: %.80s", file, sqlite3_errmsg(db->handle));
    sqlite3_close(db->handle);
    mem_free(db);
    return NULL;
  }
  talloc_set_destructor(db, destroy);
  sqlite3_wal_hook(db->handle, on_wal, db);
  db->begin = prepare(db, role == SQLITE_WRITER ? "BEGIN IMMEDIATE" : "BEGIN");
  db->commit = prepare(db, "COMMIT");
  db->rollback = prepare(db, "ROLLBACK");
  db->savepoint = prepare(db, "SAVEPOINT job");
  db->release = prepare(db, "RELEASE job");
  db->rollback_to = prepare(db, "ROLLBACK TO job");
  return &db->base;
}

void sqlite_close(struct db *base) {
  struct sqlite *db = own(base);
  if (!db->handle) return;
  for (int i = 0; i < Q_COUNT; i++) sqlite3_finalize(db->statements[i].handle);
  sqlite3_stmt *others[] = {db->begin, db->commit, db->rollback, db->savepoint, db->release, db->rollback_to};
  for (size_t i = 0; i < ARRAY_LEN(others); i++) sqlite3_finalize(others[i]);
  sqlite3_close_v2(db->handle);
  db->handle = NULL;
}

int sqlite_wal_pages(const struct db *db) {
  return own(db)->wal_pages;
}

static int64_t changes(const struct db *db) {
  return sqlite3_total_changes64(own(db)->handle);
}

static bool run_own(struct sqlite *db, sqlite3_stmt *statement, const char *what) {
  int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (code == SQLITE_DONE) return true;
  note_trouble(db, code, what);
  return false;
}

static bool begin(struct db *base) {
  struct sqlite *db = own(base);
  return base->trouble == TROUBLE_NONE && run_own(db, db->begin, "begin");
}

static void rollback(struct db *base) {
  struct sqlite *db = own(base);
  if (db->role == SQLITE_WRITER) sqlite_log_forget(db->handle);
  /* SQLite may have rolled back by itself (full disk, I/O error): then there is nothing left to undo. */
  if (sqlite3_get_autocommit(db->handle)) return;
  sqlite3_step(db->rollback);
  sqlite3_reset(db->rollback);
}

static enum engine_trouble commit(struct db *base) {
  struct sqlite *db = own(base);
  if (base->trouble != TROUBLE_NONE || !run_own(db, db->commit, "commit")) rollback(base);
  if (db->role == SQLITE_WRITER) sqlite_log_forget(db->handle);
  return base->trouble;
}

static bool savepoint(struct db *base) {
  struct sqlite *db = own(base);
  return run_own(db, db->savepoint, "savepoint");
}

static void savepoint_end(struct db *base, bool keep) {
  struct sqlite *db = own(base);
  if (sqlite3_get_autocommit(db->handle)) return;
  if (!keep) run_own(db, db->rollback_to, "rollback to savepoint");
  run_own(db, db->release, "release");
}

static struct statement *prepared(struct sqlite *db, enum query query) {
  struct statement *s = &db->statements[query];
  if (s->handle) return s;
  s->handle = prepare(db, query_texts[query].sqlite);
  if (!s->handle) return NULL;
  s->count = sqlite3_bind_parameter_count(s->handle);
  invariant(s->count <= PARAMETERS_MAX);
  for (int i = 0; i < s->count; i++) {
    char name[16];
    snprintf(name, sizeof name, "$%d", i + 1);
    s->places[i] = (uint8_t)sqlite3_bind_parameter_index(s->handle, name);
    invariant(s->places[i] > 0);
  }
  return s;
}

static sqlite3_stmt *bound(struct sqlite *db, enum query query, const struct db_value *values, size_t count) {
  struct statement *s = prepared(db, query);
  if (!s) return NULL;
  invariant(s->count == (int)count);
  invariant(!sqlite3_stmt_busy(s->handle));
  for (size_t i = 0; i < count; i++) {
    const struct db_value *v = &values[i];
    int place = s->places[i];
    switch (v->kind) {
    case DBV_NULL: sqlite3_bind_null(s->handle, place); break;
    case DBV_INT: sqlite3_bind_int64(s->handle, place, v->number); break;
    case DBV_TEXT: sqlite3_bind_text64(s->handle, place, v->bytes, v->len, SQLITE_STATIC, SQLITE_UTF8); break;
    case DBV_BYTES: sqlite3_bind_blob64(s->handle, place, v->len ? v->bytes : "", v->len, SQLITE_STATIC); break;
    }
  }
  return s->handle;
}

static enum db_result exec(struct db *base, enum query query, const struct db_value *values, size_t count) {
  struct sqlite *db = own(base);
  if (!*query_texts[query].sqlite) return DB_OK;
  sqlite3_stmt *s = bound(db, query, values, count);
  if (!s) return DB_FAILED;
  int code = sqlite3_step(s);
  enum db_result result = DB_FAILED;
  if (code == SQLITE_DONE)
    result = sqlite3_changes64(db->handle) > 0 ? DB_OK : DB_NONE;
  else if (sqlite3_extended_errcode(db->handle) == SQLITE_CONSTRAINT_FOREIGNKEY)
    result = DB_NONE;
  else if ((code & 0xff) == SQLITE_CONSTRAINT)
    result = DB_CONFLICT;
  else
    note_trouble(db, code, query_texts[query].name);
  sqlite3_reset(s);
  return result;
}

static void open_rows(struct db_rows *rows, enum query query, const struct db_value *values, size_t count) {
  rows->statement = bound(own(rows->db), query, values, count);
}

static bool next_row(struct db_rows *rows) {
  int code = sqlite3_step(rows->statement);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) note_trouble(own(rows->db), code, "read");
  return false;
}

static void close_rows(struct db_rows *rows) {
  sqlite3_reset(rows->statement);
}

static int64_t column_int(const struct db_rows *rows, int column) {
  return sqlite3_column_int64(rows->statement, column);
}

static const void *column_bytes(const struct db_rows *rows, int column, bool as_text, size_t *ret_len) {
  const void *bytes =
      as_text ? sqlite3_column_text(rows->statement, column) : sqlite3_column_blob(rows->statement, column);
  if (ret_len) *ret_len = bytes || !as_text ? (size_t)sqlite3_column_bytes(rows->statement, column) : 0;
  return bytes;
}

static bool column_is_null(const struct db_rows *rows, int column) {
  return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

static bool prepare_one(struct db *db, enum query query) {
  return !*query_texts[query].sqlite || prepared(own(db), query);
}

static bool script(struct db *base, const char *sql, char err[static 256]) {
  struct sqlite *db = own(base);
  char *message = NULL;
  int code = sqlite3_exec(db->handle, sql, NULL, NULL, &message);
  if (code == SQLITE_OK) return true;
  note_trouble(db, code, "script");
  snprintf(err, 256, "%.240s", message ? message : base->error);
  sqlite3_free(message);
  return false;
}

bool sqlite_checkpoint(struct db *base) {
  struct sqlite *db = own(base);
  int in_log = 0, moved = 0;
  int code = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (code == SQLITE_OK) return in_log == moved;
  if (classify(db->handle, code) == TROUBLE_FATAL) note_trouble(db, code, "checkpoint");
  return false;
}

bool sqlite_backup(struct db *db, const char *file, void (*progress)(void *, int64_t, int64_t), void *arg,
                   char err[static 256]) {
  sqlite3 *to = NULL;
  bool ok = false;
  /* For its owner's eyes, also before it is whole. */
  int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  int code = sqlite3_open_v2(file, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code != SQLITE_OK) goto out;
  sqlite3_busy_timeout(to, 10000);
  /* The caller holds a snapshot: writers go on, and the copy need not begin again. */
  sqlite3_backup *b = sqlite3_backup_init(to, "main", own(db)->handle, "main");
  if (!b) goto out;
  int busy = 0;
  do {
    code = sqlite3_backup_step(b, 512);
    if (progress) progress(arg, sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b), sqlite3_backup_pagecount(b));
    busy = code == SQLITE_OK ? 0 : busy + 1; /* each has waited for the busy timeout already */
  } while (code == SQLITE_OK || ((code == SQLITE_BUSY || code == SQLITE_LOCKED) && busy < 3));
  int finished = sqlite3_backup_finish(b);
  ok = code == SQLITE_DONE && finished == SQLITE_OK;
out:
  if (!ok)
    snprintf(err, 256, "cannot copy the store to %.100s: %.100s", file, to ? sqlite3_errmsg(to) : "out of memory");
  sqlite3_close(to);
  return ok;
}

bool sqlite_check(struct db *base, char err[static 256]) {
  struct sqlite *db = own(base);
  sqlite3_stmt *s = prepare(db, "PRAGMA quick_check(1)");
  const char *says = s && sqlite3_step(s) == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
  bool ok = says && strcmp(says, "ok") == 0;
  if (!ok) snprintf(err, 256, "the store is damaged: %.200s", says ? says : sqlite3_errmsg(db->handle));
  sqlite3_finalize(s);
  return ok;
}

static const struct db_engine engine = {
    .name = "SQLite",
    .id_type = "INTEGER PRIMARY KEY",
    .bytes_type = "BLOB",
    .close = sqlite_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .savepoint_end = savepoint_end,
    .changes = changes,
    .script = script,
    .prepare = prepare_one,
    .exec = exec,
    .open_rows = open_rows,
    .next_row = next_row,
    .close_rows = close_rows,
    .column_int = column_int,
    .column_bytes = column_bytes,
    .column_is_null = column_is_null,
};
