/* What every engine's connection does alike; the rest is handed to the engine. On the thread that has the connection.
 * Owns nothing. A connection that has failed answers nothing until its next transaction. */
#include "store/db.h"

#include "base/mem.h"
#include "store/engine.h"

#include <stdio.h>
#include <string.h>

struct db_value v_text(const char *text) {
  return v_textn(text, text ? strlen(text) : 0);
}

bool db_failed(const struct db *db) {
  return db->trouble != TROUBLE_NONE;
}
const char *db_error(const struct db *db) {
  return db->error;
}
void db_failed_clear(struct db *db) {
  if (db->trouble != TROUBLE_FATAL && db->trouble != TROUBLE_LOST) db->trouble = TROUBLE_NONE;
}

enum db_result db_exec_(struct db *db, enum query query, const struct db_value *values, size_t count) {
  return db->trouble == TROUBLE_NONE ? db->engine->exec(db, query, values, count) : DB_FAILED;
}

void db_open_(struct db *db, struct db_rows *rows, enum query query, const struct db_value *values, size_t count) {
  rows->db = db;
  rows->statement = NULL;
  if (db->trouble == TROUBLE_NONE) db->engine->open_rows(rows, query, values, count);
}

bool db_next(struct db_rows *rows) {
  return rows->statement && rows->db->engine->next_row(rows);
}

void db_close(struct db_rows *rows) {
  if (rows->statement) rows->db->engine->close_rows(rows);
  rows->statement = NULL;
}

int64_t col_int(const struct db_rows *rows, int column) {
  return rows->db->engine->column_int(rows, column);
}
const char *col_text(const struct db_rows *rows, int column, size_t *ret_len) {
  return rows->db->engine->column_bytes(rows, column, true, ret_len);
}
const void *col_bytes(const struct db_rows *rows, int column, size_t *ret_len) {
  return rows->db->engine->column_bytes(rows, column, false, ret_len);
}
bool col_is_null(const struct db_rows *rows, int column) {
  return rows->db->engine->column_is_null(rows, column);
}

char *col_dup(const struct db_rows *rows, int column, void *ctx) {
  size_t len = 0;
  const char *text = col_text(rows, column, &len);
  return text ? mem_strndup(ctx, text, len) : NULL;
}

int64_t db_int_(struct db *db, enum query query, int64_t none, const struct db_value *values, size_t count) {
  struct db_rows rows;
  db_open_(db, &rows, query, values, count);
  int64_t result = db_next(&rows) && !col_is_null(&rows, 0) ? col_int(&rows, 0) : none;
  db_close(&rows);
  return result;
}

bool db_script(struct db *db, const char *sql, char err[static 256]) {
  return db->engine->script(db, sql, err);
}

bool db_prepare_all(struct db *db, char err[static 256]) {
  for (int i = 0; i < Q_COUNT; i++) {
    if (db->engine->prepare(db, (enum query)i)) continue;
    snprintf(err, 256, "%s: %.160s", query_texts[i].name, db->error);
    return false;
  }
  return true;
}
