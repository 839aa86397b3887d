/* The embedded engine behind store/db.h. The only user of sqlite3.h. */
#pragma once

#include "store/db.h"

/* How a commit or a statement ended, when it did not end well. */
enum engine_trouble {
  TROUBLE_NONE,
  TROUBLE_FULL, /* no room: rolled back, may go on later */
  TROUBLE_BUSY, /* somebody else holds the write lock for too long: rolled back */
  TROUBLE_FATAL /* I/O error, failed fsync, corruption: never try again in this process */
};

enum sqlite_role { SQLITE_WRITER, SQLITE_READER };

/* NULL and a sentence in err. */
struct db *sqlite_open(void *ctx, const char *file, enum sqlite_role role, char err[static 256]) MUST_CHECK;
void sqlite_close(struct db *db); /* never checkpoints */
void sqlite_set_owner(struct db *db, void *owner);
void *sqlite_owner(const struct db *db);

/* Transactions. begin of a writer takes the write lock at once. */
bool sqlite_begin(struct db *db) MUST_CHECK;
enum engine_trouble sqlite_commit(struct db *db);
void sqlite_rollback(struct db *db);
bool sqlite_savepoint(struct db *db) MUST_CHECK;
void sqlite_savepoint_end(struct db *db, bool keep);
enum engine_trouble sqlite_trouble(const struct db *db); /* what made db_failed true */
int64_t sqlite_changes(const struct db *db);             /* rows changed since open */
void sqlite_failed_clear(struct db *db);

/* Runs a script of several statements (migrations). */
bool sqlite_script(struct db *db, const char *sql, char err[static 256]) MUST_CHECK;
/* Number of pages in the log after the last commit of this connection; checkpointing as far as readers let. */
int sqlite_wal_pages(const struct db *db);
bool sqlite_checkpoint(struct db *db);
/* Prepares every named statement; false with the first that fails. */
bool sqlite_prepare_all(struct db *db, char err[static 256]) MUST_CHECK;
bool sqlite_backup(struct db *db, const char *file, void (*progress)(void *arg, int64_t done, int64_t total), void *arg,
                   char err[static 256]) MUST_CHECK;
bool sqlite_check(struct db *db, char err[static 256]) MUST_CHECK; /* PRAGMA quick_check */
