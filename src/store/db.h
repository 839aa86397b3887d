/* One connection to the store, engine-neutral: named statements with parameters, rows, outcomes.
 * Statements come from sql/queries/ (enum query). A connection belongs to one thread at a time. */
#pragma once

#include "base/fail.h"
#include "store/queries.h" /* generated: enum query { Q_… } */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

struct db_value {
  enum { DBV_NULL, DBV_INT, DBV_TEXT, DBV_BYTES } kind;
  int64_t number;
  const void *bytes; /* borrowed until the call returns */
  size_t len;
};
static inline struct db_value v_null(void) {
  return (struct db_value){.kind = DBV_NULL};
}
static inline struct db_value v_int(int64_t n) {
  return (struct db_value){.kind = DBV_INT, .number = n};
}
struct db_value v_text(const char *text); /* NULL binds NULL */
static inline struct db_value v_textn(const char *text, size_t len) {
  return (struct db_value){.kind = text ? DBV_TEXT : DBV_NULL, .bytes = text, .len = len};
}
static inline struct db_value v_bytes(const void *bytes, size_t len) {
  return (struct db_value){.kind = bytes ? DBV_BYTES : DBV_NULL, .bytes = bytes, .len = len};
}

enum db_result {
  DB_OK,       /* done; at least one row was changed or found */
  DB_NONE,     /* done; no row, or a row it refers to is not there */
  DB_CONFLICT, /* a uniqueness rule said no; nothing changed */
  DB_FAILED    /* the engine failed; db_failed() says so from now on until the transaction ends */
};

/* Changes. Q_… and values in the order of $1, $2, … A statement that is for another engine alone (a lock, where only
 * one writes at a time) does nothing and is DB_OK. */
#define db_exec(db, query, ...)                                                                                        \
  db_exec_((db), (query), (const struct db_value[]){__VA_ARGS__},                                                      \
           sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
enum db_result db_exec_(struct db *db, enum query query, const struct db_value *values, size_t count);

/* Reads. Open, next until false, close (also when next was false or never called). One open cursor per statement and
 * connection. */
struct db_rows {
  struct db *db;
  void *statement;
};
#define db_open(db, rows, query, ...)                                                                                  \
  db_open_((db), (rows), (query), (const struct db_value[]){__VA_ARGS__},                                              \
           sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
void db_open_(struct db *db, struct db_rows *rows, enum query query, const struct db_value *values, size_t count);
bool db_next(struct db_rows *rows);
void db_close(struct db_rows *rows);
/* Columns of the current row, 0-based. Text and bytes are borrowed until next or close. */
int64_t col_int(const struct db_rows *rows, int column);
const char *col_text(const struct db_rows *rows, int column, size_t *ret_len); /* NULL for NULL; ret_len may be NULL */
const void *col_bytes(const struct db_rows *rows, int column, size_t *ret_len);
bool col_is_null(const struct db_rows *rows, int column);
char *col_dup(const struct db_rows *rows, int column, void *ctx); /* copy of text, NULL for NULL */

/* First column of the first row as integer, or `none`. */
#define db_int(db, query, none, ...)                                                                                   \
  db_int_((db), (query), (none), (const struct db_value[]){__VA_ARGS__},                                               \
          sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
int64_t db_int_(struct db *db, enum query query, int64_t none, const struct db_value *values, size_t count);

bool db_failed(const struct db *db);
const char *db_error(const struct db *db); /* for the log */
