/* A VFS over the default one that wraps files opened as a write-ahead log, and paces the checkpoints' writes to the
 * store's file; all else is the default's own. Owns one buffer for each open log. Kept bytes are written before
 * anything else is done with the file: sync, read, truncate, size, a write elsewhere; never after the transaction they
 * belong to has ended without a commit. An error of such a write is returned by the call that caused it, so a commit
 * fails as it would have at its write. Readers see a commit only after its sync (the wal-index is published behind it),
 * so no other connection misses what is still kept here. */
#include "store/sqlite_log.h"

#include "base/fail.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Below the 128 KiB that the default layer can write at once. */
#define KEEP_MAX 65536

struct log_file {
  sqlite3_file base;  /* first: SQLite's view */
  sqlite3_file *real; /* behind this struct, in the same block */
  char *kept;
  size_t len;
  sqlite3_int64 at;
};

static int flush(struct log_file *f) {
  if (f->len == 0) return SQLITE_OK;
  int rc = f->real->pMethods->xWrite(f->real, f->kept, (int)f->len, f->at);
  /* What could not be written is given up with the commit it belongs to: SQLite rolls back and writes its place anew.
   */
  f->len = 0;
  return rc;
}

static bool keep_room(struct log_file *f, size_t more) {
  if (!f->kept) f->kept = malloc(KEEP_MAX);
  return f->kept && f->len + more <= KEEP_MAX;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
  struct log_file *f = (struct log_file *)file;
  bool follows = f->len > 0 && at == f->at + (sqlite3_int64)f->len;
  if (!follows || !keep_room(f, (size_t)len)) {
    int rc = flush(f);
    if (rc != SQLITE_OK) return rc;
    if (!keep_room(f, (size_t)len)) return f->real->pMethods->xWrite(f->real, bytes, len, at);
    f->at = at;
  }
  memcpy(f->kept + f->len, bytes, (size_t)len);
  f->len += (size_t)len;
  return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at) {
  struct log_file *f = (struct log_file *)file;
  int rc = flush(f);
  return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, out, len, at) : rc;
}

static int log_sync(sqlite3_file *file, int flags) {
  struct log_file *f = (struct log_file *)file;
  int rc = flush(f);
  return rc == SQLITE_OK ? f->real->pMethods->xSync(f->real, flags) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
  struct log_file *f = (struct log_file *)file;
  int rc = flush(f);
  return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, size) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_size) {
  struct log_file *f = (struct log_file *)file;
  int rc = flush(f);
  return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, ret_size) : rc;
}

/* What is kept now belongs to no commit: each of those has ended with a sync. */
static int log_close(sqlite3_file *file) {
  struct log_file *f = (struct log_file *)file;
  int closed = f->real->pMethods->xClose(f->real);
  free(f->kept);
  f->kept = NULL;
  f->len = 0;
  return closed;
}

static int log_control(sqlite3_file *file, int op, void *arg) {
  struct log_file *f = (struct log_file *)file;
  return f->real->pMethods->xFileControl(f->real, op, arg);
}
static int log_lock(sqlite3_file *file, int level) {
  return ((struct log_file *)file)->real->pMethods->xLock(((struct log_file *)file)->real, level);
}
static int log_unlock(sqlite3_file *file, int level) {
  return ((struct log_file *)file)->real->pMethods->xUnlock(((struct log_file *)file)->real, level);
}
static int log_check_lock(sqlite3_file *file, int *ret) {
  return ((struct log_file *)file)->real->pMethods->xCheckReservedLock(((struct log_file *)file)->real, ret);
}
static int log_sector(sqlite3_file *file) {
  return ((struct log_file *)file)->real->pMethods->xSectorSize(((struct log_file *)file)->real);
}
static int log_device(sqlite3_file *file) {
  return ((struct log_file *)file)->real->pMethods->xDeviceCharacteristics(((struct log_file *)file)->real);
}

/* Version 1: a log needs neither shared memory nor memory mapping of its own. */
static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_lock,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

void sqlite_log_forget(sqlite3 *handle) {
  sqlite3_file *file = NULL;
  if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK || !file) return;
  if (file->pMethods == &log_methods) ((struct log_file *)file)->len = 0;
}

/* ---- the store's own file: written by checkpoints only ---- */

#define STEP_MAX 65536 /* scattered pages: a disk of 5000 operations a second needs 3 ms for them */

/* The default layer's methods of the store's file, and a copy in which a write now and then syncs. */
static const sqlite3_io_methods *real_store_methods;
static sqlite3_io_methods store_methods;
static _Thread_local size_t unsynced;

/* A checkpoint writes all its pages and then syncs once; the commits' syncs would wait behind that flood. So a little
 * at a time. */
static int store_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
  int rc = real_store_methods->xWrite(file, bytes, len, at);
  unsynced += (size_t)len;
  if (rc != SQLITE_OK || unsynced < STEP_MAX) return rc;
  unsynced = 0;
  return real_store_methods->xSync(file, SQLITE_SYNC_NORMAL);
}

static pthread_mutex_t store_methods_lock = PTHREAD_MUTEX_INITIALIZER;

static void pace(sqlite3_file *file) {
  pthread_mutex_lock(&store_methods_lock);
  if (!real_store_methods) {
    store_methods = *file->pMethods;
    store_methods.xWrite = store_write;
    real_store_methods = file->pMethods;
  }
  if (file->pMethods == real_store_methods) file->pMethods = &store_methods;
  pthread_mutex_unlock(&store_methods_lock);
}

static sqlite3_vfs *real_vfs;

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags) {
  (void)vfs;
  if (!(flags & SQLITE_OPEN_WAL)) {
    int opened = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);
    if (opened == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) pace(file);
    return opened;
  }
  struct log_file *f = (struct log_file *)file;
  memset(f, 0, sizeof *f);
  f->real = (sqlite3_file *)(f + 1);
  int rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
  /* SQLite calls xClose only if pMethods is set; the default sets it for what it has opened. */
  f->base.pMethods = f->real->pMethods ? &log_methods : NULL;
  return rc;
}

static sqlite3_vfs our_vfs;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void register_vfs(void) {
  real_vfs = sqlite3_vfs_find(NULL);
  if (!real_vfs) panic("SQLite has no file system layer");
  our_vfs = *real_vfs;
  our_vfs.pNext = NULL;
  our_vfs.zName = "guichet";
  our_vfs.szOsFile = (int)sizeof(struct log_file) + real_vfs->szOsFile;
  our_vfs.xOpen = vfs_open;
  if (sqlite3_vfs_register(&our_vfs, 0) != SQLITE_OK) panic("SQLite does not take the log's layer");
}

const char *sqlite_log_vfs(void) {
  pthread_once(&once, register_vfs);
  return our_vfs.zName;
}
