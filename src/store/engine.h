/* An engine behind store/db.h: what a connection is to the files that open one, begin, commit and undo. For the store's
 * own files; entities see store/db.h only. A connection is a `struct db` at the head of the engine's own struct. */
#pragma once

#include "store/db.h"

/* What made a connection fail, and so what is to be done with the transaction. */
enum engine_trouble {
  TROUBLE_NONE,
  TROUBLE_FULL, /* no room: rolled back, may go on later */
  TROUBLE_BUSY, /* somebody else holds the write lock for too long: rolled back */
  /* Of an engine that many write to at once: */
  TROUBLE_AGAIN, /* it met another transaction: run it again */
  TROUBLE_APART, /* a statement broke a rule and the transaction with it: run its jobs apart */
  TROUBLE_JOB,   /* a statement cannot be: its job is at fault, the others are not */
  TROUBLE_LOST,  /* the connection is gone; another may be had */
  TROUBLE_FATAL  /* I/O error, failed fsync, corruption: never try again in this process */
};

struct db_engine {
  const char *name;
  const char *id_type, *bytes_type; /* of columns */
  /* Many write at once, from many processes: event numbers are given out at the end of a transaction, see tx.h. */
  bool concurrent;
  /* The three of a concurrent engine, NULL of others. */
  void (*set_careful)(struct db *db, bool careful);
  void (*set_gathering)(struct db *db, bool gathering);
  void (*set_lock_wait)(struct db *db, int64_t ms);
  void (*close)(struct db *db);
  /* Transactions. begin of a writer takes what it needs to write; commit undoes everything when anything failed. */
  bool (*begin)(struct db *db);
  enum engine_trouble (*commit)(struct db *db);
  void (*rollback)(struct db *db);
  bool (*savepoint)(struct db *db);
  void (*savepoint_end)(struct db *db, bool keep);
  int64_t (*changes)(const struct db *db); /* rows changed since open */
  bool (*script)(struct db *db, const char *sql, char err[static 256]);
  bool (*prepare)(struct db *db, enum query query);
  /* store/db.h. close_rows may be called twice. */
  enum db_result (*exec)(struct db *db, enum query query, const struct db_value *values, size_t count);
  void (*open_rows)(struct db_rows *rows, enum query query, const struct db_value *values, size_t count);
  bool (*next_row)(struct db_rows *rows);
  void (*close_rows)(struct db_rows *rows);
  int64_t (*column_int)(const struct db_rows *rows, int column);
  const void *(*column_bytes)(const struct db_rows *rows, int column, bool as_text, size_t *ret_len);
  bool (*column_is_null)(const struct db_rows *rows, int column);
};

struct late;
struct db {
  const struct db_engine *engine;
  enum engine_trouble trouble;
  void *owner;       /* the transaction's context, on a writer */
  struct late *late; /* on a reader: where the newest events are remembered; NULL: nowhere */
  char error[160];
};

static inline bool db_begin(struct db *db) {
  return db->engine->begin(db);
}
static inline enum engine_trouble db_commit(struct db *db) {
  return db->engine->commit(db);
}
static inline void db_rollback(struct db *db) {
  db->engine->rollback(db);
}
static inline bool db_savepoint(struct db *db) {
  return db->engine->savepoint(db);
}
static inline void db_savepoint_end(struct db *db, bool keep) {
  db->engine->savepoint_end(db, keep);
}
/* A savepoint around each change from now on: a broken rule is then an outcome (DB_CONFLICT, DB_NONE) instead of
 * TROUBLE_APART. Costs; so only where a rule is known to be broken. */
static inline void db_set_careful(struct db *db, bool careful) {
  if (db->engine->set_careful) db->engine->set_careful(db, careful);
}
/* Changes between on and off are not waited for: each says DB_OK, and the commit tells whether it was. */
static inline void db_set_gathering(struct db *db, bool gathering) {
  if (db->engine->set_gathering) db->engine->set_gathering(db, gathering);
}
/* How long a statement may wait for rows that others hold, from the next transaction on; 0: as long as usual. */
static inline void db_set_lock_wait(struct db *db, int64_t ms) {
  if (db->engine->set_lock_wait) db->engine->set_lock_wait(db, ms);
}
static inline int64_t db_changes(const struct db *db) {
  return db->engine->changes(db);
}
static inline enum engine_trouble db_trouble(const struct db *db) {
  return db->trouble;
}
/* Before a new transaction; what is fatal or lost stays. */
void db_failed_clear(struct db *db);
/* Runs a script of several statements (migrations). */
bool db_script(struct db *db, const char *sql, char err[static 256]) MUST_CHECK;
/* Prepares every named statement; false with the first that fails. */
bool db_prepare_all(struct db *db, char err[static 256]) MUST_CHECK;
